// SPDX-License-Identifier: GPL-2.0
/*
 * What waits for another partition: the loopback partition's attachments are
 * withdrawn by message.  And those who must not wait.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PAGES	16
#define SIZE	(PAGES * XP_PAGE)
#define SENDERS	5
#define DELAY	500
/* Of the partition; a guest can be late by so much without being dead. */
#define TIMEOUT	4000

FIXTURE(loopback) {
	int fd;
	char *addr;
	char *there;
};

FIXTURE_SETUP(loopback)
{
	self->fd = xp_open();
	ASSERT_LE(0, self->fd);
	if (xp_set("loopback", 1))
		SKIP(return, "parameters cannot be set");
	ASSERT_EQ(0, xp_set("loopback_dead", 0));
	self->addr = xp_map(SIZE);
	xp_fill(self->addr, SIZE, 1);
	self->there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	ASSERT_FALSE(xp_failed(self->there));
	ASSERT_TRUE(xp_is_filled(self->there, SIZE, 1));
}

FIXTURE_TEARDOWN(loopback)
{
	xp_set("loopback_delay_ms", 0);
	xp_set("loopback_dead", 0);
	xp_set("loopback", 0);
	xp_set("partition_timeout_ms", 10000);
	close(self->fd);
}

static bool is_gone(const char *addr)
{
	uint64_t value;

	return !xp_read(addr, &value) && xp_signal() == SIGBUS;
}

/* Soon: by a worker. */
static bool wait_gone(const char *addr)
{
	uint64_t until = xp_now_ms() + XP_PATIENCE_MS, value;

	while (xp_read(addr, &value) && xp_now_ms() < until)
		;
	return is_gone(addr);
}

static uint64_t time_of_unmap(char *addr)
{
	uint64_t start = xp_now_ms();

	munmap(addr, XP_PAGE);
	return xp_now_ms() - start;
}

/* Does the change wait for the partition's answer? */
TEST_F(loopback, waits)
{
	long messages = xp_count("messages");

	ASSERT_EQ(0, xp_set("loopback_delay_ms", DELAY));
	EXPECT_LE(DELAY, time_of_unmap(self->addr));
	EXPECT_EQ(messages + 1, xp_count("messages"));
	EXPECT_TRUE(is_gone(self->there));
	EXPECT_FALSE(is_gone(self->there + XP_PAGE));
}

TEST_F(loopback, both_kinds)
{
	char *local;

	xp_set("loopback", 0);
	local = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	xp_fill(local, SIZE, 2);
	EXPECT_TRUE(xp_is_filled(self->there, SIZE, 2));
	madvise(self->addr, SIZE, MADV_DONTNEED);
	xp_fill(self->there, SIZE, 3);
	EXPECT_TRUE(xp_is_filled(local, SIZE, 3));
	xp_detach(self->fd, self->there);
	/* Nothing there is the partition's any more. */
	ASSERT_EQ(0, xp_set("loopback_delay_ms", 20000));
	EXPECT_GT(10000, time_of_unmap(self->addr));
	EXPECT_TRUE(is_gone(local));
}

static void remove_and_release(struct __test_metadata *_metadata,
			       FIXTURE_DATA(loopback) *self)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600);
	int64_t access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);

	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	EXPECT_EQ(0, xp_remove(self->fd, segment));
	EXPECT_TRUE(is_gone(there));
	EXPECT_EQ(0, xp_release(self->fd, access));
}

TEST_F(loopback, remove)
{
	ASSERT_EQ(0, xp_set("loopback_delay_ms", DELAY));
	remove_and_release(_metadata, self);
}

/* A partition that slowly does what it is told is not dead. */
TEST_F(loopback, slow_is_not_dead)
{
	long deaths = xp_count("deaths");
	pid_t pids[SENDERS];
	int i;

	ASSERT_EQ(0, xp_set("partition_timeout_ms", TIMEOUT));
	ASSERT_EQ(0, xp_set("loopback_delay_ms", TIMEOUT / 3));
	/* All at once, so that the last one waits for longer than that. */
	for (i = 0; i < SENDERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			char *addr = xp_map(SIZE);
			int fd = xp_open();
			char *there = xp_attach_all(fd, addr, SIZE,
						    XPMEM_GET_WRITE);

			xp_fill(there, SIZE, 4);
			munmap(addr, SIZE);
			_exit(!is_gone(there));
		}
	}
	for (i = 0; i < SENDERS; i++) {
		int status = -1;

		EXPECT_TRUE(xp_reap(pids[i], &status));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(deaths, xp_count("deaths"));
}

TEST_F(loopback, death)
{
	long deaths = xp_count("deaths");
	char *local, *later;
	uint64_t took;

	xp_set("loopback", 0);
	local = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	EXPECT_TRUE(xp_is_filled(local, SIZE, 1));
	xp_set("loopback", 1);
	ASSERT_EQ(0, xp_set("partition_timeout_ms", TIMEOUT));
	ASSERT_EQ(0, xp_set("loopback_dead", 1));
	took = time_of_unmap(self->addr);
	EXPECT_LE(TIMEOUT, took);
	EXPECT_GT(XP_PATIENCE_MS, took);
	EXPECT_EQ(deaths + 1, xp_count("deaths"));
	/* All that it had goes, and nobody waits for it any more. */
	EXPECT_TRUE(is_gone(self->there));
	EXPECT_TRUE(wait_gone(self->there + XP_PAGE));
	EXPECT_FALSE(is_gone(local + XP_PAGE));
	took = time_of_unmap(self->addr + XP_PAGE);
	EXPECT_GT(TIMEOUT, took);
	EXPECT_TRUE(is_gone(local + XP_PAGE));
	EXPECT_EQ(deaths + 1, xp_count("deaths"));
	/* Its successor has what is attached from then on. */
	ASSERT_EQ(0, xp_set("loopback_dead", 0));
	later = xp_attach_all(self->fd, self->addr + 2 * XP_PAGE, XP_PAGE,
			      XPMEM_GET_WRITE);
	EXPECT_TRUE(xp_write(later, 7));
	EXPECT_EQ(7, *(uint64_t *)(self->addr + 2 * XP_PAGE));
	EXPECT_TRUE(is_gone(self->there + 2 * XP_PAGE));
}

/* Share pages, and go on when told to. */
static char *share_and_wait(struct xp_peer *self)
{
	char *addr = xp_map(SIZE);
	int fd = xp_open();
	int64_t word;

	xp_fill(addr, SIZE, 3);
	xp_tell(self, xp_make(fd, addr, SIZE, 0666));
	xp_hear(self, &word);
	return addr;
}

static void changing_peer(struct xp_peer *self, void *arg)
{
	(void)arg;
	munmap(share_and_wait(self), SIZE);
	xp_tell(self, 1);
}

/* While it is being withdrawn, nothing makes a translation of it. */
TEST_F(loopback, not_in_flight)
{
	int64_t segment = 0, access;
	char *local, *remote;
	struct xp_peer peer;
	uint64_t until;
	long messages;

	ASSERT_TRUE(xp_peer_start(&peer, changing_peer, NULL));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	remote = xp_attach(self->fd, access, 0, SIZE, NULL);
	xp_set("loopback", 0);
	local = xp_attach(self->fd, access, 0, SIZE, NULL);
	EXPECT_TRUE(xp_is_filled(remote, SIZE, 3));
	EXPECT_TRUE(xp_is_filled(local, SIZE, 3));
	ASSERT_EQ(0, xp_set("loopback_delay_ms", TIMEOUT));
	/* There have been others, of fork(). */
	messages = xp_count("messages");
	ASSERT_TRUE(xp_tell(&peer, 0));
	until = xp_now_ms() + XP_PATIENCE_MS;
	while (xp_count("messages") == messages && xp_now_ms() < until)
		;
	/* Withdrawn already, still in the source's page table. */
	EXPECT_TRUE(is_gone(local));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	EXPECT_TRUE(is_gone(remote));
	EXPECT_EQ(0, xp_peer_stop(&peer));
}

static void dying_peer(struct xp_peer *self, void *arg)
{
	(void)arg;
	share_and_wait(self);
}

/* A source can be killed while its memory is held by a partition that is dead. */
TEST_F(loopback, source_is_killed)
{
	struct xp_peer peer;
	int64_t segment = 0;
	char *there;
	int status;

	ASSERT_TRUE(xp_peer_start(&peer, dying_peer, NULL));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	there = xp_attach(self->fd, xp_get(self->fd, segment, XPMEM_GET_WRITE),
			  0, SIZE, NULL);
	EXPECT_TRUE(xp_is_filled(there, SIZE, 3));
	ASSERT_EQ(0, xp_set("partition_timeout_ms", TIMEOUT));
	ASSERT_EQ(0, xp_set("loopback_dead", 1));
	kill(peer.pid, SIGKILL);
	ASSERT_TRUE(xp_reap(peer.pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(is_gone(there));
}

/* Those who must not wait are refused what is attached, and have the rest. */
static void reaped(struct __test_metadata *_metadata, bool remote)
{
	long refused = xp_count("refused");
	int fd = xp_open(), pidfd, status;
	struct xp_peer peer;
	int64_t segment = 0;
	char *there;

	xp_set("loopback", remote);
	ASSERT_TRUE(xp_peer_start(&peer, dying_peer, NULL));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	there = xp_attach(fd, xp_get(fd, segment, XPMEM_GET_WRITE), 0, SIZE, NULL);
	ASSERT_TRUE(xp_is_filled(there, SIZE, 3));
	/* Its exit takes so long, so that it can be reaped meanwhile. */
	xp_set("loopback_delay_ms", remote ? DELAY : 0);
	pidfd = syscall(SYS_pidfd_open, peer.pid, 0);
	ASSERT_LE(0, pidfd);
	kill(peer.pid, SIGKILL);
	syscall(SYS_process_mrelease, pidfd, 0);
	EXPECT_TRUE(xp_reap(peer.pid, &status));
	EXPECT_TRUE(wait_gone(there));
	EXPECT_LE(refused, xp_count("refused"));
	close(pidfd);
	close(fd);
}

TEST(reaped_here)
{
	int i;

	for (i = 0; i < 20; i++)
		reaped(_metadata, false);
}

TEST_F(loopback, reaped)
{
	long refused = xp_count("refused");
	int i;

	for (i = 0; i < 5; i++)
		reaped(_metadata, true);
	EXPECT_LT(refused, xp_count("refused"));
}

TEST_HARNESS_MAIN
