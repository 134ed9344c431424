// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA balancing disturbs subscribers where it makes a hint, and nowhere else:
 * not where pages are local, have their hint already, or are pinned.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "needless.h"

#define PMDS		4
#define BALANCING	"/sys/kernel/debug/sched/numa_balancing/"
#define SWITCH		"/proc/sys/kernel/numa_balancing"

FIXTURE(hints) {
	struct watched area;
	unsigned int node;
};

/* Pages of our own are where we run; nothing else has a policy to balance. */
FIXTURE_SETUP(hints)
{
	unsigned long both = 3, local;
	unsigned int cpu = 0;
	cpu_set_t cpus;
	int fd;

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one NUMA node: try numa=fake=2U");
	if (access(SWITCH, F_OK) || access(BALANCING "scan_delay_ms", F_OK))
		SKIP(return, "no NUMA balancing, or no debugfs for it");
	fd = fixture_open(_metadata);
	ASSERT_LE(0, fd);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, syscall(SYS_getcpu, &cpu, &self->node, NULL));
	local = 1UL << self->node;
	ASSERT_EQ(0, syscall(SYS_set_mempolicy, MPOL_BIND, &local,
			     8 * sizeof(local)));
	ASSERT_TRUE(watched_make(&self->area, fd, PMDS));
	memset(self->area.addr, 1, self->area.len);
	ASSERT_EQ(0, syscall(SYS_mbind, self->area.addr, self->area.len,
			     MPOL_BIND | MPOL_F_NUMA_BALANCING, &both,
			     8 * sizeof(both), 0));
	watched_callouts(&self->area);
	write_file(BALANCING "scan_delay_ms", "1");
	write_file(BALANCING "scan_period_min_ms", "10");
	write_file(BALANCING "scan_period_max_ms", "20");
	ASSERT_EQ(0, write_file(SWITCH, "1"));
}

FIXTURE_TEARDOWN(hints)
{
	write_file(SWITCH, "0");
	close(self->area.fd);
}

/* To the other node; the hint is for pages that are there. */
static bool send_away(unsigned int from, char *page)
{
	int node = !from, status = -1, tries;

	for (tries = 0; tries < PATIENCE_MS / 10 && status != node; tries++) {
		if (tries)
			sleep_ms(10);
		syscall(SYS_move_pages, 0, 1, &page, &node, &status,
			MPOL_MF_MOVE_ALL);
	}
	return status == node;
}

/* How often our memory was looked through, from its beginning to its end. */
static long scans(void)
{
	char text[8192], *at;

	if (read_file("/proc/self/sched", text, sizeof(text)))
		return -1;
	at = strstr(text, "mm->numa_scan_seq");
	at = at ? strchr(at, ':') : NULL;
	return at ? strtol(at + 1, NULL, 10) : -1;
}

/* It costs processor time to be scanned. */
static bool wait_scans(int more)
{
	uint64_t limit = now_ns() + bound_ns(PATIENCE_MS * MSEC);
	long first = scans();

	while (first >= 0 && now_ns() < limit)
		if (scans() - first >= more)
			return true;
	return false;
}

static bool wait_callouts(struct watched *area, struct callouts *seen)
{
	uint64_t limit = now_ns() + bound_ns(PATIENCE_MS * MSEC);

	do {
		*seen = watched_callouts(area);
	} while (!seen->nr && now_ns() < limit);
	return seen->nr;
}

TEST_F_TIMEOUT(hints, one_remote_page, LIMIT_S)
{
	char *page = self->area.addr + 2 * PMD + 100 * PAGE;
	struct callouts seen;

	ASSERT_TRUE(send_away(self->node, page));
	/* The first three PMDs are looked at in one go. */
	ASSERT_TRUE(wait_callouts(&self->area, &seen));
	EXPECT_EQ(1, seen.nr);
	EXPECT_EQ((uintptr_t)page, seen.range[0].start);
	EXPECT_EQ((uintptr_t)self->area.addr + 3 * PMD, seen.range[0].end);
}

TEST_F_TIMEOUT(hints, local_pages, LIMIT_S)
{
	struct callouts seen;

	ASSERT_TRUE(wait_scans(1));
	EXPECT_EQ(0, watched_callouts(&self->area).nr);
	/* That was not for want of looking. */
	ASSERT_TRUE(send_away(self->node, self->area.addr));
	EXPECT_TRUE(wait_callouts(&self->area, &seen));
}

TEST_F_TIMEOUT(hints, hinted_already, LIMIT_S)
{
	char *page = self->area.addr + PMD, *other = page + PMD + PAGE;
	struct callouts seen;

	ASSERT_TRUE(send_away(self->node, page));
	ASSERT_TRUE(wait_callouts(&self->area, &seen));
	EXPECT_EQ(1, seen.nr);
	ASSERT_TRUE(send_away(self->node, other));
	ASSERT_TRUE(wait_callouts(&self->area, &seen));
	EXPECT_EQ(1, seen.nr);
	EXPECT_EQ((uintptr_t)other, seen.range[0].start);
}

/* As mm/gup_test.h says. */
struct pin {
	uint64_t addr;
	uint64_t size;
	uint32_t flags;
};

#define PIN_START	_IOW('g', 7, struct pin)
#define PIN_STOP	_IO('g', 8)

TEST_F_TIMEOUT(hints, pinned, LIMIT_S)
{
	struct pin pin = { .size = PAGE, .flags = 1 };
	struct callouts seen;
	int fd;

	fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "no gup_test in debugfs");
	ASSERT_EQ(0, write_file(SWITCH, "0"));
	ASSERT_TRUE(send_away(self->node, self->area.addr));
	pin.addr = (uintptr_t)self->area.addr;
	ASSERT_EQ(0, ioctl(fd, PIN_START, &pin));
	watched_callouts(&self->area);
	ASSERT_EQ(0, write_file(SWITCH, "1"));
	ASSERT_TRUE(wait_scans(1));
	EXPECT_EQ(0, watched_callouts(&self->area).nr);
	/* It was for the pin. */
	ASSERT_EQ(0, ioctl(fd, PIN_STOP));
	EXPECT_TRUE(wait_callouts(&self->area, &seen));
	close(fd);
}

/* Where all is to be hinted, there is one callout for all of it. */
TEST_F_TIMEOUT(hints, all_at_once, LIMIT_S)
{
	struct callouts seen;
	size_t i;

	ASSERT_EQ(0, write_file(SWITCH, "0"));
	for (i = 0; i < self->area.len; i += 64 * PAGE)
		ASSERT_TRUE(send_away(self->node, self->area.addr + i));
	watched_callouts(&self->area);
	ASSERT_EQ(0, write_file(SWITCH, "1"));
	ASSERT_TRUE(wait_callouts(&self->area, &seen));
	EXPECT_EQ(1, seen.nr);
	EXPECT_EQ((uintptr_t)self->area.addr, seen.range[0].start);
	EXPECT_EQ((uintptr_t)self->area.addr + self->area.len,
		  seen.range[0].end);
}

TEST_HARNESS_MAIN
