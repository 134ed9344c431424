// SPDX-License-Identifier: GPL-2.0
/*
 * What is told to who waits: the status of handles, to the driver, and of
 * control blocks, to users.
 */
#include "emu.h"

/* The start bit, and the status, in the first word of every handle. */
#define GRU_EMU_CMD		BIT(0)
#define GRU_EMU_STATUS_SHIFT	16
#define GRU_EMU_STATUS		(3UL << GRU_EMU_STATUS_SHIFT)

/**
 * gru_emu_finish() - an operation is complete
 * @handle: its handle
 * @status: 0 (idle) or 1 (exception), the same for all kinds
 *
 * The driver keeps a lock in bit 1 of that word, for which others may spin.
 */
void gru_emu_finish(void *handle, unsigned int status)
{
	unsigned long *word = handle, old = READ_ONCE(*word), new;

	do {
		new = old & ~(GRU_EMU_CMD | GRU_EMU_STATUS);
		new |= (unsigned long)status << GRU_EMU_STATUS_SHIFT;
	} while (!try_cmpxchg(word, &old, new));
}

/* Word 0 of a control block; the start bit is GRU_EMU_ICMD. */
#define GRU_EMU_ISTATUS		((unsigned long)GRU_ISTATUS_MASK << \
				 GRU_ISTATUS_SHFT)
#define GRU_EMU_SUBSTATUS_SHIFT	(GRU_ISTATUS_SHFT + 2)
#define GRU_EMU_SUBSTATUS	(0xfUL << GRU_EMU_SUBSTATUS_SHIFT)

/**
 * gru_emu_cb() - where a control block is
 * @chip: chiplet
 * @ctx:  number of the context
 * @line: which of the context's
 *
 * Return: its address.
 */
struct gru_instruction *gru_emu_cb(struct gru_emu_chip *chip, unsigned int ctx,
				   unsigned int line)
{
	return get_gseg_base_address_cb(chip->base, ctx, line);
}

static unsigned long gru_emu_word0(unsigned long word, unsigned int status,
				   unsigned int substatus)
{
	word &= ~(GRU_EMU_ICMD | GRU_EMU_ISTATUS | GRU_EMU_SUBSTATUS);
	return word | (unsigned long)status << GRU_ISTATUS_SHFT |
	       (unsigned long)substatus << GRU_EMU_SUBSTATUS_SHIFT;
}

/**
 * gru_emu_set_status() - tell the user how an instruction is
 * @cb:     control block
 * @status: CBS_*
 */
void gru_emu_set_status(struct gru_instruction *cb, unsigned int status)
{
	/* After what the user will look at next. */
	smp_store_release(&cb->op64,
			  gru_emu_word0(READ_ONCE(cb->op64), status, 0));
}

static struct gru_instruction *gru_emu_cb_of(struct gru_emu_chip *chip,
					     unsigned int nr)
{
	return gru_emu_cb(chip, chip->cbr[nr].ctx, chip->cbr[nr].line);
}

/**
 * gru_emu_complete() - the last thing that happens to an instruction
 * @chip:      chiplet; its lock is held
 * @nr:        register
 * @status:    CBS_*
 * @substatus: CBSS_*
 */
void gru_emu_complete(struct gru_emu_chip *chip, unsigned int nr,
		      unsigned int status, unsigned int substatus)
{
	struct gru_control_block_extended *cbe = get_cbe(chip->base, nr);
	struct gru_instruction *cb = gru_emu_cb_of(chip, nr);
	struct gru_emu_cbr *cbr = &chip->cbr[nr];
	struct gru_emu_ctx *ctx = &chip->ctx[cbr->ctx];
	struct gru_tlb_fault_map *tfm = get_tfm(chip->base, ctx->select);

	lockdep_assert_held(&chip->lock);
	WRITE_ONCE(cbr->state, GRU_EMU_IDLE);
	cbr->result = gru_emu_word0(READ_ONCE(cb->op64), status, substatus);
	cbr->finished = true;
	cbe->cbrstate = CBRSTATE_IDLE;
	/* B: after the data. */
	smp_store_release(&cb->op64, cbr->result);
	if (cbe->imacpy & IMA_INTERRUPT && ctx->cb_int) {
		set_bit(nr, tfm->done_bits);
		set_bit(ctx->select, &chip->irqs);
	}
}

/**
 * gru_emu_fault() - end an instruction with an exception
 * @chip:   chiplet; its lock is held
 * @nr:     register
 * @ecause: CBE_CAUSE_*
 */
void gru_emu_fault(struct gru_emu_chip *chip, unsigned int nr,
		   unsigned int ecause)
{
	struct gru_control_block_extended *cbe = get_cbe(chip->base, nr);

	lockdep_assert_held(&chip->lock);
	gru_emu_count(chip, GRU_EMU_EXCEPTIONS);
	get_tfh(chip->base, nr)->state = TFHSTATE_IDLE;
	cbe->ecause = ecause;
	cbe->cbrexecstatus = CBR_EXS_EXCEPTION;
	gru_emu_complete(chip, nr, CBS_EXCEPTION, CBSS_NO_ERROR);
}

/**
 * gru_emu_restart() - go on after a miss
 * @chip: chiplet; its lock is held
 * @nr:   register, in GRU_EMU_MISS
 */
void gru_emu_restart(struct gru_emu_chip *chip, unsigned int nr)
{
	lockdep_assert_held(&chip->lock);
	get_tfh(chip->base, nr)->state = TFHSTATE_IDLE;
	get_cbe(chip->base, nr)->cbrstate = CBRSTATE_QUEUED;
	WRITE_ONCE(chip->cbr[nr].state, GRU_EMU_RUN);
	gru_emu_set_status(gru_emu_cb_of(chip, nr), CBS_ACTIVE);
	gru_emu_count(chip, GRU_EMU_RESTARTS);
}

/**
 * gru_emu_poll() - leave a miss to the user
 * @chip: chiplet; its lock is held
 * @nr:   register, in GRU_EMU_MISS
 */
void gru_emu_poll(struct gru_emu_chip *chip, unsigned int nr)
{
	struct gru_tlb_fault_handle *tfh = get_tfh(chip->base, nr);

	lockdep_assert_held(&chip->lock);
	chip->cbr[nr].fmm = false;
	get_cbe(chip->base, nr)->cbrstate = CBRSTATE_INTERRUPTED_MISS_UPM;
	tfh->state = TFHSTATE_MISS_UPM;
	gru_emu_finish(tfh, TFHSTATUS_EXCEPTION);
	gru_emu_set_status(gru_emu_cb_of(chip, nr), CBS_CALL_OS);
	gru_emu_count(chip, GRU_EMU_TO_POLLING);
}
