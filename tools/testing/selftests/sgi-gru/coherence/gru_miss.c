// SPDX-License-Identifier: GPL-2.0
/*
 * How the driver resolves misses: what it has found in the page table is dropped
 * in only if it still holds, and nobody is kept waiting for it meanwhile.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gru_fixture.h"

struct load {
	struct gru *gru;
	const char *at;
	uint64_t value;
	atomic_bool wait;
	atomic_bool ok;
	atomic_bool over;
	pthread_t thread;
};

static void *do_load(void *arg)
{
	struct load *load = arg;

	while (load->wait)
		sleep_ms(1);
	load->ok = gru_get(load->gru, 1, load->at, &load->value);
	load->over = true;
	return NULL;
}

static bool load_start(struct load *load, struct gru *gru, const char *at)
{
	*load = (struct load) { .gru = gru, .at = at };
	return !pthread_create(&load->thread, NULL, do_load, load);
}

/* Until a drop-in waits before it asks whether what it found holds. */
static bool wait_held(unsigned int nr)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);

	while (chip_get("held") < nr)
		if (now_ns() > until)
			return false;
	return true;
}

/* A page of its own, that nobody else gets when it is unmapped. */
static char *map_shared(uint64_t value, char *at)
{
	int fd = memfd_create("page", 0);
	char *map;

	if (ftruncate(fd, PAGE) || pwrite(fd, &value, 8, 0) != 8)
		return NULL;
	map = mmap(at, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* What came between the look at the page table and the drop-in is seen. */
static void page_changes_meanwhile(struct __test_metadata *_metadata,
				   struct gru *gru, bool magic)
{
	char *area = map_shared(1, NULL);
	struct load load;

	chip_set("magic", magic);
	chip_set("hold_dropin", 1);
	ASSERT_TRUE(load_start(&load, gru, area));
	ASSERT_TRUE(wait_held(1));
	/* The page that was found stays what it is, so it would be read. */
	ASSERT_EQ(area, map_shared(2, area));
	EXPECT_FALSE(load.over);
	chip_set("hold_dropin", 0);
	pthread_join(load.thread, NULL);
	EXPECT_TRUE(load.ok);
	EXPECT_EQ(2, load.value);
	EXPECT_EQ(0, stale_entries());
	chip_set("magic", 0);
}

TEST_F_TIMEOUT(gru, a_page_that_changes_meanwhile, LIMIT_S)
{
	page_changes_meanwhile(_metadata, &self->gru, false);
}

TEST_F_TIMEOUT(gru, a_page_that_changes_meanwhile_with_magic, LIMIT_S)
{
	page_changes_meanwhile(_metadata, &self->gru, true);
}

/* Any number of invalidations elsewhere do not make it look again. */
TEST_F_TIMEOUT(gru, others_do_not_matter, LIMIT_S)
{
	unsigned long before = driver_count("tlb_dropin_fail_range_active");
	char *area = map_anon(PAGE), *other = map_anon(64 * PAGE);
	struct load load;
	int i;

	put_word(area, 1);
	ASSERT_TRUE(gru_put(&self->gru, 0, other, 1));
	chip_set("hold_dropin", 1);
	ASSERT_TRUE(load_start(&load, &self->gru, area));
	ASSERT_TRUE(wait_held(1));
	for (i = 0; i < 32; i++) {
		memset(other, i, 64 * PAGE);
		madvise(other, 64 * PAGE, MADV_DONTNEED);
	}
	chip_set("hold_dropin", 0);
	pthread_join(load.thread, NULL);
	EXPECT_TRUE(load.ok);
	EXPECT_EQ(1, load.value);
	EXPECT_EQ(before, driver_count("tlb_dropin_fail_range_active"));
}

/* While a miss waits, the address space can be changed, and asked about. */
TEST_F_TIMEOUT(gru, no_lock_is_held_meanwhile, LIMIT_S)
{
	char *area = map_anon(PAGE), *more;
	struct load load;

	touch(area);
	chip_set("hold_dropin", 1);
	ASSERT_TRUE(load_start(&load, &self->gru, area));
	ASSERT_TRUE(wait_held(1));
	more = map_anon(PAGE);
	ASSERT_NE(NULL, more);
	EXPECT_EQ(0, munmap(more, PAGE));
	/* Not even the context's. */
	EXPECT_EQ(0, gru_flush(&self->gru, area, PAGE));
	chip_set("hold_dropin", 0);
	pthread_join(load.thread, NULL);
	EXPECT_TRUE(load.ok);
}

/*
 * An invalidation of the page, held open by another subscriber, is waited for.
 * No thread can be made meanwhile, as mmap_lock cannot be had for write.
 */
TEST_F_TIMEOUT(gru, an_invalidation_in_flight_is_waited_for, LIMIT_S)
{
	char *area = map_anon(2 * PAGE);
	struct load load = { .gru = &self->gru, .at = area, .wait = true };
	struct churn churn;
	uint64_t value;
	int fd, id;

	if (why_no_device())
		SKIP(return, "%s", why_no_device());
	memset(area, 1, 2 * PAGE);
	put_word(gru_data(&self->gru, 0), 1);
	fd = dev_open();
	id = dev_add(fd, 0, MNT_LIST, area, PAGE, NULL);
	ASSERT_EQ(0, pthread_create(&load.thread, NULL, do_load, &load));
	churn_prepare(&churn, area, PAGE, do_dontneed);
	ASSERT_EQ(0, dev_hold(fd, id, MNT_OP_START, area, PAGE));
	churn.go = true;
	ASSERT_TRUE(dev_wait_held(fd, id));
	load.wait = false;
	/* The page next to it is another matter. */
	EXPECT_TRUE(gru_get(&self->gru, 0, area + PAGE, &value));
	sleep_ms(300);
	EXPECT_FALSE(load.over);
	EXPECT_TRUE(dev_still_held(fd, id));
	churn.stop = true;
	dev_let_go(fd, id, MNT_OP_START);
	churn_stop(&churn);
	pthread_join(load.thread, NULL);
	EXPECT_TRUE(load.ok);
	EXPECT_EQ(0, load.value);
	EXPECT_EQ(0, stale_entries());
	dev_del(fd, id, NULL);
	close(fd);
}

/* Use a page whose invalidation is going to be held. */
static void wait_for_ever(char *area, int fd)
{
	struct churn churn;
	struct gru gru;
	uint64_t value;
	char go;

	if (gru_open(&gru, 1, 1024, GRU_MISS_POLL))
		_exit(2);
	put_word(gru_data(&gru, 0), 1);
	churn_prepare(&churn, area, PAGE, do_dontneed);
	if (read(fd, &go, 1) != 1)
		_exit(3);
	churn.go = true;
	if (read(fd, &go, 1) != 1)
		_exit(3);
	_exit(gru_get(&gru, 0, area, &value) ? 4 : 5);
}

static bool is_zombie(pid_t pid)
{
	uint64_t until = now_ns() + bound_ns(1000 * MSEC);
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (now_ns() < until) {
		memset(text, 0, sizeof(text));
		if (read_file(path, text, sizeof(text) - 1) < 0 ||
		    strstr(text, ") Z "))
			return true;
		sleep_ms(1);
	}
	return false;
}

/* One that waits for such an invalidation can be killed while it is held. */
TEST_F_TIMEOUT(gru, who_waits_can_be_killed, LIMIT_S)
{
	struct mnt_rule hold = {
		.op = MNT_OP_START,
		.hold_ms = HOLD_MS,
		.flags = MNT_UNKILLABLE,
	};
	int pipes[2], status, fd;
	char *area, go = 0;
	pid_t child;

	if (why_no_device())
		SKIP(return, "%s", why_no_device());
	ASSERT_EQ(0, pipe(pipes));
	area = map_anon(PAGE);
	touch(area);
	child = fork();
	if (!child)
		wait_for_ever(area, pipes[0]);
	fd = dev_open();
	hold.start = (uintptr_t)area;
	hold.end = (uintptr_t)area + PAGE;
	hold.id = dev_add(fd, child, MNT_LIST, area, PAGE, NULL);
	ASSERT_LE(0, hold.id);
	ASSERT_EQ(0, dev_rule(fd, hold));
	ASSERT_EQ(1, write(pipes[1], &go, 1));
	ASSERT_TRUE(dev_wait_held(fd, hold.id));
	ASSERT_EQ(1, write(pipes[1], &go, 1));
	sleep_ms(300);
	ASSERT_EQ(0, kill(child, SIGKILL));
	EXPECT_TRUE(is_zombie(child));
	EXPECT_TRUE(dev_still_held(fd, hold.id));
	dev_let_go(fd, hold.id, MNT_OP_START);
	EXPECT_TRUE(wait_child(child, 2 * PATIENCE_MS, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	dev_del(fd, hold.id, NULL);
	close(fd);
}

struct server {
	int fd;
	char *area;
	atomic_bool asked;
};

/* Who answers the faults of an area that userfaultfd watches. */
static void *answer_fault(void *arg)
{
	static uint64_t page[PAGE / sizeof(uint64_t)];
	struct server *server = arg;
	struct pollfd ready = { .fd = server->fd, .events = POLLIN };
	struct uffdio_copy copy = { .len = PAGE };
	struct uffd_msg msg;

	if (poll(&ready, 1, PATIENCE_MS) <= 0 ||
	    read(server->fd, &msg, sizeof(msg)) != sizeof(msg))
		return NULL;
	server->asked = true;
	page[0] = 42;
	copy.dst = (uintptr_t)server->area;
	copy.src = (uintptr_t)page;
	ioctl(server->fd, UFFDIO_COPY, &copy);
	return NULL;
}

/* A page that somebody else has to bring. */
TEST_F_TIMEOUT(gru, a_page_by_userfaultfd, LIMIT_S)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct server server = {
		.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK),
		.area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	};
	struct uffdio_register reg = {
		.range = { (uintptr_t)server.area, PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thread;
	uint64_t value;

	if (server.fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, ioctl(server.fd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(server.fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer_fault, &server));
	ASSERT_TRUE(gru_get(&self->gru, 0, server.area, &value));
	EXPECT_EQ(42, value);
	EXPECT_TRUE(server.asked);
	pthread_join(thread, NULL);
	close(server.fd);
}

/* A page that cannot be had is the instruction's exception. */
TEST_F_TIMEOUT(gru, no_such_page, LIMIT_S)
{
	char *area = map_anon(3 * PAGE);
	uint64_t value;

	ASSERT_EQ(0, munmap(area + PAGE, PAGE));
	ASSERT_EQ(0, mprotect(area + 2 * PAGE, PAGE, PROT_READ));
	EXPECT_FALSE(gru_get(&self->gru, 0, area + PAGE, &value));
	EXPECT_TRUE(gru_get(&self->gru, 0, area + 2 * PAGE, &value));
	EXPECT_FALSE(gru_put(&self->gru, 0, area + 2 * PAGE, 1));
	/* Nor are the GRU's own. */
	EXPECT_FALSE(gru_get(&self->gru, 0, gru_data(&self->gru, 0), &value));
	EXPECT_TRUE(gru_put(&self->gru, 0, area, 1));
}

TEST_HARNESS_MAIN
