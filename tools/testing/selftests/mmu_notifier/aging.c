// SPDX-License-Identifier: GPL-2.0
/*
 * P9: aging. Every path that asks for the age of pages makes one callout for a
 * folio or a page table, whatever maps it, and takes the answers to the pages
 * that they are about.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "age.h"
#include "fixture.h"

FIXTURE_VARIANT(mm)
{
	enum mapping mapping;
};

FIXTURE_VARIANT_ADD(mm, folio_4k) { .mapping = PAGE_4K };
FIXTURE_VARIANT_ADD(mm, folio_64k) { .mapping = FOLIO_64K };
FIXTURE_VARIANT_ADD(mm, folio_2m_by_ptes) { .mapping = HUGE_BY_PTES };
FIXTURE_VARIANT_ADD(mm, folio_2m_by_pmd) { .mapping = HUGE_BY_PMD };
FIXTURE_VARIANT_ADD(mm, folio_2m_with_hole) { .mapping = HUGE_WITH_HOLE };

/* Make the area; false if the test has to be left out. */
static bool made(struct __test_metadata *_metadata, struct area *area,
		 enum mapping mapping)
{
	int ret = area_make(area, mapping);

	if (ret == AREA_NONE)
		SKIP(return false, "no folio of this size to be had");
	EXPECT_EQ(0, ret);
	return !ret;
}

/*
 * Each callout on the area was about all that is mapped of it. MGLRU may walk
 * the page table as well, if it runs out of generations.
 */
static void covers_all(struct __test_metadata *_metadata,
		       const struct callouts *seen, const struct area *area,
		       unsigned int reason)
{
	EXPECT_LT(0, seen->nr);
	EXPECT_EQ(seen->nr, seen->whole);
	EXPECT_EQ(seen->nr,
		  seen->of_reason[reason] + seen->of_reason[AGE_WALK]);
	EXPECT_EQ(area->mapped * seen->nr, seen->pages);
}

TEST_F_TIMEOUT(mm, idle_tracking_asks_once, LIMIT_S)
{
	struct callouts seen;
	struct area area;
	int id;

	if (!made(_metadata, &area, variant->mapping))
		return;
	id = dev_add(self->fd, 0, MNT_AGE, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, idle_set(&area));
	callouts_of(self->fd, id, &area, &seen);
	covers_all(_metadata, &seen, &area, AGE_IDLE);
	EXPECT_EQ(1, seen.nr);
	/* The last page of it is as good as the first. */
	ASSERT_EQ(0, dev_access(self->fd, id, area.last, NULL, NULL));
	EXPECT_EQ(0, idle_get(&area));
	EXPECT_EQ(0, dev_accessed(self->fd, id));
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
}

TEST_F_TIMEOUT(mm, idle_tracking_asks_old_subscribers_by_runs, LIMIT_S)
{
	struct mnt_stats stats;
	struct area area;
	int id;

	if (!made(_metadata, &area, variant->mapping))
		return;
	id = dev_add(self->fd, 0, MNT_AGING, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, idle_set(&area));
	stats = dev_stats(self->fd, id);
	EXPECT_EQ(area.runs, stats.calls[MNT_OP_CLEAR_YOUNG]);
	ASSERT_EQ(0, dev_access(self->fd, id, area.last, NULL, NULL));
	EXPECT_EQ(0, idle_get(&area));
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
}

/* What a hole hides is not asked about, and not forgotten. */
TEST_F_TIMEOUT(mm, holes_keep_their_state, LIMIT_S)
{
	struct area area;
	int id;

	if (variant->mapping != HUGE_WITH_HOLE)
		SKIP(return, "no hole");
	if (!made(_metadata, &area, variant->mapping))
		return;
	id = dev_add(self->fd, 0, MNT_AGE, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, dev_access(self->fd, id, area.hole, NULL, NULL));
	ASSERT_EQ(0, idle_set(&area));
	EXPECT_EQ(1, idle_get(&area));
	EXPECT_EQ(1, dev_accessed(self->fd, id));
}

static void reclaim(struct __test_metadata *_metadata, int fd,
		    struct area *area, unsigned int reason)
{
	struct callouts seen;
	int id;

	ASSERT_TRUE(swap_is_on());
	id = dev_add(fd, 0, MNT_AGE_SLEEPS, NULL, 0, NULL);
	ASSERT_LE(0, id);
	/* Always young, so that it is kept, and looked at again. */
	ASSERT_EQ(0, dev_rule(fd, (struct mnt_rule) {
		.id = id, .op = MNT_OP_AGE, .answer = 1 }));
	reclaim_area(area);
	callouts_of(fd, id, area, &seen);
	EXPECT_LT(0, seen.of_reason[reason]);
	/* By a PMD there is nothing to look around at. */
	if (reason == AGE_LOOK_AROUND) {
		EXPECT_EQ(seen.whole, seen.nr);
		EXPECT_LE(area->mapped * seen.nr, seen.pages);
		EXPECT_EQ(0, seen.blockable);
	} else {
		covers_all(_metadata, &seen, area, reason);
		EXPECT_EQ(seen.of_reason[reason], seen.blockable);
	}
}

TEST_F_TIMEOUT(mm, reclaim_asks_once, LIMIT_S)
{
	struct area area;

	if (variant->mapping == HUGE_WITH_HOLE)
		SKIP(return, "reclaim splits it first");
	if (mglru_set(false))
		SKIP(return, "no MGLRU");
	if (!made(_metadata, &area, variant->mapping))
		return;
	reclaim(_metadata, self->fd, &area, AGE_RECLAIM);
}

TEST_F_TIMEOUT(mm, look_around_asks_once, LIMIT_S)
{
	struct area area;

	if (variant->mapping == HUGE_WITH_HOLE)
		SKIP(return, "reclaim splits it first");
	if (mglru_set(true))
		SKIP(return, "no MGLRU");
	if (!made(_metadata, &area, variant->mapping))
		return;
	reclaim(_metadata, self->fd, &area,
		variant->mapping == HUGE_BY_PMD ? AGE_RECLAIM :
						  AGE_LOOK_AROUND);
}

/* MGLRU's walk of page tables: one callout for each. */
TEST_F_TIMEOUT(mm, walk_asks_once, LIMIT_S)
{
	struct callouts seen;
	struct mglru mglru;
	struct area area;
	int id;

	if (mglru_set(true))
		SKIP(return, "no MGLRU");
	if (!made(_metadata, &area, variant->mapping))
		return;
	ASSERT_EQ(0, mglru_find(&area, &mglru));
	id = dev_add(self->fd, 0, MNT_AGE, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, mglru_age(&mglru));
	callouts_of(self->fd, id, &area, &seen);
	EXPECT_EQ(1, seen.nr);
	EXPECT_EQ(1, seen.of_reason[AGE_WALK]);
	EXPECT_EQ(1, seen.whole);
	EXPECT_EQ(0, seen.blockable);
}

TEST_F_TIMEOUT(mm, damon_asks_once, LIMIT_S)
{
	struct callouts seen;
	struct area area;
	int id;

	if (!made(_metadata, &area, variant->mapping))
		return;
	id = dev_add(self->fd, 0, MNT_AGE_SLEEPS, NULL, 0, NULL);
	ASSERT_LE(0, id);
	if (damon_watch(&area))
		SKIP(return, "no DAMON");
	callouts_of(self->fd, id, &area, &seen);
	covers_all(_metadata, &seen, &area, AGE_DAMON);
	EXPECT_EQ(seen.nr, seen.blockable);
}

/* Nobody is asked about the memory of others. */
TEST_F_TIMEOUT(mm, other_processes_are_not_asked, LIMIT_S)
{
	struct area area;
	int id, status;
	pid_t child;

	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		sleep_ms(PATIENCE_MS);
		_exit(0);
	}
	id = dev_add(self->fd, child, MNT_AGE, NULL, 0, NULL);
	ASSERT_LE(0, id);
	if (!made(_metadata, &area, variant->mapping))
		return;
	EXPECT_EQ(0, idle_set(&area));
	EXPECT_EQ(0, dev_stats(self->fd, id).calls[MNT_OP_AGE]);
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
	kill(child, SIGKILL);
	EXPECT_TRUE(wait_child(child, PATIENCE_MS, &status));
}

TEST_HARNESS_MAIN
