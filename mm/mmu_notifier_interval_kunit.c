// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the MMU notifier core: interval subscribers and their readers.
 */
#include "mmu_notifier_kunit.h"

static bool watcher_invalidate(struct mmu_interval_notifier *interval,
			       const struct mmu_notifier_range *range,
			       unsigned long seq)
{
	struct watcher *watcher = container_of(interval, struct watcher,
					       interval);

	atomic_inc(&watcher->calls);
	if (range->event == MMU_NOTIFY_RELEASE)
		atomic_inc(&watcher->releases);
	if (watcher->hold) {
		watcher->hold = false;
		complete(&watcher->held);
		wait_for_completion(&watcher->let_go);
	}
	if (watcher->refuses && !mmu_notifier_range_blockable(range))
		return false;
	spin_lock(&watcher->lock);
	mmu_interval_set_seq(interval, seq);
	spin_unlock(&watcher->lock);
	return true;
}

static const struct mmu_interval_notifier_ops watcher_ops = {
	.invalidate = watcher_invalidate,
};

void watcher_init(struct watcher *watcher)
{
	memset(watcher, 0, sizeof(*watcher));
	spin_lock_init(&watcher->lock);
	init_completion(&watcher->held);
	init_completion(&watcher->let_go);
}

int watch(struct watcher *watcher, struct mm_struct *mm, unsigned long page,
	  unsigned long pages)
{
	return mmu_interval_notifier_insert(&watcher->interval, mm,
					    page * PAGE_SIZE, pages * PAGE_SIZE,
					    &watcher_ops);
}

bool must_retry(struct watcher *watcher, unsigned long seq)
{
	bool retry;

	spin_lock(&watcher->lock);
	retry = mmu_interval_read_retry(&watcher->interval, seq);
	spin_unlock(&watcher->lock);
	return retry;
}

static void run_remove(struct beside *beside)
{
	mmu_interval_notifier_remove(&beside->watcher->interval);
}

static void run_read_begin(struct beside *beside)
{
	beside->seq = mmu_interval_read_begin(&beside->watcher->interval);
}

static void interval_hears_of_overlap_only(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct mmu_notifier_range range;
	struct watcher watcher;
	unsigned long seq;

	watcher_init(&watcher);
	KUNIT_ASSERT_EQ(test, watch(&watcher, mm, 4, 4), 0);
	seq = mmu_interval_read_begin(&watcher.interval);
	range_of(&range, mm, 0, 4);
	mmu_notifier_invalidate_range_start(&range);
	/* In flight, and no reason to wait. */
	KUNIT_EXPECT_EQ(test, mmu_interval_read_begin(&watcher.interval), seq);
	mmu_notifier_invalidate_range_end(&range);
	range_of(&range, mm, 8, 4);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_COUNT(test, watcher.calls, 0);
	KUNIT_EXPECT_FALSE(test, must_retry(&watcher, seq));
	range_of(&range, mm, 7, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
	EXPECT_COUNT(test, watcher.calls, 1);
	KUNIT_EXPECT_TRUE(test, must_retry(&watcher, seq));
	mmu_interval_notifier_remove(&watcher.interval);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

/* Also if the range began before the interval was inserted. */
static void reader_waits_for_overlap(struct kunit *test)
{
	struct beside *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);
	struct mm_struct *mm = test->priv;
	struct mmu_notifier_range range, later;
	struct watcher watcher, other;

	watcher_init(&watcher);
	watcher_init(&other);
	KUNIT_ASSERT_EQ(test, watch(&other, mm, 100, 1), 0);
	range_of(&range, mm, 0, 5);
	mmu_notifier_invalidate_range_start(&range);
	KUNIT_ASSERT_EQ(test, watch(&watcher, mm, 4, 4), 0);
	reader->watcher = &watcher;
	KUNIT_ASSERT_TRUE(test, beside_run(reader, mm, run_read_begin));
	KUNIT_EXPECT_TRUE(test, happens_not(&reader->done));
	/* A later one is not waited for, but makes the reader retry. */
	range_of(&later, mm, 6, 1);
	mmu_notifier_invalidate_range_start(&later);
	mmu_notifier_invalidate_range_end(&range);
	KUNIT_EXPECT_TRUE(test, happens(&reader->done));
	KUNIT_EXPECT_TRUE(test, must_retry(&watcher, reader->seq));
	mmu_notifier_invalidate_range_end(&later);
	mmu_interval_notifier_remove(&watcher.interval);
	mmu_interval_notifier_remove(&other.interval);
}

static void remove_waits_for_its_callout(struct kunit *test)
{
	struct beside *range = kunit_kzalloc(test, sizeof(*range), GFP_KERNEL);
	struct beside *remove = kunit_kzalloc(test, sizeof(*remove), GFP_KERNEL);
	struct mm_struct *mm = test->priv;
	struct watcher held, free;

	watcher_init(&held);
	watcher_init(&free);
	KUNIT_ASSERT_EQ(test, watch(&held, mm, 0, 4), 0);
	KUNIT_ASSERT_EQ(test, watch(&free, mm, 2, 4), 0);
	held.hold = true;
	range_of(&range->range, mm, 0, 4);
	KUNIT_ASSERT_TRUE(test, beside_run(range, mm, run_range));
	KUNIT_EXPECT_TRUE(test, happens(&held.held));
	/* Does not wait: its own callout is still to come, and never will. */
	mmu_interval_notifier_remove(&free.interval);
	remove->watcher = &held;
	KUNIT_ASSERT_TRUE(test, beside_run(remove, mm, run_remove));
	KUNIT_EXPECT_TRUE(test, happens_not(&remove->done));
	complete(&held.let_go);
	KUNIT_EXPECT_TRUE(test, happens(&remove->done));
	KUNIT_EXPECT_TRUE(test, happens(&range->done));
	EXPECT_COUNT(test, held.calls, 1);
	EXPECT_COUNT(test, free.calls, 0);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

static void interval_bounds_are_checked(struct kunit *test)
{
	struct mm_struct *mm = test->priv;
	struct watcher watcher;
	int ret;

	watcher_init(&watcher);
	KUNIT_EXPECT_EQ(test, watch(&watcher, mm, 1, 0), -EOVERFLOW);
	ret = mmu_interval_notifier_insert(&watcher.interval, mm, PAGE_SIZE,
					   ULONG_MAX, &watcher_ops);
	KUNIT_EXPECT_EQ(test, ret, -EOVERFLOW);
	KUNIT_EXPECT_FALSE(test, mm_has_notifiers(mm));
}

static struct kunit_case mmu_interval_cases[] = {
	KUNIT_CASE(interval_hears_of_overlap_only),
	KUNIT_CASE(reader_waits_for_overlap),
	KUNIT_CASE(remove_waits_for_its_callout),
	KUNIT_CASE(interval_bounds_are_checked),
	{}
};

static struct kunit_suite mmu_interval_suite = {
	.name = "mmu_interval_notifier",
	.init = mmu_notifier_test_init,
	.exit = mmu_notifier_test_exit,
	.test_cases = mmu_interval_cases,
};

kunit_test_suite(mmu_interval_suite);

MODULE_DESCRIPTION("Tests of interval subscribers");
MODULE_LICENSE("GPL");
