// SPDX-License-Identifier: GPL-2.0
/*
 * The engine: finds control blocks that were started, and runs them.
 *
 * There is no doorbell: a user stores to memory.  So the engine looks, often
 * at first and less often while it finds nothing; it sleeps while no context
 * is loaded.  All that it knows of an instruction under way is in the CBE,
 * but for whether it waits for a TLB miss.
 */
#include <linux/delay.h>
#include <linux/kthread.h>

#include "../gru_emu.h"
#include "emu.h"

/* How long the engine waits after passes that found nothing, in us. */
#define GRU_EMU_IDLE_MIN	20
#define GRU_EMU_IDLE_MAX	500
/* Passes that found nothing before it begins to wait. */
#define GRU_EMU_IDLE_PASSES	50

static void gru_emu_fill_tfh(struct gru_emu_run *run)
{
	struct gru_tlb_fault_handle *tfh = get_tfh(run->chip->base, run->nr);

	tfh->cause = run->cause;
	tfh->cb_int = 0;
	tfh->indexway = 0;
	tfh->ctxnum = run->cbr->ctx;
	tfh->missvaddr = run->vaddr;
	tfh->missasid = run->ctx->asid[run->vaddr >> 61];
	tfh->state = TFHSTATE_MISS_FMM;
	gru_emu_finish(tfh, TFHSTATUS_EXCEPTION);
}

static void gru_emu_miss(struct gru_emu_run *run)
{
	struct gru_emu_chip *chip = run->chip;
	struct gru_tlb_fault_map *tfm = get_tfm(chip->base, run->ctx->select);

	gru_emu_count(chip, run->cause == TFHCAUSE_TLB_MOD ? GRU_EMU_MODS :
							     GRU_EMU_MISSES);
	WRITE_ONCE(run->cbr->state, GRU_EMU_MISS);
	run->cbr->flushed = false;
	run->cbr->fmm = run->ctx->fmm;
	run->cbe->cbrstate = CBRSTATE_INTERRUPTED_MISS_FMM;
	gru_emu_fill_tfh(run);
	if (!run->ctx->fmm) {
		gru_emu_poll(chip, run->nr);
		return;
	}
	set_bit(run->nr, tfm->fault_bits);
	if (run->ctx->tlb_int)
		set_bit(run->ctx->select, &chip->irqs);
}

/* Take an instruction from the control block, to which nobody looks again. */
static void gru_emu_fetch(struct gru_emu_run *run, unsigned long word)
{
	struct gru_control_block_extended *cbe = run->cbe;
	const struct gru_instruction *cb = run->cb;

	memset(cbe, 0, sizeof(*cbe));
	cbe->imacpy = word >> GRU_CB_IMA_SHFT & 7;
	cbe->xtypecpy = word >> GRU_CB_XTYPE_SHFT & GRU_CB_XTYPE_MASK;
	cbe->iaa0cpy = word >> GRU_CB_IAA0_SHFT & GRU_CB_IAA0_MASK;
	cbe->iaa1cpy = word >> GRU_CB_IAA1_SHFT & GRU_CB_IAA1_MASK;
	cbe->opccpy = word >> GRU_CB_OPC_SHFT & GRU_CB_OPC_MASK;
	cbe->exopccpy = word >> GRU_CB_EXOPC_SHFT & GRU_CB_EXOPC_MASK;
	cbe->idef2cpy = word >> GRU_IDEF2_SHFT & GENMASK(21, 0);
	cbe->idef4cpy = READ_ONCE(cb->tri1_bufsize);
	cbe->idef1upd = READ_ONCE(cb->baddr0);
	cbe->idef5cpy = READ_ONCE(cb->nelem);
	cbe->idef5upd = cbe->idef5cpy;
	cbe->idef6cpy = READ_ONCE(cb->op1_stride);
	cbe->idef3upd = READ_ONCE(cb->op2_value_baddr1);
	cbe->cbrstate = CBRSTATE_QUEUED;
	WRITE_ONCE(run->cbr->state, GRU_EMU_RUN);
	gru_emu_set_status(run->cb, CBS_ACTIVE);
	gru_emu_count(run->chip, GRU_EMU_INSTRUCTIONS);
}

/* Whether there is an instruction to run. */
static bool gru_emu_ready(struct gru_emu_run *run)
{
	unsigned long word;

	if (run->cbr->state == GRU_EMU_RUN)
		return true;
	if (run->cbr->state == GRU_EMU_MISS)
		return false;
	/* A: before the operands. */
	word = smp_load_acquire(&run->cb->op64);
	if (word & GRU_EMU_ICMD) {
		gru_emu_fetch(run, word);
		return true;
	}
	/*
	 * The driver marks an instruction active just before it answers a
	 * miss, with a store that can come late: after the end.
	 */
	if (run->cbr->finished &&
	    (word >> GRU_ISTATUS_SHFT & GRU_ISTATUS_MASK) == CBS_ACTIVE) {
		WRITE_ONCE(run->cb->op64, run->cbr->result);
		gru_emu_count(run->chip, GRU_EMU_STATUS_AGAIN);
	}
	return false;
}

static void gru_emu_chunk(struct gru_emu_run *run)
{
	enum gru_emu_result result;
	unsigned int bad = gru_emu_check(run);

	if (bad) {
		gru_emu_fault(run->chip, run->nr, bad);
		return;
	}
	result = gru_emu_execute(run);
	switch (result) {
	case GRU_EMU_DONE:
		gru_emu_count(run->chip, GRU_EMU_CHUNKS);
		gru_emu_complete(run->chip, run->nr, CBS_IDLE, CBSS_NO_ERROR);
		break;
	case GRU_EMU_MORE:
		gru_emu_count(run->chip, GRU_EMU_CHUNKS);
		break;
	case GRU_EMU_MISSED:
		gru_emu_miss(run);
		break;
	case GRU_EMU_FAILED:
		if (run->ecause)
			gru_emu_fault(run->chip, run->nr, run->ecause);
		else
			gru_emu_complete(run->chip, run->nr, CBS_EXCEPTION,
					 run->substatus);
		break;
	}
}

/* Whether it is worth taking the lock: nobody is missed who says so later. */
static bool gru_emu_looks_ready(struct gru_emu_chip *chip, unsigned int nr,
				struct gru_instruction *cb)
{
	unsigned long word = READ_ONCE(cb->op64);

	return READ_ONCE(chip->cbr[nr].state) == GRU_EMU_RUN ||
	       word & GRU_EMU_ICMD ||
	       (word >> GRU_ISTATUS_SHFT & GRU_ISTATUS_MASK) == CBS_ACTIVE;
}

static unsigned long gru_emu_line(struct gru_emu_chip *chip, unsigned int ctx,
				  unsigned int line)
{
	struct gru_emu_run run = {
		.chip	= chip,
		.ctx	= &chip->ctx[ctx],
		.nr	= READ_ONCE(chip->ctx[ctx].cbr[line]),
		.cb	= gru_emu_cb(chip, ctx, line),
	};
	unsigned long ran = 0;

	if (!gru_emu_looks_ready(chip, run.nr, run.cb))
		return 0;
	spin_lock_irq(&chip->lock);
	if (run.ctx->state == CCHSTATE_ACTIVE && line < run.ctx->nr_cbr) {
		run.nr = run.ctx->cbr[line];
		run.cbr = &chip->cbr[run.nr];
		run.cbe = get_cbe(chip->base, run.nr);
		run.dsr = get_gseg_base_address_ds(chip->base, ctx, 0);
		if (gru_emu_ready(&run)) {
			gru_emu_chunk(&run);
			ran = 1;
		}
	}
	spin_unlock_irq(&chip->lock);
	return ran;
}

/**
 * gru_emu_pass() - one chunk of every instruction that can be run
 * @chip:  chiplet
 * @limit: how many chunks at most
 *
 * Context: process, interrupts on. May be called by several at once.
 * Return: how many chunks.
 */
unsigned long gru_emu_pass(struct gru_emu_chip *chip, unsigned long limit)
{
	unsigned long active = READ_ONCE(chip->active), ran = 0;
	unsigned int ctx, line, nr;

	for_each_set_bit(ctx, &active, GRU_NUM_CCH) {
		nr = READ_ONCE(chip->ctx[ctx].nr_cbr);
		for (line = 0; line < nr && ran < limit; line++)
			ran += gru_emu_line(chip, ctx, line);
	}
	gru_emu_raise(chip);
	if (READ_ONCE(gru_emu.knobs.watch))
		gru_emu_oracle(chip, NULL);
	return ran;
}

/**
 * gru_emu_step() - a kernel thread waits for an instruction
 * @cb: its control block
 *
 * That thread may have the only processor, and the knob "step" may be set: so
 * it does the engine's work.
 */
void gru_emu_step(void *cb)
{
	struct gru_emu_chip *chip = gru_emu_chip_of(cb);

	if (chip)
		gru_emu_pass(chip, 1);
}

static bool gru_emu_may_run(struct gru_emu_chip *chip)
{
	return READ_ONCE(chip->active) && !READ_ONCE(gru_emu.knobs.step);
}

static int gru_emu_engine(void *data)
{
	struct gru_emu_chip *chip = data;
	unsigned int idle = 0, delay;

	while (!kthread_should_stop()) {
		wait_event_idle(chip->wait,
				gru_emu_may_run(chip) || kthread_should_stop());
		if (gru_emu_may_run(chip) && gru_emu_pass(chip, ULONG_MAX)) {
			idle = 0;
			cond_resched();
		} else if (++idle < GRU_EMU_IDLE_PASSES) {
			schedule();
		} else {
			delay = clamp(idle, GRU_EMU_IDLE_MIN, GRU_EMU_IDLE_MAX);
			usleep_range(delay, 2 * delay);
		}
	}
	return 0;
}

/**
 * gru_emu_engine_start() - a chiplet begins to work
 * @chip: the chiplet
 *
 * Return: 0, or why there is no thread for it.
 */
int gru_emu_engine_start(struct gru_emu_chip *chip)
{
	chip->engine = kthread_run(gru_emu_engine, chip, "gru_emu/%u",
				   chip->gid);
	return PTR_ERR_OR_ZERO(chip->engine);
}

/**
 * gru_emu_engine_stop() - and ends
 * @chip: the chiplet
 */
void gru_emu_engine_stop(struct gru_emu_chip *chip)
{
	if (!IS_ERR_OR_NULL(chip->engine))
		kthread_stop(chip->engine);
}
