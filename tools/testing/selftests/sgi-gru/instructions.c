// SPDX-License-Identifier: GPL-2.0
/*
 * Every instruction, with TLB misses that the program polls for and with such
 * that interrupt, on both chiplets.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "util.h"

#define BYTES	(8 * PAGE)

FIXTURE(instructions) {
	struct gru gru;
	char *mem;
	char *copy;
};

FIXTURE_VARIANT(instructions) {
	enum gru_miss_mode mode;
	int chiplet;
};

FIXTURE_VARIANT_ADD(instructions, poll_0) {
	.mode = GRU_MISS_POLL, .chiplet = 0,
};

FIXTURE_VARIANT_ADD(instructions, poll_1) {
	.mode = GRU_MISS_POLL, .chiplet = 1,
};

FIXTURE_VARIANT_ADD(instructions, interrupt_0) {
	.mode = GRU_MISS_INTERRUPT, .chiplet = 0,
};

FIXTURE_VARIANT_ADD(instructions, interrupt_1) {
	.mode = GRU_MISS_INTERRUPT, .chiplet = 1,
};

FIXTURE_SETUP(instructions)
{
	const char *why = why_no_gru();
	size_t i;

	if (why)
		SKIP(return, "%s", why);
	knobs_reset();
	ASSERT_EQ(0, gru_open(&self->gru, BLOCKS, DATA_BYTES, variant->mode));
	ASSERT_EQ(0, gru_place(&self->gru, 0, variant->chiplet));
	self->mem = memory(BYTES);
	ASSERT_NE(NULL, self->mem);
	self->copy = memory(BYTES);
	ASSERT_NE(NULL, self->copy);
	for (i = 0; i < BYTES; i++)
		self->mem[i] = i * 7 + (i >> 8);
}

/* Whatever was done: nothing is stale, and it was done where it should be. */
FIXTURE_TEARDOWN(instructions)
{
	bool expected = variant->mode == GRU_MISS_INTERRUPT &&
			counter("misses");
	unsigned int gid = variant->chiplet;

	EXPECT_EQ(0, oracle_stale());
	EXPECT_EQ(0, counter("tlb_full"));
	tlb_entries(self->mem, NULL, &gid);
	EXPECT_EQ(variant->chiplet, gid);
	EXPECT_EQ(expected, counter("interrupts") > 0);
	gru_close(&self->gru);
}

static const enum gru_element elements[] = {
	GRU_8BIT, GRU_16BIT, GRU_32BIT, GRU_64BIT, GRU_LINE,
};

static unsigned int bytes_of(enum gru_element element)
{
	return 1U << element;
}

TEST_F(instructions, nothing)
{
	struct gru_instruction_words words = { .operation = GRU_DO_NOTHING };

	gru_start(&self->gru, 0, &words);
	EXPECT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(1, counter("instructions"));
	EXPECT_EQ(0, counter("misses"));
}

TEST_F(instructions, load_each_size)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_LOAD,
		.data		= 64,
		.count		= 5,
		.operand	= 1,
	};
	unsigned int i, bytes;

	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		bytes = 5 * bytes_of(elements[i]);
		words.element = elements[i];
		words.address = self->mem + 2 * PAGE - 128;
		memset(gru_data(&self->gru, 0), 0xee, 1024);
		gru_start(&self->gru, 0, &words);
		ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
		EXPECT_EQ(0, memcmp(gru_data(&self->gru, 64),
				    self->mem + 2 * PAGE - 128, bytes));
		/* and not a byte beside it */
		EXPECT_EQ((char)0xee, *(char *)gru_data(&self->gru, 63));
		EXPECT_EQ((char)0xee,
			  *(char *)gru_data(&self->gru, 64 + bytes));
	}
}

TEST_F(instructions, store_each_size)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_STORE,
		.data		= 128,
		.count		= 5,
		.operand	= 1,
	};
	unsigned int i, bytes;

	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		bytes = 5 * bytes_of(elements[i]);
		words.element = elements[i];
		words.address = self->copy + 2 * PAGE - 128;
		memset(self->copy, 0xee, BYTES);
		memcpy(gru_data(&self->gru, 128), self->mem, bytes);
		gru_start(&self->gru, 0, &words);
		ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
		EXPECT_EQ(0, memcmp(self->copy + 2 * PAGE - 128, self->mem,
				    bytes));
		EXPECT_EQ((char)0xee, self->copy[2 * PAGE - 129]);
		EXPECT_EQ((char)0xee, self->copy[2 * PAGE - 128 + bytes]);
	}
}

TEST_F(instructions, strides)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_LOAD,
		.element	= GRU_32BIT,
		.address	= self->mem,
		.count		= 7,
		.operand	= PAGE / 4 + 1,
	};
	uint32_t *data = gru_data(&self->gru, 0);
	unsigned int i;

	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(data[i], *(uint32_t *)(self->mem + i * (PAGE + 4)));
	words.operation = GRU_DO_STORE;
	words.address = self->copy;
	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(data[i], *(uint32_t *)(self->copy + i * (PAGE + 4)));
		EXPECT_EQ(0, *(uint32_t *)(self->copy + i * (PAGE + 4) + 4));
	}
}

TEST_F(instructions, fill_each_size)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_FILL,
		.count		= 9,
		.operand	= 1,
		.operand2	= 0x1122334455667788,
	};
	unsigned int i, at, bytes;

	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		bytes = bytes_of(elements[i]);
		words.element = elements[i];
		words.address = self->copy + PAGE - 256;
		memset(self->copy, 0, 2 * PAGE);
		gru_start(&self->gru, 0, &words);
		ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
		for (at = 0; at < 9; at++)
			EXPECT_EQ(0, memcmp(self->copy + PAGE - 256 + at * bytes,
					    &words.operand2,
					    bytes > 8 ? 8 : bytes));
		EXPECT_EQ(0, self->copy[PAGE - 257]);
		EXPECT_EQ(0, self->copy[PAGE - 256 + 9 * bytes]);
	}
}

TEST_F(instructions, copy_of_any_length)
{
	static const size_t lengths[] = { 1, 63, 64, 4096, 4097, 3 * PAGE + 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(self->copy, 0, BYTES);
		ASSERT_EQ(0, gru_copy(&self->gru, 0, self->copy + PAGE - 9,
				      self->mem + 3, lengths[i]));
		EXPECT_EQ(0, memcmp(self->copy + PAGE - 9, self->mem + 3,
				    lengths[i]));
		EXPECT_EQ(0, self->copy[PAGE - 10]);
		EXPECT_EQ(0, self->copy[PAGE - 9 + lengths[i]]);
	}
}

TEST_F(instructions, gather_and_scatter)
{
	uint64_t index[40], got[40], *from = (uint64_t *)self->mem;
	uint64_t *to = (uint64_t *)self->copy;
	unsigned int i;

	for (i = 0; i < 40; i++)
		index[i] = (i * 397) % (BYTES / 8);
	ASSERT_EQ(0, gru_gather(&self->gru, 0, got, from, index, 40));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(from[index[i]], got[i]);
	ASSERT_EQ(0, gru_scatter(&self->gru, 1, to, index, got, 40));
	for (i = 0; i < 40; i++)
		EXPECT_EQ(from[index[i]], to[index[i]]);
}

TEST_F(instructions, nothing_of_anything)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_FILL,
		.element	= GRU_64BIT,
		.address	= self->copy,
		.operand	= 1,
		.operand2	= ~0ULL,
	};

	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(0, *(uint64_t *)self->copy);
	EXPECT_EQ(0, counter("misses"));
}

TEST_F(instructions, atomic)
{
	uint64_t *word = (uint64_t *)self->copy, old;

	*word = 41;
	ASSERT_EQ(0, gru_atomic(&self->gru, 0, GRU_ATOMIC_FETCH, word, &old));
	EXPECT_EQ(41, old);
	EXPECT_EQ(41, *word);
	ASSERT_EQ(0, gru_atomic(&self->gru, 0, GRU_ATOMIC_INC, word, &old));
	EXPECT_EQ(41, old);
	EXPECT_EQ(42, *word);
	ASSERT_EQ(0, gru_atomic(&self->gru, 0, GRU_ATOMIC_DEC, word, &old));
	EXPECT_EQ(42, old);
	EXPECT_EQ(41, *word);
	ASSERT_EQ(0, gru_atomic(&self->gru, 0, GRU_ATOMIC_CLEAR, word, &old));
	EXPECT_EQ(41, old);
	EXPECT_EQ(0, *word);
}

TEST_F(instructions, atomic_with_operands)
{
	static const struct {
		enum gru_atomic_with what;
		uint64_t operand, operand2, after;
	} cases[] = {
		{ GRU_ATOMIC_SWAP, 5, 0, 5 },
		{ GRU_ATOMIC_OR, 0x10f, 0, 0xff0f | 0x10f },
		{ GRU_ATOMIC_AND, 0x10f, 0, 0xff0f & 0x10f },
		{ GRU_ATOMIC_XOR, 0x10f, 0, 0xff0f ^ 0x10f },
		{ GRU_ATOMIC_ADD, 3, 0, 0xff0f + 3 },
		{ GRU_ATOMIC_CMPXCHG, 9, 0xff0f, 9 },
		{ GRU_ATOMIC_CMPXCHG, 9, 0xff0e, 0xff0f },
	};
	uint64_t *word = (uint64_t *)self->copy, old;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*word = 0xff0f;
		ASSERT_EQ(0, gru_atomic_with(&self->gru, 0, cases[i].what, word,
					     cases[i].operand,
					     cases[i].operand2, &old));
		EXPECT_EQ(0xff0f, old);
		EXPECT_EQ(cases[i].after, *word);
	}
}

TEST_F(instructions, atomic_32_bits)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_ATOMIC_WITH,
		.variant	= GRU_ATOMIC_ADD,
		.element	= GRU_32BIT,
		.address	= self->copy + 4,
		.operand	= 1,
	};
	uint32_t *word = (uint32_t *)self->copy;

	word[0] = 7;
	word[1] = ~0U;
	word[2] = 7;
	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(~0U, gru_value(&self->gru, 0));
	EXPECT_EQ(7, word[0]);
	EXPECT_EQ(0, word[1]);
	EXPECT_EQ(7, word[2]);
}

TEST_F(instructions, atomic_of_some_bits)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_ATOMIC_MASKED,
		.variant	= GRU_ATOMIC_CMPXCHG_BITS,
		.element	= GRU_64BIT,
		.address	= self->copy,
	};
	uint64_t *operand = data_words(&self->gru);
	uint64_t *word = (uint64_t *)self->copy;

	*word = 0xabcd;
	operand[0] = 0x00cd;
	operand[1] = 0x00ff;
	operand[2] = 0x1200;
	operand[3] = 0xff00;
	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(0xabcd, gru_value(&self->gru, 0));
	EXPECT_EQ(0x12cd, *word);
	operand[0] = 0x00cc;
	gru_start(&self->gru, 0, &words);
	ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(0x12cd, gru_value(&self->gru, 0));
	EXPECT_EQ(0x12cd, *word);
}

TEST_F(instructions, messages)
{
	struct gru_queue queue;
	unsigned int i, round, got;

	gru_queue_init(&queue, self->copy);
	for (round = 0; round < 3; round++) {
		EXPECT_FALSE(gru_receive(&queue, &got, sizeof(got)));
		for (i = 0; i < GRU_QUEUE_MESSAGES; i++)
			ASSERT_EQ(0, gru_send(&self->gru, 0, &queue, &i,
					      sizeof(i)));
		EXPECT_EQ(-1, gru_send(&self->gru, 0, &queue, &i, sizeof(i)));
		EXPECT_EQ(GRU_QUEUE_FULL, gru_substatus(&self->gru, 0));
		for (i = 0; i < GRU_QUEUE_MESSAGES; i++) {
			ASSERT_TRUE(gru_receive(&queue, &got, sizeof(got)));
			EXPECT_EQ(i, got);
		}
	}
}

/* All blocks at once, each with a page of its own, and a counter for all. */
TEST_F(instructions, beside_each_other)
{
	uint64_t *word = (uint64_t *)(self->copy + BYTES - PAGE);
	struct gru_instruction_words words = {
		.operation	= GRU_DO_ATOMIC,
		.variant	= GRU_ATOMIC_INC,
		.element	= GRU_64BIT,
		.address	= word,
	};
	unsigned int block, round;

	for (round = 0; round < 20; round++) {
		for (block = 0; block < BLOCKS; block++)
			gru_start(&self->gru, block, &words);
		for (block = 0; block < BLOCKS; block++)
			ASSERT_EQ(GRU_FINISHED, gru_wait(&self->gru, block));
	}
	EXPECT_EQ(20 * BLOCKS, *word);
}

TEST_HARNESS_MAIN
