// SPDX-License-Identifier: GPL-2.0
/*
 * What a callout must not do, since it would wait for itself: lockdep says so
 * before it hangs. And what it may do.
 */
#include "test.h"

static struct mm_struct *mm;
static struct mmu_notifier list;
static struct mmu_notifier other;
static struct mmu_interval_notifier interval;
static atomic_t freed;

enum place {
	IN_START,
	IN_END,
	IN_RELEASE,
	IN_INVALIDATE,
	NR_PLACES
};

/* What is done inside, and where. */
static void (*deed)(void);
static enum place place;

static void do_here(enum place here)
{
	if (here != place || !deed)
		return;
	deed();
	/* Callouts that come later find it done. */
	deed = NULL;
}

static int on_start(struct mmu_notifier *n,
		    const struct mmu_notifier_range *range)
{
	do_here(IN_START);
	return 0;
}

static void on_end(struct mmu_notifier *n,
		   const struct mmu_notifier_range *range)
{
	do_here(IN_END);
}

static void on_release(struct mmu_notifier *n, struct mm_struct *mm)
{
	do_here(IN_RELEASE);
}

static bool on_invalidate(struct mmu_interval_notifier *n,
			  const struct mmu_notifier_range *range,
			  unsigned long seq)
{
	mmu_interval_set_seq(n, seq);
	do_here(IN_INVALIDATE);
	return true;
}

static void on_free(struct mmu_notifier *n)
{
	atomic_inc(&freed);
}

static const struct mmu_notifier_ops inside_ops = {
	.invalidate_range_start = on_start,
	.invalidate_range_end = on_end,
	.release = on_release,
	.free_notifier = on_free,
};

static const struct mmu_interval_notifier_ops inside_interval_ops = {
	.invalidate = on_invalidate,
};

static void begin(enum place where, void (*what)(void))
{
	mm = mm_new();
	list.ops = &inside_ops;
	other.ops = &inside_ops;
	check(!mmu_notifier_register(&list, mm));
	check(!mmu_interval_notifier_insert(&interval, mm, 0, PAGE_SIZE,
					    &inside_interval_ops));
	place = where;
	deed = what;
}

static void one_range(void)
{
	struct mmu_notifier_range range;

	range_begin(mm, &range, 0, 1);
	range_finish(&range);
}

/* Only the end of the process by the bug that is wanted is a success. */
static void forbidden(enum place where, void (*what)(void))
{
	begin(where, what);
	shim_wanted = SHIM_RECURSION;
	if (where == IN_RELEASE)
		mm_exit(mm);
	else
		one_range();
	check(false);
}

static void unregister(void)
{
	mmu_notifier_unregister(&list, mm);
}

static void remove_interval(void)
{
	mmu_interval_notifier_remove(&interval);
}

static void read_interval(void)
{
	mmu_interval_read_begin(&interval);
}

static void register_other(void)
{
	mmu_notifier_register(&other, mm);
}

static void unregister_in_start(void)
{
	forbidden(IN_START, unregister);
}

static void unregister_in_end(void)
{
	forbidden(IN_END, unregister);
}

static void unregister_in_release(void)
{
	forbidden(IN_RELEASE, unregister);
}

static void unregister_in_unregister(void)
{
	begin(IN_RELEASE, unregister);
	shim_wanted = SHIM_RECURSION;
	mmu_notifier_unregister(&list, mm);
	check(false);
}

static void remove_in_invalidate(void)
{
	forbidden(IN_INVALIDATE, remove_interval);
}

/* The invalidation that the exit of the mm makes. */
static void remove_in_exit(void)
{
	begin(IN_INVALIDATE, remove_interval);
	shim_wanted = SHIM_RECURSION;
	mm_exit(mm);
	check(false);
}

static void read_in_invalidate(void)
{
	forbidden(IN_INVALIDATE, read_interval);
}

static void register_in_start(void)
{
	forbidden(IN_START, register_other);
}

static void put(void)
{
	mmu_notifier_put(&list);
}

static void put_in(enum place where)
{
	begin(where, put);
	one_range();
	if (where == IN_RELEASE)
		mm_exit(mm);
	mmu_notifier_synchronize();
	check(atomic_read(&freed) == 1);
	remove_interval();
	if (where != IN_RELEASE) {
		check(!mm_has_notifiers(mm));
		mm_exit(mm);
	}
}

static void put_in_start(void)
{
	put_in(IN_START);
}

static void put_in_end(void)
{
	put_in(IN_END);
}

static void put_in_release(void)
{
	put_in(IN_RELEASE);
}

static void put_in_invalidate(void)
{
	put_in(IN_INVALIDATE);
}

const struct test inside_tests[] = {
	{ "unregister_in_start", unregister_in_start },
	{ "unregister_in_end", unregister_in_end },
	{ "unregister_in_release", unregister_in_release },
	{ "unregister_in_unregister", unregister_in_unregister },
	{ "remove_in_invalidate", remove_in_invalidate },
	{ "remove_in_exit", remove_in_exit },
	{ "read_in_invalidate", read_in_invalidate },
	{ "register_in_start", register_in_start },
	{ "put_in_start", put_in_start },
	{ "put_in_end", put_in_end },
	{ "put_in_release", put_in_release },
	{ "put_in_invalidate", put_in_invalidate },
	{ }
};
