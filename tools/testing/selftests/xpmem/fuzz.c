// SPDX-License-Identifier: GPL-2.0
/*
 * Requests at random, most of them sensible and some garbage, from several
 * processes at once, which also touch what they have, change it, and die.
 *
 *	fuzz [-s SEED] [-t SECONDS]
 *
 * The same seed makes the same requests in each process, not the same meetings.
 * What counts is the kernel's log, that everything ends, and that nothing is
 * left.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../kselftest.h"
#include "xp.h"

#define WORKERS		4
#define PAGES		32
#define SIZE		(PAGES * XP_PAGE)
#define IDS		64
#define PLACES		16

/* What all have found out, rightly or wrongly. */
struct pool {
	atomic_long segments[IDS];
	atomic_long permits[IDS];
	atomic_ulong requests;
	atomic_ulong granted;
};

static struct pool *pool;
static uint64_t state;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dULL;
}

static bool once_in(unsigned int n)
{
	return !((any() >> 20) % n);
}

/* Values at which arithmetic breaks. */
static uint64_t odd(void)
{
	static const uint64_t values[] = {
		0, 1, 8, 4095, 4096, 4097, SIZE, ~0ULL, ~0ULL - 4095, 1ULL << 63,
		(1ULL << 63) - 1, 0x7ffffffff000, 0x7fffffffffff, 1ULL << 47,
		0xffff800000000000, 1ULL << 32, 0xffffffff, -4096ULL,
	};

	return once_in(4) ? any() :
	       values[(any() >> 20) % (sizeof(values) / sizeof(*values))];
}

static uint64_t mostly(uint64_t sensible)
{
	return once_in(10) ? odd() : sensible;
}

struct worker {
	int fd;
	char *memory;
	char *places[PLACES];
};

static void *place_of(const struct worker *worker)
{
	return worker->places[(any() >> 20) % PLACES];
}

static void make(struct worker *worker)
{
	unsigned long page = (any() >> 20) % PAGES;
	bool whole = once_in(8);
	struct xpmem_make_args args = {
		.address = mostly(whole ? 0 : (uintptr_t)worker->memory +
				  page * XP_PAGE),
		.size = mostly(whole ? ~0ULL : (PAGES - page) * XP_PAGE),
		.permit_type = mostly(XPMEM_BY_MODE),
		.permit_value = mostly(0600),
	};

	if (!ioctl(worker->fd, XPMEM_IOC_MAKE, &args)) {
		pool->segments[(any() >> 20) % IDS] = args.segment;
		pool->granted++;
	}
}

static void get(struct worker *worker)
{
	struct xpmem_get_args args = {
		.segment = mostly(pool->segments[(any() >> 20) % IDS]),
		.flags = mostly(1 + once_in(2)),
		.permit_type = mostly(XPMEM_BY_MODE),
		.permit_value = mostly(0),
	};

	if (!ioctl(worker->fd, XPMEM_IOC_GET, &args)) {
		pool->permits[(any() >> 20) % IDS] = args.access;
		pool->granted++;
	}
}

static void attach(struct worker *worker)
{
	uint64_t page = (any() >> 20) % PAGES;
	struct xpmem_attach_args args = {
		.access = mostly(pool->permits[(any() >> 20) % IDS]),
		.offset = mostly(once_in(4) ? (uintptr_t)worker->memory +
				 page * XP_PAGE : page * 4000),
		.size = mostly(1 + any() % SIZE),
		.address = once_in(4) ? mostly((uintptr_t)worker->memory +
					       page * XP_PAGE) : 0,
		.flags = mostly(0),
	};

	/* Not over the program itself. */
	if (args.address && (args.address < (uintptr_t)worker->memory ||
			     args.address > (uintptr_t)worker->memory + SIZE) &&
	    args.address < 1ULL << 47)
		args.address = 0;
	if (args.address && args.size > SIZE)
		args.size = XP_PAGE;
	if (!ioctl(worker->fd, XPMEM_IOC_ATTACH, &args)) {
		worker->places[(any() >> 20) % PLACES] = (char *)args.address;
		pool->granted++;
	}
}

static void give_back(struct worker *worker)
{
	struct xpmem_release_args args = {
		.access = mostly(pool->permits[(any() >> 20) % IDS]),
	};

	ioctl(worker->fd, XPMEM_IOC_RELEASE, &args);
}

static void withdraw(struct worker *worker)
{
	struct xpmem_remove_args args = {
		.segment = mostly(pool->segments[(any() >> 20) % IDS]),
	};

	ioctl(worker->fd, XPMEM_IOC_REMOVE, &args);
}

static void detach(struct worker *worker)
{
	struct xpmem_detach_args args = {
		.address = mostly((uintptr_t)place_of(worker)),
	};

	ioctl(worker->fd, XPMEM_IOC_DETACH, &args);
}

/* Anything with anything: an address that is none, numbers that are none. */
static void garbage(struct worker *worker)
{
	unsigned long number = once_in(2) ? _IO('x', any() % 12) : any();
	uint64_t words[6];
	unsigned int i;

	for (i = 0; i < 6; i++)
		words[i] = odd();
	/* Never let it map over this program. */
	words[3] = once_in(2) ? 0 : 1ULL << 63;
	ioctl(worker->fd, number, once_in(3) ? (void *)odd() : words);
}

static void touch(struct worker *worker)
{
	char *at = once_in(3) ? worker->memory : place_of(worker);
	uint64_t value;

	at += any() % PAGES * XP_PAGE;
	at = (char *)((uintptr_t)at & ~7ULL);
	if (once_in(2))
		xp_read(at, &value);
	else
		xp_write(at, 1);
}

static void change(struct worker *worker)
{
	char *at = worker->memory + any() % PAGES * XP_PAGE;
	char *place = place_of(worker);

	switch ((any() >> 20) % 8) {
	case 0:
		madvise(at, XP_PAGE, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, XP_PAGE, once_in(2) ? PROT_READ :
			 PROT_READ | PROT_WRITE);
		break;
	case 2:
		mmap(worker->memory, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 3:
		munmap(at, XP_PAGE);
		break;
	case 4:
		madvise(at, XP_PAGE, MADV_PAGEOUT);
		break;
	case 5:
		if (place)
			mprotect((char *)((uintptr_t)place & -XP_PAGE), XP_PAGE,
				 PROT_READ);
		break;
	case 6:
		if (place)
			munmap((char *)((uintptr_t)place & -XP_PAGE), XP_PAGE);
		break;
	default:
		close(worker->fd);
		worker->fd = xp_open();
	}
}

/* Attachments from now on are the partition's, or not; now and then it dies. */
static void partition(struct worker *worker)
{
	(void)worker;
	xp_set("loopback", once_in(2));
	if (once_in(50))
		xp_set("loopback_dead", 1);
	else if (once_in(4))
		xp_set("loopback_dead", 0);
}

static void (*const actions[])(struct worker *worker) = {
	make, get, get, attach, attach, attach, give_back, withdraw, detach,
	garbage, touch, touch, touch, touch, change, partition,
};

static void work(uint64_t seed, uint64_t until)
{
	struct worker worker = { .fd = xp_open() };
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Far from the program, so that nothing of it is hit by mistake. */
	worker.memory = mmap((void *)0x10000000000, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			     -1, 0);
	if (worker.fd < 0 || worker.memory == MAP_FAILED)
		_exit(1);
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	for (i = 0; ; i++) {
		actions[(any() >> 20) % (sizeof(actions) /
					 sizeof(*actions))](&worker);
		pool->requests++;
		if (!(i % 64) && xp_now_ms() > until)
			_exit(0);
		/* Now and then one leaves without a word. */
		if (once_in(3000))
			raise(SIGKILL);
	}
}

static pid_t start_worker(uint64_t seed, uint64_t until)
{
	pid_t pid = fork();

	if (!pid)
		work(seed, until);
	return pid;
}

static bool is_left(void)
{
	return !xp_wait_count("attachments", 0) || !xp_wait_count("permits", 0) ||
	       !xp_wait_count("segments", 0) || !xp_wait_count("spaces", 0);
}

/* True if a worker has failed. */
static bool run(uint64_t seed, uint64_t until)
{
	pid_t pids[WORKERS], pid;
	int status, left = WORKERS, i;
	unsigned int started = WORKERS;

	for (i = 0; i < WORKERS; i++)
		pids[i] = start_worker(seed + i, until);
	while (left) {
		pid = wait(&status);
		for (i = 0; i < WORKERS && pids[i] != pid; i++)
			;
		if (i == WORKERS)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status))
			return true;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
			ksft_print_msg("a worker got signal %d\n", WTERMSIG(status));
			return true;
		}
		if (xp_now_ms() < until)
			pids[i] = start_worker(seed + started++, until);
		else
			left--;
	}
	return false;
}

int main(int argc, char **argv)
{
	unsigned long seconds = 15;
	uint64_t seed = time(NULL);
	unsigned int rounds = 0;
	bool bad;

	if (!xp_options(argc, argv, &seed, &seconds))
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(2);
	ksft_print_msg("seed %llu, %lu s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	pool = mmap(NULL, sizeof(*pool), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pool == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	xp_set("partition_timeout_ms", 200);
	/* On a slow machine, until something has come of it. */
	do {
		bad = run(seed + 1000 * rounds, xp_now_ms() + seconds * 1000);
	} while (!bad && pool->granted <= 100 && ++rounds < 20);
	xp_set("loopback", 0);
	xp_set("loopback_dead", 0);
	xp_set("partition_timeout_ms", 10000);
	ksft_test_result(!bad, "random requests\n");
	ksft_print_msg("%lu actions, %lu granted\n", pool->requests,
		       pool->granted);
	ksft_test_result(!is_left() && pool->granted > 100,
			 "nothing is left of them\n");
	ksft_finished();
}
