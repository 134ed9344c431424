/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB misses: from the fault handle to the page table, and back.
 */
#ifndef __GRU_DROPIN_H__
#define __GRU_DROPIN_H__

#include <linux/range_tracker.h>
#include <linux/types.h>

struct gru_thread_state;
struct gru_tlb_fault_handle;
struct page;

/* So many pages are dropped in for one miss, under one hold of a spinlock. */
#define GRU_MISS_PAGES	32

/**
 * struct gru_miss - a TLB miss, and what was found for it
 * @gts:    the context that missed, NULL if none has yet; a reference to it
 * @vaddr:  address of the page
 * @write:  it is to be written
 * @nr:     pages wanted; the others follow the first
 * @got:    how many were found, or an error
 * @shift:  page size that an entry can have
 * @ready:  there is memory to record them
 * @ticket: covers all of them
 * @pages:  what was found; the pages are not held
 *
 * On the stack of whoever resolves the miss.  Zeroed before gru_dropin().
 */
struct gru_miss {
	struct gru_thread_state *gts;
	unsigned long vaddr;
	bool write;
	int nr;
	long got;
	unsigned int shift;
	bool ready;
	struct range_ticket ticket;
	struct page *pages[GRU_MISS_PAGES];
};

int gru_dropin(struct gru_miss *miss, struct gru_thread_state *gts,
	       struct gru_tlb_fault_handle *tfh, void *cbk);
int gru_miss_resolve(struct gru_miss *miss);
void gru_miss_end(struct gru_miss *miss);

#endif /* __GRU_DROPIN_H__ */
