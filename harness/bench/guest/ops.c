// SPDX-License-Identifier: GPL-2.0
/*
 * The operations that are measured.  What is needed to do one again is in
 * prepare() wherever that is possible, outside of the section.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"
#include "subs.h"

#define RW	(PROT_READ | PROT_WRITE)

static void touch(char *area, unsigned int i)
{
	*(volatile char *)(area + i * PAGE) = 1;
}

static void map_fixed(char *area, size_t length)
{
	void *map = mmap(area, length, RW,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	must(map == area, "mmap");
}

char *area_map(size_t length)
{
	uintptr_t map = (uintptr_t)mmap(NULL, length + 2 * HUGE, PROT_NONE,
					MAP_PRIVATE | MAP_ANONYMOUS |
					MAP_NORESERVE, -1, 0);
	/* A page apart from what lies below, lest the two merge. */
	char *area = (char *)((map + HUGE) & ~(HUGE - 1));

	must((void *)map != MAP_FAILED, "mmap");
	map_fixed(area, length);
	return area;
}

static void prepare_nothing(char *area, unsigned int n)
{
}

/* Page tables are part of it: the section begins without. */
static void prepare_unmapped(char *area, unsigned int n)
{
	must(!munmap(area, AREA), "munmap");
	map_fixed(area, AREA);
}

static void prepare_touched(char *area, unsigned int n)
{
	unsigned int i;

	prepare_unmapped(area, n);
	for (i = 0; i < n; i++)
		touch(area, i);
}

/* Every page is the zero page. */
static void prepare_read(char *area, unsigned int n)
{
	unsigned int i;

	prepare_unmapped(area, n);
	for (i = 0; i < n; i++)
		(void)*(volatile char *)(area + i * PAGE);
}

static void prepare_parent(char *area, unsigned int n)
{
	prepare_touched(area, 64);
}

static void do_fork(char *area, unsigned int i)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

static void do_exec(char *area, unsigned int i)
{
	char *argv[] = { "/bench/counts", "nothing", NULL };
	char *envp[] = { NULL };
	int status;
	pid_t pid;

	must(!posix_spawn(&pid, argv[0], NULL, NULL, argv, envp),
	     "posix_spawn");
	must(waitpid(pid, &status, 0) == pid && !status, "waitpid");
}

/* Twice: the way there and the way back. */
static void do_mprotect(char *area, unsigned int i)
{
	must(!mprotect(area, PAGE, PROT_READ), "mprotect");
	must(!mprotect(area, PAGE, RW), "mprotect");
}

static void do_munmap(char *area, unsigned int i)
{
	touch(area, 0);
	must(!munmap(area, PAGE), "munmap");
	map_fixed(area, PAGE);
}

/* Twice: into the room behind the area, and back. */
static void do_mremap(char *area, unsigned int i)
{
	char *there = area + AREA;

	must(mremap(area, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, there) ==
	     there, "mremap");
	must(mremap(there, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area) ==
	     area, "mremap");
}

static void do_dontneed(char *area, unsigned int i)
{
	touch(area, 0);
	must(!madvise(area, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
}

static void do_pageout(char *area, unsigned int i)
{
	must(!madvise(area + i * PAGE, PAGE, MADV_PAGEOUT), "MADV_PAGEOUT");
}

const struct op ops[] = {
	{ "fault", 512, prepare_unmapped, touch },
	{ "fork+exit", 16, prepare_parent, do_fork },
	{ "exec+exit", 16, prepare_nothing, do_exec },
	{ "mprotect", 64, prepare_touched, do_mprotect },
	{ "munmap+mmap", 64, prepare_touched, do_munmap },
	{ "mremap", 64, prepare_touched, do_mremap },
	{ "dontneed", 64, prepare_touched, do_dontneed },
	{ "cow", 256, prepare_read, touch },
	{ "reclaim", 32, prepare_touched, do_pageout },
};
const unsigned int nr_ops = sizeof(ops) / sizeof(ops[0]);
