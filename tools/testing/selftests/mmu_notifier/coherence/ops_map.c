// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on mappings: unmapping, moving, protecting, copying.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "matrix.h"

static int do_munmap(struct area *area)
{
	return munmap(area->addr, area->len) ? failed(area, "munmap") : DONE;
}

/* Is what was moved to 'to' what it was? */
static int moved_well(struct area *area, const char *to)
{
	size_t at;

	for (at = 0; at < area->len; at += PAGE) {
		if (area->kind == ZERO ? page_is_zero(to + at) :
		    tag_is(to + at, area->addr + at, 0))
			continue;
		errno = EIO;
		return failed(area, "other data after the move");
	}
	return DONE;
}

static int do_move(struct area *area)
{
	char *to = mmap(NULL, area->len + 2 * HUGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	to = (char *)(((uintptr_t)to + HUGE - 1) & -HUGE);
	if (mremap(area->addr, area->len, area->len,
		   MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return failed(area, "mremap");
	return moved_well(area, to);
}

/* There is something behind it, so that it has to move. */
static int do_grow(struct area *area)
{
	char *to;

	if (mmap(area->addr + area->len, PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return failed(area, "mmap");
	to = mremap(area->addr, area->len, 2 * area->len, MREMAP_MAYMOVE);
	if (to == MAP_FAILED)
		return failed(area, "mremap");
	return moved_well(area, to);
}

static int do_shrink(struct area *area)
{
	size_t half = area->len / 2;

	if (mremap(area->addr, area->len, half, 0) != area->addr)
		return failed(area, "mremap");
	return DONE;
}

static int do_dontunmap(struct area *area)
{
	char *to = mremap(area->addr, area->len, area->len,
			  MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (to == MAP_FAILED)
		return failed(area, "mremap");
	return moved_well(area, to);
}

static int protect(struct area *area, size_t len, int prot)
{
	return mprotect(area->addr, len, prot) ? failed(area, "mprotect") :
	       DONE;
}

static int protect_none(struct area *area)
{
	return protect(area, area->len, PROT_NONE);
}

static int protect_read(struct area *area)
{
	return protect(area, area->len, PROT_READ);
}

/* Before it is translated. */
static int prepare_read(struct area *area)
{
	area->readonly = true;
	return protect_read(area);
}

static int protect_write(struct area *area)
{
	return protect(area, area->len, PROT_READ | PROT_WRITE);
}

/* Where the boundary of a mapping comes to be, in the middle of huge pages. */
static int protect_half(struct area *area)
{
	return protect(area, area->len / 2, PROT_NONE);
}

static int do_fork(struct area *area)
{
	int ret = begin_child(area, NULL);

	return ret ?: end_child(area);
}

static void write_as_child(struct area *area)
{
	tag_pages(area, area->addr, 2);
}

/* The child writes, the parent keeps its pages. */
static int cow_child(struct area *area)
{
	int ret = begin_child(area, write_as_child);

	return ret ?: end_child(area);
}

/* The parent writes, and gets other pages. */
static int cow_parent(struct area *area)
{
	int ret = begin_child(area, NULL);

	if (ret)
		return ret;
	write_anew(area);
	return end_child(area);
}

/* There is a child already: what follows is nothing but the copy. */
static int prepare_child(struct area *area)
{
	area->readonly = true;
	return begin_child(area, NULL);
}

#define PRIVATE_ANY	(ANON_ANY | ONLY(HUGETLB) | ONLY(FILE_PRIVATE) | ONLY(ZERO))
#define NO_SHARED	"a shared mapping is not copied"
#define NO_HUGETLB	"hugetlb mappings are not resized, nor left behind"

const struct op ops_map[] = {
	{ "munmap", ANY, .after = GONE, .run = do_munmap,
	  .why = BY(UNMAP), .also = BY(UNSHARE) },
	{ "mremap-move", ANY, .after = GONE, .run = do_move,
	  .why = BY(MREMAP), .also = BY(UNMAP) | BY(UNSHARE) | BY(THP_SPLIT) },
	{ "mremap-grow", ANY & ~HUGETLB_ANY, NO_HUGETLB, .after = GONE,
	  .run = do_grow,
	  .why = BY(MREMAP), .also = BY(UNMAP) | BY(UNSHARE) | BY(THP_SPLIT) },
	{ "mremap-shrink", ANY, .after = EITHER, .run = do_shrink,
	  .why = BY(UNMAP), .also = BY(THP_SPLIT) | BY(UNSHARE) },
	{ "mremap-dontunmap", ANY & ~HUGETLB_ANY, NO_HUGETLB,
	  .after = DROPPED, .run = do_dontunmap,
	  .why = BY(MREMAP) },
	{ "mprotect-none", ANY, .after = DENIED, .run = protect_none,
	  .undo = protect_write,
	  .why = BY(PROTECT), .also = BY(UNSHARE) },
	{ "mprotect-read", ANY, .after = SAME, .keeps = ONLY(ZERO),
	  .run = protect_read,
	  .why = BY(PROTECT), .also = BY(UNSHARE) },
	{ "mprotect-write", ANY, .after = SAME,
	  .keeps = ONLY(ZERO) | ONLY(FILE_PRIVATE), .quiet = ANY,
	  .prepare = prepare_read, .run = protect_write,
	  .why = BY(PROTECT) },
	{ "mprotect-half", ANY, .after = EITHER, .run = protect_half,
	  .undo = protect_write,
	  .why = BY(PROTECT), .also = BY(THP_SPLIT) | BY(UNSHARE) },
	{ "fork", ANY, .after = SAME, .keeps = ANY, .run = do_fork,
	  .why = BY(FORK) },
	{ "cow-of-child", PRIVATE_ANY, NO_SHARED, .after = SAME,
	  .keeps = ONLY(FILE_PRIVATE) | ONLY(ZERO), .run = cow_child,
	  .why = BY(FORK) },
	{ "cow-of-parent", PRIVATE_ANY, NO_SHARED, .after = CHANGED,
	  .run = cow_parent,
	  .why = BY(COW), .also = BY(FORK) | BY(THP_SPLIT) },
	{ "cow", ONLY(FILE_PRIVATE) | ONLY(ZERO), "nothing to be copied from",
	  .after = CHANGED, .run = write_anew,
	  .why = BY(COW) },
	{ "cow-after-fork", PRIVATE_ANY, NO_SHARED, .after = CHANGED,
	  .prepare = prepare_child, .run = write_anew, .undo = end_child,
	  .why = BY(COW), .also = BY(THP_SPLIT) },
	{ }
};
