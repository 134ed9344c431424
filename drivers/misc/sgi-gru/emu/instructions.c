// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions.
 *
 * A chunk of one is run at a time, and how far it came is kept in the CBE:
 *
 *	idef1upd	first address; of BCOPY, what is to be read next
 *	idef3upd	second address, value or operand; likewise to be written
 *	idef5cpy	elements to do
 *	idef5upd	elements left
 *	idef6cpy	stride or operand; of BCOPY, cache lines left to read
 *	idef2cpy	data segment: where data is, or goes
 *	idef4cpy	data segment: indices; of BCOPY, the buffer's cache lines
 *
 * The driver reads some of these, to know how far ahead a BCOPY will go.
 * A chunk that misses has changed nothing, so to start it again is harmless.
 */
#include "emu.h"

/* Elements of XTYPE_*, 0 for what there is not. */
static unsigned int gru_emu_size(unsigned int xtype)
{
	if (xtype <= XTYPE_DW)
		return 1U << xtype;
	return xtype == XTYPE_CL ? GRU_CACHE_LINE_BYTES : 0;
}

/* Elements lie where their size divides the address. */
static bool gru_emu_fits(struct gru_emu_run *run, unsigned long vaddr)
{
	return IS_ALIGNED(vaddr, run->size);
}

static enum gru_emu_result gru_emu_except(struct gru_emu_run *run,
					  unsigned int ecause)
{
	run->ecause = ecause;
	return GRU_EMU_FAILED;
}

static enum gru_emu_result gru_emu_progress(struct gru_emu_run *run,
					    unsigned long elements)
{
	run->cbe->idef5upd -= elements;
	return run->cbe->idef5upd ? GRU_EMU_MORE : GRU_EMU_DONE;
}

/* Where element @i of a vector is in memory; -1UL if that cannot be told. */
static unsigned long gru_emu_element(struct gru_emu_run *run, unsigned long i)
{
	struct gru_control_block_extended *cbe = run->cbe;
	unsigned long index;
	void *dsr;

	if (cbe->opccpy != OP_IVLOAD && cbe->opccpy != OP_IVSTORE)
		return cbe->idef1upd + i * cbe->idef6cpy * run->size;
	dsr = gru_emu_dsr(run, cbe->idef4cpy + i * sizeof(index),
			  sizeof(index));
	if (!dsr)
		return -1UL;
	return cbe->idef1upd + gru_emu_peek(dsr, sizeof(index)) * run->size;
}

static bool gru_emu_is_dense(struct gru_emu_run *run)
{
	return run->cbe->opccpy != OP_IVLOAD &&
	       run->cbe->opccpy != OP_IVSTORE && run->cbe->idef6cpy == 1;
}

/* Move @nr elements that lie one after the other, beginning with @i. */
static enum gru_emu_result gru_emu_run_of(struct gru_emu_run *run, void *mem,
					  unsigned long i, unsigned long nr)
{
	struct gru_control_block_extended *cbe = run->cbe;
	void *dsr;

	if (cbe->opccpy == OP_VSET) {
		gru_emu_set(mem, cbe->idef3upd, run->size, nr);
		return GRU_EMU_DONE;
	}
	dsr = gru_emu_dsr(run, cbe->idef2cpy + i * run->size, nr * run->size);
	if (!dsr)
		return gru_emu_except(run,
				      CBE_CAUSE_DATA_SEGMENT_LIMIT_EXCEPTION);
	if (cbe->opccpy == OP_VLOAD || cbe->opccpy == OP_IVLOAD)
		gru_emu_move(dsr, mem, nr * run->size);
	else
		gru_emu_move(mem, dsr, nr * run->size);
	return GRU_EMU_DONE;
}

static enum gru_emu_result gru_emu_elements(struct gru_emu_run *run,
					    unsigned long i, unsigned long *nr)
{
	bool write = run->cbe->opccpy != OP_VLOAD &&
		     run->cbe->opccpy != OP_IVLOAD;
	unsigned long vaddr = gru_emu_element(run, i), left;
	enum gru_emu_result result;
	void *mem;

	if (vaddr == -1UL)
		return gru_emu_except(run,
				      CBE_CAUSE_DATA_SEGMENT_LIMIT_EXCEPTION);
	if (!gru_emu_fits(run, vaddr))
		return gru_emu_except(run, CBE_CAUSE_INVALID_INSTRUCTION);
	result = gru_emu_translate(run, vaddr, write, &mem, &left);
	if (result != GRU_EMU_DONE)
		return result;
	*nr = gru_emu_is_dense(run) ? min(*nr, left / run->size) : 1;
	return gru_emu_run_of(run, mem, i, *nr);
}

/* VLOAD, VSTORE, VSET, IVLOAD, IVSTORE */
static enum gru_emu_result gru_emu_vector(struct gru_emu_run *run)
{
	unsigned long budget = GRU_EMU_CHUNK / run->size, done = 0, nr;
	struct gru_control_block_extended *cbe = run->cbe;
	enum gru_emu_result result = GRU_EMU_DONE;

	while (done < budget && done < cbe->idef5upd) {
		nr = min(budget - done, cbe->idef5upd - done);
		result = gru_emu_elements(run, cbe->idef5cpy - cbe->idef5upd +
					  done, &nr);
		if (result != GRU_EMU_DONE)
			break;
		done += nr;
	}
	/* What was done needs not be done again. */
	if (done && result == GRU_EMU_MISSED)
		return gru_emu_progress(run, done);
	if (result != GRU_EMU_DONE)
		return result;
	return gru_emu_progress(run, done);
}

/* Through the buffer in the data segment, as much as fits, page by page. */
static enum gru_emu_result gru_emu_bcopy(struct gru_emu_run *run)
{
	struct gru_control_block_extended *cbe = run->cbe;
	unsigned long room = (unsigned long)cbe->idef4cpy *
			     GRU_CACHE_LINE_BYTES;
	unsigned long bytes = cbe->idef5upd * run->size, left;
	enum gru_emu_result result;
	void *from, *to, *dsr;

	if (!gru_emu_fits(run, cbe->idef1upd | cbe->idef3upd) || !room)
		return gru_emu_except(run, CBE_CAUSE_INVALID_INSTRUCTION);
	cbe->idef6cpy = DIV_ROUND_UP(bytes, GRU_CACHE_LINE_BYTES);
	result = gru_emu_translate(run, cbe->idef1upd, false, &from, &left);
	if (result != GRU_EMU_DONE)
		return result;
	room = min_t(unsigned long, room, GRU_EMU_CHUNK);
	bytes = min3(bytes, left, room);
	result = gru_emu_translate(run, cbe->idef3upd, true, &to, &left);
	if (result != GRU_EMU_DONE)
		return result;
	bytes = min(bytes, left);
	dsr = gru_emu_dsr(run, cbe->idef2cpy, bytes);
	if (!dsr)
		return gru_emu_except(run,
				      CBE_CAUSE_DATA_SEGMENT_LIMIT_EXCEPTION);
	gru_emu_move(dsr, from, bytes);
	gru_emu_move(to, dsr, bytes);
	cbe->idef1upd += bytes;
	cbe->idef3upd += bytes;
	return gru_emu_progress(run, bytes / run->size);
}

/* What GAMIR and GAMER store in place of @old; false if they do not. */
static bool gru_emu_amo_value(const struct gru_control_block_extended *cbe,
			      unsigned int size, unsigned long old,
			      unsigned long *new)
{
	unsigned long op1 = cbe->idef6cpy, op2 = cbe->idef3upd;

	switch (cbe->opccpy << 8 | cbe->exopccpy) {
	case OP_GAMIR << 8 | EOP_IR_CLR:
		*new = 0;
		return true;
	case OP_GAMIR << 8 | EOP_IR_INC:
		*new = old + 1;
		return true;
	case OP_GAMIR << 8 | EOP_IR_DEC:
		*new = old - 1;
		return true;
	case OP_GAMER << 8 | EOP_ER_SWAP:
		*new = op1;
		return true;
	case OP_GAMER << 8 | EOP_ER_OR:
		*new = old | op1;
		return true;
	case OP_GAMER << 8 | EOP_ER_AND:
		*new = old & op1;
		return true;
	case OP_GAMER << 8 | EOP_ER_XOR:
		*new = old ^ op1;
		return true;
	case OP_GAMER << 8 | EOP_ER_ADD:
		*new = old + op1;
		return true;
	case OP_GAMER << 8 | EOP_ER_CSWAP:
		*new = op1;
		return old == (size == 8 ? op2 : (u32)op2);
	default:
		return false;
	}
}

static bool gru_emu_amo_is_known(const struct gru_control_block_extended *cbe)
{
	unsigned long new;

	if (cbe->opccpy == OP_GAMXR)
		return cbe->exopccpy == EOP_XR_CSWAP &&
		       cbe->xtypecpy == XTYPE_DW;
	if (cbe->xtypecpy != XTYPE_W && cbe->xtypecpy != XTYPE_DW)
		return false;
	if (cbe->opccpy == OP_GAMIR && cbe->exopccpy == EOP_IR_FETCH)
		return true;
	if (cbe->opccpy == OP_GAMER && cbe->exopccpy == EOP_ER_CSWAP)
		return true;
	return gru_emu_amo_value(cbe, 8, 0, &new);
}

/* GAMIR, GAMER: load, compute, store; the user finds what was loaded. */
static enum gru_emu_result gru_emu_amo(struct gru_emu_run *run)
{
	struct gru_control_block_extended *cbe = run->cbe;
	bool fetch = cbe->opccpy == OP_GAMIR && cbe->exopccpy == EOP_IR_FETCH;
	unsigned long old, new, left;
	enum gru_emu_result result;
	void *mem;

	if (!gru_emu_fits(run, cbe->idef1upd))
		return gru_emu_except(run, CBE_CAUSE_INVALID_INSTRUCTION);
	result = gru_emu_translate(run, cbe->idef1upd, !fetch, &mem, &left);
	if (result != GRU_EMU_DONE)
		return result;
	old = gru_emu_peek(mem, run->size);
	do {
		if (!gru_emu_amo_value(cbe, run->size, old, &new))
			break;
	} while (!gru_emu_exchange(mem, run->size, &old, new));
	WRITE_ONCE(run->cb->avalue, old);
	return GRU_EMU_DONE;
}

/*
 * GAMXR: a comparison and an exchange, of some bits each.  How operands are
 * passed is not public; here four words of the data segment are: what to
 * compare with, which bits of it, what to store, which bits of it.
 */
static enum gru_emu_result gru_emu_amo_masked(struct gru_emu_run *run)
{
	struct gru_control_block_extended *cbe = run->cbe;
	u64 operand[4];
	unsigned long old, left;
	enum gru_emu_result result;
	void *mem, *dsr;

	dsr = gru_emu_dsr(run, cbe->idef2cpy, sizeof(operand));
	if (!dsr)
		return gru_emu_except(run,
				      CBE_CAUSE_DATA_SEGMENT_LIMIT_EXCEPTION);
	if (!gru_emu_fits(run, cbe->idef1upd))
		return gru_emu_except(run, CBE_CAUSE_INVALID_INSTRUCTION);
	result = gru_emu_translate(run, cbe->idef1upd, true, &mem, &left);
	if (result != GRU_EMU_DONE)
		return result;
	gru_emu_move(operand, dsr, sizeof(operand));
	old = gru_emu_peek(mem, 8);
	do {
		if ((old ^ operand[0]) & operand[1])
			break;
	} while (!gru_emu_exchange(mem, 8, &old,
				   (old & ~operand[3]) |
				   (operand[2] & operand[3])));
	WRITE_ONCE(run->cb->avalue, old);
	return GRU_EMU_DONE;
}

static enum gru_emu_result gru_emu_refuse(struct gru_emu_run *run,
					  unsigned int substatus)
{
	run->ecause = 0;
	run->substatus = substatus;
	return GRU_EMU_FAILED;
}

/*
 * MESQ: take the next lines of a queue, whose first word says which these are
 * and where the queue ends, and store a message there.
 */
static enum gru_emu_result gru_emu_message(struct gru_emu_run *run)
{
	struct gru_control_block_extended *cbe = run->cbe;
	unsigned long lines = cbe->idef5cpy, old, left;
	union gru_mesqhead head, next;
	enum gru_emu_result result;
	void *queue, *dsr;

	dsr = gru_emu_dsr(run, cbe->idef2cpy, lines * GRU_CACHE_LINE_BYTES);
	if (!dsr)
		return gru_emu_except(run,
				      CBE_CAUSE_DATA_SEGMENT_LIMIT_EXCEPTION);
	result = gru_emu_translate(run, cbe->idef1upd, true, &queue, &left);
	if (result != GRU_EMU_DONE)
		return result;
	old = gru_emu_peek(queue, 8);
	do {
		head.val = old;
		WRITE_ONCE(run->cb->avalue, old);
		if (head.head > head.limit || lines > head.limit - head.head)
			return gru_emu_refuse(run, CBSS_QLIMIT_REACHED);
		if ((head.head + lines) * GRU_CACHE_LINE_BYTES > left)
			return gru_emu_refuse(run, CBSS_PAGE_OVERFLOW);
		next = head;
		next.head += lines;
	} while (!gru_emu_exchange(queue, 8, &old, next.val));
	gru_emu_post(queue + (unsigned long)head.head * GRU_CACHE_LINE_BYTES,
		     dsr, lines);
	return GRU_EMU_DONE;
}

/**
 * gru_emu_check() - whether an instruction can be run at all
 * @run: instruction; its element size is filled in
 *
 * Return: 0, or CBE_CAUSE_* why not.
 */
unsigned int gru_emu_check(struct gru_emu_run *run)
{
	struct gru_control_block_extended *cbe = run->cbe;
	bool known;

	run->size = gru_emu_size(cbe->xtypecpy);
	switch (cbe->opccpy) {
	case OP_NOP:
		return 0;
	case OP_VLOAD:
	case OP_VSTORE:
	case OP_VSET:
	case OP_IVLOAD:
	case OP_IVSTORE:
	case OP_BCOPY:
		/* A count that no segment of an address space holds. */
		known = run->size && cbe->idef5cpy < BIT(48);
		break;
	case OP_GAMIR:
	case OP_GAMER:
	case OP_GAMXR:
		known = gru_emu_amo_is_known(cbe);
		break;
	case OP_MESQ:
		known = cbe->xtypecpy == XTYPE_CL && cbe->idef5cpy &&
			cbe->idef5cpy <= 2 && gru_emu_fits(run, cbe->idef1upd);
		break;
	default:
		known = false;
		break;
	}
	if (!known)
		return CBE_CAUSE_INVALID_INSTRUCTION;
	if (cbe->imacpy & IMA_UNMAPPED && !run->ctx->unmapped)
		return CBE_CAUSE_UNMAPPED_MODE_FORBIDDEN;
	/* Registers and uncached memory are not there to be accessed. */
	return cbe->iaa0cpy == IAA_RAM && cbe->iaa1cpy == IAA_RAM ? 0 :
		CBE_CAUSE_IAA_GAA_MISMATCH;
}

/**
 * gru_emu_execute() - run a chunk of an instruction
 * @run: instruction, for which gru_emu_check() has returned 0
 *
 * Context: the chip's lock is held, so what is translated stays so.
 * Return: what came of it.
 */
enum gru_emu_result gru_emu_execute(struct gru_emu_run *run)
{
	lockdep_assert_held(&run->chip->lock);
	switch (run->cbe->opccpy) {
	case OP_NOP:
		return GRU_EMU_DONE;
	case OP_GAMIR:
	case OP_GAMER:
		return gru_emu_amo(run);
	case OP_GAMXR:
		return gru_emu_amo_masked(run);
	case OP_MESQ:
		return gru_emu_message(run);
	default:
		break;
	}
	if (!run->cbe->idef5upd)
		return GRU_EMU_DONE;
	return run->cbe->opccpy == OP_BCOPY ? gru_emu_bcopy(run) :
					      gru_emu_vector(run);
}
