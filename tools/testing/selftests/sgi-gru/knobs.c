// SPDX-License-Identifier: GPL-2.0
/*
 * Each knob of the emulation does what it says: the chip with the magic and
 * without, with both meanings of a flush's mask, with a flush that is lost;
 * and the oracle notices what the data shows.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "../kselftest_harness.h"
#include "util.h"

#define LIMIT_S		120
#define PATIENCE_MS	60000

FIXTURE(knobs) {
	struct gru gru;
	char *mem;
};

FIXTURE_SETUP(knobs)
{
	const char *why = why_no_gru();

	if (why)
		SKIP(return, "%s", why);
	knobs_reset();
	ASSERT_EQ(0, gru_open(&self->gru, 2, 1024, GRU_MISS_POLL));
	self->mem = memory(2 * 1024 * PAGE);
	ASSERT_NE(NULL, self->mem);
	memset(gru_data(&self->gru, 0), 0x22, 1024);
}

FIXTURE_TEARDOWN(knobs)
{
	knobs_reset();
	gru_close(&self->gru);
}

static void load(struct gru *gru, const void *address)
{
	move_words(gru, 0, false, address, 1);
}

/*
 * A miss, a flush, and only then the answer.  Something else is flushed that is
 * there, as the driver need not flush what was never dropped in.
 */
static void miss_and_flush(struct __test_metadata *_metadata, struct gru *gru,
			   const char *mem)
{
	load(gru, mem + PAGE);
	knob("step", 1);
	knob("reset", 1);
	start_words(gru, 0, false, mem, 1);
	run_chunks(MANY);
	ASSERT_EQ(GRU_NEEDS_KERNEL, gru_status(gru, 0));
	ASSERT_EQ(0, gru_flush(gru, mem, 2 * PAGE));
	ASSERT_EQ(1, counter("tgh"));
	ASSERT_EQ(0, gru_ask_kernel(gru, 0));
}

/* The answer to a miss before a flush is ignored, and asked for again. */
TEST_F(knobs, magic)
{
	miss_and_flush(_metadata, &self->gru, self->mem);
	EXPECT_EQ(1, counter("dropins_discarded"));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(1, finish_stepping(&self->gru, 0));
	EXPECT_EQ(2, counter("misses"));
}

TEST_F(knobs, no_magic)
{
	knob("magic", 0);
	miss_and_flush(_metadata, &self->gru, self->mem);
	EXPECT_EQ(0, counter("dropins_discarded"));
	EXPECT_EQ(1, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(0, finish_stepping(&self->gru, 0));
	EXPECT_EQ(1, counter("misses"));
}

/* A flush of one page takes its row along, or does not. */
TEST_F(knobs, mask)
{
	char *mate = self->mem + 1024 * PAGE;

	load(&self->gru, self->mem);
	load(&self->gru, mate);
	load(&self->gru, self->mem + PAGE);
	knob("strict", 1);
	ASSERT_EQ(0, gru_flush(&self->gru, self->mem, PAGE));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(1, tlb_entries(mate, NULL, NULL));
	EXPECT_EQ(1, tlb_entries(self->mem + PAGE, NULL, NULL));
	EXPECT_EQ(0, counter("purged_beside"));
	load(&self->gru, self->mem);
	knob("strict", 0);
	ASSERT_EQ(0, gru_flush(&self->gru, self->mem, PAGE));
	EXPECT_EQ(0, tlb_entries(self->mem, NULL, NULL));
	EXPECT_EQ(0, tlb_entries(mate, NULL, NULL));
	EXPECT_EQ(1, tlb_entries(self->mem + PAGE, NULL, NULL));
	EXPECT_EQ(1, counter("purged_beside"));
}

/* Map a file's page over another file's; what the GRU stores to goes where? */
static void replace_and_store(struct __test_metadata *_metadata,
			      struct gru *gru, int lose, char *seen,
			      char *gone)
{
	int before = file_of('a'), after = file_of('b');
	char *mem, *old;

	ASSERT_LE(0, before);
	ASSERT_LE(0, after);
	mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, before, 0);
	ASSERT_NE(MAP_FAILED, mem);
	old = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, before, 0);
	ASSERT_NE(MAP_FAILED, old);
	*data_words(gru) = 0x6363636363636363;
	ASSERT_EQ(GRU_FINISHED, move_words(gru, 0, true, mem + 8, 1));
	ASSERT_EQ('c', old[8]);
	knob("reset", 1);
	knob("lose_tgh", lose);
	mem = mmap(mem, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   after, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ('b', mem[0]);
	*data_words(gru) = 0x6464646464646464;
	ASSERT_EQ(GRU_FINISHED, move_words(gru, 0, true, mem, 1));
	*seen = mem[0];
	*gone = old[0];
}

TEST_F(knobs, no_flush_lost)
{
	char seen = 0, gone = 0;

	replace_and_store(_metadata, &self->gru, 0, &seen, &gone);
	EXPECT_EQ('d', seen);
	EXPECT_EQ('a', gone);
	EXPECT_EQ(0, oracle_stale());
	EXPECT_LT(0, oracle_checked());
	EXPECT_EQ(0, counter("tgh_lost"));
}

/* What this is all about: the data is in a page that is not mapped there. */
TEST_F(knobs, a_flush_lost)
{
	char seen = 0, gone = 0;

	replace_and_store(_metadata, &self->gru, 1, &seen, &gone);
	EXPECT_EQ('b', seen);
	EXPECT_EQ('d', gone);
	EXPECT_EQ(1, counter("tgh_lost"));
	EXPECT_EQ(1, oracle_stale());
	ASSERT_EQ(0, gru_flush(&self->gru, NULL, 1024 * PAGE));
}

/* The same, found while the engine runs. */
TEST_F_TIMEOUT(knobs, watch, LIMIT_S)
{
	char seen = 0, gone = 0;
	int ms;

	knob("watch", 1);
	load(&self->gru, self->mem);
	EXPECT_EQ(0, counter("stale"));
	replace_and_store(_metadata, &self->gru, 1, &seen, &gone);
	/* The engine looks after the pass in which the store was. */
	for (ms = 0; ms < PATIENCE_MS && !counter("stale"); ms++)
		usleep(1000);
	EXPECT_LT(0, counter("stale"));
	ASSERT_EQ(0, gru_flush(&self->gru, NULL, 1024 * PAGE));
}

static void *do_load(void *data)
{
	struct gru *gru = data;

	gru_wait(gru, 0);
	return NULL;
}

/* Between the translation of a miss and the answer, the page goes. */
TEST_F_TIMEOUT(knobs, hold_dropin, LIMIT_S)
{
	pthread_t thread;
	int ms;

	self->mem[0] = 1;
	knob("hold_dropin", 1);
	start_words(&self->gru, 0, false, self->mem, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, do_load, &self->gru));
	for (ms = 0; ms < PATIENCE_MS && !knob_value("held"); ms++)
		usleep(1000);
	EXPECT_EQ(1, knob_value("held"));
	EXPECT_EQ(0, counter("dropins"));
	ASSERT_EQ(0, madvise(self->mem, PAGE, MADV_DONTNEED));
	knob("hold_dropin", 0);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, *data_words(&self->gru));
	EXPECT_EQ(0, oracle_stale());
}

TEST_HARNESS_MAIN
