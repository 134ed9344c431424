// SPDX-License-Identifier: GPL-2.0
/*
 * Layout A|F|B in one memslot: vCPUs fault F while threads invalidate single
 * pages of A and B as fast as they can. All faults have to complete, none may
 * be lost more often than once, and the content has to be right.
 *
 * The threads' callouts are made slow, so that some range is in flight at
 * almost any time.
 */
#include "check.h"
#include "guest.h"
#include "storm.h"

#define SIDE		(64 * PAGE)	/* length of A and of B */
#define MIDDLE		512UL		/* pages of F */
#define SIZE		(2 * HUGE)
#define ROUNDS		4UL
#define F_GPA		(MEM_GPA + SIDE)
#define B_GPA		(F_GPA + MIDDLE * PAGE)
#define SEED		21UL

FIXTURE(vm) {
	int fd;
	struct guest guest;
	struct storm storm;
};

FIXTURE_VARIANT(vm) {
	bool slow;	/* callouts */
	bool same;	/* vCPUs fault the same pages, not one half each */
};

FIXTURE_VARIANT_ADD(vm, fast) {};
FIXTURE_VARIANT_ADD(vm, slow) { .slow = true };
FIXTURE_VARIANT_ADD(vm, slow_same) { .slow = true, .same = true };

FIXTURE_SETUP(vm)
{
	const struct guest_make make = { .vcpus = 2, .size = SIZE };
	const size_t half = SIDE / 2;
	char *a, *b;

	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	ASSERT_TRUE(storm_subscribe(&self->storm, self->fd,
				    variant->slow ? STORM_US : 0));
	guest_make(&self->guest, &make);
	guest_fill(&self->guest, MEM_GPA, SIZE, SEED);
	a = guest_host(&self->guest, MEM_GPA);
	b = guest_host(&self->guest, B_GPA);
	storm_add(&self->storm, a, half, drop_next);
	storm_add(&self->storm, a + half, half, drop_next);
	storm_add(&self->storm, b, half, drop_next);
	/* Only one: mprotect() keeps everyone from faulting meanwhile. */
	storm_add(&self->storm, b + half, half, protect_next);
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
	guest_free(&self->guest);
}

/* Each vCPU one half of F, or all of it. */
static struct job work_of(int vcpu, bool same, unsigned long round)
{
	unsigned long count = same ? MIDDLE : MIDDLE / 2;

	return (struct job) {
		.gpa = F_GPA + (same ? 0 : vcpu * count * PAGE),
		.stride = PAGE,
		.count = count,
		.want = SEED + round,
		/* Who shares pages only reads. */
		.store = same ? NOTHING : SEED + round + 1,
	};
}

static bool withdrawn(const struct guest *guest)
{
	/* Out of the guest's reach; the content stays. */
	return !mprotect(guest_host(guest, F_GPA), MIDDLE * PAGE, PROT_NONE) &&
	       !mprotect(guest_host(guest, F_GPA), MIDDLE * PAGE,
			 PROT_READ | PROT_WRITE);
}

TEST_F_TIMEOUT(vm, the_middle_completes, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t before[2], retries;
	unsigned long round;
	int i;

	storm_go(&self->storm);
	for (round = 0; round < ROUNDS; round++) {
		int seed = variant->same ? 0 : round;

		ASSERT_TRUE(withdrawn(guest));
		for (i = 0; i < 2; i++) {
			before[i] = vcpu_retries(guest, i);
			job_start(guest, i, work_of(i, variant->same, seed));
		}
		for (i = 0; i < 2; i++) {
			EXPECT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
			EXPECT_FINE(guest, i);
			retries = job_report(_metadata, guest, i,
					     before[i]);
			/* A fault that was lost once is not lost again. */
			if (!variant->same)
				EXPECT_LE(retries, MIDDLE / 2);
		}
	}
	EXPECT_LT(ROUNDS, storm_stop(&self->storm));
	EXPECT_TRUE(guest_holds(guest, F_GPA, MIDDLE * PAGE,
				variant->same ? SEED : SEED + ROUNDS));
}

TEST_HARNESS_MAIN
