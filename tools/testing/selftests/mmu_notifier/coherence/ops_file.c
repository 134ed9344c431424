// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on the file below a mapping.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"

static int do_truncate(struct area *area)
{
	return ftruncate(area->fd, 0) ? failed(area, "ftruncate") : DONE;
}

static int do_punch(struct area *area)
{
	return fallocate(area->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 0, area->len) ? failed(area, "fallocate") : DONE;
}

static int do_collapse_range(struct area *area)
{
	return fallocate(area->fd, FALLOC_FL_COLLAPSE_RANGE, 0,
			 area->len / 2) ? failed(area, "fallocate") : DONE;
}

/* What is dirty is write-protected when it is written back. */
static int do_sync(struct area *area)
{
	return msync(area->addr, area->len, MS_SYNC) ? failed(area, "msync") :
	       DONE;
}

#define OF_FILES	(FILE_ANY | SHARED_ANY)
#define NO_FILE		"no file"

const struct op ops_file[] = {
	{ "truncate", OF_FILES, NO_FILE, .after = GONE, .run = do_truncate,
	  .why = BY(DISCARD) },
	{ "truncate-copies", ONLY(FILE_PRIVATE), "no copies of a file",
	  .after = GONE, .prepare = write_anew, .run = do_truncate,
	  .why = BY(DISCARD) },
	{ "punch-hole", OF_FILES, NO_FILE, .after = ZEROES, .run = do_punch,
	  .why = BY(DISCARD) },
	{ "collapse-range", FILE_ANY, "no file system that does that",
	  .after = OTHER, .run = do_collapse_range,
	  .why = BY(DISCARD), .also = BY(CLEAN) },
	{ "writeback", ONLY(FILE_SHARED), "nothing is written back",
	  .after = SAME, .run = do_sync,
	  .why = BY(CLEAN) },
	{ }
};
