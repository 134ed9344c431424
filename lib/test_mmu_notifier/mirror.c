// SPDX-License-Identifier: GPL-2.0
/*
 * Readers: the interval protocol by itself, and a mirror of the pages of an
 * interval, without references to them: what a device would map.
 */
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * mnt_mirror_alloc() - room for the pages of an interval
 * @sub:    the subscription, not registered yet
 * @length: of the interval, in bytes; none is kept for a very long one
 *
 * Return: 0 or -ENOMEM.
 */
int mnt_mirror_alloc(struct mnt_sub *sub, unsigned long length)
{
	unsigned long nr = length >> PAGE_SHIFT;

	if (!nr || nr > MNT_MIRROR_MAX)
		return 0;
	sub->pages = kvcalloc(nr, sizeof(*sub->pages), GFP_KERNEL);
	return sub->pages ? 0 : -ENOMEM;
}

static unsigned long mnt_index(const struct mnt_sub *sub, unsigned long addr)
{
	return (addr - sub->interval.interval_tree.start) >> PAGE_SHIFT;
}

/**
 * mnt_mirror_drop() - drop the translations of a range
 * @sub:   an interval subscription, its lock held
 * @start: first address
 * @end:   address after the last
 */
void mnt_mirror_drop(struct mnt_sub *sub, unsigned long start,
		     unsigned long end)
{
	const struct interval_tree_node *bounds = &sub->interval.interval_tree;
	unsigned long index, last;

	lockdep_assert_held(&sub->lock);
	if (!sub->pages || end <= bounds->start || start > bounds->last)
		return;
	index = mnt_index(sub, max(start, bounds->start));
	last = mnt_index(sub, min(end - 1, bounds->last));
	memset(&sub->pages[index], 0,
	       (last - index + 1) * sizeof(*sub->pages));
}

static bool mnt_begin_read(struct mnt_sub *sub)
{
	down_read(&sub->live);
	if (sub->kind == MNT_INTERVAL && !sub->ended)
		return true;
	up_read(&sub->live);
	return false;
}

/**
 * mnt_read() - MNT_READ
 * @sub:  an interval subscription
 * @read: how often; results are stored in it
 *
 * Return: 0, or -EINVAL if it is of another kind or has ended.
 */
long mnt_read(struct mnt_sub *sub, struct mnt_read *read)
{
	unsigned long seq;
	u64 began, ns;

	if (!mnt_begin_read(sub))
		return -EINVAL;
	read->retries = 0;
	read->max_ns = 0;
	read->total_ns = 0;
	for (read->done = 0; read->done < read->rounds; read->done++) {
		if (fatal_signal_pending(current))
			break;
		began = ktime_get_ns();
		seq = mmu_interval_read_begin(&sub->interval);
		ns = ktime_get_ns() - began;
		read->max_ns = max(read->max_ns, ns);
		read->total_ns += ns;
		spin_lock(&sub->lock);
		if (mmu_interval_read_retry(&sub->interval, seq))
			read->retries++;
		spin_unlock(&sub->lock);
		cond_resched();
	}
	up_read(&sub->live);
	return 0;
}

/* One pass of the reader's protocol; -EAGAIN if it has to be repeated. */
static int mnt_translate(struct mnt_sub *sub, struct mm_struct *mm,
			 const struct mnt_mirror *mirror)
{
	unsigned int flags = 0;
	struct page *page;
	unsigned long seq;
	long got;

	if (mirror->flags & MNT_MIRROR_WRITE)
		flags = FOLL_WRITE;
	seq = mmu_interval_read_begin(&sub->interval);
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	got = get_user_pages_remote(mm, mirror->addr, 1, flags, &page, NULL);
	mmap_read_unlock(mm);
	if (got != 1)
		return got < 0 ? got : -EFAULT;

	spin_lock(&sub->lock);
	if (mmu_interval_read_retry(&sub->interval, seq))
		got = -EAGAIN;
	else
		sub->pages[mnt_index(sub, mirror->addr)] = page;
	spin_unlock(&sub->lock);
	/* Only the notifier keeps the page for us from here on. */
	put_page(page);
	return got == 1 ? 0 : got;
}

/* Read through the translation, under the lock that invalidation takes. */
static bool mnt_load(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	unsigned long offset = offset_in_page(mirror->addr) & ~7UL;
	struct page *page;
	char *map;

	spin_lock(&sub->lock);
	page = sub->pages[mnt_index(sub, mirror->addr)];
	if (page) {
		map = kmap_local_page(page);
		mirror->value = READ_ONCE(*(u64 *)(map + offset));
		kunmap_local(map);
	}
	spin_unlock(&sub->lock);
	return page;
}

static long mnt_mirror_read(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	struct mm_struct *mm = sub->mm;
	long ret;

	mirror->retries = 0;
	mirror->present = mnt_load(sub, mirror);
	if (mirror->present || !(mirror->flags & MNT_MIRROR_FAULT))
		return 0;
	if (!mmget_not_zero(mm))
		return -ESRCH;
	do {
		ret = mnt_translate(sub, mm, mirror);
		if (!ret && !mnt_load(sub, mirror))
			ret = -EAGAIN;
		if (ret == -EAGAIN)
			mirror->retries++;
	} while (ret == -EAGAIN && !fatal_signal_pending(current));
	mmput(mm);
	return ret;
}

/**
 * mnt_mirror() - MNT_MIRROR
 * @sub:    an interval subscription
 * @mirror: the address; results are stored in it
 *
 * Return: 0, an error of get_user_pages_remote(), -EINVAL if there is no
 * mirror of the address, -ESRCH if the process has gone.
 */
long mnt_mirror(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	const struct interval_tree_node *bounds = &sub->interval.interval_tree;
	long ret = -EINVAL;

	if (!mnt_begin_read(sub))
		return ret;
	if (sub->pages && mirror->addr >= bounds->start &&
	    mirror->addr <= bounds->last)
		ret = mnt_mirror_read(sub, mirror);
	up_read(&sub->live);
	return ret;
}
