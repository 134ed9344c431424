// SPDX-License-Identifier: GPL-2.0
/*
 * What invalidations cost a GRU: TLB operations, entries lost, misses.
 *
 * "@@G NAME tgh beside purged misses replays cch late" for each workload: TLB
 * operations; entries that went though nobody named them; entries that went; misses,
 * which the program had to report; instructions that started over; operations on
 * contexts; TLB operations between exit and the end of the address space.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../tools/sgi-gru/libgru.h"
#include "../../../tools/testing/selftests/sgi-gru/coherence/chip.h"

#define PAGE	4096UL
#define PAGES	128UL
#define ROUNDS	8

static struct gru gru;

static void fail(const char *what)
{
	printf("@@FAIL %s\n", what);
	exit(1);
}

static char *map_pages(size_t pages)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	/* Or the GRU would begin with the zero page. */
	memset(at, 1, pages * PAGE);
	return at;
}

/* By the GRU: each page, or each so many pages. */
static void fill(char *at, size_t pages, size_t step)
{
	size_t i;

	for (i = 0; i < pages; i += step)
		if (gru_fill(&gru, 0, at + i * PAGE, i, 1))
			fail("a store by the GRU");
}

static void munmap_used(void)
{
	unsigned int i;
	char *at;

	for (i = 0; i < ROUNDS; i++) {
		at = map_pages(PAGES);
		fill(at, PAGES, 1);
		munmap(at, PAGES * PAGE);
	}
}

/* A pool that is emptied in parts: pages side by side, and others used meanwhile. */
static void dontneed_parts(void)
{
	char *at = map_pages(4 * PAGES), *part;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		fill(at, 4 * PAGES, 1);
		part = at + i % 4 * PAGES * PAGE;
		madvise(part, PAGES * PAGE, MADV_DONTNEED);
		memset(part, i, PAGES * PAGE);
	}
}

/* A large and sparse area, all at once. */
static void dontneed_sparse(void)
{
	char *at = map_pages(128 * PAGES);

	fill(at, 128 * PAGES, 64);
	madvise(at, 128 * PAGES * PAGE, MADV_DONTNEED);
}

static void protect(void)
{
	char *at = map_pages(PAGES);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		fill(at, PAGES, 1);
		mprotect(at, PAGES * PAGE, PROT_READ);
		mprotect(at, PAGES * PAGE, PROT_READ | PROT_WRITE);
	}
}

/* Pages are shared with a child, written to by the processor, used again. */
static void fork_and_write(void)
{
	char *at = map_pages(PAGES), byte = 0;
	int pipes[2];
	size_t i;
	pid_t pid;

	fill(at, PAGES, 1);
	if (pipe(pipes))
		fail("pipe");
	pid = fork();
	if (!pid) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) != 0);
	}
	for (i = 0; i < PAGES; i++)
		at[i * PAGE] = 1;
	fill(at, PAGES, 1);
	close(pipes[1]);
	waitpid(pid, NULL, 0);
}

/* What the processor does for itself, next to a working set that stays. */
static void elsewhere(void)
{
	char *at = map_pages(PAGES), *other;
	unsigned int i;

	fill(at, PAGES, 1);
	for (i = 0; i < 8 * ROUNDS; i++) {
		other = map_pages(16);
		munmap(other, 16 * PAGE);
	}
	fill(at, PAGES, 1);
}

static void leave(void)
{
	fill(map_pages(4 * PAGES), 4 * PAGES, 1);
}

static const struct {
	const char *name;
	void (*work)(void);
} workloads[] = {
	{ "munmap", munmap_used },
	{ "dontneed", dontneed_parts },
	{ "sparse", dontneed_sparse },
	{ "mprotect", protect },
	{ "fork", fork_and_write },
	{ "elsewhere", elsewhere },
	{ "exit", leave },
};

/* In a process of its own; the number of TLB operations before it leaves. */
static unsigned long run(void (*work)(void))
{
	unsigned long tgh = 0;
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		fail("pipe");
	pid = fork();
	if (!pid) {
		if (gru_open(&gru, 1, 1024, GRU_MISS_POLL))
			_exit(1);
		chip_set("reset", 1);
		work();
		tgh = chip_count("tgh");
		_exit(write(pipes[1], &tgh, sizeof(tgh)) != sizeof(tgh));
	}
	close(pipes[1]);
	if (read(pipes[0], &tgh, sizeof(tgh)) != sizeof(tgh))
		fail("a workload");
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	return tgh;
}

int main(void)
{
	unsigned long before, after;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		before = run(workloads[i].work);
		after = chip_count("tgh");
		printf("@@G %s %lu %lu %lu %lu %lu %lu %lu\n",
		       workloads[i].name, after, chip_count("purged_beside"),
		       chip_count("purged"),
		       chip_count("misses") + chip_count("mods"),
		       chip_count("replays"), chip_count("cch"),
		       after - before);
	}
	return 0;
}
