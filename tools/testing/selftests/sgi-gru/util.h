/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the emulated GRU share: its knobs and counters, memory,
 * and instructions one chunk at a time.
 *
 * Knobs belong to the machine, so tests must not run beside each other.
 */
#ifndef _SGI_GRU_TEST_UTIL_H
#define _SGI_GRU_TEST_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../sgi-gru/libgru.h"

#define PAGE		4096UL
#define HUGE_PAGE	(2UL << 20)
#define DATA_BYTES	4096
#define BLOCKS		16
/* Chunks that no test's instructions need. */
#define MANY		100000

/* Why there is nothing to test, or NULL. */
const char *why_no_gru(void);

/* Knobs; -1 for what cannot be read. */
void knob(const char *name, long value);
long knob_value(const char *name);
void knobs_reset(void);
long counter(const char *name);
void run_chunks(long chunks);

/* The oracle's answer now. */
long oracle_stale(void);
long oracle_checked(void);

/* Entries for this page, in any TLB; *shift and *gid of the last of them. */
int tlb_entries(const void *address, unsigned int *shift, unsigned int *gid);

/* Anonymous memory, not populated; or NULL. */
char *memory(size_t bytes);
/* A file in memory, of a page, that is full of @fill; negative: errno. */
int file_of(char fill);

/* Elements of the data segment, begin with 0. */
uint64_t *data_words(struct gru *gru);

/* Load or store @count words through the data segment, without waiting. */
void start_words(struct gru *gru, unsigned int block, bool store,
		 const void *address, unsigned int count);
/* The same, with the answer. */
enum gru_status move_words(struct gru *gru, unsigned int block, bool store,
			   const void *address, unsigned int count);

/* With the knob "step": run and ask until there is an end; how often asked. */
int finish_stepping(struct gru *gru, unsigned int block);

#endif /* _SGI_GRU_TEST_UTIL_H */
