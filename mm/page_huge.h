/* SPDX-License-Identifier: GPL-2.0 */
/* What /dev/page-huge gives to the table of page-table operations, and takes. */
#ifndef __MM_PAGE_HUGE_H
#define __MM_PAGE_HUGE_H

#include <linux/mm_types.h>
#include <linux/page_huge.h>

vm_fault_t page_huge_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags);
int page_huge_copy(struct vm_area_struct *dst, struct vm_area_struct *src);

/* Of hugetlb: its owner has taken a page from this child's VMA. */
bool hugetlb_vma_lost_pages(struct vm_area_struct *vma);

#endif /* __MM_PAGE_HUGE_H */
