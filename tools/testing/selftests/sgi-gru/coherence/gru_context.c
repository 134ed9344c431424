// SPDX-License-Identifier: GPL-2.0
/*
 * Segments and contexts: who loads, takes and leaves them, and what is left when
 * an address space goes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gru_fixture.h"

#define IOCTL_UNLOAD	_IOWR('G', 9, void *)
#define IOCTL_DUMP	_IOWR('G', 11, void *)
#define IOCTL_KTEST	_IOWR('G', 52, void *)
/* Of one chiplet; two units of the largest contexts fill it. */
#define CONTEXTS	16
#define CHIPLETS	2
/* For threads that race; a kernel without the repair does not last as long. */
#define RACE_MS		1500

/* Have the process do what is asked of it, and say how it ended. */
static int in_child(void (*work)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		work(arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static bool wait_no_contexts(unsigned int left)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);

	while (driver_contexts() > left)
		if (now_ns() > until)
			return false;
	return true;
}

/* Copy for as long as there is something to copy to, and leave in the middle. */
static void leave_copying(void *arg)
{
	size_t len = 512 << 10;
	char *from = map_anon(len), *to = map_anon(len);
	struct gru_instruction_words words = {
		.operation = GRU_DO_COPY,
		.element = GRU_8BIT,
		.data2 = 16,
		.address = from,
		.count = len,
		.operand2 = (uintptr_t)to,
	};
	struct gru gru;
	size_t off;

	memset(from, 0x5a, len);
	memset(to, 0, len);
	/* For the address space to take a while to go. */
	if (arg && !map_anon(64 << 20))
		_exit(1);
	if (gru_open(&gru, 1, 1024, GRU_MISS_POLL))
		_exit(1);
	/* All that it needs is in the TLB, so it runs without us. */
	for (off = 0; off < len; off += PAGE)
		if (!gru_put(&gru, 0, to + off, 0) ||
		    !gru_put(&gru, 0, from + off, 0x5a))
			_exit(1);
	if (arg)
		chip_set("reset", 1);
	gru_start(&gru, 0, &words);
	while (!get_word(to + 2 * PAGE + 8))
		;
	_exit(7);
}

/* Memory that is found free again is not written to by who has gone. */
TEST_F_TIMEOUT(gru, exit_with_instructions_in_flight, 3 * LIMIT_S)
{
	size_t len = 64 << 20, off;
	unsigned int round;
	int status;
	char *mine;

	for (round = 0; round < 4; round++) {
		status = in_child(leave_copying, NULL);
		ASSERT_EQ(7, WEXITSTATUS(status));
		mine = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		sleep_ms(20);
		for (off = 0; off < len; off += 8)
			if (*(uint64_t *)(mine + off))
				break;
		EXPECT_EQ(len, off);
		munmap(mine, len);
	}
}

/* Nothing is flushed for an address space that has been released. */
TEST_F_TIMEOUT(gru, nothing_is_flushed_after_release, LIMIT_S)
{
	unsigned long released = driver_count("mmu_release");

	ASSERT_EQ(7, WEXITSTATUS(in_child(leave_copying, self)));
	EXPECT_TRUE(wait_no_contexts(0));
	EXPECT_EQ(0, chip_count("tgh"));
	EXPECT_EQ(0, stale_entries());
	EXPECT_EQ(released + 1, driver_count("mmu_release"));
}

/* As long as pages go, entries that are in use are compared with them. */
TEST_F_TIMEOUT(gru, nothing_runs_after_release, LIMIT_S)
{
	ASSERT_TRUE(chip_set("watch", 1));
	ASSERT_EQ(7, WEXITSTATUS(in_child(leave_copying, self)));
	EXPECT_TRUE(wait_no_contexts(0));
	EXPECT_EQ(0, chip_count("stale"));
	EXPECT_LT(0, chip_count("instructions"));
	ASSERT_TRUE(chip_set("watch", 0));
}

/* Load contexts that have no room beside each other, in turn. */
static bool use_in_turn(struct gru *grus, unsigned int nr, char *area)
{
	uint64_t value;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!gru_put(&grus[i], 0, area + i * PAGE, i + 1))
			return false;
	for (i = 0; i < nr; i++)
		if (!gru_get(&grus[i], 0, area + i * PAGE, &value) ||
		    value != i + 1)
			return false;
	return true;
}

/* As long as the other end of the pipe is open. */
static void steal(unsigned int nr, int pipe)
{
	struct pollfd closed = { .fd = pipe };
	char *area = map_anon(nr * PAGE);
	struct gru grus[nr];
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (gru_open(&grus[i], 32, 8192, GRU_MISS_POLL))
			_exit(1);
	do {
		if (!use_in_turn(grus, nr, area))
			_exit(2);
	} while (!poll(&closed, 1, 0));
	_exit(0);
}

/* Contexts of several processes, more than there is room for. */
TEST_F_TIMEOUT(gru, contexts_are_stolen_from_others, 3 * LIMIT_S)
{
	unsigned long before = driver_count("steal_user_context");
	int pipes[2], status;
	pid_t pids[4];
	unsigned int i;

	ASSERT_EQ(0, pipe(pipes));
	for (i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			close(pipes[1]);
			steal(4, pipes[0]);
		}
	}
	while (driver_count("steal_user_context") < before + 2)
		ASSERT_EQ(0, stale_entries());
	close(pipes[1]);
	for (i = 0; i < 4; i++) {
		waitpid(pids[i], &status, 0);
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, stale_entries());
	close(pipes[0]);
}

struct racer {
	struct gru *gru;
	unsigned int block;
	char *area;
	atomic_bool *stop;
	int flag;
};

static void *use_it(void *arg)
{
	struct racer *racer = arg;
	uint64_t value;

	while (!*racer->stop) {
		gru_put(racer->gru, racer->block, racer->area, 1);
		gru_get(racer->gru, racer->block, racer->area, &value);
	}
	return NULL;
}

static void *place_it(void *arg)
{
	struct racer *racer = arg;

	while (!*racer->stop)
		gru_place(racer->gru, 0, racer->flag ^= 1);
	return NULL;
}

static void *unload_it(void *arg)
{
	struct racer *racer = arg;

	while (!*racer->stop)
		gru_unload(racer->gru);
	return NULL;
}

static void *unload_all(void *arg)
{
	struct racer *racer = arg;
	unsigned long all = 0;

	while (!*racer->stop)
		ioctl(racer->gru->fd, IOCTL_UNLOAD, &all);
	return NULL;
}

static void race(struct gru *gru, void *(*const works[])(void *), unsigned int nr)
{
	atomic_bool stop = false;
	struct racer racers[nr];
	pthread_t threads[nr];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		racers[i] = (struct racer) {
			.gru = gru, .block = i, .stop = &stop,
			.area = map_anon(PAGE),
		};
		pthread_create(&threads[i], NULL, works[i], &racers[i]);
	}
	sleep_ms(RACE_MS);
	stop = true;
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
}

/* Each finds the context misplaced, and unloads it: one of them does. */
TEST_F_TIMEOUT(gru, threads_that_move_a_context, LIMIT_S)
{
	void *(*const works[])(void *) = { use_it, place_it, place_it, use_it };
	uint64_t value;

	race(&self->gru, works, 4);
	EXPECT_TRUE(gru_get(&self->gru, 0, self, &value));
	EXPECT_EQ(0, stale_entries());
}

TEST_F_TIMEOUT(gru, threads_that_unload_a_context, LIMIT_S)
{
	void *(*const works[])(void *) = { use_it, unload_it, unload_all,
					   use_it };
	uint64_t value;

	race(&self->gru, works, 4);
	EXPECT_TRUE(gru_get(&self->gru, 0, self, &value));
	EXPECT_EQ(0, stale_entries());
}

static void come_and_go(void *arg)
{
	uint64_t value, until = now_ns() + RACE_MS * MSEC;
	struct gru gru;

	(void)arg;
	while (now_ns() < until) {
		if (gru_open(&gru, 1, 1024, GRU_MISS_POLL))
			_exit(1);
		if (!gru_get(&gru, 0, &gru, &value))
			_exit(2);
		gru_close(&gru);
	}
	_exit(0);
}

/* Lists of contexts are read while these come and go, and ASIDs run out. */
TEST_F_TIMEOUT(gru, lists_beside_contexts_that_go, LIMIT_S)
{
	unsigned long wraps = driver_count("asid_wrap");
	pid_t pids[3];
	unsigned int i;
	int status;

	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i])
			come_and_go(NULL);
	}
	for (i = 0; i < 3; i++) {
		while (!waitpid(pids[i], &status, WNOHANG))
			driver_contexts();
		EXPECT_EQ(0, status);
	}
	printf("# ASIDs wrapped %lu times\n",
	       driver_count("asid_wrap") - wraps);
	EXPECT_EQ(0, stale_entries());
}

/* A segment stays what it is, where it is. */
TEST_F_TIMEOUT(gru, segments_are_whole, LIMIT_S)
{
	char *segment = self->gru.segment, *to;
	uint64_t word = 0, value;

	ASSERT_TRUE(gru_put(&self->gru, 0, &word, 9));
	EXPECT_EQ(-1, munmap(segment, PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, munmap(segment + PAGE, PAGE));
	EXPECT_EQ(-1, mprotect(segment, PAGE, PROT_READ));
	to = mmap(NULL, 2 * GRU_SEGMENT_BYTES, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	to = (char *)(((uintptr_t)to + GRU_SEGMENT_BYTES - 1) &
		      -(uintptr_t)GRU_SEGMENT_BYTES);
	EXPECT_EQ(MAP_FAILED, mremap(segment, GRU_SEGMENT_BYTES,
				     GRU_SEGMENT_BYTES, MREMAP_MAYMOVE |
				     MREMAP_FIXED, to));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(gru_get(&self->gru, 0, &word, &value));
	EXPECT_EQ(9, value);
}

/* As the driver lays it out. */
struct dump_args {
	unsigned int op;
	unsigned int gid;
	int ctxnum;
	char data;
	char lock;
	char flush;
	char fill[10];
	int pid;
	void *buf;
	size_t len;
	unsigned int contexts;
};

#define DUMP_MAPS	((16 + 24) * 64)
#define DUMP_MAGIC	0x3474ab6cU

struct dump_header {
	unsigned int magic;
	unsigned int gid;
	unsigned char ctxnum;
	unsigned char cbrcnt;
	unsigned char dsrcnt;
	int pid;
	unsigned long vaddr;
	int locked;
	unsigned long handles[];
};

/* The segment's data, in the dump of all contexts of its chiplet. */
static const char *find_data(const char *dump, const struct gru *gru, int nr)
{
	const struct dump_header *header;

	dump += DUMP_MAPS;
	for (; nr; nr--) {
		header = (const struct dump_header *)dump;
		if (header->magic != DUMP_MAGIC)
			return NULL;
		dump += sizeof(*header) + 64 * (1 + 3 * header->cbrcnt);
		if (header->vaddr == (uintptr_t)gru->segment)
			return header->pid == getpid() ? dump : NULL;
		dump += 64 * header->dsrcnt;
	}
	return NULL;
}

TEST_F_TIMEOUT(gru, a_dump_has_the_data, LIMIT_S)
{
	size_t len = 2 << 20;
	struct dump_args args = {
		.gid = 1, .ctxnum = -1, .data = 1, .lock = 1,
		.buf = map_anon(len), .len = len,
	};
	const char *data;
	int nr;

	ASSERT_EQ(0, gru_place(&self->gru, 0, 1));
	memset(gru_data(&self->gru, 0), 0x3c, 4096);
	/* Pages that are not there yet: the copy has to fault. */
	nr = ioctl(self->gru.fd, IOCTL_DUMP, &args);
	ASSERT_EQ(CONTEXTS, nr);
	data = find_data(args.buf, &self->gru, nr);
	ASSERT_NE(NULL, data);
	EXPECT_EQ(0, memcmp(data, gru_data(&self->gru, 0), 4096));
	/* Where nothing can be written, it says so. */
	ASSERT_EQ(0, mprotect(args.buf, len, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->gru.fd, IOCTL_DUMP, &args));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F_TIMEOUT(gru, the_driver_tests_itself, LIMIT_S)
{
	unsigned long test;

	for (test = 0; test <= 3; test++)
		EXPECT_EQ(0, ioctl(self->gru.fd, IOCTL_KTEST, test))
			TH_LOG("test %lu", test);
}

static void test_again_and_again(void *arg)
{
	uint64_t until = now_ns() + RACE_MS * MSEC;
	int fd = open(GRU_DEVICE, O_RDWR);
	unsigned long test = (uintptr_t)arg;

	while (now_ns() < until)
		if (ioctl(fd, IOCTL_KTEST, test))
			_exit(1);
	_exit(0);
}

/* The kernel's control blocks are used by one at a time. */
TEST_F_TIMEOUT(gru, the_driver_tests_itself_many_times, LIMIT_S)
{
	pid_t pids[8];
	unsigned long i;
	int status;

	for (i = 0; i < 8; i++) {
		pids[i] = fork();
		if (!pids[i])
			test_again_and_again((void *)(i % 2 ? 3UL : 0UL));
	}
	for (i = 0; i < 8; i++) {
		waitpid(pids[i], &status, 0);
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
