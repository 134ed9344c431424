// SPDX-License-Identifier: GPL-2.0
/*
 * The TLB: filled by drop-ins, emptied by flushes, and by nothing else.
 *
 * A TLB of hardware forgets entries when it needs their room, which hides
 * flushes that were lost.  This one keeps all, whatever becomes of the context
 * that they were dropped in for.  Should memory run out, all entries go at
 * once: that is counted, and a test can insist that it did not happen.
 */
#include <linux/slab.h>

#include "emu.h"

/* About a hundred bytes each. */
#define GRU_EMU_TLB_LIMIT	(256 * 1024)

static struct kmem_cache *gru_emu_entries;

static struct hlist_head *gru_emu_row(struct gru_emu_chip *chip,
				      unsigned long vaddr, unsigned int size)
{
	vaddr >>= gru_emu_shift(size);
	return &chip->tlb.rows[vaddr % GRU_EMU_ROWS];
}

static unsigned long gru_emu_page(unsigned long vaddr, unsigned int size)
{
	return vaddr & ~(BIT(gru_emu_shift(size)) - 1);
}

static void gru_emu_tlb_remove(struct gru_emu_chip *chip,
			       struct gru_emu_entry *entry)
{
	hlist_del(&entry->row);
	kmem_cache_free(gru_emu_entries, entry);
	chip->tlb.nr--;
}

/**
 * gru_emu_tlb_find() - translate
 * @chip:  whose TLB; its lock is held
 * @asid:  address space and region
 * @sizes: page sizes to look for, bits as GRU_SIZEAVAIL() has them
 * @vaddr: any address
 *
 * Return: the entry, or NULL.
 */
struct gru_emu_entry *gru_emu_tlb_find(struct gru_emu_chip *chip,
				       unsigned int asid, unsigned short sizes,
				       unsigned long vaddr)
{
	struct gru_emu_entry *entry;
	unsigned long mask = sizes;
	unsigned int size;

	lockdep_assert_held(&chip->lock);
	for_each_set_bit(size, &mask, 16) {
		hlist_for_each_entry(entry, gru_emu_row(chip, vaddr, size),
				     row) {
			if (entry->asid == asid && entry->size == size &&
			    entry->vaddr == gru_emu_page(vaddr, size))
				return entry;
		}
	}
	return NULL;
}

/**
 * gru_emu_tlb_clear() - forget everything
 * @chip: whose TLB; its lock is held
 */
void gru_emu_tlb_clear(struct gru_emu_chip *chip)
{
	struct gru_emu_entry *entry;
	struct hlist_node *next;
	unsigned int i;

	lockdep_assert_held(&chip->lock);
	for (i = 0; i < GRU_EMU_ROWS; i++) {
		hlist_for_each_entry_safe(entry, next, &chip->tlb.rows[i], row)
			gru_emu_tlb_remove(chip, entry);
	}
}

/**
 * gru_emu_tlb_insert() - drop an entry in, or replace it
 * @chip:  whose TLB; its lock is held
 * @entry: to copy; its address may be any in the page
 *
 * Without memory nothing is inserted: the instruction will miss again.
 */
void gru_emu_tlb_insert(struct gru_emu_chip *chip,
			const struct gru_emu_entry *entry)
{
	struct gru_emu_entry *new;

	lockdep_assert_held(&chip->lock);
	new = gru_emu_tlb_find(chip, entry->asid, BIT(entry->size),
			       entry->vaddr);
	if (new)
		gru_emu_tlb_remove(chip, new);
	if (chip->tlb.nr >= GRU_EMU_TLB_LIMIT) {
		gru_emu_count(chip, GRU_EMU_TLB_FULL);
		gru_emu_tlb_clear(chip);
	}
	new = kmem_cache_alloc(gru_emu_entries, GFP_NOWAIT | __GFP_NOWARN);
	if (!new) {
		gru_emu_count(chip, GRU_EMU_TLB_FULL);
		gru_emu_tlb_clear(chip);
		return;
	}
	*new = *entry;
	new->vaddr = gru_emu_page(entry->vaddr, entry->size);
	hlist_add_head(&new->row, gru_emu_row(chip, new->vaddr, new->size));
	chip->tlb.nr++;
}

/* Whether a flush names the page of an entry. */
static bool gru_emu_is_named(const struct gru_emu_entry *entry,
			     const struct gru_tlb_global_handle *tgh)
{
	unsigned int shift = gru_emu_shift(tgh->pagesize);
	unsigned long first = tgh->vaddr >> shift;
	unsigned long page = entry->vaddr >> shift;

	return entry->size == tgh->pagesize && page >= first &&
	       page - first <= tgh->n;
}

static void gru_emu_flush_row(struct gru_emu_chip *chip,
			      struct hlist_head *row, bool all,
			      const struct gru_tlb_global_handle *tgh)
{
	struct gru_emu_entry *entry;
	struct hlist_node *next;
	bool named;

	hlist_for_each_entry_safe(entry, next, row, row) {
		if (!tgh->global && entry->asid != tgh->asid)
			continue;
		named = gru_emu_is_named(entry, tgh);
		if (!named && !all)
			continue;
		gru_emu_tlb_remove(chip, entry);
		gru_emu_count(chip, GRU_EMU_PURGED);
		if (!named)
			gru_emu_count(chip, GRU_EMU_PURGED_BESIDE);
	}
}

/**
 * gru_emu_tlb_flush() - what a TGH asks for
 * @chip: whose TLB; its lock is held
 * @tgh:  the handle
 *
 * Which entries go is the largest of the uncertainties, so there are two
 * answers.  "Index": a set bit of the mask leaves that part of the address
 * out of the comparison, and the driver sets all, so the pages named choose
 * rows, and the ASID's entries there go.  "Strict": the pages named, in the
 * page size named, and no others.  Under both, all rows of all ASIDs is
 * everything, or the driver could not use an ASID twice.
 */
void gru_emu_tlb_flush(struct gru_emu_chip *chip,
		       const struct gru_tlb_global_handle *tgh)
{
	bool everything = tgh->global && tgh->n + 1 >= GRU_EMU_ROWS;
	bool all = everything || !READ_ONCE(gru_emu.knobs.strict);
	unsigned long before = chip->count[GRU_EMU_PURGED];
	unsigned long page = tgh->vaddr >> gru_emu_shift(tgh->pagesize);
	unsigned long i;

	lockdep_assert_held(&chip->lock);
	gru_emu_count(chip, GRU_EMU_TGH);
	if (tgh->global)
		gru_emu_count(chip, GRU_EMU_TGH_GLOBAL);
	for (i = 0; i <= tgh->n && i < GRU_EMU_ROWS; i++)
		gru_emu_flush_row(chip, &chip->tlb.rows[(page + i) %
							GRU_EMU_ROWS],
				  all, tgh);
	if (before == chip->count[GRU_EMU_PURGED])
		gru_emu_count(chip, GRU_EMU_TGH_EMPTY);
}

/**
 * gru_emu_tlb_init() - before any chip has entries
 *
 * Return: 0 or -ENOMEM.
 */
int gru_emu_tlb_init(void)
{
	gru_emu_entries = KMEM_CACHE(gru_emu_entry, 0);
	return gru_emu_entries ? 0 : -ENOMEM;
}

/**
 * gru_emu_tlb_exit() - when no chip has entries any more
 */
void gru_emu_tlb_exit(void)
{
	kmem_cache_destroy(gru_emu_entries);
}
