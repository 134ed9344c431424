// SPDX-License-Identifier: GPL-2.0
/*
 * Another ASID for an address space, in place of a flush.
 *
 * What a TLB holds goes by ASID.  To give the contexts of an mm another one makes
 * all that was dropped in unreachable at once, for the price of an interrupt and a
 * start of each context, and of a miss for each page that should have stayed.  The
 * old ASID is given to nobody before the TLB has been flushed.
 *
 * It is done under ms_asid_lock for write: no context is loaded or unloaded
 * meanwhile, and nobody else flushes; and under ms_fills.lock: nothing is dropped
 * in.  An interrupt makes the chip forget a miss that is pending, so a drop-in
 * looks under that lock whether its miss is still there (gru_dropin.c).
 *
 * Who loads or unloads takes the lock of a CCH before ms_asid_lock, so here it can
 * only be tried.  A context whose CCH can be had is started: loading and unloading
 * are under that lock from end to end.
 */
#include <linux/mm.h>

#include "gru.h"
#include "grutables.h"
#include "gru_fill.h"
#include "gru_invalidate.h"

/* What these take, as compared with a TLB operation. */
#define COST_CCH	2	/* an interrupt and a start */
#define COST_MISS	4

static struct gru_context_configuration_handle *cch_of(int gid, int ctxnum)
{
	return get_cch(GID_TO_GRU(gid)->gs_gru_base_vaddr, ctxnum);
}

static void gru_unlock_contexts(int gid, unsigned long contexts)
{
	int ctxnum;

	for_each_set_bit(ctxnum, &contexts, GRU_NUM_CCH)
		unlock_cch_handle(cch_of(gid, ctxnum));
}

/* All contexts on one GRU, or none. */
static bool gru_trylock_contexts(int gid, unsigned long contexts)
{
	unsigned long locked = 0;
	int ctxnum;

	for_each_set_bit(ctxnum, &contexts, GRU_NUM_CCH) {
		if (!trylock_cch_handle(cch_of(gid, ctxnum))) {
			gru_unlock_contexts(gid, locked);
			return false;
		}
		__set_bit(ctxnum, &locked);
	}
	return true;
}

static void gru_restart_context(struct gru_context_configuration_handle *cch,
				int asid)
{
	int region;

	WARN_ON_ONCE(cch_interrupt(cch));
	for (region = 0; region < ARRAY_SIZE(cch->asid); region++)
		cch->asid[region] = asid + region;
	WARN_ON_ONCE(cch_start(cch));
}

/* Another ASID on one GRU; where nothing is loaded, none. */
static void gru_renew_asid(struct gru_mm_struct *gms, int gid)
{
	struct gru_mm_tracker *tracker = &gms->ms_asids[gid];
	unsigned long contexts = tracker->mt_ctxbitmap;
	struct gru_state *gru = GID_TO_GRU(gid);
	int ctxnum, asid;

	if (!contexts) {
		STAT(flush_tlb_gru_zero_asid);
		tracker->mt_asid = 0;
		__clear_bit(gid, gms->ms_asidmap);
		return;
	}
	STAT(flush_tlb_gru_new_asid);
	spin_lock(&gru->gs_asid_lock);
	asid = gru_assign_asid(gru);
	tracker->mt_asid = asid;
	tracker->mt_asid_gen = gru->gs_asid_gen;
	spin_unlock(&gru->gs_asid_lock);
	for_each_set_bit(ctxnum, &contexts, GRU_NUM_CCH)
		gru_restart_context(cch_of(gid, ctxnum), asid);
}

static bool gru_try_renew(struct gru_mm_struct *gms)
{
	int gid, locked;

	for_each_gru_in_bitmap(gid, gms->ms_asidmap)
		if (!gru_trylock_contexts(gid, gms->ms_asids[gid].mt_ctxbitmap))
			break;
	locked = min(gid, GRU_MAX_GRUS);
	if (locked == GRU_MAX_GRUS) {
		STAT(flush_tlb);
		for_each_gru_in_bitmap(gid, gms->ms_asidmap)
			gru_renew_asid(gms, gid);
		gru_fill_forget_all(&gms->ms_fills);
	}
	for_each_gru_in_bitmap(gid, gms->ms_asidmap)
		if (gid < locked)
			gru_unlock_contexts(gid,
					    gms->ms_asids[gid].mt_ctxbitmap);
	return locked == GRU_MAX_GRUS;
}

/* How many GRUs have contexts loaded, and how many contexts these are. */
static void gru_count_loaded(struct gru_mm_struct *gms, unsigned long *grus,
			     unsigned long *contexts)
{
	int gid;

	*grus = 0;
	*contexts = 0;
	for_each_gru_in_bitmap(gid, gms->ms_asidmap) {
		*grus += !!gms->ms_asids[gid].mt_ctxbitmap;
		*contexts += hweight16(gms->ms_asids[gid].mt_ctxbitmap);
	}
}

/**
 * gru_flush_by_asid() - flush a range by other ASIDs, if that is cheaper
 * @gms:   the address space
 * @count: what is recorded of the range
 *
 * Cheaper is a matter of operations: one for each piece on each GRU; or two for
 * each context, and what it costs to miss, once more, each page outside.
 *
 * Context: Does not sleep.
 * Return: false if it is not cheaper, or cannot be done now.
 */
bool gru_flush_by_asid(struct gru_mm_struct *gms,
		       const struct gru_fill_count *count)
{
	unsigned long grus, contexts;
	bool ok;

	write_lock(&gms->ms_asid_lock);
	spin_lock(&gms->ms_fills.lock);
	gru_count_loaded(gms, &grus, &contexts);
	ok = count->pieces * grus > COST_CCH * contexts +
				    COST_MISS * count->outside &&
	     gru_try_renew(gms);
	spin_unlock(&gms->ms_fills.lock);
	write_unlock(&gms->ms_asid_lock);
	return ok;
}
