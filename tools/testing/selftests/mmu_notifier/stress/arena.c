// SPDX-License-Identifier: GPL-2.0
/*
 * The arena of a target, and the words in it.
 *
 * It is only touched by system calls that copy: the faults are the same, but
 * where there is nothing, the call fails and the process does not die of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stress.h"

#define GENERATIONS	4
#define FIXED		(MAP_FIXED | MAP_NORESERVE)

/**
 * word_of() - what a process writes
 * @pid:        the process
 * @generation: one of a few, so that there are pages alike
 *
 * Return: the word, which tells who has written it.
 */
uint64_t word_of(pid_t pid, unsigned int generation)
{
	uint32_t sum = (uint32_t)pid * 0x9e3779b1u;

	return (uint64_t)pid << 32 | (uint32_t)(sum + generation % GENERATIONS);
}

/**
 * word_is_of() - may a process have this in its memory?
 * @word: the word
 * @pid:  the process
 *
 * Return: true if it is one of its own, or nothing.
 */
bool word_is_of(uint64_t word, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < GENERATIONS; i++)
		if (word == word_of(pid, i))
			return true;
	return !word;
}

/**
 * arena_write() - write one of the process's words
 * @target: who
 * @addr:   where; the first word of a page
 *
 * Return: true if that was possible.
 */
bool arena_write(const struct target *target, char *addr)
{
	unsigned int which = ((uintptr_t)addr / PAGE) % GENERATIONS;

	return pread(target->words, addr, 8, 8 * which) == 8;
}

/**
 * arena_read() - read a word
 * @worker: who
 * @addr:   where
 * @word:   what
 *
 * Return: true if that was possible.
 */
bool arena_read(const struct worker *worker, const char *addr, uint64_t *word)
{
	off_t mine = 8 * (GENERATIONS + worker->number);
	int fd = worker->target->words;

	return pwrite(fd, addr, 8, mine) == 8 && pread(fd, word, 8, mine) == 8;
}

/* How an area is mapped to begin with. */
static int flags_of(enum area_kind kind)
{
	switch (kind) {
	case HUGETLB:
		return MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
	case FILE_PRIVATE:
		return MAP_PRIVATE;
	case HUGETLB_SHARED:
	case FILE_SHARED:
	case SHMEM:
		return MAP_SHARED;
	default:
		return MAP_PRIVATE | MAP_ANONYMOUS;
	}
}

/**
 * arena_map() - map a part of an area, as it was to begin with
 * @target: the process
 * @range:  the part
 *
 * Return: true if that was possible.
 */
bool arena_map(const struct target *target, struct range range)
{
	off_t offset = range.addr - ARENA - range.kind * AREA;
	int fd = target->fds[range.kind];

	if (mmap(range.addr, range.len, PROT_READ | PROT_WRITE,
		 flags_of(range.kind) | FIXED, fd, fd < 0 ? 0 : offset) ==
	    MAP_FAILED)
		return false;
	return !madvise(range.addr, range.len, range.kind == THP ?
			MADV_HUGEPAGE : MADV_NOHUGEPAGE) ||
	       ONLY(range.kind) & ANY_HUGETLB;
}

/* A file that only this process knows. */
static int open_file(const char *kind)
{
	const char *folder = getenv("MMU_NOTIFIER_FILES");
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/stress-%s-%d", folder ?: "/tmp", kind,
		 getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	unlink(path);
	return fd;
}

static bool open_files(struct target *target)
{
	unsigned int kind;

	for (kind = 0; kind < NR_AREAS; kind++)
		target->fds[kind] = -1;
	target->fds[FILE_PRIVATE] = open_file("private");
	target->fds[FILE_SHARED] = open_file("shared");
	target->fds[SHMEM] = memfd_create("shmem", MFD_CLOEXEC);
	target->fds[HUGETLB_SHARED] = memfd_create("hugetlb", MFD_CLOEXEC |
						   MFD_HUGETLB);
	for (kind = 0; kind < NR_AREAS; kind++)
		if (ONLY(kind) & ANY_FILE &&
		    (target->fds[kind] < 0 || ftruncate(target->fds[kind], AREA)))
			return false;
	return true;
}

/**
 * arena_open_words() - have words to write
 * @target: the process, which goes by its number
 *
 * Return: true if that was possible.
 */
bool arena_open_words(struct target *target)
{
	uint64_t word;
	unsigned int i;

	target->words = memfd_create("words", MFD_CLOEXEC);
	for (i = 0; i < GENERATIONS; i++) {
		word = word_of(target->pid, i);
		if (pwrite(target->words, &word, 8, 8 * i) != 8)
			return false;
	}
	return true;
}

/**
 * arena_make() - map all areas
 * @target: the process
 *
 * Return: true if that was possible.
 */
bool arena_make(struct target *target)
{
	struct range range = { .len = AREA };

	if (!open_files(target) || !arena_open_words(target))
		return false;
	for (range.kind = 0; range.kind < NR_AREAS; range.kind++) {
		range.addr = ARENA + range.kind * AREA;
		if (!arena_map(target, range))
			return false;
	}
	return true;
}
