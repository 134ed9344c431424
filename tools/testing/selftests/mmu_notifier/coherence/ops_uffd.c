// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd, and what is built on its write protection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

static struct uffdio_range whole(const struct area *area)
{
	return (struct uffdio_range) {
		.start = (uintptr_t)area->addr,
		.len = area->len,
	};
}

/* area->helper becomes the descriptor. */
static int open_uffd(struct area *area, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	area->helper = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (area->helper < 0)
		return lacking(area, "no userfaultfd");
	return ioctl(area->helper, UFFDIO_API, &api) ?
	       lacking(area, "userfaultfd without what is asked for") : DONE;
}

static int watch(struct area *area, uint64_t features, uint64_t mode)
{
	struct uffdio_register arg = { .range = whole(area), .mode = mode };
	int ret = open_uffd(area, features);

	if (!ret && ioctl(area->helper, UFFDIO_REGISTER, &arg))
		ret = failed(area, "UFFDIO_REGISTER");
	return ret;
}

static int prepare_wp(struct area *area)
{
	return watch(area, UFFD_FEATURE_WP_UNPOPULATED |
		     UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
		     UFFDIO_REGISTER_MODE_WP);
}

static int do_wp(struct area *area)
{
	struct uffdio_writeprotect arg = {
		.range = whole(area),
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	return ioctl(area->helper, UFFDIO_WRITEPROTECT, &arg) ?
	       failed(area, "UFFDIO_WRITEPROTECT") : DONE;
}

static int prepare_wp_async(struct area *area)
{
	return watch(area, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED,
		     UFFDIO_REGISTER_MODE_WP);
}

static int do_scan(struct area *area)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	struct page_region regions[64];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
		.start = (uintptr_t)area->addr,
		.end = (uintptr_t)(area->addr + area->len),
		.vec = (uintptr_t)regions,
		.vec_len = 64,
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};
	int ret = DONE;

	if (ioctl(fd, PAGEMAP_SCAN, &arg) < 0)
		ret = errno == ENOTTY ? lacking(area, "no PAGEMAP_SCAN") :
		      failed(area, "PAGEMAP_SCAN");
	close(fd);
	return ret;
}

static int prepare_missing(struct area *area)
{
	return watch(area, 0, UFFDIO_REGISTER_MODE_MISSING);
}

/* Take it away, and put something else in its place. */
static int do_copy(struct area *area)
{
	char *source = aligned_alloc(HUGE, (area->len + HUGE - 1) & -HUGE);
	struct uffdio_copy arg = {
		.dst = (uintptr_t)area->addr,
		.src = (uintptr_t)source,
		.len = area->len,
	};
	int ret = DONE;

	if (!source)
		return failed(area, "malloc");
	tag_pages(area, source, 1);
	if (madvise(area->addr, area->len, area->fd < 0 ? MADV_DONTNEED :
		    MADV_REMOVE))
		ret = failed(area, "madvise");
	else if (ioctl(area->helper, UFFDIO_COPY, &arg))
		ret = failed(area, "UFFDIO_COPY");
	free(source);
	return ret;
}

static int prepare_minor(struct area *area)
{
	return watch(area, UFFD_FEATURE_MINOR_SHMEM |
		     UFFD_FEATURE_MINOR_HUGETLBFS,
		     UFFDIO_REGISTER_MODE_MINOR);
}

/* Entries go, the pages stay; then they are entered again. */
static int do_continue(struct area *area)
{
	struct uffdio_continue arg = { .range = whole(area) };

	if (madvise(area->addr, area->len, MADV_DONTNEED))
		return failed(area, "madvise");
	return ioctl(area->helper, UFFDIO_CONTINUE, &arg) ?
	       failed(area, "UFFDIO_CONTINUE") : DONE;
}

/* A place of the same size, watched, to move the area to. */
static int prepare_move(struct area *area)
{
	char *to = mmap(NULL, area->len + 2 * HUGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register arg = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
		.range.len = area->len,
	};
	int ret = open_uffd(area, UFFD_FEATURE_MOVE);

	if (ret)
		return ret;
	to = (char *)(((uintptr_t)to + HUGE - 1) & -HUGE);
	arg.range.start = (uintptr_t)to;
	if (ioctl(area->helper, UFFDIO_REGISTER, &arg))
		return failed(area, "UFFDIO_REGISTER");
	area->other = to;
	return DONE;
}

static int do_move(struct area *area)
{
	struct uffdio_move arg = {
		.dst = (uintptr_t)area->other,
		.src = (uintptr_t)area->addr,
		.len = area->len,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};

	/* A page that somebody looks at may have to be tried again. */
	while (ioctl(area->helper, UFFDIO_MOVE, &arg)) {
		if (errno != EAGAIN && errno != EBUSY)
			return failed(area, "UFFDIO_MOVE");
		if (arg.move > 0) {
			arg.dst += arg.move;
			arg.src += arg.move;
			arg.len -= arg.move;
		}
		arg.move = 0;
	}
	return DONE;
}

#define NO_WP		"userfaultfd protects no files"
#define NO_WATCH	"userfaultfd watches no files"

const struct op ops_uffd[] = {
	{ "uffd-wp", ANY & ~FILE_ANY, NO_WP, .after = SAME,
	  .quiet = ONLY(ZERO), .prepare = prepare_wp, .run = do_wp,
	  .undo = close_helper,
	  .why = BY(UFFD_WP) },
	{ "pagemap-scan-wp", ANY, .after = SAME,
	  .quiet = ONLY(ZERO) | ONLY(FILE_PRIVATE),
	  .prepare = prepare_wp_async, .run = do_scan, .undo = close_helper,
	  .why = BY(UFFD_WP) },
	{ "uffd-missing", ANY & ~FILE_ANY, NO_WATCH, .after = CHANGED,
	  .prepare = prepare_missing, .run = do_copy, .undo = close_helper,
	  .why = BY(DISCARD) },
	{ "uffd-minor", ONLY(SHMEM) | ONLY(HUGETLB_SHARED),
	  "has no pages beside those that are mapped", .after = SAME,
	  .prepare = prepare_minor, .run = do_continue, .undo = close_helper,
	  .why = BY(DISCARD) },
	{ "uffd-move", ANON_ANY, "only anonymous pages are moved",
	  .after = ZEROES, .prepare = prepare_move, .run = do_move,
	  .undo = close_helper,
	  .why = BY(UFFD_MOVE), .also = BY(THP_SPLIT) },
	{ }
};
