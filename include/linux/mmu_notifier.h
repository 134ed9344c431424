/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: keep secondary translations coherent with the page tables.
 *
 * A secondary MMU (a hypervisor's nested or shadow page table, a device TLB,
 * another process's attachment) maps pages of an mm without being the CPU's
 * page table.  Code that changes the page table brackets the change,
 *
 *	mmu_notifier_range_init(&range, event, 0, mm, start, end);
 *	mmu_notifier_invalidate_range_start(&range);
 *	... change page table entries in [start, end), free what they mapped ...
 *	mmu_notifier_invalidate_range_end(&range);
 *
 * and the core calls out to the subscribers of the mm.  What each callout may
 * do, and what it may rely on, stands at struct mmu_notifier_ops and struct
 * mmu_interval_notifier_ops.  The whole picture, with the table of callers and
 * the argument why it is right, is in Documentation/mm/mmu_notifier.rst.
 */
#ifndef _LINUX_MMU_NOTIFIER_H
#define _LINUX_MMU_NOTIFIER_H

#include <linux/interval_tree.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier_cause.h>
#include <linux/mmu_notifier_filter.h>
#include <linux/range_tracker.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct mmu_notifier_subscriptions;
struct mmu_notifier_range;
struct mn_batch;
struct mmu_notifier;
struct mmu_interval_notifier;
struct mmu_notifier_aging;

/* Callouts of this range may sleep. */
#define MMU_NOTIFIER_RANGE_BLOCKABLE	BIT(0)
/* Set and read by the core alone: the range is in flight. */
#define MMU_NOTIFIER_RANGE_TRACKED	BIT(1)

/**
 * struct mmu_notifier_ops - callouts of a list subscriber
 *
 * Every member may be NULL.  A *sleeping* callout runs in the context of the
 * task that changes the page table, which holds mmap_lock, a VMA lock or the
 * reverse map locks of the range, but no spinlock; it may block, but neither
 * wait for one of those locks nor allocate memory in a way that reclaims.  A
 * pin on its own subscription keeps it alive.  A *non-sleeping* callout runs
 * under RCU, and often under a page-table lock.
 *
 * @release: sleeping.  Called once: when the address space goes away, before
 *	any of its pages is freed by that, or by mmu_notifier_unregister().
 *	All secondary translations must be gone on return and none may be made
 *	afterwards.  Other callouts can run beside it.  After it, only those
 *	can still come that had been chosen before, and the ends that are owed.
 * @clear_flush_young: non-sleeping.  Test and clear the accessed state of
 *	[start, end) in the secondary MMU, flush if it was set.  Non-zero if
 *	any page was accessed.
 * @clear_young: non-sleeping.  The same, but the flush may be left out.
 * @test_young: non-sleeping.  Report the accessed state of one page.
 * @age: in place of these three, which are not called then.  Answer for the
 *	pages that @aging names, see struct mmu_notifier_aging; non-zero if
 *	any of them was accessed.  Non-sleeping, unless @age_may_sleep is set
 *	and mmu_notifier_aging_blockable(): then sleeping, in reclaim, under
 *	the reverse map lock of the pages.
 * @age_may_sleep: @age comes in that way where the caller can wait for it.
 * @invalidate_range_start: sleeping if mmu_notifier_range_blockable(), else it
 *	must not block and may return -EAGAIN to have the change called off.
 *	All pages are still mapped and referenced.  On return no secondary
 *	translation of the range may be left, and none may be made until the
 *	end.  A start that returned an error gets no end.
 * @invalidate_range_end: sleeping if mmu_notifier_range_blockable().  The
 *	change is complete.  Called exactly once for each start that returned
 *	zero; by whoever unregisters, if that comes first.  The range may be
 *	another copy than the one that start saw.
 * @arch_invalidate_secondary_tlbs: non-sleeping.  For a secondary TLB that
 *	walks the CPU's own page table: entries of [start, end) have been
 *	cleared and flushed from the CPUs' TLBs.  Excludes start and end.
 * @alloc_notifier: sleeping, for mmu_notifier_get(): allocate a subscription.
 * @free_notifier: sleeping, for mmu_notifier_put(): free it.  No callout is
 *	running or will run.
 * @events: of start and end: the events that concern it, by MMU_NOTIFY_BIT();
 *	0 is all of them
 * @filtered: start and end come for ranges only that overlap a filter which
 *	the subscriber has added (mmu_notifier_filter_add())
 *
 * What @events and @filtered hold back is a saving, not a promise: a subscriber
 * beyond the first 64 of its mm is called for addresses that it did not ask for.
 */
struct mmu_notifier_ops {
	void (*release)(struct mmu_notifier *subscription,
			struct mm_struct *mm);
	int (*clear_flush_young)(struct mmu_notifier *subscription,
				 struct mm_struct *mm,
				 unsigned long start, unsigned long end);
	int (*clear_young)(struct mmu_notifier *subscription,
			   struct mm_struct *mm,
			   unsigned long start, unsigned long end);
	int (*test_young)(struct mmu_notifier *subscription,
			  struct mm_struct *mm, unsigned long address);
	int (*age)(struct mmu_notifier *subscription,
		   const struct mmu_notifier_aging *aging);
	bool age_may_sleep;
	int (*invalidate_range_start)(struct mmu_notifier *subscription,
				      const struct mmu_notifier_range *range);
	void (*invalidate_range_end)(struct mmu_notifier *subscription,
				     const struct mmu_notifier_range *range);
	void (*arch_invalidate_secondary_tlbs)(struct mmu_notifier *subscription,
					       struct mm_struct *mm,
					       unsigned long start,
					       unsigned long end);
	struct mmu_notifier *(*alloc_notifier)(struct mm_struct *mm);
	void (*free_notifier)(struct mmu_notifier *subscription);
	unsigned long events;
	bool filtered;
};

/**
 * struct mmu_notifier - a list subscriber: concerned with a whole mm
 * @hlist:   place in the mm's list
 * @ops:     the callouts; set by the subscriber before it registers
 * @mm:      the mm, on which a subscription holds an mmgrab() reference
 * @users:   mmu_notifier_get() minus mmu_notifier_put()
 * @slot:    bit in the masks of &struct mmu_notifier_range, or -1
 * @pins:    callouts running, of release, of an @age that may sleep, or of
 *           those without a slot
 * @claimed: release, unregister or put has begun; set once, by the one who
 *           is to complete it
 * @by_put:  mmu_notifier_put() claimed it
 * @leaving: ranges that start from now on are no concern of this subscriber
 * @gone:    whoever claimed it is through
 * @slotless: wants starts or ends, and there was no slot left
 * @seq:     order of registration in the mm
 * @leave:   the last range that @leaving does not hide, if @slotless
 * @next_gone: chain of those that exit_mmap() is through with
 * @filters: addresses that concern it, if @ops->filtered
 * @work:    completes mmu_notifier_put()
 *
 * The subscriber owns the memory, from registration to the return of
 * mmu_notifier_unregister(), or until @ops->free_notifier.  All that follows
 * @mm is the core's and protected by &mmu_notifier_subscriptions.lock.
 */
struct mmu_notifier {
	struct hlist_node hlist;
	const struct mmu_notifier_ops *ops;
	struct mm_struct *mm;
	unsigned int users;
	int slot;
	unsigned int pins;
	bool claimed;
	bool by_put;
	bool leaving;
	bool gone;
	bool slotless;
	u64 seq;
	unsigned long leave;
	struct mmu_notifier *next_gone;
	struct hlist_head filters;
	struct work_struct work;
};

/**
 * struct mmu_interval_notifier_ops - callout of an interval subscriber
 * @invalidate: sleeping if mmu_notifier_range_blockable().  Take the lock that
 *	serialises making translations, call mmu_interval_set_seq(), and drop
 *	all translations in the range.  Return false only if that would need
 *	to block and must not; then the change is called off.
 * @events: the events that concern it, by MMU_NOTIFY_BIT(); 0 is all of them.
 *	Without MMU_NOTIFY_RELEASE it is not told that the mm goes away.
 */
struct mmu_interval_notifier_ops {
	bool (*invalidate)(struct mmu_interval_notifier *interval_sub,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq);
	unsigned long events;
};

/**
 * struct mmu_interval_notifier - a subscriber concerned with an interval
 * @interval_tree:  the interval, bounds inclusive
 * @ops:            the callout
 * @mm:             the mm, on which a subscription holds an mmgrab() reference
 * @invalidate_seq: written by mmu_interval_set_seq(), under the user's lock
 * @id:             order of insertion in the mm
 *
 * The subscriber owns the memory, from insertion to the return of
 * mmu_interval_notifier_remove().
 */
struct mmu_interval_notifier {
	struct interval_tree_node interval_tree;
	const struct mmu_interval_notifier_ops *ops;
	struct mm_struct *mm;
	unsigned long invalidate_seq;
	u64 id;
};

#ifdef CONFIG_MMU_NOTIFIER

#ifdef CONFIG_LOCKDEP
extern struct lockdep_map __mmu_notifier_invalidate_range_start_map;
#endif

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

static inline int mm_has_notifiers(struct mm_struct *mm)
{
	return unlikely(rcu_access_pointer(mm->notifier_subscriptions));
}

int mmu_notifier_register(struct mmu_notifier *subscription,
			  struct mm_struct *mm);
int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm);
void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm);
struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm);
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm);
void mmu_notifier_put(struct mmu_notifier *subscription);
struct range_tracker *mmu_notifier_ranges(struct mmu_notifier *subscription);
void mmu_notifier_synchronize(void);

int mmu_interval_notifier_insert(struct mmu_interval_notifier *interval_sub,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops);
int
mmu_interval_notifier_insert_locked(struct mmu_interval_notifier *interval_sub,
				    struct mm_struct *mm, unsigned long start,
				    unsigned long length,
				    const struct mmu_interval_notifier_ops *ops);
void mmu_interval_notifier_remove(struct mmu_interval_notifier *interval_sub);
unsigned long
mmu_interval_read_begin(struct mmu_interval_notifier *interval_sub);

/**
 * mmu_interval_set_seq() - tell readers that an invalidation came
 * @interval_sub: the subscription given to ops->invalidate
 * @cur_seq: the sequence number given to ops->invalidate
 *
 * Only needed by subscribers that use mmu_interval_read_begin(), and then
 * needed in every callout.
 *
 * Context: Inside ops->invalidate, under the lock that
 * mmu_interval_read_retry() is called under.
 */
static inline void
mmu_interval_set_seq(struct mmu_interval_notifier *interval_sub,
		     unsigned long cur_seq)
{
	/* Read without the user's lock by mmu_interval_check_retry(). */
	WRITE_ONCE(interval_sub->invalidate_seq, cur_seq);
}

/**
 * mmu_interval_check_retry() - is it pointless to go on?
 * @interval_sub: the subscription
 * @seq: what mmu_interval_read_begin() returned
 *
 * A hint for long reads, under no lock.
 *
 * Return: true if mmu_interval_read_retry() is going to be true; false says
 * nothing.
 */
static inline bool
mmu_interval_check_retry(struct mmu_interval_notifier *interval_sub,
			 unsigned long seq)
{
	return READ_ONCE(interval_sub->invalidate_seq) != seq;
}

/**
 * mmu_interval_read_retry() - must what was read be thrown away?
 * @interval_sub: the subscription
 * @seq: what mmu_interval_read_begin() returned
 *
 * Context: Caller holds the lock under which ops->invalidate calls
 * mmu_interval_set_seq(), and makes its translations before dropping it.
 * Return: true if an invalidation of the interval came in between.
 */
static inline bool
mmu_interval_read_retry(struct mmu_interval_notifier *interval_sub,
			unsigned long seq)
{
	return mmu_interval_check_retry(interval_sub, seq);
}

int __mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range);
void __mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range);
void __mmu_notifier_release(struct mm_struct *mm);
void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm);
int __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				     unsigned long end);
int __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
			       unsigned long end);
int __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address);
void __mmu_notifier_arch_invalidate_secondary_tlbs(struct mm_struct *mm,
						   unsigned long start,
						   unsigned long end);

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

/**
 * mmu_notifier_invalidate_range_start() - before page table entries change
 * @range: an initialised range
 *
 * On return no subscriber holds a translation of the range, nor will make one
 * before mmu_notifier_invalidate_range_end().
 *
 * Context: May sleep.  Caller holds mmap_lock, the VMA lock, or the reverse
 * map lock by which it found the mapping, took it before this call, and keeps
 * it until after the end.
 */
static inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range)
{
	might_sleep();

	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	if (mm_has_notifiers(range->mm)) {
		range->flags |= MMU_NOTIFIER_RANGE_BLOCKABLE;
		__mmu_notifier_invalidate_range_start(range);
	}
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
}

/**
 * mmu_notifier_invalidate_range_start_nonblock() - the same, without sleeping
 * @range: an initialised range
 *
 * For the OOM killer and its like, which must not wait for a subscriber.
 *
 * Context: As mmu_notifier_invalidate_range_start(), but does not sleep.
 * Return: 0, or -EAGAIN if a subscriber would have to block.  Then the start
 * has been taken back from all who saw it: nothing may be changed, and
 * mmu_notifier_invalidate_range_end() is not due.
 */
static inline int __must_check
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{
	int ret = 0;
	/* Here as above, lockdep is told even if there is no callout. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	if (mm_has_notifiers(range->mm)) {
		range->flags &= ~MMU_NOTIFIER_RANGE_BLOCKABLE;
		ret = __mmu_notifier_invalidate_range_start(range);
	}
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	return ret;
}

/**
 * mmu_notifier_invalidate_range_end() - the change is complete
 * @range: the range that was started
 *
 * Goes by what the start stored in @range, whoever registered since.
 *
 * Context: May sleep if the range is blockable.  Same locks as at the start.
 */
static inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range)
{
	if (unlikely(range->flags & MMU_NOTIFIER_RANGE_TRACKED))
		__mmu_notifier_invalidate_range_end(range);
}

/**
 * mmu_notifier_arch_invalidate_secondary_tlbs() - entries have been flushed
 * @mm:    whose page table changed
 * @start: first address
 * @end:   address after the last
 *
 * For TLB flushing code.  The entries must be cleared, and the CPUs' TLBs
 * flushed or the flush be queued.
 *
 * Context: Any that allows RCU readers.  A full memory barrier lies between
 * the clearing of the entries and this call.
 */
static inline void
mmu_notifier_arch_invalidate_secondary_tlbs(struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_arch_invalidate_secondary_tlbs(mm, start, end);
}

/* exit_mmap() calls this before it unmaps anything.  May sleep. */
static inline void mmu_notifier_release(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_release(mm);
}

static inline int mmu_notifier_clear_flush_young(struct mm_struct *mm,
						 unsigned long start,
						 unsigned long end)
{
	if (!mm_has_notifiers(mm))
		return 0;
	return __mmu_notifier_clear_flush_young(mm, start, end);
}

static inline int mmu_notifier_clear_young(struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{
	if (!mm_has_notifiers(mm))
		return 0;
	return __mmu_notifier_clear_young(mm, start, end);
}

static inline int mmu_notifier_test_young(struct mm_struct *mm,
					  unsigned long address)
{
	if (!mm_has_notifiers(mm))
		return 0;
	return __mmu_notifier_test_young(mm, address);
}

static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm)
{
	RCU_INIT_POINTER(mm->notifier_subscriptions, NULL);
}

static inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	if (mm_has_notifiers(mm))
		__mmu_notifier_subscriptions_destroy(mm);
}

/*
 * Age the primary entry with @primary, then the secondary ones with
 * @secondary: in this order, so that an access through the secondary MMU that
 * re-creates its entry from the primary one is not lost.
 */
#define mmu_notifier_age(primary, secondary, vma, addr, entry, size)	\
({									\
	struct vm_area_struct *__age_vma = (vma);			\
	unsigned long __age_addr = (addr);				\
	int __age = primary(__age_vma, __age_addr, entry);		\
									\
	__age | (secondary)(__age_vma->vm_mm, __age_addr,		\
			    __age_addr + (size));			\
})

#define ptep_clear_flush_young_notify(vma, addr, ptep)			\
	mmu_notifier_age(ptep_clear_flush_young,			\
			 mmu_notifier_clear_flush_young,		\
			 vma, addr, ptep, PAGE_SIZE)
#define pmdp_clear_flush_young_notify(vma, addr, pmdp)			\
	mmu_notifier_age(pmdp_clear_flush_young,			\
			 mmu_notifier_clear_flush_young,		\
			 vma, addr, pmdp, PMD_SIZE)
#define ptep_clear_young_notify(vma, addr, ptep)			\
	mmu_notifier_age(ptep_test_and_clear_young,			\
			 mmu_notifier_clear_young,			\
			 vma, addr, ptep, PAGE_SIZE)
#define pmdp_clear_young_notify(vma, addr, pmdp)			\
	mmu_notifier_age(pmdp_test_and_clear_young,			\
			 mmu_notifier_clear_young,			\
			 vma, addr, pmdp, PMD_SIZE)

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

#define ptep_clear_flush_young_notify	ptep_clear_flush_young
#define pmdp_clear_flush_young_notify	pmdp_clear_flush_young
#define ptep_clear_young_notify		ptep_test_and_clear_young
#define pmdp_clear_young_notify		pmdp_test_and_clear_young

static inline int mm_has_notifiers(struct mm_struct *mm) { return 0; }
static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{ return true; }
static inline void
mmu_notifier_invalidate_range_start(struct mmu_notifier_range *range) { }
static inline int
mmu_notifier_invalidate_range_start_nonblock(struct mmu_notifier_range *range)
{ return 0; }
static inline void
mmu_notifier_invalidate_range_end(struct mmu_notifier_range *range) { }
static inline void
mmu_notifier_arch_invalidate_secondary_tlbs(struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end) { }
static inline int mmu_notifier_clear_flush_young(struct mm_struct *mm,
						 unsigned long start,
						 unsigned long end)
{ return 0; }
static inline int mmu_notifier_clear_young(struct mm_struct *mm,
					   unsigned long start,
					   unsigned long end)
{ return 0; }
static inline int mmu_notifier_test_young(struct mm_struct *mm,
					  unsigned long address) { return 0; }
static inline void mmu_notifier_release(struct mm_struct *mm) { }
static inline void mmu_notifier_synchronize(void) { }
static inline void mmu_notifier_subscriptions_init(struct mm_struct *mm) { }
static inline void mmu_notifier_subscriptions_destroy(struct mm_struct *mm) { }

#endif /* CONFIG_MMU_NOTIFIER */

#endif /* _LINUX_MMU_NOTIFIER_H */
