// SPDX-License-Identifier: GPL-2.0
/* The device, and all else that the tests share: see util.h. */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define DEVICE	"/dev/mmu_notifier_test"
#define CGROUP	"/sys/fs/cgroup"
#define ZRAM_MB	128

/* Of an entry of /proc/self/pagemap. */
#define PAGEMAP_PFN	0x007fffffffffffffULL
#define PAGEMAP_PRESENT	0x8000000000000000ULL

const char *why_no_device(void)
{
	if (geteuid())
		return "needs root";
	if (access(DEVICE, F_OK))
		return "no " DEVICE ": load test_mmu_notifier";
	return NULL;
}

int dev_open(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int dev_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static int dev_add_arg(int fd, struct mnt_add *add, uint64_t *ns)
{
	int ret = dev_ioctl(fd, MNT_ADD, add);

	if (ns)
		*ns = add->ns;
	return ret ? ret : (int)add->id;
}

int dev_add(int fd, pid_t pid, unsigned int kind, const void *start,
	    size_t length, uint64_t *ns)
{
	struct mnt_add add = {
		.pid = pid,
		.kind = kind,
		.start = (uintptr_t)start,
		.length = length,
	};

	return dev_add_arg(fd, &add, ns);
}

int dev_del(int fd, int id, uint64_t *ns)
{
	struct mnt_del del = { .id = id };
	int ret = dev_ioctl(fd, MNT_DEL, &del);

	if (ns)
		*ns = del.ns;
	return ret;
}

int dev_rule(int fd, struct mnt_rule rule)
{
	return dev_ioctl(fd, MNT_RULE, &rule);
}

int dev_hold(int fd, int id, unsigned int op, const void *start, size_t length)
{
	return dev_rule(fd, (struct mnt_rule) {
		.id = id,
		.op = op,
		.start = (uintptr_t)start,
		.end = length ? (uintptr_t)start + length : 0,
		.hold_ms = HOLD_MS,
	});
}

int dev_let_go(int fd, int id, unsigned int op)
{
	return dev_rule(fd, (struct mnt_rule) { .id = id, .op = op });
}

struct mnt_stats dev_stats(int fd, int id)
{
	struct mnt_stats stats = { .id = id };

	if (dev_ioctl(fd, MNT_STATS, &stats))
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

int dev_log(int fd, int id, struct mnt_record *records)
{
	struct mnt_log log = { .id = id, .records = (uintptr_t)records };
	int ret = dev_ioctl(fd, MNT_LOG, &log);

	return ret ? ret : (int)log.nr;
}

int dev_read(int fd, int id, unsigned int rounds, struct mnt_read *read)
{
	*read = (struct mnt_read) { .id = id, .rounds = rounds };
	return dev_ioctl(fd, MNT_READ, read);
}

int dev_subscribed(int fd, pid_t pid)
{
	struct mnt_mm mm = { .pid = pid };
	int ret = dev_ioctl(fd, MNT_MM, &mm);

	return ret ? ret : (int)mm.subscribed;
}

bool dev_wait_held(int fd, int id)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (dev_stats(fd, id).held)
			return true;
		sleep_ms(1);
	}
	return false;
}

/* Held from the first to now, and not merely held again. */
bool dev_still_held(int fd, int id)
{
	struct mnt_stats stats = dev_stats(fd, id);

	return stats.held == 1 && !stats.expired;
}

/* mmu_notifier_put() ends a subscription some time later. */
bool dev_wait_unsubscribed(int fd)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (!dev_subscribed(fd, 0))
			return true;
		sleep_ms(1);
	}
	return false;
}

bool dev_wait_freed(int fd, int id)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		if (dev_stats(fd, id).frees)
			return true;
		sleep_ms(1);
	}
	return false;
}

char *map_anon(size_t length)
{
	char *map = mmap(NULL, length, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	memset(map, 1, length);
	return map;
}

char *map_fd(int fd, size_t length)
{
	char *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);

	return map == MAP_FAILED ? NULL : map;
}

/* Write to a page, whatever the compiler thinks of it. */
void touch(char *addr)
{
	__atomic_store_n(addr, 1, __ATOMIC_RELAXED);
}

char peek(const char *addr)
{
	return __atomic_load_n(addr, __ATOMIC_RELAXED);
}

int do_dontneed(char *addr, size_t len)
{
	return madvise(addr, len, MADV_DONTNEED);
}

int do_protect(char *addr, size_t len)
{
	touch(addr);
	if (mprotect(addr, len, PROT_READ))
		return -1;
	return mprotect(addr, len, PROT_READ | PROT_WRITE);
}

/* A write to a page that only the zero page backs so far. */
int do_cow(char *addr, size_t len)
{
	if (madvise(addr, len, MADV_DONTNEED) || peek(addr))
		return -1;
	touch(addr);
	return 0;
}

/* The page frame, or 0 if there is none. */
uint64_t pfn_of(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)addr / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	return entry & PAGEMAP_PRESENT ? entry & PAGEMAP_PFN : 0;
}

/* Idle page tracking, by page frame: bit n of word n / 64. */
int idle_word(uint64_t pfn, uint64_t *word, bool set)
{
	int fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -1;
	done = set ? pwrite(fd, word, 8, pfn / 64 * 8) :
		     pread(fd, word, 8, pfn / 64 * 8);
	close(fd);
	return done == 8 ? 0 : -1;
}

static void *churn_run(void *arg)
{
	struct churn *churn = arg;

	while (!churn->go && !churn->stop)
		sleep_ms(1);
	while (!churn->stop && !churn->once(churn->addr, churn->len))
		churn->rounds++;
	return NULL;
}

/* It waits for churn->go. */
void churn_prepare(struct churn *churn, char *addr, size_t len,
		   int (*once)(char *addr, size_t len))
{
	memset(churn, 0, sizeof(*churn));
	churn->addr = addr;
	churn->len = len;
	churn->once = once;
	if (pthread_create(&churn->thread, NULL, churn_run, churn))
		abort();
}

void churn_start(struct churn *churn, char *addr, size_t len,
		 int (*once)(char *addr, size_t len))
{
	churn_prepare(churn, addr, len, once);
	churn->go = true;
}

void churn_stop(struct churn *churn)
{
	churn->stop = true;
	pthread_join(churn->thread, NULL);
}

/* False if the child is still there after this time. */
bool wait_child(pid_t pid, unsigned int ms, int *status)
{
	unsigned int waited;

	for (waited = 0; waited < ms; waited++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		sleep_ms(1);
	}
	return false;
}

bool wait_flag(atomic_bool *flag, unsigned int ms)
{
	unsigned int waited;

	for (waited = 0; waited < ms && !*flag; waited++)
		sleep_ms(1);
	return *flag;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * MSEC,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MSEC + ts.tv_nsec;
}

/* Is this a kernel with lockdep or KCSAN? They slow down what is measured. */
static bool has_checkers(void)
{
	return !access("/proc/lockdep", F_OK) ||
	       !access("/sys/kernel/debug/kcsan", F_OK);
}

uint64_t bound_ns(uint64_t plain)
{
	const char *slow = getenv("MMU_NOTIFIER_SLOW");
	unsigned long factor = slow ? strtoul(slow, NULL, 10) : 0;

	if (!factor)
		factor = has_checkers() ? 20 : 1;
	return plain * factor;
}

int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t done;

	text[0] = 0;
	if (fd < 0)
		return -errno;
	done = read(fd, text, size - 1);
	if (done < 0)
		done = -errno;
	else
		text[done] = 0;
	close(fd);
	return done < 0 ? done : 0;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -errno;
	done = write(fd, text, strlen(text));
	if (done < 0)
		done = -errno;
	close(fd);
	return done < 0 ? done : 0;
}

static bool has_swap(void)
{
	char text[512];

	if (read_file("/proc/swaps", text, sizeof(text)))
		return false;
	/* The first line is a heading. */
	return strchr(text, '\n') && strchr(text, '\n')[1];
}

/* Swap to compressed memory, if there is no swap yet. */
bool swap_is_on(void)
{
	static const char signature[] = "SWAPSPACE2";
	static char page[PAGE];
	uint32_t *info = (uint32_t *)(page + 1024);
	char size[16];
	bool written;
	int fd;

	if (has_swap())
		return true;
	snprintf(size, sizeof(size), "%uM", ZRAM_MB);
	if (write_file("/sys/block/zram0/disksize", size))
		return false;
	info[0] = 1;
	info[1] = (ZRAM_MB << 20) / PAGE - 1;
	memcpy(page + PAGE - 10, signature, 10);
	fd = open("/dev/zram0", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	written = write(fd, page, PAGE) == (ssize_t)PAGE && !fsync(fd);
	close(fd);
	return written && !swapon("/dev/zram0", 0);
}

/* A memory cgroup; its path without the last slash, or NULL. */
const char *cgroup_make(const char *name)
{
	static char path[128];

	if (access(CGROUP "/cgroup.controllers", F_OK) &&
	    mount("cgroup2", CGROUP, "cgroup2", 0, NULL))
		return NULL;
	if (write_file(CGROUP "/cgroup.subtree_control", "+memory"))
		return NULL;
	snprintf(path, sizeof(path), CGROUP "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		return NULL;
	return path;
}
