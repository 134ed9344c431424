// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: invalidations, from start to end.
 *
 * The start of an invalidation links the caller's range among the ranges in
 * flight, then calls every subscriber concerned; the end calls those again
 * who are owed it, and takes the range out.  All bookkeeping is done under
 * one spinlock per mm, and all callouts outside it.
 *
 * While a subscriber is being called, it is pinned: it stays where it is in
 * its list or tree until the pin is gone, so the walk goes on from there, and
 * whoever wants to take the subscriber away waits for its pins, not for other
 * subscribers, other mms, or a grace period.
 *
 * Pairing is by record, not by test.  A list subscriber that wants ends has a
 * slot; the range notes the slots whose start succeeded, and an end is called
 * once for each note, which is erased under the lock before the call.  A
 * subscriber that leaves takes the notes that concern it and calls its own
 * ends (see mn_settle()).  There are 64 slots; a subscriber beyond these is
 * dealt with by order (list_seq, leave) and has to wait, when it leaves, for
 * the ranges in flight.
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

#define CREATE_TRACE_POINTS
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

#ifdef CONFIG_LOCKDEP
struct lockdep_map __mmu_notifier_invalidate_range_start_map = {
	.name = "mmu_notifier_invalidate_range_start"
};
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
	range->seen = 0;
	range->tracked.node.start = range->start;
	range->tracked.node.last = range->end - 1;
	/* The tree cannot hold an empty range; no caller should have one. */
	if (WARN_ON_ONCE(range->start >= range->end))
		range->tracked.node.last = range->start;
	range_tracker_start(&subs->tracker, &range->tracked);
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

/**
 * mn_unpin() - a callout has returned
 * @subs:    the subscriptions, locked
 * @pins:    the pins of the subscriber that was called
 * @leaving: somebody may be waiting for them
 */
void mn_unpin(struct mmu_notifier_subscriptions *subs, unsigned int *pins,
	      bool leaving)
{
	mn_assert_locked(subs);
	if (!--*pins && unlikely(leaving))
		wake_up_all(&subs->wq);
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

/* Did @sub register before @range began, and is it not hidden from it? */
static bool mn_concerned(const struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	if (sub->seq > range->list_seq)
		return false;
	if (!sub->leaving)
		return true;
	/* Without a slot, it has to see older ranges through to their end. */
	return sub->slot < 0 && sub->ops->invalidate_range_end &&
		!range_seq_after(range->tracked.seq, sub->leave);
}

/* The first of @node and its successors that is concerned with @range. */
static struct mmu_notifier *mn_next(struct hlist_node *node,
				    const struct mmu_notifier_range *range)
{
	struct mmu_notifier *sub;

	for (; node; node = node->next) {
		sub = hlist_entry(node, struct mmu_notifier, hlist);
		if (mn_concerned(sub, range))
			return sub;
	}
	return NULL;
}

static int mn_call_start(struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	bool may_sleep = mmu_notifier_range_blockable(range);
	u64 began = mn_trace_clock(mmu_notifier_callout);
	int ret, preempt;

	preempt = mn_enter(may_sleep);
	ret = sub->ops->invalidate_range_start(sub, range);
	mn_leave(may_sleep, preempt, sub->ops->invalidate_range_start);
	trace_mmu_notifier_callout(range, MN_OP_START,
				   sub->ops->invalidate_range_start, ret,
				   began);
	/* Only a range that must not block may be called off. */
	WARN_ONCE(ret && (may_sleep || ret != -EAGAIN),
		  "%ps returned %d to a%s blocking start\n",
		  sub->ops->invalidate_range_start, ret,
		  may_sleep ? "" : " non-");
	return ret;
}

/**
 * mn_call_end() - call one subscriber's end
 * @sub:   the subscriber, pinned or otherwise kept
 * @range: the range, or a copy of it
 */
void mn_call_end(struct mmu_notifier *sub,
		 const struct mmu_notifier_range *range)
{
	bool may_sleep = mmu_notifier_range_blockable(range);
	u64 began = mn_trace_clock(mmu_notifier_callout);
	int preempt;

	preempt = mn_enter(may_sleep);
	sub->ops->invalidate_range_end(sub, range);
	mn_leave(may_sleep, preempt, sub->ops->invalidate_range_end);
	trace_mmu_notifier_callout(range, MN_OP_END,
				   sub->ops->invalidate_range_end, 0, began);
}

/*
 * Call the list subscribers' starts.  Entered and left with the lock held.
 * A failure of a range that may not block stops the walk; *@failed is set to
 * the subscriber's number, so that those called before it can be told apart.
 */
static int mn_list_start(struct mmu_notifier_range *range, u64 *failed)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	struct mmu_notifier *sub;
	int ret = 0;

	for (sub = mn_next(subs->list.first, range); sub && !ret;
	     sub = mn_next(sub->hlist.next, range)) {
		if (sub->ops->invalidate_range_start) {
			sub->pins++;
			mn_unlock(subs);
			ret = mn_call_start(sub, range);
			mn_lock(subs);
			mn_unpin(subs, &sub->pins, sub->leaving);
		}
		if (!ret && sub->slot >= 0)
			range->seen |= BIT_ULL(sub->slot);
		if (ret && mmu_notifier_range_blockable(range))
			ret = 0;
		if (ret)
			*failed = sub->seq;
	}
	return ret;
}

/*
 * Take the end that @range owes to @sub, if it does.  One that is leaving is
 * owed it like any other, until it is off the list: mn_settle() takes what is
 * left then.  After a failed start, those without a slot are owed an end if
 * they come before the one that failed.
 */
static bool mn_take_end(struct mmu_notifier_range *range,
			const struct mmu_notifier *sub, u64 failed)
{
	if (!sub->ops->invalidate_range_end || sub->seq > range->list_seq)
		return false;
	if (sub->slot < 0)
		return mn_concerned(sub, range) && sub->seq > failed;
	if (!(range->seen & BIT_ULL(sub->slot)))
		return false;
	range->seen &= ~BIT_ULL(sub->slot);
	return true;
}

/* Call the ends that are owed.  Entered and left with the lock held. */
static void mn_list_end(struct mmu_notifier_range *range, u64 failed)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	struct mmu_notifier *sub;

	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (!mn_take_end(range, sub, failed))
			continue;
		sub->pins++;
		mn_unlock(subs);
		mn_call_end(sub, range);
		mn_lock(subs);
		mn_unpin(subs, &sub->pins, sub->leaving);
	}
}

/*
 * The body of mmu_notifier_invalidate_range_start() and its non-blocking
 * form, for an mm that has subscribers.
 */
int __mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	u64 failed = 0;
	int ret;

	range->began = mn_trace_clock(mmu_notifier_end);
	if (!range->began)
		range->began = mn_trace_clock(mmu_notifier_start);

	if (!mn_track(range))
		return 0;
	ret = mn_intervals_start(range);
	if (!ret) {
		ret = mn_list_start(range, &failed);
		/*
		 * Called off.  An interval subscriber has dropped its
		 * translations and can make them again as soon as the range
		 * is out of flight; there is nothing else to undo for it.
		 */
		if (ret)
			mn_list_end(range, failed);
	}
	if (ret)
		mn_untrack(range);
	else
		mn_unlock(range->subs);
	trace_mmu_notifier_start(range, ret);
	return ret;
}

/* The body of mmu_notifier_invalidate_range_end(), for a range in flight. */
void __mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	if (mmu_notifier_range_blockable(range))
		might_sleep();
	mn_lock(range->subs);
	mn_list_end(range, 0);
	mn_untrack(range);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	trace_mmu_notifier_end(range);
}
