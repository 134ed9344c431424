// SPDX-License-Identifier: GPL-2.0
/*
 * Changes of the source's page table, one by one, seen through an attachment
 * that has translations of all of it. The matrix (coherence.c) has many more;
 * here is what is special: huge pages, waits, signals, many attachments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fixture.h"

#define PAGES	64
#define SIZE	(PAGES * XP_PAGE)

FIXTURE(memory) {
	int fd;
	char *addr;
	char *there;
};

FIXTURE_SETUP(memory)
{
	self->fd = xp_open();
	ASSERT_LE(0, self->fd);
	self->addr = xp_map(SIZE);
	xp_fill(self->addr, SIZE, 1);
	self->there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	ASSERT_FALSE(xp_failed(self->there));
	xp_fill(self->there, SIZE, 2);
}

FIXTURE_TEARDOWN(memory)
{
	close(self->fd);
}

static bool is_gone(const char *addr)
{
	uint64_t value;

	return !xp_read(addr, &value) && xp_signal() == SIGBUS;
}

TEST_F(memory, unmapped)
{
	ASSERT_EQ(0, munmap(self->addr + XP_PAGE, XP_PAGE));
	EXPECT_TRUE(is_gone(self->there + XP_PAGE));
	EXPECT_FALSE(is_gone(self->there));
	EXPECT_FALSE(is_gone(self->there + 2 * XP_PAGE));
}

TEST_F(memory, moved)
{
	char *place = xp_map(SIZE);

	ASSERT_EQ(place, mremap(self->addr, SIZE, SIZE,
				MREMAP_MAYMOVE | MREMAP_FIXED, place));
	EXPECT_TRUE(is_gone(self->there));
	xp_fill(place, SIZE, 3);
	/* Something else in its place is attached from then on. */
	mmap(self->addr, SIZE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	xp_fill(self->there, SIZE, 4);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 4));
	EXPECT_TRUE(xp_is_filled(place, SIZE, 3));
}

TEST_F(memory, protected)
{
	ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_READ));
	EXPECT_TRUE(xp_is_filled(self->there, SIZE, 2));
	EXPECT_FALSE(xp_write(self->there, 1));
	EXPECT_EQ(SIGBUS, xp_signal());
	ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_NONE));
	EXPECT_TRUE(is_gone(self->there));
	ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_READ | PROT_WRITE));
	xp_fill(self->there, SIZE, 3);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 3));
}

/* The destination changes what it may do, and never gets more by that. */
TEST_F(memory, protected_there)
{
	int round;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, mprotect(self->there, SIZE, PROT_READ));
		EXPECT_TRUE(xp_is_filled(self->there, SIZE, 2 + round));
		EXPECT_FALSE(xp_write(self->there, 1));
		ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_READ));
		EXPECT_TRUE(xp_is_filled(self->there, SIZE, 2 + round));
		ASSERT_EQ(0, mprotect(self->there, SIZE, PROT_READ | PROT_WRITE));
		EXPECT_FALSE(xp_write(self->there, 1));
		EXPECT_EQ(SIGBUS, xp_signal());
		ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_READ | PROT_WRITE));
		xp_fill(self->there, SIZE, 3 + round);
		EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 3 + round));
	}
}

TEST_F(memory, paged_out)
{
	if (madvise(self->addr, SIZE, MADV_PAGEOUT))
		SKIP(return, "no MADV_PAGEOUT");
	EXPECT_TRUE(xp_is_filled(self->there, SIZE, 2));
	xp_fill(self->there, SIZE, 3);
	EXPECT_TRUE(xp_is_filled(self->addr, SIZE, 3));
}

static char *map_memfd(size_t size, int *fd)
{
	*fd = memfd_create("xp", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, size))
		return NULL;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
}

/* As one instruction, where there is one. */
static void copy_byte(char *to, const char *from)
{
#ifdef __x86_64__
	asm volatile("movsb" : "+S" (from), "+D" (to) : : "memory");
#else
	*to = xp_peek(from);
#endif
}

/* What reads a page and writes to it at once ends, also if it has to be copied. */
TEST_F(memory, reads_and_writes)
{
	char *there = xp_attach_all(self->fd, self->addr, SIZE, XPMEM_GET_WRITE);
	pid_t pid;

	ASSERT_FALSE(xp_failed(there));
	xp_poke(self->addr + 8, 3);
	copy_byte(there + 1, there + 8);
	EXPECT_EQ(3, xp_peek(self->addr + 1));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(3, xp_peek(there + 8));
	copy_byte(there + 2, there + 8);
	EXPECT_EQ(3, xp_peek(self->addr + 2));
	kill(pid, SIGKILL);
	EXPECT_TRUE(xp_reap(pid, NULL));
}

/* Whoever has attached it, and however often: none is forgotten. */
TEST_F(memory, several_attachments)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600);
	char *there[8];
	int i;

	for (i = 0; i < 8; i++) {
		there[i] = xp_attach(self->fd, xp_get(self->fd, segment,
						      XPMEM_GET_WRITE),
				     i % 3 * XP_PAGE, 4 * XP_PAGE, NULL);
		ASSERT_FALSE(xp_failed(there[i]));
		xp_poke(there[i] + (3 - i % 3) * XP_PAGE, i + 1);
	}
	ASSERT_EQ(0, madvise(self->addr, SIZE, MADV_DONTNEED));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, xp_peek(there[i] + (3 - i % 3) * XP_PAGE));
	ASSERT_EQ(0, munmap(self->addr + 3 * XP_PAGE, XP_PAGE));
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(is_gone(there[i] + (3 - i % 3) * XP_PAGE));
}

TEST_F(memory, shared_file)
{
	char *there, *addr;
	int file;

	addr = map_memfd(SIZE, &file);
	there = xp_attach_all(self->fd, addr, SIZE, XPMEM_GET_WRITE);
	ASSERT_FALSE(xp_failed(there));
	xp_fill(there, SIZE, 3);
	EXPECT_TRUE(xp_is_filled(addr, SIZE, 3));
	ASSERT_EQ(0, ftruncate(file, SIZE / 2));
	EXPECT_TRUE(is_gone(there + SIZE / 2));
	EXPECT_TRUE(xp_is_filled(there, SIZE / 2, 3));
	ASSERT_EQ(0, ftruncate(file, SIZE));
	EXPECT_EQ(0, xp_peek(there + SIZE / 2));
	ASSERT_EQ(0, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, SIZE));
	EXPECT_EQ(0, xp_peek(there));
}

static bool attach_huge(FIXTURE_DATA(memory) *self, char *addr, int flags,
			char **there)
{
	long before = xp_count("huge_entries");

	*there = xp_attach_all(self->fd, addr, XP_HUGE, flags);
	if (xp_failed(*there))
		return false;
	if ((uintptr_t)*there % XP_HUGE)
		return false;
	return xp_is_filled(*there, XP_HUGE, 5) &&
	       xp_count("huge_entries") == before + 1;
}

TEST_F(memory, huge_pages)
{
	char *addr = xp_map_huge(), *there;

	xp_fill(addr, XP_HUGE, 5);
	ASSERT_TRUE(attach_huge(self, addr, XPMEM_GET_WRITE, &there));
	xp_fill(there, XP_HUGE, 6);
	EXPECT_TRUE(xp_is_filled(addr, XP_HUGE, 6));
	/* In pieces, at the source. */
	madvise(addr + 8 * XP_PAGE, XP_PAGE, MADV_DONTNEED);
	EXPECT_EQ(0, xp_peek(there + 8 * XP_PAGE));
	EXPECT_TRUE(xp_is_filled(there, 8 * XP_PAGE, 6));
	xp_poke(there + 8 * XP_PAGE, 1);
	EXPECT_EQ(1, xp_peek(addr + 8 * XP_PAGE));
}

TEST_F(memory, huge_pages_split_there)
{
	char *addr = xp_map_huge(), *there;

	xp_fill(addr, XP_HUGE, 5);
	ASSERT_TRUE(attach_huge(self, addr, XPMEM_GET_WRITE, &there));
	ASSERT_EQ(0, mprotect(there + XP_PAGE, XP_PAGE, PROT_READ));
	EXPECT_TRUE(xp_is_filled(there, XP_HUGE, 5));
	EXPECT_FALSE(xp_write(there + XP_PAGE, 1));
	ASSERT_EQ(0, munmap(there + 5 * XP_PAGE, XP_PAGE));
	EXPECT_TRUE(xp_is_filled(there, 5 * XP_PAGE, 5));
	EXPECT_TRUE(xp_write(there + 8 * XP_PAGE, 1));
	EXPECT_EQ(1, *(uint64_t *)(addr + 8 * XP_PAGE));
}

TEST_F(memory, huge_pages_read_only)
{
	char *addr = xp_map_huge(), *there;
	pid_t pid;

	xp_fill(addr, XP_HUGE, 5);
	ASSERT_TRUE(attach_huge(self, addr, XPMEM_GET_READ, &there));
	EXPECT_FALSE(xp_write(there, 1));
	/* Mapped for read, then written to: what the child shares is copied. */
	ASSERT_TRUE(attach_huge(self, addr, XPMEM_GET_WRITE, &there));
	pid = fork();
	if (!pid) {
		xp_sleep_ms(200);
		_exit(!xp_is_filled(addr, XP_HUGE, 5));
	}
	EXPECT_TRUE(xp_is_filled(there, XP_HUGE, 5));
	xp_fill(there, XP_HUGE, 6);
	EXPECT_TRUE(xp_is_filled(addr, XP_HUGE, 6));
	EXPECT_TRUE(xp_reap(pid, NULL));
}

TEST_F(memory, hugetlb_pages)
{
	char *there, *addr = mmap(NULL, XP_HUGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
				  -1, 0);

	if (addr == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	xp_fill(addr, XP_HUGE, 5);
	ASSERT_TRUE(attach_huge(self, addr, XPMEM_GET_WRITE, &there));
	xp_fill(there, XP_HUGE, 6);
	EXPECT_TRUE(xp_is_filled(addr, XP_HUGE, 6));
	munmap(addr, XP_HUGE);
	EXPECT_TRUE(is_gone(there));
}

/* A huge page in the source that lies otherwise is mapped by small ones. */
TEST_F(memory, huge_pages_elsewhere)
{
	char *addr = xp_map_huge(), *place = xp_map(2 * XP_HUGE), *there;
	int64_t segment, access;

	xp_fill(addr, XP_HUGE, 5);
	segment = xp_make(self->fd, addr, XP_HUGE, 0600);
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	place = (char *)(((uintptr_t)place + XP_HUGE - 1) & ~(XP_HUGE - 1));
	there = xp_attach(self->fd, access, 0, XP_HUGE, place + XP_PAGE);
	ASSERT_FALSE(xp_failed(there));
	EXPECT_TRUE(xp_is_filled(there, XP_HUGE, 5));
	xp_fill(there, XP_HUGE, 6);
	EXPECT_TRUE(xp_is_filled(addr, XP_HUGE, 6));
}

static int userfault_open(char *addr, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

struct reader {
	pthread_t thread;
	char *addr;
	uint64_t value;
	atomic_bool done;
};

static void *read_it(void *arg)
{
	struct reader *reader = arg;

	if (!xp_read(reader->addr, &reader->value))
		reader->value = -1;
	reader->done = true;
	return NULL;
}

/* A fault that waits for the source holds nothing that others need. */
TEST_F(memory, waits_without_locks)
{
	struct reader reader = { .addr = self->there };
	struct uffdio_zeropage zero;
	int uffd;

	madvise(self->addr, SIZE, MADV_DONTNEED);
	uffd = userfault_open(self->addr, SIZE);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_it, &reader));
	xp_sleep_ms(100);
	EXPECT_FALSE(reader.done);
	/* mmap_lock of both sides, which are one. */
	EXPECT_EQ(0, munmap(xp_map(XP_PAGE), XP_PAGE));
	EXPECT_EQ(0, mprotect(self->there + XP_PAGE, XP_PAGE, PROT_READ));
	zero = (struct uffdio_zeropage) { { (uintptr_t)self->addr, XP_PAGE }, 0, 0 };
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(0, reader.value);
	close(uffd);
}

struct waiting {
	int64_t segment;
	bool handler;
};

static int signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void waiting_peer(struct xp_peer *self, void *arg)
{
	struct sigaction action = { .sa_handler = count_signal };
	int64_t *segment = arg;
	int fd = xp_open();
	uint64_t value;
	char *there;

	sigaction(SIGUSR1, &action, NULL);
	there = xp_attach(fd, xp_get(fd, *segment, XPMEM_GET_READ), 0, SIZE, NULL);
	xp_tell(self, signals);
	xp_read(there, &value);
	xp_tell(self, signals);
}

TEST_F(memory, signal_while_waiting)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600), word;
	struct uffdio_zeropage zero;
	struct xp_peer peer;
	int uffd, status;

	madvise(self->addr, SIZE, MADV_DONTNEED);
	uffd = userfault_open(self->addr, SIZE);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	/* One that is handled: and then it waits on. */
	ASSERT_TRUE(xp_peer_start(&peer, waiting_peer, &segment));
	ASSERT_TRUE(xp_hear(&peer, &word));
	xp_sleep_ms(100);
	kill(peer.pid, SIGUSR1);
	xp_sleep_ms(100);
	zero = (struct uffdio_zeropage) { { (uintptr_t)self->addr, SIZE }, 0, 0 };
	EXPECT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_TRUE(xp_hear(&peer, &word));
	EXPECT_EQ(1, word);
	EXPECT_EQ(0, xp_peer_stop(&peer));
	/* One that kills. */
	madvise(self->addr, SIZE, MADV_DONTNEED);
	ASSERT_TRUE(xp_peer_start(&peer, waiting_peer, &segment));
	ASSERT_TRUE(xp_hear(&peer, &word));
	xp_sleep_ms(100);
	kill(peer.pid, SIGKILL);
	ASSERT_TRUE(xp_reap(peer.pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(uffd);
}

/* Two processes in each other's memory, with faults in both at once. */
static void *write_all(void *arg)
{
	struct reader *reader = arg;
	int round;

	for (round = 0; round < 200; round++) {
		xp_write(reader->addr + round % PAGES * XP_PAGE, round);
		if (!(round % 8))
			munmap(xp_map(XP_PAGE), XP_PAGE);
	}
	reader->done = true;
	return NULL;
}

static void mutual_peer(struct xp_peer *self, void *arg)
{
	int64_t *segment = arg, word;
	char *addr = xp_map(SIZE), *there;
	struct reader writer = { };
	int fd = xp_open(), i;

	there = xp_attach(fd, xp_get(fd, *segment, XPMEM_GET_WRITE), 0, SIZE, NULL);
	xp_tell(self, xp_make(fd, addr, SIZE, 0600));
	xp_hear(self, &word);
	writer.addr = there;
	pthread_create(&writer.thread, NULL, write_all, &writer);
	for (i = 0; i < 100; i++)
		madvise(addr, SIZE, MADV_DONTNEED);
	pthread_join(writer.thread, NULL);
	xp_tell(self, writer.done);
	xp_hear(self, &word);
}

TEST_F(memory, mutual)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600), word = 0;
	struct reader writer = { };
	struct xp_peer peer;
	int i;

	ASSERT_TRUE(xp_peer_start(&peer, mutual_peer, &segment));
	ASSERT_TRUE(xp_hear(&peer, &word));
	writer.addr = xp_attach(self->fd, xp_get(self->fd, word, XPMEM_GET_WRITE),
				0, SIZE, NULL);
	ASSERT_FALSE(xp_failed(writer.addr));
	xp_tell(&peer, 0);
	pthread_create(&writer.thread, NULL, write_all, &writer);
	for (i = 0; i < 100; i++)
		madvise(self->addr, SIZE, MADV_DONTNEED);
	EXPECT_TRUE(xp_hear(&peer, &word));
	EXPECT_EQ(1, word);
	pthread_join(writer.thread, NULL);
	EXPECT_TRUE(writer.done);
	EXPECT_EQ(0, xp_peer_stop(&peer));
}

/*
 * Many segments, and many attachments, take time that is no worse than linear.
 * XP_FEW is for kernels that check all they do: then there are not so many.
 */
static int many(int nr)
{
	return getenv("XP_FEW") ? nr / 10 : nr;
}

static uint64_t make_many(FIXTURE_DATA(memory) *self, int nr, bool *good)
{
	uint64_t start = xp_now_ms();
	int i;

	for (i = 0; i < nr; i++)
		*good &= xp_make(self->fd, self->addr, SIZE, 0600) > 0;
	return xp_now_ms() - start;
}

TEST_F(memory, many_segments)
{
	uint64_t some, all;
	bool good = true;

	some = make_many(self, many(10000), &good);
	all = make_many(self, many(90000), &good);
	EXPECT_TRUE(good);
	EXPECT_GT(3 * 9 * (some + 500), all);
	some = xp_now_ms();
	close(self->fd);
	EXPECT_GT(60000, xp_now_ms() - some);
	self->fd = xp_open();
}

TEST_F(memory, many_attachments)
{
	int64_t access = xp_get(self->fd, xp_make(self->fd, self->addr, SIZE, 0600),
				XPMEM_GET_WRITE);
	uint64_t start, some = 0, all;
	uint64_t value = 0;
	char *there = NULL;
	int i, nr = many(10000);

	start = xp_now_ms();
	for (i = 0; i < nr; i++) {
		there = xp_attach(self->fd, access, i % PAGES * XP_PAGE, 8, NULL);
		ASSERT_FALSE(xp_failed(there));
		ASSERT_TRUE(xp_read(there, &value));
		if (i == nr / 10 - 1)
			some = xp_now_ms() - start;
	}
	all = xp_now_ms() - start;
	EXPECT_GT(3 * 10 * (some + 500), all);
	madvise(self->addr, SIZE, MADV_DONTNEED);
	EXPECT_TRUE(xp_read(there, &value));
	EXPECT_EQ(0, value);
	start = xp_now_ms();
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_GT(5 * (all + 1000), xp_now_ms() - start);
}

/* Each by a permit of its own, and all of the same page. */
static uint64_t close_many(FIXTURE_DATA(memory) *self, int nr, bool *good)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600);
	uint64_t value, start;
	char *there = NULL;
	int i;

	for (i = 0; i < nr; i++) {
		there = xp_attach(self->fd, xp_get(self->fd, segment,
						   XPMEM_GET_READ),
				  0, XP_PAGE, NULL);
		*good &= !xp_failed(there) && xp_read(there, &value);
	}
	start = xp_now_ms();
	close(self->fd);
	*good &= is_gone(there);
	start = xp_now_ms() - start;
	self->fd = xp_open();
	return start;
}

TEST_F(memory, many_permits)
{
	bool good = true;
	uint64_t some = close_many(self, many(500), &good);

	EXPECT_GT(3 * 10 * (some + 500), close_many(self, many(5000), &good));
	EXPECT_TRUE(good);
}

/* Attachments that are not where they were made have to be looked for. */
static uint64_t release_pieces(FIXTURE_DATA(memory) *self, int nr, bool *good)
{
	int64_t access = xp_get(self->fd, xp_make(self->fd, self->addr, SIZE, 0600),
				XPMEM_GET_READ);
	uint64_t value, start;
	char *there = NULL;
	int i;

	for (i = 0; i < nr; i++) {
		there = xp_attach(self->fd, access, 0, 2 * XP_PAGE, NULL);
		*good &= !xp_failed(there) && !munmap(there, XP_PAGE);
	}
	*good &= xp_read(there + XP_PAGE, &value);
	start = xp_now_ms();
	*good &= !xp_release(self->fd, access);
	start = xp_now_ms() - start;
	*good &= !xp_read(there + XP_PAGE, &value) && xp_signal() == SIGSEGV;
	return start;
}

TEST_F(memory, many_pieces)
{
	bool good = true;
	uint64_t some = release_pieces(self, many(500), &good);

	EXPECT_GT(3 * 10 * (some + 500), release_pieces(self, many(5000), &good));
	EXPECT_TRUE(good);
}

TEST_HARNESS_MAIN
