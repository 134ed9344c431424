// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of page-table operations, and those of hugetlb.
 *
 * The tables are complete, or this file does not compile: see below.
 */
#include <linux/hugetlb.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "pgtable_ops.h"

static vm_fault_t hugetlb_pt_fault(struct vm_area_struct *vma,
				   unsigned long addr, unsigned int flags)
{
	return hugetlb_fault(vma->vm_mm, vma, addr, flags);
}

static int hugetlb_pt_copy(struct vm_area_struct *dst,
			   struct vm_area_struct *src)
{
	mmap_assert_write_locked(src->vm_mm);
	return copy_hugetlb_page_range(dst->vm_mm, src->vm_mm, dst, src);
}

/*
 * Where mmap() of a hugetlb file fails, the VMA has lost its file, and with it
 * what tells its page size, when it is unmapped.  It has no pages.
 */
static bool hugetlb_pt_no_file(const struct vm_area_struct *vma)
{
	return !vma->vm_file;
}

static void hugetlb_pt_widen(struct vm_area_struct *vma, unsigned long *start,
			     unsigned long *end)
{
	adjust_range_if_pmd_sharing_possible(vma, start, end);
}

static void hugetlb_pt_zap(struct mmu_gather *tlb, struct vm_area_struct *vma,
			   unsigned long start, unsigned long end,
			   struct zap_details *details)
{
	if (hugetlb_pt_no_file(vma))
		return;
	__unmap_hugepage_range(tlb, vma, start, end, NULL,
			       details ? details->zap_flags : 0);
}

/*
 * Against faults, which would find the pool empty as long as the pages that are
 * zapped are not freed, and against those who unshare or walk the tables by the
 * reverse map.
 */
static void hugetlb_pt_zap_lock(struct vm_area_struct *vma)
{
	mmap_assert_locked(vma->vm_mm);
	if (hugetlb_pt_no_file(vma))
		return;
	hugetlb_vma_lock_write(vma);
	i_mmap_lock_write(vma->vm_file->f_mapping);
}

static void hugetlb_pt_zap_unlock(struct vm_area_struct *vma,
				  struct zap_details *details)
{
	__hugetlb_zap_end(vma, details);
}

static long hugetlb_pt_protect(struct vm_area_struct *vma, unsigned long start,
			       unsigned long end, pgprot_t newprot,
			       unsigned long cp_flags)
{
	mmap_assert_locked(vma->vm_mm);
	return hugetlb_change_protection(vma, start, end, newprot, cp_flags);
}

static unsigned long hugetlb_pt_move(struct vm_area_struct *vma,
				     struct vm_area_struct *new_vma,
				     unsigned long old_addr,
				     unsigned long new_addr, unsigned long len)
{
	mmap_assert_write_locked(vma->vm_mm);
	return move_hugetlb_page_tables(vma, new_vma, old_addr, new_addr, len);
}

static void hugetlb_pt_split(struct vm_area_struct *vma, unsigned long addr)
{
	hugetlb_split(vma, addr);
}

#ifdef CONFIG_PAGE_HUGE
/* Pages of hugetlb, but for those that were never written to. */
static vm_fault_t page_huge_pt_fault(struct vm_area_struct *vma,
				     unsigned long addr, unsigned int flags)
{
	return page_huge_fault(vma, addr, flags);
}

static int page_huge_pt_copy(struct vm_area_struct *dst,
			     struct vm_area_struct *src)
{
	return page_huge_copy(dst, src);
}
#endif

/*
 * All of these are functions of this file, also where they only call another:
 * of those of other files the compiler does not know that they are there.
 */
const struct pgtable_ops pgtable_ops[PGTABLE_NR_KINDS] = {
	[PGTABLE_HUGETLB] = {
		.fault		= hugetlb_pt_fault,
		.copy		= hugetlb_pt_copy,
		.widen		= hugetlb_pt_widen,
		.zap_lock	= hugetlb_pt_zap_lock,
		.zap		= hugetlb_pt_zap,
		.zap_unlock	= hugetlb_pt_zap_unlock,
		.protect	= hugetlb_pt_protect,
		.move		= hugetlb_pt_move,
		.split		= hugetlb_pt_split,
	},
#ifdef CONFIG_PAGE_HUGE
	[PGTABLE_PAGE_HUGE] = {
		.fault		= page_huge_pt_fault,
		.copy		= page_huge_pt_copy,
		.widen		= hugetlb_pt_widen,
		.zap_lock	= hugetlb_pt_zap_lock,
		.zap		= hugetlb_pt_zap,
		.zap_unlock	= hugetlb_pt_zap_unlock,
		.protect	= hugetlb_pt_protect,
		.move		= hugetlb_pt_move,
		.split		= hugetlb_pt_split,
	},
#endif
};

/**
 * announced_move() - move page tables of a special VMA inside an invalidation
 * @vma:      the VMA
 * @new_vma:  where to
 * @old_addr: of what moves
 * @new_addr: of the place in @new_vma
 * @len:      how much
 *
 * Here and not in the operations, since it is the same for all of them and for
 * ordinary page tables: what moves is unmapped where it was.
 *
 * Context: mmap_lock held for write.  Sleeps.
 * Return: how many bytes were moved.
 */
unsigned long announced_move(struct vm_area_struct *vma,
			     struct vm_area_struct *new_vma,
			     unsigned long old_addr, unsigned long new_addr,
			     unsigned long len)
{
	struct mmu_notifier_range range;
	unsigned long moved;

	mmu_notifier_range_init_cause(&range, MMU_CAUSE_MREMAP, vma->vm_mm,
				      old_addr, old_addr + len);
	mmu_notifier_invalidate_range_start(&range);
	moved = pgtable_move(vma, new_vma, old_addr, new_addr, len);
	mmu_notifier_invalidate_range_end(&range);
	return moved;
}

/* An operation that is added has to be added to the check, too. */
static_assert(sizeof(struct pgtable_ops) == 9 * sizeof(void (*)(void)));

static __always_inline void check_ops(const struct pgtable_ops *ops)
{
	BUILD_BUG_ON(!ops->fault);
	BUILD_BUG_ON(!ops->copy);
	BUILD_BUG_ON(!ops->widen);
	BUILD_BUG_ON(!ops->zap_lock);
	BUILD_BUG_ON(!ops->zap);
	BUILD_BUG_ON(!ops->zap_unlock);
	BUILD_BUG_ON(!ops->protect);
	BUILD_BUG_ON(!ops->move);
	BUILD_BUG_ON(!ops->split);
}

/*
 * The compiler sees the tables, which are const: what is missing in one of them
 * is an error when this is compiled, and nothing is left of it at boot.
 */
static int __init pgtable_ops_init(void)
{
	check_ops(&pgtable_ops[PGTABLE_HUGETLB]);
#ifdef CONFIG_PAGE_HUGE
	check_ops(&pgtable_ops[PGTABLE_PAGE_HUGE]);
#endif
	BUILD_BUG_ON(PGTABLE_NR_KINDS != 1 + IS_ENABLED(CONFIG_PAGE_HUGE));
	return 0;
}
early_initcall(pgtable_ops_init);
