// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations fail, one by one, in what subscribers do: see faults.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"

/* One more than there are slots for. */
#define CROWD		MAX_OTHERS
#define TRIES		4

FIXTURE(faults) {
	struct place place;
};

FIXTURE_SETUP(faults)
{
	place_begin(_metadata, &self->place);
}

FIXTURE_TEARDOWN(faults)
{
	place_end(_metadata, &self->place);
}

TEST_F_TIMEOUT(faults, open, LIMIT_S)
{
	struct place *place = &self->place;
	struct sweep sweep = { .tries = TRIES };
	int fd;

	while (sweep_next(&sweep) && __test_passed(_metadata)) {
		fault_arm(sweep.nth);
		fd = dev_open();
		sweep_note(&sweep, fd >= 0);
		if (fd < 0) {
			EXPECT_TRUE(sweep.hit);
			EXPECT_EQ(-ENOMEM, fd);
			expect_nothing_left(_metadata, place, 0);
			fd = dev_open();
		}
		ASSERT_LE(0, fd);
		EXPECT_EQ(place->before.totals.files + 1,
			  totals_of(place->fd).files);
		close(fd);
		expect_nothing_left(_metadata, place, 0);
	}
	report(_metadata, &sweep, 1);
}

FIXTURE(subscribe) {
	struct place place;
};

FIXTURE_VARIANT(subscribe) {
	unsigned int kind;
	unsigned int others;	/* list subscribers that are there already */
};

FIXTURE_VARIANT_ADD(subscribe, first_list) {
	.kind = MNT_LIST,
};

FIXTURE_VARIANT_ADD(subscribe, first_list_start) {
	.kind = MNT_LIST_START,
};

FIXTURE_VARIANT_ADD(subscribe, first_secondary) {
	.kind = MNT_SECONDARY,
};

FIXTURE_VARIANT_ADD(subscribe, first_aging) {
	.kind = MNT_AGING,
};

FIXTURE_VARIANT_ADD(subscribe, first_get) {
	.kind = MNT_GET,
};

FIXTURE_VARIANT_ADD(subscribe, first_interval) {
	.kind = MNT_INTERVAL,
};

FIXTURE_VARIANT_ADD(subscribe, later_list) {
	.kind = MNT_LIST,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, later_list_start) {
	.kind = MNT_LIST_START,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, later_secondary) {
	.kind = MNT_SECONDARY,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, later_aging) {
	.kind = MNT_AGING,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, later_get) {
	.kind = MNT_GET,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, later_interval) {
	.kind = MNT_INTERVAL,
	.others = 1,
};

FIXTURE_VARIANT_ADD(subscribe, slotless_list) {
	.kind = MNT_LIST,
	.others = CROWD,
};

FIXTURE_VARIANT_ADD(subscribe, slotless_list_start) {
	.kind = MNT_LIST_START,
	.others = CROWD,
};

FIXTURE_VARIANT_ADD(subscribe, slotless_get) {
	.kind = MNT_GET,
	.others = CROWD,
};

FIXTURE_SETUP(subscribe)
{
	struct place *place = &self->place;
	unsigned int i;

	place_begin(_metadata, place);
	for (i = 0; place_is_set(place) && i < variant->others; i++)
		ASSERT_LE(0, place_add(place, MNT_LIST));
}

FIXTURE_TEARDOWN(subscribe)
{
	place_end(_metadata, &self->place);
}

/* The callout by which each kind shows that it is in force. */
static const unsigned int called[MNT_NR_KINDS] = {
	[MNT_LIST] = MNT_OP_START,
	[MNT_LIST_START] = MNT_OP_START,
	[MNT_SECONDARY] = MNT_OP_SECONDARY,
	/* Nothing here looks for young pages; release comes in any case. */
	[MNT_AGING] = MNT_OP_RELEASE,
	[MNT_GET] = MNT_OP_START,
	[MNT_INTERVAL] = MNT_OP_INVALIDATE,
};

/* A file whose next subscription takes memory to be noted down. */
static int open_used(void)
{
	int fd = dev_open();
	int id = dev_add(fd, 0, MNT_AGING, NULL, 0, NULL);

	return id < 0 || dev_del(fd, id, NULL) ? -1 : fd;
}

static void expect_works(struct __test_metadata *_metadata,
			 struct place *place, int fd, int id, unsigned int kind)
{
	EXPECT_EQ(1, dev_subscribed(place->fd, 0));
	touch(place->area);
	ASSERT_EQ(0, do_dontneed(place->area, LEN));
	ASSERT_EQ(0, dev_del(fd, id, NULL));
	if (kind == MNT_GET)
		EXPECT_TRUE(dev_wait_freed(fd, id));
	EXPECT_LT(0, dev_stats(fd, id).calls[called[kind]]);
	EXPECT_PAIRED(dev_stats(fd, id));
}

static void fail_once(struct __test_metadata *_metadata, struct place *place,
		      unsigned int kind, struct sweep *sweep)
{
	int fd = open_used(), id;

	ASSERT_LE(0, fd);
	fault_arm(sweep->nth);
	id = dev_add(fd, 0, kind, place->area, LEN, NULL);
	sweep_note(sweep, id >= 0);
	if (id < 0) {
		EXPECT_TRUE(sweep->hit);
		EXPECT_EQ(-ENOMEM, id);
		expect_nothing_left(_metadata, place, 1);
		id = dev_add(fd, 0, kind, place->area, LEN, NULL);
	}
	ASSERT_LE(0, id);
	expect_works(_metadata, place, fd, id, kind);
	close(fd);
	expect_nothing_left(_metadata, place, 0);
}

/*
 * A reference to the mm that a failure leaves behind is one for each attempt.
 */
TEST_F_TIMEOUT(subscribe, fails, LIMIT_S)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), before;
	struct sweep sweep = { .tries = 2 * cpus + 4 };
	struct place *place = &self->place;

	before = mm_references(place->fd);
	while (sweep_next(&sweep) && __test_passed(_metadata))
		fail_once(_metadata, place, variant->kind, &sweep);
	/* The subscription; the first also makes what all others share. */
	report(_metadata, &sweep, variant->others ? 1 : 2);
	EXPECT_GE(before + cpus, mm_references(place->fd));
}

static int map_anew(struct place *place)
{
	return mmap(place->area, LEN, PROT_READ | PROT_WRITE,
		    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       place->area ? 0 : -errno;
}

/* A device that maps what is not there yet. */
TEST_F_TIMEOUT(faults, mirror, LIMIT_S)
{
	struct place *place = &self->place;
	struct mnt_mirror mirror = {
		.flags = MNT_MIRROR_FAULT | MNT_MIRROR_WRITE,
		.addr = (uintptr_t)place->area,
	};
	struct sweep sweep = { .tries = TRIES };
	int ret;

	mirror.id = place_add(place, MNT_INTERVAL);
	ASSERT_LE(0, (int)mirror.id);
	while (sweep_next(&sweep) && __test_passed(_metadata)) {
		/* Without page tables, and without an anon_vma. */
		ret = map_anew(place);
		ASSERT_EQ(0, ret);
		fault_arm(sweep.nth);
		ret = ioctl(place->fd, MNT_MIRROR, &mirror) ? -errno : 0;
		sweep_note(&sweep, !ret);
		if (ret) {
			EXPECT_TRUE(sweep.hit);
			EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT);
			expect_nothing_left(_metadata, place, 0);
		}
		*(uint64_t *)place->area = sweep.nth;
		ASSERT_EQ(0, ioctl(place->fd, MNT_MIRROR, &mirror));
		EXPECT_EQ(sweep.nth, mirror.value);
	}
	report(_metadata, &sweep, 1);
}

TEST_HARNESS_MAIN
