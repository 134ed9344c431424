// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of XPMEM share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "xp.h"

#define PARAMETERS	"/sys/module/xpmem/parameters"
#define COUNTS		"/sys/kernel/debug/xpmem"

int xp_open(void)
{
	int fd = open(XP_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int request(int fd, unsigned long what, void *args)
{
	return ioctl(fd, what, args) ? -errno : 0;
}

int64_t xp_make(int fd, void *addr, size_t size, unsigned int mode)
{
	struct xpmem_make_args args = {
		.address = (uintptr_t)addr,
		.size = size,
		.permit_type = XPMEM_BY_MODE,
		.permit_value = mode,
	};
	int ret = request(fd, XPMEM_IOC_MAKE, &args);

	return ret ? ret : args.segment;
}

int xp_remove(int fd, int64_t segment)
{
	struct xpmem_remove_args args = { .segment = segment };

	return request(fd, XPMEM_IOC_REMOVE, &args);
}

int64_t xp_get(int fd, int64_t segment, int flags)
{
	struct xpmem_get_args args = {
		.segment = segment,
		.flags = flags,
		.permit_type = XPMEM_BY_MODE,
	};
	int ret = request(fd, XPMEM_IOC_GET, &args);

	return ret ? ret : args.access;
}

int xp_release(int fd, int64_t access)
{
	struct xpmem_release_args args = { .access = access };

	return request(fd, XPMEM_IOC_RELEASE, &args);
}

/* An address, or a negative errno in its place: see xp_failed(). */
void *xp_attach(int fd, int64_t access, int64_t offset, size_t size, void *at)
{
	struct xpmem_attach_args args = {
		.access = access,
		.offset = offset,
		.size = size,
		.address = (uintptr_t)at,
		.fd = fd,
	};
	long ret = request(fd, XPMEM_IOC_ATTACH, &args);

	return (void *)(ret ? ret : (long)args.address);
}

int xp_detach(int fd, void *addr)
{
	struct xpmem_detach_args args = { .address = (uintptr_t)addr };

	return request(fd, XPMEM_IOC_DETACH, &args);
}

bool xp_failed(const void *attached)
{
	return (unsigned long)attached >= -4095UL;
}

/* All of some memory of this process, to this process. */
void *xp_attach_all(int fd, void *addr, size_t size, int flags)
{
	int64_t segment, access;

	segment = xp_make(fd, addr, size, 0600);
	if (segment < 0)
		return (void *)segment;
	access = xp_get(fd, segment, flags);
	if (access < 0)
		return (void *)access;
	return xp_attach(fd, access, 0, size, NULL);
}

static __thread sigjmp_buf landing;
static __thread sig_atomic_t landing_set, landed;

static void land(int sig)
{
	if (!landing_set) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	landed = sig;
	landing_set = 0;
	siglongjmp(landing, 1);
}

static void catch(void)
{
	struct sigaction action = { .sa_handler = land };
	static bool done;

	if (done)
		return;
	done = true;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/* Atomic, so that it is done once, and between the two others. */
bool xp_read(const void *addr, uint64_t *value)
{
	if (sigsetjmp(landing, 1))
		return false;
	catch();
	__atomic_store_n(&landing_set, 1, __ATOMIC_SEQ_CST);
	*value = __atomic_load_n((const uint64_t *)addr, __ATOMIC_SEQ_CST);
	__atomic_store_n(&landing_set, 0, __ATOMIC_SEQ_CST);
	return true;
}

bool xp_write(void *addr, uint64_t value)
{
	if (sigsetjmp(landing, 1))
		return false;
	catch();
	__atomic_store_n(&landing_set, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n((uint64_t *)addr, value, __ATOMIC_SEQ_CST);
	__atomic_store_n(&landing_set, 0, __ATOMIC_SEQ_CST);
	return true;
}

/* Which signal the last access that failed has got. */
int xp_signal(void)
{
	return landed;
}

char *xp_map(size_t size)
{
	char *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return addr == MAP_FAILED ? NULL : addr;
}

/* Aligned memory in one huge page, if the machine has one. */
char *xp_map_huge(void)
{
	uintptr_t addr = (uintptr_t)xp_map(2 * XP_HUGE);

	if (!addr)
		return NULL;
	addr = (addr + XP_HUGE - 1) & ~(XP_HUGE - 1);
	madvise((void *)addr, XP_HUGE, MADV_HUGEPAGE);
	return (char *)addr;
}

static uint64_t word_of(const char *addr, uint64_t seed)
{
	return ((uintptr_t)addr ^ seed) * 0x9e3779b97f4a7c15ULL;
}

/* Each page by its place, and by the seed: in the beginning and in the end. */
void xp_fill(char *addr, size_t size, uint64_t seed)
{
	size_t at;

	for (at = 0; at < size; at += XP_PAGE) {
		*(uint64_t *)(addr + at) = word_of((char *)at, seed);
		*(uint64_t *)(addr + at + XP_PAGE - 8) = ~word_of((char *)at, seed);
	}
}

bool xp_is_filled(const char *addr, size_t size, uint64_t seed)
{
	uint64_t first, last;
	size_t at;

	for (at = 0; at < size; at += XP_PAGE) {
		if (!xp_read(addr + at, &first) ||
		    !xp_read(addr + at + XP_PAGE - 8, &last))
			return false;
		if (first != word_of((char *)at, seed) || last != ~first)
			return false;
	}
	return true;
}

int xp_set(const char *parameter, long value)
{
	char path[128], text[24];
	int fd, len, ret = 0;

	snprintf(path, sizeof(path), PARAMETERS "/%s", parameter);
	len = snprintf(text, sizeof(text), "%ld", value);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != len)
		ret = -errno;
	close(fd);
	return ret;
}

long xp_count(const char *name)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), COUNTS "/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* Files are closed behind the back of those who unmap and exit. */
bool xp_wait_count(const char *name, long value)
{
	uint64_t until = xp_now_ms() + XP_PATIENCE_MS;

	while (xp_count(name) != value) {
		if (xp_now_ms() > until)
			return false;
		xp_sleep_ms(2);
	}
	return true;
}

uint64_t xp_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

void xp_sleep_ms(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* False if it does not end in time; then it is killed. */
bool xp_reap(pid_t pid, int *status)
{
	uint64_t until = xp_now_ms() + XP_PATIENCE_MS;
	int word;

	while (waitpid(pid, status ? status : &word, WNOHANG) != pid) {
		if (xp_now_ms() > until) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return false;
		}
		xp_sleep_ms(1);
	}
	return true;
}

bool xp_peer_start(struct xp_peer *peer,
		   void (*run)(struct xp_peer *self, void *arg), void *arg)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return false;
	fflush(NULL);
	peer->pid = fork();
	if (!peer->pid) {
		struct xp_peer self = { .to = from[1], .from = to[0] };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		run(&self, arg);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	peer->to = to[1];
	peer->from = from[0];
	return peer->pid > 0;
}

bool xp_tell(struct xp_peer *peer, int64_t value)
{
	return write(peer->to, &value, sizeof(value)) == sizeof(value);
}

bool xp_hear(struct xp_peer *peer, int64_t *value)
{
	struct pollfd ready = { .fd = peer->from, .events = POLLIN };

	return poll(&ready, 1, XP_PATIENCE_MS) == 1 &&
	       read(peer->from, value, sizeof(*value)) == sizeof(*value);
}

bool xp_ask(struct xp_peer *peer, int64_t value, int64_t *answer)
{
	return xp_tell(peer, value) && xp_hear(peer, answer);
}

/* Ends when it hears no more.  Its exit status, or -1 if it did not end well. */
int xp_peer_stop(struct xp_peer *peer)
{
	int status;

	close(peer->to);
	close(peer->from);
	if (!xp_reap(peer->pid, &status) || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* -s SEED and -t SECONDS of a test that goes on at random; false if it is none. */
bool xp_options(int argc, char **argv, uint64_t *seed, unsigned long *seconds)
{
	int option;

	while ((option = getopt(argc, argv, "s:t:")) != -1) {
		if (option == 's')
			*seed = strtoull(optarg, NULL, 0);
		else if (option == 't')
			*seconds = strtoul(optarg, NULL, 0);
		else
			return false;
	}
	return true;
}
