// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on mappings, and the accesses that populate them.
 *
 * Nothing is locked into memory: where userfaultfd protects a file of which
 * pages are missing, Linux 6.12 takes the marker of that for a page as soon as
 * VM_LOCKED is set, and a fault within a system call never comes to an end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define MOST_WRITES	16

/* Some of the pages, or else most of the time would go into clearing them. */
static bool write_words(struct worker *worker, struct range range, int arg)
{
	size_t pages = range.len / PAGE, i;
	bool done = false;
	char *addr;

	for (i = 0; i < pages && i < MOST_WRITES; i++) {
		addr = range.addr;
		if (pages <= MOST_WRITES)
			addr += i * PAGE;
		else
			addr += below(&worker->random, pages) * PAGE;
		done |= arena_write(worker->target, addr);
	}
	return done;
}

static bool read_words(struct worker *worker, struct range range, int arg)
{
	size_t pages = range.len / PAGE, i;
	bool done = false;
	uint64_t word;
	char *addr;

	for (i = 0; i < pages && i < MOST_WRITES; i++) {
		addr = range.addr + i * PAGE;
		if (!arena_read(worker, addr, &word))
			continue;
		done = true;
		if (!word_is_of(word, worker->target->pid))
			complain(worker->target->place,
				 "the process itself read %llx at %p",
				 (unsigned long long)word, addr);
	}
	return done;
}

/* As it was in the beginning: what the others leave behind is made good. */
static bool map_anew(struct worker *worker, struct range range, int arg)
{
	return arena_map(worker->target, range);
}

static bool unmap(struct worker *worker, struct range range, int arg)
{
	return !munmap(range.addr, range.len);
}

static bool protect(struct worker *worker, struct range range, int arg)
{
	return !mprotect(range.addr, range.len, arg);
}

static bool move_there(struct worker *worker, struct range range, int arg)
{
	return mremap(range.addr, range.len, range.len,
		      MREMAP_MAYMOVE | MREMAP_FIXED | arg, spare_for(range)) !=
	       MAP_FAILED;
}

static bool move_back(struct worker *worker, struct range range, int arg)
{
	return mremap(spare_for(range), range.len, range.len,
		      MREMAP_MAYMOVE | MREMAP_FIXED, range.addr) != MAP_FAILED;
}

static bool shrink(struct worker *worker, struct range range, int arg)
{
	return range.len > PAGE &&
	       mremap(range.addr, range.len, range.len / 2, 0) != MAP_FAILED;
}

/* To where there may be room since somebody else has unmapped or shrunk. */
static bool grow(struct worker *worker, struct range range, int arg)
{
	size_t half = range.len / 2;

	if (half < PAGE || munmap(range.addr + half, range.len - half))
		return false;
	return mremap(range.addr, half, range.len, 0) != MAP_FAILED;
}

static bool truncate_file(struct worker *worker, struct range range, int arg)
{
	off_t offset = range.addr - ARENA - range.kind * AREA;
	int fd = worker->target->fds[range.kind];

	return !ftruncate(fd, offset) && !ftruncate(fd, AREA);
}

static bool punch_hole(struct worker *worker, struct range range, int arg)
{
	off_t offset = range.addr - ARENA - range.kind * AREA;

	return !fallocate(worker->target->fds[range.kind],
			  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			  range.len);
}

static bool write_file_of(struct worker *worker, struct range range, int arg)
{
	off_t offset = range.addr - ARENA - range.kind * AREA;
	uint64_t word = word_of(worker->target->pid, arg);

	return pwrite(worker->target->fds[range.kind], &word, 8, offset) == 8;
}

static bool write_back(struct worker *worker, struct range range, int arg)
{
	return !msync(range.addr, range.len, MS_SYNC);
}

const struct op ops_map[] = {
	{ "write", 60, ANY, write_words },
	{ "read", 40, ANY, read_words },
	{ "map", 30, ANY, map_anew },
	{ "munmap", 4, ANY, unmap },
	{ "mprotect-none", 4, ANY, protect, PROT_NONE },
	{ "mprotect-read", 6, ANY, protect, PROT_READ },
	{ "mprotect-write", 15, ANY, protect, PROT_READ | PROT_WRITE },
	{ "mremap-there", 4, ANY & ~ANY_SPARE, move_there },
	{ "mremap-dontunmap", 2, NOT_HUGETLB & ~ANY_SPARE, move_there,
	  MREMAP_DONTUNMAP },
	{ "mremap-back", 4, ANY & ~ANY_SPARE, move_back },
	{ "mremap-shrink", 2, NOT_HUGETLB, shrink },
	{ "mremap-grow", 2, NOT_HUGETLB, grow },
	{ "truncate", 2, ANY_FILE, truncate_file },
	{ "punch-hole", 4, ANY_FILE, punch_hole },
	{ "write-file", 4, ONLY(FILE_PRIVATE) | ONLY(FILE_SHARED) | ONLY(SHMEM),
	  write_file_of, 3 },
	{ "msync", 3, ONLY(FILE_SHARED) | ONLY(SHMEM), write_back },
	{ }
};
