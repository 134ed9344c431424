/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the MMU notifiers share: the device, memory to play with,
 * threads and processes that change their page tables, and time limits.
 *
 * Bounds are for a plain kernel. They are multiplied by 20 on one with lockdep
 * or KCSAN, or by N if the environment says MMU_NOTIFIER_SLOW=N.
 */
#ifndef _MMU_NOTIFIER_TEST_UTIL_H
#define _MMU_NOTIFIER_TEST_UTIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../../../lib/test_mmu_notifier/uapi.h"

/* Events, as include/linux/mmu_notifier.h numbers them. */
enum {
	UNMAP,
	CLEAR,
	PROTECTION_VMA,
	PROTECTION_PAGE,
	SOFT_DIRTY,
	RELEASE,
	MIGRATE,
	EXCLUSIVE,
};

#define PAGE		4096UL
#define MSEC		1000000ULL
/* Longer than any hold that a test expects to end by itself. */
#define HOLD_MS		8000
/* How long something that must happen may take before it counts as hung. */
#define PATIENCE_MS	5000

/*
 * A thread that invalidates its own part of memory until it is told to stop.
 *
 * To make a thread takes mmap_lock for write. While a callout is held that
 * cannot be had, so threads for that time have to be made before.
 */
struct churn {
	pthread_t thread;
	char *addr;
	size_t len;
	int (*once)(char *addr, size_t len);
	atomic_bool go;
	atomic_bool stop;
	atomic_ulong rounds;
};

/* the device; negative errors everywhere */
const char *why_no_device(void);
int dev_open(void);
int dev_add(int fd, pid_t pid, unsigned int kind, const void *start,
	    size_t length, uint64_t *ns);
int dev_del(int fd, int id, uint64_t *ns);
int dev_rule(int fd, struct mnt_rule rule);
int dev_hold(int fd, int id, unsigned int op, const void *start, size_t length);
int dev_let_go(int fd, int id, unsigned int op);
struct mnt_stats dev_stats(int fd, int id);
int dev_log(int fd, int id, struct mnt_record *records);
int dev_read(int fd, int id, unsigned int rounds, struct mnt_read *read);
int dev_subscribed(int fd, pid_t pid);
bool dev_wait_held(int fd, int id);
bool dev_still_held(int fd, int id);
bool dev_wait_unsubscribed(int fd);
bool dev_wait_freed(int fd, int id);

/* memory */
char *map_anon(size_t length);
char *map_fd(int fd, size_t length);
void touch(char *addr);
char peek(const char *addr);
uint64_t pfn_of(const void *addr);
int idle_word(uint64_t pfn, uint64_t *word, bool set);
int do_dontneed(char *addr, size_t len);
int do_protect(char *addr, size_t len);
int do_cow(char *addr, size_t len);

/* threads, processes, time */
void churn_prepare(struct churn *churn, char *addr, size_t len,
		   int (*once)(char *addr, size_t len));
void churn_start(struct churn *churn, char *addr, size_t len,
		 int (*once)(char *addr, size_t len));
void churn_stop(struct churn *churn);
bool wait_child(pid_t pid, unsigned int ms, int *status);
bool wait_flag(atomic_bool *flag, unsigned int ms);
void sleep_ms(unsigned int ms);
uint64_t now_ns(void);
uint64_t bound_ns(uint64_t plain);
int read_file(const char *path, char *text, size_t size);
int write_file(const char *path, const char *text);
bool swap_is_on(void);
const char *cgroup_make(const char *name);

#endif /* _MMU_NOTIFIER_TEST_UTIL_H */
