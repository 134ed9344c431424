// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver flushes: ranges of any length and page size, entries that are
 * there and no others.  The chip takes each operation at its word (strict) and
 * helps nobody who is late (no magic).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gru_fixture.h"

struct load {
	char *area;
	size_t len;
	atomic_bool stop;
	atomic_ulong rounds;
};

/* Since the last time. */
static unsigned long tgh(void)
{
	static unsigned long last;
	unsigned long now = chip_count("tgh"), since = now - last;

	last = now;
	return since;
}

static char *map_large(size_t len)
{
	char *at = mmap(NULL, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	madvise(at, len, MADV_NOHUGEPAGE);
	return at;
}

TEST_F_TIMEOUT(gru, one_operation_for_pages_side_by_side, LIMIT_S)
{
	char *area = map_large(64 * PAGE);

	ASSERT_TRUE(gru_touch(&self->gru, area, 64 * PAGE, PAGE));
	tgh();
	ASSERT_EQ(0, madvise(area, 64 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(1, tgh());
	EXPECT_EQ(0, stale_entries());
}

TEST_F_TIMEOUT(gru, none_where_nothing_was_dropped_in, LIMIT_S)
{
	char *area = map_large(64 * PAGE);
	int i;

	memset(area, 1, 64 * PAGE);
	ASSERT_TRUE(gru_put(&self->gru, 0, area, 1));
	tgh();
	/* In the same 2 MiB, but not that page; and again, when it has gone. */
	ASSERT_EQ(0, madvise(area + PAGE, 63 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, tgh());
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, madvise(area, PAGE, MADV_DONTNEED));
	EXPECT_EQ(1, tgh());
	EXPECT_EQ(0, stale_entries());
}

/* Longer than one operation, and sparse; is all of it flushed? */
static void flush_much(struct __test_metadata *_metadata, struct gru *gru)
{
	size_t len = 8 * PIECE * PAGE, step = PIECE * PAGE / 2, off;
	char *area = map_large(len);
	uint64_t value;

	ASSERT_TRUE(gru_touch(gru, area, len, step));
	ASSERT_TRUE(gru_put(gru, 0, area + len - PAGE, 1));
	tgh();
	ASSERT_EQ(0, madvise(area, len, MADV_DONTNEED));
	EXPECT_EQ(0, stale_entries());
	for (off = 0; off < len; off += step) {
		ASSERT_TRUE(gru_get(gru, 0, area + off, &value));
		EXPECT_EQ(0, value);
	}
}

/* An operation for each 1024 pages, if there is something to lose. */
TEST_F_TIMEOUT(gru, long_ranges_piece_by_piece, LIMIT_S)
{
	unsigned long before = driver_count("flush_tlb_gru_new_asid");
	char *other = map_large(16 * PAGE);
	uint64_t misses;

	ASSERT_TRUE(gru_touch(&self->gru, other, 16 * PAGE, PAGE));
	flush_much(_metadata, &self->gru);
	EXPECT_LE(8, tgh());
	EXPECT_EQ(before, driver_count("flush_tlb_gru_new_asid"));
	misses = chip_count("misses") + chip_count("mods");
	ASSERT_TRUE(gru_touch(&self->gru, other, 16 * PAGE, PAGE));
	EXPECT_EQ(misses, chip_count("misses") + chip_count("mods"));
}

/* Another ASID, if there is not; for all contexts, wherever they are loaded. */
TEST_F_TIMEOUT(gru, long_ranges_by_another_asid, LIMIT_S)
{
	unsigned long before = driver_count("flush_tlb_gru_new_asid");
	char *area = map_large(PAGE);
	struct gru other;
	uint64_t value;

	ASSERT_EQ(0, gru_open(&other, 1, 1024, GRU_MISS_POLL));
	ASSERT_EQ(0, gru_place(&self->gru, 0, 0));
	ASSERT_EQ(0, gru_place(&other, 0, 1));
	ASSERT_TRUE(gru_put(&other, 0, area, 1));
	flush_much(_metadata, &self->gru);
	EXPECT_EQ(before + 2, driver_count("flush_tlb_gru_new_asid"));
	/* The rest has to be dropped in anew, and is flushed as ever. */
	ASSERT_TRUE(gru_get(&other, 0, area, &value));
	EXPECT_EQ(1, value);
	ASSERT_TRUE(gru_get(&self->gru, 0, area, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, madvise(area, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, stale_entries());
	gru_close(&other);
}

static void *flush_again(void *arg)
{
	struct load *load = arg;

	while (!load->stop) {
		madvise(load->area, load->len, MADV_DONTNEED);
		sleep_ms(++load->rounds % 128);
	}
	return NULL;
}

/* While instructions run and miss, and contexts come and go. */
TEST_F_TIMEOUT(gru, another_asid_beside_everything, LIMIT_S)
{
	size_t len = 16 * PIECE * PAGE, off;
	struct load load = { .area = map_large(len), .len = len };
	uint64_t until = now_ns() + 3000 * MSEC, value;
	unsigned long before = driver_count("flush_tlb_gru_new_asid");
	unsigned int rounds = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, flush_again, &load));
	/* And until there was enough to flush at once. */
	while (now_ns() < until ||
	       driver_count("flush_tlb_gru_new_asid") == before) {
		for (off = 0; off < len; off += PIECE * PAGE) {
			ASSERT_TRUE(gru_put(&self->gru, 1, load.area + off, off));
			ASSERT_TRUE(gru_get(&self->gru, 1, load.area + off,
					    &value));
			ASSERT_TRUE(!value || value == off);
		}
		ASSERT_EQ(0, stale_entries());
		if (++rounds % 8 == 0)
			gru_unload(&self->gru);
	}
	load.stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(before, driver_count("flush_tlb_gru_new_asid"));
}

/* All addresses at once, whose length is the largest there is. */
TEST_F_TIMEOUT(gru, soft_dirty_of_everything, LIMIT_S)
{
	char *area = map_large(PAGE);
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	ASSERT_TRUE(gru_put(&self->gru, 0, area, 1));
	ASSERT_EQ(1, write(fd, "4", 1));
	close(fd);
	EXPECT_EQ(0, stale_entries());
	/* Only the write was recorded if it came through the page table. */
	ASSERT_TRUE(gru_put(&self->gru, 0, area, 2));
	EXPECT_EQ(2, get_word(area));
}

/* Reading goes on where only the right to write goes. */
TEST_F_TIMEOUT(gru, readers_stay_when_writing_ends, LIMIT_S)
{
	char *area = map_large(2 * PAGE);
	uint64_t value;
	pid_t child;

	memset(area, 1, 2 * PAGE);
	ASSERT_TRUE(gru_get(&self->gru, 0, area, &value));
	tgh();
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	EXPECT_EQ(0, tgh());
	ASSERT_TRUE(gru_put(&self->gru, 0, area + PAGE, 5));
	tgh();
	child = fork();
	if (!child)
		_exit(get_word(area + PAGE) != 5);
	EXPECT_LE(1, tgh());
	ASSERT_TRUE(gru_put(&self->gru, 0, area + PAGE, 6));
	EXPECT_EQ(6, get_word(area + PAGE));
	EXPECT_EQ(0, stale_entries());
	waitpid(child, NULL, 0);
}

TEST_F_TIMEOUT(gru, huge_pages_as_such, LIMIT_S)
{
	size_t len = 2 * HUGE;
	char *area = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	uint64_t value;

	if (area == MAP_FAILED)
		SKIP(return, "no huge pages");
	ASSERT_TRUE(gru_touch(&self->gru, area, len, HUGE));
	ASSERT_EQ(0, madvise(area, HUGE, MADV_DONTNEED));
	EXPECT_EQ(0, stale_entries());
	ASSERT_TRUE(gru_get(&self->gru, 0, area, &value));
	EXPECT_EQ(0, value);
	ASSERT_TRUE(gru_get(&self->gru, 0, area + HUGE, &value));
	EXPECT_EQ(HUGE + 1, value);
	ASSERT_EQ(0, munmap(area, len));
	EXPECT_EQ(0, stale_entries());
}

/* A user's flush of whatever bytes: the pages that they touch. */
TEST_F_TIMEOUT(gru, users_flush_any_bytes, LIMIT_S)
{
	char *area = map_large(4 * PAGE);

	ASSERT_TRUE(gru_touch(&self->gru, area, 4 * PAGE, PAGE));
	chip_set("reset", 1);
	ASSERT_EQ(0, gru_flush(&self->gru, area + PAGE - 8, 16));
	EXPECT_EQ(2, chip_count("purged"));
	ASSERT_EQ(0, gru_flush(&self->gru, area, -1UL));
	EXPECT_EQ(4, chip_count("purged"));
	ASSERT_EQ(0, gru_flush(&self->gru, area, 0));
	tgh();
}

/* On both chiplets; on one that has no context loaded, the ASID is given up. */
TEST_F_TIMEOUT(gru, both_chiplets, LIMIT_S)
{
	char *area = map_large(PAGE);
	unsigned long before;
	struct gru other;
	uint64_t value;

	ASSERT_EQ(0, gru_open(&other, 1, 1024, GRU_MISS_POLL));
	ASSERT_EQ(0, gru_place(&self->gru, 0, 0));
	ASSERT_EQ(0, gru_place(&other, 0, 1));
	ASSERT_TRUE(gru_put(&self->gru, 0, area, 1));
	ASSERT_TRUE(gru_get(&other, 0, area, &value));
	EXPECT_EQ(1, value);
	tgh();
	ASSERT_EQ(0, madvise(area, PAGE, MADV_DONTNEED));
	EXPECT_EQ(2, tgh());
	ASSERT_TRUE(gru_put(&self->gru, 0, area, 2));
	ASSERT_TRUE(gru_get(&other, 0, area, &value));
	EXPECT_EQ(2, value);
	ASSERT_EQ(0, gru_unload(&other));
	before = driver_count("flush_tlb_gru_zero_asid");
	tgh();
	ASSERT_EQ(0, madvise(area, PAGE, MADV_DONTNEED));
	EXPECT_EQ(1, tgh());
	EXPECT_EQ(before + 1, driver_count("flush_tlb_gru_zero_asid"));
	put_word(area, 3);
	ASSERT_TRUE(gru_get(&other, 0, area, &value));
	EXPECT_EQ(3, value);
	EXPECT_EQ(0, stale_entries());
	gru_close(&other);
}

/* Misses after one another bring pages ahead; these are flushed as others. */
TEST_F_TIMEOUT(gru, pages_that_were_preloaded, LIMIT_S)
{
	char *from = map_large(32 * PAGE), *to = map_large(32 * PAGE);
	unsigned long before = driver_count("tlb_preload_page");
	struct gru gru;

	memset(from, 7, 32 * PAGE);
	ASSERT_EQ(0, gru_open_preloading(&gru, 1, 4096, GRU_MISS_POLL, 8));
	ASSERT_EQ(0, gru_copy(&gru, 0, to, from, 32 * PAGE));
	EXPECT_EQ(0, memcmp(from, to, 32 * PAGE));
	EXPECT_LT(before, driver_count("tlb_preload_page"));
	ASSERT_EQ(0, madvise(to, 32 * PAGE, MADV_DONTNEED));
	ASSERT_EQ(0, madvise(from, 32 * PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, stale_entries());
	gru_close(&gru);
}

struct beat {
	struct gru *gru;
	unsigned int block;
	char *area;
	atomic_bool stop;
	atomic_ulong rounds;
	atomic_ulong wrong;
};

/* Each page has its own number, or, just emptied, none. */
static void *use_pages(void *arg)
{
	struct beat *beat = arg;
	uint64_t value;
	size_t off;

	while (!beat->stop) {
		for (off = 0; off < 16 * PAGE; off += PAGE) {
			if (!gru_put(beat->gru, beat->block,
				     beat->area + off, off + 1) ||
			    !gru_get(beat->gru, beat->block,
				     beat->area + off, &value) ||
			    (value && value != off + 1))
				beat->wrong++;
		}
		beat->rounds++;
	}
	return NULL;
}

/* Threads that flush the same pages at the same time; each waits for its own. */
TEST_F_TIMEOUT(gru, flushes_beside_drop_ins, LIMIT_S)
{
	struct beat beats[2];
	pthread_t threads[2];
	struct churn churns[2];
	char *area = map_large(16 * PAGE);
	uint64_t until = now_ns() + 3000 * MSEC;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		beats[i] = (struct beat) {
			.gru = &self->gru, .block = i, .area = area,
		};
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, use_pages,
					    &beats[i]));
		churn_start(&churns[i], area + i * 8 * PAGE, 8 * PAGE,
			    do_dontneed);
	}
	while (now_ns() < until)
		ASSERT_EQ(0, stale_entries());
	for (i = 0; i < 2; i++) {
		beats[i].stop = true;
		pthread_join(threads[i], NULL);
		churn_stop(&churns[i]);
		EXPECT_LT(0, beats[i].rounds);
		EXPECT_EQ(0, beats[i].wrong);
	}
}

TEST_HARNESS_MAIN
