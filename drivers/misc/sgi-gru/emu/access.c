// SPDX-License-Identifier: GPL-2.0
/*
 * What instructions do to memory.
 *
 * This is a device at work, and not the kernel: it stores to whatever page its
 * TLB names, and races with user space and other devices as these please.  So
 * the sanitizers do not look at this file (see the Makefile).
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "emu.h"

static enum gru_emu_result gru_emu_fails(struct gru_emu_run *run,
					 unsigned int ecause)
{
	run->ecause = ecause;
	return GRU_EMU_FAILED;
}

static enum gru_emu_result gru_emu_map(struct gru_emu_run *run,
				       unsigned long paddr, void **mem)
{
	if (!pfn_valid(PHYS_PFN(paddr)))
		return gru_emu_fails(run, CBE_CAUSE_ADDRESS_SPACE_DECODE_ERROR);
	*mem = phys_to_virt(paddr);
	return GRU_EMU_DONE;
}

static enum gru_emu_result gru_emu_misses(struct gru_emu_run *run,
					  unsigned long vaddr,
					  enum tfh_cause cause)
{
	run->vaddr = vaddr;
	run->cause = cause;
	return GRU_EMU_MISSED;
}

/**
 * gru_emu_translate() - find the memory that an address stands for
 * @run:   instruction; the chip's lock is held
 * @vaddr: address, virtual or (in a context that may) global physical
 * @write: whether it is to be stored to
 * @mem:   where to return it
 * @left:  where to return how much of the page begins there
 *
 * What is returned is valid until the lock is released.
 *
 * Return: GRU_EMU_DONE, or GRU_EMU_MISSED or GRU_EMU_FAILED with @run told why.
 */
enum gru_emu_result gru_emu_translate(struct gru_emu_run *run,
				      unsigned long vaddr, bool write,
				      void **mem, unsigned long *left)
{
	unsigned int region = vaddr >> 61;
	struct gru_emu_entry *entry;
	unsigned long offset;

	lockdep_assert_held(&run->chip->lock);
	if (run->cbe->imacpy & IMA_UNMAPPED) {
		*left = PAGE_SIZE - offset_in_page(vaddr);
		return gru_emu_map(run, vaddr, mem);
	}
	entry = gru_emu_tlb_find(run->chip, run->ctx->asid[region],
				 run->ctx->sizes[region], vaddr);
	if (!entry)
		return gru_emu_misses(run, vaddr, TFHCAUSE_TLB_MISS);
	if (write && !entry->dirty)
		return gru_emu_misses(run, vaddr, TFHCAUSE_TLB_MOD);
	offset = vaddr - entry->vaddr;
	*left = BIT(gru_emu_shift(entry->size)) - offset;
	return gru_emu_map(run, (entry->pfn << GRU_PADDR_SHIFT) + offset, mem);
}

/**
 * gru_emu_dsr() - a part of the data segment
 * @run:    instruction
 * @offset: where it begins
 * @bytes:  how long it is
 *
 * Return: its address, or NULL if the context has not got that much.
 */
void *gru_emu_dsr(struct gru_emu_run *run, unsigned long offset,
		  unsigned long bytes)
{
	unsigned long limit = run->ctx->dsr_bytes;

	if (offset > limit || bytes > limit - offset)
		return NULL;
	return run->dsr + offset;
}

static bool gru_emu_is_aligned(const void *a, const void *b,
			       unsigned long bytes)
{
	return IS_ALIGNED((unsigned long)a | (unsigned long)b | bytes, 8);
}

/**
 * gru_emu_move() - copy
 * @to:    where to
 * @from:  where from, not overlapping
 * @bytes: how much
 *
 * Aligned words are stored whole, as others may look at them meanwhile.
 */
void gru_emu_move(void *to, const void *from, unsigned long bytes)
{
	const u64 *word = from;
	u64 *dest = to;

	if (!gru_emu_is_aligned(to, from, bytes)) {
		if (bytes <= 8)
			gru_emu_set(to, gru_emu_peek(from, bytes), bytes, 1);
		else
			memmove(to, from, bytes);
		return;
	}
	for (; bytes; bytes -= 8)
		WRITE_ONCE(*dest++, READ_ONCE(*word++));
}

static void gru_emu_set_one(void *to, unsigned long value, unsigned int size)
{
	switch (size) {
	case 1:
		WRITE_ONCE(*(u8 *)to, value);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)to, value);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)to, value);
		break;
	case 8:
		WRITE_ONCE(*(u64 *)to, value);
		break;
	default:
		memcpy(to, &value, min_t(unsigned int, size, 8));
		break;
	}
}

/**
 * gru_emu_set() - store the same again and again
 * @to:    where to
 * @value: what
 * @size:  bytes of each; of a cache line, each word is @value
 * @nr:    how many
 */
void gru_emu_set(void *to, unsigned long value, unsigned int size,
		 unsigned long nr)
{
	if (size == GRU_CACHE_LINE_BYTES) {
		nr *= size / 8;
		size = 8;
	}
	for (; nr; nr--, to += size)
		gru_emu_set_one(to, value, size);
}

/**
 * gru_emu_peek() - load a number
 * @mem:  from where
 * @size: of how many bytes, 8 at most
 *
 * Return: the number.
 */
unsigned long gru_emu_peek(const void *mem, unsigned int size)
{
	unsigned long value = 0;

	switch (size) {
	case 1:
		return READ_ONCE(*(u8 *)mem);
	case 2:
		return READ_ONCE(*(u16 *)mem);
	case 4:
		return READ_ONCE(*(u32 *)mem);
	case 8:
		return READ_ONCE(*(u64 *)mem);
	default:
		memcpy(&value, mem, min_t(unsigned int, size, 8));
		return value;
	}
}

/**
 * gru_emu_exchange() - compare and exchange, against processors and chips
 * @mem:  4 or 8 bytes, aligned
 * @size: which
 * @old:  what is expected; if that is not there, what is
 * @new:  what to store
 *
 * Return: whether it was stored.
 */
bool gru_emu_exchange(void *mem, unsigned int size, unsigned long *old,
		      unsigned long new)
{
	u32 word = *old;
	bool done;

	if (size == 8)
		return try_cmpxchg((unsigned long *)mem, old, new);
	done = try_cmpxchg((u32 *)mem, &word, new);
	*old = word;
	return done;
}

/**
 * gru_emu_post() - store a message, its first word last
 * @to:    the queue's lines
 * @from:  the message
 * @lines: how many cache lines
 *
 * A receiver waits for the first word of each line.
 */
void gru_emu_post(void *to, const void *from, unsigned int lines)
{
	for (; lines; lines--) {
		gru_emu_move(to + 8, from + 8, GRU_CACHE_LINE_BYTES - 8);
		/* Whoever sees the first word sees the line. */
		smp_store_release((u64 *)to, READ_ONCE(*(u64 *)from));
		to += GRU_CACHE_LINE_BYTES;
		from += GRU_CACHE_LINE_BYTES;
	}
}
