// SPDX-License-Identifier: GPL-2.0
/*
 * Both sides change, at the same time, with many attachments.
 *
 *	stress [-s SEED] [-t SECONDS]
 *
 * A source writes words that say when, into memory that it unmaps, protects,
 * discards, pages out and forks meanwhile. Destinations read them, through
 * attachments that they make, move, protect and detach. A word is never older
 * than one that was read after a change had been complete.
 *
 * For that, the source counts up a clock, page by page: it takes a page away
 * (discards it, moves it, ...), puts a new one there with the number of the
 * round in it, and only then tells the number to all. A destination that reads
 * the announced number first, and then the page, must not find a lower one.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "xp.h"

#define READERS		3
#define PAGES		64
#define SIZE		(PAGES * XP_PAGE)

struct shared {
	atomic_ulong announced[PAGES];
	atomic_long segment;
	atomic_bool stop;
	atomic_ulong looks;
	atomic_ulong stale;
	atomic_ulong rounds;
};

static struct shared *shared;

static char *map_at(char *addr, size_t size)
{
	return mmap(addr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | (addr ? MAP_FIXED : 0), -1, 0);
}

/* Replace a page by another one, in one of several ways. */
static void replace(char *addr, char *spare, uint64_t round)
{
	switch (round % 6) {
	case 0:
		madvise(addr, XP_PAGE, MADV_DONTNEED);
		break;
	case 1:
		munmap(addr, XP_PAGE);
		map_at(addr, XP_PAGE);
		break;
	case 2:
		/* Another one is moved to its place. */
		xp_write(spare, round);
		mremap(spare, XP_PAGE, XP_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       addr);
		map_at(spare, XP_PAGE);
		return;
	case 3:
		mprotect(addr, XP_PAGE, PROT_READ);
		mprotect(addr, XP_PAGE, PROT_READ | PROT_WRITE);
		break;
	case 4:
		madvise(addr, XP_PAGE, MADV_PAGEOUT);
		break;
	default:
		/* A child shares it, and it is copied. */
		if (!fork())
			_exit(0);
	}
}

static void be_source(uint64_t seed)
{
	char *addr = map_at(NULL, SIZE), *spare = map_at(NULL, XP_PAGE);
	int fd = xp_open();
	uint64_t round, page;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	shared->segment = xp_make(fd, addr, SIZE, 0600);
	if (shared->segment <= 0)
		_exit(1);
	for (round = 1; !shared->stop; round++) {
		page = (round * 7 + seed) % PAGES;
		replace(addr + page * XP_PAGE, spare, round);
		xp_write(addr + page * XP_PAGE, round);
		atomic_thread_fence(memory_order_seq_cst);
		shared->announced[page] = round;
		shared->rounds = round;
	}
}

static void look(char *there, unsigned int page)
{
	uint64_t announced = shared->announced[page], found;

	if (!xp_read(there + page * XP_PAGE, &found))
		return;
	shared->looks++;
	/* Zero, or a higher one: the next is on its way. */
	if (found && found < announced)
		shared->stale++;
	/* A page that is being replaced is empty for a while. */
	if (!found && announced && shared->announced[page] == announced &&
	    xp_read(there + page * XP_PAGE, &found) && !found &&
	    shared->rounds - announced < PAGES / 2)
		shared->stale++;
}

static void disturb(int fd, int64_t access, char **there, uint64_t n)
{
	char *place;

	switch (n % 5) {
	case 0:
		xp_detach(fd, *there);
		*there = xp_attach(fd, access, 0, SIZE, NULL);
		break;
	case 1:
		place = map_at(NULL, SIZE);
		mremap(*there, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
		*there = place;
		break;
	case 2:
		mprotect(*there + XP_PAGE, XP_PAGE, PROT_NONE);
		mprotect(*there + XP_PAGE, XP_PAGE, PROT_READ | PROT_WRITE);
		break;
	default:
		xp_attach(fd, access, n % PAGES * XP_PAGE, 1, NULL);
		break;
	}
}

static void be_reader(uint64_t seed)
{
	int fd = xp_open();
	int64_t access;
	char *there;
	uint64_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!shared->segment)
		xp_sleep_ms(1);
	access = xp_get(fd, shared->segment, XPMEM_GET_WRITE);
	there = xp_attach(fd, access, 0, SIZE, NULL);
	for (n = seed; !shared->stop; n++) {
		if (xp_failed(there))
			_exit(1);
		look(there, n * 31 % PAGES);
		if (!(n % 512))
			disturb(fd, access, &there, n / 512);
		if (!(n % 65536)) {
			xp_release(fd, access);
			access = xp_get(fd, shared->segment, XPMEM_GET_WRITE);
			there = xp_attach(fd, access, 0, SIZE, NULL);
		}
	}
}

static bool is_enough(void)
{
	return shared->looks > 1000 && shared->rounds > 2 * PAGES;
}

int main(int argc, char **argv)
{
	pid_t pids[READERS + 1];
	unsigned long seconds = 20;
	uint64_t seed = time(NULL);
	bool good = true;
	int i, status;

	if (!xp_options(argc, argv, &seed, &seconds))
		return KSFT_FAIL;
	ksft_print_header();
	ksft_set_plan(2);
	ksft_print_msg("seed %llu, %lu s\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i <= READERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			if (i)
				be_reader(seed + i);
			else
				be_source(seed);
			_exit(0);
		}
	}
	/* On a slow machine, until there is something to say. */
	for (i = 0; i < 20 && (!i || !is_enough()); i++)
		sleep(i ? 10 : seconds);
	shared->stop = true;
	for (i = READERS; i >= 0; i--)
		good &= xp_reap(pids[i], &status) && !status;
	ksft_test_result(good, "all ended\n");
	ksft_print_msg("%lu rounds, %lu looks, %lu stale\n", shared->rounds,
		       shared->looks, shared->stale);
	ksft_test_result(!shared->stale && is_enough(),
			 "nothing stale was seen\n");
	ksft_finished();
}
