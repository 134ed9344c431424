// SPDX-License-Identifier: GPL-2.0
/* Trivial subscribers and invalidations: compiled once with each core. */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "native.h"

#define EXPORT	__attribute__((visibility("default")))

/* In place of mm/mmu_notifier_flush.c: there are no VMAs here. */
int mn_flush_untracked(struct mm_struct *mm);
int mn_flush_untracked(struct mm_struct *mm)
{
	return 0;
}

static int on_start(struct mmu_notifier *mn,
		    const struct mmu_notifier_range *range)
{
	return 0;
}

static void on_end(struct mmu_notifier *mn,
		   const struct mmu_notifier_range *range)
{
}

static bool on_invalidate(struct mmu_interval_notifier *interval,
			  const struct mmu_notifier_range *range,
			  unsigned long seq)
{
	mmu_interval_set_seq(interval, seq);
	return true;
}

static const struct mmu_notifier_ops ops = {
	.invalidate_range_start = on_start,
	.invalidate_range_end = on_end,
};

static const struct mmu_interval_notifier_ops interval_ops = {
	.invalidate = on_invalidate,
};

EXPORT void *native_mm(unsigned int list, unsigned int intervals)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));
	struct mmu_interval_notifier *interval;
	struct mmu_notifier *mn;
	int ret = 0;

	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	while (list-- && !ret) {
		mn = calloc(1, sizeof(*mn));
		mn->ops = &ops;
		ret = mmu_notifier_register(mn, mm);
	}
	while (intervals-- && !ret) {
		interval = calloc(1, sizeof(*interval));
		ret = mmu_interval_notifier_insert(interval, mm, 0,
						   1024 * PAGE_SIZE,
						   &interval_ops);
	}
	return ret ? NULL : mm;
}

EXPORT void native_run(void *arg, unsigned int thread, unsigned long count)
{
	unsigned long start = 16 * thread * PAGE_SIZE;
	struct mmu_notifier_range range;
	struct mm_struct *mm = arg;

	while (count--) {
		mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, mm, start,
					start + PAGE_SIZE);
		mmu_notifier_invalidate_range_start(&range);
		mmu_notifier_invalidate_range_end(&range);
	}
}
