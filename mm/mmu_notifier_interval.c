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
#include <linux/rbtree.h>
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

/* So many interval subscribers are called between one lock and the next. */
#define MN_BATCH	64

/**
 * struct mn_batch - interval subscribers that a range is about to call
 * @nr:    how many
 * @more:  there are others, later in the tree
 * @start: address of the last one, and
 * @id:    its number: where to go on
 * @sub:   the subscribers; NULL for one that has left
 *
 * On the stack of the range's owner.  Written under the lock, which also keeps
 * it for others as long as range->batch points to it.
 */
struct mn_batch {
	unsigned int nr;
	bool more;
	unsigned long start;
	u64 id;
	struct mmu_interval_notifier *sub[MN_BATCH];
};

static struct mmu_interval_notifier *mn_interval(struct interval_tree_node *node)
{
	return container_of(node, struct mmu_interval_notifier, interval_tree);
}

/* The first node after where @batch ends.  The tree is in order of both. */
static struct interval_tree_node *
mn_after_batch(struct mmu_notifier_subscriptions *subs,
	       const struct mn_batch *batch)
{
	struct rb_node *rb = subs->intervals.rb_root.rb_node;
	struct interval_tree_node *node, *found = NULL;

	while (rb) {
		node = rb_entry(rb, struct interval_tree_node, rb);
		if (node->start > batch->start ||
		    (node->start == batch->start &&
		     mn_interval(node)->id > batch->id)) {
			found = node;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found;
}

/* Fill @batch with those from @node on that @range overlaps. */
static void mn_gather(const struct mmu_notifier_range *range,
		      struct mn_batch *batch, struct interval_tree_node *node)
{
	const struct interval_tree_node *bounds = &range->tracked.node;

	mn_assert_locked(range->subs);
	batch->nr = 0;
	for (; node && batch->nr < MN_BATCH;
	     node = interval_tree_iter_next(node, bounds->start, bounds->last)) {
		if (!mmu_notifier_wants(mn_interval(node)->ops->events,
					range->event))
			continue;
		batch->sub[batch->nr++] = mn_interval(node);
		batch->start = node->start;
		batch->id = mn_interval(node)->id;
	}
	batch->more = node;
}

/* The next batch, after the subscribers of the last one have been called. */
static void mn_gather_more(const struct mmu_notifier_range *range,
			   struct mn_batch *batch)
{
	const struct interval_tree_node *bounds = &range->tracked.node;
	struct interval_tree_node *node = mn_after_batch(range->subs, batch);

	if (node && (node->start > bounds->last || node->last < bounds->start))
		node = interval_tree_iter_next(node, bounds->start,
					       bounds->last);
	mn_gather(range, batch, node);
}

/* Call and trace; out of line, so that others do not keep the time. */
static noinline bool
mn_traced_invalidate(struct mmu_interval_notifier *sub,
		     const struct mmu_notifier_range *range, unsigned long seq)
{
	u64 began = mn_trace_clock(mmu_notifier_callout);
	bool done = sub->ops->invalidate(sub, range, seq);

	trace_mmu_notifier_callout(range, MN_OP_INVALIDATE,
				   sub->ops->invalidate, done ? 0 : -EAGAIN,
				   began);
	return done;
}

static __always_inline bool
mn_call_invalidate(struct mmu_interval_notifier *sub,
		   const struct mmu_notifier_range *range, unsigned long seq)
{
	bool (*invalidate)(struct mmu_interval_notifier *sub,
			   const struct mmu_notifier_range *range,
			   unsigned long seq) = sub->ops->invalidate;
	bool may_sleep = mmu_notifier_range_blockable(range);
	int preempt;
	bool done;

	preempt = mn_enter(may_sleep);
	if (trace_mmu_notifier_callout_enabled())
		done = mn_traced_invalidate(sub, range, seq);
	else
		done = invalidate(sub, range, seq);
	mn_leave(may_sleep, preempt, invalidate);
	if (likely(done))
		return true;
	WARN_ONCE(may_sleep, "%ps refused a blocking range\n", invalidate);
	return may_sleep;
}

/*
 * The next subscriber: the one in @next, or NULL if that is NULL or holds none.
 * @last held the one before, if there was one.
 */
static __always_inline struct mmu_interval_notifier *
mn_next_interval(struct mmu_notifier_range *range,
		 struct mmu_interval_notifier **last,
		 struct mmu_interval_notifier **next)
{
	struct mmu_interval_notifier *sub;
	bool withdrawn;

	rcu_read_lock();
	sub = next ? READ_ONCE(*next) : NULL;
	withdrawn = last && !READ_ONCE(*last);
	mn_calling(range, sub);
	rcu_read_unlock();
	/* Whoever was withdrawn may be waiting for its callout. */
	if (unlikely(withdrawn))
		wake_up_all(&range->subs->wq);
	return sub;
}

/* Call those of a batch, one after the other, with no lock held. */
static bool mn_call_batch(struct mmu_notifier_range *range,
			  struct mn_batch *batch, unsigned long seq)
{
	struct mmu_interval_notifier **last = NULL, **next = batch->sub, *sub;
	struct mmu_interval_notifier **stop = next + batch->nr;
	bool done = true;

	for (; next != stop && likely(done); last = next++) {
		sub = mn_next_interval(range, last, next);
		if (likely(sub))
			done = mn_call_invalidate(sub, range, seq);
	}
	mn_next_interval(range, last, NULL);
	return done;
}

/* One batch after the other.  Out of line, as it has room for one. */
static noinline bool mn_call_batches(struct mmu_notifier_range *range,
				     struct interval_tree_node *first)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	unsigned long seq = mn_next_seq(subs);
	struct mn_batch batch __uninitialized;
	bool done;

	mn_gather(range, &batch, first);
	range->batch = &batch;
	for (;;) {
		mn_unlock(subs);
		done = mn_call_batch(range, &batch, seq);
		mn_lock(subs);
		if (!done || !batch.more || subs->released)
			break;
		mn_gather_more(range, &batch);
	}
	range->batch = NULL;
	/* mn_intervals_release() may be waiting for it. */
	if (unlikely(subs->released))
		wake_up_all(&subs->wq);
	return done;
}

/**
 * mn_call_intervals() - call the interval subscribers that a range overlaps
 * @range: a range in flight; its subscriptions are locked, and so on return
 *
 * A subscriber that is inserted while this walks may or may not be called: its
 * readers see the range in flight either way.
 *
 * Return: 0, or -EAGAIN if a subscriber would have to block.
 */
int mn_call_intervals(struct mmu_notifier_range *range)
{
	struct interval_tree_node *first;

	first = interval_tree_iter_first(&range->subs->intervals,
					 range->tracked.node.start,
					 range->tracked.node.last);
	return !first || mn_call_batches(range, first) ? 0 : -EAGAIN;
}

/* Is any range calling interval subscribers? */
static bool mn_batches(struct mmu_notifier_subscriptions *subs)
{
	struct mmu_notifier_range *range;

	mn_for_each_range(range, subs, 0, ULONG_MAX)
		if (range->batch)
			return true;
	return false;
}

/* Take @sub out of the batches of ranges in flight.  Was it in any? */
static bool mn_interval_withdraw(struct mmu_notifier_subscriptions *subs,
				 const struct mmu_interval_notifier *sub)
{
	struct mmu_notifier_range *range;
	struct mn_batch *batch;
	bool found = false;
	unsigned int i;

	mn_for_each_range(range, subs, sub->interval_tree.start,
			  sub->interval_tree.last) {
		batch = range->batch;
		for (i = 0; batch && i < batch->nr; i++) {
			if (batch->sub[i] != sub)
				continue;
			WRITE_ONCE(batch->sub[i], NULL);
			found = true;
		}
	}
	return found;
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

	mmu_notifier_range_init_cause(&range, MMU_CAUSE_RELEASE, mm, 0,
				      ULONG_MAX);
	range.flags = MMU_NOTIFIER_RANGE_BLOCKABLE;
	range.began = 0;
	/* Before the subscriptions are locked, as in every invalidation. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	if (mn_track(&range)) {
		if (mn_has_intervals(range.subs))
			mn_call_intervals(&range);
		range.subs->released = true;
		/* Reverse map walks may have chosen some before. */
		mn_wait(range.subs, !mn_batches(range.subs));
		mn_untrack(&range);
	}
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
}

/* The part of insertion that does not depend on how @subs was got. */
static int mn_interval_link(struct mmu_interval_notifier *sub,
			    struct mmu_notifier_subscriptions *subs)
{
	/* Pairs with mmdrop() in mmu_interval_notifier_remove(). */
	mmgrab(sub->mm);

	mn_lock(subs);
	/* Read outside the lock only by readers, who come later. */
	sub->invalidate_seq = mn_next_seq(subs);
	sub->id = ++subs->interval_id;
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
	interval_tree_remove(&interval_sub->interval_tree, &subs->intervals);
	if (mn_interval_withdraw(subs, interval_sub))
		mn_wait_called(subs, interval_sub);
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
