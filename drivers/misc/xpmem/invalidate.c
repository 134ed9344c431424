// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: what a source withdraws is withdrawn from all attachments.
 *
 * internal.h has the order in which this and a fault go.
 */
#include <linux/hash.h>
#include <linux/mmu_notifier_nested.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "internal.h"

/* A task that is withdrawing, among others in a bucket. */
struct xpmem_zapper {
	struct hlist_node node;
	struct task_struct *task;
};

#define XPMEM_ZAPPER_BITS	6

static struct xpmem_zappers {
	spinlock_t lock;	/* protects the list */
	struct hlist_head list;
} xpmem_zappers[1 << XPMEM_ZAPPER_BITS] = {
	[0 ... (1 << XPMEM_ZAPPER_BITS) - 1] = {
		.lock = __SPIN_LOCK_UNLOCKED(xpmem_zappers.lock),
	},
};

static struct xpmem_zappers *xpmem_zappers_here(void)
{
	return &xpmem_zappers[hash_ptr(current, XPMEM_ZAPPER_BITS)];
}

static void xpmem_zapper_begin(struct xpmem_zapper *zapper)
{
	struct xpmem_zappers *here = xpmem_zappers_here();

	zapper->task = current;
	spin_lock(&here->lock);
	hlist_add_head(&zapper->node, &here->list);
	spin_unlock(&here->lock);
}

static void xpmem_zapper_end(struct xpmem_zapper *zapper)
{
	struct xpmem_zappers *here = xpmem_zappers_here();

	spin_lock(&here->lock);
	hlist_del(&zapper->node);
	spin_unlock(&here->lock);
}

/* Is this callout due to what the current task withdraws from attachments? */
static bool xpmem_is_zapper(void)
{
	struct xpmem_zappers *here = xpmem_zappers_here();
	struct xpmem_zapper *zapper;
	bool ret = false;

	spin_lock(&here->lock);
	hlist_for_each_entry(zapper, &here->list, node)
		ret |= zapper->task == current;
	spin_unlock(&here->lock);
	return ret;
}

/**
 * xpmem_zap() - remove the entries of attachments
 * @source: whose memory is attached
 * @side:   to whom
 * @start:  first address in the source
 * @last:   last address
 *
 * Context: May sleep.  Takes i_mmap_rwsem of the attachments, and makes
 * callouts in their mms.
 */
void xpmem_zap(struct xpmem_space *source, enum xpmem_side side,
	       unsigned long start, unsigned long last)
{
	struct address_space *mapping = source->sides[side]->f_mapping;
	pgoff_t first = start >> PAGE_SHIFT;
	struct xpmem_zapper zapper;

	xpmem_zapper_begin(&zapper);
	unmap_mapping_pages(mapping, first, (last >> PAGE_SHIFT) - first + 1,
			    false);
	xpmem_zapper_end(&zapper);
}

/*
 * Under the lock, so that a VMA which is not seen comes later, and its faults
 * see all that was done before.
 */
static bool xpmem_has_remote(struct xpmem_space *source)
{
	struct address_space *mapping = source->sides[XPMEM_REMOTE]->f_mapping;
	bool ret;

	i_mmap_lock_read(mapping);
	ret = mapping_mapped(mapping);
	i_mmap_unlock_read(mapping);
	return ret;
}

/* In a callout or not; i_mmap_rwsem of the attachments is of the other mm. */
static void xpmem_zap_all(struct xpmem_space *source, unsigned long start,
			  unsigned long last)
{
	bool nested = mmu_notifier_nested_begin();

	xpmem_zap(source, XPMEM_LOCAL, start, last);
	if (xpmem_has_remote(source))
		xpmem_partition_zap(source, start, last);
	mmu_notifier_nested_end(nested);
}

/**
 * xpmem_withdraw() - withdraw addresses of a source from all attachments
 * @source: the source
 * @start:  first address
 * @last:   last address
 *
 * Whatever keeps faults from inserting entries for them is in force.
 *
 * Context: May sleep, and wait for the partition.
 */
void xpmem_withdraw(struct xpmem_space *source, unsigned long start,
		    unsigned long last)
{
	/* Behind those who have not seen what is in force. */
	down_write(&source->publish);
	up_write(&source->publish);
	xpmem_zap_all(source, start, last);
}

/**
 * xpmem_revoke() - take the right to attached addresses away
 * @source: the source
 * @flag:   what faults look at; becomes true
 * @start:  first address
 * @last:   last address
 *
 * Context: As xpmem_withdraw().
 */
void xpmem_revoke(struct xpmem_space *source, bool *flag, unsigned long start,
		  unsigned long last)
{
	down_write(&source->publish);
	WRITE_ONCE(*flag, true);
	up_write(&source->publish);
	xpmem_zap_all(source, start, last);
}

/* False if it cannot be told now. */
static bool xpmem_is_unmapped(struct xpmem_space *source, enum xpmem_side side)
{
	struct address_space *mapping = source->sides[side]->f_mapping;
	bool ret;

	if (!i_mmap_trylock_read(mapping))
		return false;
	ret = !mapping_mapped(mapping);
	i_mmap_unlock_read(mapping);
	return ret;
}

/* Withdrawing takes locks that sleep, so there has to be nothing to withdraw. */
static int xpmem_start_nonblock(struct xpmem_space *source)
{
	if (xpmem_is_unmapped(source, XPMEM_LOCAL) &&
	    xpmem_is_unmapped(source, XPMEM_REMOTE))
		return 0;
	atomic_inc(&xpmem_counts.refused);
	return -EAGAIN;
}

static int xpmem_start(struct mmu_notifier *mn,
		       const struct mmu_notifier_range *range)
{
	struct xpmem_space *source = container_of(mn, struct xpmem_space, mn);

	if (xpmem_is_zapper())
		return 0;
	if (!mmu_notifier_range_blockable(range))
		return xpmem_start_nonblock(source);
	xpmem_withdraw(source, range->start, range->end - 1);
	return 0;
}

static void xpmem_mm_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct xpmem_space *source = container_of(mn, struct xpmem_space, mn);

	xpmem_revoke(source, &source->gone, 0, ULONG_MAX);
}

const struct mmu_notifier_ops xpmem_notifier_ops = {
	.release = xpmem_mm_release,
	.invalidate_range_start = xpmem_start,
	.filtered = true,
};
