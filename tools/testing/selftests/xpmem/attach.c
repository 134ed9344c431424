// SPDX-License-Identifier: GPL-2.0
/*
 * What is attached is the source's memory, for as long as it is attached; and
 * what ends it: detach, release, remove, close, exit and exec of either side.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define PAGES	20
#define SIZE	(PAGES * XP_PAGE)

FIXTURE(memory) {
	int fd;
	char *addr;
	int64_t segment;
};

FIXTURE_SETUP(memory)
{
	self->fd = xp_open();
	ASSERT_LE(0, self->fd);
	self->addr = xp_map(SIZE);
	xp_fill(self->addr, SIZE, 1);
	self->segment = xp_make(self->fd, self->addr, SIZE, 0666);
	ASSERT_LT(0, self->segment);
}

FIXTURE_TEARDOWN(memory)
{
	close(self->fd);
	munmap(self->addr, SIZE);
}

static bool is_gone(const char *addr)
{
	uint64_t value;

	return !xp_read(addr, &value) && xp_signal() == SIGBUS;
}

static bool is_unmapped(const char *addr)
{
	uint64_t value;

	return !xp_read(addr, &value) && xp_signal() == SIGSEGV;
}

TEST_F(memory, both_ways)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);

	ASSERT_FALSE(xp_failed(there));
	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	xp_fill(there, SIZE, 2);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 2));
	xp_fill(self->addr, SIZE, 3);
	EXPECT_TRUE(xp_is_filled(there, SIZE, 3));
	/* A page that neither side has touched, for read and then for write. */
	ASSERT_EQ(0, madvise(self->addr, SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, xp_peek(there));
	xp_poke(there, 5);
	EXPECT_EQ(5, xp_peek(self->addr));
	EXPECT_EQ(0, xp_detach(self->fd, there + 5000));
	EXPECT_TRUE(is_unmapped(there));
	EXPECT_EQ(-EINVAL, xp_detach(self->fd, there));
	EXPECT_EQ(-EINVAL, xp_detach(self->fd, self->addr));
}

TEST_F(memory, read_only)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_READ);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);

	ASSERT_FALSE(xp_failed(there));
	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	EXPECT_FALSE(xp_write(there, 1));
	EXPECT_EQ(SIGSEGV, xp_signal());
	EXPECT_EQ(-1, mprotect(there, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(there, SIZE, PROT_READ | PROT_EXEC));
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 1));
}

/* The size and the place of an attachment need not be of whole pages. */
TEST_F(memory, in_the_page)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, XP_PAGE + 48, 100, NULL);

	ASSERT_FALSE(xp_failed(there));
	EXPECT_EQ(48, (uintptr_t)there % XP_PAGE);
	*there = 77;
	EXPECT_EQ(77, self->addr[XP_PAGE + 48]);
	EXPECT_EQ(0, xp_detach(self->fd, there));
	/* Two bytes on two pages. */
	there = xp_attach(self->fd, access, 2 * XP_PAGE - 1, 2, NULL);
	ASSERT_FALSE(xp_failed(there));
	there[0] = 1;
	there[1] = 2;
	EXPECT_EQ(1, self->addr[2 * XP_PAGE - 1]);
	EXPECT_EQ(2, self->addr[2 * XP_PAGE]);
}

TEST_F(memory, at_a_place)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *place = xp_map(SIZE);

	EXPECT_EQ(place, xp_attach(self->fd, access, 0, SIZE, place));
	EXPECT_TRUE(xp_is_filled(place, SIZE, 1));
	/* In place of an attachment, by another part. */
	EXPECT_EQ(place + 8, xp_attach(self->fd, access, XP_PAGE + 8,
				       XP_PAGE - 8, place));
	EXPECT_EQ(*(uint64_t *)(self->addr + XP_PAGE), *(uint64_t *)place);
	EXPECT_EQ(-EINVAL, (long)xp_attach(self->fd, access, 0, SIZE, place + 8));
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_TRUE(is_unmapped(place));
}

/* All of it, also what is mapped later; and what is not mapped is not there. */
TEST_F(memory, whole_space)
{
	int64_t segment = xp_make(self->fd, NULL, XPMEM_WHOLE_SPACE, 0600);
	int64_t access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	char *there, *later = xp_map(SIZE);

	ASSERT_LT(0, access);
	there = xp_attach(self->fd, access, (uintptr_t)later + 1, SIZE - 1, NULL);
	ASSERT_FALSE(xp_failed(there));
	xp_fill(later, SIZE, 4);
	EXPECT_TRUE(xp_is_filled(there - 1, SIZE, 4));
	munmap(later, SIZE);
	EXPECT_TRUE(is_gone(there));
	mmap(later, SIZE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	xp_fill(later, SIZE, 5);
	EXPECT_TRUE(xp_is_filled(there - 1, SIZE, 5));
	EXPECT_EQ(-EINVAL, (long)xp_attach(self->fd, access, -1, 2, NULL));
	EXPECT_EQ(-EINVAL, (long)xp_attach(self->fd, access, 1L << 62, 2, NULL));
}

/* Neither through an attachment, nor in a circle. */
TEST_F(memory, no_chains)
{
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	char *more, *ring[2];
	int64_t segment, access;

	ASSERT_FALSE(xp_failed(there));
	EXPECT_EQ(-EINVAL, (long)xp_attach_all(self->fd, there, SIZE,
					       XPMEM_GET_WRITE));
	/* What becomes an attachment later is none that could be seen. */
	ring[0] = xp_map(SIZE);
	ring[1] = xp_attach_all(self->fd, ring[0], SIZE, XPMEM_GET_WRITE);
	ASSERT_FALSE(xp_failed(ring[1]));
	segment = xp_make(self->fd, ring[1], SIZE, 0600);
	munmap(ring[1], SIZE);
	ASSERT_EQ(ring[1], mmap(ring[1], SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	/* Each in place of the memory that the other one attaches. */
	more = xp_attach(self->fd, access, 0, SIZE, ring[0]);
	ASSERT_EQ(ring[0], more);
	segment = xp_make(self->fd, ring[0], SIZE, 0600);
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	EXPECT_EQ(-EINVAL, (long)xp_attach(self->fd, access, 0, SIZE, ring[1]));
	/* Itself. */
	segment = xp_make(self->fd, self->addr, SIZE, 0600);
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	EXPECT_EQ(self->addr, xp_attach(self->fd, access, 0, SIZE, self->addr));
	EXPECT_TRUE(is_gone(self->addr));
	EXPECT_EQ(0, munmap(self->addr, SIZE));
	EXPECT_TRUE(is_gone(there));
}

struct circle {
	int64_t segment;
	char *addr;
};

/*
 * Each side's memory is what the other one has attached: refused if it is so
 * when it is asked for, but mremap() can bring it about afterwards.
 */
static void circle_peer(struct xp_peer *self, void *arg)
{
	struct circle *theirs = arg;
	int fd = xp_open();
	int64_t access = xp_get(fd, theirs->segment, XPMEM_GET_WRITE);
	int64_t word, segment;
	char *there = xp_attach(fd, access, 0, SIZE, NULL);

	segment = xp_make(fd, theirs->addr, SIZE, 0666);
	xp_tell(self, segment);
	if (!xp_hear(self, &word))
		_exit(1);
	if ((long)xp_attach(fd, access, 0, SIZE, NULL) != -EINVAL)
		_exit(2);
	there = mremap(there, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       theirs->addr);
	xp_tell(self, there == theirs->addr);
	while (xp_hear(self, &word)) {
		mprotect(theirs->addr, SIZE, PROT_READ);
		mprotect(theirs->addr, SIZE, PROT_READ | PROT_WRITE);
		xp_tell(self, is_gone(there));
		munmap(theirs->addr + XP_PAGE, XP_PAGE);
	}
}

TEST_F(memory, circle_of_two)
{
	struct circle circle = { .addr = self->addr, .segment = self->segment };
	int64_t access, word = 0;
	struct xp_peer peer;
	char *there;

	ASSERT_TRUE(xp_peer_start(&peer, circle_peer, &circle));
	ASSERT_TRUE(xp_hear(&peer, &word));
	ASSERT_LT(0, word);
	access = xp_get(self->fd, word, XPMEM_GET_WRITE);
	there = xp_attach(self->fd, access, 0, SIZE, self->addr);
	ASSERT_EQ(self->addr, there);
	ASSERT_TRUE(xp_ask(&peer, 0, &word));
	EXPECT_EQ(1, word);
	EXPECT_TRUE(is_gone(there));
	ASSERT_TRUE(xp_ask(&peer, 0, &word));
	EXPECT_EQ(1, word);
	mprotect(there, SIZE, PROT_READ);
	munmap(there, SIZE);
	EXPECT_EQ(0, xp_peer_stop(&peer));
}

TEST_F(memory, remove)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);

	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	EXPECT_EQ(0, xp_remove(self->fd, self->segment));
	EXPECT_TRUE(is_gone(there));
	EXPECT_EQ(-ENOENT, xp_remove(self->fd, self->segment));
	EXPECT_EQ(-ENOENT, xp_get(self->fd, self->segment, XPMEM_GET_READ));
	EXPECT_EQ(-ENOENT, (long)xp_attach(self->fd, access, 0, SIZE, NULL));
	EXPECT_EQ(0, xp_detach(self->fd, there));
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_EQ(-ENOENT, xp_release(self->fd, access));
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 1));
}

/* All that was attached by it, wherever it has got to. */
TEST_F(memory, release)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);
	char *moved = xp_attach(self->fd, access, 0, SIZE, NULL);
	char *cut = xp_attach(self->fd, access, 0, SIZE, NULL);
	char *place = xp_map(SIZE);

	EXPECT_EQ(place, mremap(moved, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				place));
	EXPECT_TRUE(xp_is_filled(place, SIZE, 1));
	xp_fill(place, SIZE, 2);
	munmap(cut + 4 * XP_PAGE, XP_PAGE);
	mprotect(cut + 8 * XP_PAGE, XP_PAGE, PROT_READ);
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_TRUE(is_unmapped(there));
	EXPECT_TRUE(is_unmapped(place));
	EXPECT_TRUE(is_unmapped(cut));
	EXPECT_TRUE(is_unmapped(cut + 8 * XP_PAGE));
	EXPECT_TRUE(is_unmapped(cut + 9 * XP_PAGE));
	EXPECT_EQ(-ENOENT, (long)xp_attach(self->fd, access, 0, SIZE, NULL));
}

TEST_F(memory, detach_takes_all_pieces)
{
	int64_t access = xp_get(self->fd, self->segment, XPMEM_GET_WRITE);
	char *there = xp_attach(self->fd, access, 0, SIZE, NULL);

	mprotect(there + 2 * XP_PAGE, XP_PAGE, PROT_READ);
	EXPECT_EQ(0, xp_detach(self->fd, there + 3 * XP_PAGE));
	EXPECT_TRUE(is_unmapped(there));
	EXPECT_TRUE(is_unmapped(there + 2 * XP_PAGE));
	EXPECT_TRUE(is_unmapped(there + SIZE - XP_PAGE));
}

TEST_F(memory, close)
{
	int other = xp_open();
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);

	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	close(self->fd);
	EXPECT_TRUE(xp_is_filled(there, SIZE, 1));
	close(other);
	EXPECT_TRUE(is_gone(there));
	self->fd = xp_open();
	EXPECT_EQ(-ENOENT, xp_get(self->fd, self->segment, XPMEM_GET_READ));
	EXPECT_EQ(0, xp_detach(self->fd, there));
}

/* A source, which ends as it is told. */
static void source_peer(struct xp_peer *self, void *arg)
{
	bool exec = *(bool *)arg;
	char *addr = xp_map(SIZE);
	int fd = xp_open();
	int64_t word;

	xp_fill(addr, SIZE, 7);
	xp_tell(self, xp_make(fd, addr, SIZE, 0666));
	if (!xp_hear(self, &word))
		_exit(1);
	if (exec)
		execl("/bin/sh", "sh", "-c", "sleep 100", NULL);
	if (word)
		raise(word);
}

static void source_ends(struct __test_metadata *_metadata,
			FIXTURE_DATA(memory) *self, bool exec, int sig)
{
	int64_t segment = 0, access;
	struct xp_peer peer;
	uint64_t until, word;
	char *there, *late;

	ASSERT_TRUE(xp_peer_start(&peer, source_peer, &exec));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	ASSERT_LT(0, access);
	there = xp_attach(self->fd, access, 0, SIZE, NULL);
	late = xp_attach(self->fd, access, 0, SIZE, NULL);
	EXPECT_TRUE(xp_is_filled(there, SIZE, 7));
	EXPECT_TRUE(xp_tell(&peer, sig));
	until = xp_now_ms() + XP_PATIENCE_MS;
	while (xp_read(there, &word) && xp_now_ms() < until)
		;
	EXPECT_TRUE(is_gone(there));
	EXPECT_TRUE(is_gone(late));
	EXPECT_EQ(-ENOENT, (long)xp_attach(self->fd, access, 0, SIZE, NULL));
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_TRUE(is_unmapped(there));
	if (exec)
		kill(peer.pid, SIGKILL);
	xp_peer_stop(&peer);
	EXPECT_EQ(-ENOENT, xp_get(self->fd, segment, XPMEM_GET_READ));
}

TEST_F(memory, source_exits)
{
	source_ends(_metadata, self, false, 0);
}

TEST_F(memory, source_is_killed)
{
	source_ends(_metadata, self, false, SIGKILL);
}

TEST_F(memory, source_execs)
{
	source_ends(_metadata, self, true, 0);
}

static void destination_peer(struct xp_peer *self, void *arg)
{
	int64_t *segment = arg, access, word;
	int fd = xp_open();
	char *there;

	access = xp_get(fd, *segment, XPMEM_GET_WRITE);
	there = xp_attach(fd, access, 0, SIZE, NULL);
	xp_fill(there, SIZE, 9);
	xp_tell(self, access);
	if (!xp_hear(self, &word))
		_exit(0);
	if (word == SIGKILL)
		raise(SIGKILL);
	execl("/bin/sh", "sh", "-c", "exit 0", NULL);
}

static void destination_ends(struct __test_metadata *_metadata,
			     FIXTURE_DATA(memory) *self, int how)
{
	long permits = xp_count("permits"), attachments = xp_count("attachments");
	struct xp_peer peer;
	int64_t access = 0;

	ASSERT_TRUE(xp_peer_start(&peer, destination_peer, &self->segment));
	ASSERT_TRUE(xp_hear(&peer, &access));
	ASSERT_LT(0, access);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 9));
	/* Not this process's. */
	EXPECT_EQ(-EACCES, xp_release(self->fd, access));
	EXPECT_EQ(-EACCES, (long)xp_attach(self->fd, access, 0, SIZE, NULL));
	if (how)
		xp_tell(&peer, how);
	xp_peer_stop(&peer);
	EXPECT_TRUE(xp_wait_count("permits", permits));
	EXPECT_TRUE(xp_wait_count("attachments", attachments));
	xp_fill(self->addr, SIZE, 10);
	EXPECT_EQ(0, xp_remove(self->fd, self->segment));
}

TEST_F(memory, destination_exits)
{
	destination_ends(_metadata, self, 0);
}

TEST_F(memory, destination_is_killed)
{
	destination_ends(_metadata, self, SIGKILL);
}

TEST_F(memory, destination_execs)
{
	destination_ends(_metadata, self, SIGTERM);
}

/* What it has attached stays mapped, and is empty; the segment is not its. */
static void closing_peer(struct xp_peer *self, void *arg)
{
	int64_t *segment = arg;
	int fd = xp_open();
	char *there;

	there = xp_attach(fd, xp_get(fd, *segment, XPMEM_GET_WRITE), 0, SIZE, NULL);
	if (!xp_is_filled(there, SIZE, 1))
		_exit(1);
	close(fd);
	xp_tell(self, is_gone(there) && is_gone(there + SIZE - XP_PAGE));
}

TEST_F(memory, destination_closes)
{
	struct xp_peer peer;
	int64_t gone = 0;

	ASSERT_TRUE(xp_peer_start(&peer, closing_peer, &self->segment));
	ASSERT_TRUE(xp_hear(&peer, &gone));
	EXPECT_EQ(1, gone);
	EXPECT_EQ(0, xp_peer_stop(&peer));
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 1));
}

/* A child shares nothing of it, and disturbs nothing. */
TEST_F(memory, fork_of_both)
{
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	int status;
	pid_t pid;

	xp_fill(there, SIZE, 2);
	pid = fork();
	if (!pid) {
		if (!is_unmapped(there))
			_exit(1);
		if (!xp_is_filled(self->addr, SIZE, 2))
			_exit(2);
		xp_fill(self->addr, SIZE, 3);
		pause();
	}
	/* What the child still shares, the source has copied before. */
	xp_fill(there, SIZE / 2, 4);
	xp_sleep_ms(50);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE / 2, 4));
	xp_fill(there, SIZE, 5);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 5));
	kill(pid, SIGKILL);
	ASSERT_TRUE(xp_reap(pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(xp_is_filled(there, SIZE, 5));
	xp_fill(self->addr, SIZE, 6);
	EXPECT_TRUE(xp_is_filled(there, SIZE, 6));
	EXPECT_EQ(-1, madvise(there, SIZE, MADV_DOFORK));
}

/* The child does not see what is written through the attachment. */
TEST_F(memory, child_of_source_is_apart)
{
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	int status, pipes[2];
	char byte;
	pid_t pid;

	xp_fill(there, SIZE, 2);
	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid) {
		if (read(pipes[0], &byte, 1) != 1)
			_exit(1);
		_exit(!xp_is_filled(self->addr, SIZE, 2));
	}
	/* Mapped for read, of what the child shares; and then written to. */
	EXPECT_TRUE(xp_is_filled(there, SIZE, 2));
	xp_fill(there, SIZE, 3);
	EXPECT_EQ(1, write(pipes[1], "x", 1));
	ASSERT_TRUE(xp_reap(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 3));
}

/* System calls take an attachment for their buffers, or fail as it is gone. */
TEST_F(memory, system_calls)
{
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	madvise(self->addr, SIZE, MADV_DONTNEED);
	EXPECT_EQ(XP_PAGE, write(pipes[1], there, XP_PAGE));
	EXPECT_EQ(XP_PAGE, read(pipes[0], there + XP_PAGE, XP_PAGE));
	munmap(self->addr, SIZE);
	EXPECT_EQ(-1, write(pipes[1], there, XP_PAGE));
	EXPECT_EQ(EFAULT, errno);
}

static void careless_peer(struct xp_peer *self, void *arg)
{
	char *addr = arg, *there;
	int fd = xp_open(), i;
	int64_t access;

	(void)self;
	for (i = 0; i < 100; i++) {
		access = xp_get(fd, xp_make(fd, addr, SIZE, 0600),
				XPMEM_GET_WRITE);
		there = xp_attach(fd, access, 0, SIZE, NULL);
		if (!xp_is_filled(there, SIZE, 1))
			_exit(1);
		if (i % 3 == 1 && xp_release(fd, access))
			_exit(2);
		if (i % 3 == 2)
			munmap(there, SIZE);
	}
}

TEST_F(memory, nothing_is_left)
{
	static const char *const counts[] = {
		"spaces", "segments", "permits", "attachments",
	};
	long before[4];
	struct xp_peer peer;
	int i;

	for (i = 0; i < 4; i++)
		before[i] = xp_count(counts[i]);
	ASSERT_TRUE(xp_peer_start(&peer, careless_peer, self->addr));
	EXPECT_EQ(0, xp_peer_stop(&peer));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(xp_wait_count(counts[i], before[i]));
}

TEST_HARNESS_MAIN
