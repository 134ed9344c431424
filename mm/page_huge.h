/* SPDX-License-Identifier: GPL-2.0 */
/* What the table of page-table operations has from /dev/page-huge. */
#ifndef __MM_PAGE_HUGE_H
#define __MM_PAGE_HUGE_H

#include <linux/bits.h>
#include <linux/mm_types.h>

/*
 * The kind of the device's VMAs, beside VM_HUGETLB.  Here and not in mm.h, since
 * nobody else has to know; mm/page_huge.c checks that the bit is not taken.
 */
#define VM_PAGE_HUGE	BIT(41)

vm_fault_t page_huge_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags);

#endif /* __MM_PAGE_HUGE_H */
