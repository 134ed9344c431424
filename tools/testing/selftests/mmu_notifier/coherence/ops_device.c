// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a device, and pages that a device has for itself, by the base's
 * test device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lib/test_hmm_uapi.h>

#include "matrix.h"

#define DEVICE		"/dev/hmm_dmirror0"

static int device_do(struct area *area, unsigned long command)
{
	struct hmm_dmirror_cmd arg = {
		.addr = (uintptr_t)area->addr,
		.npages = area->len / PAGE,
	};
	void *copy = malloc(area->len);
	int ret = DONE;

	arg.ptr = (uintptr_t)copy;
	settle_pages();
	if (!copy || ioctl(area->helper, command, &arg))
		ret = failed(area, "the device's ioctl");
	free(copy);
	return ret;
}

static int open_device(struct area *area)
{
	area->helper = open(DEVICE, O_RDWR);
	return area->helper < 0 ? lacking(area, "no %s: CONFIG_TEST_HMM",
					  DEVICE) : DONE;
}

static int migrate_to_device(struct area *area)
{
	return device_do(area, HMM_DMIRROR_MIGRATE_TO_DEV);
}

/* The reader may have had it back before the device reads what it holds. */
static int migrate_and_lose(struct area *area)
{
	int ret = migrate_to_device(area);

	return ret == -ENOENT ? DONE : ret;
}

/* From there, by touching it. */
static int prepare_return(struct area *area)
{
	int ret = open_device(area);

	return ret ?: migrate_to_device(area);
}

static int make_exclusive(struct area *area)
{
	return device_do(area, HMM_DMIRROR_EXCLUSIVE);
}

#define MIGRATED	"the test device takes small anonymous pages, and splits huge ones"
#define EXCLUSIVE	"a device has only small anonymous pages to itself"

const struct op ops_device[] = {
	{ "to-device", ONLY(ANON) | ONLY(THP) | ONLY(ZERO), MIGRATED, .after = SAME,
	  .prepare = open_device, .run = migrate_to_device,
	  .undo = close_helper,
	  .why = BY(DEV_MIGRATE), .also = BY(THP_SPLIT) },
	{ "fill-on-device", ONLY(ZERO), "what is not empty is not filled anew",
	  .after = SAME, .huge = true, .reads = true, .prepare = open_device,
	  .run = migrate_and_lose, .undo = close_helper,
	  .why = BY(DEV_MIGRATE) },
	{ "back-from-device", ONLY(ANON) | ONLY(THP), MIGRATED, .after = SAME,
	  .prepare = prepare_return, .run = migrate_to_device,
	  .undo = close_helper,
	  .why = BY(DEV_MIGRATE) },
	{ "device-exclusive", ONLY(ANON), EXCLUSIVE,
	  .after = SAME, .prepare = open_device, .run = make_exclusive,
	  .undo = close_helper,
	  .why = BY(EXCLUSIVE) },
	{ }
};
