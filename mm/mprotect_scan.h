/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Announce a change of protection where something changes, and nowhere else.
 *
 * change_protection() used to announce a whole range before it had looked at
 * an entry.  With subscribers, it now goes in parts: mprotect_part_start()
 * looks for the next run of PMDs that hold something to change, announces
 * that run, and only there are entries changed, until the next part.
 *
 * What was looked at and passed over is not looked at again.  This is right
 * because the look takes the page-table lock, like the change: under that
 * lock it found nothing to do, so the change would have written nothing, had
 * it been made then.  What comes later to such an entry is as if it had come
 * after the change, whichever locks the caller holds.  For this to hold, what
 * decides here and what changes entries in mprotect.c have to agree.  So both
 * call the same functions, which stand below.
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

/**
 * struct mprotect_part - what is announced and may be changed now
 * @range: the invalidation; its end is zero unless it is in flight
 * @addr:  where the part begins
 * @next:  where it ends; the same as @addr if there is nothing to change
 * @rest:  where to look for the next part
 */
struct mprotect_part {
	struct mmu_notifier_range range;
	unsigned long addr;
	unsigned long next;
	unsigned long rest;
};

#ifdef CONFIG_MMU_NOTIFIER
void mprotect_part_start(struct mprotect_part *part, struct vm_area_struct *vma,
			 pud_t *pud, unsigned long addr, unsigned long end,
			 pgprot_t newprot, unsigned long cp_flags);
void mprotect_part_end(struct mprotect_part *part);

/*
 * Is the change made in parts?  Without subscribers, there is one part, which
 * nobody is told of; what has begun in parts is finished like that, also if
 * the last subscriber leaves meanwhile.
 */
static __always_inline bool mprotect_in_parts(const struct mprotect_part *part,
					      struct mm_struct *mm)
{
	/* Lockdep is to know of the callouts that there could be. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	might_sleep();
	return mm_has_notifiers(mm) || part->range.end;
}
#else
static inline void
mprotect_part_start(struct mprotect_part *part, struct vm_area_struct *vma,
		    pud_t *pud, unsigned long addr, unsigned long end,
		    pgprot_t newprot, unsigned long cp_flags) { }
static inline void mprotect_part_end(struct mprotect_part *part) { }
static inline bool mprotect_in_parts(const struct mprotect_part *part,
				     struct mm_struct *mm)
{ return false; }
#endif

/* Present entries become this; compare change_huge_pmd(). */
static __always_inline pte_t
mprotect_new_pte(struct vm_area_struct *vma, unsigned long addr, pte_t pte,
		 pgprot_t newprot, unsigned long cp_flags)
{
	pte = pte_modify(pte, newprot);
	if (cp_flags & MM_CP_UFFD_WP)
		pte = pte_mkuffd_wp(pte);
	else if (cp_flags & MM_CP_UFFD_WP_RESOLVE)
		pte = pte_clear_uffd_wp(pte);

	/*
	 * The VMA's protection is that of pages which wait for a write fault,
	 * for COW or because the file system wants to know.  Where such a
	 * fault would only set the write bit, set it now.
	 */
	if ((cp_flags & MM_CP_TRY_CHANGE_WRITABLE) && !pte_write(pte) &&
	    can_change_pte_writable(vma, addr, pte))
		pte = pte_mkwrite(pte, vma);
	return pte;
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
	int nid;

	if (pte_protnone(pte))
		return NULL;
	folio = vm_normal_folio(vma, addr, pte);
	if (!folio || folio_test_ksm(folio) || folio_is_zone_device(folio))
		return NULL;
	if (is_cow_mapping(vma->vm_flags) &&
	    (folio_likely_mapped_shared(folio) ||
	     folio_maybe_dma_pinned(folio)))
		return NULL;
	/* To write it back is more than a migration on a fault may do. */
	if (folio_test_dirty(folio) && folio_is_file_lru(folio))
		return NULL;

	nid = folio_nid(folio);
	if (nid == own_node)
		return NULL;
	/* With memory tiers alone, only the lower ones are looked at. */
	if (!(sysctl_numa_balancing_mode & NUMA_BALANCING_NORMAL) &&
	    node_is_toptier(nid))
		return NULL;
	return folio;
}

#endif /* _MM_MPROTECT_SCAN_H */
