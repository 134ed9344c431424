/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every allocation of every operation fails once: the operation says so or
 * does without it, nothing is left behind, and it works the next time. This
 * is what the tests of that share: how it was before, and whether it is so
 * again.
 */
#ifndef _MMU_NOTIFIER_TEST_FAULTS_H
#define _MMU_NOTIFIER_TEST_FAULTS_H

#include <stdlib.h>
#include <sys/ioctl.h>

#include "fixture.h"
#include "inject.h"
#include "klog.h"

#define REFCNT		"/sys/module/test_mmu_notifier/refcnt"
#define MAX_OTHERS	65
#define LEN		(8 * PAGE)

/* How it was before, and has to be there afterwards. */
struct before {
	struct mnt_totals totals;
	unsigned int users;
};

/* The subscribers that are there all the time, and a device for them. */
struct place {
	int fd;
	char *area;
	int others[MAX_OTHERS];
	unsigned int nr_others;
	struct before before;
	struct klog klog;
};

static inline struct mnt_totals totals_of(int fd)
{
	struct mnt_totals totals;

	if (ioctl(fd, MNT_TOTALS, &totals))
		memset(&totals, 0xff, sizeof(totals));
	return totals;
}

static inline unsigned int module_users(void)
{
	char text[16];

	return read_file(REFCNT, text, sizeof(text)) ? 0 : atoi(text);
}

/* Of the caller's mm; CPUs that are idle may hold one each. */
static inline unsigned int mm_references(int fd)
{
	struct mnt_mm mm = {};

	return ioctl(fd, MNT_MM, &mm) ? 0 : mm.count;
}

/* mmu_notifier_put() frees some time later. */
static inline bool wait_subs(int fd, unsigned int subs)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS && totals_of(fd).subs != subs; ms++)
		sleep_ms(1);
	return totals_of(fd).subs == subs;
}

static inline void note_before(struct place *place)
{
	place->before.totals = totals_of(place->fd);
	place->before.users = module_users();
}

static inline void place_begin(struct __test_metadata *_metadata,
			       struct place *place)
{
	const char *why;

	place->klog.fd = -1;
	place->fd = fixture_open(_metadata);
	if (place->fd < 0)
		return;
	why = why_no_faults();
	if (why)
		SKIP(return, "%s", why);
	place->area = map_anon(LEN);
	ASSERT_NE(NULL, place->area);
	ASSERT_TRUE(klog_begin(&place->klog));
	note_before(place);
}

/* Unless the test is skipped. */
static inline bool place_is_set(const struct place *place)
{
	return place->klog.fd >= 0;
}

/* One more subscriber that stays. */
static inline int place_add(struct place *place, unsigned int kind)
{
	int id = dev_add(place->fd, 0, kind, place->area, LEN, NULL);

	if (id >= 0)
		place->others[place->nr_others++] = id;
	note_before(place);
	return id;
}

static inline void expect_quiet(struct __test_metadata *_metadata,
				struct place *place)
{
	const char *trouble = klog_trouble(&place->klog);

	EXPECT_EQ(NULL, trouble);
	if (trouble)
		TH_LOG("the kernel says: %s", trouble);
}

static inline void place_end(struct __test_metadata *_metadata,
			     struct place *place)
{
	if (!place_is_set(place))
		return;
	expect_quiet(_metadata, place);
	klog_end(&place->klog);
	close(place->fd);
}

/*
 * As it was before, whatever has been tried since, but for @open files more,
 * each with one subscription that has ended.
 */
static inline void expect_nothing_left(struct __test_metadata *_metadata,
				       struct place *place, unsigned int open)
{
	const struct before *before = &place->before;
	unsigned int i;

	EXPECT_TRUE(wait_subs(place->fd, before->totals.subs + open));
	EXPECT_EQ(before->totals.files + open, totals_of(place->fd).files);
	EXPECT_EQ(before->totals.unpaired, totals_of(place->fd).unpaired);
	EXPECT_EQ(before->users + open, module_users());
	EXPECT_TRUE(place->nr_others ? dev_subscribed(place->fd, 0) == 1 :
		    dev_wait_unsubscribed(place->fd));
	for (i = 0; i < place->nr_others; i++)
		EXPECT_PAIRED(dev_stats(place->fd, place->others[i]));
	expect_quiet(_metadata, place);
}

/* At the end: how much has been tried, and how much must have failed. */
static inline void report(struct __test_metadata *_metadata,
			  const struct sweep *sweep, unsigned int fatal)
{
	TH_LOG("%u failure points, %u of them fatal", sweep->points,
	       sweep->fatal);
	EXPECT_FALSE(sweep->any_hit);
	EXPECT_LT(0, sweep->points);
	EXPECT_LE(fatal, sweep->fatal);
}

#endif /* _MMU_NOTIFIER_TEST_FAULTS_H */
