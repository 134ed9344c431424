// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: interval subscribers and their readers.
 *
 * A subscriber is concerned with an interval of addresses.  Invalidations
 * that overlap it find it in a tree, under the lock; insertion takes effect
 * at once.  A reader (who makes translations) waits for the overlapping
 * invalidations in flight and for no others, see mmu_interval_read_begin().
 *
 * Sequence numbers.  Each invalidation that calls interval subscribers gets a
 * number of its own, odd, from one counter per mm, and each subscriber starts
 * out with a number of its own.  mmu_interval_set_seq() copies the number of
 * the invalidation to the subscriber, under the user's lock.  A number is
 * stored in a subscriber at most once, so 'unchanged' means 'not called'
 * (until the counter wraps round while one reader reads).
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

/**
 * mn_next_seq() - a number that no interval subscriber of the mm has seen
 * @subs: the subscriptions, locked
 *
 * Return: an odd number.
 */
unsigned long mn_next_seq(struct mmu_notifier_subscriptions *subs)
{
	mn_assert_locked(subs);
	subs->seq += 2;
	return subs->seq;
}

static struct mmu_interval_notifier *
mn_interval_from(struct interval_tree_node *node,
		 const struct mmu_notifier_range *range)
{
	const struct interval_tree_node *bounds = &range->tracked.node;
	struct mmu_interval_notifier *sub;

	for (; node; node = interval_tree_iter_next(node, bounds->start,
						    bounds->last)) {
		sub = container_of(node, struct mmu_interval_notifier,
				   interval_tree);
		if (!sub->leaving)
			return sub;
	}
	return NULL;
}

static struct mmu_interval_notifier *
mn_interval_first(const struct mmu_notifier_range *range)
{
	const struct interval_tree_node *bounds = &range->tracked.node;

	return mn_interval_from(interval_tree_iter_first(&range->subs->intervals,
							 bounds->start,
							 bounds->last),
				range);
}

static struct mmu_interval_notifier *
mn_interval_next(struct mmu_interval_notifier *sub,
		 const struct mmu_notifier_range *range)
{
	const struct interval_tree_node *bounds = &range->tracked.node;

	return mn_interval_from(interval_tree_iter_next(&sub->interval_tree,
							bounds->start,
							bounds->last),
				range);
}

static bool mn_call_invalidate(struct mmu_interval_notifier *sub,
			       const struct mmu_notifier_range *range,
			       unsigned long seq)
{
	bool may_sleep = mmu_notifier_range_blockable(range);
	u64 began = mn_trace_clock(mmu_notifier_callout);
	int preempt;
	bool done;

	preempt = mn_enter(may_sleep);
	done = sub->ops->invalidate(sub, range, seq);
	mn_leave(may_sleep, preempt, sub->ops->invalidate);
	trace_mmu_notifier_callout(range, MN_OP_INVALIDATE,
				   sub->ops->invalidate, done ? 0 : -EAGAIN,
				   began);
	WARN_ONCE(!done && may_sleep, "%ps refused a blocking range\n",
		  sub->ops->invalidate);
	return done || may_sleep;
}

/**
 * mn_intervals_start() - call the interval subscribers that a range overlaps
 * @range: a range in flight; its subscriptions are locked, and so on return
 *
 * A subscriber that is inserted while this walks may or may not be called: its
 * readers see the range in flight either way.
 *
 * Return: 0, or -EAGAIN if a subscriber would have to block.
 */
int mn_intervals_start(struct mmu_notifier_range *range)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	bool release = range->event == MMU_NOTIFY_RELEASE;
	struct mmu_interval_notifier *sub;
	unsigned long seq;
	bool done = true;

	sub = mn_interval_first(range);
	if (!sub)
		return 0;
	seq = mn_next_seq(subs);
	for (; sub && done; sub = mn_interval_next(sub, range)) {
		sub->pins++;
		mn_unlock(subs);
		done = mn_call_invalidate(sub, range, seq);
		mn_lock(subs);
		if (release)
			sub->leaving = true;
		mn_unpin(subs, &sub->pins, sub->leaving);
	}
	return done ? 0 : -EAGAIN;
}

/* Is a callout running on any of them? */
static bool mn_intervals_pinned(struct mmu_notifier_subscriptions *subs)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(&subs->intervals, 0, ULONG_MAX);
	     node; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		if (container_of(node, struct mmu_interval_notifier,
				 interval_tree)->pins)
			return true;
	return false;
}

/**
 * mn_intervals_release() - tell interval subscribers that the mm goes away
 * @mm: the mm, in exit_mmap(); the caller holds its subscriptions
 *
 * Afterwards they are called no more, but stay until they are removed.
 *
 * Context: May sleep.
 */
void mn_intervals_release(struct mm_struct *mm)
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, MMU_NOTIFY_RELEASE,
				MMU_NOTIFIER_RANGE_BLOCKABLE, mm, 0, ULONG_MAX);
	range.owner = NULL;
	range.began = 0;
	if (!mn_track(&range))
		return;
	mn_intervals_start(&range);
	/* Reverse map walks may have chosen some before they were released. */
	mn_wait(range.subs, !mn_intervals_pinned(range.subs));
	mn_untrack(&range);
}

/* The part of insertion that does not depend on how @subs was got. */
static int mn_interval_link(struct mmu_interval_notifier *sub,
			    struct mmu_notifier_subscriptions *subs)
{
	sub->pins = 0;
	sub->leaving = false;
	/* Pairs with mmdrop() in mmu_interval_notifier_remove(). */
	mmgrab(sub->mm);

	mn_lock(subs);
	/* Read outside the lock only by readers, who come later. */
	sub->invalidate_seq = mn_next_seq(subs);
	interval_tree_insert(&sub->interval_tree, &subs->intervals);
	mn_unlock(subs);
	return 0;
}

static int mn_interval_insert(struct mmu_interval_notifier *sub,
			      struct mm_struct *mm, unsigned long start,
			      unsigned long length,
			      const struct mmu_interval_notifier_ops *ops,
			      bool locked)
{
	u64 began = mn_trace_clock(mmu_notifier_register);
	struct mmu_notifier_subscriptions *subs;
	int ret = 0;

	if (!length || check_add_overflow(start, length - 1,
					  &sub->interval_tree.last))
		return -EOVERFLOW;
	/* exit_mmap() must not have begun. */
	if (WARN_ON_ONCE(!atomic_read(&mm->mm_users)))
		return -EINVAL;
	sub->interval_tree.start = start;
	sub->mm = mm;
	sub->ops = ops;

	subs = mn_hold(mm);
	if (!subs) {
		if (!locked)
			mmap_write_lock(mm);
		ret = mn_create(mm, NULL);
		if (!locked)
			mmap_write_unlock(mm);
		subs = mn_of(mm);
	}
	if (!ret)
		ret = mn_interval_link(sub, subs);
	trace_mmu_notifier_register(mm, ops, true, start,
				    sub->interval_tree.last, ret, began);
	return ret;
}

/**
 * mmu_interval_notifier_insert() - subscribe to an interval
 * @interval_sub: the subscription; memory of the caller's
 * @mm:     the mm; the caller holds an mmget() reference
 * @start:  first address
 * @length: in bytes
 * @ops:    the callout
 *
 * In force on return.  Invalidations already in flight may go on without a
 * callout; mmu_interval_read_begin() waits for them.
 *
 * Context: May sleep.  Takes mmap_lock for write if the mm has no subscriber
 * yet.
 * Return: 0; -EOVERFLOW if the interval is empty or wraps; -ENOMEM; -EINTR if
 * a signal came during the first subscription of the mm.
 */
int mmu_interval_notifier_insert(struct mmu_interval_notifier *interval_sub,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops)
{
	might_lock(&mm->mmap_lock);
	return mn_interval_insert(interval_sub, mm, start, length, ops, false);
}
EXPORT_SYMBOL_GPL(mmu_interval_notifier_insert);

/**
 * mmu_interval_notifier_insert_locked() - subscribe to an interval
 * @interval_sub: the subscription; memory of the caller's
 * @mm:     the mm; the caller holds mmap_lock for write
 * @start:  first address
 * @length: in bytes
 * @ops:    the callout
 *
 * Context: As mmu_interval_notifier_insert(), with mmap_lock held for write.
 * Return: as mmu_interval_notifier_insert().
 */
int
mmu_interval_notifier_insert_locked(struct mmu_interval_notifier *interval_sub,
				    struct mm_struct *mm, unsigned long start,
				    unsigned long length,
				    const struct mmu_interval_notifier_ops *ops)
{
	mmap_assert_write_locked(mm);
	return mn_interval_insert(interval_sub, mm, start, length, ops, true);
}
EXPORT_SYMBOL_GPL(mmu_interval_notifier_insert_locked);

/**
 * mmu_interval_notifier_remove() - end a subscription to an interval
 * @interval_sub: the subscription; free for reuse on return
 *
 * Waits for callouts running on this subscription, and for nothing else.
 *
 * Context: May sleep.  Not from inside a callout of this subscription, and
 * not under a lock that its callout takes.
 */
void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub)
{
	u64 began = mn_trace_clock(mmu_notifier_unregister);
	struct mm_struct *mm = interval_sub->mm;
	struct mmu_notifier_subscriptions *subs = mn_of(mm);

	might_sleep();
	/* The locks that callouts take, as lockdep sees it. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);

	mn_lock(subs);
	interval_sub->leaving = true;
	/* Stays in the tree so that whoever pins it can walk on from it. */
	mn_wait(subs, !interval_sub->pins);
	interval_tree_remove(&interval_sub->interval_tree, &subs->intervals);
	mn_drop(subs, mm);

	trace_mmu_notifier_unregister(mm, interval_sub->ops, true,
				      interval_sub->interval_tree.start,
				      interval_sub->interval_tree.last, 0,
				      began);
	mmdrop(mm);
}
EXPORT_SYMBOL_GPL(mmu_interval_notifier_remove);

/**
 * mmu_interval_read_begin() - begin to read page tables of an interval
 * @interval_sub: the subscription
 *
 * Waits for the invalidations of the interval that are in flight, not for
 * later ones, nor for any elsewhere.  Then read, take the lock that
 * ops->invalidate takes, and go by mmu_interval_read_retry().
 *
 * Why it holds.  An invalidation that starts after the number is taken calls
 * this subscriber and changes the number, under the user's lock, before it
 * changes the page table.  One that started before is waited for (D).  One
 * that starts during the wait finds the old number in the reader's hands and
 * makes mmu_interval_read_retry() true; if none is left, the number is taken
 * afresh, so that those waited for do not count as collisions.
 *
 * Context: May sleep.  Caller holds no lock that ops->invalidate, or code
 * that invalidates, may need.
 * Return: the number for mmu_interval_read_retry().
 */
unsigned long
mmu_interval_read_begin(struct mmu_interval_notifier *interval_sub)
{
	struct mmu_notifier_subscriptions *subs = mn_of(interval_sub->mm);
	unsigned long start = interval_sub->interval_tree.start;
	unsigned long last = interval_sub->interval_tree.last;
	struct range_ticket ticket;
	unsigned long seq;

	might_sleep();
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);

	mn_lock(subs);
	seq = READ_ONCE(interval_sub->invalidate_seq);
	if (!range_tracker_first(&subs->tracker, start, last))
		goto out_unlock;

	range_ticket_init(&ticket, start, last);
	range_ticket_register(&subs->tracker, &ticket);
	mn_unlock(subs);
	/* (D): completion of the ticket, after the end's page table writes */
	range_ticket_wait(&ticket, TASK_UNINTERRUPTIBLE);
	mn_lock(subs);
	range_ticket_unregister(&subs->tracker, &ticket);
	if (!range_tracker_first(&subs->tracker, start, last))
		seq = READ_ONCE(interval_sub->invalidate_seq);
out_unlock:
	mn_unlock(subs);
	return seq;
}
EXPORT_SYMBOL_GPL(mmu_interval_read_begin);
