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

/* What is announced and changed next; end is zero if there is nothing yet. */
struct part {
	unsigned long start;
	unsigned long end;
	unsigned long rest;	/* where to go on afterwards */
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

/*
 * Would change_pte_range() write something else than what is there?  This has
 * to follow it: an entry that is taken for one that stays is not changed.
 */
static bool present_pte_changes(const struct mprotect_scan *scan,
				unsigned long addr, pte_t pte)
{
	pte_t changed = pte_modify(pte, scan->newprot);

	if (scan->cp_flags & MM_CP_UFFD_WP)
		changed = pte_mkuffd_wp(changed);
	if (scan->cp_flags & MM_CP_UFFD_WP_RESOLVE)
		changed = pte_clear_uffd_wp(changed);
	if ((scan->cp_flags & MM_CP_TRY_CHANGE_WRITABLE) &&
	    !pte_write(changed) &&
	    can_change_pte_writable(scan->vma, addr, changed))
		changed = pte_mkwrite(changed, scan->vma);
	return !pte_same(pte, changed);
}

static bool pte_changes(const struct mprotect_scan *scan, unsigned long addr,
			pte_t pte)
{
	if (!pte_present(pte))
		return swap_pte_changes(scan, pte);
	if (scan->cp_flags & MM_CP_PROT_NUMA)
		return hint_wanted(scan, addr, pte);
	return present_pte_changes(scan, addr, pte);
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
	spinlock_t *ptl;	/* of the page table */

	first = pte_offset_map_lock(mm, pmd, at, &ptl);
	if (!first)
		return MPROTECT_CHANGES;
	__acquire(ptl);
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
	cond_resched();
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
	spinlock_t *ptl;	/* of the entry */
	bool changes;

	/* A part of it is split off, which has to be announced in any case. */
	if (!whole || !(scan->cp_flags & MM_CP_PROT_NUMA))
		return MPROTECT_CHANGES;
	ptl = pmd_trans_huge_lock(pmd, scan->vma);
	if (!ptl)
		return MPROTECT_CHANGES;
	__acquire(ptl);
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

static void part_add(struct part *part, unsigned long start, unsigned long end)
{
	if (!part->end)
		part->start = start;
	part->end = end;
}

/*
 * A part is a run of PMDs that have something to change or hold nothing at
 * all: to announce what is empty as well disturbs nobody, and another callout
 * would.  False if the part may go on beyond these addresses.
 */
static bool scan_pud(const struct mprotect_scan *scan, struct part *part,
		     pud_t *pud, unsigned long addr, unsigned long end)
{
	pmd_t *pmd = pmd_offset(pud, addr);
	enum mprotect_found found;
	unsigned long next, first;

	for (; addr != end; pmd++, addr = next) {
		next = pmd_addr_end(addr, end);
		first = addr;
		found = scan_pmd(scan, pmd, &first, next);
		if (found == MPROTECT_CHANGES) {
			part_add(part, first, next);
		} else if (found == MPROTECT_STAYS && part->end) {
			part->rest = next;
			return true;
		}
	}
	return false;
}

/* The PUD entry of an address, if it is not empty; and how far it goes. */
static pud_t *pud_at(struct mm_struct *mm, unsigned long addr,
		     unsigned long end, unsigned long *next)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	*next = pgd_addr_end(addr, end);
	if (pgd_none_or_clear_bad(pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	*next = p4d_addr_end(addr, end);
	if (p4d_none_or_clear_bad(p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	*next = pud_addr_end(addr, end);
	return pud_none(pudp_get(pud)) ? NULL : pud;
}

/* Is there a part from @addr on? */
static bool find_part(const struct mprotect_scan *scan, struct part *part,
		      unsigned long addr, unsigned long end)
{
	unsigned long next;
	pud_t *pud;

	part->end = 0;
	part->rest = end;
	for (; addr != end; addr = next) {
		pud = pud_at(scan->vma->vm_mm, addr, end, &next);
		if (!pud)
			continue;
		if (pud_leaf(pudp_get(pud)))
			part_add(part, addr, next);
		else if (scan_pud(scan, part, pud, addr, next))
			break;
	}
	return part->end;
}

static long change_part(const struct mprotect_scan *scan,
			struct mmu_gather *tlb, unsigned long start,
			unsigned long end)
{
	struct mmu_notifier_range range;
	long pages;

	mmu_notifier_range_init_cause(&range, change_cause(scan->cp_flags),
				      scan->vma->vm_mm, start, end);
	mmu_notifier_invalidate_range_start(&range);
	pages = change_protection(tlb, scan->vma, start, end,
				  scan->cp_flags | MM_CP_ANNOUNCED);
	mmu_notifier_invalidate_range_end(&range);
	return pages;
}

/* Does any entry that is not there change, too?  Then all of it changes. */
static bool none_changes(struct vm_area_struct *vma, unsigned long cp_flags)
{
	return (cp_flags & MM_CP_UFFD_WP) && userfaultfd_wp_use_markers(vma);
}

/**
 * mprotect_in_parts() - change protection where there is something to change
 * @tlb:      as for change_protection()
 * @vma:      as for change_protection()
 * @addr:     first address
 * @end:      address after the last
 * @newprot:  what present entries get
 * @cp_flags: as for change_protection()
 *
 * Only what is announced is changed; entries that come to be elsewhere in the
 * meantime are left alone.
 *
 * Context: mmap_lock held, for read or write.  May sleep.
 * Return: as change_protection().
 */
long mprotect_in_parts(struct mmu_gather *tlb, struct vm_area_struct *vma,
		       unsigned long addr, unsigned long end,
		       pgprot_t newprot, unsigned long cp_flags)
{
	const struct mprotect_scan scan = {
		.vma = vma,
		.newprot = newprot,
		.cp_flags = cp_flags,
		.own_node = cp_flags & MM_CP_PROT_NUMA ?
			    mprotect_own_node(vma) : NUMA_NO_NODE,
	};
	long pages = 0, changed;
	struct part part;

	mmap_assert_locked(vma->vm_mm);
	if (none_changes(vma, cp_flags))
		return change_part(&scan, tlb, addr, end);
	for (; addr != end; addr = part.rest) {
		if (!find_part(&scan, &part, addr, end))
			break;
		changed = change_part(&scan, tlb, part.start, part.end);
		if (changed < 0)
			return changed;
		pages += changed;
	}
	return pages;
}
