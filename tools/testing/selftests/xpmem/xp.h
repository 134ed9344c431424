/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of XPMEM share: requests, accesses that may fail, processes.
 */
#ifndef _XPMEM_TEST_XP_H
#define _XPMEM_TEST_XP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/xpmem.h>

#define XP_DEVICE	"/dev/xpmem"
#define XP_PAGE		4096UL
#define XP_HUGE		(2UL << 20)
/* How long something that must happen may take before it counts as hung. */
#define XP_PATIENCE_MS	60000

/* Requests: what the ioctl says, or a negative errno. */
int xp_open(void);
int64_t xp_make(int fd, void *addr, size_t size, unsigned int mode);
int xp_remove(int fd, int64_t segment);
int64_t xp_get(int fd, int64_t segment, int flags);
int xp_release(int fd, int64_t access);
void *xp_attach(int fd, int64_t access, int64_t offset, size_t size, void *at);
int xp_detach(int fd, void *addr);
void *xp_attach_all(int fd, void *addr, size_t size, int flags);
bool xp_failed(const void *attached);

/* Accesses: false if they got a signal. */
bool xp_read(const void *addr, uint64_t *value);
bool xp_write(void *addr, uint64_t value);
int xp_signal(void);

/* Of memory that is there, for certain. */
static inline char xp_peek(const char *addr)
{
	return __atomic_load_n(addr, __ATOMIC_RELAXED);
}

static inline void xp_poke(char *addr, char value)
{
	__atomic_store_n(addr, value, __ATOMIC_RELAXED);
}

/* Memory. */
char *xp_map(size_t size);
char *xp_map_huge(void);
void xp_fill(char *addr, size_t size, uint64_t seed);
bool xp_is_filled(const char *addr, size_t size, uint64_t seed);

/* The rest. */
bool xp_options(int argc, char **argv, uint64_t *seed,
		unsigned long *seconds);
int xp_set(const char *parameter, long value);
long xp_count(const char *name);
bool xp_wait_count(const char *name, long value);
uint64_t xp_now_ms(void);
void xp_sleep_ms(unsigned int ms);
bool xp_reap(pid_t pid, int *status);

/* A process on the other side, with which one goes on step by step. */
struct xp_peer {
	pid_t pid;
	int to;
	int from;
};

bool xp_peer_start(struct xp_peer *peer,
		   void (*run)(struct xp_peer *self, void *arg), void *arg);
bool xp_tell(struct xp_peer *peer, int64_t value);
bool xp_hear(struct xp_peer *peer, int64_t *value);
bool xp_ask(struct xp_peer *peer, int64_t value, int64_t *answer);
int xp_peer_stop(struct xp_peer *peer);

#endif /* _XPMEM_TEST_XP_H */
