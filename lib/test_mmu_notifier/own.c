// SPDX-License-Identifier: GPL-2.0
/*
 * Filters of test subscribers, and changes of the page table that they make
 * themselves.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "internal.h"

#ifdef MMU_NOTIFIER_CAUSES
/* One of mnt_sub.filters. */
struct mnt_one_filter {
	struct list_head list;
	struct mmu_notifier_filter filter;
};

static struct mnt_one_filter *mnt_find_filter(struct mnt_sub *sub,
					      const struct mnt_filter *wanted)
{
	struct mnt_one_filter *one;

	lockdep_assert_held_write(&sub->live);
	list_for_each_entry(one, &sub->filters, list)
		if (one->filter.node.start == wanted->start &&
		    one->filter.node.last == wanted->start + wanted->length - 1)
			return one;
	return NULL;
}

static long mnt_remove_filter(struct mnt_sub *sub,
			      const struct mnt_filter *wanted)
{
	struct mnt_one_filter *one = mnt_find_filter(sub, wanted);

	if (!one)
		return -ENOENT;
	mmu_notifier_filter_remove(&one->filter);
	list_del(&one->list);
	kfree(one);
	return 0;
}

static long mnt_add_filter(struct mnt_sub *sub, const struct mnt_filter *wanted)
{
	struct mnt_one_filter *one = kzalloc(sizeof(*one), GFP_KERNEL);

	if (!one)
		return -ENOMEM;
	mmu_notifier_filter_add(&sub->mn, &one->filter, wanted->start,
				wanted->length);
	/* The latest first, as they are mostly removed. */
	list_add(&one->list, &sub->filters);
	return 0;
}

/**
 * mnt_filter() - MNT_FILTER
 * @sub:    the subscription
 * @filter: what to add or remove
 *
 * Return: 0; -EINVAL, -ENOENT if there is no such filter, -ENOMEM.
 */
long mnt_filter(struct mnt_sub *sub, const struct mnt_filter *filter)
{
	long ret = -ENOENT;

	if (sub->kind != MNT_FILTERED || filter->flags & ~MNT_FILTER_REMOVE ||
	    !filter->length ||
	    filter->start + filter->length - 1 < filter->start)
		return -EINVAL;
	down_write(&sub->live);
	if (sub->left)
		;
	else if (filter->flags & MNT_FILTER_REMOVE)
		ret = mnt_remove_filter(sub, filter);
	else
		ret = mnt_add_filter(sub, filter);
	up_write(&sub->live);
	return ret;
}

/**
 * mnt_free_filters() - free the filters of a subscription that has ended
 * @sub: the subscription, with no reference left
 */
void mnt_free_filters(struct mnt_sub *sub)
{
	struct mnt_one_filter *one, *next;

	list_for_each_entry_safe(one, next, &sub->filters, list) {
		/* Does nothing: it went out of force with the subscription. */
		mmu_notifier_filter_remove(&one->filter);
		kfree(one);
	}
}

static long mnt_write_pages(const struct mnt_own *own)
{
	unsigned long addr = own->start, end = own->start + own->length;
	struct page *page;

	for (; addr < end; addr += PAGE_SIZE) {
		if (get_user_pages_fast(addr, 1, FOLL_WRITE, &page) != 1)
			return -EFAULT;
		put_page(page);
	}
	return 0;
}

/**
 * mnt_own() - MNT_OWN
 * @sub: the subscription, of the calling process
 * @own: what to do
 *
 * Return: 0; -EINVAL, -ENOENT if the subscription has ended, -EFAULT, or what
 * vm_munmap() returns.
 */
long mnt_own(struct mnt_sub *sub, const struct mnt_own *own)
{
	struct mmu_notifier_scope outer, scope;
	long ret;

	if (sub->mm != current->mm || own->how > MNT_OWN_WRITE)
		return -EINVAL;
	/* While a reader, it does not leave. */
	if (!mnt_begin_read(sub))
		return -ENOENT;
	mmu_notifier_scope_begin(&outer, sub->mm, &outer);
	mmu_notifier_scope_begin(&scope, sub->mm, sub);
	ret = own->how == MNT_OWN_UNMAP ? vm_munmap(own->start, own->length) :
	      mnt_write_pages(own);
	mmu_notifier_scope_end(&scope);
	mmu_notifier_scope_end(&outer);
	mnt_end_read(sub);
	return ret;
}
#else
long mnt_filter(struct mnt_sub *sub, const struct mnt_filter *filter)
{
	return sub->kind == MNT_FILTERED ? 0 : -EINVAL;
}

void mnt_free_filters(struct mnt_sub *sub) { }

long mnt_own(struct mnt_sub *sub, const struct mnt_own *own)
{
	return -EOPNOTSUPP;
}
#endif
