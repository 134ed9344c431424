/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process with a GRU on an emulated chip, for tests of the driver.
 */
#ifndef _SGI_GRU_COHERENCE_FIXTURE_H
#define _SGI_GRU_COHERENCE_FIXTURE_H

#include "../../kselftest_harness.h"
#include "../../mmu_notifier/util.h"

#include "libgru.h"

#include "chip.h"

#define HUGE	(2UL << 20)
#define LIMIT_S	120
/* One TLB operation flushes so many pages at most. */
#define PIECE	1024UL

/* By the processor; what others write meanwhile is seen. */
static inline uint64_t get_word(const void *at)
{
	return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

static inline void put_word(void *at, uint64_t value)
{
	__atomic_store_n((uint64_t *)at, value, __ATOMIC_RELAXED);
}

/* A word by way of the GRU; false on an exception. */
static inline bool gru_get(struct gru *gru, unsigned int block,
			   const void *at, uint64_t *value)
{
	struct gru_instruction_words words = {
		.operation = GRU_DO_LOAD,
		.element = GRU_64BIT,
		.data = 64 * block,
		.address = at,
		.count = 1,
		.operand = 1,
	};

	gru_start(gru, block, &words);
	if (gru_wait(gru, block) != GRU_FINISHED)
		return false;
	*value = get_word(gru_data(gru, 64 * block));
	return true;
}

static inline bool gru_put(struct gru *gru, unsigned int block,
			   void *at, uint64_t value)
{
	struct gru_instruction_words words = {
		.operation = GRU_DO_STORE,
		.element = GRU_64BIT,
		.data = 64 * block,
		.address = at,
		.count = 1,
		.operand = 1,
	};

	put_word(gru_data(gru, 64 * block), value);
	gru_start(gru, block, &words);
	return gru_wait(gru, block) == GRU_FINISHED;
}

/* Have an entry for each page. */
static inline bool gru_touch(struct gru *gru, char *at, size_t len,
			     size_t stride)
{
	size_t off;

	for (off = 0; off < len; off += stride)
		if (!gru_put(gru, 0, at + off, off + 1))
			return false;
	return true;
}

static inline unsigned long stale_entries(void)
{
	struct chip_check check;

	return chip_check(&check) ? check.stale : -1UL;
}

FIXTURE(gru)
{
	struct gru gru;
};

FIXTURE_SETUP(gru)
{
	struct chip_check check;

	if (!chip_check(&check))
		SKIP(return, "no emulated GRU");
	ASSERT_TRUE(driver_statistics(true));
	/* As a test that was killed may have left it. */
	ASSERT_TRUE(chip_set("hold_dropin", 0));
	ASSERT_TRUE(chip_set("strict", 1));
	ASSERT_TRUE(chip_set("magic", 0));
	ASSERT_EQ(0, gru_open(&self->gru, 4, 4096, GRU_MISS_POLL));
}

FIXTURE_TEARDOWN(gru)
{
	chip_set("hold_dropin", 0);
	chip_set("strict", 0);
	chip_set("magic", 1);
	gru_close(&self->gru);
}

#endif /* _SGI_GRU_COHERENCE_FIXTURE_H */
