// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: callouts of ptep_clear_flush() and its huge forms, where the
 * architecture's TLB flush makes none, or not of all that the entry maps.
 */
#define PGTABLE_NOTIFY_RAW

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pgtable.h>

/* The entry is cleared and flushed; the caller holds its page-table lock. */
static void mn_entry_cleared(struct mm_struct *mm, unsigned long addr,
			     unsigned long size)
{
	/* (E): not every TLB flush is a full barrier */
	smp_mb();
	addr &= ~(size - 1);
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, addr, addr + size);
}

#ifdef CONFIG_HUGETLB_PAGE
/**
 * huge_ptep_clear_flush_notify() - clear and flush the entry of a hugetlb page
 * @vma:  the VMA
 * @addr: the address of the page
 * @ptep: the entry
 *
 * Context: Caller holds the page-table lock.  Does not sleep.
 * Return: what the entry was.
 */
pte_t huge_ptep_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pte_t *ptep)
{
	pte_t pte = huge_ptep_clear_flush(vma, addr, ptep);

	mn_entry_cleared(vma->vm_mm, addr, huge_page_size(hstate_vma(vma)));
	return pte;
}
#endif

#ifndef CONFIG_ARCH_TLB_FLUSH_NOTIFIES
/**
 * ptep_clear_flush_notify() - clear and flush an entry, everywhere
 * @vma:  the VMA
 * @addr: the address that the entry maps
 * @ptep: the entry
 *
 * Context: Caller holds the page-table lock.  Does not sleep.
 * Return: what the entry was.
 */
pte_t ptep_clear_flush_notify(struct vm_area_struct *vma, unsigned long addr,
			      pte_t *ptep)
{
	pte_t pte = ptep_clear_flush(vma, addr, ptep);

	mn_entry_cleared(vma->vm_mm, addr, PAGE_SIZE);
	return pte;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Radix flushes ranges, which calls out, but single pages without. */
static bool mn_huge_flush_notifies(void)
{
#ifdef CONFIG_PPC_RADIX_MMU
	return radix_enabled();
#else
	return false;
#endif
}

/**
 * pmdp_huge_clear_flush_notify() - the same for an entry of a PMD
 * @vma:  the VMA
 * @addr: the address that the entry maps
 * @pmdp: the entry
 *
 * Context: Caller holds the page-table lock.  Does not sleep.
 * Return: what the entry was.
 */
pmd_t pmdp_huge_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pmd_t *pmdp)
{
	pmd_t pmd = pmdp_huge_clear_flush(vma, addr, pmdp);

	if (!mn_huge_flush_notifies())
		mn_entry_cleared(vma->vm_mm, addr, PMD_SIZE);
	return pmd;
}

#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
/**
 * pudp_huge_clear_flush_notify() - the same for an entry of a PUD
 * @vma:  the VMA
 * @addr: the address that the entry maps
 * @pudp: the entry
 *
 * Context: Caller holds the page-table lock.  Does not sleep.
 * Return: what the entry was.
 */
pud_t pudp_huge_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pud_t *pudp)
{
	pud_t pud = pudp_huge_clear_flush(vma, addr, pudp);

	if (!mn_huge_flush_notifies())
		mn_entry_cleared(vma->vm_mm, addr, PUD_SIZE);
	return pud;
}
#endif
#endif
#endif /* CONFIG_ARCH_TLB_FLUSH_NOTIFIES */
