// SPDX-License-Identifier: GPL-2.0
/* Who is concerned by a range, and who caused it. */
#include <linux/sched.h>

#include "test.h"

#define PAGES	8

/* A filtered subscriber, and how it is called. */
static struct mmu_notifier_ops filtered_ops;

static void filtered_add(struct mm_struct *mm, struct list_sub *sub)
{
	filtered_ops = list_ops;
	filtered_ops.filtered = true;
	list_sub_init(sub);
	sub->n.ops = &filtered_ops;
	check(!mmu_notifier_register(&sub->n, mm));
}

static void filter_pages(struct list_sub *sub,
			 struct mmu_notifier_filter *filter, unsigned long page,
			 unsigned long pages)
{
	memset(filter, 0, sizeof(*filter));
	mmu_notifier_filter_add(&sub->n, filter, page * PAGE_SIZE,
				pages * PAGE_SIZE);
}

/* How many starts does a range over these pages make? */
static int starts_of(struct mm_struct *mm, struct list_sub *sub,
		     unsigned long page, unsigned long pages)
{
	struct mmu_notifier_range range;
	int before = atomic_read(&sub->starts);

	range_begin(mm, &range, page, pages);
	range_finish(&range);
	return atomic_read(&sub->starts) - before;
}

static void filter_basic(void)
{
	struct mmu_notifier_filter one, two, three;
	struct mm_struct *mm = mm_new();
	struct list_sub a, b;

	filtered_add(mm, &a);
	filtered_add(mm, &b);
	check(!starts_of(mm, &a, 0, PAGES));
	filter_pages(&a, &one, 2, 2);
	filter_pages(&b, &two, 3, 1);
	check(starts_of(mm, &a, 0, 2) == 0 && starts_of(mm, &a, 4, 4) == 0);
	check(starts_of(mm, &a, 2, 1) == 1 && starts_of(mm, &a, 1, 2) == 1);
	check(atomic_read(&b.starts) == 0);
	check(starts_of(mm, &b, 3, 1) == 1 && starts_of(mm, &b, 0, PAGES) == 1);
	check(atomic_read(&a.starts) == 4);
	filter_pages(&a, &three, 6, 1);
	check(starts_of(mm, &a, 6, 1) == 1 && starts_of(mm, &a, 5, 1) == 0);
	check(starts_of(mm, &a, 2, 1) == 1 && starts_of(mm, &a, 7, 1) == 0);
	check(starts_of(mm, &a, 4, 3) == 1);
	/* What was found last is gone. */
	mmu_notifier_filter_remove(&two);
	check(!starts_of(mm, &b, 3, 1));
	mmu_notifier_filter_remove(&two);
	list_remove(mm, &a);
	list_remove(mm, &b);
	mm_exit(mm);
}

/* The filters of a subscriber that has left, and is no more. */
static void filter_after_all(void)
{
	struct list_sub *sub = malloc(sizeof(*sub)), stays;
	struct mm_struct *mm = mm_new();
	struct mmu_notifier_filter one, two;

	list_add(mm, &stays);
	filtered_add(mm, sub);
	filter_pages(sub, &one, 2, 2);
	filter_pages(sub, &two, 5, 2);
	list_remove(mm, sub);
	free(sub);
	mmu_notifier_filter_remove(&two);
	mmu_notifier_filter_remove(&one);
	list_remove(mm, &stays);
	mm_exit(mm);
}

static void filter_events(void)
{
	struct mmu_notifier_ops ops = list_ops;
	struct mmu_notifier_range range;
	struct mm_struct *mm = mm_new();
	struct list_sub sub, other;
	int cause;

	list_sub_init(&sub);
	ops.events = MMU_NOTIFY_BIT(UNMAP) | MMU_NOTIFY_BIT(MIGRATE);
	sub.n.ops = &ops;
	check(!mmu_notifier_register(&sub.n, mm));
	list_add(mm, &other);
	for (cause = 0; cause < MMU_NOTIFIER_NR_CAUSES; cause++) {
		int before = atomic_read(&sub.starts);

		mmu_notifier_range_init_cause(&range, cause, mm, 0, PAGE_SIZE);
		mmu_notifier_invalidate_range_start(&range);
		check(atomic_read(&sub.starts) - before ==
		      mmu_notifier_wants(ops.events, range.event));
		range_finish(&range);
	}
	check(atomic_read(&other.starts) == MMU_NOTIFIER_NR_CAUSES);
	check(atomic_read(&sub.starts) == 4);
	list_remove(mm, &sub);
	list_remove(mm, &other);
	mm_exit(mm);
}

/* A slot that is given to another starts anew. */
static void filter_slot(void)
{
	struct mmu_notifier_filter filter;
	struct mm_struct *mm = mm_new();
	struct list_sub sub, stays;

	list_add(mm, &stays);
	filtered_add(mm, &sub);
	filter_pages(&sub, &filter, 1, 1);
	check(starts_of(mm, &sub, 0, PAGES) == 1);
	list_remove(mm, &sub);
	list_add(mm, &sub);
	check(starts_of(mm, &sub, 5, 1) == 1);
	list_remove(mm, &sub);
	list_remove(mm, &stays);
	mm_exit(mm);
}

struct mover {
	struct mm_struct *mm;
	struct list_sub *sub;
	atomic_t stop;
	atomic_t ranges;
};

static void *ranges(void *arg)
{
	struct mover *mover = arg;
	struct mmu_notifier_range range;

	while (!atomic_read(&mover->stop)) {
		range_begin(mover->mm, &range, test_random(PAGES),
			    1 + test_random(3));
		range_finish(&range);
		atomic_inc(&mover->ranges);
	}
	return NULL;
}

/*
 * Filters come and go beside ranges.  What comes is in force at once: a page
 * that is filtered is never changed without a callout.
 */
static void filter_stress(void)
{
	struct mmu_notifier_filter filters[PAGES] = { };
	struct mm_struct *mm = mm_new();
	struct list_sub sub, other;
	struct mover mover = { .mm = mm, .sub = &sub };
	pthread_t threads[2];
	unsigned long page;
	int i;

	filtered_add(mm, &sub);
	filtered_add(mm, &other);
	for (i = 0; i < 2; i++)
		threads[i] = start_thread(ranges, &mover);
	wait_until(atomic_read(&mover.ranges));
	for (i = 0; i < 2000; i++) {
		page = test_random(PAGES);
		if (filters[page].sub) {
			check(starts_of(mm, filters[page].sub == &sub.n ?
					&sub : &other, page, 1) >= 1);
			mmu_notifier_filter_remove(&filters[page]);
		} else {
			mmu_notifier_filter_add(i & 1 ? &sub.n : &other.n,
						&filters[page],
						page * PAGE_SIZE, PAGE_SIZE);
		}
	}
	atomic_set(&mover.stop, 1);
	for (i = 0; i < 2; i++)
		join_thread(threads[i]);
	list_remove(mm, &sub);
	list_remove(mm, &other);
	for (i = 0; i < PAGES; i++)
		check(!filters[i].sub);
	mm_exit(mm);
}

static void *owner_of(struct mm_struct *mm, enum mmu_notifier_cause cause,
		      void *own)
{
	struct mmu_notifier_range range;
	void *owner;

	mmu_notifier_range_init_cause_owner(&range, cause, mm, 0, PAGE_SIZE,
					    own);
	mmu_notifier_invalidate_range_start(&range);
	owner = range.owner;
	range_finish(&range);
	return owner;
}

static void *not_mine(void *arg)
{
	check(!owner_of(arg, MMU_CAUSE_UNMAP, NULL));
	return NULL;
}

static void owner_basic(void)
{
	struct mm_struct *mm = mm_new(), *elsewhere = mm_new();
	struct mmu_notifier_scope outer, inner;
	struct list_sub sub, other;
	int me, own;

	list_add(mm, &sub);
	list_add(elsewhere, &other);
	mmu_notifier_scope_begin(&outer, mm, &outer);
	check(owner_of(mm, MMU_CAUSE_UNMAP, NULL) == &outer);
	mmu_notifier_scope_begin(&inner, mm, &me);
	check(owner_of(mm, MMU_CAUSE_COW, NULL) == &me);
	check(owner_of(mm, MMU_CAUSE_DEV_MIGRATE, &own) == &own);
	check(!owner_of(elsewhere, MMU_CAUSE_COW, NULL));
	/* Done to a page, wherever it is mapped. */
	check(!owner_of(mm, MMU_CAUSE_RECLAIM, NULL));
	check(!owner_of(mm, MMU_CAUSE_KSM, NULL));
	check(!owner_of(mm, MMU_CAUSE_EXCLUSIVE, NULL));
	join_thread(start_thread(not_mine, mm));
	/* A driver's shrinker, say. */
	current->flags |= PF_MEMALLOC;
	check(!owner_of(mm, MMU_CAUSE_DISCARD, NULL));
	current->flags &= ~PF_MEMALLOC;
	mmu_notifier_scope_end(&inner);
	check(owner_of(mm, MMU_CAUSE_DISCARD, NULL) == &outer);
	mmu_notifier_scope_end(&outer);
	check(!owner_of(mm, MMU_CAUSE_DISCARD, NULL));
	list_remove(mm, &sub);
	list_remove(elsewhere, &other);
	mm_exit(mm);
	mm_exit(elsewhere);
}

const struct test filter_tests[] = {
	{ "filter_basic", filter_basic },
	{ "filter_after_all", filter_after_all },
	{ "filter_events", filter_events },
	{ "filter_slot", filter_slot },
	{ "filter_stress", filter_stress },
	{ "owner_basic", owner_basic },
	{ }
};
