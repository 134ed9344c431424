// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of the emulated GRU share.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#define KNOBS	"/sys/kernel/debug/gru_emulation/"

const char *why_no_gru(void)
{
	if (access(GRU_DEVICE, R_OK | W_OK))
		return "no " GRU_DEVICE ": load the module gru with emulation=1";
	if (access(KNOBS "counters", R_OK))
		return "no " KNOBS ": not emulated, no debugfs, or not root";
	return NULL;
}

static FILE *open_knob(const char *name, const char *how)
{
	char path[128];

	snprintf(path, sizeof(path), KNOBS "%s", name);
	return fopen(path, how);
}

void knob(const char *name, long value)
{
	FILE *file = open_knob(name, "w");

	if (!file)
		return;
	fprintf(file, "%ld", value);
	fclose(file);
}

long knob_value(const char *name)
{
	FILE *file = open_knob(name, "r");
	char text[32] = "-1", *end;
	long value;

	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		snprintf(text, sizeof(text), "-1");
	fclose(file);
	value = strtol(text, &end, 0);
	if (end == text)
		value = text[0] == 'Y';
	return value;
}

/* As after the module was loaded: TLBs are empty, all counters 0. */
void knobs_reset(void)
{
	knob("step", 0);
	knob("strict", 0);
	knob("magic", 1);
	knob("watch", 0);
	knob("lose_tgh", 0);
	knob("hold_dropin", 0);
	knob("forget", 1);
	knob("reset", 1);
}

static long named(const char *file_name, const char *name)
{
	FILE *file = open_knob(file_name, "r");
	char line[128], word[64];
	long value, found = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", word, &value) == 2 &&
		    !strcmp(word, name))
			found = value;
	}
	fclose(file);
	return found;
}

long counter(const char *name)
{
	return named("counters", name);
}

long oracle_stale(void)
{
	return named("oracle", "stale");
}

long oracle_checked(void)
{
	return named("oracle", "checked");
}

void run_chunks(long chunks)
{
	knob("run", chunks);
}

int tlb_entries(const void *address, unsigned int *shift, unsigned int *gid)
{
	unsigned long asid, start, frame, wanted = (unsigned long)address;
	unsigned int bits, chip;
	FILE *file = open_knob("tlb", "r");
	char line[128];
	int found = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%u %lx %lx %u %lx", &chip, &asid, &start,
			   &bits, &frame) != 5 ||
		    wanted >> bits != start >> bits)
			continue;
		found++;
		if (shift)
			*shift = bits;
		if (gid)
			*gid = chip;
	}
	fclose(file);
	return found;
}

char *memory(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int file_of(char fill)
{
	char page[PAGE];
	int fd = memfd_create("page", 0);

	if (fd < 0)
		return -errno;
	memset(page, fill, sizeof(page));
	if (write(fd, page, sizeof(page)) != sizeof(page)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

uint64_t *data_words(struct gru *gru)
{
	return gru_data(gru, 0);
}

void start_words(struct gru *gru, unsigned int block, bool store,
		 const void *address, unsigned int count)
{
	struct gru_instruction_words words = {
		.operation	= store ? GRU_DO_STORE : GRU_DO_LOAD,
		.element	= GRU_64BIT,
		.address	= address,
		.count		= count,
		.operand	= 1,
	};

	gru_start(gru, block, &words);
}

enum gru_status move_words(struct gru *gru, unsigned int block, bool store,
			   const void *address, unsigned int count)
{
	start_words(gru, block, store, address, count);
	return gru_wait(gru, block);
}

int finish_stepping(struct gru *gru, unsigned int block)
{
	int asked = 0;

	run_chunks(MANY);
	while (gru_status(gru, block) == GRU_NEEDS_KERNEL && asked < MANY) {
		gru_ask_kernel(gru, block);
		asked++;
		run_chunks(MANY);
	}
	return asked;
}
