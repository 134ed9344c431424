// SPDX-License-Identifier: GPL-2.0
/*
 * Guest faults while invalidations are held open elsewhere in the same
 * memslot: those beside them complete, those on the page itself wait.
 *
 * Nothing depends on luck: a range is in flight for as long as the test wants.
 */
#include "check.h"
#include "held.h"

#define PAGES		1024
#define SIZE		(4 * HUGE)
/* Of two vCPUs that make the same page table one comes again. */
#define RACES		4UL
#define SEED		11
#define NEW_SEED	12

FIXTURE(vm) {
	int fd;
	struct held held[MAX_HELD];
	struct guest guest;
};

FIXTURE_VARIANT(vm) {
	unsigned int op;
	bool after_kvm;		/* the subscriber is called after KVM */
	bool huge;
};

/* KVM has seen the start, and the page tables are yet to change. */
FIXTURE_VARIANT_ADD(vm, start) {
	.op = MNT_OP_START,
	.after_kvm = true,
};

/* The page tables have changed, and KVM has not seen the end. */
FIXTURE_VARIANT_ADD(vm, end) {
	.op = MNT_OP_END,
};

FIXTURE_VARIANT_ADD(vm, start_huge) {
	.op = MNT_OP_START,
	.after_kvm = true,
	.huge = true,
};

static bool subscribe(struct held *held, int fd, unsigned int op)
{
	int i;

	for (i = 0; i < MAX_HELD; i++) {
		if (!held_subscribe(&held[i], fd, op))
			return false;
	}
	return true;
}

FIXTURE_SETUP(vm)
{
	const struct guest_make make = {
		.vcpus = 3,
		.size = SIZE,
		.huge = variant->huge,
	};

	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	/* The latest subscriber is called first. */
	if (variant->after_kvm)
		ASSERT_TRUE(subscribe(self->held, self->fd, variant->op));
	guest_make(&self->guest, &make);
	if (!variant->after_kvm)
		ASSERT_TRUE(subscribe(self->held, self->fd, variant->op));
	guest_fill(&self->guest, MEM_GPA, SIZE, SEED);
}

FIXTURE_TEARDOWN(vm)
{
	/* Closing the device lets go whatever is held. */
	close(self->fd);
	guest_free(&self->guest);
}

static uint64_t page(unsigned long nr)
{
	return MEM_GPA + nr * PAGE;
}

static void prepare(struct held *held, const struct guest *guest,
		    unsigned long nr)
{
	held_prepare(held, guest_host(guest, page(nr)), PAGE);
}

/* Verify what the host has written, and store something else. */
static struct job walk(unsigned long first, unsigned long count,
		       unsigned long step)
{
	return (struct job) {
		.gpa = page(first),
		.stride = step * PAGE,
		.count = count,
		.want = SEED,
		.store = NEW_SEED,
	};
}

/* A|F|B: one page is held at each end, two vCPUs fault all that is between. */
TEST_F_TIMEOUT(vm, the_middle_completes, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t before[2];
	int i;

	prepare(&self->held[0], guest, 0);
	prepare(&self->held[1], guest, PAGES - 1);
	ASSERT_TRUE(held_start(&self->held[0]));
	ASSERT_TRUE(held_start(&self->held[1]));
	for (i = 0; i < 2; i++) {
		before[i] = vcpu_retries(guest, i);
		job_start(guest, i, walk(1 + i, PAGES / 2 - 1, 2));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
		EXPECT_GE(RACES, job_report(_metadata, guest, i, before[i]));
	}
	EXPECT_TRUE(held_all_still(self->held, 2));
	held_let_go(self->held, 2);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
		EXPECT_FINE(guest, i);
	}
	EXPECT_TRUE(guest_holds(guest, page(1), (PAGES - 2) * PAGE, NEW_SEED));
}

/* Several are held, the faults are on the pages between them, by turns. */
TEST_F_TIMEOUT(vm, pages_between_complete, LIMIT_S)
{
	struct guest *guest = &self->guest;
	int i;

	for (i = 0; i < MAX_HELD; i++)
		prepare(&self->held[i], guest, 2 * i);
	for (i = 0; i < MAX_HELD; i++)
		ASSERT_TRUE(held_start(&self->held[i]));
	job_start(guest, 0, walk(1, MAX_HELD, 2));
	EXPECT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_TRUE(held_all_still(self->held, MAX_HELD));
	held_let_go(self->held, MAX_HELD);
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
}

/*
 * The safety half: whatever is mapped beside it, by faults, by prefetching or
 * by a huge page, the held page itself is out of reach until it is let go, and
 * then it is the new one.
 */
TEST_F_TIMEOUT(vm, the_page_itself_waits, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct job own = walk(16, 1, 1);
	uint64_t before;

	own.want = ZERO;
	prepare(&self->held[0], guest, 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	job_start(guest, 0, walk(8, 8, 1));
	job_start(guest, 1, walk(17, 8, 1));
	EXPECT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_TRUE(job_wait(guest, 1, GUEST_PATIENCE_MS));

	before = vcpu_retries(guest, 2);
	job_start(guest, 2, own);
	EXPECT_FALSE(job_wait(guest, 2, WATCH_MS));
	EXPECT_TRUE(held_all_still(self->held, 1));
	TH_LOG("%lu retries in %u ms",
	       (unsigned long)(vcpu_retries(guest, 2) - before), WATCH_MS);
	held_let_go(self->held, 1);
	ASSERT_TRUE(job_wait(guest, 2, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	EXPECT_FINE(guest, 1);
	EXPECT_FINE(guest, 2);
	EXPECT_TRUE(guest_holds(guest, page(16), PAGE, NEW_SEED));
}

/* A page that was mapped already is withdrawn by the start. */
TEST_F_TIMEOUT(vm, a_mapped_page_is_withdrawn, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct job again = walk(16, 1, 1);

	job_start(guest, 0, walk(0, 512, 1));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	prepare(&self->held[0], guest, 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	again.want = ZERO;
	job_start(guest, 0, again);
	EXPECT_FALSE(job_wait(guest, 0, WATCH_MS));
	EXPECT_TRUE(held_all_still(self->held, 1));
	held_let_go(self->held, 1);
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	/* Its neighbours are what the guest made of them. */
	EXPECT_TRUE(guest_holds(guest, page(0), 16 * PAGE, NEW_SEED));
	EXPECT_TRUE(guest_holds(guest, page(17), 495 * PAGE, NEW_SEED));
}

/* Any signal ends the wait, and the fault comes again. */
TEST_F_TIMEOUT(vm, a_signal_ends_the_wait, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct job own = walk(16, 1, 1);
	int i;

	own.want = ZERO;
	prepare(&self->held[0], guest, 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	job_start(guest, 0, own);
	for (i = 0; i < 3; i++) {
		EXPECT_FALSE(job_wait(guest, 0, WATCH_MS));
		EXPECT_TRUE(job_interrupt(guest, 0, GUEST_PATIENCE_MS));
		EXPECT_EQ(EINTR, guest->workers[0].error);
		EXPECT_TRUE(held_all_still(self->held, 1));
		job_resume(guest, 0);
	}
	held_let_go(self->held, 1);
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
}

/*
 * 2 MiB mappings: the rest of the huge page can be used while one page of it
 * is held, and once that is let go as well.
 */
TEST_F_TIMEOUT(vm, huge_pages_elsewhere_complete, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t huge;

	prepare(&self->held[0], guest, 16);
	prepare(&self->held[1], guest, 2 * 512 + 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	ASSERT_TRUE(held_start(&self->held[1]));
	huge = vm_get_stat(guest->vm, "pages_2m");
	job_start(guest, 0, walk(512, 512, 1));
	EXPECT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	/* Between them lies a huge page that neither touches. */
	if (variant->huge)
		EXPECT_LT(huge, vm_get_stat(guest->vm, "pages_2m"));
	huge = vm_get_stat(guest->vm, "pages_2m");
	job_start(guest, 1, walk(0, 16, 1));
	EXPECT_TRUE(job_wait(guest, 1, GUEST_PATIENCE_MS));
	EXPECT_EQ(huge, vm_get_stat(guest->vm, "pages_2m"));
	EXPECT_TRUE(held_all_still(self->held, 2));
	held_let_go(self->held, 2);
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	ASSERT_TRUE(job_wait(guest, 1, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	EXPECT_FINE(guest, 1);
}

TEST_HARNESS_MAIN
