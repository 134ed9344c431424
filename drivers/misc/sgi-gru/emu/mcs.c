// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on handles: answers to TLB misses (TFH), and flushes (TGH).
 * Those on contexts are in cch.c.
 *
 * All are complete when the driver looks at the status for the first time.
 * It may hold any of its spinlocks meanwhile, and be in an interrupt.
 */
#include "../gru_emu.h"
#include "emu.h"

/* An answer that a flush has overtaken is no answer. */
static bool gru_emu_dropin(struct gru_emu_chip *chip, unsigned int nr,
			   const struct gru_tlb_fault_handle *tfh)
{
	struct gru_emu_entry entry = {
		.vaddr	= tfh->fillvaddr,
		.pfn	= tfh->pfn,
		.asid	= tfh->fillasid,
		.size	= tfh->pagesize,
		.dirty	= tfh->dirty,
	};

	if (chip->cbr[nr].flushed && READ_ONCE(gru_emu.knobs.magic)) {
		gru_emu_count(chip, GRU_EMU_DISCARDED);
		return false;
	}
	if (entry.size >= 16)
		return false;
	gru_emu_tlb_insert(chip, &entry);
	gru_emu_count(chip, GRU_EMU_DROPINS);
	return true;
}

static void gru_emu_tfh(struct gru_emu_chip *chip, unsigned int nr)
{
	struct gru_tlb_fault_handle *tfh = get_tfh(chip->base, nr);

	lockdep_assert_held(&chip->lock);
	gru_emu_finish(tfh, TFHSTATUS_IDLE);
	if (chip->cbr[nr].state != GRU_EMU_MISS) {
		gru_emu_count(chip, GRU_EMU_LATE);
		return;
	}
	switch (tfh->opc) {
	case TFHOP_WRITE_ONLY:
		gru_emu_dropin(chip, nr, tfh);
		gru_emu_count(chip, GRU_EMU_PRELOADS);
		break;
	case TFHOP_WRITE_RESTART:
		gru_emu_dropin(chip, nr, tfh);
		gru_emu_restart(chip, nr);
		break;
	case TFHOP_RESTART:
		gru_emu_restart(chip, nr);
		break;
	case TFHOP_EXCEPTION:
		gru_emu_fault(chip, nr, CBE_CAUSE_OS_FATAL_TLB_FAULT);
		break;
	case TFHOP_USER_POLLING_MODE:
		gru_emu_poll(chip, nr);
		break;
	default:
		break;
	}
}

/* Any miss of these contexts may be answered with what has been flushed. */
static void gru_emu_mark_misses(struct gru_emu_chip *chip,
				unsigned long contexts)
{
	unsigned int i, ctx;

	for_each_set_bit(ctx, &contexts, GRU_NUM_CCH) {
		for (i = 0; i < chip->ctx[ctx].nr_cbr; i++)
			chip->cbr[chip->ctx[ctx].cbr[i]].flushed = true;
	}
}

static bool gru_emu_loses_tgh(void)
{
	int left = atomic_read(&gru_emu.knobs.lose_tgh);

	while (left > 0) {
		if (atomic_try_cmpxchg(&gru_emu.knobs.lose_tgh, &left,
				       left - 1))
			return left == 1;
	}
	return false;
}

static void gru_emu_tgh(struct gru_emu_chip *chip, unsigned int nr)
{
	struct gru_tlb_global_handle *tgh = get_tgh(chip->base, nr);

	lockdep_assert_held(&chip->lock);
	if (tgh->opc == TGHOP_TLBINV) {
		if (gru_emu_loses_tgh()) {
			gru_emu_count(chip, GRU_EMU_TGH_LOST);
		} else {
			gru_emu_mark_misses(chip, tgh->ctxbitmap);
			gru_emu_tlb_flush(chip, tgh);
		}
	}
	gru_emu_finish(tgh, TGHSTATUS_IDLE);
}

/**
 * gru_emu_operate() - run what a handle was started for
 * @handle: a CCH, TFH or TGH
 *
 * Context: any but NMI; operations on contexts want interrupts on, and wait
 * for interrupt handlers. Does not sleep.
 */
void gru_emu_operate(void *handle)
{
	struct gru_emu_chip *chip = gru_emu_chip_of(handle);
	unsigned long offset = GSEGPOFF((unsigned long)handle);
	unsigned long flags;

	if (WARN_ON_ONCE(!chip))
		return;
	if (TYPE_IS(CCH, offset)) {
		gru_emu_cch(chip, (offset - GRU_CCH_BASE) / GRU_HANDLE_STRIDE);
		return;
	}
	spin_lock_irqsave(&chip->lock, flags);
	if (TYPE_IS(TFH, offset))
		gru_emu_tfh(chip, (offset - GRU_TFH_BASE) / GRU_HANDLE_STRIDE);
	else if (TYPE_IS(TGH, offset))
		gru_emu_tgh(chip, (offset - GRU_TGH_BASE) / GRU_HANDLE_STRIDE);
	spin_unlock_irqrestore(&chip->lock, flags);
	/* A miss was answered: the engine has something to do. */
	wake_up(&chip->wait);
}
