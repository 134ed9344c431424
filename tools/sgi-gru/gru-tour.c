// SPDX-License-Identifier: GPL-2.0
/*
 * gru-tour - one of each: what a GRU does, and a program around it
 *
 *	gru-tour [-i] [MEGABYTES]
 *
 * Copies memory, gathers and scatters, counts atomically, and sends messages
 * to itself, and verifies all of it.  With -i, TLB misses interrupt.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>

#include "libgru.h"

#define PAGE		4096
#define INDICES		32
#define INCREMENTS	100

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static char *memory(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static void must(struct gru *gru, int ret, const char *what)
{
	if (ret)
		errx(1, "%s failed: cause %#x", what, gru_cause(gru, 0));
}

static void tour_copy(struct gru *gru, size_t bytes)
{
	char *from = memory(bytes), *to = memory(bytes);
	double begin;
	size_t i;

	for (i = 0; i < bytes; i++)
		from[i] = i * 31 + (i >> 12);
	begin = now();
	must(gru, gru_copy(gru, 0, to, from, bytes), "copy");
	printf("copy: %zu MiB in %.3f s, %s\n", bytes >> 20, now() - begin,
	       memcmp(to, from, bytes) ? "WRONG" : "right");
	munmap(from, bytes);
	munmap(to, bytes);
}

static void tour_indexed(struct gru *gru)
{
	uint64_t *table = (uint64_t *)memory(INDICES * PAGE);
	uint64_t index[INDICES], got[INDICES];
	unsigned int i, wrong = 0;

	for (i = 0; i < INDICES; i++) {
		index[i] = (INDICES - 1 - i) * (PAGE / 8) + i;
		table[index[i]] = i * i;
	}
	must(gru, gru_gather(gru, 0, got, table, index, INDICES), "gather");
	for (i = 0; i < INDICES; i++) {
		wrong += got[i] != i * i;
		got[i] = ~got[i];
	}
	must(gru, gru_scatter(gru, 0, table, index, got, INDICES), "scatter");
	for (i = 0; i < INDICES; i++)
		wrong += table[index[i]] != ~(uint64_t)(i * i);
	printf("gather and scatter: %u elements, %u wrong\n", INDICES, wrong);
	munmap(table, INDICES * PAGE);
}

static void tour_atomic(struct gru *gru)
{
	uint64_t *word = (uint64_t *)memory(PAGE), old;
	unsigned int i;

	for (i = 0; i < INCREMENTS; i++)
		must(gru, gru_atomic(gru, 0, GRU_ATOMIC_INC, word, NULL),
		     "increment");
	must(gru, gru_atomic_with(gru, 0, GRU_ATOMIC_CMPXCHG, word, 7,
				  INCREMENTS, &old), "compare and exchange");
	printf("atomic: counted to %lu, then %lu\n", (unsigned long)old,
	       (unsigned long)*word);
	munmap(word, PAGE);
}

static void tour_messages(struct gru *gru)
{
	char *page = memory(PAGE), text[GRU_MESSAGE_BYTES];
	unsigned int sent = 0, received = 0;
	struct gru_queue queue;

	gru_queue_init(&queue, page);
	for (;;) {
		snprintf(text, sizeof(text), "message %u", sent);
		if (gru_send(gru, 0, &queue, text, sizeof(text)))
			break;
		sent++;
	}
	while (gru_receive(&queue, text, sizeof(text)))
		received++;
	printf("messages: %u sent until the queue was full, %u received, the last was \"%s\"\n",
	       sent, received, text);
	munmap(page, PAGE);
}

int main(int argc, char **argv)
{
	enum gru_miss_mode mode = GRU_MISS_POLL;
	struct gru gru;
	size_t mib;
	int option;

	while ((option = getopt(argc, argv, "i")) != -1) {
		if (option != 'i')
			errx(2, "usage: gru-tour [-i] [MEGABYTES]");
		mode = GRU_MISS_INTERRUPT;
	}
	mib = optind < argc ? strtoul(argv[optind], NULL, 0) : 4;
	if (gru_open(&gru, 2, 4096, mode))
		err(1, "no GRU: " GRU_DEVICE);
	tour_copy(&gru, mib << 20);
	tour_indexed(&gru);
	tour_atomic(&gru);
	tour_messages(&gru);
	gru_close(&gru);
	return 0;
}
