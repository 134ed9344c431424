// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that must not be run, or cannot: each ends with the exception
 * that says why, has changed nothing, and leaves its block usable.
 */
#include <string.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "util.h"

FIXTURE(exceptions) {
	struct gru gru;
	char *mem;
};

FIXTURE_VARIANT(exceptions) {
	enum gru_miss_mode mode;
};

FIXTURE_VARIANT_ADD(exceptions, poll) {
	.mode = GRU_MISS_POLL,
};

FIXTURE_VARIANT_ADD(exceptions, interrupt) {
	.mode = GRU_MISS_INTERRUPT,
};

FIXTURE_SETUP(exceptions)
{
	const char *why = why_no_gru();

	if (why)
		SKIP(return, "%s", why);
	knobs_reset();
	ASSERT_EQ(0, gru_open(&self->gru, 2, 1024, variant->mode));
	self->mem = memory(2 * PAGE);
	ASSERT_NE(NULL, self->mem);
	memset(gru_data(&self->gru, 0), 0x5a, 1024);
}

FIXTURE_TEARDOWN(exceptions)
{
	uint64_t value = 12345;

	/* The block can be used again. */
	EXPECT_EQ(0, gru_fill(&self->gru, 0, self->mem, value, 1));
	EXPECT_EQ(value, *(uint64_t *)self->mem);
	EXPECT_EQ(0, oracle_stale());
	gru_close(&self->gru);
}

static struct gru_instruction_words store_to(const void *address)
{
	return (struct gru_instruction_words) {
		.operation	= GRU_DO_STORE,
		.element	= GRU_64BIT,
		.address	= address,
		.count		= 1,
		.operand	= 1,
	};
}

/* -1 if there was no exception. */
static int cause_of(struct gru *gru, const struct gru_instruction_words *words)
{
	gru_start(gru, 0, words);
	if (gru_wait(gru, 0) != GRU_EXCEPTION)
		return -1;
	return gru_cause(gru, 0);
}

TEST_F(exceptions, unknown_operations)
{
	static const unsigned int unknown[] = {
		0x07, 0x0b, 0x0d, 0x0e, 0x0f, 0x10, 0x7f, 0xff,
	};
	struct gru_instruction_words words = store_to(self->mem);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		words.operation = unknown[i];
		EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	}
	EXPECT_EQ(0, *(uint64_t *)self->mem);
	EXPECT_EQ(0, counter("misses"));
}

TEST_F(exceptions, unknown_variants)
{
	struct gru_instruction_words words = store_to(self->mem);

	words.operation = GRU_DO_ATOMIC;
	words.variant = 0x0d;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	words.operation = GRU_DO_ATOMIC_WITH;
	words.variant = 0x0c;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	words.variant = GRU_ATOMIC_ADD;
	words.element = GRU_16BIT;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
}

TEST_F(exceptions, unknown_elements)
{
	struct gru_instruction_words words = store_to(self->mem);

	words.element = 4;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	words.element = 7;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
}

TEST_F(exceptions, misaligned)
{
	struct gru_instruction_words words = store_to(self->mem + 4);

	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	words.operation = GRU_DO_ATOMIC;
	words.variant = GRU_ATOMIC_INC;
	EXPECT_EQ(GRU_BAD_INSTRUCTION, cause_of(&self->gru, &words));
	EXPECT_EQ(0, *(uint64_t *)(self->mem + 4));
}

/* Or every program could have all memory. */
TEST_F(exceptions, physical_addresses)
{
	struct gru_instruction_words words = store_to((void *)0x1000);

	words.operation = GRU_DO_LOAD;
	words.unmapped = true;
	EXPECT_EQ(GRU_NOT_UNMAPPED, cause_of(&self->gru, &words));
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, *data_words(&self->gru));
}

/* A context's data segment ends where the next one's begins. */
TEST_F(exceptions, data_segment)
{
	struct gru_instruction_words words = store_to(self->mem);

	words.data = 1024;
	EXPECT_EQ(GRU_BAD_DATA_SEGMENT, cause_of(&self->gru, &words));
	words.data = 1020;
	EXPECT_EQ(GRU_BAD_DATA_SEGMENT, cause_of(&self->gru, &words));
	words.data = (1 << 22) - 8;
	EXPECT_EQ(GRU_BAD_DATA_SEGMENT, cause_of(&self->gru, &words));
	words.data = 0;
	words.operation = GRU_DO_SCATTER;
	words.data2 = 1024;
	EXPECT_EQ(GRU_BAD_DATA_SEGMENT, cause_of(&self->gru, &words));
	EXPECT_EQ(0, *(uint64_t *)self->mem);
	words.data = 1016;
	words.operation = GRU_DO_STORE;
	EXPECT_EQ(-1, cause_of(&self->gru, &words));
	EXPECT_NE(0, *(uint64_t *)self->mem);
}

TEST_F(exceptions, no_memory_there)
{
	char *hole = memory(PAGE);
	struct gru_instruction_words words = store_to(hole);

	ASSERT_EQ(0, munmap(hole, PAGE));
	EXPECT_EQ(GRU_BAD_ADDRESS, cause_of(&self->gru, &words));
	words.operation = GRU_DO_LOAD;
	EXPECT_EQ(GRU_BAD_ADDRESS, cause_of(&self->gru, &words));
	words.address = (void *)0x7ffffffffff8;
	EXPECT_EQ(GRU_BAD_ADDRESS, cause_of(&self->gru, &words));
}

TEST_F(exceptions, memory_for_reading)
{
	struct gru_instruction_words words = store_to(self->mem);

	self->mem[0] = 1;
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ));
	EXPECT_EQ(GRU_BAD_ADDRESS, cause_of(&self->gru, &words));
	EXPECT_EQ(1, *(uint64_t *)self->mem);
	words.operation = GRU_DO_LOAD;
	EXPECT_EQ(-1, cause_of(&self->gru, &words));
	EXPECT_EQ(1, *data_words(&self->gru));
	ASSERT_EQ(0, mprotect(self->mem, PAGE, PROT_READ | PROT_WRITE));
}

/* The chip's own memory cannot be named. */
TEST_F(exceptions, the_segment_itself)
{
	struct gru_instruction_words words =
		store_to(gru_data(&self->gru, 512));

	EXPECT_EQ(GRU_BAD_ADDRESS, cause_of(&self->gru, &words));
}

/* What was copied before the hole stays, the rest is not touched. */
TEST_F(exceptions, copy_into_a_hole)
{
	char *to = memory(2 * PAGE);

	memset(self->mem, 1, 2 * PAGE);
	ASSERT_EQ(0, munmap(to + PAGE, PAGE));
	EXPECT_EQ(GRU_EXCEPTION, gru_copy(&self->gru, 0, to, self->mem,
					  2 * PAGE));
	EXPECT_EQ(GRU_BAD_ADDRESS, gru_cause(&self->gru, 0));
	EXPECT_EQ(0, memcmp(to, self->mem, PAGE));
	munmap(to, PAGE);
}

/* A queue whose limit lies beyond its page. */
TEST_F(exceptions, end_of_a_queues_page)
{
	struct gru_instruction_words words = store_to(self->mem);

	words.operation = GRU_DO_SEND;
	words.element = GRU_LINE;
	*(uint64_t *)self->mem = 64 | 100ULL << 32;
	gru_start(&self->gru, 0, &words);
	EXPECT_EQ(GRU_EXCEPTION, gru_wait(&self->gru, 0));
	EXPECT_EQ(GRU_QUEUE_PAGE_END, gru_substatus(&self->gru, 0));
	EXPECT_EQ(0, self->mem[PAGE]);
	EXPECT_EQ(64 | 100ULL << 32, *(uint64_t *)self->mem);
}

TEST_HARNESS_MAIN
