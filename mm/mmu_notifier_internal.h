/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the MMU notifier core share.
 *
 *	mmu_notifier.c		 invalidations: start, end, rollback
 *	mmu_notifier_slotless.c	 list subscribers beyond the first 64
 *	mmu_notifier_interval.c	 interval subscribers and their readers
 *	mmu_notifier_age.c	 aging: one question to each subscriber
 *	mmu_notifier_age_batch.c pages of one walk, for one question
 *	mmu_notifier_young.c	 aging as in 6.12; secondary TLBs
 *	mmu_notifier_register.c	 who subscribes: register, unregister, exit
 *	mmu_notifier_flush.c	 drain what began before the first subscriber
 *	mmu_notifier_filter.c	 who is concerned by a range, and who caused it
 *	range_tracker.c		 ranges in flight and readers' tickets
 */
#ifndef _MM_MMU_NOTIFIER_INTERNAL_H
#define _MM_MMU_NOTIFIER_INTERNAL_H

#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <trace/events/mmu_notifier.h>

/**
 * struct mmu_notifier_subscriptions - all that subscribe to one mm
 * @tracker:   ranges in flight; its lock protects all of this struct
 * @list:      list subscribers, youngest first; walked under RCU by aging
 * @intervals: interval subscribers
 * @users:     subscriptions of both kinds, and transient holders
 * @ready:     no invalidation that began before publication is left
 * @released:  exit_mmap() has told the interval subscribers
 * @list_seq:  registration number of the youngest list subscriber
 * @slots:     slots in use
 * @live:      slots that a new range calls
 * @wants:     by event: slots of those that it concerns
 * @filtered:  slots of those who are called for their filters only
 * @scopes:    tasks that change page tables for a subscriber
 * @ends:      slots of those that have an end op
 * @slotless:  number of those for whom there was no slot
 * @seq:       last sequence number given to an interval subscriber; odd
 * @interval_id: number of the youngest interval subscriber
 * @slot:      list subscribers by slot
 * @wq:        waiters for a pin to go, or for a subscription to be gone
 * @rcu:       frees it
 *
 * ==============  =====================================================
 * lifetime        published in mm->notifier_subscriptions while @users
 *                 is not zero; freed, after a grace period, when @users
 *                 is zero and no range is in flight
 * ==============  =====================================================
 * list            written under the lock; RCU readers may be late
 * ready           set once, under the lock
 * released        set once, under the lock
 * slot            written under the lock; read under RCU by those who have
 *                 the bit in &mmu_notifier_range.todo
 * ends            written under the lock; an owner reads, without it, the bits
 *                 that it owes and finds in &mmu_notifier_range.todo
 * all else        under the lock
 * ==============  =====================================================
 *
 * Lock order: every lock that a caller of the core may hold (mmap_lock, VMA
 * locks, reverse map locks, page-table locks, locks of subscribers) comes
 * before this lock, and nothing but the scheduler's locks comes after it.  No
 * callout runs under it.
 */
struct mmu_notifier_subscriptions {
	struct range_tracker tracker;
	struct hlist_head list;
	struct rb_root_cached intervals;
	unsigned long users;
	bool ready;
	bool released;
	u64 list_seq;
	u64 slots;
	u64 live;
	u64 wants[MMU_NOTIFY_NR_EVENTS];
	u64 filtered;
	struct hlist_head scopes;
	u64 ends;
	unsigned int slotless;
	unsigned long seq;
	u64 interval_id;
	wait_queue_head_t wq;
	struct rcu_head rcu;
	struct mmu_notifier *slot[64];
};

/* Names of the callouts in traces. */
enum mmu_notifier_op {
	MN_OP_START,
	MN_OP_END,
	MN_OP_INVALIDATE,
	MN_OP_RELEASE,
	MN_OP_SECONDARY_TLBS,
	MN_OP_CLEAR_FLUSH_YOUNG,
	MN_OP_CLEAR_YOUNG,
	MN_OP_TEST_YOUNG,
	MN_OP_AGE,
};

/*
 * The lock is handed from one function to the next, and dropped round
 * callouts.  Sparse cannot follow that, so it is told of balanced functions;
 * mn_assert_locked() checks what is meant.
 */
static inline void mn_lock(struct mmu_notifier_subscriptions *subs)
{
	spin_lock(&subs->tracker.lock);
	__release(&subs->tracker.lock);
}

static inline void mn_unlock(struct mmu_notifier_subscriptions *subs)
{
	__acquire(&subs->tracker.lock);
	spin_unlock(&subs->tracker.lock);
}

#define mn_assert_locked(subs)	lockdep_assert_held(&(subs)->tracker.lock)

/*
 * Unlock, and free what is of no more use: when there is no user and no range
 * in flight.  Both only fall once there is no user, so this happens once.
 */
static inline void mn_maybe_free(struct mmu_notifier_subscriptions *subs)
{
	bool unused = unlikely(!subs->users) && !subs->tracker.nr;

	mn_unlock(subs);
	/* RCU: mn_track() and aging may have just loaded the pointer. */
	if (unlikely(unused))
		kfree_rcu(subs, rcu);
}

/* Is there an interval subscriber that may be called? */
static inline bool mn_has_intervals(struct mmu_notifier_subscriptions *subs)
{
	return !RB_EMPTY_ROOT(&subs->intervals.rb_root) && !subs->released;
}

/**
 * mn_calling() - say who is called next
 * @range: the range; the choice was read in this RCU read-side section
 * @sub:   the subscriber, or NULL; the one before has returned
 *
 * If it is found in the same section that the one before was withdrawn,
 * somebody may be waiting for it, and the caller has to wake subs->wq.
 */
static __always_inline void mn_calling(struct mmu_notifier_range *range,
				       const void *sub)
{
	/* (H): what the last callout did, before it counts as returned */
	smp_store_release(&range->calling, sub);
}

/*
 * Wait under the lock, which is dropped meanwhile, for a condition that
 * changes under it.  Whoever changes it wakes subs->wq.
 */
#define mn_wait(subs, condition)					\
	wait_event_cmd((subs)->wq, condition, mn_unlock(subs), mn_lock(subs))

/* The ranges in flight that overlap [first, end]; under the lock. */
#define mn_for_each_range(range, subs, first, end)			\
	for (range = mn_range(range_tracker_first(			\
			&(subs)->tracker, first, end));			\
	     range;							\
	     range = mn_range(range_tracker_next(			\
			&(subs)->tracker, &range->tracked, first, end)))

static inline struct mmu_notifier_range *mn_range(struct tracked_range *range)
{
	return range ? container_of(range, struct mmu_notifier_range, tracked) :
		       NULL;
}

/*
 * Walk the subscribers of @mm that are not leaving.  Caller is an RCU reader,
 * which keeps each of them until it has returned: one that leaves is taken off
 * the list and waits for a grace period.
 */
#define for_each_nonsleeping(sub, subs, mm)				\
	for (subs = rcu_dereference((mm)->notifier_subscriptions); subs;\
	     subs = NULL)						\
		hlist_for_each_entry_rcu(sub, &subs->list, hlist)	\
			if (!READ_ONCE((sub)->leaving))

/* mmu_notifier.c */
bool mn_track(struct mmu_notifier_range *range);
void mn_untrack(struct mmu_notifier_range *range);
void mn_wait_called(struct mmu_notifier_subscriptions *subs, const void *sub);
int mn_traced_start(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range);
void mn_traced_end(struct mmu_notifier *sub,
		   const struct mmu_notifier_range *range);
void mn_warn_context(const void *callout, int preempt);
int mn_refused(const struct mmu_notifier *sub,
	       const struct mmu_notifier_range *range, int ret);

/* mmu_notifier_slotless.c */
void mn_unpin(struct mmu_notifier_subscriptions *subs, unsigned int *pins,
	      bool leaving);
int mn_slotless_start(struct mmu_notifier_range *range, u64 *failed);
void mn_slotless_end(struct mmu_notifier_range *range, u64 failed);
void mn_slotless_settle(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub);

/* mmu_notifier_interval.c */
int mn_call_intervals(struct mmu_notifier_range *range);
void mn_intervals_release(struct mm_struct *mm);
unsigned long mn_next_seq(struct mmu_notifier_subscriptions *subs);

/* mmu_notifier_register.c */
struct mmu_notifier_subscriptions *mn_hold(struct mm_struct *mm);
int mn_create(struct mm_struct *mm, struct mmu_notifier *sub);
void mn_drop(struct mmu_notifier_subscriptions *subs, struct mm_struct *mm);
int mn_wait_ranges(struct mmu_notifier_subscriptions *subs, unsigned int state);

/* mmu_notifier_filter.c */
u64 mn_filter(struct mmu_notifier_subscriptions *subs,
	      const struct mmu_notifier_range *range, u64 todo);
void mn_filter_init(struct mmu_notifier *sub);
void mn_filter_drop(struct mmu_notifier_subscriptions *subs,
		    struct mmu_notifier *sub);
void mn_find_owner(struct mmu_notifier_subscriptions *subs,
		   struct mmu_notifier_range *range);

/* mmu_notifier_flush.c */
int mn_flush_untracked(struct mm_struct *mm);

/* Does [start, end) overlap the bounds of a subscriber's filters? */
static inline bool mn_in_hull(const struct mmu_notifier *sub,
			      unsigned long start, unsigned long end)
{
	return READ_ONCE(sub->first_filtered) < end &&
	       READ_ONCE(sub->last_filtered) >= start;
}

/*
 * The subscriptions of an mm in which the caller has one, or holds one by
 * mn_hold(): they cannot go away.
 */
static inline struct mmu_notifier_subscriptions *mn_of(struct mm_struct *mm)
{
	return rcu_dereference_protected(mm->notifier_subscriptions, true);
}

/*
 * Bracket a callout.  One that must not sleep is told so to might_sleep(), and
 * a debug kernel checks that it left the preemption count alone.  (Not on RT,
 * where might_sleep() would object to the spinlocks of the callout as well.)
 */
static inline int mn_enter(bool may_sleep)
{
	if (!may_sleep && !IS_ENABLED(CONFIG_PREEMPT_RT))
		non_block_start();
	return IS_ENABLED(CONFIG_MMU_NOTIFIER_DEBUG) ? preempt_count() : 0;
}

static inline void mn_leave(bool may_sleep, int preempt, const void *callout)
{
	if (IS_ENABLED(CONFIG_MMU_NOTIFIER_DEBUG) &&
	    unlikely(preempt != preempt_count()))
		mn_warn_context(callout, preempt);
	if (!may_sleep && !IS_ENABLED(CONFIG_PREEMPT_RT))
		non_block_end();
}

/**
 * mn_call_start() - call one subscriber's start
 * @sub:   the subscriber, which has the op and is kept
 * @range: the range
 *
 * Return: 0, or -EAGAIN to have a range that must not block called off.
 */
static __always_inline int mn_call_start(struct mmu_notifier *sub,
					 const struct mmu_notifier_range *range)
{
	int (*start)(struct mmu_notifier *sub,
		     const struct mmu_notifier_range *range) =
		sub->ops->invalidate_range_start;
	int ret, preempt;

	preempt = mn_enter(mmu_notifier_range_blockable(range));
	if (trace_mmu_notifier_callout_enabled())
		ret = mn_traced_start(sub, range);
	else
		ret = start(sub, range);
	mn_leave(mmu_notifier_range_blockable(range), preempt, start);
	return unlikely(ret) ? mn_refused(sub, range, ret) : 0;
}

/**
 * mn_call_end() - call one subscriber's end
 * @sub:   the subscriber, which has the op and is kept
 * @range: the range, or a copy of it
 */
static __always_inline void mn_call_end(struct mmu_notifier *sub,
					const struct mmu_notifier_range *range)
{
	void (*end)(struct mmu_notifier *sub,
		    const struct mmu_notifier_range *range) =
		sub->ops->invalidate_range_end;
	bool may_sleep = mmu_notifier_range_blockable(range);
	int preempt;

	preempt = mn_enter(may_sleep);
	if (trace_mmu_notifier_callout_enabled())
		mn_traced_end(sub, range);
	else
		end(sub, range);
	mn_leave(may_sleep, preempt, end);
}

#endif /* _MM_MMU_NOTIFIER_INTERNAL_H */
