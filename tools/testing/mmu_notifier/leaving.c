// SPDX-License-Identifier: GPL-2.0
/* Who leaves, step by step with an owner who is about to call. */
#include "test.h"

static struct mm_struct *mm;
static struct list_sub sub;
static pthread_t leaver, owner;
static atomic_t left, ended;
static enum shim_point point;

static void *leave(void *arg)
{
	list_remove(mm, arg);
	atomic_set(&left, 1);
	return NULL;
}

/*
 * The owner has read that it is to call @sub.  Let the subscriber leave as far
 * as it can without the owner.
 */
static void leave_now(enum shim_point here)
{
	if (here != point)
		return;
	shim_self.hook = NULL;
	leaver = start_thread(leave, &sub);
	wait_until(atomic_read(&left) || atomic_read(&shim_waiting));
}

static void *range_with_hook(void *arg)
{
	struct mmu_notifier_range range;

	shim_self.hook = leave_now;
	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	return NULL;
}

static void leave_between(enum shim_point here)
{
	struct gate gate = { .closed = { 1 } };

	mm = mm_new();
	point = here;
	list_add(mm, &sub);
	sub.gate = &gate;
	owner = start_thread(range_with_hook, NULL);
	wait_until(atomic_read(&gate.arrived));
	usleep(30000);
	/* A callout is running on it. */
	check(!atomic_read(&left));
	atomic_set(&gate.closed, 0);
	join_thread(owner);
	join_thread(leaver);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

/* The choice has been read, and whom it fell on not been said yet (H). */
static void leave_chosen(void)
{
	leave_between(SHIM_RELEASE);
}

/* It has been said, and the callout has not begun. */
static void leave_said(void)
{
	leave_between(SHIM_RCU_UNLOCKED);
}

static struct gate end_gate;

static void *range_that_ends(void *arg)
{
	struct mmu_notifier_range range;

	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	atomic_set(&ended, 1);
	return NULL;
}

/* The owner finds nobody left to call, and must not end without the one. */
static void end_now(enum shim_point here)
{
	if (here != SHIM_GRACE)
		return;
	shim_self.hook = NULL;
	atomic_set(&end_gate.closed, 0);
	wait_until(atomic_read(&ended));
}

static void *leave_with_hook(void *arg)
{
	shim_self.hook = end_now;
	return leave(arg);
}

/* It withdraws from the ends; the owner is through before its grace period. */
static void leave_late(void)
{
	struct list_sub first;

	mm = mm_new();
	list_add(mm, &sub);
	/* Called first, as the one that came last. */
	list_add(mm, &first);
	atomic_set(&end_gate.closed, 1);
	first.end_gate = &end_gate;
	owner = start_thread(range_that_ends, NULL);
	wait_until(atomic_read(&end_gate.arrived));
	leaver = start_thread(leave_with_hook, &sub);
	join_thread(leaver);
	join_thread(owner);
	check(atomic_read(&sub.ends) == 1);
	list_remove(mm, &first);
	mm_exit(mm);
}

static struct gate second_end;

/*
 * It waits for a start while the owner of another range, to whom it owes an
 * end, chooses it again: whoever calls it last has to wake it.
 */
static void leave_taken_over(void)
{
	struct gate start = { .closed = { 0 } };
	pthread_t first_owner, second_owner;
	struct mmu_notifier_range range;
	struct list_sub first;

	mm = mm_new();
	list_add(mm, &sub);
	list_add(mm, &first);
	sub.gate = &start;
	sub.end_gate = &second_end;
	first.end_gate = &end_gate;
	atomic_set(&end_gate.closed, 1);
	atomic_set(&second_end.closed, 1);
	second_owner = start_thread(range_that_ends, NULL);
	wait_until(atomic_read(&end_gate.arrived));

	atomic_set(&start.arrived, 0);
	atomic_set(&start.closed, 1);
	first_owner = start_thread(range_that_ends, NULL);
	wait_until(atomic_read(&start.arrived));
	leaver = start_thread(leave, &sub);
	wait_until(atomic_read(&shim_waiting));
	atomic_set(&end_gate.closed, 0);
	wait_until(atomic_read(&second_end.arrived));
	atomic_set(&start.closed, 0);
	/* Let it find that it is still being called, and go back to sleep. */
	usleep(30000);
	atomic_set(&second_end.closed, 0);
	join_thread(leaver);
	join_thread(first_owner);
	join_thread(second_owner);
	check(atomic_read(&sub.ends) == 2);
	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	list_remove(mm, &first);
	mm_exit(mm);
}

#define NR_SLOTS 64

static struct gate start_gate;
static atomic_t held;

static int held_start(struct mmu_notifier *n,
		      const struct mmu_notifier_range *range)
{
	atomic_inc(&held);
	gate_pass(&start_gate);
	return 0;
}

static const struct mmu_notifier_ops start_only = {
	.invalidate_range_start = held_start,
};

static void *unregister(void *arg)
{
	mmu_notifier_unregister(arg, mm);
	atomic_set(&left, 1);
	return NULL;
}

/* One for whom there is no slot leaves while its start runs. */
static void leave_slotless(void)
{
	struct mmu_notifier slotless = { .ops = &start_only };
	static struct list_sub others[NR_SLOTS];
	int i;

	mm = mm_new();
	for (i = 0; i < NR_SLOTS; i++)
		list_add(mm, &others[i]);
	check(!mmu_notifier_register(&slotless, mm));
	atomic_set(&start_gate.closed, 1);
	owner = start_thread(range_that_ends, NULL);
	wait_until(atomic_read(&start_gate.arrived));
	leaver = start_thread(unregister, &slotless);
	/* It has come to where it waits for the pin. */
	wait_until(atomic_read(&shim_waiting));
	check(!atomic_read(&left));
	atomic_set(&start_gate.closed, 0);
	join_thread(leaver);
	join_thread(owner);
	check(atomic_read(&held) == 1);
	for (i = 0; i < NR_SLOTS; i++)
		list_remove(mm, &others[i]);
	mm_exit(mm);
}

/*
 * Steps of leave_order().  They are counted without order, so that nothing but
 * the core's own orders the two threads.
 */
static int step;
static unsigned long payload;

static void reach(int next)
{
	WRITE_ONCE(step, next);
}

static void await(int wanted)
{
	wait_until(READ_ONCE(step) >= wanted);
}

static int slow_start(struct mmu_notifier *n,
		      const struct mmu_notifier_range *range)
{
	reach(1);
	await(2);
	payload++;
	return 0;
}

static const struct mmu_notifier_ops slow_ops = {
	.invalidate_range_start = slow_start,
};

/* The owner, when it has said that the callout has returned. */
static void owner_step(enum shim_point here)
{
	if (here != SHIM_RELEASED || READ_ONCE(step) != 2)
		return;
	shim_self.hook = NULL;
	reach(3);
	await(4);
}

static void *range_by_steps(void *arg)
{
	struct mmu_notifier_range range;

	shim_self.hook = owner_step;
	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	return NULL;
}

/* The leaver, first after the grace period, then when it is through. */
static void leaver_step(enum shim_point here)
{
	if (here == SHIM_GRACE_OVER && READ_ONCE(step) == 1) {
		reach(2);
		await(3);
	} else if (here == SHIM_GRACE && READ_ONCE(step) == 3) {
		payload++;
		shim_self.hook = NULL;
		reach(4);
	}
}

static void *leave_by_steps(void *arg)
{
	await(1);
	shim_self.hook = leaver_step;
	mmu_notifier_unregister(arg, mm);
	return NULL;
}

/* Returns when the subscriber sleeps until it does. */
static int awaited_start(struct mmu_notifier *n,
			 const struct mmu_notifier_range *range)
{
	reach(1);
	await(2);
	wait_until(atomic_read(&shim_waiting));
	return mmu_notifier_range_blockable(range) ? 0 : -EAGAIN;
}

static const struct mmu_notifier_ops awaited_ops = {
	.invalidate_range_start = awaited_start,
};

static void *range_refused(void *arg)
{
	struct mmu_notifier_range range;

	check(range_begin_nonblock(mm, &range, 0, 1) == -EAGAIN);
	return NULL;
}

static void past_grace(enum shim_point here)
{
	if (here == SHIM_GRACE_OVER) {
		shim_self.hook = NULL;
		reach(2);
	}
}

static void *leave_past_grace(void *arg)
{
	await(1);
	shim_self.hook = past_grace;
	mmu_notifier_unregister(arg, mm);
	return NULL;
}

static void leave_asleep(void *(*some_range)(void *arg))
{
	struct mmu_notifier awaited = { .ops = &awaited_ops };

	mm = mm_new();
	check(!mmu_notifier_register(&awaited, mm));
	owner = start_thread(some_range, NULL);
	leaver = start_thread(leave_past_grace, &awaited);
	join_thread(owner);
	join_thread(leaver);
	mm_exit(mm);
}

/* It waits for a start, with nobody left to call after it, nor an end. */
static void leave_started(void)
{
	leave_asleep(range_that_ends);
}

/* The same, and the start refuses. */
static void leave_refused(void)
{
	leave_asleep(range_refused);
}

/* What a callout did comes before what is done after leaving (H). */
static void leave_order(void)
{
	struct mmu_notifier slow = { .ops = &slow_ops };

	mm = mm_new();
	check(!mmu_notifier_register(&slow, mm));
	owner = start_thread(range_by_steps, NULL);
	leaver = start_thread(leave_by_steps, &slow);
	join_thread(owner);
	join_thread(leaver);
	check(payload == 2);
	mm_exit(mm);
}

const struct test leaving_tests[] = {
	{ "leave_chosen", leave_chosen },
	{ "leave_said", leave_said },
	{ "leave_late", leave_late },
	{ "leave_taken_over", leave_taken_over },
	{ "leave_started", leave_started },
	{ "leave_refused", leave_refused },
	{ "leave_slotless", leave_slotless },
	{ "leave_order", leave_order },
	{ }
};
