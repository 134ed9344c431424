// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: invalidations, from start to end.
 *
 * The start of an invalidation links the caller's range among the ranges in
 * flight, then calls every subscriber concerned; the end calls those again
 * who are owed it, and takes the range out.  All bookkeeping is done under
 * one spinlock per mm, and all callouts outside it.
 *
 * Who is to be called is chosen under the lock: list subscribers by their
 * slots, as bits of range->todo; interval subscribers by a batch of pointers.
 * The calls are then made one after the other, with no lock between them.
 * Before each, range->calling says whom, in an RCU read-side section in which
 * the choice is read once more.  Whoever takes a subscriber away withdraws it
 * from the choice of each range in flight, under the lock; if it was there, it
 * waits for a grace period, after which range->calling is to be believed, and
 * then until no range is calling it: (H).  So it waits for callouts running on
 * itself, and for no others.  An owner that finds, when a callout has returned,
 * that its choice has changed meanwhile wakes those who wait.
 *
 * Pairing is by record, not by test.  The range notes in 'owed' the slots
 * whose start succeeded; the owner of the range clears a note when it has
 * called the end.  A subscriber that leaves calls the ends that are owed to it
 * and not yet taken up, and says so in 'paid' (see mn_settle()).  There are 64
 * slots; for subscribers beyond these see mmu_notifier_slotless.c.
 *
 * Documentation/mm/mmu_notifier.rst has the argument in full.
 *
 * Callouts with their context were discussed on linux-mm in 2008 ("MMU
 * notifier core", #v1 to #v18); tracking the ranges in flight was proposed
 * there in 2014 and 2018 ("mmu_notifier contextual information").
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rculist.h>
#include <linux/sched/clock.h>

#include "mmu_notifier_internal.h"

/* Last, so that the tracepoints are made once and not in what comes after. */
#define CREATE_TRACE_POINTS
#include <trace/events/mmu_notifier.h>

#ifdef CONFIG_LOCKDEP
/* Exported for mmu_notifier_nested_begin(). */
struct lockdep_map __mmu_notifier_invalidate_range_start_map = {
	.name = "mmu_notifier_invalidate_range_start"
};
EXPORT_SYMBOL_GPL(__mmu_notifier_invalidate_range_start_map);
#endif

/**
 * mn_track() - put a range in flight
 * @range: the range
 *
 * Context: Does not sleep.
 * Return: true with the subscriptions in @range->subs locked, or false if the
 * mm has none (any more).
 */
bool mn_track(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs;

	rcu_read_lock();
	subs = rcu_dereference(range->mm->notifier_subscriptions);
	if (!subs)
		goto out_none;
	mn_lock(subs);
	if (!subs->users)
		goto out_unlock;
	/* RCU has done its part: a range in flight keeps @subs. */
	range->subs = subs;
	range->flags |= MMU_NOTIFIER_RANGE_TRACKED;
	range->list_seq = subs->list_seq;
	range->todo = subs->live & subs->wants[range->event];
	if (range->todo & subs->filtered)
		range->todo = mn_filter(subs, range, range->todo);
	range->owed = 0;
	range->paid = 0;
	range->calling = NULL;
	range->batch = NULL;
	range->tracked.node.start = range->start;
	range->tracked.node.last = range->end - 1;
	/* The tree cannot hold an empty range; no caller should have one. */
	if (WARN_ON_ONCE(range->start >= range->end))
		range->tracked.node.last = range->start;
	range_tracker_start(&subs->tracker, &range->tracked);
	if (unlikely(!hlist_empty(&subs->scopes)))
		mn_find_owner(subs, range);
	rcu_read_unlock();
	return true;

out_unlock:
	mn_unlock(subs);
out_none:
	rcu_read_unlock();
	return false;
}

/**
 * mn_untrack() - take a range out of flight
 * @range: the range; its subscriptions are locked, and unlocked on return
 */
void mn_untrack(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = range->subs;

	mn_assert_locked(subs);
	range->flags &= ~MMU_NOTIFIER_RANGE_TRACKED;
	range_tracker_end(&subs->tracker, &range->tracked);
	mn_maybe_free(subs);
}

/* Is a callout running on @sub?  Asked under the lock, which keeps ranges. */
static bool mn_is_called(struct mmu_notifier_subscriptions *subs,
			 const void *sub)
{
	struct mmu_notifier_range *range;

	mn_for_each_range(range, subs, 0, ULONG_MAX)
		/* (H): pairs with mn_calling() */
		if (smp_load_acquire(&range->calling) == sub)
			return true;
	return false;
}

/**
 * mn_wait_called() - wait for callouts that a withdrawal came too late for
 * @subs: the subscriptions, locked; unlocked meanwhile
 * @sub:  a subscriber, withdrawn from the choice of all ranges in flight
 *
 * An owner that had read its choice before the withdrawal has stored
 * range->calling by the end of the grace period.  One that reads it later, to
 * go on from @sub to the next, sees the withdrawal, and wakes us.
 */
void mn_wait_called(struct mmu_notifier_subscriptions *subs, const void *sub)
{
	mn_assert_locked(subs);
	mn_unlock(subs);
	synchronize_rcu_expedited();
	mn_lock(subs);
	mn_wait(subs, !mn_is_called(subs, sub));
}

/**
 * mn_warn_context() - a callout returned in another context than it came in
 * @callout: the function
 * @preempt: preemption count before it
 */
void mn_warn_context(const void *callout, int preempt)
{
	WARN_ONCE(1, "%ps came with preempt_count %x, left with %x\n",
		  callout, preempt, preempt_count());
	preempt_count_set(preempt);
}

/**
 * mn_refused() - a start did not succeed
 * @sub:   the subscriber
 * @range: the range
 * @ret:   what the start returned
 *
 * Only a range that must not block may be called off.
 *
 * Return: 0 to go on all the same, or @ret to have the range called off.
 */
int mn_refused(const struct mmu_notifier *sub,
	       const struct mmu_notifier_range *range, int ret)
{
	bool may_sleep = mmu_notifier_range_blockable(range);

	WARN_ONCE(may_sleep || ret != -EAGAIN,
		  "%ps returned %d to a%s blocking start\n",
		  sub->ops->invalidate_range_start, ret,
		  may_sleep ? "" : " non-");
	return may_sleep ? 0 : ret;
}

/* Call and trace; out of line, so that others do not keep the time. */
noinline int mn_traced_start(struct mmu_notifier *sub,
			     const struct mmu_notifier_range *range)
{
	u64 began = mn_trace_clock(mmu_notifier_callout);
	int ret = sub->ops->invalidate_range_start(sub, range);

	trace_mmu_notifier_callout(range, MN_OP_START,
				   sub->ops->invalidate_range_start, ret,
				   began);
	return ret;
}

/* The same for an end. */
noinline void mn_traced_end(struct mmu_notifier *sub,
			    const struct mmu_notifier_range *range)
{
	u64 began = mn_trace_clock(mmu_notifier_callout);

	sub->ops->invalidate_range_end(sub, range);
	trace_mmu_notifier_callout(range, MN_OP_END,
				   sub->ops->invalidate_range_end, 0, began);
}

/*
 * The next subscriber of the range's choice: the one with the lowest slot of
 * those in *@left, from which it takes away whom the choice has lost.  False if
 * none is left.  *@seen is the choice as it was found the last time.
 */
static __always_inline bool mn_next(struct mmu_notifier_range *range,
				    struct mmu_notifier **sub, u64 *left,
				    u64 *seen)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	struct mmu_notifier **slots = subs->slot;
	u64 todo;

	rcu_read_lock();
	todo = READ_ONCE(range->todo);
	*left &= todo;
	*sub = *left ? READ_ONCE(slots[__ffs64(*left)]) : NULL;
	mn_calling(range, *sub);
	rcu_read_unlock();
	/* Whoever was withdrawn may be waiting for its callout. */
	if (unlikely(todo != *seen)) {
		*seen = todo;
		wake_up_all(&subs->wq);
	}
	return *left;
}

/*
 * Call the starts of the slots.  A failure, which only a range that must not
 * block can have, stops the walk.
 */
static __always_inline int mn_list_start(struct mmu_notifier_range *range)
{
	u64 left = U64_MAX, seen = READ_ONCE(range->todo), owed = 0, rest;
	struct mmu_notifier *sub;
	int ret = 0;

	for (; mn_next(range, &sub, &left, &seen); left = rest) {
		rest = left & (left - 1);
		if (sub->ops->invalidate_range_start &&
		    unlikely(mn_call_start(sub, range))) {
			ret = -EAGAIN;
			rest = 0;
			continue;
		}
		owed |= left ^ rest;
		WRITE_ONCE(range->owed, owed);
	}
	return ret;
}

/* Call the ends of these slots, but for those that are withdrawn. */
static void mn_call_ends(struct mmu_notifier_range *range, u64 left)
{
	u64 seen = READ_ONCE(range->todo), owed = range->owed, rest;
	struct mmu_notifier *sub;

	for (; mn_next(range, &sub, &left, &seen); left = rest) {
		rest = left & (left - 1);
		mn_call_end(sub, range);
		owed &= ~(left ^ rest);
		WRITE_ONCE(range->owed, owed);
	}
}

/*
 * Call the ends that are still owed to slots: these were withdrawn by
 * subscribers that leave, and are not paid by them yet.  They are chosen again,
 * and the subscribers take their turn in waiting.  The lock is dropped meanwhile.
 */
static noinline void mn_take_over(struct mmu_notifier_range *range, u64 left)
{
	struct mmu_notifier_subscriptions *subs = range->subs;

	do {
		WRITE_ONCE(range->todo, left);
		mn_unlock(subs);
		mn_call_ends(range, left);
		mn_lock(subs);
		/* It was withdrawn before, and may have seen us call it. */
		wake_up_all(&subs->wq);
		left = range->owed & ~range->paid & subs->ends;
	} while (left);
}

/* Call the ends that are owed to slots.  Entered without the lock, left with it. */
static __always_inline void mn_list_end(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	u64 left = range->owed & READ_ONCE(subs->ends);

	if (left)
		mn_call_ends(range, left);
	mn_lock(subs);
	left = range->owed & ~range->paid & subs->ends;
	if (unlikely(left))
		mn_take_over(range, left);
}

/*
 * What few starts come to: subscribers without slots; taking back what has been
 * called.  @ret is what the others have said.
 */
static noinline int mn_start_slow(struct mmu_notifier_range *range, int ret)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	u64 failed = U64_MAX;

	if (!ret) {
		mn_lock(subs);
		ret = mn_slotless_start(range, &failed);
		mn_unlock(subs);
		if (!ret)
			return 0;
	}
	/*
	 * Called off.  An interval subscriber has dropped its translations and
	 * can make them again as soon as the range is out of flight; there is
	 * nothing else to undo for it.
	 */
	mn_list_end(range);
	mn_slotless_end(range, failed);
	mn_untrack(range);
	return ret;
}

/* Call all starts.  Entered with the lock, left without. */
static __always_inline int mn_start(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	bool slotless = subs->slotless;
	int ret = 0;

	if (mn_has_intervals(subs))
		ret = mn_call_intervals(range);
	mn_unlock(subs);
	if (!ret)
		ret = mn_list_start(range);
	if (likely(!ret && !slotless))
		return 0;
	return mn_start_slow(range, ret);
}

/*
 * The body of mmu_notifier_invalidate_range_start() and its non-blocking
 * form, for an mm that has subscribers.
 */
int __mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	int ret;

	range->began = mn_trace_clock(mmu_notifier_end);
	if (!range->began)
		range->began = mn_trace_clock(mmu_notifier_start);

	if (!mn_track(range))
		return 0;
	ret = mn_start(range);
	trace_mmu_notifier_start(range, ret);
	return ret;
}

/* The body of mmu_notifier_invalidate_range_end(), for a range in flight. */
void __mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	if (mmu_notifier_range_blockable(range))
		might_sleep();
	mn_list_end(range);
	if (unlikely(range->subs->slotless))
		mn_slotless_end(range, 0);
	mn_untrack(range);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	trace_mmu_notifier_end(range);
}
