// SPDX-License-Identifier: GPL-2.0
/*
 * Other pages with the same contents: migration, merging.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

#define BLOCKS		"/sys/devices/system/memory/"
#define MOST_BLOCKS	256
#define KSM		"/sys/kernel/mm/ksm/"
#define BALANCING	"/sys/kernel/debug/sched/numa_balancing/"
#define SWITCH		"/proc/sys/kernel/numa_balancing"

static int node_of(char *addr)
{
	int status = -ENOENT;

	syscall(SYS_move_pages, 0, 1, &addr, NULL, &status, 0);
	return status;
}

/* Ask for the other node; true if the first page is there. */
static bool is_elsewhere(void *arg)
{
	struct area *area = arg;
	int node = area->helper, status;
	char *addr;
	size_t at;

	if (node_of(area->addr) == node)
		return true;
	for (at = 0; at < area->len; at += area->unit) {
		addr = area->addr + at;
		syscall(SYS_move_pages, 0, 1, &addr, &node, &status,
			MPOL_MF_MOVE_ALL);
	}
	return false;
}

static int do_migrate(struct area *area)
{
	int node = node_of(area->addr);

	if (access("/sys/devices/system/node/node1", F_OK))
		return lacking(area, "one NUMA node: try numa=fake=2U");
	if (node < 0)
		return failed(area, "move_pages");
	area->helper = !node;
	return wait_until(is_elsewhere, area) ? DONE :
	       failed(area, "pages stay where they are");
}

/* By policy, in one system call. */
static int do_mbind(struct area *area)
{
	unsigned long mask = 1UL << !node_of(area->addr);

	if (access("/sys/devices/system/node/node1", F_OK))
		return lacking(area, "one NUMA node: try numa=fake=2U");
	settle_pages();
	if (syscall(SYS_mbind, area->addr, area->len, MPOL_BIND, &mask,
		    8 * sizeof(mask), MPOL_MF_MOVE | MPOL_MF_STRICT))
		return failed(area, "mbind");
	return DONE;
}

/* A piece of memory that can be taken away: its number, or -1. */
static int movable_block(void)
{
	char path[80], text[32];
	int block;

	for (block = 0; block < MOST_BLOCKS; block++) {
		snprintf(path, sizeof(path), BLOCKS "memory%d/state", block);
		if (!read_file(path, text, sizeof(text)) &&
		    !strcmp(text, "offline\n"))
			return block;
		/* A cell that failed may have left it so. */
		snprintf(path, sizeof(path), BLOCKS "memory%d/valid_zones",
			 block);
		if (!read_file(path, text, sizeof(text)) &&
		    !strcmp(text, "Movable\n"))
			return block;
	}
	return -1;
}

static int set_block(struct area *area, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), BLOCKS "memory%zu/state",
		 (size_t)area->other);
	return write_file(path, state);
}

static int node_of_block(int block)
{
	char path[80];

	snprintf(path, sizeof(path), BLOCKS "memory%d/node0", block);
	return access(path, F_OK) ? 1 : 0;
}

/* Are all pages in the block? */
static bool is_in_block(const struct area *area)
{
	char text[32] = "";
	size_t size, at;

	read_file(BLOCKS "block_size_bytes", text, sizeof(text));
	size = strtoul(text, NULL, 16);
	for (at = 0; size && at < area->len; at += PAGE)
		if (pagemap_pfn(area->addr + at) * PAGE / size !=
		    (size_t)area->other)
			return false;
	return size;
}

/* Its zone is the first that movable pages come from, in its node. */
static bool is_moved_to_block(void *arg)
{
	struct area *area = arg;
	int node = area->helper;

	area->helper = !node;
	is_elsewhere(area);
	area->helper = node;
	is_elsewhere(area);
	settle_pages();
	return is_in_block(area);
}

static int prepare_offline(struct area *area)
{
	int block = movable_block();

	if (block < 0)
		return lacking(area, "no memory that is not online yet");
	area->other = (char *)(size_t)block;
	area->helper = node_of_block(block);
	if (set_block(area, "online_movable") && errno != EBUSY)
		return failed(area, "online_movable");
	return wait_until(is_moved_to_block, area) ? DONE :
	       failed(area, "pages do not come there");
}

static bool is_offline(void *arg)
{
	return !set_block(arg, "offline");
}

static int do_offline(struct area *area)
{
	return wait_until(is_offline, area) ? DONE :
	       failed(area, "stays online");
}

/* Has any page another frame than the table says? */
static bool is_moved(const struct area *area, const uint64_t *frames)
{
	size_t i;

	for (i = 0; i < area->len / PAGE; i++)
		if (pagemap_pfn(area->addr + i * PAGE) != frames[i])
			return true;
	return false;
}

static uint64_t *note_frames(const struct area *area)
{
	size_t nr = area->len / PAGE, i;
	uint64_t *frames = malloc(nr * sizeof(*frames));

	for (i = 0; frames && i < nr; i++)
		frames[i] = pagemap_pfn(area->addr + i * PAGE);
	return frames;
}

#define FILLER		(32UL << 20)

/* A piece of memory as large as the area's folios. */
struct piece {
	uint64_t frame;
	char *addr;
};

static int by_frame(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	return one->frame < other->frame ? -1 : one->frame > other->frame;
}

/* Many such pieces, in the order of their frames; NULL if that cannot be. */
static struct piece *fill_memory(const struct area *area, size_t nr)
{
	static char *filler = MAP_FAILED;
	struct piece *pieces = calloc(nr, sizeof(*pieces));
	char *at;
	size_t i;

	if (filler != MAP_FAILED)
		munmap(filler, FILLER + HUGE);
	filler = mmap(NULL, FILLER + HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (filler == MAP_FAILED || !pieces)
		return NULL;
	madvise(filler, FILLER + HUGE, MADV_NOHUGEPAGE);
	at = (char *)(((uintptr_t)filler + HUGE - 1) & -HUGE);
	for (i = 0; i < nr; i++, at += area->unit) {
		if (area->unit > PAGE)
			madvise(at, area->unit, MADV_HUGEPAGE);
		touch(at);
		pieces[i] = (struct piece) { pagemap_pfn(at), at };
	}
	qsort(pieces, nr, sizeof(*pieces), by_frame);
	return pieces;
}

static void drop(const struct area *area, const struct piece *piece)
{
	madvise(piece->addr, area->unit, MADV_DONTNEED);
}

/* Give the area the memory that is freed here, which is used again first. */
static int take(struct area *area, const struct piece *pieces)
{
	size_t nr = area->len / area->unit, at;
	bool kept = area->fd >= 0;

	if (kept && !page_out(area))
		return failed(area, "pages stay in memory");
	if (!kept)
		madvise(area->addr, area->len, MADV_DONTNEED);
	while (nr--)
		drop(area, &pieces[nr]);
	for (at = 0; kept && at < area->len; at += PAGE)
		peek(area->addr + at);
	if (!kept)
		tag_pages(area, area->addr, 0);
	return DONE;
}

/* The area comes to lie low, with holes above it. */
static int prepare_to_compact(struct area *area)
{
	size_t nr = FILLER / area->unit, few = area->len / area->unit, i;
	struct piece *pieces;
	cpu_set_t here;
	int ret = DONE;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	sched_setaffinity(0, sizeof(here), &here);
	pieces = fill_memory(area, nr);
	if (!pieces)
		return failed(area, "mmap");
	for (i = 0; !ret && i < nr / 4; i += few) {
		ret = take(area, &pieces[i]);
		if (pagemap_pfn(area->addr) < pieces[nr / 2].frame)
			break;
	}
	for (i = nr / 4 + few; i < nr; i += 2)
		drop(area, &pieces[i]);
	free(pieces);
	return ret;
}

/* Others may have taken the place, or the holes; then make new ones. */
static bool is_compacted(struct area *area)
{
	uint64_t *frames = note_frames(area);
	bool moved;

	settle_pages();
	write_file("/proc/sys/vm/compact_memory", "1");
	moved = frames && is_moved(area, frames);
	free(frames);
	if (!moved)
		prepare_to_compact(area);
	return moved;
}

static int do_compact(struct area *area)
{
	unsigned int i;

	/* By tries and not by time, of which others may have most. */
	for (i = 0; i < 30; i++)
		if (is_compacted(area))
			return DONE;
	return failed(area, "nothing is moved");
}

/* Another mapping with the same contents, or NULL. */
static char *make_twin(const struct area *area)
{
	char *twin = mmap(NULL, area->len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (twin == MAP_FAILED)
		return NULL;
	memcpy(twin, area->addr, area->len);
	return twin;
}

/* So that there is what to merge. */
static int prepare_merge(struct area *area)
{
	int ret;

	area->other = make_twin(area);
	if (!area->other)
		return failed(area, "mmap");
	ret = set_file(area, KSM "pages_to_scan", "10000");
	if (!ret)
		ret = set_file(area, KSM "sleep_millisecs", "5");
	return ret;
}

/* Does each page have the frame of its twin? */
static bool is_merged(void *arg)
{
	struct area *area = arg;
	size_t at;

	for (at = 0; at < area->len; at += PAGE)
		if (!pagemap_pfn(area->addr + at) ||
		    pagemap_pfn(area->addr + at) !=
		    pagemap_pfn(area->other + at))
			return false;
	return true;
}

static int do_merge(struct area *area)
{
	int ret;

	if (madvise(area->addr, area->len, MADV_MERGEABLE) ||
	    madvise(area->other, area->len, MADV_MERGEABLE))
		return errno == EINVAL ? lacking(area, "no KSM") :
		       failed(area, "madvise");
	ret = set_file(area, KSM "run", "1");
	if (!ret && !wait_until(is_merged, area))
		ret = failed(area, "not merged");
	return ret;
}

static int prepare_merged(struct area *area)
{
	int ret = prepare_merge(area);

	area->readonly = true;
	return ret ?: do_merge(area);
}

/* Two that are merged already; so the area's pages are those to be replaced. */
static int prepare_join(struct area *area)
{
	int ret = prepare_merge(area);
	struct area twins = *area;

	if (ret)
		return ret;
	twins.addr = make_twin(area);
	return twins.addr ? do_merge(&twins) : failed(area, "mmap");
}

static int unmerge(struct area *area)
{
	return madvise(area->addr, area->len, MADV_UNMERGEABLE) ?
	       failed(area, "madvise") : DONE;
}

static int stop_merging(struct area *area)
{
	return set_file(area, KSM "run", "0");
}

static int prepare_balancing(struct area *area)
{
	if (access("/sys/devices/system/node/node1", F_OK))
		return lacking(area, "one NUMA node: try numa=fake=2U");
	/* See main(): nothing else is balanced. */
	if (syscall(SYS_mbind, area->addr, area->len,
		    MPOL_BIND | MPOL_F_NUMA_BALANCING, &(unsigned long){ 3 },
		    8 * sizeof(long), 0))
		return failed(area, "mbind");
	/* There is no such file in a kernel without debugging; it takes longer. */
	write_file(BALANCING "scan_delay_ms", "1");
	write_file(BALANCING "scan_period_min_ms", "10");
	write_file(BALANCING "scan_period_max_ms", "20");
	return DONE;
}

/* A count that the kernel keeps of all hints that were set. */
static unsigned long hints(void)
{
	char text[16384], *at;

	if (read_file("/proc/vmstat", text, sizeof(text)))
		return 0;
	at = strstr(text, "numa_pte_updates ");
	return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* It costs processor time to be scanned. */
static bool is_hinted(void *arg)
{
	uint64_t until = now_ns() + 20 * MSEC;
	struct area *area = arg;

	while (now_ns() < until)
		;
	return hints() >= (uintptr_t)area->other + area->len / area->unit;
}

static void *do_nothing(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* What is on the node of the only thread that there is gets no hints. */
static int do_hint(struct area *area)
{
	pthread_t second;
	int ret;

	if (pthread_create(&second, NULL, do_nothing, NULL))
		return failed(area, "no thread");
	area->other = (char *)hints();
	ret = set_file(area, SWITCH, "1");
	if (!ret && !wait_until(is_hinted, area))
		ret = failed(area, "no hints");
	pthread_cancel(second);
	pthread_join(second, NULL);
	return ret;
}

static int stop_balancing(struct area *area)
{
	return set_file(area, SWITCH, "0");
}

const struct op ops_move[] = {
	{ "migrate", ANY & ~ONLY(ZERO), "there is one zero page",
	  .after = SAME, .run = do_migrate,
	  .why = BY(MIGRATE) },
	{ "mbind", ANY & ~ONLY(ZERO), "there is one zero page",
	  .after = SAME, .run = do_mbind,
	  .why = BY(MIGRATE), .also = BY(UNSHARE) },
	{ "memory-offline", ANY & ~HUGETLB_ANY & ~ONLY(ZERO),
	  "there is one zero page; huge pages stay in their pool",
	  .after = SAME, .prepare = prepare_offline, .run = do_offline,
	  .why = BY(MIGRATE) },
	{ "compact", ONLY(ANON) | ONLY(MTHP) | ONLY(FILE_PRIVATE),
	  "too large; or cannot be made to lie where it is moved from", .after = SAME,
	  .prepare = prepare_to_compact, .run = do_compact,
	  /* Where it has to be prepared once more. */
	  .why = BY(MIGRATE),
	  .also = BY(THP_SPLIT) | BY(DISCARD) | BY(RECLAIM) },
	{ "ksm-merge", ANON_ANY, "only anonymous pages are merged",
	  .after = SAME, .prepare = prepare_merge, .run = do_merge,
	  .undo = stop_merging,
	  .why = BY(KSM), .also = BY(THP_SPLIT) },
	{ "ksm-join", ANON_ANY, "only anonymous pages are merged",
	  .after = SAME, .huge = true, .reads = true, .prepare = prepare_join,
	  .run = do_merge, .undo = stop_merging,
	  .why = BY(KSM), .also = BY(THP_SPLIT) | BY(COW) },
	{ "ksm-cow", ANON_ANY, "only anonymous pages are merged",
	  .after = CHANGED, .prepare = prepare_merged, .run = write_anew,
	  .undo = stop_merging,
	  .why = BY(COW), .also = BY(KSM) },
	{ "ksm-unmerge", ANON_ANY, "only anonymous pages are merged",
	  .after = SAME, .prepare = prepare_merged, .run = unmerge,
	  .undo = stop_merging,
	  .why = BY(COW) },
	{ "numa-hint", ANON_ANY | ONLY(SHMEM),
	  "not balanced: hugetlb, the zero page, what files are read or dirty",
	  .after = SAME, .prepare = prepare_balancing, .run = do_hint,
	  .undo = stop_balancing,
	  .why = BY(NUMA_HINT) },
	{ }
};
