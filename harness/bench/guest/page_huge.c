// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages that are read before they are written to: of /dev/page-huge, of
 * MAP_HUGETLB, and transparent ones.
 *
 * Lines "@@Z memory workload MiB-mapped ticks KiB-used".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mark.h"

#define PAGE	4096UL
#define HUGE	(2UL << 20)
#define LEN	(1UL << 30)
#define EACH	16

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static char *aligned(void)
{
	char *map = mmap(NULL, LEN + HUGE, PROT_NONE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(map != MAP_FAILED, "mmap");
	return (char *)(((uintptr_t)map + HUGE - 1) & -HUGE);
}

static char *map_as(const char *memory)
{
	int flags = MAP_PRIVATE | MAP_FIXED, fd = -1;
	char *map;

	if (!strcmp(memory, "page-huge")) {
		fd = open("/dev/page-huge", O_RDWR);
		must(fd >= 0, "/dev/page-huge");
	} else {
		flags |= MAP_ANONYMOUS;
	}
	if (!strcmp(memory, "hugetlb"))
		flags |= MAP_HUGETLB;
	map = mmap(aligned(), LEN, PROT_READ | PROT_WRITE, flags, fd, 0);
	must(map != MAP_FAILED, memory);
	if (!strcmp(memory, "thp"))
		must(!madvise(map, LEN, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	if (!strcmp(memory, "small"))
		must(!madvise(map, LEN, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
	return map;
}

/* A line of /proc/meminfo. */
static long meminfo(const char *key)
{
	char line[128];
	long value = -1;
	FILE *file = fopen("/proc/meminfo", "r");

	must(file != NULL, "meminfo");
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			value = atol(line + strlen(key));
	fclose(file);
	return value;
}

/* What is free, whether in a pool or not, in KiB. */
static long free_kib(void)
{
	return meminfo("MemFree:") + meminfo("HugePages_Free:") * (HUGE >> 10);
}

static void read_all(char *map)
{
	size_t at;

	for (at = 0; at < LEN; at += PAGE)
		(void)*(volatile char *)(map + at);
}

static void write_all(char *map)
{
	size_t at;

	for (at = 0; at < LEN; at += PAGE)
		*(volatile char *)(map + at) = 1;
}

/* Looked up everywhere, and then filled here and there. */
static void sparse(char *map)
{
	size_t at;

	for (at = 0; at < LEN; at += HUGE)
		(void)*(volatile char *)(map + at);
	for (at = 0; at < LEN; at += EACH * HUGE)
		*(volatile char *)(map + at) = 1;
}

static const struct workload {
	const char *name;
	void (*run)(char *map);
} workloads[] = {
	{ "read", read_all },
	{ "sparse", sparse },
	{ "write", write_all },
};

int main(int argc, char **argv)
{
	uint64_t ticks;
	unsigned int i;
	char *map;
	long kib;

	must(argc == 2, "usage");
	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		kib = free_kib();
		map = map_as(argv[1]);
		ticks = mark_time();
		workloads[i].run(map);
		ticks = mark_time() - ticks;
		kib -= free_kib();
		printf("@@Z %s %s %lu %llu %ld\n", argv[1], workloads[i].name,
		       LEN >> 20, (unsigned long long)ticks, kib);
		must(!munmap(map, LEN), "munmap");
	}
	return 0;
}
