// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd, and what is built on its write protection.
 *
 * It is told of faults of user space only, of which there are none: a fault in
 * a system call fails at once, and nobody has to answer.
 */
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "stress.h"

static struct uffdio_range to_uffd(struct range range)
{
	return (struct uffdio_range) {
		.start = (uintptr_t)range.addr,
		.len = range.len,
	};
}

/*
 * In both modes where that is possible, else for write protection.
 *
 * Never in the other mode alone: Linux 6.12 then forgets that pages may be
 * protected, and leaves them so for ever. To write to such a page of hugetlb
 * through get_user_pages() never comes to an end.
 */
static bool watch(struct worker *worker, struct range range, int arg)
{
	struct uffdio_register how = {
		.range = to_uffd(range),
		.mode = UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING,
	};

	if (!ioctl(worker->target->uffd, UFFDIO_REGISTER, &how))
		return true;
	how.mode = UFFDIO_REGISTER_MODE_WP;
	return !ioctl(worker->target->uffd, UFFDIO_REGISTER, &how);
}

static bool forget(struct worker *worker, struct range range, int arg)
{
	struct uffdio_range how = to_uffd(range);

	return !ioctl(worker->target->uffd, UFFDIO_UNREGISTER, &how);
}

/* Others unregister what they find; so register just before. */
static bool protect(struct worker *worker, struct range range, int arg)
{
	struct uffdio_writeprotect how = {
		.range = to_uffd(range),
		.mode = arg,
	};

	watch(worker, range, 0);
	return !ioctl(worker->target->uffd, UFFDIO_WRITEPROTECT, &how);
}

static bool fill_zero(struct worker *worker, struct range range, int arg)
{
	struct uffdio_zeropage how = { .range = to_uffd(range) };

	watch(worker, range, 0);
	return !ioctl(worker->target->uffd, UFFDIO_ZEROPAGE, &how) ||
	       how.zeropage > 0;
}

/* From the spare area, whatever is there. */
static bool copy(struct worker *worker, struct range range, int arg)
{
	struct uffdio_copy how = {
		.dst = (uintptr_t)range.addr,
		.src = (uintptr_t)spare_for(range),
		.len = range.len,
	};

	watch(worker, range, 0);
	return !ioctl(worker->target->uffd, UFFDIO_COPY, &how) || how.copy > 0;
}

static bool move(struct worker *worker, struct range range, int arg)
{
	struct uffdio_move how = {
		.dst = (uintptr_t)range.addr,
		.src = (uintptr_t)spare_for(range),
		.len = range.len,
		.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES,
	};

	watch(worker, range, 0);
	return !ioctl(worker->target->uffd, UFFDIO_MOVE, &how) || how.move > 0;
}

static bool scan(struct worker *worker, struct range range, int arg)
{
	struct page_region regions[16];
	struct pm_scan_arg how = {
		.size = sizeof(how),
		.flags = PM_SCAN_WP_MATCHING,
		.start = (uintptr_t)range.addr,
		.end = (uintptr_t)range.addr + range.len,
		.vec = (uintptr_t)regions,
		.vec_len = ARRAY_SIZE(regions),
		.category_mask = PAGE_IS_WRITTEN,
		.return_mask = PAGE_IS_WRITTEN,
	};

	watch(worker, range, 0);
	return ioctl(worker->target->pagemap, PAGEMAP_SCAN, &how) > 0;
}

const struct op ops_uffd[] = {
	{ "uffd-register", 2, ANY, watch },
	{ "uffd-unregister", 6, ANY, forget },
	{ "uffd-wp", 4, ANY, protect, UFFDIO_WRITEPROTECT_MODE_WP },
	{ "uffd-unwp", 4, ANY, protect, 0 },
	{ "uffd-zeropage", 3, ANY_ANON | ONLY(SHMEM), fill_zero },
	{ "uffd-copy", 3, ANY & ~ANY_SPARE, copy },
	{ "uffd-move", 4, ONLY(ANON) | ONLY(THP), move },
	{ "pagemap-scan-wp", 4, ANY, scan },
	{ }
};
