// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts that are taken away from whoever uses them.
 *
 * To unload the context of a user is to remove its segment from a page table,
 * which takes the mmap_lock of that mm, and the vma must still be there: munmap()
 * detaches it first and frees its page tables later, under mmap_lock for read.
 * The thief holds locks that come after those, gs_lock among them, and often an
 * mmap_lock of its own.  So all is tried, and whoever cannot be had at once is
 * left alone.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "gru.h"
#include "grutables.h"

/*
 * Is the segment's vma not on its way out?  The vma itself exists, as
 * gru_vma_close() waits for ts_ctxlock before it lets go of a loaded context.
 */
static bool gru_segment_attached(struct gru_thread_state *gts)
{
	lockdep_assert_held(&gts->ts_ctxlock);
	return vma_lookup(gts->ts_mm, UGRUADDR(gts)) == gts->ts_vma;
}

static bool gru_trylock_user(struct gru_thread_state *gts)
{
	struct mm_struct *mm = gts->ts_mm;

	if (!mutex_trylock(&gts->ts_ctxlock))
		return false;
	/* exit_mmap() unloads by itself. */
	if (!mmget_not_zero(mm))
		goto unlock;
	if (!mmap_read_trylock(mm))
		goto put;
	if (gru_segment_attached(gts))
		return true;
	mmap_read_unlock(mm);
put:
	mmput_async(mm);
unlock:
	mutex_unlock(&gts->ts_ctxlock);
	return false;
}

/**
 * gru_trylock_victim() - lock a loaded context of anybody, to unload it
 * @gts: found in gs_gts
 *
 * Context: Caller holds the gs_lock under which it found @gts.  Does not sleep.
 * Return: true if locked; then @gts stays, and stays loaded, until it is
 * unloaded by the caller or unlocked by gru_unlock_victim().
 */
bool gru_trylock_victim(struct gru_thread_state *gts)
{
	lockdep_assert_held(&gts->ts_gru->gs_lock);
	if (is_kernel_context(gts))
		return down_write_trylock(&gts->ts_gru->gs_blade->bs_kgts_sema);
	return gru_trylock_user(gts);
}

/**
 * gru_unload_victim() - unload a context, and unlock it
 * @gts: locked by gru_trylock_victim()
 *
 * What a kernel context holds is nobody's, and is not saved.
 *
 * Context: May sleep.
 */
void gru_unload_victim(struct gru_thread_state *gts)
{
	struct rw_semaphore *sema = &gts->ts_gru->gs_blade->bs_kgts_sema;
	struct mm_struct *mm = gts->ts_mm;

	gru_unload_context(gts, !is_kernel_context(gts));
	if (is_kernel_context(gts)) {
		up_write(sema);
		return;
	}
	mutex_unlock(&gts->ts_ctxlock);
	mmap_read_unlock(mm);
	/* The last one would have to tear the mm down, under our locks. */
	mmput_async(mm);
}

/**
 * gru_unload_context() - unload a context whose segment is mapped
 * @gts:       the context, loaded
 * @savestate: keep its registers and data, to be loaded again
 *
 * Context: May sleep.  Caller holds @gts->ts_ctxlock, and mmap_lock; for that of
 * the kernel, bs_kgts_sema for write.
 */
void gru_unload_context(struct gru_thread_state *gts, int savestate)
{
	if (!is_kernel_context(gts)) {
		lockdep_assert_held(&gts->ts_ctxlock);
		mmap_assert_locked(gts->ts_mm);
		zap_vma_ptes(gts->ts_vma, UGRUADDR(gts), GRU_GSEG_PAGESIZE);
	}
	gru_stop_context(gts, savestate);
}
