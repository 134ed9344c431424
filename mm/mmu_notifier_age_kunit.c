// SPDX-License-Identifier: GPL-2.0
/* Tests of aging: who is asked about what, how often, and what comes back. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mmu_notifier_age.h>

#include "mmu_notifier_kunit.h"

#define PAGES		MMU_AGE_WINDOW
#define HUGE		(PAGES * PAGE_SIZE)
#define ADDR(page)	(4 * HUGE + (page) * PAGE_SIZE)
#define CLEAR		MMU_AGING_CLEAR

/* A secondary MMU with an accessed bit for each page from ADDR(0) on. */
struct ager {
	struct mmu_notifier mn;
	int calls;
	unsigned int asked;		/* pages, by the last callout */
	unsigned long start;
	unsigned long end;
	bool slept;
	DECLARE_BITMAP(accessed, 2 * PAGES);
	struct completion held;
	struct completion let_go;
	bool hold;
};

static struct ager *to_ager(struct mmu_notifier *mn)
{
	return container_of(mn, struct ager, mn);
}

static bool ager_take(struct ager *ager, unsigned long addr, bool clear)
{
	unsigned long page = (addr - ADDR(0)) / PAGE_SIZE;

	if (page >= 2 * PAGES)
		return false;
	return clear ? __test_and_clear_bit(page, ager->accessed) :
		       test_bit(page, ager->accessed);
}

static int ager_run(struct ager *ager, unsigned long start, unsigned long end,
		    const struct mmu_notifier_aging *aging, bool clear)
{
	int young = 0;

	ager->asked += (end - start) / PAGE_SIZE;
	for (; start < end; start += PAGE_SIZE) {
		if (!ager_take(ager, start, clear))
			continue;
		young = 1;
		if (aging)
			mmu_notifier_aging_found(aging, start,
						 start + PAGE_SIZE);
	}
	return young;
}

static int ager_age(struct mmu_notifier *mn,
		    const struct mmu_notifier_aging *aging)
{
	unsigned long start, end = aging->start;
	struct ager *ager = to_ager(mn);
	int young = 0;

	ager->calls++;
	ager->asked = 0;
	ager->start = aging->start;
	ager->end = aging->end;
	ager->slept = mmu_notifier_aging_blockable(aging);
	if (ager->hold && ager->slept) {
		complete(&ager->held);
		wait_for_completion(&ager->let_go);
	}
	while (mmu_notifier_aging_run(aging, &start, &end))
		young |= ager_run(ager, start, end, aging,
				  aging->flags & MMU_AGING_CLEAR);
	return young;
}

static int ager_clear(struct mmu_notifier *mn, struct mm_struct *mm,
		      unsigned long start, unsigned long end)
{
	struct ager *ager = to_ager(mn);

	ager->calls++;
	return ager_run(ager, start, end, NULL, true);
}

static int ager_test(struct mmu_notifier *mn, struct mm_struct *mm,
		     unsigned long address)
{
	struct ager *ager = to_ager(mn);

	ager->calls++;
	return ager_run(ager, address, address + PAGE_SIZE, NULL, false);
}

static const struct mmu_notifier_ops new_ops = {
	.age = ager_age,
};

static const struct mmu_notifier_ops sleeping_ops = {
	.age = ager_age,
	.age_may_sleep = true,
};

static const struct mmu_notifier_ops old_ops = {
	.clear_flush_young = ager_clear,
	.clear_young = ager_clear,
	.test_young = ager_test,
};

static struct ager *ager_add(struct kunit *test,
			     const struct mmu_notifier_ops *ops)
{
	struct ager *ager = kunit_kzalloc(test, sizeof(*ager), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ager);
	ager->mn.ops = ops;
	init_completion(&ager->held);
	init_completion(&ager->let_go);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&ager->mn, test->priv), 0);
	return ager;
}

static void ager_del(struct kunit *test, struct ager *ager)
{
	mmu_notifier_unregister(&ager->mn, test->priv);
}

static void begin(struct kunit *test, struct mmu_age_batch *age,
		  unsigned int flags)
{
	mmu_age_begin(age, test->priv, flags, MMU_AGING_FOR_OTHER);
}

static void nobody_to_ask(struct kunit *test)
{
	struct mmu_age_batch age;

	memset(&age, 0xff, sizeof(age));
	begin(test, &age, CLEAR);
	KUNIT_EXPECT_FALSE(test, mmu_age_active(&age));
	mmu_age_add(&age, ADDR(0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, mmu_age_now(test->priv, ADDR(0), HUGE, CLEAR,
					  MMU_AGING_FOR_OTHER), 0);
	/* Nothing but the mm was written. */
	KUNIT_EXPECT_EQ(test, age.nr, UINT_MAX);
}

/* As many pages as there are in the batch: one callout. */
static void one_callout(struct kunit *test)
{
	struct ager *ager = ager_add(test, &new_ops);
	struct mmu_age_batch age;
	int page;

	begin(test, &age, CLEAR);
	/* Not aligned: what counts is how many. */
	for (page = 5; page < 5 + PAGES; page++)
		mmu_age_add(&age, ADDR(page), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ager->calls, 0);
	KUNIT_EXPECT_EQ(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, ager->calls, 1);
	KUNIT_EXPECT_EQ(test, ager->asked, PAGES);
	KUNIT_EXPECT_EQ(test, ager->start, ADDR(5));
	KUNIT_EXPECT_EQ(test, ager->end, ADDR(5 + PAGES));
	/* It is empty now. */
	KUNIT_EXPECT_EQ(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, ager->calls, 1);

	set_bit(400, ager->accessed);
	mmu_age_add(&age, ADDR(400), PAGE_SIZE);
	KUNIT_EXPECT_NE(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_FALSE(test, test_bit(400, ager->accessed));
	ager_del(test, ager);
}

/* A window that is full is asked about; nothing is asked twice. */
static void more_than_a_window(struct kunit *test)
{
	struct ager *ager = ager_add(test, &new_ops);
	struct mmu_age_batch age;
	int page;

	begin(test, &age, CLEAR);
	set_bit(7, ager->accessed);
	for (page = 0; page < PAGES + 10; page++)
		mmu_age_add(&age, ADDR(page), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ager->calls, 1);
	KUNIT_EXPECT_EQ(test, ager->asked, PAGES);
	/* The yes of the first window is not forgotten. */
	KUNIT_EXPECT_NE(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, ager->calls, 2);
	KUNIT_EXPECT_EQ(test, ager->asked, 10);
	KUNIT_EXPECT_EQ(test, ager->start, ADDR(PAGES));
	ager_del(test, ager);
}

/* What lies in a hole keeps its state. */
static void holes_are_left_alone(struct kunit *test)
{
	struct ager *new = ager_add(test, &new_ops);
	struct ager *old = ager_add(test, &old_ops);
	struct mmu_age_batch age;
	int page;

	set_bit(20, new->accessed);
	set_bit(20, old->accessed);
	begin(test, &age, CLEAR);
	for (page = 0; page < 64; page++)
		if (page < 10 || page >= 30)
			mmu_age_add(&age, ADDR(page), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, new->calls, 1);
	KUNIT_EXPECT_EQ(test, new->asked, 44);
	/* One for each run. */
	KUNIT_EXPECT_EQ(test, old->calls, 2);
	KUNIT_EXPECT_EQ(test, old->asked, 44);
	KUNIT_EXPECT_TRUE(test, test_bit(20, new->accessed));
	KUNIT_EXPECT_TRUE(test, test_bit(20, old->accessed));
	ager_del(test, old);
	ager_del(test, new);
}

/* A walk that is given up has asked nobody. */
static void dropped_batch_loses_nothing(struct kunit *test)
{
	struct ager *ager = ager_add(test, &new_ops);
	struct mmu_age_batch age;

	set_bit(3, ager->accessed);
	begin(test, &age, CLEAR);
	mmu_age_add(&age, ADDR(3), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ager->calls, 0);
	KUNIT_EXPECT_TRUE(test, test_bit(3, ager->accessed));

	begin(test, &age, CLEAR);
	mmu_age_add(&age, ADDR(3), PAGE_SIZE);
	KUNIT_EXPECT_NE(test, mmu_age_deliver(&age), 0);
	ager_del(test, ager);
}

static void expect_huge(struct kunit *test, struct ager *ager, int page)
{
	struct mmu_age_batch age;

	set_bit(page, ager->accessed);
	/* Any address in it will do. */
	KUNIT_EXPECT_NE(test, mmu_age_now(test->priv, ADDR(9) + 123, HUGE, 0,
					  MMU_AGING_FOR_OTHER), 0);
	begin(test, &age, 0);
	mmu_age_add(&age, ADDR(9) + 123, HUGE);
	KUNIT_EXPECT_NE(test, mmu_age_deliver(&age), 0);
	/* To look does not clear. */
	KUNIT_EXPECT_TRUE(test, test_bit(page, ager->accessed));
	begin(test, &age, CLEAR);
	mmu_age_add(&age, ADDR(9) + 123, HUGE);
	KUNIT_EXPECT_NE(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_FALSE(test, test_bit(page, ager->accessed));
	KUNIT_EXPECT_EQ(test, mmu_age_now(test->priv, ADDR(0), HUGE, 0,
					  MMU_AGING_FOR_OTHER), 0);
}

/* Any of its pages makes a huge entry young, whoever is asked. */
static void huge_entries_are_covered(struct kunit *test)
{
	struct ager *new = ager_add(test, &new_ops);
	struct ager *old;

	expect_huge(test, new, 0);
	expect_huge(test, new, 511);
	ager_del(test, new);
	old = ager_add(test, &old_ops);
	expect_huge(test, old, 0);
	expect_huge(test, old, 311);
	ager_del(test, old);
}

/* A page of 1 GiB does not cost a callout of 6.12's for each 4 KiB. */
static void test_young_is_bounded(struct kunit *test)
{
	struct ager *old = ager_add(test, &old_ops);

	KUNIT_EXPECT_EQ(test, mmu_age_now(test->priv, 0, 512 * HUGE, 0,
					  MMU_AGING_FOR_OTHER), 0);
	KUNIT_EXPECT_EQ(test, old->calls, MMU_AGE_WINDOW);
	ager_del(test, old);
}

static void count_young(struct kunit *test, const struct mmu_notifier_ops *ops,
			int calls)
{
	struct ager *ager = ager_add(test, ops);
	struct mmu_age_batch age;
	int page;

	set_bit(3, ager->accessed);
	set_bit(17, ager->accessed);
	set_bit(400, ager->accessed);
	set_bit(401, ager->accessed);
	begin(test, &age, 0);
	for (page = 0; page < PAGES; page++)
		if (page != 401)
			KUNIT_EXPECT_FALSE(test,
					   mmu_age_later(&age, ADDR(page)));
	KUNIT_EXPECT_EQ(test, mmu_age_count(&age), 3);
	KUNIT_EXPECT_EQ(test, ager->calls, calls);
	ager_del(test, ager);
}

static void young_are_counted(struct kunit *test)
{
	count_young(test, &new_ops, 1);
	count_young(test, &old_ops, PAGES - 1);
}

/* The answers reach the pages that they are about, and are taken once. */
static void answers_by_page(struct kunit *test)
{
	static const int young[] = { 3, 17, 400 };
	struct ager *new = ager_add(test, &new_ops);
	struct ager *old = ager_add(test, &old_ops);
	struct mmu_age_batch age;
	int i, page, found = 0;

	set_bit(3, new->accessed);
	set_bit(17, old->accessed);
	set_bit(400, new->accessed);
	set_bit(400, old->accessed);
	begin(test, &age, CLEAR);
	KUNIT_EXPECT_FALSE(test, mmu_age_asked(&age, ADDR(0)));
	mmu_age_begin_pmd(&age, ADDR(2));
	/* Neither the first of the window nor the last is noted. */
	for (page = 2; page < 500; page++)
		KUNIT_EXPECT_TRUE(test, mmu_age_note(&age, ADDR(page)));
	/* As the primary entry says. */
	mmu_age_set(&age, ADDR(99));
	mmu_age_ask(&age, MMU_AGING_FOR_WALK);
	KUNIT_EXPECT_EQ(test, new->calls, 1);
	KUNIT_EXPECT_TRUE(test, mmu_age_asked(&age, ADDR(0)));
	KUNIT_EXPECT_FALSE(test, mmu_age_asked(&age, ADDR(PAGES)));

	KUNIT_EXPECT_TRUE(test, mmu_age_take(&age, ADDR(99)));
	for (i = 0; i < ARRAY_SIZE(young); i++) {
		KUNIT_EXPECT_TRUE(test, mmu_age_found(&age, ADDR(young[i])));
		KUNIT_EXPECT_TRUE(test, mmu_age_take(&age, ADDR(young[i])));
	}
	for (page = 0; page < PAGES; page++)
		found += mmu_age_take(&age, ADDR(page));
	KUNIT_EXPECT_EQ(test, found, 0);
	/* What was taken is not delivered as well, nor what was left. */
	KUNIT_EXPECT_EQ(test, mmu_age_deliver(&age), 0);
	KUNIT_EXPECT_EQ(test, new->calls, 1);
	ager_del(test, old);
	ager_del(test, new);
}

static void note_neighbours(struct mmu_age_batch *age, const void *data)
{
	int page;

	for (page = 0; page < 64; page++)
		if (page < 8 || page >= 12)
			mmu_age_note(age, ADDR(page));
}

static void look_around(struct kunit *test, struct mmu_age_batch *age)
{
	int page;

	begin(test, age, CLEAR);
	mmu_age_begin_around(age, ADDR(8), ADDR(12), ADDR(0), ADDR(64),
			     note_neighbours, NULL);
	for (page = 8; page < 12; page++)
		mmu_age_note(age, ADDR(page));
	mmu_age_ask(age, MMU_AGING_FOR_LOOK_AROUND);
}

/* Neighbours cost a callout of 6.12's each: only if the page itself is young. */
static void neighbours_of_old_pages(struct kunit *test)
{
	struct ager *old = ager_add(test, &old_ops);
	struct mmu_age_batch age;

	set_bit(40, old->accessed);
	look_around(test, &age);
	KUNIT_EXPECT_EQ(test, old->calls, 4);
	KUNIT_EXPECT_FALSE(test, mmu_age_found(&age, ADDR(40)));
	/* And are not forgotten. */
	KUNIT_EXPECT_TRUE(test, test_bit(40, old->accessed));

	set_bit(9, old->accessed);
	look_around(test, &age);
	KUNIT_EXPECT_EQ(test, old->calls, 4 + 64);
	KUNIT_EXPECT_TRUE(test, mmu_age_take(&age, ADDR(9)));
	KUNIT_EXPECT_TRUE(test, mmu_age_take(&age, ADDR(40)));
	ager_del(test, old);
}

static void run_age(struct beside *beside)
{
	struct mmu_age_batch age;

	mmu_age_begin(&age, beside->mm, CLEAR | MMU_AGING_BLOCKABLE,
		      MMU_AGING_FOR_OTHER);
	mmu_age_add(&age, ADDR(1), PAGE_SIZE);
	beside->ret = mmu_age_deliver(&age);
}

struct leaver {
	struct beside beside;
	struct ager *ager;
};

static void run_leave(struct beside *beside)
{
	struct leaver *leaver = container_of(beside, struct leaver, beside);

	mmu_notifier_unregister(&leaver->ager->mn, beside->mm);
}

/* Who leaves waits for the callout on itself, and for no other's. */
static void sleeping_is_waited_for(struct kunit *test)
{
	struct ager *other = ager_add(test, &new_ops);
	struct ager *third = ager_add(test, &sleeping_ops);
	struct ager *ager = ager_add(test, &sleeping_ops);
	struct leaver leaver = { .ager = ager };
	struct beside walk = {};

	ager->hold = true;
	set_bit(1, ager->accessed);
	KUNIT_ASSERT_TRUE(test, beside_run(&walk, test->priv, run_age));
	KUNIT_ASSERT_TRUE(test, happens(&ager->held));
	ager_del(test, other);
	ager_del(test, third);
	KUNIT_ASSERT_TRUE(test, beside_run(&leaver.beside, test->priv,
					   run_leave));
	KUNIT_EXPECT_TRUE(test, happens_not(&leaver.beside.done));
	complete(&ager->let_go);
	KUNIT_EXPECT_TRUE(test, happens(&leaver.beside.done));
	KUNIT_EXPECT_TRUE(test, happens(&walk.done));
	KUNIT_EXPECT_NE(test, walk.ret, 0);
	/* It left before the walk came to it. */
	KUNIT_EXPECT_EQ(test, third->calls, 0);
	KUNIT_EXPECT_EQ(test, other->calls, 1);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(test->priv));
}

/* Where the walk cannot sleep, neither can they. */
static void sleepers_under_a_lock(struct kunit *test)
{
	struct ager *ager = ager_add(test, &sleeping_ops);
	struct mmu_age_batch age;

	begin(test, &age, CLEAR);
	mmu_age_add(&age, ADDR(1), PAGE_SIZE);
	mmu_age_deliver(&age);
	KUNIT_EXPECT_EQ(test, ager->calls, 1);
	KUNIT_EXPECT_FALSE(test, ager->slept);

	begin(test, &age, CLEAR | MMU_AGING_BLOCKABLE);
	mmu_age_add(&age, ADDR(1), PAGE_SIZE);
	mmu_age_deliver(&age);
	KUNIT_EXPECT_EQ(test, ager->calls, 2);
	KUNIT_EXPECT_TRUE(test, ager->slept);
	ager_del(test, ager);
}

/* The functions of 6.12 ask those with the new op, too. */
static void asked_as_before(struct kunit *test)
{
	struct ager *ager = ager_add(test, &new_ops);
	struct mm_struct *mm = test->priv;

	set_bit(2, ager->accessed);
	KUNIT_EXPECT_EQ(test, mmu_notifier_test_young(mm, ADDR(1)), 0);
	KUNIT_EXPECT_NE(test, mmu_notifier_test_young(mm, ADDR(2)), 0);
	KUNIT_EXPECT_EQ(test, mmu_notifier_clear_young(mm, ADDR(3), ADDR(9)),
			0);
	KUNIT_EXPECT_NE(test, mmu_notifier_clear_flush_young(mm, ADDR(0),
							     ADDR(9)), 0);
	KUNIT_EXPECT_EQ(test, mmu_notifier_test_young(mm, ADDR(2)), 0);
	KUNIT_EXPECT_EQ(test, ager->calls, 5);
	ager_del(test, ager);
}

static struct kunit_case age_cases[] = {
	KUNIT_CASE(nobody_to_ask),
	KUNIT_CASE(one_callout),
	KUNIT_CASE(more_than_a_window),
	KUNIT_CASE(holes_are_left_alone),
	KUNIT_CASE(dropped_batch_loses_nothing),
	KUNIT_CASE(huge_entries_are_covered),
	KUNIT_CASE(test_young_is_bounded),
	KUNIT_CASE(young_are_counted),
	KUNIT_CASE(answers_by_page),
	KUNIT_CASE(neighbours_of_old_pages),
	KUNIT_CASE(sleeping_is_waited_for),
	KUNIT_CASE(sleepers_under_a_lock),
	KUNIT_CASE(asked_as_before),
	{}
};

static struct kunit_suite age_suite = {
	.name = "mmu_notifier_age",
	.init = mmu_notifier_test_init,
	.exit = mmu_notifier_test_exit,
	.test_cases = age_cases,
};

kunit_test_suite(age_suite);

MODULE_DESCRIPTION("Tests of aging by the MMU notifiers");
MODULE_LICENSE("GPL");
