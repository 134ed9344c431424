// SPDX-License-Identifier: GPL-2.0
/*
 * A mirror of pages, without references to them: what a device would map.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * mnt_mirror_alloc() - room for the translations of some addresses
 * @sub:    the subscription; it keeps a mirror that it has
 * @start:  first address
 * @length: in bytes; no mirror is kept of none, nor of very many
 *
 * Return: 0 or -ENOMEM.
 */
int mnt_mirror_alloc(struct mnt_sub *sub, unsigned long start,
		     unsigned long length)
{
	unsigned long nr = length >> PAGE_SHIFT;
	unsigned long *mirror;

	if (!nr || nr > MNT_MIRROR_MAX || sub->kind == MNT_AGING ||
	    sub->kind >= MNT_NR_KINDS)
		return 0;
	mirror = kvcalloc(nr, sizeof(*mirror), GFP_KERNEL);
	if (!mirror)
		return -ENOMEM;
	/* Several users of MNT_GET may come at once. */
	spin_lock(&sub->lock);
	if (!sub->mirror) {
		sub->first = start;
		sub->mirror = mirror;
		/* Pairs with mnt_in_mirror(). */
		smp_store_release(&sub->nr, nr);
		mirror = NULL;
	}
	spin_unlock(&sub->lock);
	kvfree(mirror);
	return 0;
}

/**
 * mnt_mirror_drop() - drop the translations of a range
 * @sub:   the subscription, its lock held
 * @start: first address
 * @end:   address after the last
 */
void mnt_mirror_drop(struct mnt_sub *sub, unsigned long start,
		     unsigned long end)
{
	unsigned long after = sub->first + (sub->nr << PAGE_SHIFT);

	lockdep_assert_held(&sub->lock);
	start = max(start, sub->first);
	end = min(end, after);
	if (sub->nr && start < end)
		memset(mnt_entry(sub, start), 0,
		       (PAGE_ALIGN(end) - (start & PAGE_MASK)) /
		       PAGE_SIZE * sizeof(*sub->mirror));
}

/**
 * mnt_mirror_set() - publish a translation
 * @sub:   the subscription, its lock held
 * @addr:  its address
 * @entry: the translation; one for write is not replaced by one for read
 */
void mnt_mirror_set(struct mnt_sub *sub, unsigned long addr,
		    unsigned long entry)
{
	unsigned long *old = mnt_entry(sub, addr);

	if (*old != (entry | MNT_CAN_WRITE))
		*old = entry;
}

/**
 * mnt_begin_read() - keep a subscription from being ended
 * @sub: the subscription
 *
 * Return: false if it has been ended.
 */
bool mnt_begin_read(struct mnt_sub *sub)
{
	down_read(&sub->live);
	if (!sub->left)
		return true;
	up_read(&sub->live);
	return false;
}

/**
 * mnt_end_read() - undo mnt_begin_read()
 * @sub: the subscription
 */
void mnt_end_read(struct mnt_sub *sub)
{
	up_read(&sub->live);
}

/* Read through the translation, under the lock that invalidation takes. */
static bool mnt_load(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	unsigned long offset = offset_in_page(mirror->addr) & ~7UL;
	unsigned long entry;
	char *map;

	spin_lock(&sub->lock);
	entry = *mnt_entry(sub, mirror->addr);
	if (entry) {
		map = kmap_local_pfn(entry >> MNT_FRAME_SHIFT);
		mirror->value = READ_ONCE(*(u64 *)(map + offset));
		kunmap_local(map);
	}
	spin_unlock(&sub->lock);
	return entry;
}

static long mnt_mirror_read(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	struct mm_struct *mm = sub->mm;
	long ret = 0;

	mirror->retries = 0;
	mirror->present = mnt_load(sub, mirror);
	if (mirror->present || !(mirror->flags & MNT_MIRROR_FAULT))
		return 0;
	if (!mmget_not_zero(mm))
		return -ESRCH;
	/* What was published may be gone before it is used. */
	do {
		ret = mnt_fill_page(sub, mm, mirror->addr, mirror->flags,
				    &mirror->retries);
	} while (!ret && !mnt_load(sub, mirror));
	mmput(mm);
	return ret;
}

/**
 * mnt_mirror() - MNT_MIRROR
 * @sub:    the subscription
 * @mirror: the address; results are stored in it
 *
 * Return: 0, an error of mnt_fill_page(), -EINVAL if there is no mirror of the
 * address, -ESRCH if the process has gone.
 */
long mnt_mirror(struct mnt_sub *sub, struct mnt_mirror *mirror)
{
	long ret = -EINVAL;

	if (!mnt_begin_read(sub))
		return ret;
	if (mnt_in_mirror(sub, mirror->addr))
		ret = mnt_mirror_read(sub, mirror);
	mnt_end_read(sub);
	return ret;
}
