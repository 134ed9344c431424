// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle: whatever a mirror translates, the page table has to as well.
 *
 * A subscriber that is told before a change drops its translations under its
 * lock, and only then is the page table changed.  So under that lock, each
 * translation that is there must be in the page table at that very moment:
 * this can be asked at any time, whatever else goes on.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>

#include "internal.h"

static unsigned long mnt_leaf(unsigned long pfn, bool readable, bool writable)
{
	if (!readable)
		return 0;
	return pfn << MNT_FRAME_SHIFT | MNT_CAN_READ |
	       (writable ? MNT_CAN_WRITE : 0);
}

static unsigned long mnt_pte(pmd_t *pmd, unsigned long addr)
{
	pte_t pte = ptep_get(pte_offset_kernel(pmd, addr));

	if (!pte_present(pte))
		return 0;
	return mnt_leaf(pte_pfn(pte), pte_access_permitted(pte, false),
			pte_access_permitted(pte, true));
}

/* Invalid for a moment, so that no processor changes it: see mnt_primary(). */
static bool mnt_is_suspended(pmd_t pmd)
{
	return !pmd_access_permitted(pmd, false) && !pmd_protnone(pmd);
}

static unsigned long mnt_pmd(pud_t *pud, unsigned long addr, bool suspended)
{
	pmd_t pmd = READ_ONCE(*pmd_offset(pud, addr));
	unsigned long pfn;

	if (!pmd_present(pmd))
		return 0;
	if (!pmd_leaf(pmd))
		return mnt_pte(&pmd, addr);
	pfn = pmd_pfn(pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
	if (suspended && mnt_is_suspended(pmd))
		return mnt_leaf(pfn, true, pmd_write(pmd));
	return mnt_leaf(pfn, pmd_access_permitted(pmd, false),
			pmd_access_permitted(pmd, true));
}

static unsigned long mnt_pud(p4d_t *p4d, unsigned long addr, bool suspended)
{
	pud_t pud = READ_ONCE(*pud_offset(p4d, addr));

	if (!pud_present(pud))
		return 0;
	if (!pud_leaf(pud))
		return mnt_pmd(&pud, addr, suspended);
	return mnt_leaf(pud_pfn(pud) + ((addr & ~PUD_MASK) >> PAGE_SHIFT),
			pud_access_permitted(pud, false),
			pud_access_permitted(pud, true));
}

/**
 * mnt_primary() - what the page table says
 * @mm:        the mm, with an mmget() reference
 * @addr:      an address of its user space
 * @suspended: take an entry that is suspended for what it was, and will be
 *
 * The entry of a huge page is made invalid while it is replaced.  If what
 * replaces it translates no differently, as with MADV_COLD, nobody is told.
 * So such an entry does not prove anything stale; but neither may a reader
 * that walks the table make a translation of it.
 *
 * Context: Any.  Takes no lock: with interrupts off, no table that is found
 * can be freed, as in get_user_pages_fast().
 * Return: the translation, see MNT_FRAME_SHIFT, or 0.
 */
unsigned long mnt_primary(struct mm_struct *mm, unsigned long addr,
			  bool suspended)
{
	unsigned long flags, ret = 0;
	pgd_t pgd;
	p4d_t p4d;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, addr));
	if (pgd_present(pgd)) {
		p4d = READ_ONCE(*p4d_offset(&pgd, addr));
		if (p4d_present(p4d))
			ret = mnt_pud(&p4d, addr, suspended);
	}
	local_irq_restore(flags);
	return ret;
}

/* The page table is about to say so too, but the page must not be gone. */
static bool mnt_is_freed(unsigned long entry)
{
	return !page_count(pfn_to_page(entry >> MNT_FRAME_SHIFT));
}

/* Compare one translation; the lock is held. */
static void mnt_check_entry(struct mnt_sub *sub, struct mnt_check *check,
			    unsigned long addr)
{
	unsigned long entry = *mnt_entry(sub, addr), primary = 0;

	/* Nobody else is left, and the release is about to come. */
	if (!entry || (check->dead && !sub->released))
		return;
	check->checked++;
	if (!check->dead)
		primary = mnt_primary(sub->mm, addr, true);
	if (primary == entry || primary == (entry | MNT_CAN_WRITE))
		return;
	if (check->flags & MNT_CHECK_LATE && !mnt_is_freed(entry))
		return;
	if (!check->stale++) {
		check->addr = addr;
		check->mirror = entry;
		check->primary = primary;
	}
}

/**
 * mnt_check() - MNT_CHECK
 * @sub:   the subscription
 * @check: how; results are stored in it
 *
 * Return: 0, or -EINVAL if there is no mirror (any more).
 */
long mnt_check(struct mnt_sub *sub, struct mnt_check *check)
{
	unsigned long index, nr;

	if (!mnt_begin_read(sub))
		return -EINVAL;
	/* Pairs with mnt_mirror_alloc(). */
	nr = smp_load_acquire(&sub->nr);
	check->checked = 0;
	check->stale = 0;
	check->dead = !mmget_not_zero(sub->mm);
	for (index = 0; index < nr; index++) {
		spin_lock(&sub->lock);
		mnt_check_entry(sub, check,
				sub->first + (index << PAGE_SHIFT));
		spin_unlock(&sub->lock);
		cond_resched();
	}
	if (!check->dead)
		mmput(sub->mm);
	mnt_end_read(sub);
	return nr ? 0 : -EINVAL;
}
