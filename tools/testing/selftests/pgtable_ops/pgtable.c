// SPDX-License-Identifier: GPL-2.0
/* Places, the pool, and what /proc tells: see pgtable.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pgtable.h"

#define POOL	"/sys/kernel/mm/hugepages/hugepages-2048kB/"

static long number(const char *path)
{
	char text[64];

	return read_file(path, text, sizeof(text)) ? -1 : atol(text);
}

/**
 * pool_now() - how many huge pages there are
 *
 * Return: the counters; -1 each, if the kernel has no such pool.
 */
struct pool pool_now(void)
{
	return (struct pool) {
		.total = number(POOL "nr_hugepages"),
		.free = number(POOL "free_hugepages"),
		.reserved = number(POOL "resv_hugepages"),
		.surplus = number(POOL "surplus_hugepages"),
	};
}

/**
 * pool_is() - has everything been given back?
 * @before: as it was
 *
 * What a process had is freed a little after it has been waited for.
 *
 * Return: true if the pool comes to be as it was.
 */
bool pool_is(struct pool before)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);
	struct pool now;

	do {
		now = pool_now();
		if (!memcmp(&now, &before, sizeof(now)))
			return true;
		sleep_ms(10);
	} while (now_ns() < until);
	printf("# pool: total %ld free %ld reserved %ld surplus %ld, was %ld %ld %ld %ld\n",
	       now.total, now.free, now.reserved, now.surplus, before.total,
	       before.free, before.reserved, before.surplus);
	return false;
}

/**
 * pool_has() - are there so many pages for the taking?
 * @pages: how many
 *
 * Return: true if so.
 */
bool pool_has(long pages)
{
	struct pool pool = pool_now();

	return pool.free - pool.reserved >= pages;
}

/**
 * place() - addresses with nothing near them
 * @length: how much room is needed
 *
 * Return: an address that is a multiple of 1 GiB, with at least 1 GiB before
 * it and behind the room where nothing is mapped, or NULL.
 */
char *place(size_t length)
{
	size_t all = ((length + GIGA - 1) & -GIGA) + 3 * GIGA;
	char *at = mmap(NULL, all, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || munmap(at, all))
		return NULL;
	return (char *)(((uintptr_t)at + 2 * GIGA - 1) & -GIGA);
}

/**
 * map_huge() - map huge pages of 2 MiB, for read and write
 * @at:     where
 * @length: a multiple of 2 MiB
 * @flags:  more flags of mmap()
 *
 * Return: @at, or NULL.
 */
char *map_huge(char *at, size_t length, int flags)
{
	char *got = mmap(at, length, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			 MAP_FIXED_NOREPLACE | (21 << MAP_HUGE_SHIFT) | flags,
			 -1, 0);

	return got == MAP_FAILED ? NULL : got;
}

/**
 * map_small() - map ordinary anonymous pages, for read and write
 * @at:     where
 * @length: a multiple of the page size
 *
 * Return: @at, or NULL.
 */
char *map_small(char *at, size_t length)
{
	char *got = mmap(at, length, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			 -1, 0);

	if (got == MAP_FAILED)
		return NULL;
	madvise(got, length, MADV_NOHUGEPAGE);
	return got;
}

/* Each huge page begins anew, so that one can be looked at alone. */
static uint64_t mark(size_t at, unsigned int seed)
{
	return (at % HUGE + 1) * 0x9e3779b97f4a7c15ULL ^ seed;
}

/**
 * fill() - write into each small page of a range
 * @addr:   its start
 * @length: its length
 * @seed:   what tells this filling from others
 */
void fill(char *addr, size_t length, unsigned int seed)
{
	size_t at;

	for (at = 0; at < length; at += PAGE)
		set_word(addr + at, mark(at, seed));
}

/**
 * filled() - is what was written still there?
 * @addr:   start of the range
 * @length: its length
 * @seed:   as it was for fill()
 *
 * Return: true if so.
 */
bool filled(const char *addr, size_t length, unsigned int seed)
{
	size_t at;

	for (at = 0; at < length; at += PAGE)
		if (get_word(addr + at) != mark(at, seed))
			return false;
	return true;
}

/* The kernel's own access says EFAULT where ours would be a signal. */
static bool copied(char *addr, bool write_to_it)
{
	char byte = 0;
	int ends[2];
	bool done;

	if (pipe(ends))
		return false;
	if (write_to_it) {
		done = write(ends[1], &byte, 1) == 1 &&
		       read(ends[0], addr, 1) == 1;
	} else {
		done = write(ends[1], addr, 1) == 1;
	}
	close(ends[0]);
	close(ends[1]);
	return done;
}

/**
 * can_write() - may this process write to an address?
 * @addr: the address; a zero byte is written
 *
 * Return: true if so.
 */
bool can_write(char *addr)
{
	return copied(addr, true);
}

/**
 * can_read() - may this process read from an address?
 * @addr: the address
 *
 * Return: true if so.
 */
bool can_read(char *addr)
{
	return copied(addr, false);
}

/**
 * status_kb() - a size in /proc/self/status
 * @name: such as VmPTE
 *
 * Return: the value, in KiB, or -1.
 */
long status_kb(const char *name)
{
	char text[4096], key[64];
	char *found;

	snprintf(key, sizeof(key), "\n%s:", name);
	if (read_file("/proc/self/status", text, sizeof(text)))
		return -1;
	found = strstr(text, key);
	return found ? atol(found + strlen(key)) : -1;
}

/**
 * times_mapped() - by how many page tables is a page mapped?
 * @addr: an address of this process where it is mapped
 *
 * Return: the number, or -1.
 */
long times_mapped(const char *addr)
{
	int fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	uint64_t pfn = pfn_of(addr), times = 0;
	ssize_t done = pread(fd, &times, 8, pfn * 8);

	close(fd);
	return pfn && done == 8 ? (long)times : -1;
}

/**
 * is_killed() - wait for a child
 * @pid:    the child
 * @signal: which signal it has to end by, or 0 for exit(0)
 *
 * Return: true if it ended that way.
 */
bool is_killed(pid_t pid, int signal)
{
	int status;

	if (pid <= 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (!signal)
		return WIFEXITED(status) && !WEXITSTATUS(status);
	return WIFSIGNALED(status) && WTERMSIG(status) == signal;
}
