// SPDX-License-Identifier: GPL-2.0
/*
 * The coherence soak: the host. Threads take one disturbance after the other,
 * at random, anywhere in the memory of the guest. Most may fail now and then,
 * for want of memory or because they meet; whether each kind was of any effect
 * is seen at the end.
 */
#define _GNU_SOURCE
#include <linux/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "soak.h"

#define SPLIT_FILE	"/sys/kernel/debug/split_huge_pages"
#define COMPACT_FILE	"/proc/sys/vm/compact_memory"
#define MARGIN		(2UL << 20)

/* A stretch of memory, chosen at random. */
struct stretch {
	char *addr;
	size_t len;
	uint64_t gpa;
};

static struct stretch pick(const struct soak *soak, uint64_t gpa, size_t room,
			   unsigned int *seed)
{
	unsigned long pages = 1 + rand_r(seed) % SOAK_RUN;
	unsigned long first = rand_r(seed) % (room / PAGE - pages + 1);

	gpa += first * PAGE;
	return (struct stretch) {
		.addr = guest_host(&soak->guest, gpa),
		.len = pages * PAGE,
		.gpa = gpa,
	};
}

static struct stretch pick_any(const struct soak *soak, unsigned int *seed)
{
	return pick(soak, MEM_GPA, SOAK_SIZE, seed);
}

static char *pick_huge(const struct soak *soak, unsigned int *seed)
{
	return soak->guest.mem + rand_r(seed) % (SOAK_SIZE / HUGE) * HUGE;
}

static int do_pageout(struct soak *soak, unsigned int *seed)
{
	struct stretch at = pick_any(soak, seed);

	return madvise(at.addr, at.len, MADV_PAGEOUT);
}

/*
 * Less than is in use, and back; or the same amount at once. With memory.max
 * in place of memory.high the OOM killer comes if all huge pages are in use.
 */
static int do_limit(struct soak *soak, unsigned int *seed)
{
	char path[160], text[32];
	unsigned long now;

	if (rand_r(seed) % 2) {
		snprintf(path, sizeof(path), "%s/memory.reclaim", soak->cgroup);
		return write_file(path, "2M");
	}
	snprintf(path, sizeof(path), "%s/memory.current", soak->cgroup);
	if (read_file(path, text, sizeof(text)))
		return -1;
	now = strtoul(text, NULL, 10);
	if (now < SOAK_SIZE / 2)
		return -1;
	snprintf(text, sizeof(text), "%lu", now - MARGIN);
	snprintf(path, sizeof(path), "%s/memory.high", soak->cgroup);
	if (write_file(path, text))
		return -1;
	return write_file(path, "max");
}

static int do_merge(struct soak *soak, unsigned int *seed)
{
	char *same = guest_host(&soak->guest, SAME_GPA);
	int ret;

	/* ksmd needs some time with them. */
	ret = madvise(same, SOAK_SECTION, MADV_MERGEABLE);
	sleep_ms(200);
	if (rand_r(seed) % 8 == 0)
		ret = madvise(same, SOAK_SECTION / 4, MADV_UNMERGEABLE);
	return ret;
}

static int do_split(struct soak *soak, unsigned int *seed)
{
	char *huge = pick_huge(soak, seed), text[80];

	snprintf(text, sizeof(text), "%d,0x%lx,0x%lx", getpid(),
		 (unsigned long)huge, (unsigned long)huge + HUGE);
	return write_file(SPLIT_FILE, text);
}

static int do_collapse(struct soak *soak, unsigned int *seed)
{
	return madvise(pick_huge(soak, seed), HUGE, MADV_COLLAPSE);
}

static int do_migrate(struct soak *soak, unsigned int *seed)
{
	struct stretch at = pick_any(soak, seed);
	int nodes[SOAK_RUN], status[SOAK_RUN], node = rand_r(seed) % 2;
	void *pages[SOAK_RUN];
	size_t i, nr = at.len / PAGE;

	if (rand_r(seed) % 16 == 0)
		return write_file(COMPACT_FILE, "1");
	for (i = 0; i < nr; i++) {
		pages[i] = at.addr + i * PAGE;
		nodes[i] = node;
	}
	/* 2: MPOL_MF_MOVE */
	return syscall(SYS_move_pages, 0, nr, pages, nodes, status, 2) < 0;
}

/* The scheduler does it, to threads that run. */
static int do_balance(struct soak *soak, unsigned int *seed)
{
	sleep_ms(1 + rand_r(seed) % 20);
	return 0;
}

/* What the child writes must never be seen by the guest. */
static int do_fork(struct soak *soak, unsigned int *seed)
{
	struct stretch at = pick_any(soak, seed);
	pid_t pid = fork();
	size_t i;

	if (!pid) {
		for (i = 0; i < at.len; i += PAGE / 4)
			WRITE_ONCE(*(uint64_t *)(at.addr + i), ~0ULL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return -1;
	return 0;
}

static int do_drop(struct soak *soak, unsigned int *seed)
{
	struct stretch at = pick(soak, DROP_GPA, SOAK_SECTION, seed);
	struct soak_drops *drops = soak->drops + (at.gpa - MEM_GPA) / PAGE;
	size_t i, nr = at.len / PAGE;
	int ret;

	pthread_mutex_lock(&soak->dropping);
	for (i = 0; i < nr; i++)
		__atomic_add_fetch(&drops[i].begun, 1, __ATOMIC_SEQ_CST);
	ret = madvise(at.addr, at.len, MADV_DONTNEED);
	for (i = 0; i < nr && !ret; i++)
		__atomic_add_fetch(&drops[i].ended, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&soak->dropping);
	return ret;
}

static int do_readonly(struct soak *soak, unsigned int *seed)
{
	struct stretch at = pick_any(soak, seed);

	if (mprotect(at.addr, at.len, PROT_READ))
		return -1;
	sleep_ms(rand_r(seed) % 3);
	return mprotect(at.addr, at.len, PROT_READ | PROT_WRITE);
}

static int do_log(struct soak *soak, unsigned int *seed)
{
	uint32_t flags = rand_r(seed) % 2 ? KVM_MEM_LOG_DIRTY_PAGES : 0;

	return __vm_set_user_memory_region(soak->guest.vm, MEM_SLOT, flags,
					   MEM_GPA, SOAK_SIZE, soak->guest.mem);
}

/* Without a counter of the kernel's, that it succeeded is the effect. */
static const struct {
	const char *name;
	int (*once)(struct soak *soak, unsigned int *seed);
	const char *vmstat;
} kinds[SOAK_KINDS] = {
	[SOAK_SWAP] = { "swap", do_pageout, "pswpin" },
	[SOAK_MEMCG] = { "memory cgroup", do_limit, "pswpout" },
	[SOAK_KSM] = { "KSM", do_merge, "cow_ksm" },
	[SOAK_SPLIT] = { "THP split", do_split, "thp_split_page" },
	[SOAK_COLLAPSE] = { "THP collapse", do_collapse, "thp_collapse_alloc" },
	[SOAK_MIGRATE] = { "migration", do_migrate, "pgmigrate_success" },
	[SOAK_BALANCE] = { "NUMA balancing", do_balance, "numa_pte_updates" },
	[SOAK_FORK] = { "fork", do_fork, NULL },
	[SOAK_DROP] = { "drop", do_drop, NULL },
	[SOAK_PROTECT] = { "mprotect", do_readonly, NULL },
	[SOAK_LOG] = { "dirty log", do_log, NULL },
};

/**
 * soak_name() - what a kind of disturbance is called
 * @kind: the kind
 *
 * Return: its name.
 */
const char *soak_name(enum soak_kind kind)
{
	return kinds[kind].name;
}

static void *disturb(void *arg)
{
	struct soak *soak = arg;
	unsigned int kind, seed = now_ns();

	while (!soak->stop) {
		kind = rand_r(&seed) % SOAK_KINDS;
		if (soak->mask & 1U << kind &&
		    !kinds[kind].once(soak, &seed))
			soak->done[kind]++;
	}
	return NULL;
}

/**
 * soak_disturb() - let it begin
 * @soak: the soak
 */
void soak_disturb(struct soak *soak)
{
	int i;

	for (i = 0; i < SOAK_KINDS; i++) {
		if (kinds[i].vmstat)
			soak->before[i] = soak_vmstat(kinds[i].vmstat);
	}
	for (i = 0; i < SOAK_THREADS; i++) {
		if (pthread_create(&soak->threads[i], NULL, disturb, soak))
			abort();
	}
}

/**
 * soak_calm() - let it end
 * @soak: the soak
 */
void soak_calm(struct soak *soak)
{
	int i;

	soak->stop = true;
	for (i = 0; i < SOAK_THREADS; i++)
		pthread_join(soak->threads[i], NULL);
}

/**
 * soak_effect() - of how much effect a kind of disturbance was
 * @soak: the soak
 * @kind: the kind
 *
 * Return: what the kernel counted since soak_disturb(), else how often it
 * succeeded.
 */
unsigned long soak_effect(const struct soak *soak, enum soak_kind kind)
{
	if (!kinds[kind].vmstat)
		return soak->done[kind];
	return soak_vmstat(kinds[kind].vmstat) - soak->before[kind];
}
