// SPDX-License-Identifier: GPL-2.0
/*
 * Translations are made from what get_user_pages() finds, by the protocol that
 * keeps a reader of each kind from publishing what is being withdrawn:
 *
 *	MNT_INTERVAL	mmu_interval_read_begin() and _retry()
 *	MNT_LIST	counts of its own: no start without an end, none since
 *	MNT_LIST_START	a ticket among the ranges in flight
 *	MNT_GET		likewise
 *	MNT_FILTERED	likewise
 *	MNT_SECONDARY	a walk of the page table under the lock that its
 *			callout takes, as a device walks it by itself
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#ifdef MMU_NOTIFIER_RANGE_TRACKED
#include <linux/range_tracker.h>
#endif

#include "internal.h"

/* One attempt of a reader. */
struct mnt_reader {
	struct mnt_sub *sub;
	unsigned long seq;
#ifdef MMU_NOTIFIER_RANGE_TRACKED
	struct range_ticket ticket;
#endif
};

#ifdef MMU_NOTIFIER_RANGE_TRACKED
static bool mnt_takes_tickets(const struct mnt_sub *sub)
{
	return sub->kind == MNT_LIST_START || sub->kind == MNT_GET ||
	       sub->kind == MNT_FILTERED;
}

static void mnt_ticket_init(struct mnt_reader *reader, unsigned long addr)
{
	range_ticket_init(&reader->ticket, addr, addr + PAGE_SIZE - 1);
}

static int mnt_ticket_begin(struct mnt_reader *reader)
{
	return range_ticket_begin(mmu_notifier_ranges(&reader->sub->mn),
				  &reader->ticket);
}

static bool mnt_ticket_retry(struct mnt_reader *reader)
{
	return range_ticket_retry(mmu_notifier_ranges(&reader->sub->mn),
				  &reader->ticket);
}

static void mnt_ticket_end(struct mnt_reader *reader)
{
	range_ticket_end(mmu_notifier_ranges(&reader->sub->mn),
			 &reader->ticket);
}
#else
static bool mnt_takes_tickets(const struct mnt_sub *sub)
{
	return false;
}

static void mnt_ticket_init(struct mnt_reader *reader, unsigned long addr) { }
static int mnt_ticket_begin(struct mnt_reader *reader) { return 0; }
static bool mnt_ticket_retry(struct mnt_reader *reader) { return false; }
static void mnt_ticket_end(struct mnt_reader *reader) { }
#endif

/* Only the kernel with the series tells a subscriber without ends. */
static bool mnt_can_fill(const struct mnt_sub *sub)
{
	return sub->kind != MNT_LIST_START || mnt_takes_tickets(sub);
}

/* MNT_LIST: 0, or -EAGAIN if a change is under way, of whatever. */
static int mnt_count_begin(struct mnt_reader *reader)
{
	struct mnt_stats *stats = &reader->sub->stats;
	int ret;

	spin_lock(&reader->sub->lock);
	ret = stats->open ? -EAGAIN : 0;
	reader->seq = stats->calls[MNT_OP_START];
	spin_unlock(&reader->sub->lock);
	return ret;
}

static bool mnt_count_retry(const struct mnt_reader *reader)
{
	const struct mnt_stats *stats = &reader->sub->stats;

	return stats->open || stats->calls[MNT_OP_START] != (u32)reader->seq;
}

static int mnt_reader_begin(struct mnt_reader *reader)
{
	if (mnt_takes_tickets(reader->sub))
		return mnt_ticket_begin(reader);
	switch (reader->sub->kind) {
	case MNT_INTERVAL:
		reader->seq = mmu_interval_read_begin(&reader->sub->interval);
		return 0;
	case MNT_SECONDARY:
		return 0;
	default:
		return mnt_count_begin(reader);
	}
}

/* Must it be repeated?  The lock of the subscription is held. */
static bool mnt_reader_retry(struct mnt_reader *reader)
{
	struct mnt_sub *sub = reader->sub;

	lockdep_assert_held(&sub->lock);
	if (sub->released)
		return true;
	if (mnt_takes_tickets(sub))
		return mnt_ticket_retry(reader);
	switch (sub->kind) {
	case MNT_INTERVAL:
		return mmu_interval_read_retry(&sub->interval, reader->seq);
	case MNT_SECONDARY:
		return false;
	default:
		return mnt_count_retry(reader);
	}
}

/* What is read for: a word of a page; fault it in and find out which it is. */
static int mnt_look_up(struct mm_struct *mm, unsigned long addr, bool write,
		       unsigned long *entry)
{
	/* A hint for NUMA balancing is a withdrawal, as to the CPU. */
	unsigned int flags = FOLL_HONOR_NUMA_FAULT | (write ? FOLL_WRITE : 0);
	struct page *page;
	long got;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	got = get_user_pages_remote(mm, addr, 1, flags, &page, NULL);
	mmap_read_unlock(mm);
	if (got != 1)
		return got < 0 ? got : -EFAULT;
	*entry = page_to_pfn(page) << MNT_FRAME_SHIFT | MNT_CAN_READ |
		 (write ? MNT_CAN_WRITE : 0);
	/* Only the notifier keeps the page for us from here on. */
	put_page(page);
	return 0;
}

/* A device that walks the page table does so when its TLB has been asked. */
static int mnt_publish(struct mnt_reader *reader, unsigned long addr,
		       unsigned long entry, struct mm_struct *mm)
{
	struct mnt_sub *sub = reader->sub;
	unsigned long rights = entry & (MNT_CAN_READ | MNT_CAN_WRITE);
	int ret = 0;

	spin_lock(&sub->lock);
	if (sub->kind == MNT_SECONDARY) {
		entry = mnt_primary(mm, addr, false);
		if ((entry & rights) == rights)
			entry &= ~(unsigned long)MNT_CAN_WRITE | rights;
		else
			ret = -EAGAIN;
	}
	if (!ret && mnt_reader_retry(reader))
		ret = -EAGAIN;
	if (!ret)
		mnt_mirror_set(sub, addr, entry);
	spin_unlock(&sub->lock);
	return ret;
}

static int mnt_fill_once(struct mnt_reader *reader, struct mm_struct *mm,
			 unsigned long addr, bool write)
{
	unsigned long entry;
	int ret;

	ret = mnt_reader_begin(reader);
	if (!ret)
		ret = mnt_look_up(mm, addr, write, &entry);
	return ret ?: mnt_publish(reader, addr, entry, mm);
}

/**
 * mnt_fill_page() - make a translation
 * @sub:     the subscription, kept by mnt_begin_read()
 * @mm:      its mm, with an mmget() reference
 * @addr:    an address that mnt_in_mirror()
 * @flags:   MNT_MIRROR_WRITE, MNT_MIRROR_ONCE
 * @retries: attempts that did not come to anything are added
 *
 * Context: May sleep, waits for the invalidations of this page, and with
 * MNT_LIST for all; ends if the caller is killed.
 * Return: 0, -EINTR if killed, -EAGAIN if it was tried once and being
 * withdrawn, -EOPNOTSUPP if this kernel has no protocol for the kind, or an
 * error of get_user_pages_remote().
 */
int mnt_fill_page(struct mnt_sub *sub, struct mm_struct *mm,
		  unsigned long addr, unsigned int flags, u32 *retries)
{
	bool write = flags & MNT_MIRROR_WRITE;
	struct mnt_reader reader = { .sub = sub };
	int ret;

	if (!mnt_can_fill(sub))
		return -EOPNOTSUPP;
	mnt_ticket_init(&reader, addr);
	while ((ret = mnt_fill_once(&reader, mm, addr, write)) == -EAGAIN) {
		++*retries;
		if (flags & MNT_MIRROR_ONCE)
			break;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	if (mnt_takes_tickets(sub))
		mnt_ticket_end(&reader);
	return ret;
}

static bool mnt_fill_is_over(int ret)
{
	return ret == -EINTR || ret == -EOPNOTSUPP;
}

/**
 * mnt_fill() - MNT_FILL
 * @sub:  the subscription
 * @fill: the range; results are stored in it
 *
 * Return: 0, -EINVAL if it is not all within the mirror, -ESRCH if the process
 * has gone, -EINTR, -EOPNOTSUPP.
 */
long mnt_fill(struct mnt_sub *sub, struct mnt_fill *fill)
{
	unsigned long addr, end = fill->start + fill->length;
	int ret = 0;

	if (!mnt_begin_read(sub))
		return -EINVAL;
	fill->filled = 0;
	fill->retries = 0;
	if (!fill->length || !mnt_in_mirror(sub, fill->start) ||
	    !mnt_in_mirror(sub, end - 1)) {
		ret = -EINVAL;
		goto out;
	}
	if (!mmget_not_zero(sub->mm)) {
		ret = -ESRCH;
		goto out;
	}
	for (addr = fill->start; addr < end; addr += PAGE_SIZE) {
		ret = mnt_fill_page(sub, sub->mm, addr, fill->flags,
				    &fill->retries);
		if (mnt_fill_is_over(ret))
			break;
		fill->filled += !ret;
		ret = 0;
	}
	mmput(sub->mm);
out:
	mnt_end_read(sub);
	return ret;
}
