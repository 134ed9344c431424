/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An emulated GRU: what its parts share.
 *
 * A chiplet is memory, laid out as the driver expects it, and whoever plays
 * the hardware behind it:
 *
 *  - the issuer of an operation on a handle (CCH, TFH, TGH), at once, before
 *    gru_emu_operate() returns (mcs.c, cch.c);
 *  - the engine, a thread for each chiplet that looks for control blocks with
 *    the start bit set, and runs their instructions (engine.c); with the knob
 *    "step", whoever writes to "run" does that instead.
 *
 * Locks.  gru_emu_chip::lock protects all that is in struct gru_emu_chip but
 * where a field says otherwise, and what the chip writes into its memory.  It
 * is held for one operation on a handle, or for one chunk of one instruction:
 * a few translations, and at most GRU_EMU_CHUNK bytes moved.  It is the
 * innermost lock: the driver issues operations under any lock of its own, and
 * in interrupts, so it is taken with interrupts off, and nothing of the driver
 * is called while it is held.  Interrupts are therefore raised without it, see
 * irq.c.
 *
 * Why no access is in flight when a TGH operation is complete.  An instruction
 * uses what a TLB entry names only in the section in which it has looked the
 * entry up.  The operation takes the lock to remove entries.  A section that
 * found one of them has ended by then, with its last load and store before the
 * unlock; a later section does not find it.  So whoever issued the operation
 * may, after it, have the page freed.
 *
 * Memory order.  Control blocks are shared with user space, without a lock.
 * The load of word 0 with the start bit (A) is an acquire, so that operands
 * stored before the start bit are seen; the store of the final status (B) is a
 * release, so that whoever sees it sees the data, too.
 *
 * What an instruction does to memory it does through the kernel's mapping of
 * the physical page that the TLB entry names.  If a flush was lost, the page
 * is somebody else's by now, and its data is corrupted: as with hardware.
 */
#ifndef _GRU_EMU_EMU_H
#define _GRU_EMU_EMU_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "../grutables.h"

/* How much one section of the chip's lock moves, at most. */
#define GRU_EMU_CHUNK		4096
/* The driver takes it for granted that this many counts purge all rows. */
#define GRU_EMU_ROWS		GRUMAXINVAL
#define GRU_EMU_MAX_BLADES	2
#define GRU_EMU_MAX_CHIPS	(GRU_EMU_MAX_BLADES * GRU_CHIPLETS_PER_BLADE)

enum gru_emu_count {
	GRU_EMU_INSTRUCTIONS,	/* started */
	GRU_EMU_CHUNKS,		/* sections that made progress */
	GRU_EMU_EXCEPTIONS,
	GRU_EMU_MISSES,		/* nothing in the TLB */
	GRU_EMU_MODS,		/* a store through an entry that may not */
	GRU_EMU_TO_POLLING,	/* misses handed to the user */
	GRU_EMU_INTERRUPTS,
	GRU_EMU_NO_CPU,		/* nobody to interrupt: made a user's miss */
	GRU_EMU_DROPINS,
	GRU_EMU_PRELOADS,	/* dropped in without a restart */
	GRU_EMU_DISCARDED,	/* dropped in after a flush, and ignored */
	GRU_EMU_LATE,		/* commands for a miss that is gone */
	GRU_EMU_RESTARTS,
	GRU_EMU_REPLAYS,	/* instructions that had to start over */
	GRU_EMU_TGH,
	GRU_EMU_TGH_LOST,	/* by the knob */
	GRU_EMU_TGH_EMPTY,	/* that found nothing to purge */
	GRU_EMU_TGH_GLOBAL,	/* of all ASIDs */
	GRU_EMU_PURGED,
	GRU_EMU_PURGED_BESIDE,	/* of pages that were not named */
	GRU_EMU_TLB_FULL,	/* all entries thrown away, for want of room */
	GRU_EMU_CCH,
	GRU_EMU_CCH_REFUSED,
	GRU_EMU_LOADS,		/* contexts allocated */
	GRU_EMU_STATUS_AGAIN,	/* a status that was overwritten, restored */
	GRU_EMU_STALE,		/* entries that the oracle objected to */
	GRU_EMU_COUNTS
};

/**
 * struct gru_emu_entry - what the TLB knows of one page
 * @row:   in gru_emu_tlb.rows
 * @vaddr: aligned to the size
 * @pfn:   of its first 4 KiB
 * @asid:  of a region of an address space
 * @size:  as the chip encodes it, see GRU_PAGESIZE()
 * @dirty: it may be stored to
 */
struct gru_emu_entry {
	struct hlist_node	row;
	unsigned long		vaddr;
	unsigned long		pfn;
	unsigned int		asid;
	unsigned char		size;
	bool			dirty;
};

/**
 * struct gru_emu_tlb - entries by row; the row is the low part of the page's
 *	number, in pages of the entry's own size
 * @rows: all entries
 * @nr:   how many there are
 */
struct gru_emu_tlb {
	struct hlist_head	rows[GRU_EMU_ROWS];
	unsigned int		nr;
};

enum gru_emu_cbr_state {
	GRU_EMU_IDLE,
	GRU_EMU_RUN,
	GRU_EMU_MISS,		/* waits for what the driver does to its TFH */
};

/**
 * struct gru_emu_cbr - a control block register
 * @state:    what it does
 * @fmm:      in GRU_EMU_MISS: signalled in the fault map
 * @flushed:  in GRU_EMU_MISS: a flush came since
 * @finished: @result is valid
 * @ctx:      the context that has allocated it, -1 for none
 * @line:     which of the context's control blocks it is
 * @result:   word 0 of the control block as the last instruction left it
 *
 * What an instruction needs to go on is in the CBE, in the chip's memory: the
 * driver saves and restores that when it moves a context.
 */
struct gru_emu_cbr {
	enum gru_emu_cbr_state	state;
	bool			fmm;
	bool			flushed;
	bool			finished;
	int			ctx;
	int			line;
	unsigned long		result;
};

/**
 * struct gru_emu_ctx - a context, as its CCH described it when it was last
 *	allocated or started
 * @state:     enum gru_cch_state
 * @unmapped:  physical addresses are allowed
 * @fmm:       misses set bits in the fault map
 * @tlb_int:   and interrupt
 * @cb_int:    instructions that ask for it interrupt when done
 * @select:    which fault map
 * @asid:      of each eighth of the address space
 * @sizes:     bits of page sizes that are looked up, likewise
 * @dsr_bytes: of its data segment
 * @nr_cbr:    of its control blocks
 * @cbr:       which registers these are
 */
struct gru_emu_ctx {
	enum gru_cch_state	state;
	bool			unmapped;
	bool			fmm;
	bool			tlb_int;
	bool			cb_int;
	unsigned int		select;
	unsigned int		asid[8];
	unsigned short		sizes[8];
	unsigned int		dsr_bytes;
	unsigned int		nr_cbr;
	unsigned char		cbr[GRU_NUM_CBE];
};

/**
 * struct gru_emu_chip - a chiplet
 * @lock:     see above
 * @base:     its memory; constant
 * @gid:      as the driver counts; constant
 * @active:   contexts whose instructions are run; read without the lock, too
 * @irqs:     fault maps whose processor is to be interrupted; atomic
 * @irq_busy: handlers that run; atomic
 * @engine:   the thread; constant
 * @wait:     where it waits for a context to run
 * @ctx:      contexts
 * @cbr:      control block registers
 * @tlb:      translations
 * @count:    what happened
 */
struct gru_emu_chip {
	/* innermost; all fields but those that say otherwise */
	spinlock_t		lock;
	void			*base;
	unsigned int		gid;
	unsigned long		active;
	unsigned long		irqs;
	atomic_t		irq_busy;
	struct task_struct	*engine;
	wait_queue_head_t	wait;
	struct gru_emu_ctx	ctx[GRU_NUM_CCH];
	struct gru_emu_cbr	cbr[GRU_NUM_CBE];
	struct gru_emu_tlb	tlb;
	unsigned long		count[GRU_EMU_COUNTS];
};

/**
 * struct gru_emu_knobs - what tests turn; each word is read and written whole
 * @step:        instructions run only when told to
 * @strict:      TGH: exactly the pages named, in the size named; otherwise all
 *		 entries of the ASID in the rows that these pages fall into
 * @magic:       a flush makes the chip ignore the answer to a miss before it
 * @lose_tgh:    the how manieth flush from now on is lost, 0 for none
 * @hold_dropin: the driver waits between translating a miss and answering it
 * @watch:       the oracle looks after each pass of the engine
 */
struct gru_emu_knobs {
	bool			step;
	bool			strict;
	bool			magic;
	bool			hold_dropin;
	bool			watch;
	atomic_t		lose_tgh;
};

/**
 * struct gru_emu - the machine
 * @paddr: of all chiplets' memory
 * @vaddr: the same, in the kernel's mapping
 * @blades: how many
 * @nr:    chiplets
 * @chip:  each
 * @knobs: see there
 * @held:  drop-ins that wait, see gru_emu_knobs.hold_dropin
 * @hold_wait: where
 */
struct gru_emu {
	unsigned long		paddr;
	void			*vaddr;
	unsigned int		blades;
	unsigned int		nr;
	struct gru_emu_chip	*chip[GRU_EMU_MAX_CHIPS];
	struct gru_emu_knobs	knobs;
	atomic_t		held;
	wait_queue_head_t	hold_wait;
};

extern struct gru_emu gru_emu;

/* What came of a chunk. */
enum gru_emu_result {
	GRU_EMU_DONE,
	GRU_EMU_MORE,
	GRU_EMU_MISSED,
	GRU_EMU_FAILED,
};

/**
 * struct gru_emu_run - an instruction while a chunk of it is run
 * @chip:      where
 * @ctx:       its context
 * @cbr:       its register
 * @nr:        the number of that
 * @cb:        the control block, shared with the user
 * @cbe:       its progress
 * @dsr:       the data segment, shared with the user
 * @size:      bytes of an element
 * @vaddr:     GRU_EMU_MISSED: what was not translated
 * @cause:     GRU_EMU_MISSED: enum tfh_cause
 * @ecause:    GRU_EMU_FAILED: CBE_CAUSE_*, or 0 if @substatus says why
 * @substatus: CBSS_*
 */
struct gru_emu_run {
	struct gru_emu_chip			*chip;
	struct gru_emu_ctx			*ctx;
	struct gru_emu_cbr			*cbr;
	unsigned int				nr;
	struct gru_instruction			*cb;
	struct gru_control_block_extended	*cbe;
	void					*dsr;
	unsigned int				size;
	unsigned long				vaddr;
	enum tfh_cause				cause;
	unsigned int				ecause;
	unsigned int				substatus;
};

static inline void gru_emu_count(struct gru_emu_chip *chip,
				 enum gru_emu_count what)
{
	lockdep_assert_held(&chip->lock);
	chip->count[what]++;
}

static inline unsigned int gru_emu_shift(unsigned int size)
{
	/* The inverse of GRU_PAGESIZE(): 12, 14, ... 20, then 21, 22, 24, ... */
	if (size < 5)
		return 12 + 2 * size;
	return size == 5 ? 21 : 10 + 2 * size;
}

/* chip.c */
struct gru_emu_chip *gru_emu_chip_of(const void *address);

/* uv.c */
int gru_emu_uv_init(unsigned int blades);
void gru_emu_uv_exit(void);

/* tlb.c */
int gru_emu_tlb_init(void);
void gru_emu_tlb_exit(void);
struct gru_emu_entry *gru_emu_tlb_find(struct gru_emu_chip *chip,
				       unsigned int asid, unsigned short sizes,
				       unsigned long vaddr);
void gru_emu_tlb_insert(struct gru_emu_chip *chip,
			const struct gru_emu_entry *entry);
void gru_emu_tlb_clear(struct gru_emu_chip *chip);
void gru_emu_tlb_flush(struct gru_emu_chip *chip,
		       const struct gru_tlb_global_handle *tgh);

/* status.c */
/* The start bit of a control block, in its word 0. */
#define GRU_EMU_ICMD	BIT(GRU_CB_ICMD_SHFT)

void gru_emu_finish(void *handle, unsigned int status);
struct gru_instruction *gru_emu_cb(struct gru_emu_chip *chip, unsigned int ctx,
				   unsigned int line);
void gru_emu_set_status(struct gru_instruction *cb, unsigned int status);
void gru_emu_complete(struct gru_emu_chip *chip, unsigned int nr,
		      unsigned int status, unsigned int substatus);
void gru_emu_fault(struct gru_emu_chip *chip, unsigned int nr,
		   unsigned int ecause);
void gru_emu_restart(struct gru_emu_chip *chip, unsigned int nr);
void gru_emu_poll(struct gru_emu_chip *chip, unsigned int nr);

/* cch.c */
void gru_emu_cch(struct gru_emu_chip *chip, unsigned int nr);

/* engine.c */
unsigned long gru_emu_pass(struct gru_emu_chip *chip, unsigned long limit);
int gru_emu_engine_start(struct gru_emu_chip *chip);
void gru_emu_engine_stop(struct gru_emu_chip *chip);

/* instructions.c */
unsigned int gru_emu_check(struct gru_emu_run *run);
enum gru_emu_result gru_emu_execute(struct gru_emu_run *run);

/* access.c */
enum gru_emu_result gru_emu_translate(struct gru_emu_run *run,
				      unsigned long vaddr, bool write,
				      void **mem, unsigned long *left);
void *gru_emu_dsr(struct gru_emu_run *run, unsigned long offset,
		  unsigned long bytes);
void gru_emu_move(void *to, const void *from, unsigned long bytes);
void gru_emu_set(void *to, unsigned long value, unsigned int size,
		 unsigned long nr);
bool gru_emu_exchange(void *mem, unsigned int size, unsigned long *old,
		      unsigned long new);
unsigned long gru_emu_peek(const void *mem, unsigned int size);
void gru_emu_post(void *to, const void *from, unsigned int lines);

/* irq.c */
void gru_emu_raise(struct gru_emu_chip *chip);
void gru_emu_irq_sync(struct gru_emu_chip *chip);

/* oracle.c */
struct gru_emu_verdict {
	unsigned long		checked;
	unsigned long		stale;
	struct gru_emu_entry	first;
	unsigned int		gid;
	unsigned long		primary;
};

void gru_emu_oracle(struct gru_emu_chip *chip, struct gru_emu_verdict *verdict);

#endif /* _GRU_EMU_EMU_H */
