/* SPDX-License-Identifier: GPL-2.0 */
/* How mappings of /dev/page-huge are told from others. */
#ifndef _LINUX_PAGE_HUGE_H
#define _LINUX_PAGE_HUGE_H

#include <linux/bits.h>

/*
 * Their kind, beside VM_HUGETLB.  Here and not in mm.h, for mm/ and for what is
 * shown in smaps; mm/page_huge.c checks that the bit is not taken.
 */
#ifdef CONFIG_PAGE_HUGE
#define VM_PAGE_HUGE	BIT(41)
#endif

#endif /* _LINUX_PAGE_HUGE_H */
