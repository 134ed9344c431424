// SPDX-License-Identifier: GPL-2.0
/*
 * Invalidations, as the GRUs of an address space see them.
 *
 * A GRU's TLB is filled by software: drop-ins (gru_dropin.c) read the page table
 * and publish an entry.  An invalidation flushes what it is going to withdraw, in
 * the start callout.  Why no entry survives or comes back meanwhile:
 *
 * 1. Every range in flight in the mm is known to the notifier core from before its
 *    start callout until its end, so the driver counts none and has no callout at
 *    the end.  A drop-in holds a ticket of that tracker from before it looks at
 *    the page table.
 * 2. ms_fills.lock is the readers' lock of the tracker's protocol.  A drop-in
 *    asks under it whether an overlapping range has begun since its ticket, and if
 *    not, records the page and has the TLB filled before the lock is dropped.  A
 *    flush takes it to look for recorded pages, when its range is in flight.  So
 *    either the drop-in came first, and the flush finds the page, or it sees the
 *    range.  Nothing of that relies on the chip to discard a late drop-in.
 * 3. What is recorded is forgotten after the TLB operation, not before it.  Two
 *    flushes of one page at the same time both wait for an operation.
 * 4. The TLB operation must name the contexts that use the ASID, and no context be
 *    loaded or unloaded under it.  Loads and unloads hold ms_asid_lock for write,
 *    flushes for read, so these do not wait for each other.  Between two pieces
 *    the lock is let go: a context that is loaded then finds no entry of what was
 *    flushed, and by 2 makes none.
 * 5. A GRU on which no context of the mm is loaded needs no TLB operation: its
 *    ASID is given up, and the next load gets another one.  The old one is not
 *    given to anybody before the TLB of that GRU has been flushed.
 *
 * The callout neither sleeps nor fails, so a range that must not block is dealt
 * with as any other.
 *
 * Lock order: ts_ctxlock > CCH > ms_asid_lock > ms_fills.lock > the tracker's;
 * ms_asid_lock > gs_asid_lock > gs_lock; ms_asid_lock > TGH.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>

#include "gru.h"
#include "grutables.h"
#include "gru_fill.h"
#include "gru_invalidate.h"

/**
 * gru_gms_init() - an address space of which nothing is loaded
 * @gms: zeroed
 */
void gru_gms_init(struct gru_mm_struct *gms)
{
	rwlock_init(&gms->ms_asid_lock);
	gru_fills_init(&gms->ms_fills);
}

/**
 * gru_ranges() - the ranges in flight, for the tickets of drop-ins
 * @gms: the address space
 *
 * Return: the tracker; it lives as long as the caller has a reference to @gms.
 */
struct range_tracker *gru_ranges(struct gru_mm_struct *gms)
{
	return mmu_notifier_ranges(&gms->ms_notifier);
}

/*
 * The first GRU from @gid on that has an ASID of the mm, or had one: if no
 * context is loaded there, that is given up.
 */
static bool gru_flush_next(struct gru_mm_struct *gms, unsigned int *gid,
			   struct gru_mm_tracker *who)
{
	spin_lock(&gms->ms_fills.lock);
	*gid = find_next_bit(gms->ms_asidmap, GRU_MAX_GRUS, *gid);
	if (*gid < GRU_MAX_GRUS) {
		*who = gms->ms_asids[*gid];
		if (!who->mt_ctxbitmap) {
			gms->ms_asids[*gid].mt_asid = 0;
			__clear_bit(*gid, gms->ms_asidmap);
		}
	}
	spin_unlock(&gms->ms_fills.lock);
	return *gid < GRU_MAX_GRUS;
}

static void gru_flush_piece(struct gru_mm_struct *gms,
			    const struct gru_piece *piece)
{
	struct gru_mm_tracker who;
	unsigned int gid;

	STAT(flush_tlb);
	for (gid = 0; gru_flush_next(gms, &gid, &who); gid++) {
		STAT(flush_tlb_gru);
		if (who.mt_ctxbitmap) {
			STAT(flush_tlb_gru_tgh);
			gru_flush_gru(GID_TO_GRU(gid), &who, piece);
		} else {
			STAT(flush_tlb_gru_zero_asid);
		}
	}
}

/* Let those in who load or unload a context. */
static void gru_flush_breathe(struct gru_mm_struct *gms, bool may_sleep)
	__releases(&gms->ms_asid_lock) __acquires(&gms->ms_asid_lock)
{
	read_unlock(&gms->ms_asid_lock);
	if (may_sleep)
		cond_resched();
	read_lock(&gms->ms_asid_lock);
}

/**
 * struct gru_flush - a range to flush
 * @start:     first address
 * @last:      last address
 * @writable:  only entries that allow to write
 * @in_flight: nothing of it will be dropped in meanwhile
 * @may_sleep: there may be others who have to run
 */
struct gru_flush {
	unsigned long start;
	unsigned long last;
	bool writable;
	bool in_flight;
	bool may_sleep;
};

#ifdef CONFIG_SGI_GRU_EMULATION
/*
 * To compare with: an operation for each page, as when there were callouts for
 * pages, and these came to the end of an address space, too.  It flatters that,
 * since there is none for pages that were never dropped in.
 */
static bool gru_per_page;
module_param_named(per_page, gru_per_page, bool, 0400);
MODULE_PARM_DESC(per_page, "To measure: flush page by page, and at exit");
#else
#define gru_per_page	false
#endif

/* Flush the entries of one page size. */
static void gru_flush_size(struct gru_mm_struct *gms,
			   const struct gru_flush *flush, unsigned int shift)
{
	struct gru_piece piece = { .shift = shift };
	unsigned long pos = flush->start;

	while (gru_fill_next(&gms->ms_fills, pos, flush->last, flush->writable,
			     &piece)) {
		if (gru_per_page)
			piece.nr = 1;
		gru_flush_piece(gms, &piece);
		if (flush->in_flight)
			gru_fill_forget(&gms->ms_fills, &piece);
		if (gru_piece_last(&piece) >= flush->last)
			break;
		pos = gru_piece_last(&piece) + 1;
		gru_flush_breathe(gms, flush->may_sleep);
	}
}

/* Is it worth while to count?  A piece is as good as an ASID. */
static bool gru_is_long(const struct gru_flush *flush)
{
	return (flush->last - flush->start) >> GRU_SMALL_SHIFT >= GRUMAXINVAL;
}

/*
 * Flush a range, of any length: piece by piece, or all of the address space by
 * another ASID, if that takes less (gru_asid.c).  Pieces begin with pages that
 * were missed once, so there are no more of them than there were misses.
 */
static void gru_flush_range(struct gru_mm_struct *gms,
			    const struct gru_flush *flush)
{
	struct gru_fill_count count;

	if (gru_is_long(flush) && !gru_per_page) {
		gru_fill_count(&gms->ms_fills, flush->start, flush->last,
			       flush->writable, &count);
		if (count.pieces > 1 && gru_flush_by_asid(gms, &count))
			return;
	}
	read_lock(&gms->ms_asid_lock);
	gru_flush_size(gms, flush, GRU_SMALL_SHIFT);
	gru_flush_size(gms, flush, GRU_LARGE_SHIFT);
	read_unlock(&gms->ms_asid_lock);
}

/**
 * gru_flush_late() - before contexts are stopped, when the mm goes
 * @gms: the address space
 *
 * There is nothing to do, unless it is to be seen what that saves.
 *
 * Context: May sleep.
 */
void gru_flush_late(struct gru_mm_struct *gms)
{
	static const struct gru_flush all = {
		.last = ULONG_MAX,
		.may_sleep = true,
	};

	if (gru_per_page)
		gru_flush_range(gms, &all);
}

/**
 * gru_flush_user_range() - flush because the user asks for it
 * @gms:   the address space
 * @start: first address
 * @len:   bytes; may reach beyond the end of all addresses
 *
 * What other threads drop in meanwhile may stay.
 *
 * Context: May sleep.  Caller keeps a reference to @gms.
 */
void gru_flush_user_range(struct gru_mm_struct *gms, unsigned long start,
			  size_t len)
{
	struct gru_flush flush = {
		.start = start,
		.last = start + min(len - 1, ULONG_MAX - start),
		.may_sleep = true,
	};

	if (len)
		gru_flush_range(gms, &flush);
}

/*
 * Is it the right to write alone that goes?  Then entries that only read can stay,
 * since the page does.  Not so for mprotect(), which may take any right, nor where
 * a hint is wanted of who uses a page.
 */
static bool gru_only_write_goes(const struct mmu_notifier_range *range)
{
	switch (range->cause) {
	case MMU_CAUSE_FORK:
	case MMU_CAUSE_CLEAN:
	case MMU_CAUSE_UFFD_WP:
	case MMU_CAUSE_SOFT_DIRTY:
		return true;
	default:
		return false;
	}
}

/**
 * gru_invalidate_range_start() - the start callout
 * @mn:    of the address space
 * @range: in flight until the change is complete
 *
 * Context: Does not sleep if @range must not block.
 * Return: 0
 */
int gru_invalidate_range_start(struct mmu_notifier *mn,
			       const struct mmu_notifier_range *range)
{
	struct gru_mm_struct *gms = container_of(mn, struct gru_mm_struct,
						 ms_notifier);
	struct gru_flush flush = {
		.start = range->start,
		.last = range->end - 1,
		.writable = gru_only_write_goes(range),
		.in_flight = true,
		.may_sleep = mmu_notifier_range_blockable(range),
	};

	STAT(mmu_invalidate_range);
	gru_flush_range(gms, &flush);
	return 0;
}
