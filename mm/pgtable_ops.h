/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page tables that the kernel handles in a way of their own.
 *
 * The page tables of most VMAs are walked level by level, and what is done at
 * each level is the same for all of them: these are the ordinary ones.  Those
 * of hugetlb are not: a page is as large as its pool says, tables are shared
 * between processes, and a page that is given up belongs to a reservation.
 *
 * What is different is a table of operations for each kind of such a VMA.  The
 * kind follows from vm_flags, which do not change any more once a VMA can be
 * found, which make VMAs of different kinds unequal to those who merge them,
 * and which a driver cannot overwrite as it can vm_ops.  The tables are const,
 * complete, known to mm/ alone, and not a pointer anywhere: nobody can install
 * one, and nobody has to ask whether an operation is there.
 *
 * Ordinary VMAs have no table.  Their operation stays a direct call in the
 * place that it always had, behind one likely test of a flag:
 *
 *	if (pgtable_is_special(vma))
 *		return pgtable_copy(dst_vma, vma);
 *	... what is done to ordinary ones
 *
 * Without CONFIG_HUGETLB_PAGE the test is a constant, and nothing is left.
 *
 * See Documentation/mm/pgtable_ops.rst.
 */
#ifndef __MM_PGTABLE_OPS_H
#define __MM_PGTABLE_OPS_H

#include <linux/build_bug.h>
#include <linux/hugetlb_inline.h>
#include <linux/mm.h>

#ifdef CONFIG_PAGE_HUGE
#include "page_huge.h"
#endif

struct mmu_gather;
struct zap_details;

/* Indices of the tables; ordinary VMAs have none. */
enum pgtable_kind {
	PGTABLE_HUGETLB,
#ifdef CONFIG_PAGE_HUGE
	PGTABLE_PAGE_HUGE,
#endif
	PGTABLE_NR_KINDS
};

/**
 * struct pgtable_ops - what is done to the page tables of one kind of VMA
 *
 * Every operation is there.  All but @fault are called with mmap_lock held,
 * for write where nothing else is said.
 *
 * @fault:      Resolve a fault.  Under mmap_lock for read or the VMA's lock,
 *              which may be dropped as the flags and the result say.  Sleeps.
 * @copy:       fork(): fill the page tables of @dst, which is new.  The caller
 *              has started the invalidation of @src and its write_protect_seq,
 *              if @src is a COW mapping.  Returns 0 or -ENOMEM.  Sleeps.
 * @widen:      Extend a range by what changes together with it, so that the
 *              invalidation covers that as well.  Never beyond the VMA.  Does
 *              not sleep; mmap_lock for read is enough.
 * @zap_lock:   Taken before @zap, after the invalidation was started.
 *              mmap_lock for read is enough.  Sleeps.
 * @zap:        Take a range out of the page tables, and give the pages to the
 *              mmu_gather.  Between @zap_lock and @zap_unlock, and inside an
 *              invalidation.  mmap_lock for read is enough.  Sleeps.
 * @zap_unlock: The end of what @zap_lock began.
 * @protect:    Apply vm_page_prot, or what else the MM_CP flags say.  It
 *              announces what it changes, and flushes by itself.  mmap_lock
 *              for read is enough if the VMA's protection stays.  Returns the
 *              number of small pages that were changed.  Sleeps.
 * @move:       mremap(): take entries to @new_addr, in @new_vma.  The caller
 *              has started the invalidation of what moves.  Returns how many
 *              bytes were moved.  Sleeps.
 * @split:      The VMA is about to become two, at @addr.  With the VMA and its
 *              reverse map locked for write.  Sleeps no more than that allows.
 */
struct pgtable_ops {
	vm_fault_t (*fault)(struct vm_area_struct *vma, unsigned long addr,
			    unsigned int flags);
	int (*copy)(struct vm_area_struct *dst, struct vm_area_struct *src);
	void (*widen)(struct vm_area_struct *vma, unsigned long *start,
		      unsigned long *end);
	void (*zap_lock)(struct vm_area_struct *vma);
	void (*zap)(struct mmu_gather *tlb, struct vm_area_struct *vma,
		    unsigned long start, unsigned long end,
		    struct zap_details *details);
	void (*zap_unlock)(struct vm_area_struct *vma,
			   struct zap_details *details);
	long (*protect)(struct vm_area_struct *vma, unsigned long start,
			unsigned long end, pgprot_t newprot,
			unsigned long cp_flags);
	unsigned long (*move)(struct vm_area_struct *vma,
			      struct vm_area_struct *new_vma,
			      unsigned long old_addr, unsigned long new_addr,
			      unsigned long len);
	void (*split)(struct vm_area_struct *vma, unsigned long addr);
};

extern const struct pgtable_ops pgtable_ops[PGTABLE_NR_KINDS];

/**
 * pgtable_is_special() - are the page tables of a VMA not ordinary ones?
 * @vma: the VMA
 *
 * What a VMA is does not change while it can be found.  Callable from anywhere
 * where the VMA does not go away.
 *
 * Return: true if the operations below have to be used.
 */
static inline bool pgtable_is_special(const struct vm_area_struct *vma)
{
	return unlikely(is_vm_hugetlb_page(vma));
}

static inline enum pgtable_kind pgtable_kind(const struct vm_area_struct *vma)
{
#ifdef CONFIG_PAGE_HUGE
	if (vma->vm_flags & VM_PAGE_HUGE)
		return PGTABLE_PAGE_HUGE;
#endif
	return PGTABLE_HUGETLB;
}

static inline const struct pgtable_ops *
pgtable_ops_of(const struct vm_area_struct *vma)
{
	/* Without hugetlb, the compiler has to see that nobody comes here. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_HUGETLB_PAGE));
	VM_WARN_ON_ONCE(!pgtable_is_special(vma));
	return &pgtable_ops[pgtable_kind(vma)];
}

/*
 * One for each operation, for special VMAs only: their callers have to ask
 * first, since what they do otherwise is theirs.
 */
static inline vm_fault_t pgtable_fault(struct vm_area_struct *vma,
				       unsigned long addr, unsigned int flags)
{
	return pgtable_ops_of(vma)->fault(vma, addr, flags);
}

static inline int pgtable_copy(struct vm_area_struct *dst,
			       struct vm_area_struct *src)
{
	return pgtable_ops_of(src)->copy(dst, src);
}

static inline void pgtable_zap(struct mmu_gather *tlb,
			       struct vm_area_struct *vma, unsigned long start,
			       unsigned long end, struct zap_details *details)
{
	pgtable_ops_of(vma)->zap(tlb, vma, start, end, details);
}

static inline long pgtable_protect(struct vm_area_struct *vma,
				   unsigned long start, unsigned long end,
				   pgprot_t newprot, unsigned long cp_flags)
{
	return pgtable_ops_of(vma)->protect(vma, start, end, newprot, cp_flags);
}

static inline unsigned long pgtable_move(struct vm_area_struct *vma,
					 struct vm_area_struct *new_vma,
					 unsigned long old_addr,
					 unsigned long new_addr,
					 unsigned long len)
{
	return pgtable_ops_of(vma)->move(vma, new_vma, old_addr, new_addr, len);
}

unsigned long announced_move(struct vm_area_struct *vma,
			     struct vm_area_struct *new_vma,
			     unsigned long old_addr, unsigned long new_addr,
			     unsigned long len);

/* The same inside of an invalidation, which is that of any other move. */
static inline unsigned long
pgtable_move_announced(struct vm_area_struct *vma,
		       struct vm_area_struct *new_vma, unsigned long old_addr,
		       unsigned long new_addr, unsigned long len)
{
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_HUGETLB_PAGE));
	return announced_move(vma, new_vma, old_addr, new_addr, len);
}

static inline void pgtable_split(struct vm_area_struct *vma, unsigned long addr)
{
	pgtable_ops_of(vma)->split(vma, addr);
}

/* These are for all VMAs: there is nothing to be done for ordinary ones. */
static inline void pgtable_widen(struct vm_area_struct *vma,
				 unsigned long *start, unsigned long *end)
{
	if (pgtable_is_special(vma))
		pgtable_ops_of(vma)->widen(vma, start, end);
}

static inline void pgtable_zap_lock(struct vm_area_struct *vma)
{
	if (pgtable_is_special(vma))
		pgtable_ops_of(vma)->zap_lock(vma);
}

static inline void pgtable_zap_unlock(struct vm_area_struct *vma,
				      struct zap_details *details)
{
	if (pgtable_is_special(vma))
		pgtable_ops_of(vma)->zap_unlock(vma, details);
}

/**
 * pgtable_frees_apart() - are page tables to be freed by a walk of their own?
 * @vma: the VMA
 *
 * That is no operation: it is a property of the architecture, of which there
 * is one (sparc64) whose walk for ordinary VMAs does not know how hugetlb uses
 * the levels.  Elsewhere, tables that hold nothing are freed alike.
 *
 * Return: true if hugetlb_free_pgd_range() has to be used, for this VMA alone.
 */
static inline bool pgtable_frees_apart(const struct vm_area_struct *vma)
{
#ifdef __HAVE_ARCH_HUGETLB_FREE_PGD_RANGE
	return is_vm_hugetlb_page(vma);
#else
	return false;
#endif
}

#endif /* __MM_PGTABLE_OPS_H */
