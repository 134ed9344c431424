/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the MMU notifier core share.
 *
 *	mmu_notifier.c		 invalidations: start, end, rollback
 *	mmu_notifier_interval.c	 interval subscribers and their readers
 *	mmu_notifier_young.c	 non-sleeping callouts: aging, secondary TLBs
 *	mmu_notifier_register.c	 who subscribes: register, unregister, exit
 *	mmu_notifier_flush.c	 drain what began before the first subscriber
 *	range_tracker.c		 ranges in flight and readers' tickets
 */
#ifndef _MM_MMU_NOTIFIER_INTERNAL_H
#define _MM_MMU_NOTIFIER_INTERNAL_H

#include <linux/mmu_notifier.h>
#include <linux/sched.h>
#include <linux/wait.h>

/**
 * struct mmu_notifier_subscriptions - all that subscribe to one mm
 * @tracker:   ranges in flight; its lock protects all of this struct
 * @list:      list subscribers, youngest first; walked under RCU by aging
 * @intervals: interval subscribers
 * @users:     subscriptions of both kinds, and transient holders
 * @ready:     no invalidation that began before publication is left
 * @list_seq:  registration number of the youngest list subscriber
 * @slots:     bits of &mmu_notifier_range.seen in use
 * @seq:       last sequence number given to an interval subscriber; odd
 * @wq:        waiters for a pin to go, or for a subscription to be gone
 * @rcu:       frees it
 *
 * ==============  =====================================================
 * lifetime        published in mm->notifier_subscriptions while @users
 *                 is not zero; freed, after a grace period, when @users
 *                 is zero and no range is in flight
 * ==============  =====================================================
 * @list           written under the lock; RCU readers may be late
 * @ready          set once, under the lock
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
	u64 list_seq;
	u64 slots;
	unsigned long seq;
	wait_queue_head_t wq;
	struct rcu_head rcu;
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
 * Wait under the lock, which is dropped meanwhile, for a condition that
 * changes under it.  Whoever changes it wakes subs->wq.
 */
#define mn_wait(subs, condition)					\
	wait_event_cmd((subs)->wq, condition, mn_unlock(subs), mn_lock(subs))

/* mmu_notifier.c */
bool mn_track(struct mmu_notifier_range *range);
void mn_untrack(struct mmu_notifier_range *range);
void mn_unpin(struct mmu_notifier_subscriptions *subs, unsigned int *pins,
	      bool leaving);
void mn_call_end(struct mmu_notifier *sub,
		 const struct mmu_notifier_range *range);
void mn_warn_context(const void *callout, int preempt);

/* mmu_notifier_interval.c */
int mn_intervals_start(struct mmu_notifier_range *range);
void mn_intervals_release(struct mm_struct *mm);
unsigned long mn_next_seq(struct mmu_notifier_subscriptions *subs);

/* mmu_notifier_register.c */
struct mmu_notifier_subscriptions *mn_hold(struct mm_struct *mm);
int mn_create(struct mm_struct *mm, struct mmu_notifier *sub);
void mn_drop(struct mmu_notifier_subscriptions *subs, struct mm_struct *mm);
void mn_maybe_free(struct mmu_notifier_subscriptions *subs);

/* mmu_notifier_flush.c */
int mn_flush_untracked(struct mm_struct *mm);

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

#endif /* _MM_MMU_NOTIFIER_INTERNAL_H */
