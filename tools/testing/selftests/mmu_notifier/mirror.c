// SPDX-License-Identifier: GPL-2.0
/*
 * P2, in small: a mirror of pages under the interval reader's protocol never
 * shows what the page table no longer says.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fixture.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define NR_PAGES	16UL
#define LEN		(NR_PAGES * PAGE)
#define ROUNDS		400

static int mirror_read(int fd, int id, unsigned int flags, const char *addr,
		       struct mnt_mirror *mirror)
{
	*mirror = (struct mnt_mirror) {
		.id = id,
		.flags = flags,
		.addr = (uintptr_t)addr,
	};
	return ioctl(fd, MNT_MIRROR, mirror) ? -errno : 0;
}

static void put_word(char *page, uint64_t value)
{
	__atomic_store_n((uint64_t *)page, value, __ATOMIC_SEQ_CST);
}

/* What a change must leave behind in the mirror: nothing, or the truth. */
static void stays_true(struct __test_metadata *_metadata, int fd,
		       int (*change)(char *addr, size_t len), bool zeroes)
{
	struct mnt_mirror mirror;
	char *area = map_anon(LEN);
	int id;

	id = dev_add(fd, 0, MNT_INTERVAL, area, LEN, NULL);
	ASSERT_LE(0, id);
	put_word(area, 42);
	ASSERT_EQ(0, mirror_read(fd, id, MNT_MIRROR_FAULT | MNT_MIRROR_WRITE,
				 area, &mirror));
	EXPECT_EQ(42, mirror.value);
	/* A translation, and by it the same page: no copy. */
	put_word(area, 43);
	ASSERT_EQ(0, mirror_read(fd, id, 0, area, &mirror));
	ASSERT_EQ(1, mirror.present);
	EXPECT_EQ(43, mirror.value);

	ASSERT_EQ(0, change(area, PAGE));
	ASSERT_EQ(0, mirror_read(fd, id, 0, area, &mirror));
	EXPECT_EQ(0, mirror.present);
	ASSERT_EQ(0, mirror_read(fd, id, MNT_MIRROR_FAULT, area, &mirror));
	EXPECT_EQ(zeroes ? 0 : 43, mirror.value);
}

static int do_readonly(char *addr, size_t len)
{
	return mprotect(addr, len, PROT_READ);
}

/* It may take a few: a page in another CPU's batch is passed over. */
static int do_swap_out(char *addr, size_t len)
{
	uint64_t until = now_ns() + PATIENCE_MS * MSEC;

	if (!swap_is_on())
		return -1;
	do {
		if (madvise(addr, len, MADV_PAGEOUT))
			return -1;
		if (!pfn_of(addr))
			return 0;
		sleep_ms(10);
	} while (now_ns() < until);
	return -1;
}

TEST_F_TIMEOUT(mm, mirror_after_dontneed, LIMIT_S)
{
	stays_true(_metadata, self->fd, do_dontneed, true);
}

TEST_F_TIMEOUT(mm, mirror_after_reclaim, LIMIT_S)
{
	stays_true(_metadata, self->fd, do_swap_out, false);
}

TEST_F_TIMEOUT(mm, mirror_after_mprotect, LIMIT_S)
{
	stays_true(_metadata, self->fd, do_readonly, false);
}

/* A read-only translation of the zero page must go when it is written to. */
TEST_F_TIMEOUT(mm, mirror_after_cow, LIMIT_S)
{
	struct mnt_mirror mirror;
	char *area = map_anon(LEN);
	int id;

	ASSERT_EQ(0, do_dontneed(area, LEN));
	id = dev_add(self->fd, 0, MNT_INTERVAL, area, LEN, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, mirror_read(self->fd, id, MNT_MIRROR_FAULT, area,
				 &mirror));
	EXPECT_EQ(0, mirror.value);
	put_word(area, 7);
	ASSERT_EQ(0, mirror_read(self->fd, id, 0, area, &mirror));
	EXPECT_EQ(0, mirror.present);
	ASSERT_EQ(0, mirror_read(self->fd, id, MNT_MIRROR_FAULT, area,
				 &mirror));
	EXPECT_EQ(7, mirror.value);
}

/* Threads that read through the mirror while another one changes mappings. */
struct watcher {
	int fd;
	int id;
	char *area;
	pthread_t thread;
	atomic_bool stop;
	atomic_int errors;
	atomic_ulong reads;
	atomic_ulong floor[NR_PAGES];
};

/*
 * The writer lets the words of a page grow, throws the page away, and raises
 * the floor when that is done.  Who reads the floor first must never see a
 * word below it, except the zero of a fresh page.
 */
static void *watch(void *arg)
{
	struct watcher *watcher = arg;
	struct mnt_mirror mirror;
	unsigned long i, floor;

	for (i = 0; !watcher->stop; i = (i + 1) % NR_PAGES) {
		floor = watcher->floor[i];
		if (mirror_read(watcher->fd, watcher->id, MNT_MIRROR_FAULT,
				watcher->area + i * PAGE, &mirror))
			watcher->errors++;
		else if (mirror.value && mirror.value < floor)
			watcher->errors++;
		watcher->reads++;
	}
	return NULL;
}

TEST_F_TIMEOUT(mm, mirror_under_changes, LIMIT_S)
{
	struct watcher watcher = { .fd = self->fd, .area = map_anon(LEN) };
	unsigned long round, i, value = 0;

	ASSERT_EQ(0, do_dontneed(watcher.area, LEN));
	watcher.id = dev_add(self->fd, 0, MNT_INTERVAL, watcher.area, LEN,
			     NULL);
	ASSERT_LE(0, watcher.id);
	ASSERT_EQ(0, pthread_create(&watcher.thread, NULL, watch, &watcher));
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < NR_PAGES; i++)
			put_word(watcher.area + i * PAGE, ++value);
		ASSERT_EQ(0, do_dontneed(watcher.area, LEN));
		for (i = 0; i < NR_PAGES; i++)
			watcher.floor[i] = value + 1;
	}
	/* Give a slow reader the chance to have read at all. */
	for (i = 0; i < PATIENCE_MS && watcher.reads < NR_PAGES; i++)
		sleep_ms(1);
	watcher.stop = true;
	pthread_join(watcher.thread, NULL);
	TH_LOG("%lu reads through the mirror", watcher.reads);
	EXPECT_LE(NR_PAGES, watcher.reads);
	EXPECT_EQ(0, watcher.errors);
}

TEST_HARNESS_MAIN
