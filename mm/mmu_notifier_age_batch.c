// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: pages of one walk, to be asked about in one callout.
 *
 * include/linux/mmu_notifier_age.h says how walks use a batch.  It holds the
 * pages between the first that was added and MMU_AGE_WINDOW pages from there;
 * holes stay holes.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mmu_notifier_age.h>

/* No address of a PMD. */
#define NOT_ASKED	1UL

static unsigned long page_in(const struct mmu_age_batch *age,
			     unsigned long addr)
{
	return (addr - age->base) >> PAGE_SHIFT;
}

/* Can all these pages be in the batch?  Those before its first cannot. */
static bool fits(const struct mmu_age_batch *age, unsigned long addr,
		 unsigned long pages)
{
	return page_in(age, addr) + pages <= MMU_AGE_WINDOW;
}

static void make_empty(struct mmu_age_batch *age)
{
	age->nr = 0;
	age->own_start = 0;
	age->own_end = 0;
	age->more = NULL;
}

/* The body of mmu_age_begin(), for an mm that has subscribers. */
void __mmu_age_begin(struct mmu_age_batch *age, unsigned int flags,
		     enum mmu_aging_reason reason)
{
	age->flags = flags;
	age->reason = reason;
	age->young = 0;
	age->asked = NOT_ASKED;
	make_empty(age);
}

static void begin_at(struct mmu_age_batch *age, unsigned long addr)
{
	age->base = addr;
	bitmap_zero(age->pages, MMU_AGE_WINDOW);
	bitmap_zero(age->found, MMU_AGE_WINDOW);
}

/* Put pages into a batch that has room for them. */
static void put_in(struct mmu_age_batch *age, unsigned long addr,
		   unsigned long pages)
{
	unsigned long first;

	if (!age->nr)
		begin_at(age, addr);
	first = page_in(age, addr);
	bitmap_set(age->pages, first, pages);
	age->nr = max_t(unsigned int, age->nr, first + pages);
}

/*
 * Ask about what is in the batch; @each: about each page by itself. Return the
 * number of young pages; or 1 if there is any and it was not asked about each.
 */
static unsigned int ask(struct mmu_age_batch *age, unsigned int flags,
			bool each)
{
	struct mmu_notifier_aging aging = {
		.mm = age->mm,
		.start = age->base,
		.end = age->base + ((unsigned long)age->nr << PAGE_SHIFT),
		.flags = flags,
		.reason = age->reason,
		.young = each ? age->found : NULL,
		.own_start = age->own_start,
		.own_end = age->own_end,
		.around = age,
	};
	int young;

	/* Subscribers need not look at the bits where all are set. */
	if (find_first_zero_bit(age->pages, age->nr) < age->nr)
		aging.pages = age->pages;
	young = __mmu_notifier_age(&aging);
	WARN_ON_ONCE(IS_ENABLED(CONFIG_MMU_NOTIFIER_DEBUG) &&
		     !bitmap_subset(age->found, age->pages, MMU_AGE_WINDOW));
	return each ? bitmap_weight(age->found, age->nr) : !!young;
}

/*
 * Make room, under the page-table lock.  Of walks that only look, some want an
 * answer for each page; they are too few to be told apart here.
 */
static void clear_out(struct mmu_age_batch *age)
{
	if (age->nr && age->asked == NOT_ASKED)
		age->young += ask(age, age->flags & ~MMU_AGING_BLOCKABLE,
				  !(age->flags & MMU_AGING_CLEAR));
	age->asked = NOT_ASKED;
	make_empty(age);
}

/* The body of mmu_age_now(). */
int __mmu_age_now(struct mm_struct *mm, unsigned long addr, unsigned long size,
		  unsigned int flags, enum mmu_aging_reason reason)
{
	const struct mmu_notifier_aging aging = {
		.mm = mm,
		.start = ALIGN_DOWN(addr, size),
		.end = ALIGN_DOWN(addr, size) + size,
		.flags = flags,
		.reason = reason,
	};

	return __mmu_notifier_age(&aging);
}

/* The body of mmu_age_add(). */
void __mmu_age_add(struct mmu_age_batch *age, unsigned long addr,
		   unsigned long size)
{
	unsigned long pages = size >> PAGE_SHIFT;

	addr = ALIGN_DOWN(addr, size);
	if (age->asked != NOT_ASKED || (age->nr && !fits(age, addr, pages)))
		clear_out(age);
	if (pages > MMU_AGE_WINDOW) {
		if (__mmu_age_now(age->mm, addr, size,
				  age->flags & ~MMU_AGING_BLOCKABLE,
				  age->reason))
			age->young++;
		return;
	}
	put_in(age, addr, pages);
}

/* The body of mmu_age_deliver(). */
unsigned int __mmu_age_deliver(struct mmu_age_batch *age)
{
	unsigned int young;

	if (age->flags & MMU_AGING_BLOCKABLE)
		might_sleep();
	/* What a look around has found was taken there. */
	if (age->nr && age->asked == NOT_ASKED)
		age->young += ask(age, age->flags, false);
	young = age->young;
	make_empty(age);
	age->young = 0;
	return young;
}

/* The body of mmu_age_count(). */
unsigned int __mmu_age_count(struct mmu_age_batch *age)
{
	unsigned int young;

	if (age->nr)
		age->young += ask(age, age->flags & ~MMU_AGING_BLOCKABLE,
				  true);
	young = age->young;
	make_empty(age);
	age->young = 0;
	return young;
}

/**
 * mmu_age_begin_pmd() - begin to note candidates
 * @age:  the batch
 * @addr: an address that the page table of PTEs maps
 *
 * Context: Page-table lock held.
 */
void mmu_age_begin_pmd(struct mmu_age_batch *age, unsigned long addr)
{
	clear_out(age);
	age->asked = addr & PMD_MASK;
}

/**
 * mmu_age_begin_around() - the same, for some pages and their neighbours
 * @age:  the batch
 * @own_start: the pages from here,
 * @own_end:   to here, are what the walk is about, and have to be noted
 * @start: neighbours may be from here,
 * @end:   to here; all that is beyond the MMU_AGE_WINDOW is left out
 * @more:  notes the neighbours, in the callout of the first subscriber that
 *         goes on after one of the own pages is known to be young; or NULL
 * @data:  for @more
 *
 * In this way an old page costs what it costs without neighbours, and a young
 * one no second callout.
 *
 * Context: Page-table lock held.
 */
void mmu_age_begin_around(struct mmu_age_batch *age, unsigned long own_start,
			  unsigned long own_end, unsigned long start,
			  unsigned long end,
			  void (*more)(struct mmu_age_batch *age,
				       const void *data),
			  const void *data)
{
	unsigned long from = min(own_start, start);

	mmu_age_begin_pmd(age, own_start);
	begin_at(age, from);
	age->nr = min_t(unsigned long, page_in(age, max(own_end, end)),
			MMU_AGE_WINDOW);
	age->own_start = own_start;
	age->own_end = own_end;
	age->more = more;
	age->data = data;
}

/* Is one of [start, end) known to be young? */
static bool any_young(const unsigned long *young, unsigned long base,
		      unsigned long start, unsigned long end)
{
	unsigned long from = (start - base) >> PAGE_SHIFT;
	unsigned long to = (end - base) >> PAGE_SHIFT;

	return find_next_bit(young, to, from) < to;
}

/**
 * mmu_age_own_young() - was one of the own pages young?
 * @age: the batch, after mmu_age_ask(), and before answers are taken
 *
 * Context: Page-table lock held.
 * Return: true if so.  Only then has @more been called, if anybody cared.
 */
bool mmu_age_own_young(const struct mmu_age_batch *age)
{
	return any_young(age->found, age->base, age->own_start,
			 min(age->own_end,
			     age->base + MMU_AGE_WINDOW * PAGE_SIZE));
}

/**
 * mmu_notifier_aging_more() - go on to the neighbours?
 * @aging: a question that has own pages, for which answers have been given
 *
 * For the age op.  If this is true, answer for all that is in @aging->pages now;
 * what was answered already may be answered again.
 *
 * Context: In the callout.
 * Return: false if nobody wants to know more, since all own pages are old.
 */
bool mmu_notifier_aging_more(const struct mmu_notifier_aging *aging)
{
	struct mmu_age_batch *age = aging->around;
	void (*more)(struct mmu_age_batch *age, const void *data);

	if (!aging->own_end || !aging->young ||
	    !any_young(aging->young, aging->start, aging->own_start,
		       min(aging->own_end, aging->end)))
		return false;
	if (age && age->more) {
		more = age->more;
		age->more = NULL;
		more(age, age->data);
	}
	return true;
}
EXPORT_SYMBOL_GPL(mmu_notifier_aging_more);

/**
 * mmu_age_note() - note a candidate
 * @age:  the batch, in which notes are made in the order of addresses
 * @addr: the page
 *
 * Context: Page-table lock held, between mmu_age_begin_pmd() and mmu_age_ask().
 * Return: false if it is too far from the first; then it is left as it is, and
 * mmu_age_take_pte() is going to ask about it alone.
 */
bool mmu_age_note(struct mmu_age_batch *age, unsigned long addr)
{
	if (age->nr && !fits(age, addr, 1))
		return false;
	put_in(age, addr, 1);
	return true;
}

/**
 * mmu_age_set() - the primary entry of a candidate was young
 * @age:  the batch
 * @addr: a page that is noted
 *
 * Context: As mmu_age_note().
 */
void mmu_age_set(struct mmu_age_batch *age, unsigned long addr)
{
	__set_bit(page_in(age, addr), age->found);
}

/**
 * mmu_age_ask() - ask about all candidates, each by itself
 * @age:    the batch
 * @reason: who asks
 *
 * Context: Page-table lock held, until the answers have been taken: that keeps
 * the pages what they are.
 */
void mmu_age_ask(struct mmu_age_batch *age, enum mmu_aging_reason reason)
{
	age->reason = reason;
	if (age->nr)
		ask(age, MMU_AGING_CLEAR, true);
}

/*
 * Beyond the window, where a page table has more entries than that: candidates
 * of which nothing is known.
 */
static bool beyond(const struct mmu_age_batch *age, unsigned long addr)
{
	return addr >= age->base && page_in(age, addr) >= MMU_AGE_WINDOW &&
	       page_in(age, addr) < PTRS_PER_PTE;
}

static bool in_window(const struct mmu_age_batch *age, unsigned long addr)
{
	return addr >= age->base && page_in(age, addr) < MMU_AGE_WINDOW;
}

/* The body of mmu_age_found(). */
bool __mmu_age_found(const struct mmu_age_batch *age, unsigned long addr)
{
	if (!age->nr)
		return false;
	if (in_window(age, addr))
		return test_bit(page_in(age, addr), age->found);
	return beyond(age, addr);
}

/* The body of mmu_age_take(). */
bool __mmu_age_take(struct mmu_age_batch *age, unsigned long addr)
{
	if (!age->nr)
		return false;
	if (in_window(age, addr))
		return __test_and_clear_bit(page_in(age, addr), age->found);
	return beyond(age, addr) &&
	       mmu_notifier_clear_young(age->mm, addr, addr + PAGE_SIZE);
}
