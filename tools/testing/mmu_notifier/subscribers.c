// SPDX-License-Identifier: GPL-2.0
/* Address spaces and subscribers for the tests. */
#include "test.h"

atomic_t flushes;
atomic_t flush_result;

/* In place of mm/mmu_notifier_flush.c: there are no VMAs here. */
int mn_flush_untracked(struct mm_struct *mm)
{
	mmap_assert_write_locked(mm);
	might_sleep();
	atomic_inc(&flushes);
	return atomic_read(&flush_result);
}

void gate_pass(struct gate *gate)
{
	atomic_inc(&gate->arrived);
	wait_until(!atomic_read(&gate->closed));
}

struct mm_struct *mm_new(void)
{
	struct mm_struct *mm = calloc(1, sizeof(*mm));

	check(mm);
	atomic_set(&mm->mm_users, 1);
	atomic_set(&mm->mm_count, 1);
	pthread_rwlock_init(&mm->mmap_lock, NULL);
	mmu_notifier_subscriptions_init(mm);
	return mm;
}

void mm_exit(struct mm_struct *mm)
{
	if (atomic_read(&mm->mm_users)) {
		atomic_set(&mm->mm_users, 0);
		mmu_notifier_release(mm);
	}
	mmdrop(mm);
}

static struct list_sub *to_list(struct mmu_notifier *n)
{
	struct list_sub *sub = container_of(n, struct list_sub, n);

	check(atomic_read(&sub->alive));
	return sub;
}

static int list_start(struct mmu_notifier *n,
		      const struct mmu_notifier_range *range)
{
	struct list_sub *sub = to_list(n);

	if (!mmu_notifier_range_blockable(range) && sub->refuse &&
	    !(__atomic_add_fetch(&sub->asked, 1, __ATOMIC_RELAXED) %
	      sub->refuse))
		return -EAGAIN;
	atomic_inc(&sub->starts);
	atomic_inc(&sub->open);
	if (sub->gate && mmu_notifier_range_blockable(range))
		gate_pass(sub->gate);
	return 0;
}

static void list_end(struct mmu_notifier *n,
		     const struct mmu_notifier_range *range)
{
	struct list_sub *sub = to_list(n);

	/* A start precedes it, and there is one end for each. */
	check(atomic_dec(&sub->open) >= 0);
	atomic_inc(&sub->ends);
	if (sub->end_gate && mmu_notifier_range_blockable(range))
		gate_pass(sub->end_gate);
}

static void list_release(struct mmu_notifier *n, struct mm_struct *mm)
{
	struct list_sub *sub = to_list(n);

	might_sleep();
	check(atomic_inc(&sub->releases) == 1);
}

const struct mmu_notifier_ops list_ops = {
	.release = list_release,
	.invalidate_range_start = list_start,
	.invalidate_range_end = list_end,
};

void list_sub_init(struct list_sub *sub)
{
	memset(sub, 0, sizeof(*sub));
	sub->n.ops = &list_ops;
	atomic_set(&sub->alive, 1);
}

void list_add(struct mm_struct *mm, struct list_sub *sub)
{
	list_sub_init(sub);
	check(!mmu_notifier_register(&sub->n, mm));
}

void list_remove(struct mm_struct *mm, struct list_sub *sub)
{
	mmu_notifier_unregister(&sub->n, mm);
	atomic_set(&sub->alive, 0);
	check(atomic_read(&sub->open) == 0);
	check(atomic_read(&sub->starts) == atomic_read(&sub->ends));
	check(atomic_read(&sub->releases) == 1);
}

static bool interval_invalidate(struct mmu_interval_notifier *n,
				const struct mmu_notifier_range *range,
				unsigned long seq)
{
	struct interval_sub *sub = container_of(n, struct interval_sub, n);

	check(atomic_read(&sub->alive));
	if (range->event == MMU_NOTIFY_RELEASE)
		check(atomic_inc(&sub->releases) == 1);
	if (!mmu_notifier_range_blockable(range) && sub->refuse)
		return false;
	mmu_interval_set_seq(n, seq);
	atomic_inc(&sub->calls);
	if (sub->gate && mmu_notifier_range_blockable(range))
		gate_pass(sub->gate);
	return true;
}

const struct mmu_interval_notifier_ops interval_ops = {
	.invalidate = interval_invalidate,
};

void interval_add(struct mm_struct *mm, struct interval_sub *sub,
		  unsigned long page, unsigned long pages)
{
	memset(sub, 0, sizeof(*sub));
	atomic_set(&sub->alive, 1);
	check(!mmu_interval_notifier_insert(&sub->n, mm, page * PAGE_SIZE,
					    pages * PAGE_SIZE, &interval_ops));
}

void interval_remove(struct interval_sub *sub)
{
	mmu_interval_notifier_remove(&sub->n);
	atomic_set(&sub->alive, 0);
}

static void range_prepare(struct mm_struct *mm,
			  struct mmu_notifier_range *range, unsigned long page,
			  unsigned long pages)
{
	/* What the core does not set is not to be relied upon. */
	memset(range, 0xa5, sizeof(*range));
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, mm,
				page * PAGE_SIZE, (page + pages) * PAGE_SIZE);
}

void range_begin(struct mm_struct *mm, struct mmu_notifier_range *range,
		 unsigned long page, unsigned long pages)
{
	range_prepare(mm, range, page, pages);
	mmu_notifier_invalidate_range_start(range);
}

int range_begin_nonblock(struct mm_struct *mm,
			 struct mmu_notifier_range *range, unsigned long page,
			 unsigned long pages)
{
	range_prepare(mm, range, page, pages);
	return mmu_notifier_invalidate_range_start_nonblock(range);
}

void range_finish(struct mmu_notifier_range *range)
{
	mmu_notifier_invalidate_range_end(range);
}
