// SPDX-License-Identifier: GPL-2.0
/*
 * P9, page by page: answers decide about the pages that they are for; a
 * callout that sleeps is waited for by its own subscription alone.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "age.h"
#include "fixture.h"

#define KHUGEPAGED	"/sys/kernel/mm/transparent_hugepage/khugepaged"

static const unsigned int young[] = { 3, 17, 400 };

static bool is_young(unsigned int page)
{
	return page == young[0] || page == young[1] || page == young[2];
}

static int access_three(int fd, int id, const struct area *area)
{
	return dev_access(fd, id, area->start + young[0] * PAGE,
			  area->start + young[1] * PAGE,
			  area->start + young[2] * PAGE);
}

/* Pages that were evicted though young, or kept though old. */
static void judge(const struct area *area, unsigned int *lost,
		  unsigned int *kept)
{
	unsigned int i;

	*lost = 0;
	*kept = 0;
	for (i = 0; i < area->mapped; i++) {
		bool present = pfn_of(area->start + i * PAGE);

		*lost += is_young(i) && !present;
		*kept += !is_young(i) && present;
	}
}

/*
 * Of 512 pages below one PMD, the secondary MMU has used three. The walk tells
 * them from the others, which are evicted; without a walk, the reverse map and
 * its looking around do.
 */
static void young_stay(struct __test_metadata *_metadata, int fd,
		       unsigned int kind, bool walk)
{
	unsigned int lost, kept;
	struct mglru mglru;
	struct area area;
	int id;

	ASSERT_TRUE(swap_is_on());
	if (mglru_set(true))
		SKIP(return, "no MGLRU");
	ASSERT_EQ(0, area_make(&area, PAGES_4K));
	ASSERT_EQ(0, mglru_find(&area, &mglru));
	/* The accesses by which the area was filled are to be old. */
	ASSERT_EQ(0, mglru_age(&mglru));
	id = dev_add(fd, 0, kind, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, mglru_age(&mglru));
	if (!walk)
		ASSERT_EQ(0, mglru_age(&mglru));
	ASSERT_EQ(0, access_three(fd, id, &area));
	if (walk) {
		ASSERT_EQ(0, mglru_age(&mglru));
		EXPECT_EQ(0, dev_accessed(fd, id));
	}
	/* What the walk found is in the generation before the youngest. */
	EXPECT_EQ(0, mglru_evict(&mglru, mglru.max_seq - 2));
	judge(&area, &lost, &kept);
	EXPECT_EQ(0, dev_accessed(fd, id));
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, kept);
}

TEST_F_TIMEOUT(mm, walk_finds_the_young_ones, LIMIT_S)
{
	young_stay(_metadata, self->fd, MNT_AGE, true);
}

TEST_F_TIMEOUT(mm, walk_finds_those_of_old_subscribers, LIMIT_S)
{
	young_stay(_metadata, self->fd, MNT_AGING, true);
}

TEST_F_TIMEOUT(mm, look_around_finds_the_young_ones, LIMIT_S)
{
	young_stay(_metadata, self->fd, MNT_AGE, false);
}

TEST_F_TIMEOUT(mm, look_around_finds_those_of_old_subscribers, LIMIT_S)
{
	young_stay(_metadata, self->fd, MNT_AGING, false);
}

static bool is_collapsed(const struct area *area)
{
	uint64_t pfn = pfn_of(area->start);

	return pfn && pfn % 512 == 0 && pfn_of(area->last) == pfn + 511;
}

static int let_khugepaged_look(const struct area *area)
{
	if (write_file(KHUGEPAGED "/scan_sleep_millisecs", "20") ||
	    write_file(KHUGEPAGED "/alloc_sleep_millisecs", "20"))
		return -1;
	write_file("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled",
		   "inherit");
	return madvise(area->start, HUGE_PAGE, MADV_HUGEPAGE);
}

/* khugepaged makes a page huge if somebody uses it; one callout tells. */
TEST_F_TIMEOUT(mm, collapse_asks_once, LIMIT_S)
{
	struct callouts seen;
	struct area area;
	unsigned int ms;
	int id;

	ASSERT_EQ(0, area_make(&area, PAGES_4K));
	id = dev_add(self->fd, 0, MNT_AGE, NULL, 0, NULL);
	ASSERT_LE(0, id);
	/* Not the CPU. */
	ASSERT_EQ(0, write_file("/proc/self/clear_refs", "1"));
	if (let_khugepaged_look(&area))
		SKIP(return, "no khugepaged");
	for (ms = 0; ms < PATIENCE_MS; ms += 50) {
		if (dev_stats(self->fd, id).calls[MNT_OP_AGE])
			break;
		sleep_ms(50);
	}
	EXPECT_FALSE(is_collapsed(&area));
	callouts_of(self->fd, id, &area, &seen);
	EXPECT_LT(0, seen.nr);
	EXPECT_EQ(seen.nr, seen.of_reason[AGE_COLLAPSE]);
	EXPECT_EQ(area.mapped * seen.nr, seen.pages);

	ASSERT_EQ(0, dev_access(self->fd, id, area.start + 17 * PAGE, NULL,
				NULL));
	for (ms = 0; ms < PATIENCE_MS && !is_collapsed(&area); ms += 50)
		sleep_ms(50);
	EXPECT_TRUE(is_collapsed(&area));
	/* It has only looked. */
	EXPECT_EQ(1, dev_accessed(self->fd, id));
	write_file(KHUGEPAGED "/scan_sleep_millisecs", "10000");
}

struct walker {
	const struct area *area;
	atomic_bool done;
};

static void *walk(void *arg)
{
	struct walker *walker = arg;

	idle_set(walker->area);
	walker->done = true;
	return NULL;
}

struct leaver {
	int fd;
	int id;
	atomic_bool go;
	atomic_bool done;
};

static void *leave(void *arg)
{
	struct leaver *leaver = arg;

	wait_flag(&leaver->go, PATIENCE_MS);
	dev_del(leaver->fd, leaver->id, NULL);
	leaver->done = true;
	return NULL;
}

TEST_F_TIMEOUT(mm, sleeping_callout_is_waited_for_alone, LIMIT_S)
{
	struct leaver leaver = { .fd = self->fd };
	pthread_t walking, leaving;
	struct walker walker;
	struct callouts seen;
	struct area area;
	int id, other;
	uint64_t ns;

	ASSERT_EQ(0, area_make(&area, PAGE_4K));
	walker = (struct walker) { .area = &area };
	other = dev_add(self->fd, 0, MNT_AGE_SLEEPS, NULL, 0, NULL);
	id = dev_add(self->fd, 0, MNT_AGE_SLEEPS, NULL, 0, NULL);
	ASSERT_LE(0, other);
	ASSERT_LE(0, id);
	leaver.id = id;
	ASSERT_EQ(0, pthread_create(&leaving, NULL, leave, &leaver));
	ASSERT_EQ(0, dev_hold(self->fd, id, MNT_OP_AGE, area.start, PAGE));
	ASSERT_EQ(0, pthread_create(&walking, NULL, walk, &walker));
	ASSERT_TRUE(dev_wait_held(self->fd, id));

	/* Another subscription comes and goes meanwhile. */
	ASSERT_EQ(0, dev_del(self->fd, other, &ns));
	EXPECT_GE(bound_ns(100 * MSEC), ns);
	leaver.go = true;
	EXPECT_FALSE(wait_flag(&leaver.done, 200));
	EXPECT_TRUE(dev_still_held(self->fd, id));
	EXPECT_FALSE(walker.done);
	ASSERT_EQ(0, dev_let_go(self->fd, id, MNT_OP_AGE));
	EXPECT_TRUE(wait_flag(&leaver.done, PATIENCE_MS));
	EXPECT_TRUE(wait_flag(&walker.done, PATIENCE_MS));
	pthread_join(leaving, NULL);
	pthread_join(walking, NULL);
	callouts_of(self->fd, id, &area, &seen);
	EXPECT_EQ(1, seen.blockable);
	EXPECT_PAIRED(dev_stats(self->fd, id));
	EXPECT_EQ(0, dev_subscribed(self->fd, 0));
}

TEST_HARNESS_MAIN
