// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations fail, one by one, in what changes page tables under
 * subscribers: see faults.h.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "faults.h"

/* What changes page tables; 0, or a negative error. */
static int split_munmap(char *area)
{
	return munmap(area + PAGE, PAGE) ? -errno : 0;
}

static int split_mprotect(char *area)
{
	return mprotect(area + PAGE, PAGE, PROT_READ) ? -errno : 0;
}

static int move(char *area)
{
	void *to = mremap(area, 2 * PAGE, 2 * PAGE,
			  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	return to == MAP_FAILED ? -errno : munmap(to, 2 * PAGE);
}

/* Does not return before it has succeeded. */
static int cow(char *area)
{
	return do_cow(area, PAGE);
}

/* Without what the library does in each process. */
static int fork_once(char *area)
{
	int pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		syscall(SYS_exit_group, 0);
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) == pid ? 0 : -ECHILD;
}

/*
 * The kernel writes to the area of restartable sequences when it has preempted
 * us, and ends us if it cannot: after a fork that takes memory for the copy.
 */
static void leave_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (__rseq_size)
		syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

FIXTURE(change) {
	struct place place;
};

FIXTURE_VARIANT(change) {
	int (*once)(char *area);
	unsigned int tries;
	unsigned int fatal;
};

FIXTURE_VARIANT_ADD(change, munmap) {
	.once = split_munmap,
	.tries = 4,
	.fatal = 1,
};

FIXTURE_VARIANT_ADD(change, mprotect) {
	.once = split_mprotect,
	.tries = 4,
	.fatal = 1,
};

FIXTURE_VARIANT_ADD(change, mremap) {
	.once = move,
	.tries = 4,
	.fatal = 1,
};

FIXTURE_VARIANT_ADD(change, cow) {
	.once = cow,
	.tries = 4,
};

FIXTURE_VARIANT_ADD(change, fork) {
	.once = fork_once,
	.tries = 1,
	.fatal = 1,
};

FIXTURE_SETUP(change)
{
	static const unsigned int kinds[] = { MNT_LIST, MNT_GET, MNT_INTERVAL };
	struct place *place = &self->place;
	unsigned int i;

	place_begin(_metadata, place);
	leave_rseq();
	for (i = 0; place_is_set(place) && i < 3; i++)
		ASSERT_LE(0, place_add(place, kinds[i]));
}

FIXTURE_TEARDOWN(change)
{
	place_end(_metadata, &self->place);
}

/* An area as it was at first. */
static bool refresh(char *area)
{
	if (mmap(area, LEN, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE |
		 MAP_ANONYMOUS, -1, 0) != area)
		return false;
	memset(area, 1, LEN);
	return true;
}

static unsigned int starts(const struct place *place)
{
	return dev_stats(place->fd, place->others[0]).calls[MNT_OP_START];
}

TEST_F_TIMEOUT(change, fails, LIMIT_S)
{
	struct place *place = &self->place;
	struct sweep sweep = { .tries = variant->tries };
	unsigned int before;
	int ret;

	while (sweep_next(&sweep) && __test_passed(_metadata)) {
		ASSERT_TRUE(refresh(place->area));
		before = starts(place);
		fault_arm(sweep.nth);
		ret = variant->once(place->area);
		sweep_note(&sweep, !ret);
		if (ret) {
			EXPECT_TRUE(sweep.hit);
			EXPECT_TRUE(ret == -ENOMEM || ret == -EAGAIN);
			expect_nothing_left(_metadata, place, 0);
			/* Nothing has changed. */
			EXPECT_EQ(1, peek(place->area + PAGE));
			before = starts(place);
			ASSERT_EQ(0, variant->once(place->area));
		}
		EXPECT_LT(before, starts(place));
		expect_nothing_left(_metadata, place, 0);
	}
	report(_metadata, &sweep, variant->fatal);
}

TEST_HARNESS_MAIN
