/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Invalidations, as the GRUs of an address space see them.
 */
#ifndef __GRU_INVALIDATE_H__
#define __GRU_INVALIDATE_H__

#include <linux/types.h>

struct gru_fill_count;
struct gru_mm_struct;
struct gru_mm_tracker;
struct gru_piece;
struct gru_state;
struct mm_struct;
struct mmu_notifier;
struct mmu_notifier_range;
struct range_tracker;

void gru_gms_init(struct gru_mm_struct *gms);
struct range_tracker *gru_ranges(struct gru_mm_struct *gms);
int gru_invalidate_range_start(struct mmu_notifier *mn,
			       const struct mmu_notifier_range *range);
void gru_flush_user_range(struct gru_mm_struct *gms, unsigned long start,
			  size_t len);
bool gru_flush_by_asid(struct gru_mm_struct *gms,
		       const struct gru_fill_count *count);
void gru_flush_late(struct gru_mm_struct *gms);
void gru_flush_gru(struct gru_state *gru, const struct gru_mm_tracker *who,
		   const struct gru_piece *piece);

#endif /* __GRU_INVALIDATE_H__ */
