/* SPDX-License-Identifier: GPL-2.0 */
/* Splitting a huge PMD where its addresses have been announced already. */
#ifndef _MM_SPLIT_ANNOUNCED_H
#define _MM_SPLIT_ANNOUNCED_H

#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

/**
 * split_huge_pmd_announced() - split a huge PMD inside an invalidation
 * @range:   started for MMU_NOTIFY_UNMAP or MMU_NOTIFY_CLEAR, and not ended
 * @vma:     where
 * @pmd:     the entry
 * @address: an address that it covers
 *
 * split_huge_pmd() announces the PMD.  If @range contains it, everybody whom
 * that could concern has dropped what it has of it, because of @range, and
 * gets no translation before @range ends; so it is split without.  The event
 * matters: who hears of new access rights may have kept what it only reads.
 *
 * Context: as split_huge_pmd(), by the task that started @range, with
 * mmap_lock held for write: nobody subscribes to the mm after @range started.
 */
static inline void
split_huge_pmd_announced(const struct mmu_notifier_range *range,
			 struct vm_area_struct *vma, pmd_t *pmd,
			 unsigned long address)
{
	unsigned long first = address & HPAGE_PMD_MASK;
	spinlock_t *ptl;	/* of the entry */

	mmap_assert_write_locked(vma->vm_mm);
	if (first < range->start || range->end - first < HPAGE_PMD_SIZE) {
		split_huge_pmd(vma, pmd, address);
		return;
	}
	ptl = pmd_lock(vma->vm_mm, pmd);
	split_huge_pmd_locked(vma, first, pmd, false, NULL);
	spin_unlock(ptl);
}

#endif /* _MM_SPLIT_ANNOUNCED_H */
