/* SPDX-License-Identifier: GPL-2.0 */
/* What the table of page-table operations has from /dev/page-huge. */
#ifndef __MM_PAGE_HUGE_H
#define __MM_PAGE_HUGE_H

#include <linux/mm_types.h>

vm_fault_t page_huge_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags);

#endif /* __MM_PAGE_HUGE_H */
