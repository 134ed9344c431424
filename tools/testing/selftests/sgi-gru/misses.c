// SPDX-License-Identifier: GPL-2.0
/*
 * TLB misses, one chunk of an instruction at a time: who is told, how often,
 * and what the TLB holds afterwards.
 */
#include <string.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "util.h"

FIXTURE(misses) {
	struct gru gru;
	char *mem;
};

FIXTURE_SETUP(misses)
{
	const char *why = why_no_gru();

	if (why)
		SKIP(return, "%s", why);
	knobs_reset();
	ASSERT_EQ(0, gru_open(&self->gru, 2, 2048, GRU_MISS_POLL));
	self->mem = memory(16 * PAGE);
	ASSERT_NE(NULL, self->mem);
	/* Loads the context. */
	memset(gru_data(&self->gru, 0), 0x11, 2048);
	knob("step", 1);
}

FIXTURE_TEARDOWN(misses)
{
	EXPECT_EQ(0, oracle_stale());
	knobs_reset();
	gru_close(&self->gru);
}

TEST_F(misses, nothing_runs_by_itself)
{
	self->mem[0] = 1;
	start_words(&self->gru, 0, false, self->mem, 1);
	usleep(50000);
	EXPECT_EQ(GRU_ACTIVE, gru_status(&self->gru, 0));
	EXPECT_EQ(0, counter("instructions"));
	run_chunks(1);
	EXPECT_EQ(1, counter("instructions"));
	EXPECT_EQ(GRU_NEEDS_KERNEL, gru_status(&self->gru, 0));
}

TEST_F(misses, load)
{
	self->mem[0] = 77;
	start_words(&self->gru, 0, false, self->mem, 4);
	run_chunks(MANY);
	ASSERT_EQ(GRU_NEEDS_KERNEL, gru_status(&self->gru, 0));
	EXPECT_EQ(1, counter("misses"));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(0x1111111111111111, *data_words(&self->gru));
	ASSERT_EQ(0, gru_ask_kernel(&self->gru, 0));
	EXPECT_EQ(1, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(GRU_ACTIVE, gru_status(&self->gru, 0));
	EXPECT_EQ(0x1111111111111111, *data_words(&self->gru));
	run_chunks(MANY);
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
	EXPECT_EQ(77, *data_words(&self->gru));
	/* and now it is there */
	start_words(&self->gru, 0, false, self->mem + 512, 4);
	EXPECT_EQ(0, finish_stepping(&self->gru, 0));
	EXPECT_EQ(1, counter("misses"));
	EXPECT_EQ(1, counter("dropins"));
}

/* First it is not there, then it must not be written to. */
TEST_F(misses, store)
{
	self->mem[0] = 1;
	start_words(&self->gru, 0, true, self->mem, 1);
	EXPECT_EQ(2, finish_stepping(&self->gru, 0));
	EXPECT_EQ(1, counter("misses"));
	EXPECT_EQ(1, counter("mods"));
	EXPECT_EQ(0x11, self->mem[0]);
	EXPECT_EQ(1, tlb_entries(self->mem, NULL, NULL));
}

/* Copied on write for the GRU: some answers come too late. */
TEST_F(misses, store_to_a_new_page)
{
	start_words(&self->gru, 0, true, self->mem, 1);
	EXPECT_LE(2, finish_stepping(&self->gru, 0));
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
	EXPECT_EQ(0x11, self->mem[0]);
	EXPECT_EQ(1, tlb_entries(self->mem, NULL, NULL));
}

/* Asking without a miss is an error of nobody. */
TEST_F(misses, asked_for_nothing)
{
	long drops;

	EXPECT_EQ(0, gru_ask_kernel(&self->gru, 0));
	start_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(0, gru_ask_kernel(&self->gru, 0));
	EXPECT_EQ(1, finish_stepping(&self->gru, 0));
	drops = counter("dropins");
	EXPECT_EQ(0, gru_ask_kernel(&self->gru, 0));
	EXPECT_EQ(drops, counter("dropins"));
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
}

TEST_F(misses, of_each_page)
{
	memset(self->mem, 5, 16 * PAGE);
	start_words(&self->gru, 0, false, self->mem + PAGE - 8, 200);
	EXPECT_EQ(2, finish_stepping(&self->gru, 0));
	EXPECT_EQ(2, counter("misses"));
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
	EXPECT_EQ(0x0505050505050505, data_words(&self->gru)[199]);
}

TEST_F(misses, huge_page)
{
	char *room = memory(2 * HUGE_PAGE), *mem;
	unsigned int shift = 0;

	ASSERT_NE(NULL, room);
	mem = mmap(room, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP(return, "no huge pages");
	mem[0] = 1;
	mem[HUGE_PAGE - 8] = 2;
	start_words(&self->gru, 0, false, mem, 1);
	finish_stepping(&self->gru, 0);
	EXPECT_EQ(1, tlb_entries(mem, &shift, NULL));
	EXPECT_EQ(21, shift);
	knob("reset", 1);
	start_words(&self->gru, 0, false, mem + HUGE_PAGE - 8, 1);
	EXPECT_EQ(0, finish_stepping(&self->gru, 0));
	EXPECT_EQ(0, counter("misses"));
	EXPECT_EQ(2, *data_words(&self->gru));
	ASSERT_EQ(0, munmap(mem, HUGE_PAGE));
	EXPECT_EQ(0, tlb_entries(mem, NULL, NULL));
}

TEST_F(misses, preloading)
{
	struct gru gru;
	char *to = memory(16 * PAGE);

	memset(self->mem, 6, 16 * PAGE);
	memset(to, 7, 16 * PAGE);
	ASSERT_EQ(0, gru_open_preloading(&gru, 1, 2048, GRU_MISS_POLL, 4));
	gru_data(&gru, 0);
	memset(gru_data(&gru, 0), 0, 64);
	knob("step", 0);
	ASSERT_EQ(0, gru_copy(&gru, 0, to, self->mem, 16 * PAGE));
	EXPECT_EQ(0, memcmp(to, self->mem, 16 * PAGE));
	EXPECT_LT(10, counter("preloads"));
	/* Not one for each page: 16 to read, 16 to write. */
	EXPECT_GT(16, counter("misses"));
	gru_close(&gru);
}

TEST_F(misses, after_a_flush)
{
	start_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(1, finish_stepping(&self->gru, 0));
	ASSERT_EQ(0, gru_flush(&self->gru, self->mem, PAGE));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	EXPECT_LT(0, counter("tgh"));
	start_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(1, finish_stepping(&self->gru, 0));
	EXPECT_EQ(2, counter("misses"));
}

/* Pages that are given back are not read any more. */
TEST_F(misses, after_memory_changed)
{
	self->mem[0] = 9;
	start_words(&self->gru, 0, false, self->mem, 1);
	finish_stepping(&self->gru, 0);
	ASSERT_EQ(9, *data_words(&self->gru));
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	start_words(&self->gru, 0, false, self->mem, 1);
	EXPECT_EQ(1, finish_stepping(&self->gru, 0));
	EXPECT_EQ(0, *data_words(&self->gru));
}

/* A change between a miss and its answer. */
TEST_F(misses, while_memory_changes)
{
	self->mem[0] = 9;
	start_words(&self->gru, 0, false, self->mem, 1);
	run_chunks(MANY);
	ASSERT_EQ(GRU_NEEDS_KERNEL, gru_status(&self->gru, 0));
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	self->mem[0] = 10;
	finish_stepping(&self->gru, 0);
	EXPECT_EQ(GRU_FINISHED, gru_status(&self->gru, 0));
	EXPECT_EQ(10, *data_words(&self->gru));
}

/* The kernel is told by an interrupt, and leaves the answer to the program. */
TEST_F(misses, interrupts)
{
	struct gru gru;

	ASSERT_EQ(0, gru_open(&gru, 2, 1024, GRU_MISS_INTERRUPT));
	memset(gru_data(&gru, 0), 0, 64);
	self->mem[0] = 3;
	start_words(&gru, 0, false, self->mem, 1);
	EXPECT_EQ(0, counter("interrupts"));
	run_chunks(1);
	EXPECT_EQ(1, counter("interrupts"));
	EXPECT_EQ(1, counter("to_polling"));
	EXPECT_EQ(0, counter("interrupts_without_cpu"));
	EXPECT_EQ(1, finish_stepping(&gru, 0));
	EXPECT_EQ(3, *data_words(&gru));
	gru_close(&gru);
}

TEST_HARNESS_MAIN
