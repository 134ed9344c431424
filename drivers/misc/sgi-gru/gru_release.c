// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an address space.
 *
 * exit_mmap() tells its subscribers before it unmaps anything, and nothing after
 * that.  The segments' vmas are closed when all pages have been freed, so contexts
 * must not wait for that: an instruction in flight would go on in memory that
 * belongs to somebody else by then.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "gru.h"
#include "grutables.h"
#include "gru_fill.h"
#include "gru_invalidate.h"

/* Any context of the address space that is loaded on a GRU; with a reference. */
static struct gru_thread_state *gru_find_loaded(struct gru_state *gru,
						struct gru_mm_struct *gms)
{
	struct gru_thread_state *gts, *found = NULL;
	int ctxnum;

	spin_lock(&gru->gs_lock);
	for_each_gts_on_gru(gts, gru, ctxnum) {
		if (gts->ts_gms != gms)
			continue;
		refcount_inc(&gts->ts_refcnt);
		found = gts;
		break;
	}
	spin_unlock(&gru->gs_lock);
	return found;
}

/*
 * Instructions end where they are, and what registers hold is lost.  The segment
 * may still be mapped, but nobody is left to use it.
 */
static void gru_stop_gru(struct gru_state *gru, struct gru_mm_struct *gms)
{
	struct gru_thread_state *gts;

	while ((gts = gru_find_loaded(gru, gms))) {
		mutex_lock(&gts->ts_ctxlock);
		if (gts->ts_gru)
			gru_stop_context(gts, 0);
		mutex_unlock(&gts->ts_ctxlock);
		gts_drop(gts);
	}
}

/* What the TLBs still hold goes by ASIDs that nobody uses. */
static void gru_give_up_asids(struct gru_mm_struct *gms)
{
	int gid;

	write_lock(&gms->ms_asid_lock);
	for_each_gru_in_bitmap(gid, gms->ms_asidmap) {
		WARN_ON_ONCE(gms->ms_asids[gid].mt_ctxbitmap);
		gms->ms_asids[gid].mt_asid = 0;
	}
	bitmap_zero(gms->ms_asidmap, GRU_MAX_GRUS);
	gru_fills_reset(&gms->ms_fills);
	write_unlock(&gms->ms_asid_lock);
}

/**
 * gru_release() - the release callout
 * @mn: of the address space
 * @mm: the address space; it has no users any more
 *
 * On return no instruction runs, none will, and there is nothing to flush.  A
 * context is loaded by a task of the mm only, and stolen only by who holds a
 * reference to its users.
 *
 * Context: May sleep.
 */
void gru_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct gru_mm_struct *gms = container_of(mn, struct gru_mm_struct,
						 ms_notifier);
	int gid;

	STAT(mmu_release);
	gru_flush_late(gms);
	foreach_gid(gid)
		if (GID_TO_GRU(gid))
			gru_stop_gru(GID_TO_GRU(gid), gms);
	gru_give_up_asids(gms);
}
