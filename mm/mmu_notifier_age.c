// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: asking subscribers for the age of pages.
 *
 * One question goes to each subscriber once.  Those with the age op get it as
 * it is; for the others it is taken apart: into runs of pages without a hole,
 * or into single pages where an answer is wanted for each.
 *
 * Most callouts come under RCU, as those in mmu_notifier_young.c.  A
 * subscriber whose age op may sleep is called under a pin on its subscription
 * instead, if the caller can sleep: its departure waits for that pin, and no
 * other's does.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mmu_notifier_age.h>
#include <linux/rculist.h>
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

/**
 * mmu_notifier_aging_run() - the next run of pages that are asked about
 * @aging: the question
 * @start: set to the first address of the run
 * @end:   end of the run before, at first @aging->start; set to that of this
 *
 * For the age op: a run has no hole.
 *
 * Context: Any.
 * Return: false if there is no other run.
 */
bool mmu_notifier_aging_run(const struct mmu_notifier_aging *aging,
			    unsigned long *start, unsigned long *end)
{
	unsigned long nr = (aging->end - aging->start) >> PAGE_SHIFT;
	unsigned long from = (*end - aging->start) >> PAGE_SHIFT;

	if (!aging->pages) {
		*start = *end;
		*end = aging->end;
		return *start < *end;
	}
	from = find_next_bit(aging->pages, nr, from);
	if (from >= nr)
		return false;
	*start = aging->start + (from << PAGE_SHIFT);
	*end = aging->start +
		(find_next_zero_bit(aging->pages, nr, from) << PAGE_SHIFT);
	return true;
}
EXPORT_SYMBOL_GPL(mmu_notifier_aging_run);

/**
 * mmu_notifier_aging_found() - report pages as accessed
 * @aging: the question
 * @start: first address, part of what is asked about
 * @end:   address after the last
 *
 * For the age op.  Does nothing if only the return value is wanted.
 *
 * Context: Any.
 */
void mmu_notifier_aging_found(const struct mmu_notifier_aging *aging,
			      unsigned long start, unsigned long end)
{
	if (aging->young)
		bitmap_set(aging->young, (start - aging->start) >> PAGE_SHIFT,
			   (end - start) >> PAGE_SHIFT);
}
EXPORT_SYMBOL_GPL(mmu_notifier_aging_found);

/* May any of these pages concern the subscriber? */
static bool mn_ages(const struct mmu_notifier *sub,
		    const struct mmu_notifier_aging *aging)
{
	return !sub->ops->filtered ||
	       mn_in_hull(sub, aging->start, aging->end);
}

/* The op of 6.12 that serves @aging, or NULL. */
static const void *mn_old_op(const struct mmu_notifier_ops *ops,
			     const struct mmu_notifier_aging *aging,
			     enum mmu_notifier_op *op)
{
	if (!(aging->flags & MMU_AGING_CLEAR)) {
		*op = MN_OP_TEST_YOUNG;
		return ops->test_young;
	}
	if (aging->flags & MMU_AGING_FLUSH) {
		*op = MN_OP_CLEAR_FLUSH_YOUNG;
		return ops->clear_flush_young;
	}
	*op = MN_OP_CLEAR_YOUNG;
	return ops->clear_young;
}

/* One callout of 6.12's kind, for pages without a hole. */
static int mn_call_old(struct mmu_notifier *sub,
		       const struct mmu_notifier_aging *aging,
		       unsigned long start, unsigned long end)
{
	const struct mmu_notifier_aging part = {
		.mm = aging->mm,
		.start = start,
		.end = end,
		.flags = aging->flags & ~MMU_AGING_BLOCKABLE,
		.reason = aging->reason,
	};
	const struct mmu_notifier_ops *ops = sub->ops;
	u64 began = mn_trace_clock(mmu_notifier_age);
	enum mmu_notifier_op op;
	const void *callout = mn_old_op(ops, aging, &op);
	int young, preempt;

	preempt = mn_enter(false);
	if (op == MN_OP_TEST_YOUNG)
		young = ops->test_young(sub, part.mm, start);
	else if (op == MN_OP_CLEAR_FLUSH_YOUNG)
		young = ops->clear_flush_young(sub, part.mm, start, end);
	else
		young = ops->clear_young(sub, part.mm, start, end);
	mn_leave(false, preempt, callout);
	trace_mmu_notifier_age(&part, op, callout, young, began);
	return young;
}

/*
 * How much of a run one callout of 6.12's kind covers.  test_young has one
 * address only; it is asked 512 times at most, so that a page of 1 GiB does not
 * keep the page-table lock for a quarter of a million callouts.
 */
static unsigned long mn_old_step(const struct mmu_notifier_aging *aging,
				 unsigned long run)
{
	if (aging->young)
		return PAGE_SIZE;
	if (aging->flags & MMU_AGING_CLEAR)
		return run;
	return max(PAGE_SIZE, ALIGN(run / MMU_AGE_WINDOW, PAGE_SIZE));
}

/* Ask about the part of the pages that lies in [from, to). */
static int mn_age_old_part(struct mmu_notifier *sub,
			   const struct mmu_notifier_aging *aging,
			   unsigned long from, unsigned long to)
{
	unsigned long start, end = aging->start, addr, last, step;
	int young = 0;

	while (mmu_notifier_aging_run(aging, &start, &end)) {
		last = min(end, to);
		addr = max(start, from);
		if (addr >= last)
			continue;
		step = mn_old_step(aging, last - addr);
		for (; addr < last; addr += step) {
			if (!mn_call_old(sub, aging, addr,
					 min(addr + step, last)))
				continue;
			young = 1;
			mmu_notifier_aging_found(aging, addr, addr + step);
			if (!aging->young && !(aging->flags & MMU_AGING_CLEAR))
				return young;
		}
	}
	return young;
}

/* Ask a subscriber that has only the callouts of 6.12. */
static int mn_age_old(struct mmu_notifier *sub,
		      const struct mmu_notifier_aging *aging)
{
	int young;

	if (!aging->own_end || !aging->young)
		return mn_age_old_part(sub, aging, aging->start, aging->end);
	young = mn_age_old_part(sub, aging, aging->own_start, aging->own_end);
	if (!mmu_notifier_aging_more(aging))
		return young;
	young |= mn_age_old_part(sub, aging, aging->start, aging->own_start);
	young |= mn_age_old_part(sub, aging, aging->own_end, aging->end);
	return young;
}

/* Call the age op. */
static int mn_age_new(struct mmu_notifier *sub,
		      const struct mmu_notifier_aging *aging)
{
	bool may_sleep = mmu_notifier_aging_blockable(aging);
	const void *callout = sub->ops->age;
	u64 began = mn_trace_clock(mmu_notifier_age);
	int young, preempt;

	preempt = mn_enter(may_sleep);
	young = sub->ops->age(sub, aging);
	mn_leave(may_sleep, preempt, callout);
	trace_mmu_notifier_age(aging, MN_OP_AGE, callout, young, began);
	return young;
}

/* Call the subscribers whose age op may sleep, each under its own pin. */
static int mn_age_sleepers(const struct mmu_notifier_aging *aging)
{
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;
	int young = 0;

	might_sleep();
	/* The pointer stays while the list is walked without RCU. */
	subs = mn_hold(aging->mm);
	if (!subs)
		return 0;
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	mn_lock(subs);
	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (!sub->ops->age || !sub->ops->age_may_sleep ||
		    sub->leaving || !mn_ages(sub, aging))
			continue;
		sub->pins++;
		mn_unlock(subs);
		young |= mn_age_new(sub, aging);
		mn_lock(subs);
		mn_unpin(subs, &sub->pins, sub->leaving);
	}
	mn_drop(subs, aging->mm);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	return young;
}

/* Ask one subscriber, under RCU. */
static int mn_age_one(struct mmu_notifier *sub,
		      const struct mmu_notifier_aging *aging)
{
	enum mmu_notifier_op op;

	if (sub->ops->age)
		return mn_age_new(sub, aging);
	return mn_old_op(sub->ops, aging, &op) ? mn_age_old(sub, aging) : 0;
}

/**
 * __mmu_notifier_age() - ask all subscribers
 * @aging: the question; bits are set in @aging->young
 *
 * Of those that only look, none is asked any more after the first yes, unless
 * there is an answer for each page.
 *
 * Context: If @aging is blockable, may sleep.
 * Return: non-zero if any page was accessed.
 */
int __mmu_notifier_age(const struct mmu_notifier_aging *aging)
{
	bool any = !aging->young && !(aging->flags & MMU_AGING_CLEAR);
	bool may_sleep = mmu_notifier_aging_blockable(aging);
	struct mmu_notifier_aging now = *aging;
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;
	bool sleepers = false;
	int young = 0;

	now.flags &= ~MMU_AGING_BLOCKABLE;
	rcu_read_lock();
	for_each_nonsleeping(sub, subs, aging->mm) {
		if (!mn_ages(sub, aging))
			continue;
		if (may_sleep && sub->ops->age && sub->ops->age_may_sleep)
			sleepers = true;
		else
			young |= mn_age_one(sub, &now);
		if (any && young)
			break;
	}
	rcu_read_unlock();
	if (sleepers && !(any && young))
		young |= mn_age_sleepers(aging);
	return young;
}
