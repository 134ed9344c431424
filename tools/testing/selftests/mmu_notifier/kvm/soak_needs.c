// SPDX-License-Identifier: GPL-2.0
/* The coherence soak: what has to be there, and settings. */
#define _GNU_SOURCE
#include "soak.h"

#define KSM		"/sys/kernel/mm/ksm/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define NODES		"/sys/devices/system/node/"
#define BALANCING	"/sys/kernel/debug/sched/numa_balancing/"
#define SWITCH		"/proc/sys/kernel/numa_balancing"
#define ROOT_GROUP	"/sys/fs/cgroup/cgroup.procs"

/**
 * soak_vmstat() - read a counter of /proc/vmstat
 * @name: its name
 *
 * Return: its value, 0 if there is none.
 */
unsigned long soak_vmstat(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "r");
	unsigned long value, found = 0;
	char key[64];

	if (!file)
		return 0;
	while (fscanf(file, "%63s %lu", key, &value) == 2) {
		if (!strcmp(key, name))
			found = value;
	}
	fclose(file);
	return found;
}

static bool has_nodes(void)
{
	return !access(NODES "node1", F_OK);
}

/**
 * soak_why_not() - can a kind of disturbance be had here?
 * @kind: the kind
 *
 * Return: NULL, or why not.
 */
const char *soak_why_not(enum soak_kind kind)
{
	switch (kind) {
	case SOAK_SWAP:
		return swap_is_on() ? NULL : "no swap, and no zram for it";
	case SOAK_MEMCG:
		if (!swap_is_on())
			return "no swap, and no zram for it";
		return cgroup_make("soak") ? NULL : "no memory cgroup";
	case SOAK_KSM:
		return access(KSM "run", W_OK) ? "no KSM" : NULL;
	case SOAK_SPLIT:
		if (access("/sys/kernel/debug/split_huge_pages", W_OK))
			return "no split_huge_pages in debugfs";
		return NULL;
	case SOAK_COLLAPSE:
		return access(THP "enabled", F_OK) ? "no THP" : NULL;
	case SOAK_MIGRATE:
		return has_nodes() ? NULL : "one NUMA node: try numa=fake=2U";
	case SOAK_BALANCE:
		if (access(SWITCH, W_OK))
			return "no NUMA balancing";
		return has_nodes() ? NULL : "one NUMA node: try numa=fake=2U";
	default:
		return NULL;
	}
}

/* So that something happens within seconds. */
static void set_balancing(bool on)
{
	write_file(BALANCING "scan_delay_ms", on ? "10" : "1000");
	write_file(BALANCING "scan_period_min_ms", on ? "50" : "1000");
	write_file(BALANCING "scan_period_max_ms", on ? "100" : "60000");
	write_file(SWITCH, on ? "1" : "0");
}

static void set_ksm(bool on)
{
	write_file(KSM "sleep_millisecs", on ? "5" : "20");
	write_file(KSM "pages_to_scan", on ? "1000" : "100");
	/* 2: stop, and give back all that was merged */
	write_file(KSM "run", on ? "1" : "2");
}

/**
 * soak_prepare() - settings, and a cgroup for this process
 * @soak: the soak, before it has a VM
 */
void soak_prepare(struct soak *soak)
{
	char path[160], pid[16];
	const char *cgroup;

	pthread_mutex_init(&soak->dropping, NULL);
	if (soak->mask & 1U << SOAK_MEMCG) {
		cgroup = cgroup_make("soak");
		TEST_ASSERT(cgroup, "a cgroup");
		snprintf(soak->cgroup, sizeof(soak->cgroup), "%s", cgroup);
		snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
		snprintf(pid, sizeof(pid), "%d", getpid());
		TEST_ASSERT(!write_file(path, pid), "joining the cgroup");
	}
	if (soak->mask & 1U << SOAK_KSM)
		set_ksm(true);
	if (soak->mask & 1U << SOAK_BALANCE)
		set_balancing(true);
}

/**
 * soak_restore() - undo soak_prepare()
 * @soak: the soak
 */
void soak_restore(struct soak *soak)
{
	char pid[16];

	if (soak->mask & 1U << SOAK_KSM)
		set_ksm(false);
	if (soak->mask & 1U << SOAK_BALANCE)
		set_balancing(false);
	if (soak->cgroup[0]) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		write_file(ROOT_GROUP, pid);
		rmdir(soak->cgroup);
	}
}
