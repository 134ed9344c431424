// SPDX-License-Identifier: GPL-2.0
/* Interval readers against invalidators whose intervals are others. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "latency.h"
#include "subs.h"

#define LEN		(4 * PAGE)
#define CALLOUT_US	1000
#define ROUNDS		60
#define LONGEST_NS	(20000 * MSEC)

struct invalidator {
	struct churn churn;
	int id;
};

static void start(struct invalidator *them, unsigned int count, char *area,
		  int fd)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		char *addr = area + i * LEN;

		them[i].id = dev_add(fd, 0, MNT_INTERVAL, addr, LEN, NULL);
		must(them[i].id >= 0, "subscribe");
		must(!dev_rule(fd, (struct mnt_rule) {
			.id = them[i].id,
			.op = MNT_OP_INVALIDATE,
			.delay_us = CALLOUT_US,
		}), "rule");
		churn_start(&them[i].churn, addr, LEN, do_dontneed);
	}
}

/* Reads that go on beside the watch in readers(). */
struct reads {
	pthread_t thread;
	char *own;
	int fd;
	int id;
	unsigned int invalidators;
	atomic_bool done;
};

static void *run_reads(void *arg)
{
	struct reads *reads = arg;
	uint64_t began = now_ns();
	struct mnt_read read;
	unsigned int i;

	for (i = 0; i < ROUNDS && now_ns() - began < LONGEST_NS; i++) {
		/* One of its own, which is over when the reader begins. */
		do_dontneed(reads->own, LEN);
		if (dev_read(reads->fd, reads->id, 1, &read))
			break;
		say("wait", reads->invalidators, read.max_ns);
		say("false-retries", reads->invalidators, read.retries);
	}
	reads->done = true;
	return NULL;
}

/* A reader may be starved for ever: then the invalidators stop for it. */
void readers(unsigned int invalidators)
{
	struct invalidator *them = calloc(invalidators, sizeof(*them));
	struct reads reads = { .invalidators = invalidators };
	char *area = map_anon(invalidators * LEN);
	uint64_t began;
	unsigned int i;

	reads.fd = dev_open();
	reads.own = map_anon(LEN);
	reads.id = dev_add(reads.fd, 0, MNT_INTERVAL, reads.own, LEN, NULL);
	must(reads.id >= 0, "subscribe");
	start(them, invalidators, area, reads.fd);
	must(!pthread_create(&reads.thread, NULL, run_reads, &reads),
	     "thread");
	began = now_ns();
	while (!reads.done && now_ns() - began < LONGEST_NS)
		sleep_ms(1);
	for (i = 0; i < invalidators; i++)
		them[i].churn.stop = true;
	for (i = 0; i < invalidators; i++)
		churn_stop(&them[i].churn);
	pthread_join(reads.thread, NULL);
	free(them);
}
