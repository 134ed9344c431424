/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Announce a change of protection where something changes, and nowhere else.
 *
 * With subscribers, change_protection() goes in parts: mprotect_in_parts()
 * looks for the next run of PMDs that hold something to change, announces
 * that run, changes it, and looks for the next one.
 *
 * What was looked at and passed over is not looked at again.  This is right
 * because the look takes the page-table lock, like the change: under that
 * lock it found nothing to do, so the change would have written nothing, had
 * it been made then.  What comes later to such an entry is as if it had come
 * after the change, whichever locks the caller holds.
 *
 * Documentation/mm/mmu_notifier.rst, "Where nothing changes", has the rest.
 */
#ifndef _MM_MPROTECT_SCAN_H
#define _MM_MPROTECT_SCAN_H

#include <linux/ksm.h>
#include <linux/memory-tiers.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/sysctl.h>
#include <linux/userfaultfd_k.h>

/* A flag for change_protection(), beside those in mm.h: start no invalidation. */
#define MM_CP_ANNOUNCED	BIT(16)

/* Without CONFIG_MMU_NOTIFIER there is none, and no call of it is left. */
long mprotect_in_parts(struct mmu_gather *tlb, struct vm_area_struct *vma,
		       unsigned long addr, unsigned long end,
		       pgprot_t newprot, unsigned long cp_flags);

/* Has the change to be announced?  Without subscribers there is no look. */
static __always_inline bool mprotect_announces(struct mm_struct *mm,
					       unsigned long cp_flags)
{
#ifdef CONFIG_MMU_NOTIFIER
	/* Lockdep is to know of the callouts that there could be. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
#endif
	return mm_has_notifiers(mm) && !(cp_flags & MM_CP_ANNOUNCED);
}

/* The node whose pages need no hints: where the only user of memory runs. */
static __always_inline int mprotect_own_node(struct vm_area_struct *vma)
{
	if ((vma->vm_flags & VM_SHARED) ||
	    atomic_read(&vma->vm_mm->mm_users) != 1)
		return NUMA_NO_NODE;
	return numa_node_id();
}

/*
 * The folio to which a present entry gets a NUMA hint, or NULL: there is a
 * hint already, or the folio would not be migrated (the zero page, KSM, pages
 * of devices, copies shared by processes, pinned, dirty and backed by a file),
 * or is where it should be.
 */
static __always_inline struct folio *
mprotect_hint_folio(struct vm_area_struct *vma, unsigned long addr, pte_t pte,
		    int own_node)
{
	struct folio *folio;
	bool toptier;
	int nid;

	if (pte_protnone(pte))
		return NULL;
	folio = vm_normal_folio(vma, addr, pte);
	if (!folio || folio_is_zone_device(folio) || folio_test_ksm(folio))
		return NULL;
	if (is_cow_mapping(vma->vm_flags) &&
	    (folio_maybe_dma_pinned(folio) ||
	     folio_likely_mapped_shared(folio)))
		return NULL;
	/* To write it back is more than a migration on a fault may do. */
	if (folio_is_file_lru(folio) && folio_test_dirty(folio))
		return NULL;

	nid = folio_nid(folio);
	if (nid == own_node)
		return NULL;
	/* With memory tiers alone, only the lower ones are looked at. */
	toptier = node_is_toptier(nid);
	if (!(sysctl_numa_balancing_mode & NUMA_BALANCING_NORMAL) && toptier)
		return NULL;
	return folio;
}

#endif /* _MM_MPROTECT_SCAN_H */
