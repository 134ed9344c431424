/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clearing an entry tells secondary TLBs, on every architecture.
 *
 * ptep_clear_flush() and its huge forms clear an entry, flush the CPUs' TLBs,
 * and then, under the page-table lock, call the non-sleeping subscribers of
 * the MMU notifier.  Where the architecture's TLB flush makes that callout
 * (ARCH_TLB_FLUSH_NOTIFIES), there is nothing to add; elsewhere the functions
 * are wrapped.
 *
 * The entry of a hugetlb page is flushed as if it were one of a small page by
 * most architectures, which is enough for CPUs.  A secondary TLB may keep parts
 * of it, so huge_ptep_clear_flush_notify() tells of all of the page, everywhere.
 *
 * <linux/pgtable.h> includes this last.  A file that defines one of the plain
 * functions defines PGTABLE_NOTIFY_RAW before it includes anything.
 */
#ifndef _LINUX_PGTABLE_NOTIFY_H
#define _LINUX_PGTABLE_NOTIFY_H

#if !defined(__ASSEMBLY__) && defined(CONFIG_MMU_NOTIFIER)

pte_t huge_ptep_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pte_t *ptep);

#ifndef CONFIG_ARCH_TLB_FLUSH_NOTIFIES
pte_t ptep_clear_flush_notify(struct vm_area_struct *vma, unsigned long addr,
			      pte_t *ptep);
pmd_t pmdp_huge_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pmd_t *pmdp);
pud_t pudp_huge_clear_flush_notify(struct vm_area_struct *vma,
				   unsigned long addr, pud_t *pudp);

#ifndef PGTABLE_NOTIFY_RAW
#define ptep_clear_flush	ptep_clear_flush_notify
#define pmdp_huge_clear_flush	pmdp_huge_clear_flush_notify
#define pudp_huge_clear_flush	pudp_huge_clear_flush_notify
#endif
#endif /* CONFIG_ARCH_TLB_FLUSH_NOTIFIES */

#elif !defined(__ASSEMBLY__)

#define huge_ptep_clear_flush_notify	huge_ptep_clear_flush

#endif

#endif /* _LINUX_PGTABLE_NOTIFY_H */
