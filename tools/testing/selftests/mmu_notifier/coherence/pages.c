// SPDX-License-Identifier: GPL-2.0
/*
 * The kinds of pages, and what they are filled with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"

#define SMALL		(16 * PAGE)
#define MIDDLE		(16 * PAGE)	/* of one folio */
#define PATTERN		0x9e3779b97f4a7c15ULL
#define MTHP_SWITCH	"/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled"

/* At the beginning of each page; the rest repeats the sum. */
struct tag {
	uint64_t addr;
	uint64_t generation;
	uint64_t sum;
};

static struct tag make_tag(const char *addr, unsigned int generation)
{
	struct tag tag = {
		.addr = (uintptr_t)addr,
		.generation = generation,
	};

	tag.sum = (tag.addr ^ PATTERN) * (2 * generation + 1);
	return tag;
}

/**
 * tag_pages() - write into each page whose it is
 * @area:       an area
 * @addr:       where its pages are by now
 * @generation: 0 to begin with
 */
void tag_pages(const struct area *area, char *addr, unsigned int generation)
{
	struct tag tag;
	size_t at, i;

	for (at = 0; at < area->len; at += PAGE) {
		tag = make_tag(area->addr + at, generation);
		memcpy(addr + at, &tag, sizeof(tag));
		for (i = sizeof(tag); i < PAGE; i += 8)
			memcpy(addr + at + i, &tag.sum, 8);
	}
}

/**
 * tag_is() - does a page hold what was written into it?
 * @page:       its contents
 * @addr:       its address in the area
 * @generation: which
 *
 * Return: true if so.
 */
bool tag_is(const char *page, const char *addr, unsigned int generation)
{
	struct tag tag = make_tag(addr, generation);
	size_t i;

	if (memcmp(page, &tag, sizeof(tag)))
		return false;
	for (i = sizeof(tag); i < PAGE; i += 8)
		if (memcmp(page + i, &tag.sum, 8))
			return false;
	return true;
}

/**
 * page_is_zero() - is there nothing in a page?
 * @page: its contents
 *
 * Return: true if so.
 */
bool page_is_zero(const char *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

/**
 * lacking() - this machine or kernel cannot do it
 * @area: keeps the reason
 * @why:  the reason
 *
 * Return: NOT_HERE.
 */
int lacking(struct area *area, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(area->why, WHY, why, args);
	va_end(args);
	return NOT_HERE;
}

/**
 * failed() - something failed that should not, with errno
 * @area: keeps the reason
 * @what: what it was
 *
 * Return: the negative error.
 */
int failed(struct area *area, const char *what)
{
	int error = errno ?: EINVAL;

	snprintf(area->why, WHY, "(%s)", what);
	return -error;
}

/**
 * set_file() - write a setting
 * @area: keeps the reason of a failure
 * @path: the file
 * @text: the value
 *
 * Return: DONE, NOT_HERE if there is no such file, or a negative error.
 */
int set_file(struct area *area, const char *path, const char *text)
{
	if (!write_file(path, text))
		return DONE;
	if (errno == ENOENT)
		return lacking(area, "no %s", path);
	return failed(area, path);
}

/**
 * pagemap_entry() - what /proc/self/pagemap says of a page
 * @addr: its address
 *
 * Return: the entry, or 0.
 */
uint64_t pagemap_entry(const char *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)addr / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	return entry;
}

/**
 * pagemap_pfn() - the frame of a page
 * @addr: its address
 *
 * Return: its number, or 0 if it is not present.
 */
uint64_t pagemap_pfn(const char *addr)
{
	uint64_t entry = pagemap_entry(addr);

	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

/**
 * is_huge() - is an address mapped by a huge page?
 * @addr: the address
 *
 * Return: true if so.
 */
bool is_huge(const char *addr)
{
	struct page_region region = { };
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)addr,
		.end = (uintptr_t)addr + PAGE,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = PAGE_IS_HUGE,
		.return_mask = PAGE_IS_HUGE,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);
	int found = ioctl(fd, PAGEMAP_SCAN, &arg);

	close(fd);
	return found > 0;
}

/**
 * settle_pages() - have all pages put where reclaim and migration find them
 *
 * Each processor keeps the latest in a list of its own; this empties them.
 */
void settle_pages(void)
{
	write_file("/proc/sys/vm/drop_caches", "1");
}

/**
 * wait_until() - wait for a condition
 * @condition: asked again and again
 * @arg:       of the condition
 *
 * Return: whether it came true in time.
 */
bool wait_until(bool (*condition)(void *arg), void *arg)
{
	uint64_t until = now_ns() + bound_ns(2 * PATIENCE_MS * MSEC);

	while (!condition(arg)) {
		if (now_ns() > until)
			return false;
		sleep_ms(1);
	}
	return true;
}

static bool is_paged_out(void *arg)
{
	struct area *area = arg;
	size_t at;

	settle_pages();
	madvise(area->addr, area->len, MADV_PAGEOUT);
	for (at = 0; at < area->len; at += PAGE)
		if (pagemap_pfn(area->addr + at))
			return false;
	return true;
}

/**
 * page_out() - have no page of an area in memory
 * @area: the area
 *
 * Return: true if that was possible.
 */
bool page_out(struct area *area)
{
	return wait_until(is_paged_out, area);
}

/**
 * files_folder() - a folder on a file system with a block device below
 *
 * Return: its path, from the environment, or NULL.
 */
const char *files_folder(void)
{
	return getenv("MMU_NOTIFIER_FILES");
}

/* An address range that is 2 MiB aligned, or as aligned as asked for. */
static char *reserve(size_t len, size_t align)
{
	char *at = mmap(NULL, len + 2 * align, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* With something unmapped on both sides, so that nothing is merged. */
	return (char *)(((uintptr_t)at + 2 * align - 1) & -align);
}

static int map_at(struct area *area, size_t align, int prot, int flags)
{
	char *at = reserve(area->len, align);

	if (!at)
		return failed(area, "mmap");
	area->addr = mmap(at, area->len, prot, flags | MAP_FIXED, area->fd, 0);
	return area->addr == MAP_FAILED ? failed(area, "mmap") : DONE;
}

static int map_private(struct area *area, int advice)
{
	int ret = map_at(area, HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS);

	if (!ret && madvise(area->addr, area->len, advice))
		ret = failed(area, "madvise");
	return ret;
}

static int make_anon(struct area *area)
{
	int ret = map_private(area, MADV_NOHUGEPAGE);

	if (!ret)
		tag_pages(area, area->addr, 0);
	return ret;
}

/* Are the frames of each unit in a row? */
static bool is_contiguous(const struct area *area)
{
	size_t at, i;

	for (at = 0; at < area->len; at += area->unit)
		for (i = PAGE; i < area->unit; i += PAGE)
			if (pagemap_pfn(area->addr + at + i) !=
			    pagemap_pfn(area->addr + at) + i / PAGE)
				return false;
	return true;
}

static int make_large(struct area *area)
{
	int ret = map_private(area, MADV_HUGEPAGE);

	if (ret)
		return ret;
	tag_pages(area, area->addr, 0);
	return is_contiguous(area) ? DONE :
	       lacking(area, "no memory in one piece");
}

static int make_mthp(struct area *area)
{
	int ret = set_file(area, MTHP_SWITCH, "madvise");
	size_t at;

	if (ret)
		return ret;
	ret = map_private(area, MADV_NOHUGEPAGE);
	/* One after the other, or the first would be one of 2 MiB. */
	for (at = 0; !ret && at < area->len; at += area->unit) {
		if (madvise(area->addr + at, area->unit, MADV_HUGEPAGE))
			return failed(area, "madvise");
		touch(area->addr + at);
	}
	if (ret)
		return ret;
	tag_pages(area, area->addr, 0);
	return is_contiguous(area) ? DONE :
	       lacking(area, "no memory in one piece");
}

static int make_hugetlb(struct area *area)
{
	int ret = map_at(area, HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);

	if (ret)
		return lacking(area, "no huge pages left");
	tag_pages(area, area->addr, 0);
	return DONE;
}

/* As much of a 1 GiB mapping as is wanted: so its page tables can be shared. */
static int make_hugetlb_shared(struct area *area)
{
	size_t len = area->len;
	int ret;

	area->fd = memfd_create("area", MFD_HUGETLB);
	if (area->fd < 0 || ftruncate(area->fd, GIGA))
		return failed(area, "memfd_create");
	area->len = GIGA;
	ret = map_at(area, GIGA, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE);
	area->len = len;
	if (ret)
		return ret;
	tag_pages(area, area->addr, 0);
	return DONE;
}

/* Written through another mapping, so that ours only has to be read. */
static int fill_file(struct area *area)
{
	char *map;

	if (area->fd < 0 || ftruncate(area->fd, area->len))
		return failed(area, "making a file");
	map = mmap(NULL, area->len, PROT_READ | PROT_WRITE, MAP_SHARED,
		   area->fd, 0);
	if (map == MAP_FAILED)
		return failed(area, "mmap");
	tag_pages(area, map, 0);
	munmap(map, area->len);
	return fsync(area->fd) ? failed(area, "fsync") : DONE;
}

static int make_file(struct area *area, int flags)
{
	const char *folder = files_folder();
	char path[160];
	int ret;

	if (!folder)
		return lacking(area, "no file system: MMU_NOTIFIER_FILES is not set");
	snprintf(path, sizeof(path), "%s/area-%d", folder, getpid());
	area->fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	/* The address is part of what is written. */
	ret = map_at(area, HUGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags);
	if (!ret)
		ret = fill_file(area);
	unlink(path);
	return ret;
}

static int make_file_private(struct area *area)
{
	int ret = make_file(area, MAP_PRIVATE);
	size_t at;

	for (at = 0; !ret && at < area->len; at += PAGE)
		peek(area->addr + at);
	return ret;
}

static int make_file_shared(struct area *area)
{
	int ret = make_file(area, MAP_SHARED);

	if (!ret)
		tag_pages(area, area->addr, 0);
	return ret;
}

static int make_shmem(struct area *area)
{
	int ret;

	area->fd = memfd_create("area", 0);
	if (area->fd < 0 || ftruncate(area->fd, area->len))
		return failed(area, "memfd_create");
	ret = map_at(area, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!ret)
		tag_pages(area, area->addr, 0);
	return ret;
}

static int make_zero(struct area *area)
{
	int ret = map_private(area, MADV_NOHUGEPAGE);
	size_t at;

	for (at = 0; !ret && at < area->len; at += PAGE)
		peek(area->addr + at);
	return ret;
}

const struct page_kind page_kinds[NR_PAGE_KINDS] = {
	[ANON] = { "anonymous", PAGE, SMALL, make_anon },
	[MTHP] = { "64 KiB folio", MIDDLE, 2 * MIDDLE, make_mthp },
	[THP] = { "huge page", HUGE, HUGE, make_large },
	[HUGETLB] = { "hugetlb", HUGE, 2 * HUGE, make_hugetlb },
	[HUGETLB_SHARED] = { "shared hugetlb", HUGE, 2 * HUGE,
			     make_hugetlb_shared },
	[FILE_PRIVATE] = { "private file", PAGE, SMALL, make_file_private },
	[FILE_SHARED] = { "shared file", PAGE, SMALL, make_file_shared },
	[SHMEM] = { "shmem", PAGE, SMALL, make_shmem },
	[ZERO] = { "zero page", PAGE, SMALL, make_zero },
};

/**
 * area_make() - make an area
 * @area: its kind is set
 * @huge: of 2 MiB, if the kind leaves that open
 *
 * Return: DONE, NOT_HERE, or a negative error.
 */
int area_make(struct area *area, bool huge)
{
	const struct page_kind *kind = &page_kinds[area->kind];

	area->unit = kind->unit;
	area->len = huge && kind->len < HUGE ? HUGE : kind->len;
	/* Or writing would make other pages of them. */
	area->readonly = area->kind == FILE_PRIVATE || area->kind == ZERO;
	return kind->make(area);
}
