// SPDX-License-Identifier: GPL-2.0
/*
 * Reads the counters of l1_stats.h.
 *
 * Callouts are counted by histogram triggers in the kernel: no event is lost,
 * however many there are, and nothing is copied to user space for each.  The
 * histogram shows field values as numbers; their names come from the event's
 * format file, so that this program does not repeat the kernel's enums.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l1_stats.h"

#define EVENTS	"/sys/kernel/tracing/events/mmu_notifier/"
#define KVM	"/sys/kernel/debug/kvm/"
#define PAGE_KB	4

bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok;

	if (!f)
		return false;
	ok = fputs(text, f) >= 0;
	return !fclose(f) && ok;
}

/* The number after @key in a file of "key value" lines; 0 if there is none. */
static unsigned long read_key(const char *path, const char *key)
{
	unsigned long value = 0, v;
	char line[256], name[128];
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%127s %lu", name, &v) == 2 &&
		    !strcmp(name, key)) {
			value = v;
			break;
		}
	}
	fclose(f);
	return value;
}

/* Number @index (from 0) of the first line. */
static unsigned long read_number(const char *path, int index)
{
	unsigned long value = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	while (index-- >= 0) {
		if (fscanf(f, "%lu", &value) != 1) {
			value = 0;
			break;
		}
	}
	fclose(f);
	return value;
}

/*
 * Find, in the print format of an event, the table that turns @field into
 * names: "__print_symbolic(REC->field, { 0, "name" }, { 1, ...".
 */
static void read_names(const char *format, const char *field, struct names *n)
{
	char start[64], name[32] = "";
	unsigned int value;
	const char *p;
	int used;

	snprintf(start, sizeof(start), "__print_symbolic(REC->%s", field);
	p = strstr(format, start);
	if (!p)
		return;
	p += strlen(start);
	while (sscanf(p, " , { %u , \"%31[^\"]\" }%n", &value, name, &used) == 2) {
		if (value < MAX_NAMES)
			memcpy(n->name[value], name, sizeof(name));
		p += used;
	}
}

static bool start_event(const char *event, const char *trigger,
			struct names *ops, struct names *events)
{
	static char format[1 << 16];
	char path[256];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), EVENTS "%s/format", event);
	f = fopen(path, "r");
	if (!f)
		return false;
	len = fread(format, 1, sizeof(format) - 1, f);
	format[len] = '\0';
	fclose(f);
	read_names(format, "op", ops);
	if (events)
		read_names(format, "event", events);
	snprintf(path, sizeof(path), EVENTS "%s/trigger", event);
	return write_file(path, trigger);
}

void stats_start_tracing(struct tracing *t)
{
	memset(t, 0, sizeof(*t));
	t->callout = start_event("mmu_notifier_callout", "hist:keys=op,event",
				 &t->op, &t->event);
	t->age = start_event("mmu_notifier_age", "hist:keys=op,young",
			     &t->age_op, NULL);
}

/*
 * Lines look like "{ op:   1, event:   0 } hitcount:   42"; KEY2 is the second
 * key's name.
 */
static void read_hist(const char *event, const char *key2,
		      void (*add)(struct stats *s, unsigned int k1,
				  unsigned int k2, unsigned long hits),
		      struct stats *s)
{
	char path[256], line[256], pattern[64];
	unsigned int k1, k2;
	unsigned long hits;
	FILE *f;

	snprintf(path, sizeof(path), EVENTS "%s/hist", event);
	snprintf(pattern, sizeof(pattern),
		 " { op: %%u , %s: %%u } hitcount: %%lu", key2);
	f = fopen(path, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, pattern, &k1, &k2, &hits) == 3)
			add(s, k1, k2, hits);
	}
	fclose(f);
}

static unsigned int bounded(unsigned int index)
{
	return index < MAX_NAMES ? index : MAX_NAMES - 1;
}

static void add_callout(struct stats *s, unsigned int op, unsigned int event,
			unsigned long hits)
{
	s->callouts[bounded(op)][bounded(event)] += hits;
}

static void add_age(struct stats *s, unsigned int op, unsigned int young,
		    unsigned long hits)
{
	s->age_calls[bounded(op)] += hits;
	if (young)
		s->age_young[bounded(op)] += hits;
}

void stats_read(struct stats *s, const struct tracing *t)
{
	memset(s, 0, sizeof(*s));
	s->current_kb = read_number(CGROUP "/memory.current", 0) / 1024;
	s->anon_kb = read_key(CGROUP "/memory.stat", "anon") / 1024;
	s->swap_kb = read_number(CGROUP "/memory.swap.current", 0) / 1024;
	s->swapped_out_kb = read_key("/proc/vmstat", "pswpout") * PAGE_KB;
	s->swapped_in_kb = read_key("/proc/vmstat", "pswpin") * PAGE_KB;
	s->zram_kb = read_number("/sys/block/zram0/mm_stat", 2) / 1024;
	s->pf_taken = read_number(KVM "pf_taken", 0);
	s->pf_fixed = read_number(KVM "pf_fixed", 0);
	s->pf_spurious = read_number(KVM "pf_spurious", 0);
	s->pf_emulate = read_number(KVM "pf_emulate", 0);
	s->pf_guest = read_number(KVM "pf_guest", 0);
	if (t->callout)
		read_hist("mmu_notifier_callout", "event", add_callout, s);
	if (t->age)
		read_hist("mmu_notifier_age", "young", add_age, s);
}

/*
 * KVM does not count retries.  Each fault that it takes is either fixed, found
 * already fixed, emulated or handed to the guest, and is counted as such, or
 * the vCPU is sent back to fault again.  The counters are not read at one
 * instant, hence the clamp.
 */
unsigned long stats_retries(const struct stats *s)
{
	unsigned long settled = s->pf_fixed + s->pf_spurious + s->pf_emulate +
				s->pf_guest;

	return s->pf_taken > settled ? s->pf_taken - settled : 0;
}
