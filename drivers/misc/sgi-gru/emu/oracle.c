// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle: what a loaded context's TLB entries translate, the page table
 * of its address space has to translate in the same way.
 *
 * The driver flushes before a page table is changed, and answers no miss from
 * then on until the change is complete.  So under the chip's lock each entry
 * must agree with the page table at that very moment, whenever that is.
 * Entries of an ASID that no loaded context has are not asked about: they are
 * dead, or the driver still has to give the ASID up.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "emu.h"

#define GRU_EMU_WRITABLE	BIT(0)

/* A frame and what may be done with it; 0 for none. */
static unsigned long gru_emu_leaf(unsigned long pfn, bool readable,
				  bool writable)
{
	if (!readable)
		return 0;
	return pfn << PAGE_SHIFT | (writable ? GRU_EMU_WRITABLE : 0);
}

static unsigned long gru_emu_walk_pmd(pud_t *pud, unsigned long vaddr)
{
	pmd_t pmd = READ_ONCE(*pmd_offset(pud, vaddr));
	unsigned long pfn;
	pte_t pte;

	/*
	 * While a huge page's entry is replaced, it is invalid for a moment;
	 * that is announced only if what comes translates differently.
	 */
	if (!pmd_present(pmd))
		return 0;
	if (pmd_leaf(pmd)) {
		pfn = pmd_pfn(pmd) + ((vaddr & ~PMD_MASK) >> PAGE_SHIFT);
		return gru_emu_leaf(pfn, !pmd_protnone(pmd), pmd_write(pmd));
	}
	pte = ptep_get(pte_offset_kernel(&pmd, vaddr));
	if (!pte_present(pte))
		return 0;
	return gru_emu_leaf(pte_pfn(pte), pte_access_permitted(pte, false),
			    pte_write(pte));
}

/* Interrupts are off, so that no table that is found can be freed. */
static unsigned long gru_emu_walk(struct mm_struct *mm, unsigned long vaddr)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(mm, vaddr));
	p4d_t p4d;
	pud_t pud;

	lockdep_assert_irqs_disabled();
	if (!pgd_present(pgd))
		return 0;
	p4d = READ_ONCE(*p4d_offset(&pgd, vaddr));
	if (!p4d_present(p4d))
		return 0;
	pud = READ_ONCE(*pud_offset(&p4d, vaddr));
	if (!pud_present(pud))
		return 0;
	if (pud_leaf(pud))
		return gru_emu_leaf(pud_pfn(pud) +
				    ((vaddr & ~PUD_MASK) >> PAGE_SHIFT),
				    true, pud_write(pud));
	return gru_emu_walk_pmd(&pud, vaddr);
}

static bool gru_emu_agree(const struct gru_emu_entry *entry,
			  unsigned long offset, unsigned long primary)
{
	if (primary >> PAGE_SHIFT != entry->pfn + (offset >> PAGE_SHIFT))
		return false;
	return !entry->dirty || primary & GRU_EMU_WRITABLE;
}

/* A huge entry is looked at page by page, as the page table may be. */
static void gru_emu_judge(struct gru_emu_chip *chip,
			  const struct gru_emu_entry *entry,
			  struct mm_struct *mm, struct gru_emu_verdict *verdict)
{
	unsigned long size = BIT(gru_emu_shift(entry->size)), offset, primary;

	verdict->checked++;
	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		primary = gru_emu_walk(mm, entry->vaddr + offset);
		if (gru_emu_agree(entry, offset, primary))
			continue;
		if (!verdict->stale++) {
			verdict->first = *entry;
			verdict->gid = chip->gid;
			verdict->primary = primary;
		}
		gru_emu_count(chip, GRU_EMU_STALE);
		return;
	}
}

/* The address space of a loaded context that uses an ASID. */
static struct mm_struct *gru_emu_mm(struct gru_emu_chip *chip,
				    struct gru_state *gru, unsigned int asid)
{
	unsigned int i, region;

	for (i = 0; i < GRU_NUM_CCH; i++) {
		struct gru_emu_ctx *ctx = &chip->ctx[i];

		if (ctx->state != CCHSTATE_ACTIVE || ctx->unmapped ||
		    !gru->gs_gts[i])
			continue;
		for (region = 0; region < ARRAY_SIZE(ctx->asid); region++) {
			if (ctx->asid[region] == asid)
				return gru->gs_gts[i]->ts_mm;
		}
	}
	return NULL;
}

/**
 * gru_emu_oracle() - compare the TLB with page tables
 * @chip:    whose TLB
 * @verdict: what was found, added to what is there; or NULL to only count
 *
 * Context: process, interrupts on. Takes the driver's gs_lock, which keeps the
 * contexts' descriptions, and by these their address spaces, from going.
 */
void gru_emu_oracle(struct gru_emu_chip *chip, struct gru_emu_verdict *verdict)
{
	struct gru_state *gru = GID_TO_GRU(chip->gid);
	struct gru_emu_verdict unused = {};
	struct gru_emu_entry *entry;
	struct mm_struct *mm;
	unsigned int i;

	if (!gru)
		return;
	spin_lock(&gru->gs_lock);
	for (i = 0; i < GRU_EMU_ROWS; i++) {
		/* Row by row, so that interrupts are not off for long. */
		if (hlist_empty(&chip->tlb.rows[i]))
			continue;
		spin_lock_irq(&chip->lock);
		hlist_for_each_entry(entry, &chip->tlb.rows[i], row) {
			mm = gru_emu_mm(chip, gru, entry->asid);
			if (mm)
				gru_emu_judge(chip, entry, mm,
					      verdict ?: &unused);
		}
		spin_unlock_irq(&chip->lock);
	}
	spin_unlock(&gru->gs_lock);
}
