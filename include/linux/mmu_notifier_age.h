/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: asking secondary MMUs which pages were accessed.
 *
 * Reclaim and others look at one page-table entry after the other, but a
 * subscriber is asked once for all of them.  The walk keeps a batch on its
 * stack:
 *
 *	struct mmu_age_batch age __uninitialized;
 *
 *	mmu_age_begin(&age, mm, flags, reason);
 *	for each entry, under its page-table lock:
 *		age the entry itself, then mmu_age_add(&age, addr, size);
 *	drop the lock;
 *	young |= mmu_age_deliver(&age);
 *
 * The primary entry is aged before the secondary ones, so that an access
 * through a secondary MMU which re-creates its entry from the primary one is
 * seen by one of the two.  A batch that is never delivered loses nothing: what
 * was only added is still young where it was.
 *
 * Walks that need an answer for each page, while they hold the page-table
 * lock, note the candidates first and take the answers afterwards:
 *
 *	mmu_age_begin_pmd(&age, addr);
 *	for each candidate: mmu_age_note_pte(&age, vma, addr, pte);
 *	mmu_age_ask(&age, reason);
 *	for each entry: if (mmu_age_take_pte(&age, vma, addr, pte)) ...
 *
 * Neighbours of the pages that a walk is about are noted only once one of these
 * is known to be young: by a function of the walk's, within the callout, see
 * mmu_age_begin_around().
 *
 * An address space without subscribers pays the test of age->mm.
 */
#ifndef _LINUX_MMU_NOTIFIER_AGE_H
#define _LINUX_MMU_NOTIFIER_AGE_H

#include <linux/bitmap.h>
#include <linux/mmu_notifier.h>

/* Forget what is reported; without it, only look. */
#define MMU_AGING_CLEAR		BIT(0)
/* With CLEAR: flush the secondary TLBs of what was accessed. */
#define MMU_AGING_FLUSH		BIT(1)
/* Callouts may sleep, on subscribers that have age_may_sleep. */
#define MMU_AGING_BLOCKABLE	BIT(2)

struct mmu_age_batch;

/**
 * enum mmu_aging_reason - who asks for the age of pages
 * @MMU_AGING_FOR_OTHER: somebody who did not say
 * @MMU_AGING_FOR_RECLAIM: reclaim, about one folio that it may evict
 * @MMU_AGING_FOR_LOOK_AROUND: the same under MGLRU, about its neighbours too
 * @MMU_AGING_FOR_WALK: MGLRU, walking page tables
 * @MMU_AGING_FOR_IDLE: idle page tracking
 * @MMU_AGING_FOR_DAMON: DAMON
 * @MMU_AGING_FOR_COLLAPSE: khugepaged, about what it may make huge
 */
enum mmu_aging_reason {
	MMU_AGING_FOR_OTHER,
	MMU_AGING_FOR_RECLAIM,
	MMU_AGING_FOR_LOOK_AROUND,
	MMU_AGING_FOR_WALK,
	MMU_AGING_FOR_IDLE,
	MMU_AGING_FOR_DAMON,
	MMU_AGING_FOR_COLLAPSE,
};

/**
 * struct mmu_notifier_aging - what an age callout is asked
 * @mm:     whose pages
 * @start:  first address, page aligned
 * @end:    address after the last, page aligned
 * @flags:  MMU_AGING_*
 * @reason: who asks
 * @pages:  bit i: the page at @start + i * PAGE_SIZE is asked about; NULL: all
 * @young:  bit i is to be set if that page was accessed, and may be set
 *          already; NULL: the return value is all that matters
 * @own_start: the pages from here,
 * @own_end:   to here, are what the caller came for; 0: all are.  The others
 *          are neighbours, and of interest if one of the own pages is young.
 *          At first they may be missing in @pages: answer for the own pages,
 *          and if mmu_notifier_aging_more() then says so, for all
 * @around: the core's: who knows the neighbours
 */
struct mmu_notifier_aging {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	unsigned int flags;
	enum mmu_aging_reason reason;
	const unsigned long *pages;
	unsigned long *young;
	unsigned long own_start;
	unsigned long own_end;
	struct mmu_age_batch *around;
};

/* May this callout sleep? */
static inline bool
mmu_notifier_aging_blockable(const struct mmu_notifier_aging *aging)
{
	return aging->flags & MMU_AGING_BLOCKABLE;
}

/* What one batch can hold: as much as a page table of 4 KiB entries maps. */
#define MMU_AGE_WINDOW		512

/**
 * struct mmu_age_batch - pages of one walk, to be asked about in one callout
 * @mm:     whose pages; NULL: there is nobody to ask, and nothing else is set
 * @flags:  MMU_AGING_*
 * @reason: who asks
 * @nr:     pages from @base to the last one in it; 0: empty, and what follows
 *          @asked is not set
 * @young:  of what has been delivered: the young pages, if each was asked
 *          about, or else the questions to which the answer was yes
 * @own_start: as in struct mmu_notifier_aging
 * @own_end:   as in struct mmu_notifier_aging
 * @more:   notes neighbours, and is called no more than once
 * @data:   for @more
 * @asked:  the PMD of which candidates are noted, or 1: pages are added
 * @base:   address of the first page
 * @pages:  bit i: the page at @base + i * PAGE_SIZE is in it
 * @found:  those known to be young, of which the answer was not taken
 *
 * On the stack of the walk, which alone uses it.
 */
struct mmu_age_batch {
	struct mm_struct *mm;
	unsigned int flags;
	enum mmu_aging_reason reason;
	unsigned int nr;
	unsigned int young;
	unsigned long own_start;
	unsigned long own_end;
	void (*more)(struct mmu_age_batch *age, const void *data);
	const void *data;
	unsigned long asked;
	unsigned long base;
	DECLARE_BITMAP(pages, MMU_AGE_WINDOW);
	DECLARE_BITMAP(found, MMU_AGE_WINDOW);
};

#ifdef CONFIG_MMU_NOTIFIER

bool mmu_notifier_aging_run(const struct mmu_notifier_aging *aging,
			    unsigned long *start, unsigned long *end);
void mmu_notifier_aging_found(const struct mmu_notifier_aging *aging,
			      unsigned long start, unsigned long end);
bool mmu_notifier_aging_more(const struct mmu_notifier_aging *aging);

int __mmu_notifier_age(const struct mmu_notifier_aging *aging);
void __mmu_age_begin(struct mmu_age_batch *age, unsigned int flags,
		     enum mmu_aging_reason reason);
void __mmu_age_add(struct mmu_age_batch *age, unsigned long addr,
		   unsigned long size);
unsigned int __mmu_age_deliver(struct mmu_age_batch *age);
unsigned int __mmu_age_count(struct mmu_age_batch *age);
int __mmu_age_now(struct mm_struct *mm, unsigned long addr, unsigned long size,
		  unsigned int flags, enum mmu_aging_reason reason);
bool mmu_age_note(struct mmu_age_batch *age, unsigned long addr);
void mmu_age_set(struct mmu_age_batch *age, unsigned long addr);
void mmu_age_begin_pmd(struct mmu_age_batch *age, unsigned long addr);
void mmu_age_begin_around(struct mmu_age_batch *age, unsigned long own_start,
			  unsigned long own_end, unsigned long start,
			  unsigned long end,
			  void (*more)(struct mmu_age_batch *age,
				       const void *data),
			  const void *data);
bool mmu_age_own_young(const struct mmu_age_batch *age);
void mmu_age_ask(struct mmu_age_batch *age, enum mmu_aging_reason reason);
bool __mmu_age_found(const struct mmu_age_batch *age, unsigned long addr);
bool __mmu_age_take(struct mmu_age_batch *age, unsigned long addr);

/**
 * mmu_age_begin() - begin a walk
 * @age:    the batch
 * @mm:     whose page table is walked
 * @flags:  MMU_AGING_*
 * @reason: who asks
 *
 * Context: Caller holds the lock by which it found the mapping: mmap_lock or
 * the reverse map lock.  Registration of a first subscriber waits for it, so
 * what is found here stays right for the walk.
 */
static inline void mmu_age_begin(struct mmu_age_batch *age,
				 struct mm_struct *mm, unsigned int flags,
				 enum mmu_aging_reason reason)
{
	age->mm = NULL;
	if (mm_has_notifiers(mm)) {
		age->mm = mm;
		__mmu_age_begin(age, flags, reason);
	}
}

/* Is there anybody to ask? */
static inline bool mmu_age_active(const struct mmu_age_batch *age)
{
	return unlikely(age->mm);
}

/**
 * mmu_age_add() - ask about an entry, later
 * @age:  the batch
 * @addr: an address that the entry maps
 * @size: how much it maps, a power of two
 *
 * What does not fit beside what was added before has that delivered now.
 *
 * Context: Page-table lock held; the primary entry has been aged.
 */
static inline void mmu_age_add(struct mmu_age_batch *age, unsigned long addr,
			       unsigned long size)
{
	if (mmu_age_active(age))
		__mmu_age_add(age, addr, size);
}

/**
 * mmu_age_deliver() - ask about all that was added
 * @age: the batch, empty afterwards
 *
 * Context: May sleep if the batch was begun with MMU_AGING_BLOCKABLE: no
 * spinlock may be held then.  Still under the lock of mmu_age_begin().
 * Return: non-zero if any page was young.
 */
static inline unsigned int mmu_age_deliver(struct mmu_age_batch *age)
{
	return mmu_age_active(age) ? __mmu_age_deliver(age) : 0;
}

/**
 * mmu_age_count() - the same, asking for each page
 * @age: the batch, empty afterwards
 *
 * Context: As mmu_age_deliver(), and does not sleep.
 * Return: the number of young pages.
 */
static inline unsigned int mmu_age_count(struct mmu_age_batch *age)
{
	return mmu_age_active(age) ? __mmu_age_count(age) : 0;
}

/**
 * mmu_age_later() - no, as far as is known by now
 * @age:  the batch
 * @addr: a page that nothing else shows to be young
 *
 * For conditions: adds the page.  What the secondary MMUs say comes with
 * mmu_age_deliver() or mmu_age_count().
 *
 * Context: As mmu_age_add().
 * Return: false.
 */
static inline bool mmu_age_later(struct mmu_age_batch *age, unsigned long addr)
{
	mmu_age_add(age, addr, PAGE_SIZE);
	return false;
}

/**
 * mmu_age_now() - was what one entry maps accessed by a secondary MMU?
 * @mm:     whose page table
 * @addr:   an address that the entry maps
 * @size:   how much it maps, a power of two
 * @flags:  MMU_AGING_CLEAR, MMU_AGING_FLUSH or neither
 * @reason: who asks
 *
 * Context: Page-table lock held.
 * Return: non-zero if any page of it was.
 */
static inline int mmu_age_now(struct mm_struct *mm, unsigned long addr,
			      unsigned long size, unsigned int flags,
			      enum mmu_aging_reason reason)
{
	if (!mm_has_notifiers(mm))
		return 0;
	return __mmu_age_now(mm, addr, size, flags, reason);
}

/* Have candidates of this page table been asked about? */
static inline bool mmu_age_asked(const struct mmu_age_batch *age,
				 unsigned long addr)
{
	return age->asked == (addr & PMD_MASK);
}

/* Is this page known to be young, and that not taken yet? */
static inline bool mmu_age_found(const struct mmu_age_batch *age,
				 unsigned long addr)
{
	return mmu_age_active(age) && __mmu_age_found(age, addr);
}

/* The same, and take it. */
static inline bool mmu_age_take(struct mmu_age_batch *age, unsigned long addr)
{
	return mmu_age_active(age) && __mmu_age_take(age, addr);
}

#else /* !CONFIG_MMU_NOTIFIER */

static inline void mmu_age_begin(struct mmu_age_batch *age,
				 struct mm_struct *mm, unsigned int flags,
				 enum mmu_aging_reason reason)
{ age->mm = NULL; }
static inline bool mmu_age_active(const struct mmu_age_batch *age)
{ return false; }
static inline void mmu_age_add(struct mmu_age_batch *age, unsigned long addr,
			       unsigned long size) { }
static inline unsigned int mmu_age_deliver(struct mmu_age_batch *age)
{ return 0; }
static inline unsigned int mmu_age_count(struct mmu_age_batch *age)
{ return 0; }
static inline bool mmu_age_later(struct mmu_age_batch *age, unsigned long addr)
{ return false; }
static inline int mmu_age_now(struct mm_struct *mm, unsigned long addr,
			      unsigned long size, unsigned int flags,
			      enum mmu_aging_reason reason) { return 0; }
static inline bool mmu_age_note(struct mmu_age_batch *age, unsigned long addr)
{ return false; }
static inline void mmu_age_set(struct mmu_age_batch *age, unsigned long addr)
{ }
static inline void mmu_age_begin_pmd(struct mmu_age_batch *age,
				     unsigned long addr) { }
static inline void
mmu_age_begin_around(struct mmu_age_batch *age, unsigned long own_start,
		     unsigned long own_end, unsigned long start,
		     unsigned long end,
		     void (*more)(struct mmu_age_batch *age, const void *data),
		     const void *data) { }
static inline bool mmu_age_own_young(const struct mmu_age_batch *age)
{ return false; }
static inline void mmu_age_ask(struct mmu_age_batch *age,
			       enum mmu_aging_reason reason) { }
static inline bool mmu_age_asked(const struct mmu_age_batch *age,
				 unsigned long addr) { return false; }
static inline bool mmu_age_found(const struct mmu_age_batch *age,
				 unsigned long addr) { return false; }
static inline bool mmu_age_take(struct mmu_age_batch *age, unsigned long addr)
{ return false; }

#endif /* CONFIG_MMU_NOTIFIER */

/*
 * Age an entry with @op, and add it to the batch in either case: the result
 * is the primary's alone.
 */
#define mmu_age_entry(age, op, vma, addr, entry, size)			\
({									\
	unsigned long __age_addr = (addr);				\
	int __age_young = op(vma, __age_addr, entry);			\
									\
	mmu_age_add(age, __age_addr, size);				\
	__age_young;							\
})

/* Note a PTE as a candidate, with the accessed state of the primary entry. */
#define mmu_age_note_pte(age, vma, addr, ptep)				\
do {									\
	struct mmu_age_batch *__age = (age);				\
	unsigned long __age_addr = (addr);				\
									\
	if (mmu_age_note(__age, __age_addr) &&				\
	    ptep_test_and_clear_young(vma, __age_addr, ptep))		\
		mmu_age_set(__age, __age_addr);				\
} while (0)

/* Was this page accessed, by the answers of the batch or since? */
#define mmu_age_take_pte(age, vma, addr, ptep)				\
({									\
	unsigned long __age_addr = (addr);				\
	int __age_young = ptep_test_and_clear_young(vma, __age_addr,	\
						    ptep);		\
									\
	__age_young | mmu_age_take(age, __age_addr);			\
})

#endif /* _LINUX_MMU_NOTIFIER_AGE_H */
