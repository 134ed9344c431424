/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the machine that hosts the inner guest can be asked about it: memory
 * and swap, KVM's fault counters, and the callouts that our tracepoints count.
 */
#ifndef L1_STATS_H
#define L1_STATS_H

#include <stdbool.h>
#include <stddef.h>

#define MAX_NAMES	32	/* symbolic values of a tracepoint's field */
#define CGROUP		"/sys/fs/cgroup/guest"

struct stats {
	unsigned long	current_kb;	/* the cgroup's charge ... */
	unsigned long	anon_kb;	/* ... and of that, anonymous memory */
	unsigned long	swap_kb;	/* the cgroup's memory in swap now */
	unsigned long	swapped_out_kb;	/* since boot */
	unsigned long	swapped_in_kb;
	unsigned long	zram_kb;	/* what zram spends on the swapped */
	unsigned long	pf_taken, pf_fixed, pf_spurious, pf_emulate, pf_guest;
	unsigned long	callouts[MAX_NAMES][MAX_NAMES];	/* by op and event */
	unsigned long	age_calls[MAX_NAMES];		/* by op */
	unsigned long	age_young[MAX_NAMES];
};

/* The names of a field's values, as the event's own format file gives them. */
struct names {
	char		name[MAX_NAMES][32];
};

struct tracing {
	bool		callout, age;	/* the event exists and is counted */
	struct names	op, event, age_op;
};

void stats_start_tracing(struct tracing *t);
void stats_read(struct stats *s, const struct tracing *t);
unsigned long stats_retries(const struct stats *s);
bool write_file(const char *path, const char *text);

#endif
