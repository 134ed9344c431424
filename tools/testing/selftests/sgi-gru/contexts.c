// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts that come and go, with instructions under way; ASIDs that are used
 * again; and the driver's own tests of its services.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../kselftest_harness.h"
#include "util.h"

#define LIMIT_S		240
/* More than two chiplets hold. */
#define SEGMENTS	36
/* More address spaces than there are ASIDs, if these are few. */
#define SPACES		64
#define KTEST		_IOWR('G', 52, void *)

FIXTURE(contexts) {
	struct gru gru;
	char *mem;
	char *copy;
};

FIXTURE_SETUP(contexts)
{
	const char *why = why_no_gru();
	size_t i;

	if (why)
		SKIP(return, "%s", why);
	knobs_reset();
	ASSERT_EQ(0, gru_open(&self->gru, 2, 1024, GRU_MISS_POLL));
	/* Not from blade to blade, with the processor. */
	ASSERT_EQ(0, gru_place(&self->gru, 0, -1));
	self->mem = memory(16 * PAGE);
	self->copy = memory(16 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_NE(NULL, self->copy);
	for (i = 0; i < 16 * PAGE; i++)
		self->mem[i] = i * 3 + (i >> 9);
}

FIXTURE_TEARDOWN(contexts)
{
	EXPECT_EQ(0, oracle_stale());
	EXPECT_EQ(0, counter("cch_refused"));
	knobs_reset();
	gru_close(&self->gru);
}

static void start_copy(struct gru *gru, char *to, const char *from)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_COPY,
		.element	= GRU_8BIT,
		.data2		= 1024 / GRU_LINE_BYTES,
		.address	= from,
		.count		= 16 * PAGE,
		.operand2	= (uintptr_t)to,
	};

	gru_start(gru, 0, &words);
}

/* Unloaded with a miss, and in the middle: it goes on where it was. */
TEST_F(contexts, unloaded_in_the_middle)
{
	unsigned int round = 0;

	gru_fill(&self->gru, 1, self->copy, 0, 1);
	knob("step", 1);
	start_copy(&self->gru, self->copy, self->mem);
	while (gru_status(&self->gru, 0) != GRU_FINISHED && round++ < 1000) {
		run_chunks(3);
		if (round % 2)
			ASSERT_EQ(0, gru_unload(&self->gru));
		gru_poll(&self->gru, 0);
	}
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
	EXPECT_EQ(0, memcmp(self->copy, self->mem, 16 * PAGE));
	EXPECT_LT(10, counter("replays"));
	EXPECT_LT(10, counter("loads"));
}

/* The data segment is the program's, wherever it is loaded. */
TEST_F(contexts, keeps_its_data)
{
	unsigned int i, chiplet;

	for (chiplet = 0; chiplet < 2; chiplet++) {
		for (i = 0; i < 128; i++)
			data_words(&self->gru)[i] = i * chiplet + i;
		ASSERT_EQ(0, gru_place(&self->gru, 0, chiplet));
		ASSERT_EQ(0, gru_unload(&self->gru));
		for (i = 0; i < 128; i++)
			EXPECT_EQ(i * chiplet + i, data_words(&self->gru)[i]);
	}
}

/* A context's predecessor is not to be seen in it. */
TEST_F(contexts, begins_empty)
{
	struct gru other;
	unsigned int i;

	memset(gru_data(&self->gru, 0), 0x77, 1024);
	ASSERT_EQ(0, gru_place(&self->gru, 0, 0));
	ASSERT_EQ(0, gru_unload(&self->gru));
	ASSERT_EQ(0, gru_open(&other, 2, 1024, GRU_MISS_POLL));
	ASSERT_EQ(0, gru_place(&other, 0, 0));
	for (i = 0; i < 128; i++)
		EXPECT_EQ(0, data_words(&other)[i]);
	gru_close(&other);
}

/* What was dropped in is still there if nothing was flushed meanwhile. */
TEST_F(contexts, entries_survive)
{
	move_words(&self->gru, 0, false, self->mem, 1);
	ASSERT_EQ(0, gru_unload(&self->gru));
	EXPECT_EQ(1, tlb_entries(self->mem, NULL, NULL));
	*data_words(&self->gru) = 0;
	knob("reset", 1);
	move_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(*(uint64_t *)self->mem, *data_words(&self->gru));
	EXPECT_EQ(0, counter("misses"));
}

/* But an address space that changed while nothing was loaded starts anew. */
TEST_F(contexts, changed_while_unloaded)
{
	move_words(&self->gru, 0, false, self->mem, 1);
	ASSERT_EQ(0, gru_unload(&self->gru));
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	*data_words(&self->gru) = 1;
	move_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(0, *data_words(&self->gru));
	EXPECT_EQ(0, oracle_stale());
}

/* Both chiplets at the same time, and both have it in their TLBs. */
TEST_F(contexts, both_chiplets)
{
	struct gru other;

	ASSERT_EQ(0, gru_place(&self->gru, 0, 0));
	ASSERT_EQ(0, gru_open(&other, 2, 1024, GRU_MISS_INTERRUPT));
	ASSERT_EQ(0, gru_place(&other, 0, 1));
	start_copy(&self->gru, self->copy, self->mem);
	start_copy(&other, self->copy, self->mem);
	EXPECT_EQ(GRU_FINISHED, gru_wait(&self->gru, 0));
	EXPECT_EQ(GRU_FINISHED, gru_wait(&other, 0));
	EXPECT_EQ(0, memcmp(self->copy, self->mem, 16 * PAGE));
	EXPECT_EQ(2, tlb_entries(self->mem, NULL, NULL));
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	gru_close(&other);
}

/* More segments than there are contexts: they are taken from each other. */
TEST_F_TIMEOUT(contexts, more_than_there_are, LIMIT_S)
{
	uint64_t *word = (uint64_t *)self->copy;
	static struct gru gru[SEGMENTS];
	cpu_set_t one;
	unsigned int i;

	/* Contexts are those of the blade that the processor is on. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(one), &one));
	for (i = 0; i < SEGMENTS; i++)
		ASSERT_EQ(0, gru_open(&gru[i], 2, 1024, GRU_MISS_POLL));
	for (i = 0; i < SEGMENTS; i++) {
		*data_words(&gru[i]) = i;
		ASSERT_EQ(0, gru_atomic(&gru[i], 0, GRU_ATOMIC_INC, word,
					NULL));
	}
	EXPECT_EQ(SEGMENTS, *word);
	for (i = 0; i < SEGMENTS; i++) {
		EXPECT_EQ(i, *data_words(&gru[i]));
		gru_close(&gru[i]);
	}
	EXPECT_LT(SEGMENTS, counter("loads"));
}

/* Another address space: its memory holds other data at the same addresses. */
static int another_space(char *mem, unsigned int number)
{
	struct gru gru;
	uint64_t value;
	int ret;

	if (gru_open(&gru, 2, 1024, GRU_MISS_POLL))
		return 1;
	memset(mem, number, PAGE);
	*data_words(&gru) = 0;
	ret = move_words(&gru, 0, false, mem, 1);
	value = *data_words(&gru);
	gru_close(&gru);
	return ret != GRU_FINISHED || (value & 0xff) != number;
}

TEST_F_TIMEOUT(contexts, address_spaces, LIMIT_S)
{
	char text[32] = "";
	unsigned int i;
	int status;
	FILE *file;

	file = fopen("/sys/module/gru/parameters/emulation_max_asid", "r");
	ASSERT_NE(NULL, file);
	EXPECT_NE(NULL, fgets(text, sizeof(text), file));
	fclose(file);
	for (i = 1; i < SPACES; i++) {
		if (!fork())
			_exit(another_space(self->mem, i));
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	/* Few ASIDs: they were used again, and flushed before. */
	EXPECT_EQ(atoi(text) / 8 < SPACES / 2, counter("tgh_global") > 0);
}

/* The driver's own: a load and a store, a message queue, interrupts, a copy. */
TEST_F_TIMEOUT(contexts, kernel_services, LIMIT_S)
{
	unsigned long number;

	for (number = 0; number < 4; number++)
		EXPECT_EQ(0, ioctl(self->gru.fd, KTEST, number))
			TH_LOG("of test %lu", number);
	EXPECT_LT(0, counter("interrupts"));
	EXPECT_EQ(0, ioctl(self->gru.fd, KTEST, 99));
}

TEST_HARNESS_MAIN
