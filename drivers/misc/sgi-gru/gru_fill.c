// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of an address space may be in the TLBs of its GRUs.
 *
 * To flush is slow, and most of what is invalidated no GRU has ever seen.  So
 * each drop-in is recorded, exactly: a bit for each page, and another if it may
 * be written.  A flush looks for recorded pages, flushes these, with as many TLB
 * operations as it takes to cover them, and forgets them.  Hence a range without
 * any costs a look-up, one of any length costs what is in it, and all flushes
 * together take no more operations, on each GRU, than there were drop-ins.
 *
 * It is an upper bound: a TLB may have lost an entry for reasons of its own.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "gru.h"
#include "gruhandles.h"
#include "gru_fill.h"

#define GRU_BLOCK_PAGES	(1UL << (GRU_LARGE_SHIFT - GRU_SMALL_SHIFT))

/**
 * struct gru_fill_block - what is recorded of 2 MiB
 * @pages:          entries of small pages
 * @writable:       those of them that allow to write
 * @large:          an entry of all of it
 * @large_writable: one that allows to write
 * @wanted:         misses that are being resolved; they keep it
 *
 * All of it is protected by &gru_fills.lock.
 */
struct gru_fill_block {
	DECLARE_BITMAP(pages, GRU_BLOCK_PAGES);
	DECLARE_BITMAP(writable, GRU_BLOCK_PAGES);
	bool large;
	bool large_writable;
	unsigned int wanted;
};

static unsigned long block_index(unsigned long vaddr)
{
	return vaddr >> GRU_LARGE_SHIFT;
}

/* Number of the page of @vaddr within block @index, or the nearest one. */
static unsigned long block_page(unsigned long index, unsigned long vaddr)
{
	if (block_index(vaddr) < index)
		return 0;
	if (block_index(vaddr) > index)
		return GRU_BLOCK_PAGES - 1;
	return (vaddr >> GRU_SMALL_SHIFT) % GRU_BLOCK_PAGES;
}

/**
 * gru_fills_init() - nothing is recorded yet
 * @fills: the record
 */
void gru_fills_init(struct gru_fills *fills)
{
	spin_lock_init(&fills->lock);
	xa_init(&fills->blocks);
	fills->nr = 0;
}

/**
 * gru_fills_reset() - forget everything, and free what it took
 * @fills: the record
 *
 * Context: No GRU may use what was dropped in, nor will anything be dropped in
 * meanwhile.  Does not sleep.
 */
void gru_fills_reset(struct gru_fills *fills)
{
	struct gru_fill_block *block;
	unsigned long index;

	spin_lock(&fills->lock);
	xa_for_each(&fills->blocks, index, block)
		kfree(block);
	xa_destroy(&fills->blocks);
	fills->nr = 0;
	spin_unlock(&fills->lock);
}

/* Count a miss on a block that is there. */
static bool block_want(struct gru_fills *fills, unsigned long index)
{
	struct gru_fill_block *block;

	spin_lock(&fills->lock);
	block = xa_load(&fills->blocks, index);
	if (block)
		block->wanted++;
	spin_unlock(&fills->lock);
	return block;
}

static void block_free_if_idle(struct gru_fills *fills, unsigned long index,
			       struct gru_fill_block *block)
{
	lockdep_assert_held(&fills->lock);
	if (block->wanted || block->large ||
	    !bitmap_empty(block->pages, GRU_BLOCK_PAGES))
		return;
	xa_erase(&fills->blocks, index);
	kfree(block);
}

/**
 * gru_fill_prepare() - have memory for what will be recorded
 * @fills: the record
 * @vaddr: an address that is going to be dropped in
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM; if 0, gru_fill_unprepare() is due.
 */
int gru_fill_prepare(struct gru_fills *fills, unsigned long vaddr)
{
	struct gru_fill_block *block;
	int err;

	do {
		if (block_want(fills, block_index(vaddr)))
			return 0;
		block = kzalloc(sizeof(*block), GFP_KERNEL_ACCOUNT);
		if (!block)
			return -ENOMEM;
		block->wanted = 1;
		err = xa_insert(&fills->blocks, block_index(vaddr), block,
				GFP_KERNEL_ACCOUNT);
		if (err)
			kfree(block);
	} while (err == -EBUSY);
	return err;
}

/**
 * gru_fill_unprepare() - the miss is resolved, or given up
 * @fills: the record
 * @vaddr: what was prepared
 *
 * Context: Does not sleep.
 */
void gru_fill_unprepare(struct gru_fills *fills, unsigned long vaddr)
{
	struct gru_fill_block *block;

	spin_lock(&fills->lock);
	block = xa_load(&fills->blocks, block_index(vaddr));
	block->wanted--;
	block_free_if_idle(fills, block_index(vaddr), block);
	spin_unlock(&fills->lock);
}

/**
 * gru_fill_set() - record a page that is about to be dropped in
 * @fills: the record
 * @vaddr: its address
 * @shift: page size of the entry
 * @write: the entry allows to write
 *
 * Context: Caller has prepared it, and holds @fills->lock until the drop-in is
 * complete.
 */
void gru_fill_set(struct gru_fills *fills, unsigned long vaddr,
		  unsigned int shift, bool write)
{
	struct gru_fill_block *block;
	unsigned long page;

	lockdep_assert_held(&fills->lock);
	block = xa_load(&fills->blocks, block_index(vaddr));
	if (shift == GRU_LARGE_SHIFT) {
		fills->nr += !block->large;
		block->large = true;
		block->large_writable |= write;
		return;
	}
	page = block_page(block_index(vaddr), vaddr);
	fills->nr += !__test_and_set_bit(page, block->pages);
	if (write)
		__set_bit(page, block->writable);
}

/* The first small page of [start, last] in a block, or GRU_BLOCK_PAGES. */
static unsigned long block_first(struct gru_fill_block *block,
				 unsigned long index, unsigned long start,
				 unsigned long last, bool writable)
{
	unsigned long end = block_page(index, last) + 1, page;

	page = find_next_bit(writable ? block->writable : block->pages, end,
			     block_page(index, start));
	return page < end ? page : GRU_BLOCK_PAGES;
}

static bool fill_next_small(struct gru_fills *fills, unsigned long start,
			    unsigned long last, bool writable,
			    struct gru_piece *piece)
{
	struct gru_fill_block *block;
	unsigned long index, page;

	xa_for_each_range(&fills->blocks, index, block, block_index(start),
			  block_index(last)) {
		page = block_first(block, index, start, last, writable);
		if (page == GRU_BLOCK_PAGES)
			continue;
		piece->shift = GRU_SMALL_SHIFT;
		piece->vaddr = (index << GRU_LARGE_SHIFT) +
			       (page << GRU_SMALL_SHIFT);
		return true;
	}
	return false;
}

static bool fill_next_large(struct gru_fills *fills, unsigned long start,
			    unsigned long last, bool writable,
			    struct gru_piece *piece)
{
	struct gru_fill_block *block;
	unsigned long index;

	xa_for_each_range(&fills->blocks, index, block, block_index(start),
			  block_index(last)) {
		if (!(writable ? block->large_writable : block->large))
			continue;
		piece->shift = GRU_LARGE_SHIFT;
		piece->vaddr = index << GRU_LARGE_SHIFT;
		return true;
	}
	return false;
}

/**
 * gru_fill_next() - find what to flush next
 * @fills:    the record
 * @start:    first address that is left to look at
 * @last:     last address
 * @writable: only entries that allow to write matter
 * @piece:    filled in, but for the page size, which is the caller's: one search
 *            for each size
 *
 * A piece begins with a page that is recorded and has as many as one operation
 * takes, so that recorded pages with gaps between them need no more of these than
 * pages side by side.  It stays within the pages that [@start, @last] touches.
 *
 * Context: Does not sleep.  Takes @fills->lock, whatever there is.
 * Return: false if there is nothing left.
 */
bool gru_fill_next(struct gru_fills *fills, unsigned long start,
		   unsigned long last, bool writable, struct gru_piece *piece)
{
	unsigned long room;
	bool found;

	spin_lock(&fills->lock);
	if (piece->shift == GRU_LARGE_SHIFT)
		found = fill_next_large(fills, start, last, writable, piece);
	else
		found = fill_next_small(fills, start, last, writable, piece);
	spin_unlock(&fills->lock);
	if (!found)
		return false;
	room = ((last - piece->vaddr) >> piece->shift) + 1;
	piece->nr = min(room, GRUMAXINVAL);
	return true;
}

static void block_forget(struct gru_fills *fills, struct gru_fill_block *block,
			 unsigned long index, const struct gru_piece *piece)
{
	unsigned long page = block_page(index, piece->vaddr);
	unsigned long end = block_page(index, gru_piece_last(piece)) + 1;
	unsigned long bit = page;

	if (piece->shift == GRU_LARGE_SHIFT) {
		fills->nr -= block->large;
		block->large = false;
		block->large_writable = false;
		return;
	}
	for_each_set_bit_from(bit, block->pages, end)
		fills->nr--;
	bitmap_clear(block->pages, page, end - page);
	bitmap_clear(block->writable, page, end - page);
}

/**
 * gru_fill_forget() - these pages are in no TLB any more
 * @fills: the record
 * @piece: has been flushed
 *
 * Context: The piece must have been flushed on all GRUs, and nothing been dropped
 * in since: the range that it belongs to is in flight.  Does not sleep.
 */
void gru_fill_forget(struct gru_fills *fills, const struct gru_piece *piece)
{
	struct gru_fill_block *block;
	unsigned long index;

	spin_lock(&fills->lock);
	xa_for_each_range(&fills->blocks, index, block,
			  block_index(piece->vaddr),
			  block_index(gru_piece_last(piece))) {
		block_forget(fills, block, index, piece);
		block_free_if_idle(fills, index, block);
	}
	spin_unlock(&fills->lock);
}

/**
 * gru_fill_forget_all() - no page is in a TLB any more
 * @fills: the record
 *
 * Context: Caller holds @fills->lock since before that became true.
 */
void gru_fill_forget_all(struct gru_fills *fills)
{
	struct gru_fill_block *block;
	unsigned long index;

	lockdep_assert_held(&fills->lock);
	xa_for_each(&fills->blocks, index, block) {
		bitmap_zero(block->pages, GRU_BLOCK_PAGES);
		bitmap_zero(block->writable, GRU_BLOCK_PAGES);
		block->large = false;
		block->large_writable = false;
		block_free_if_idle(fills, index, block);
	}
	fills->nr = 0;
}

/* Pages of a range that are recorded, whether they may be written or not. */
static unsigned long fill_inside(struct gru_fills *fills, unsigned long start,
				 unsigned long last)
{
	struct gru_fill_block *block;
	unsigned long index, bit, nr = 0;

	lockdep_assert_held(&fills->lock);
	xa_for_each_range(&fills->blocks, index, block, block_index(start),
			  block_index(last)) {
		nr += block->large;
		bit = block_page(index, start);
		for_each_set_bit_from(bit, block->pages,
				      block_page(index, last) + 1)
			nr++;
	}
	return nr;
}

/**
 * gru_fill_count() - how much there is to flush, and to lose
 * @fills:    the record
 * @start:    first address
 * @last:     last address
 * @writable: as for gru_fill_next()
 * @count:    filled in; of little use when @fills->lock has been dropped, but to
 *            decide what is cheaper
 *
 * Context: Does not sleep.
 */
void gru_fill_count(struct gru_fills *fills, unsigned long start,
		    unsigned long last, bool writable,
		    struct gru_fill_count *count)
{
	struct gru_piece piece = { .shift = GRU_SMALL_SHIFT };
	unsigned long pos = start;

	count->pieces = 0;
	while (gru_fill_next(fills, pos, last, writable, &piece)) {
		count->pieces++;
		if (gru_piece_last(&piece) >= last)
			break;
		pos = gru_piece_last(&piece) + 1;
	}
	spin_lock(&fills->lock);
	count->outside = fills->nr - fill_inside(fills, start, last);
	spin_unlock(&fills->lock);
}
