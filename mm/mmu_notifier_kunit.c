// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the MMU notifier core on an mm that nobody runs in, with the
 * invalidations made by hand, so that each interleaving is chosen: list
 * subscribers.
 */
#include <linux/slab.h>

#include "mmu_notifier_kunit.h"

/* More than the slots of a range. */
#define MANY		70

static struct lister *to_lister(struct mmu_notifier *mn)
{
	return container_of(mn, struct lister, mn);
}

int lister_start(struct mmu_notifier *mn,
		 const struct mmu_notifier_range *range)
{
	struct lister *lister = to_lister(mn);

	atomic_inc(&lister->starts);
	if (lister->hold) {
		lister->hold = false;
		complete(&lister->held);
		wait_for_completion(&lister->let_go);
	}
	if (lister->refuses && !mmu_notifier_range_blockable(range))
		return -EAGAIN;
	return 0;
}

void lister_end(struct mmu_notifier *mn,
		const struct mmu_notifier_range *range)
{
	atomic_inc(&to_lister(mn)->ends);
}

static void lister_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	atomic_inc(&to_lister(mn)->releases);
}

static int lister_young(struct mmu_notifier *mn, struct mm_struct *mm,
			unsigned long start, unsigned long end)
{
	atomic_inc(&to_lister(mn)->young);
	return to_lister(mn)->age;
}

static int lister_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			     unsigned long address)
{
	return lister_young(mn, mm, address, address + PAGE_SIZE);
}

static const struct mmu_notifier_ops lister_ops = {
	.release = lister_release,
	.clear_flush_young = lister_young,
	.clear_young = lister_young,
	.test_young = lister_test_young,
	.invalidate_range_start = lister_start,
	.invalidate_range_end = lister_end,
};

void lister_init(struct lister *lister)
{
	memset(lister, 0, sizeof(*lister));
	init_completion(&lister->held);
	init_completion(&lister->let_go);
	lister->mn.ops = &lister_ops;
}

static void run_register(struct beside *beside)
{
	beside->ret = mmu_notifier_register(&beside->lister->mn, beside->mm);
}

static void run_unregister(struct beside *beside)
{
	mmu_notifier_unregister(&beside->lister->mn, beside->mm);
}

static void last_one_leaves_nothing(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct mmu_notifier_range range;
	struct lister one, two;

	lister_init(&one);
	lister_init(&two);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&one.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&two.mn, mm), 0);
	mmu_notifier_unregister(&one.mn, mm);
	KUNIT_EXPECT_TRUE(test, mm_has_notifiers(mm));
	range_of(&range, mm, 1, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	mmu_notifier_unregister(&two.mn, mm);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
	EXPECT_COUNT(test, one.starts, 0);
	EXPECT_COUNT(test, two.starts, 1);
	EXPECT_COUNT(test, two.ends, 1);
	EXPECT_COUNT(test, one.releases, 1);
	EXPECT_COUNT(test, two.releases, 1);
	/* Nobody there: no call. */
	range_of(&range, mm, 1, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_COUNT(test, two.starts, 1);
}

/* The range outlives the last subscriber and its subscriptions. */
static void unregister_pays_what_is_owed(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct mmu_notifier_range ranges[3];
	struct lister lister;
	unsigned int i;

	lister_init(&lister);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&lister.mn, mm), 0);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		range_of(&ranges[i], mm, i, 2);
		mmu_notifier_invalidate_range_start(&ranges[i]);
	}
	mmu_notifier_invalidate_range_end(&ranges[0]);
	EXPECT_COUNT(test, lister.ends, 1);
	mmu_notifier_unregister(&lister.mn, mm);
	EXPECT_COUNT(test, lister.starts, 3);
	EXPECT_COUNT(test, lister.ends, 3);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));

	/* The same memory, registered again, has nothing to do with them. */
	mmu_notifier_invalidate_range_end(&ranges[1]);
	lister_init(&lister);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&lister.mn, mm), 0);
	mmu_notifier_invalidate_range_end(&ranges[2]);
	EXPECT_COUNT(test, lister.ends, 0);
	mmu_notifier_unregister(&lister.mn, mm);
}

/* A range ends while its subscriber waits, in leaving, for another callout. */
static void end_comes_while_leaving(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct beside *other = kunit_kzalloc(test, sizeof(*other), GFP_KERNEL);
	struct beside *leave = kunit_kzalloc(test, sizeof(*leave), GFP_KERNEL);
	struct mmu_notifier_range range;
	struct lister lister;

	lister_init(&lister);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&lister.mn, mm), 0);
	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);

	lister.hold = true;
	range_of(&other->range, mm, 8, 1);
	KUNIT_ASSERT_TRUE(test, beside_run(other, mm, run_range));
	KUNIT_EXPECT_TRUE(test, happens(&lister.held));
	leave->lister = &lister;
	KUNIT_ASSERT_TRUE(test, beside_run(leave, mm, run_unregister));
	KUNIT_EXPECT_TRUE(test, happens_not(&leave->done));

	mmu_notifier_invalidate_range_end(&range);
	complete(&lister.let_go);
	KUNIT_EXPECT_TRUE(test, happens(&leave->done));
	KUNIT_EXPECT_TRUE(test, happens(&other->done));
	EXPECT_COUNT(test, lister.starts, 2);
	EXPECT_COUNT(test, lister.ends, 2);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

/* A later registration waits for the range, and is not told of its end. */
static void registration_waits_for_ranges(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct beside *join = kunit_kzalloc(test, sizeof(*join), GFP_KERNEL);
	struct mmu_notifier_range range;
	struct lister first, late;

	lister_init(&first);
	lister_init(&late);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&first.mn, mm), 0);
	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	join->lister = &late;
	KUNIT_ASSERT_TRUE(test, beside_run(join, mm, run_register));
	KUNIT_EXPECT_TRUE(test, happens_not(&join->done));
	mmu_notifier_invalidate_range_end(&range);
	KUNIT_EXPECT_TRUE(test, happens(&join->done));
	KUNIT_EXPECT_EQ(test, join->ret, 0);
	EXPECT_COUNT(test, late.ends, 0);
	EXPECT_COUNT(test, first.ends, 1);
	mmu_notifier_unregister(&late.mn, mm);
	mmu_notifier_unregister(&first.mn, mm);
}

/* Those who saw the start get an end; who refused, and who came after, none. */
static void refused_start_is_taken_back(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct lister oldest, refuses, youngest;
	struct mmu_notifier_range range;
	struct watcher watcher;
	unsigned long seq;

	lister_init(&oldest);
	lister_init(&refuses);
	lister_init(&youngest);
	watcher_init(&watcher);
	refuses.refuses = true;
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&oldest.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&refuses.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&youngest.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, watch(&watcher, mm, 0, 4), 0);

	seq = mmu_interval_read_begin(&watcher.interval);
	range_of(&range, mm, 0, 1);
	KUNIT_EXPECT_EQ(test,
			mmu_notifier_invalidate_range_start_nonblock(&range),
			-EAGAIN);
	EXPECT_COUNT(test, youngest.starts, 1);
	EXPECT_COUNT(test, youngest.ends, 1);
	EXPECT_COUNT(test, refuses.starts, 1);
	EXPECT_COUNT(test, refuses.ends, 0);
	EXPECT_COUNT(test, oldest.starts, 0);
	EXPECT_COUNT(test, oldest.ends, 0);
	/* The reader has lost its translations, and can make them again. */
	KUNIT_EXPECT_TRUE(test, must_retry(&watcher, seq));
	seq = mmu_interval_read_begin(&watcher.interval);
	KUNIT_EXPECT_FALSE(test, must_retry(&watcher, seq));

	/* An interval refuses: no list subscriber hears of it. */
	watcher.refuses = true;
	range_of(&range, mm, 0, 1);
	KUNIT_EXPECT_EQ(test,
			mmu_notifier_invalidate_range_start_nonblock(&range),
			-EAGAIN);
	EXPECT_COUNT(test, youngest.starts, 1);
	mmu_interval_notifier_remove(&watcher.interval);
	mmu_notifier_unregister(&youngest.mn, mm);
	mmu_notifier_unregister(&refuses.mn, mm);
	mmu_notifier_unregister(&oldest.mn, mm);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

static struct lister *register_many(struct kunit *test, struct mm_struct *mm)
{
	struct lister *many = kunit_kcalloc(test, MANY, sizeof(*many),
					    GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, many);
	for (i = 0; i < MANY; i++) {
		lister_init(&many[i]);
		KUNIT_ASSERT_EQ(test, mmu_notifier_register(&many[i].mn, mm),
				0);
	}
	return many;
}

/* More subscribers than a range has bits to remember them by. */
static void more_than_slots(struct kunit *test)
{
	struct beside *leave = kunit_kzalloc(test, sizeof(*leave), GFP_KERNEL);
	struct mm_struct *mm = test->priv;
	struct lister *many = register_many(test, mm);
	struct mmu_notifier_range range;
	unsigned int i;

	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	/* One with a bit goes at once, one without waits for the range. */
	mmu_notifier_unregister(&many[3].mn, mm);
	EXPECT_COUNT(test, many[3].ends, 1);
	leave->lister = &many[MANY - 1];
	KUNIT_ASSERT_TRUE(test, beside_run(leave, mm, run_unregister));
	KUNIT_EXPECT_TRUE(test, happens_not(&leave->done));
	mmu_notifier_invalidate_range_end(&range);
	KUNIT_EXPECT_TRUE(test, happens(&leave->done));
	for (i = 0; i < MANY; i++) {
		EXPECT_COUNT(test, many[i].starts, 1);
		EXPECT_COUNT(test, many[i].ends, 1);
		if (i != 3 && i != MANY - 1)
			mmu_notifier_unregister(&many[i].mn, mm);
		EXPECT_COUNT(test, many[i].releases, 1);
	}
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

static void refusal_among_many(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct lister *many = register_many(test, mm);
	struct mmu_notifier_range range;
	unsigned int i;

	/* Neither this one nor the youngest has a bit. */
	many[66].refuses = true;
	range_of(&range, mm, 0, 1);
	KUNIT_EXPECT_EQ(test,
			mmu_notifier_invalidate_range_start_nonblock(&range),
			-EAGAIN);
	for (i = 0; i < MANY; i++) {
		/* Those with a bit come first, then the youngest. */
		EXPECT_COUNT(test, many[i].starts, i < 64 || i >= 66);
		EXPECT_COUNT(test, many[i].ends, i < 64 || i > 66);
		mmu_notifier_unregister(&many[i].mn, mm);
	}
}

static struct mmu_notifier *lister_alloc(struct mm_struct *mm)
{
	struct lister *lister = kmalloc(sizeof(*lister), GFP_KERNEL);

	if (!lister)
		return ERR_PTR(-ENOMEM);
	lister_init(lister);
	return &lister->mn;
}

static atomic_t lister_frees;

static void lister_free(struct mmu_notifier *mn)
{
	atomic_inc(&lister_frees);
	kfree(to_lister(mn));
}

static const struct mmu_notifier_ops getter_ops = {
	.invalidate_range_start = lister_start,
	.invalidate_range_end = lister_end,
	.alloc_notifier = lister_alloc,
	.free_notifier = lister_free,
};

static void last_put_frees(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct mmu_notifier_range range;
	struct mmu_notifier *one, *two;

	atomic_set(&lister_frees, 0);
	one = mmu_notifier_get(&getter_ops, mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
	two = mmu_notifier_get(&getter_ops, mm);
	KUNIT_EXPECT_PTR_EQ(test, one, two);
	mmu_notifier_put(one);
	mmu_notifier_synchronize();
	EXPECT_COUNT(test, lister_frees, 0);
	range_of(&range, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	EXPECT_COUNT(test, to_lister(one)->starts, 1);
	/* Put in the middle of a range: the end is paid before the free. */
	mmu_notifier_put(two);
	mmu_notifier_synchronize();
	EXPECT_COUNT(test, lister_frees, 1);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
	mmu_notifier_invalidate_range_end(&range);
}

static void any_old_is_young(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct lister one, two;

	lister_init(&one);
	lister_init(&two);
	KUNIT_EXPECT_EQ(test, mmu_notifier_test_young(mm, 0), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&one.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&two.mn, mm), 0);
	KUNIT_EXPECT_EQ(test, mmu_notifier_clear_young(mm, 0, PAGE_SIZE), 0);
	one.age = 1;
	/* Both are asked, since both are to forget. */
	KUNIT_EXPECT_NE(test, mmu_notifier_clear_young(mm, 0, PAGE_SIZE), 0);
	KUNIT_EXPECT_NE(test, mmu_notifier_clear_flush_young(mm, 0, PAGE_SIZE),
			0);
	EXPECT_COUNT(test, one.young, 3);
	EXPECT_COUNT(test, two.young, 3);
	KUNIT_EXPECT_NE(test, mmu_notifier_test_young(mm, 0), 0);
	mmu_notifier_unregister(&one.mn, mm);
	KUNIT_EXPECT_EQ(test, mmu_notifier_test_young(mm, 0), 0);
	mmu_notifier_unregister(&two.mn, mm);
}

/* The mm goes first; everybody hears of it once and can still unsubscribe. */
static void exit_releases_all(struct kunit *test)
{
	struct mm_struct *mm = mm_alloc();
	struct lister one, two;
	struct watcher watcher;

	KUNIT_ASSERT_NOT_NULL(test, mm);
	lister_init(&one);
	lister_init(&two);
	watcher_init(&watcher);
	atomic_set(&lister_frees, 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&one.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&two.mn, mm), 0);
	KUNIT_ASSERT_EQ(test, watch(&watcher, mm, 0, 4), 0);
	mmu_notifier_unregister(&two.mn, mm);
	mmgrab(mm);
	mmput(mm);
	EXPECT_COUNT(test, one.releases, 1);
	EXPECT_COUNT(test, two.releases, 1);
	EXPECT_COUNT(test, watcher.releases, 1);
	EXPECT_COUNT(test, one.starts, 0);
	mmu_notifier_unregister(&one.mn, mm);
	EXPECT_COUNT(test, one.releases, 1);
	mmu_interval_notifier_remove(&watcher.interval);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
	mmdrop(mm);
}

static struct kunit_case mmu_notifier_cases[] = {
	KUNIT_CASE(last_one_leaves_nothing),
	KUNIT_CASE(unregister_pays_what_is_owed),
	KUNIT_CASE(end_comes_while_leaving),
	KUNIT_CASE(registration_waits_for_ranges),
	KUNIT_CASE(refused_start_is_taken_back),
	KUNIT_CASE(more_than_slots),
	KUNIT_CASE(refusal_among_many),
	KUNIT_CASE(last_put_frees),
	KUNIT_CASE(any_old_is_young),
	KUNIT_CASE(exit_releases_all),
	{}
};

static struct kunit_suite mmu_notifier_suite = {
	.name = "mmu_notifier",
	.init = mmu_notifier_test_init,
	.exit = mmu_notifier_test_exit,
	.test_cases = mmu_notifier_cases,
};

kunit_test_suite(mmu_notifier_suite);

MODULE_DESCRIPTION("Tests of the MMU notifier core");
MODULE_LICENSE("GPL");
