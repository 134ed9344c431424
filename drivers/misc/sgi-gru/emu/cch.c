// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: allocated, started, interrupted, and given back.
 *
 * What a context's instructions have reached is in its CBEs, so an interrupt
 * has nothing to save but that an instruction was under way.  A miss that was
 * not answered is forgotten: the instruction will miss again when started.
 */
#include "emu.h"

static void gru_emu_ctx_settings(struct gru_emu_ctx *ctx,
				 struct gru_context_configuration_handle *cch)
{
	unsigned int i;

	ctx->unmapped = cch->unmap_enable;
	ctx->fmm = cch->tfm_fault_bit_enable;
	ctx->tlb_int = cch->tlb_int_enable;
	ctx->cb_int = cch->cb_int_enable && cch->tfm_done_bit_enable;
	ctx->select = cch->tlb_int_select;
	for (i = 0; i < ARRAY_SIZE(ctx->asid); i++) {
		ctx->asid[i] = cch->asid[i];
		ctx->sizes[i] = cch->sizeavail[i];
	}
}

static void gru_emu_give_cbr(struct gru_emu_chip *chip, unsigned int nr,
			     unsigned int cbr)
{
	struct gru_emu_ctx *ctx = &chip->ctx[nr];
	struct gru_tlb_fault_handle *tfh = get_tfh(chip->base, cbr);

	chip->cbr[cbr] = (struct gru_emu_cbr) {
		.state	= GRU_EMU_IDLE,
		.ctx	= nr,
		.line	= ctx->nr_cbr,
	};
	WRITE_ONCE(ctx->cbr[ctx->nr_cbr], cbr);
	WRITE_ONCE(ctx->nr_cbr, ctx->nr_cbr + 1);
	tfh->state = TFHSTATE_IDLE;
	tfh->ctxnum = nr;
}

static bool gru_emu_are_free(struct gru_emu_chip *chip, unsigned long map)
{
	unsigned int i, k;

	for_each_cbr_in_allocation_map(i, &map, k) {
		if (chip->cbr[i].ctx >= 0)
			return false;
	}
	return true;
}

static unsigned int
gru_emu_allocate(struct gru_emu_chip *chip, unsigned int nr,
		 struct gru_context_configuration_handle *cch)
{
	struct gru_emu_ctx *ctx = &chip->ctx[nr];
	unsigned long map = cch->cbr_allocation_map;
	unsigned int i, k;

	if (ctx->state != CCHSTATE_INACTIVE)
		return CCHCAUSE_INVALID_ALLOCATION_REQUEST;
	if (!map)
		return CCHCAUSE_NO_CBRS_TO_ALLOCATE;
	if (!gru_emu_are_free(chip, map))
		return CCHCAUSE_CBR_RESOURCES_OVERSUBSCRIPED;
	memset(ctx, 0, sizeof(*ctx));
	ctx->dsr_bytes = hweight32(cch->dsr_allocation_map) * GRU_DSR_AU_BYTES;
	for_each_cbr_in_allocation_map(i, &map, k)
		gru_emu_give_cbr(chip, nr, i);
	/* Nothing of the context's predecessor is left to see. */
	memset(get_gseg_base_address(chip->base, nr), 0, GRU_GSEG_PAGESIZE);
	ctx->state = CCHSTATE_MAPPED;
	gru_emu_count(chip, GRU_EMU_LOADS);
	return 0;
}

static unsigned int
gru_emu_start_ctx(struct gru_emu_chip *chip, unsigned int nr,
		  struct gru_context_configuration_handle *cch)
{
	struct gru_emu_ctx *ctx = &chip->ctx[nr];
	struct gru_control_block_extended *cbe;
	unsigned int i;

	if (ctx->state != CCHSTATE_MAPPED && ctx->state != CCHSTATE_INTERRUPTED)
		return CCHCAUSE_INVALID_START_REQUEST;
	gru_emu_ctx_settings(ctx, cch);
	for (i = 0; i < ctx->nr_cbr; i++) {
		cbe = get_cbe(chip->base, ctx->cbr[i]);
		if (cbe->cbrstate == CBRSTATE_INTERRUPTED) {
			WRITE_ONCE(chip->cbr[ctx->cbr[i]].state, GRU_EMU_RUN);
			gru_emu_count(chip, GRU_EMU_REPLAYS);
		}
	}
	ctx->state = CCHSTATE_ACTIVE;
	WRITE_ONCE(chip->active, chip->active | BIT(nr));
	return 0;
}

static void gru_emu_interrupt_cbr(struct gru_emu_chip *chip, unsigned int nr)
{
	struct gru_emu_cbr *cbr = &chip->cbr[nr];
	struct gru_tlb_fault_handle *tfh = get_tfh(chip->base, nr);

	if (cbr->state == GRU_EMU_IDLE)
		return;
	if (cbr->state == GRU_EMU_MISS)
		gru_emu_restart(chip, nr);
	WRITE_ONCE(cbr->state, GRU_EMU_IDLE);
	get_cbe(chip->base, nr)->cbrstate = CBRSTATE_INTERRUPTED;
	tfh->state = TFHSTATE_IDLE;
	gru_emu_finish(tfh, TFHSTATUS_IDLE);
}

static unsigned int gru_emu_interrupt(struct gru_emu_chip *chip,
				      unsigned int nr)
{
	struct gru_emu_ctx *ctx = &chip->ctx[nr];
	struct gru_tlb_fault_map *tfm = get_tfm(chip->base, ctx->select);
	unsigned int i;

	if (ctx->state != CCHSTATE_ACTIVE)
		return CCHCAUSE_INVALID_INTERRUPT_REQUEST;
	WRITE_ONCE(chip->active, chip->active & ~BIT(nr));
	for (i = 0; i < ctx->nr_cbr; i++) {
		gru_emu_interrupt_cbr(chip, ctx->cbr[i]);
		/* The next owner's misses are not these. */
		clear_bit(ctx->cbr[i], tfm->fault_bits);
	}
	ctx->state = CCHSTATE_INTERRUPTED;
	return 0;
}

static unsigned int gru_emu_deallocate(struct gru_emu_chip *chip,
				       unsigned int nr)
{
	struct gru_emu_ctx *ctx = &chip->ctx[nr];
	unsigned int i;

	if (ctx->state != CCHSTATE_INTERRUPTED && ctx->state != CCHSTATE_MAPPED)
		return CCHCAUSE_INVALID_DEALLOCATION_REQUEST;
	for (i = 0; i < ctx->nr_cbr; i++) {
		chip->cbr[ctx->cbr[i]].ctx = -1;
		get_tfh(chip->base, ctx->cbr[i])->state = TFHSTATE_INACTIVE;
	}
	WRITE_ONCE(ctx->nr_cbr, 0);
	ctx->state = CCHSTATE_INACTIVE;
	return 0;
}

static unsigned int
gru_emu_cch_run(struct gru_emu_chip *chip, unsigned int nr,
		struct gru_context_configuration_handle *cch)
{
	switch (cch->opc) {
	case CCHOP_ALLOCATE:
		return gru_emu_allocate(chip, nr, cch);
	case CCHOP_START:
		return gru_emu_start_ctx(chip, nr, cch);
	case CCHOP_INTERRUPT:
	case CCHOP_INTERRUPT_SYNC:
		return gru_emu_interrupt(chip, nr);
	case CCHOP_DEALLOCATE:
		return gru_emu_deallocate(chip, nr);
	default:
		return CCHCAUSE_ILLEGAL_OPCODE;
	}
}

/**
 * gru_emu_cch() - an operation on a context
 * @chip: where
 * @nr:   which context
 *
 * The driver tells that a bit in a fault map keeps the context where it is,
 * until the handler has dealt with it.  So an interrupted context's handlers
 * have ended when this returns.
 *
 * Context: interrupts on; must not be called by such a handler.
 */
void gru_emu_cch(struct gru_emu_chip *chip, unsigned int nr)
{
	struct gru_context_configuration_handle *cch = get_cch(chip->base, nr);
	unsigned int cause;
	bool stopped;

	lockdep_assert_irqs_enabled();
	spin_lock_irq(&chip->lock);
	cause = gru_emu_cch_run(chip, nr, cch);
	stopped = chip->ctx[nr].state == CCHSTATE_INTERRUPTED;
	gru_emu_count(chip, cause ? GRU_EMU_CCH_REFUSED : GRU_EMU_CCH);
	cch->cause = cause;
	cch->state = chip->ctx[nr].state;
	spin_unlock_irq(&chip->lock);
	if (stopped)
		gru_emu_irq_sync(chip);
	gru_emu_finish(cch, cause ? CCHSTATUS_EXCEPTION : CCHSTATUS_IDLE);
	wake_up(&chip->wait);
}
