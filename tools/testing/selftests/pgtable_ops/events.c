// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what subscribers of the MMU notifiers are told when mappings of huge
 * pages change: the order, the events, and the ranges relative to the mapping.
 * Two kernels that print the same do the same in this respect.
 */
#define _GNU_SOURCE
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "pgtable.h"

#define PAGES	4
#define LEN	(PAGES * HUGE)

enum kind {
	PRIVATE,
	SHARED,			/* too small to share page tables */
	SHARED_TABLES,		/* of which another process has the table, too */
	SMALL,			/* beside: ordinary pages */
	NR_KINDS
};

static const char * const kind_names[] = {
	"private", "shared", "shared-tables", "small",
};

struct target {
	enum kind kind;
	char *base;
	size_t length;
	int fd;
	int stop;		/* whose other end a child waits at */
	pid_t child;
};

static int run_munmap(struct target *t)
{
	return munmap(t->base, t->length);
}

static int run_munmap_part(struct target *t)
{
	return munmap(t->base + HUGE, HUGE);
}

static int run_map_over(struct target *t)
{
	return mmap(t->base, t->length, PROT_NONE, MAP_PRIVATE | MAP_FIXED |
		    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != t->base;
}

static int run_discard(struct target *t)
{
	return madvise(t->base + HUGE, 2 * HUGE, MADV_DONTNEED);
}

static int run_protect(struct target *t)
{
	return mprotect(t->base, t->length, PROT_READ);
}

static int run_protect_part(struct target *t)
{
	return mprotect(t->base + HUGE, HUGE, PROT_READ);
}

static int run_move(struct target *t)
{
	char *to = t->base + 4 * GIGA;

	return mremap(t->base, t->length, t->length,
		      MREMAP_MAYMOVE | MREMAP_FIXED, to) != to;
}

static int run_move_part(struct target *t)
{
	char *to = t->base + 4 * GIGA;

	return mremap(t->base + HUGE, HUGE, HUGE,
		      MREMAP_MAYMOVE | MREMAP_FIXED, to) != to;
}

static int run_split(struct target *t)
{
	return madvise(t->base + HUGE, HUGE, MADV_DONTFORK);
}

static int run_fork(struct target *t)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!can_read(t->base));
	return !is_killed(pid, 0);
}

/* Who writes while another has the page too, gets one of his own. */
static int run_write_after_fork(struct target *t)
{
	char byte = 0;
	int go[2];
	pid_t pid;

	if (pipe(go))
		return -1;
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1);
	t->base[HUGE] = 1;
	if (write(go[1], &byte, 1) != 1)
		return -1;
	return !is_killed(pid, 0);
}

static int run_truncate(struct target *t)
{
	return ftruncate(t->fd, HUGE);
}

static int run_punch(struct target *t)
{
	return madvise(t->base + HUGE, HUGE, MADV_REMOVE);
}

static const struct change {
	const char *name;
	int (*run)(struct target *t);
	bool of_files;
} changes[] = {
	{ "munmap", run_munmap },
	{ "munmap-part", run_munmap_part },
	{ "map-over", run_map_over },
	{ "discard", run_discard },
	{ "protect", run_protect },
	{ "protect-part", run_protect_part },
	{ "move", run_move },
	{ "move-part", run_move_part },
	{ "split", run_split },
	{ "fork", run_fork },
	{ "write-after-fork", run_write_after_fork },
	{ "truncate", run_truncate, true },
	{ "punch-hole", run_punch, true },
};

static bool map_target(struct target *t)
{
	int flags = t->kind == PRIVATE || t->kind == SMALL ? MAP_PRIVATE :
							     MAP_SHARED;

	t->length = t->kind == SHARED_TABLES ? GIGA : LEN;
	t->base = place(6 * GIGA);
	t->fd = memfd_create("events", MFD_CLOEXEC | (t->kind == SMALL ? 0 :
			     MFD_HUGETLB | MFD_HUGE_2MB));
	if (t->fd < 0 || ftruncate(t->fd, t->length))
		return false;
	t->base = mmap(t->base, t->length, PROT_READ | PROT_WRITE, flags |
		       MAP_NORESERVE | MAP_FIXED_NOREPLACE, t->fd, 0);
	if (t->base == MAP_FAILED)
		return false;
	fill(t->base, LEN, 1);
	return true;
}

/* A process that uses the same page table until it is told to stop. */
static bool begin_child(struct target *t)
{
	int up[2], down[2];
	char byte = 0;

	if (t->kind != SHARED_TABLES)
		return true;
	if (pipe(up) || pipe(down))
		return false;
	t->child = fork();
	if (!t->child) {
		close(down[1]);
		byte = t->base[0];
		if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	t->stop = down[1];
	return read(up[0], &byte, 1) == 1 && times_mapped(t->base) == 1;
}

static void print_place(const struct target *t, uint64_t at)
{
	int64_t from = at - (uintptr_t)t->base;

	/* Whole mm: no place is near. */
	if (from < -(int64_t)(8 * GIGA) || from > (int64_t)(8 * GIGA))
		printf(" far");
	else if (from % (int64_t)HUGE)
		printf(" %+ldK", (long)(from / 1024));
	else
		printf(" %+ldM", (long)(from / (1 << 20)));
}

static void print_log(const struct target *t, const struct change *change,
		      const struct mnt_record *records, int nr)
{
	static const char * const ops[MNT_NR_OPS] = { "start", "end" };
	int i;

	for (i = 0; i < nr; i++) {
		if (records[i].op > MNT_OP_END)
			continue;
		printf("# log: %s %s: %s event %u cause %u", change->name,
		       kind_names[t->kind], ops[records[i].op],
		       records[i].event, records[i].cause);
		print_place(t, records[i].start);
		print_place(t, records[i].end);
		printf(" blockable %u\n", records[i].blockable);
	}
}

/* Those that concern the mapping: the stack and the like are left out. */
static int near(const struct target *t, struct mnt_record *records, int nr)
{
	uintptr_t low = (uintptr_t)t->base;
	int i, kept = 0;

	for (i = 0; i < nr; i++)
		if (records[i].end > low && records[i].start < low + 6 * GIGA)
			records[kept++] = records[i];
	return kept;
}

static int try(enum kind kind, const struct change *change)
{
	struct mnt_record records[MNT_LOG_SIZE];
	struct target t = { .kind = kind, .stop = -1 };
	int fd = dev_open(), list, nr;

	if (fd < 0 || !map_target(&t) || !begin_child(&t))
		return 1;
	list = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	if (list < 0 || change->run(&t))
		return 2;
	nr = dev_log(fd, list, records);
	if (nr < 0)
		return 3;
	nr = near(&t, records, nr);
	print_log(&t, change, records, nr);
	fflush(stdout);
	close(t.stop);
	if (kind == SHARED_TABLES && !is_killed(t.child, 0))
		return 4;
	return 0;
}

int main(void)
{
	const struct change *end = changes + ARRAY_SIZE(changes), *change;
	bool file;
	pid_t pid;
	int kind;

	ksft_print_header();
	if (why_no_device())
		ksft_exit_skip("%s\n", why_no_device());
	if (!pool_has(4 * PAGES))
		ksft_exit_skip("not enough pages of 2 MiB\n");
	ksft_set_plan(NR_KINDS * ARRAY_SIZE(changes));
	for (kind = 0; kind < NR_KINDS; kind++) {
		file = kind == SHARED || kind == SHARED_TABLES;
		for (change = changes; change < end; change++) {
			if (change->of_files && !file) {
				ksft_test_result_skip("%s %s\n", change->name,
						      kind_names[kind]);
				continue;
			}
			fflush(stdout);
			pid = fork();
			if (!pid)
				_exit(try(kind, change));
			ksft_test_result(is_killed(pid, 0), "%s %s\n",
					 change->name, kind_names[kind]);
		}
	}
	ksft_finished();
}
