// SPDX-License-Identifier: GPL-2.0
/*
 * Find what a change of protection would change, and announce that.
 *
 * mprotect_scan.h says why what is found unchanged may be left out.  Where the
 * look cannot be as exact as the change it is on the safe side, and takes the
 * entry for one that changes: a page table that comes or goes meanwhile, huge
 * entries unless a NUMA hint is all that they are to get, unknown swap entries.
 */
#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "internal.h"
#include "mprotect_scan.h"

enum mprotect_found {
	MPROTECT_EMPTY,		/* no entries, nothing that is mapped */
	MPROTECT_STAYS,		/* entries, none of which changes */
	MPROTECT_CHANGES,
};

/* What is asked for, the same for all entries. */
struct mprotect_scan {
	struct vm_area_struct *vma;
	pgprot_t newprot;
	unsigned long cp_flags;
	int own_node;
};

/*
 * A pinned page stays where it is, so a hint is useless also where pages are
 * not copied on write.  A hint that another page brings along does no harm.
 */
static bool hint_wanted(const struct mprotect_scan *scan, unsigned long addr,
			pte_t pte)
{
	struct folio *folio;

	folio = mprotect_hint_folio(scan->vma, addr, pte, scan->own_node);
	return folio && !folio_maybe_dma_pinned(folio);
}

/*
 * Entries that are not present lose the right to write.  A device whose page
 * an entry names has a translation of its own, and unless it is for a hint it
 * has to hear of the new protection, even if it could only read.
 */
static bool swap_pte_changes(const struct mprotect_scan *scan, pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);

	if (scan->cp_flags & MM_CP_UFFD_WP_ALL)
		return true;
	if (!non_swap_entry(entry) || is_pte_marker_entry(entry))
		return false;
	if (is_migration_entry(entry))
		return is_writable_migration_entry(entry);
	if (scan->cp_flags & MM_CP_PROT_NUMA)
		return is_writable_device_private_entry(entry) ||
		       is_writable_device_exclusive_entry(entry);
	return true;
}

static bool pte_changes(const struct mprotect_scan *scan, unsigned long addr,
			pte_t pte)
{
	pte_t changed;

	if (!pte_present(pte))
		return swap_pte_changes(scan, pte);
	if (scan->cp_flags & MM_CP_PROT_NUMA)
		return hint_wanted(scan, addr, pte);
	changed = mprotect_new_pte(scan->vma, addr, pte, scan->newprot,
				   scan->cp_flags);
	return !pte_same(pte, changed);
}

/* Look through a page table; *@addr becomes the first that changes. */
static enum mprotect_found
scan_ptes(const struct mprotect_scan *scan, pmd_t *pmd, unsigned long *addr,
	  unsigned long end)
{
	enum mprotect_found found = MPROTECT_EMPTY;
	struct mm_struct *mm = scan->vma->vm_mm;
	unsigned long at = *addr;
	pte_t *first, *pte, entry;
	spinlock_t *ptl;

	first = pte_offset_map_lock(mm, pmd, at, &ptl);
	if (!first)
		return MPROTECT_CHANGES;
	/* As the change does: what was unmapped may be in TLBs still. */
	flush_tlb_batched_pending(mm);
	for (pte = first; at != end; pte++, at += PAGE_SIZE) {
		entry = ptep_get(pte);
		if (pte_none(entry))
			continue;
		found = MPROTECT_STAYS;
		if (pte_changes(scan, at, entry)) {
			found = MPROTECT_CHANGES;
			*addr = at;
			break;
		}
	}
	pte_unmap_unlock(first, ptl);
	return found;
}

/* Would change_huge_pmd() give a hint, and could that be of any use? */
static bool huge_hint_wanted(pmd_t pmd)
{
	struct folio *folio;

	if (!pmd_present(pmd))
		return true;
	if (is_huge_zero_pmd(pmd) || pmd_protnone(pmd))
		return false;
	folio = pmd_folio(pmd);
	if (folio_maybe_dma_pinned(folio))
		return false;
	return (sysctl_numa_balancing_mode & NUMA_BALANCING_NORMAL) ||
	       !node_is_toptier(folio_nid(folio));
}

static enum mprotect_found
scan_huge_pmd(const struct mprotect_scan *scan, pmd_t *pmd, bool whole)
{
	bool changes;
	spinlock_t *ptl;

	/* A part of it is split off, which has to be announced in any case. */
	if (!whole || !(scan->cp_flags & MM_CP_PROT_NUMA))
		return MPROTECT_CHANGES;
	ptl = pmd_trans_huge_lock(pmd, scan->vma);
	if (!ptl)
		return MPROTECT_CHANGES;
	changes = huge_hint_wanted(*pmd);
	spin_unlock(ptl);
	return changes ? MPROTECT_CHANGES : MPROTECT_STAYS;
}

static enum mprotect_found
scan_pmd(const struct mprotect_scan *scan, pmd_t *pmd, unsigned long *addr,
	 unsigned long end)
{
	pmd_t entry = pmdp_get_lockless(pmd);

	if (pmd_none(entry))
		return MPROTECT_EMPTY;
	if (is_swap_pmd(entry) || pmd_trans_huge(entry) || pmd_devmap(entry))
		return scan_huge_pmd(scan, pmd, end - *addr == HPAGE_PMD_SIZE);
	return scan_ptes(scan, pmd, addr, end);
}

/*
 * Find the next run of PMDs that have something to change or hold nothing at
 * all: to announce what is empty as well disturbs nobody, and another callout
 * would.
 */
static void find_part(struct mprotect_part *part,
		      const struct mprotect_scan *scan, pud_t *pud,
		      unsigned long addr, unsigned long end)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	enum mprotect_found found;
	unsigned long next, first;

	part->addr = end;
	part->next = end;
	for (; addr != end; pmd++, addr = next) {
		next = pmd_addr_end(addr, end);
		first = addr;
		found = scan_pmd(scan, pmd, &first, next);
		cond_resched();
		if (found == MPROTECT_CHANGES) {
			if (part->addr == end)
				part->addr = first;
			part->next = next;
		} else if (found == MPROTECT_STAYS && part->addr != end) {
			part->rest = next;
			return;
		}
	}
	part->rest = end;
}

/* Does any entry that is not there change, too?  Then all of it changes. */
static bool none_changes(struct vm_area_struct *vma, unsigned long cp_flags)
{
	return (cp_flags & MM_CP_UFFD_WP) && userfaultfd_wp_use_markers(vma);
}

/**
 * mprotect_part_start() - find and announce what to change next
 * @part:     the part before, which is ended, and the next one
 * @vma:      where
 * @pud:      the entry that covers the addresses, not empty
 * @addr:     first address to look at
 * @end:      address after the last, covered by the same entry
 * @newprot:  as for change_protection()
 * @cp_flags: as for change_protection()
 *
 * Outside of [@part->addr, @part->next) nothing may be changed between @addr
 * and @part->rest.  If that is not empty it is announced until
 * mprotect_part_end(), or until the next part is asked for.
 *
 * Context: mmap_lock held, for read or write.  May sleep.
 */
void mprotect_part_start(struct mprotect_part *part, struct vm_area_struct *vma,
			 pud_t *pud, unsigned long addr, unsigned long end,
			 pgprot_t newprot, unsigned long cp_flags)
{
	const struct mprotect_scan scan = {
		.vma = vma,
		.newprot = newprot,
		.cp_flags = cp_flags,
		.own_node = mprotect_own_node(vma),
	};

	mmap_assert_locked(vma->vm_mm);
	mprotect_part_end(part);
	if (pud_leaf(pudp_get(pud)) || none_changes(vma, cp_flags)) {
		part->addr = addr;
		part->next = end;
		part->rest = end;
	} else {
		find_part(part, &scan, pud, addr, end);
	}
	if (part->addr == part->next)
		return;
	mmu_notifier_range_init(&part->range, MMU_NOTIFY_PROTECTION_VMA, 0,
				vma->vm_mm, part->addr, part->next);
	mmu_notifier_invalidate_range_start(&part->range);
}

/**
 * mprotect_part_end() - the part is changed
 * @part: a part, or one that was not started
 *
 * Context: as mprotect_part_start().
 */
void mprotect_part_end(struct mprotect_part *part)
{
	if (!part->range.end)
		return;
	mmu_notifier_invalidate_range_end(&part->range);
	part->range.end = 0;
}
