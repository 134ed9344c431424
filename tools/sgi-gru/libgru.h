/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libgru - programs that use an SGI GRU, or an emulated one
 *
 * A GRU copies, gathers, scatters, and does atomic operations and message
 * queues on a program's own memory, beside its processors.  It is told what to
 * do by instructions, of 64 bytes, that are stored into control blocks; data
 * that instructions load and store passes through a data segment.  Both are in
 * a segment of 256 KiB, which the kernel maps.
 *
 *	struct gru gru;
 *
 *	if (gru_open(&gru, 1, 1024, GRU_MISS_POLL))
 *		err(1, "gru_open");
 *	if (gru_copy(&gru, 0, to, from, bytes))
 *		errx(1, "gru_copy: cause %#x", gru_cause(&gru, 0));
 *	gru_close(&gru);
 *
 * The chip translates addresses with a TLB of its own, and asks the kernel for
 * what is not in there: with GRU_MISS_POLL, gru_wait() does so; otherwise an
 * interrupt makes the kernel look, which may leave it to gru_wait() as well.
 * So a program must be waiting for its instructions to get on.
 *
 * A segment belongs to one thread at a time; each control block may belong to
 * a thread of its own once gru_open() has returned.
 */
#ifndef _LIBGRU_H
#define _LIBGRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Operations, and the variants of atomic ones. */
enum gru_operation {
	GRU_DO_NOTHING		= 0x00,
	GRU_DO_COPY		= 0x01,	/* from memory to memory */
	GRU_DO_LOAD		= 0x02,	/* to the data segment, by stride */
	GRU_DO_GATHER		= 0x03,	/* the same, by index */
	GRU_DO_STORE		= 0x04,	/* from the data segment, by stride */
	GRU_DO_SCATTER		= 0x05,	/* the same, by index */
	GRU_DO_FILL		= 0x06,
	GRU_DO_SEND		= 0x08,	/* to a message queue */
	GRU_DO_ATOMIC_MASKED	= 0x09,
	GRU_DO_ATOMIC		= 0x0a,	/* without operands */
	GRU_DO_ATOMIC_WITH	= 0x0c,	/* with operands */
};

enum gru_atomic {
	GRU_ATOMIC_FETCH	= 0x01,
	GRU_ATOMIC_CLEAR	= 0x02,
	GRU_ATOMIC_INC		= 0x05,
	GRU_ATOMIC_DEC		= 0x07,
};

enum gru_atomic_with {
	GRU_ATOMIC_SWAP		= 0x00,
	GRU_ATOMIC_OR		= 0x01,
	GRU_ATOMIC_AND		= 0x02,
	GRU_ATOMIC_XOR		= 0x03,
	GRU_ATOMIC_ADD		= 0x04,
	GRU_ATOMIC_CMPXCHG	= 0x08,	/* operand 1 if operand 2 is there */
};

enum gru_atomic_masked {
	GRU_ATOMIC_CMPXCHG_BITS	= 0x0b,
};

/* What an element is. */
enum gru_element {
	GRU_8BIT		= 0,
	GRU_16BIT		= 1,
	GRU_32BIT		= 2,
	GRU_64BIT		= 3,
	GRU_LINE		= 6,	/* 64 bytes */
};

/* How an instruction is: what gru_poll() and gru_wait() return. */
enum gru_status {
	GRU_FINISHED		= 0,
	GRU_EXCEPTION		= 1,
	GRU_ACTIVE		= 2,
	GRU_NEEDS_KERNEL	= 3,	/* seen by gru_status() only */
};

/* Why there was an exception: bits of gru_cause(). */
enum gru_cause_bits {
	GRU_BAD_INSTRUCTION	= 1 << 1,
	GRU_NOT_UNMAPPED	= 1 << 2,	/* physical addresses */
	GRU_BAD_ATTRIBUTES	= 1 << 4,
	GRU_BAD_DATA_SEGMENT	= 1 << 5,
	GRU_BAD_ADDRESS		= 1 << 6,	/* no memory there */
};

/* Why a message was not sent: gru_substatus(). */
enum gru_message_status {
	GRU_QUEUE_FULL		= 2,
	GRU_QUEUE_PAGE_END	= 3,
};

/* Who finds out about TLB misses. */
enum gru_miss_mode {
	GRU_MISS_POLL		= 1,	/* the program */
	GRU_MISS_INTERRUPT	= 2,	/* the kernel */
};

#define GRU_SEGMENT_BYTES	(256 * 1024)
#define GRU_LINE_BYTES		64
#define GRU_DEVICE		"/dev/gru"

struct gru {
	char			*segment;
	int			fd;
	unsigned int		blocks;
	unsigned int		data_bytes;
};

/* An instruction; what an operation does not use stays 0. */
struct gru_instruction_words {
	enum gru_operation	operation;
	unsigned int		variant;	/* of atomic operations */
	enum gru_element	element;
	unsigned int		data;		/* offset in the data segment */
	unsigned int		data2;		/* indices; buffer's lines */
	const void		*address;
	uint64_t		count;
	uint64_t		operand;	/* or stride */
	uint64_t		operand2;	/* or second address, or value */
	bool			unmapped;	/* not for programs */
};

/* The machine. */
int gru_open(struct gru *gru, unsigned int blocks, unsigned int data_bytes,
	     enum gru_miss_mode mode);
int gru_open_preloading(struct gru *gru, unsigned int blocks,
			unsigned int data_bytes, enum gru_miss_mode mode,
			unsigned int pages);
int gru_place(struct gru *gru, int blade, int chiplet);
int gru_unload(struct gru *gru);
int gru_flush(struct gru *gru, const void *address, size_t bytes);
void gru_close(struct gru *gru);

/* Instructions. */
void *gru_data(struct gru *gru, unsigned int offset);
void gru_start(struct gru *gru, unsigned int block,
	       const struct gru_instruction_words *words);
enum gru_status gru_status(struct gru *gru, unsigned int block);
int gru_ask_kernel(struct gru *gru, unsigned int block);
enum gru_status gru_poll(struct gru *gru, unsigned int block);
enum gru_status gru_wait(struct gru *gru, unsigned int block);
uint64_t gru_value(struct gru *gru, unsigned int block);
unsigned int gru_substatus(struct gru *gru, unsigned int block);
int gru_cause(struct gru *gru, unsigned int block);

/* Whole jobs: 0, or GRU_EXCEPTION. */
int gru_copy(struct gru *gru, unsigned int block, void *to, const void *from,
	     size_t bytes);
int gru_fill(struct gru *gru, unsigned int block, void *to, uint64_t value,
	     size_t words);
int gru_gather(struct gru *gru, unsigned int block, void *to, const void *base,
	       const uint64_t *index, unsigned int count);
int gru_scatter(struct gru *gru, unsigned int block, void *base,
		const uint64_t *index, const void *from, unsigned int count);
int gru_atomic(struct gru *gru, unsigned int block, enum gru_atomic what,
	       uint64_t *word, uint64_t *old);
int gru_atomic_with(struct gru *gru, unsigned int block,
		    enum gru_atomic_with what, uint64_t *word,
		    uint64_t operand, uint64_t operand2, uint64_t *old);

/*
 * A queue of messages of up to 56 bytes, in one page: many senders, and one
 * receiver, which needs no GRU to receive.
 */
struct gru_queue {
	char			*lines;		/* a page */
	unsigned int		next;		/* what is received next */
};

#define GRU_QUEUE_MESSAGES	63
#define GRU_MESSAGE_BYTES	56

void gru_queue_init(struct gru_queue *queue, void *page);
int gru_send(struct gru *gru, unsigned int block, struct gru_queue *queue,
	     const void *message, unsigned int bytes);
bool gru_receive(struct gru_queue *queue, void *message, unsigned int bytes);

#endif /* _LIBGRU_H */
