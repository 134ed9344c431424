// SPDX-License-Identifier: GPL-2.0
/*
 * TLB misses: from the fault handle to the page table, and back.
 *
 * To find the page of a miss can take long: it may have to be read from a disk, or
 * an invalidation be waited for.  So it is done with no lock held,
 *
 *	lock the context, read the miss, unlock		gru_dropin()
 *	take a ticket, find the page			gru_miss_resolve()
 *	lock the context, is it still that miss?	gru_dropin()
 *	  under ms_fills.lock, ask the ticket: has an
 *	  invalidation begun?  If not, fill the TLB
 *
 * and over again if the miss is another one by then, or the ticket says so.  The
 * page needs no reference from the time that it was found to the drop-in: if no
 * overlapping range began, the page table still names it, and if one begins later,
 * its callout finds the entry.  gru_invalidate.c has the whole argument.
 *
 * With a pause here and an invalidation in it, the chip may have given up the miss
 * by itself and restarted the instruction; a drop-in into an idle handle does
 * nothing.  That is welcome, but not relied upon.
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/signal.h>
#include <linux/sync_core.h>

#include "gru.h"
#include "grutables.h"
#include "gru_dropin.h"
#include "gru_emu.h"
#include "gru_fill.h"
#include "gru_instructions.h"
#include "gru_invalidate.h"

/* The space of the GRUs themselves is not for instructions. */
static bool is_gru_space(unsigned long paddr)
{
	return paddr >= gru_start_paddr && paddr < gru_end_paddr;
}

static unsigned long miss_last(const struct gru_miss *miss)
{
	return miss->vaddr + miss->nr * PAGE_SIZE - 1;
}

/*
 * Is there a miss that is the user's to report?  The handle may be stale in the
 * cache, and the user call for nothing.
 *
 * Return: 1 if so, 0 if there is nothing to do, or -EAGAIN.
 */
static int gru_miss_pending(struct gru_tlb_fault_handle *tfh, void *cbk)
{
	if (tfh->status != TFHSTATUS_EXCEPTION) {
		gru_flush_cache(tfh);
		sync_core();
		if (tfh->status != TFHSTATUS_EXCEPTION) {
			STAT(tlb_dropin_fail_no_exception);
			goto nothing;
		}
		STAT(tfh_stale_on_fault);
	}
	if (tfh->state == TFHSTATE_IDLE) {
		STAT(tlb_dropin_fail_idle);
		goto nothing;
	}
	if (tfh->state == TFHSTATE_MISS_FMM) {
		/* It is going to be the user's, by interrupt. */
		STAT(tlb_dropin_fail_fmm);
		gru_flush_cache(tfh);
		return 0;
	}
	if (!tfh->missasid) {
		STAT(tlb_dropin_fail_no_asid);
		gru_flush_cache(tfh);
		return -EAGAIN;
	}
	return 1;
nothing:
	gru_flush_cache(tfh);
	gru_flush_cache(cbk);
	return 0;
}

/* How many more pages will a BCOPY want, as far as its user lets us ask? */
static unsigned long gru_pages_ahead(struct gru_thread_state *gts,
				     struct gru_tlb_fault_handle *tfh)
{
	struct gru_control_block_extended *cbe = gru_tfh_to_cbe(tfh);
	unsigned long vaddr = tfh->missvaddr, bytes = 0;

	if (!gts->ts_tlb_preload_count)
		return 0;
	if (cbe->opccpy != OP_BCOPY)
		bytes = 0;
	else if (vaddr == cbe->cbe_baddr0)
		bytes = cbe->cbe_src_cl * GRU_CACHE_LINE_BYTES;
	else if (vaddr == cbe->cbe_baddr1)
		bytes = cbe->cbe_nelemcur << cbe->xtypecpy;
	gru_flush_cache(cbe);
	if (!bytes)
		return 0;
	return min((offset_in_page(vaddr) + bytes - 1) >> PAGE_SHIFT,
		   (unsigned long)gts->ts_tlb_preload_count);
}

static bool gru_miss_same(const struct gru_miss *miss,
			  const struct gru_thread_state *gts,
			  const struct gru_tlb_fault_handle *tfh)
{
	return miss->gts == gts &&
	       miss->vaddr == (tfh->missvaddr & PAGE_MASK) &&
	       miss->write == !!(tfh->cause & TFHCAUSE_TLB_MOD);
}

/* Pages of one miss lie in two blocks at most. */
static int gru_miss_prepare(struct gru_miss *miss)
{
	struct gru_fills *fills = &miss->gts->ts_gms->ms_fills;
	int err;

	if (miss->ready)
		return 0;
	err = gru_fill_prepare(fills, miss->vaddr);
	if (err)
		return err;
	err = gru_fill_prepare(fills, miss_last(miss));
	if (err)
		gru_fill_unprepare(fills, miss->vaddr);
	miss->ready = !err;
	return err;
}

static void gru_miss_unprepare(struct gru_miss *miss)
{
	struct gru_fills *fills = &miss->gts->ts_gms->ms_fills;

	if (!miss->ready)
		return;
	gru_fill_unprepare(fills, miss->vaddr);
	gru_fill_unprepare(fills, miss_last(miss));
	miss->ready = false;
}

/* Note what is to be resolved, in place of what was. */
static void gru_miss_note(struct gru_miss *miss, struct gru_thread_state *gts,
			  struct gru_tlb_fault_handle *tfh)
{
	gru_miss_end(miss);
	refcount_inc(&gts->ts_refcnt);
	miss->gts = gts;
	miss->vaddr = tfh->missvaddr & PAGE_MASK;
	miss->write = tfh->cause & TFHCAUSE_TLB_MOD;
	miss->nr = 1 + min3(gru_pages_ahead(gts, tfh), GRU_MISS_PAGES - 1UL,
			    (ULONG_MAX - miss->vaddr) >> PAGE_SHIFT);
	miss->shift = GRU_SMALL_SHIFT;
	range_ticket_init(&miss->ticket, miss->vaddr, miss_last(miss));
	gts->ustats.upm_tlbmiss++;
}

/**
 * gru_miss_end() - be done with a miss
 * @miss: noted, or zeroed
 *
 * Context: No lock of the context is held, unless it has another reference.
 */
void gru_miss_end(struct gru_miss *miss)
{
	if (!miss->gts)
		return;
	gru_miss_unprepare(miss);
	range_ticket_end(gru_ranges(miss->gts->ts_gms), &miss->ticket);
	gts_drop(miss->gts);
	miss->gts = NULL;
}

/*
 * Find the pages, fault them in if need be.  Small ones that follow a small one
 * come along; a large one comes alone.
 */
static void gru_miss_look_up(struct gru_miss *miss)
{
	/* Who asks for hints asks about us, too. */
	unsigned int flags = FOLL_HONOR_NUMA_FAULT |
			     (miss->write ? FOLL_WRITE : 0);
	bool huge, large = false;
	long i, nr;

	nr = get_user_pages_unlocked(miss->vaddr, miss->nr, miss->pages, flags);
	miss->got = nr;
	for (i = 0; i < nr; i++) {
		huge = folio_test_hugetlb(page_folio(miss->pages[i]));
		large |= huge && i == 0;
		if (i && (huge || large))
			miss->got = min(miss->got, i);
		put_page(miss->pages[i]);
	}
	miss->shift = large ? GRU_LARGE_SHIFT : GRU_SMALL_SHIFT;
}

/**
 * gru_miss_resolve() - find the pages of a miss
 * @miss: noted by gru_dropin()
 *
 * Waits for invalidations in flight that overlap, and for no others.
 *
 * Context: May sleep.  Caller holds no lock.
 * Return: 0 if gru_dropin() is to be called again, -ENOMEM, or -EINTR if the task
 * has been killed.
 */
int gru_miss_resolve(struct gru_miss *miss)
{
	struct range_tracker *ranges = gru_ranges(miss->gts->ts_gms);
	unsigned long first, last;

	if (gru_miss_prepare(miss))
		return -ENOMEM;
	for (;;) {
		if (range_ticket_begin(ranges, &miss->ticket))
			return -EINTR;
		gru_miss_look_up(miss);
		if (fatal_signal_pending(current))
			return -EINTR;
		/* Not the last word; but to copy on write is to invalidate. */
		if (range_ticket_retry(ranges, &miss->ticket))
			continue;
		/* All that a large entry maps must be in the ticket. */
		first = round_down(miss->vaddr, 1UL << miss->shift);
		last = max(first + (1UL << miss->shift) - 1, miss_last(miss));
		if (miss->ticket.node.start <= first &&
		    miss->ticket.node.last >= last)
			break;
		range_ticket_end(ranges, &miss->ticket);
		range_ticket_init(&miss->ticket, first, last);
	}
	gru_emu_before_dropin();
	return 0;
}

/* An entry of this size needs the context to know of the size. */
static bool gru_size_known(struct gru_thread_state *gts, unsigned int shift)
{
	if (gts->ts_sizeavail & GRU_SIZEAVAIL(shift))
		return true;
	gts->ts_sizeavail |= GRU_SIZEAVAIL(shift);
	/* That interrupts the context, and starts it with the miss forgotten. */
	if (!gru_update_cch(gts))
		gts->ts_force_cch_reload = 1;
	return false;
}

static unsigned long gru_miss_gpa(const struct gru_miss *miss, long i)
{
	phys_addr_t paddr = page_to_phys(miss->pages[i]);

	return uv_soc_phys_ram_to_gpa(round_down(paddr, 1UL << miss->shift));
}

/*
 * Record the pages and fill the TLB.  The one that was missed comes last, since it
 * restarts the instruction; for the others the handle is no longer an exception,
 * so there is no way back.
 */
static void gru_fill_tlb(struct gru_miss *miss, struct gru_tlb_fault_handle *tfh)
{
	struct gru_fills *fills = &miss->gts->ts_gms->ms_fills;
	unsigned long vaddr;
	long i;

	lockdep_assert_held(&fills->lock);
	for (i = miss->got - 1; i > 0; i--) {
		vaddr = miss->vaddr + i * PAGE_SIZE;
		gru_fill_set(fills, vaddr, miss->shift, miss->write);
		tfh_write_only(tfh, gru_miss_gpa(miss, i), GAA_RAM, vaddr,
			       tfh->missasid, miss->write,
			       GRU_PAGESIZE(miss->shift));
		STAT(tlb_preload_page);
	}
	gru_fill_set(fills, miss->vaddr, miss->shift, miss->write);
	tfh_write_restart(tfh, gru_miss_gpa(miss, 0), GAA_RAM, tfh->missvaddr,
			  tfh->missasid, miss->write,
			  GRU_PAGESIZE(miss->shift));
}

/* Publish what was found, unless an invalidation has begun. */
static int gru_publish(struct gru_miss *miss, struct gru_tlb_fault_handle *tfh,
		       struct gru_instruction_bits *cb)
{
	struct gru_mm_struct *gms = miss->gts->ts_gms;
	bool ok;

	spin_lock(&gms->ms_fills.lock);
	/* An ASID may have been changed, and the instruction started over. */
	ok = tfh->status == TFHSTATUS_EXCEPTION &&
	     gru_miss_same(miss, miss->gts, tfh) &&
	     !range_ticket_retry(gru_ranges(gms), &miss->ticket);
	if (ok) {
		/* For the user not to see the state from before the restart. */
		cb->istatus = CBS_ACTIVE;
		gru_fill_tlb(miss, tfh);
	}
	spin_unlock(&gms->ms_fills.lock);
	if (!ok) {
		STAT(tlb_dropin_fail_range_active);
		return 1;
	}
	miss->gts->ustats.tlbdropin++;
	STAT(tlb_dropin);
	return 0;
}

/**
 * gru_dropin() - resolve a TLB miss that a user reports
 * @miss: zeroed at first
 * @gts:  the context, loaded
 * @tfh:  its fault handle
 * @cbk:  its control block
 *
 * Context: May sleep.  Caller holds @gts->ts_ctxlock.
 * Return: 0 if the instruction goes on, has ended, or has nothing to be done for;
 * 1 if the caller has to drop its locks, call gru_miss_resolve() and come again;
 * -EAGAIN if the context is on its way out; -EFAULT if there is no such page, which
 * is the instruction's exception.
 */
int gru_dropin(struct gru_miss *miss, struct gru_thread_state *gts,
	       struct gru_tlb_fault_handle *tfh, void *cbk)
{
	struct range_tracker *ranges = gru_ranges(gts->ts_gms);
	int ret;

	lockdep_assert_held(&gts->ts_ctxlock);
	ret = gru_miss_pending(tfh, cbk);
	if (ret <= 0)
		return ret;
	if (!gru_miss_same(miss, gts, tfh)) {
		gru_miss_note(miss, gts, tfh);
		return 1;
	}
	if (miss->got <= 0 || is_gru_space(page_to_phys(miss->pages[0]))) {
		tfh_exception(tfh);
		STAT(tlb_dropin_fail_invalid);
		return -EFAULT;
	}
	if (range_ticket_retry(ranges, &miss->ticket)) {
		STAT(call_os_wait_queue);
		return 1;
	}
	if (!gru_size_known(gts, miss->shift)) {
		STAT(tlb_dropin_fail_upm);
		return 0;
	}
	return gru_publish(miss, tfh, cbk);
}
