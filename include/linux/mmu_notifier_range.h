/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: what describes an invalidation, for those who change page
 * tables.  How it starts and ends, and who hears of it: linux/mmu_notifier.h.
 */
#ifndef _LINUX_MMU_NOTIFIER_RANGE_H
#define _LINUX_MMU_NOTIFIER_RANGE_H

#include <linux/bits.h>
#include <linux/mmu_notifier_cause.h>
#include <linux/range_tracker.h>
#include <linux/types.h>

struct mm_struct;
struct mmu_notifier_subscriptions;
struct mn_batch;

/* Callouts of this range may sleep. */
#define MMU_NOTIFIER_RANGE_BLOCKABLE	BIT(0)
/* Set and read by the core alone: the range is in flight. */
#define MMU_NOTIFIER_RANGE_TRACKED	BIT(1)

#ifdef CONFIG_MMU_NOTIFIER

/**
 * struct mmu_notifier_range - an invalidation, from its start to its end
 * @mm:       whose page table changes
 * @start:    first address, page aligned
 * @end:      address after the last, page aligned
 * @flags:    MMU_NOTIFIER_RANGE_*
 * @event:    what it means for translations, &enum mmu_notifier_event
 * @cause:    why, &enum mmu_notifier_cause
 * @owner:    who caused it, if that is known; see &struct mmu_notifier_scope
 * @subs:     the subscriptions that saw the start
 * @tracked:  place among the ranges in flight
 * @list_seq: list subscribers that registered later are not concerned
 * @todo:     slots that may be called: all when it began, until they leave
 * @owed:     slots that saw the start and have not seen the end
 * @paid:     slots whose subscriber has left, and looked after what was owed
 * @calling:  the subscriber on which a callout runs
 * @batch:    interval subscribers to call
 * @began:    time of the start, if traced
 *
 * Owned by the task that changes the page table, on its stack.  What follows
 * @owner is the core's, and valid while MMU_NOTIFIER_RANGE_TRACKED is set in
 * @flags.
 *
 * =========  ==========================================================
 * field      written
 * =========  ==========================================================
 * todo       under the lock of the subscriptions
 * owed       by the owner, with no lock
 * paid       under the lock
 * calling    by the owner, release (H)
 * batch      under the lock
 * the rest   by the owner, before the range is in flight
 * =========  ==========================================================
 */
struct mmu_notifier_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	/* Written at once with the flags, so that a cause costs nothing. */
	enum mmu_notifier_event event : 16;
	enum mmu_notifier_cause cause : 16;
	void *owner;

	struct mmu_notifier_subscriptions *subs;
	struct tracked_range tracked;
	u64 list_seq;
	u64 todo;
	u64 owed;
	u64 paid;
	const void *calling;
	struct mn_batch *batch;
	u64 began;
};

/* What the functions that describe an invalidation have in common. */
static __always_inline void
__mmu_notifier_range_init(struct mmu_notifier_range *range,
			  enum mmu_notifier_event event,
			  enum mmu_notifier_cause cause, unsigned int flags,
			  struct mm_struct *mm, unsigned long start,
			  unsigned long end, void *owner)
{
	range->mm = mm;
	range->start = start;
	range->end = end;
	range->flags = flags;
	range->event = event;
	range->cause = cause;
	range->owner = owner;
}

/**
 * mmu_notifier_range_init_cause() - describe an invalidation
 * @range: the range, on the caller's stack
 * @cause: why; the event follows from it
 * @mm:    whose page table is going to change
 * @start: first address
 * @end:   address after the last
 */
static __always_inline void
mmu_notifier_range_init_cause(struct mmu_notifier_range *range,
			      enum mmu_notifier_cause cause,
			      struct mm_struct *mm, unsigned long start,
			      unsigned long end)
{
	__mmu_notifier_range_init(range, mmu_notifier_event_of(cause), cause, 0,
				  mm, start, end, NULL);
}

/**
 * mmu_notifier_range_init_cause_owner() - the same, saying who caused it
 * @range: the range, on the caller's stack
 * @cause: why; the event follows from it
 * @mm:    whose page table is going to change
 * @start: first address
 * @end:   address after the last
 * @owner: compared by subscribers with their own idea of who they are
 */
static __always_inline void
mmu_notifier_range_init_cause_owner(struct mmu_notifier_range *range,
				    enum mmu_notifier_cause cause,
				    struct mm_struct *mm, unsigned long start,
				    unsigned long end, void *owner)
{
	__mmu_notifier_range_init(range, mmu_notifier_event_of(cause), cause, 0,
				  mm, start, end, owner);
}

/**
 * mmu_notifier_range_init() - the same by event, for those who know no cause
 * @range: the range, on the caller's stack
 * @event: what it means for translations
 * @flags: zero
 * @mm:    whose page table is going to change
 * @start: first address
 * @end:   address after the last
 */
static inline void mmu_notifier_range_init(struct mmu_notifier_range *range,
					   enum mmu_notifier_event event,
					   unsigned int flags,
					   struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{
	__mmu_notifier_range_init(range, event, MMU_CAUSE_UNKNOWN, flags, mm,
				  start, end, NULL);
}

/**
 * mmu_notifier_range_init_owner() - the same by event, saying who caused it
 * @range: the range, on the caller's stack
 * @event: what it means for translations
 * @flags: zero
 * @mm:    whose page table is going to change
 * @start: first address
 * @end:   address after the last
 * @owner: compared by subscribers with their own idea of who they are
 */
static inline void
mmu_notifier_range_init_owner(struct mmu_notifier_range *range,
			      enum mmu_notifier_event event,
			      unsigned int flags, struct mm_struct *mm,
			      unsigned long start, unsigned long end,
			      void *owner)
{
	__mmu_notifier_range_init(range, event, MMU_CAUSE_UNKNOWN, flags, mm,
				  start, end, owner);
}

/* May callouts of @range sleep? */
static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return range->flags & MMU_NOTIFIER_RANGE_BLOCKABLE;
}

#else /* !CONFIG_MMU_NOTIFIER */

/* Just enough for callers that use the bounds themselves. */
struct mmu_notifier_range {
	unsigned long start;
	unsigned long end;
};

#define mmu_notifier_range_init(range, event, flags, mm, first, after)	\
	((range)->start = (first), (range)->end = (after))
#define mmu_notifier_range_init_owner(range, event, flags, mm, first,	\
				      after, owner)			\
	mmu_notifier_range_init(range, event, flags, mm, first, after)
#define mmu_notifier_range_init_cause(range, cause, mm, first, after)	\
	mmu_notifier_range_init(range, 0, 0, mm, first, after)
#define mmu_notifier_range_init_cause_owner(range, cause, mm, first,	\
					    after, owner)		\
	mmu_notifier_range_init(range, 0, 0, mm, first, after)

static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{ return true; }

#endif /* CONFIG_MMU_NOTIFIER */

#endif /* _LINUX_MMU_NOTIFIER_RANGE_H */
