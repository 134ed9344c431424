// SPDX-License-Identifier: GPL-2.0
/*
 * A guest fault has looked up a page, and what it found is withdrawn before it
 * can be mapped.
 *
 * Nothing depends on luck: the fault stops there for as long as the test wants,
 * which takes a kernel with CONFIG_KVM_INVALIDATE_CHECK.
 */
#include <sys/mman.h>

#include "check.h"

#define PAUSE		"/sys/module/kvm/parameters/pause_faults"
#define SIZE		HUGE
/* The page whose fault stops, and another that is dropped meanwhile. */
#define STOPPED		16
#define OTHER		17
#define SEED		3
#define NEW_SEED	4

FIXTURE(vm) {
	struct guest guest;
};

FIXTURE_VARIANT(vm) {
	bool huge;
};

FIXTURE_VARIANT_ADD(vm, small) { .huge = false };
FIXTURE_VARIANT_ADD(vm, huge) { .huge = true };

static uint64_t page(unsigned long nr)
{
	return MEM_GPA + nr * PAGE;
}

static struct job walk(unsigned long nr, unsigned long count, uint64_t want)
{
	return (struct job) {
		.gpa = page(nr),
		.stride = PAGE,
		.count = count,
		.want = want,
		.store = NEW_SEED,
	};
}

FIXTURE_SETUP(vm)
{
	const struct guest_make make = {
		.vcpus = 1,
		.size = SIZE,
		.huge = variant->huge,
	};
	struct guest *guest = &self->guest;

	if (access(PAUSE, W_OK))
		SKIP(return, "no CONFIG_KVM_INVALIDATE_CHECK");
	guest_make(guest, &make);
	guest_fill(guest, MEM_GPA, SIZE, SEED);
	/* After this nothing but the page itself is missing, not even tables. */
	job_start(guest, 0, walk(STOPPED, 1, SEED));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	ASSERT_EQ(0, do_dontneed(guest->mem, SIZE));
	guest_fill(guest, MEM_GPA, SIZE, SEED);
}

FIXTURE_TEARDOWN(vm)
{
	write_file(PAUSE, "0");
	guest_free(&self->guest);
}

/* Start a job whose first fault stops. */
static bool stop_in(struct guest *guest, struct job job)
{
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;
	char text[16] = "";

	if (write_file(PAUSE, "1"))
		return false;
	job_start(guest, 0, job);
	while (text[0] != '2' && now_ns() < until) {
		sleep_ms(1);
		if (read_file(PAUSE, text, sizeof(text)))
			return false;
	}
	return text[0] == '2' && !guest->workers[0].done;
}

static int drop(const struct guest *guest, unsigned long nr)
{
	return do_dontneed(guest_host(guest, page(nr)), PAGE);
}

TEST_F_TIMEOUT(vm, what_is_gone_is_not_mapped, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t before = vcpu_retries(guest, 0);

	ASSERT_TRUE(stop_in(guest, walk(STOPPED, 1, ZERO)));
	ASSERT_EQ(0, drop(guest, STOPPED));
	ASSERT_EQ(0, write_file(PAUSE, "0"));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	EXPECT_LT(before, vcpu_retries(guest, 0));
	EXPECT_TRUE(guest_holds(guest, page(STOPPED), PAGE, NEW_SEED));
	EXPECT_TRUE(guest_holds(guest, page(OTHER), PAGE, SEED));
}

/* Forked while the fault is stopped: what the guest writes is not for it. */
static pid_t fork_and_look(const struct guest *guest, atomic_bool *go)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	while (!*go)
		sleep_ms(1);
	_exit(!guest_holds(guest, page(STOPPED), PAGE, SEED));
}

/* A translation that was writable when it was looked up, and no longer is. */
TEST_F_TIMEOUT(vm, what_is_shared_is_not_written, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t before = vcpu_retries(guest, 0);
	atomic_bool *go = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, go);
	ASSERT_TRUE(stop_in(guest, walk(STOPPED, 1, SEED)));
	pid = fork_and_look(guest, go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, write_file(PAUSE, "0"));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	*go = true;
	ASSERT_TRUE(wait_child(pid, GUEST_PATIENCE_MS, &status));
	EXPECT_EQ(0, status);
	EXPECT_LT(before, vcpu_retries(guest, 0));
	EXPECT_TRUE(guest_holds(guest, page(STOPPED), PAGE, NEW_SEED));
}

/*
 * The page beside it goes, of the same huge page if it is one: this fault need
 * not come again, and must not bring back what has gone.
 */
TEST_F_TIMEOUT(vm, its_neighbour_goes, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t before = vcpu_retries(guest, 0);

	ASSERT_TRUE(stop_in(guest, walk(STOPPED, 1, SEED)));
	ASSERT_EQ(0, drop(guest, OTHER));
	ASSERT_EQ(0, write_file(PAUSE, "0"));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	/* To split a huge page is to withdraw all of it. */
	if (!variant->huge)
		EXPECT_EQ(before, vcpu_retries(guest, 0));
	job_start(guest, 0, walk(OTHER, 1, ZERO));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	EXPECT_TRUE(guest_holds(guest, page(OTHER), PAGE, NEW_SEED));
}

TEST_HARNESS_MAIN
