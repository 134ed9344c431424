/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages of an address space may be in the TLBs of its GRUs.
 */
#ifndef __GRU_FILL_H__
#define __GRU_FILL_H__

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

/* The page sizes of entries: those of the page table, but for the largest. */
#define GRU_SMALL_SHIFT		PAGE_SHIFT
#define GRU_LARGE_SHIFT		PMD_SHIFT

/**
 * struct gru_fills - pages that were dropped in and not flushed since
 * @lock:   protects the contents; held over a drop-in, so that a page is in a
 *          TLB only if it is recorded
 * @blocks: struct gru_fill_block, by address >> GRU_LARGE_SHIFT
 * @nr:     how many pages are recorded
 */
struct gru_fills {
	spinlock_t lock;	/* of the contents, and over a drop-in */
	struct xarray blocks;
	unsigned long nr;
};

/**
 * struct gru_piece - what one TLB operation flushes
 * @vaddr: address of the first page
 * @shift: page size of the entries
 * @nr:    number of pages
 */
struct gru_piece {
	unsigned long vaddr;
	unsigned int shift;
	unsigned int nr;
};

/**
 * struct gru_fill_count - how much is recorded
 * @pieces:  that a range is made of
 * @outside: pages that are not in the range
 */
struct gru_fill_count {
	unsigned long pieces;
	unsigned long outside;
};

/* The last address of a piece. */
static inline unsigned long gru_piece_last(const struct gru_piece *piece)
{
	return piece->vaddr + ((unsigned long)piece->nr << piece->shift) - 1;
}

void gru_fills_init(struct gru_fills *fills);
void gru_fills_reset(struct gru_fills *fills);
int gru_fill_prepare(struct gru_fills *fills, unsigned long vaddr);
void gru_fill_unprepare(struct gru_fills *fills, unsigned long vaddr);
void gru_fill_set(struct gru_fills *fills, unsigned long vaddr,
		  unsigned int shift, bool write);
bool gru_fill_next(struct gru_fills *fills, unsigned long start,
		   unsigned long last, bool writable, struct gru_piece *piece);
void gru_fill_count(struct gru_fills *fills, unsigned long start,
		    unsigned long last, bool writable,
		    struct gru_fill_count *count);
void gru_fill_forget_all(struct gru_fills *fills);
void gru_fill_forget(struct gru_fills *fills, const struct gru_piece *piece);

#endif /* __GRU_FILL_H__ */
