// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_PRE_FAULT_MEMORY while invalidations are held open: those elsewhere do
 * not concern it; for one of its own pages it waits until a signal comes.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "../fixture.h"
#include "held.h"

#define SIZE		HUGE
#define PAGES		(SIZE / PAGE)
#define SEED		41
#define NEW_SEED	42

/* The ioctl in a thread, which is made before anything is held. */
struct prefault {
	struct guest *guest;
	pthread_t thread;
	sem_t go;
	atomic_bool done;
	atomic_bool quit;
	struct kvm_pre_fault_memory range;
	int error;
	uint64_t ns;
};

FIXTURE(vm) {
	int fd;
	struct held held[2];
	struct guest guest;
	struct prefault prefault;
};

static void *prefault_run(void *arg)
{
	struct prefault *prefault = arg;
	struct kvm_vcpu *vcpu = prefault->guest->workers[0].vcpu;
	uint64_t began;

	for (;;) {
		while (sem_wait(&prefault->go))
			;
		if (prefault->quit)
			return NULL;
		began = now_ns();
		prefault->error = __vcpu_ioctl(vcpu, KVM_PRE_FAULT_MEMORY,
					       &prefault->range) ? errno : 0;
		prefault->ns = now_ns() - began;
		prefault->done = true;
	}
}

static void prefault_start(struct prefault *prefault, unsigned long first,
			   unsigned long count)
{
	prefault->range = (struct kvm_pre_fault_memory) {
		.gpa = MEM_GPA + first * PAGE,
		.size = count * PAGE,
	};
	prefault->done = false;
	sem_post(&prefault->go);
}

/* A signal may come before the thread is in the ioctl, so there are many. */
static bool prefault_interrupt(struct prefault *prefault)
{
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;

	while (!prefault->done && now_ns() < until) {
		pthread_kill(prefault->thread, SIGUSR1);
		wait_real(&prefault->done, 20);
	}
	return prefault->done;
}

FIXTURE_SETUP(vm)
{
	const struct guest_make make = { .vcpus = 1, .size = SIZE };
	int i;

	if (!kvm_has_cap(KVM_CAP_PRE_FAULT_MEMORY))
		SKIP(return, "KVM_PRE_FAULT_MEMORY needs nested paging");
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(held_subscribe(&self->held[i], self->fd,
					   MNT_OP_START));
	guest_make(&self->guest, &make);
	guest_fill(&self->guest, MEM_GPA, SIZE, SEED);
	self->prefault.guest = &self->guest;
	sem_init(&self->prefault.go, 0, 0);
	ASSERT_EQ(0, pthread_create(&self->prefault.thread, NULL, prefault_run,
				    &self->prefault));
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
	self->prefault.quit = true;
	sem_post(&self->prefault.go);
	pthread_join(self->prefault.thread, NULL);
	guest_free(&self->guest);
}

static void prepare(struct held *held, const struct guest *guest,
		    unsigned long nr)
{
	held_prepare(held, guest->mem + nr * PAGE, PAGE);
}

static bool walk(struct guest *guest, unsigned long first, unsigned long count,
		 uint64_t want)
{
	job_start(guest, 0, (struct job) {
		.gpa = MEM_GPA + first * PAGE,
		.stride = PAGE,
		.count = count,
		.want = want,
		.store = NEW_SEED,
	});
	return job_wait(guest, 0, GUEST_PATIENCE_MS) && !job_trouble(guest, 0);
}

TEST_F_TIMEOUT(vm, ranges_elsewhere_are_not_waited_for, LIMIT_S)
{
	struct prefault *prefault = &self->prefault;
	uint64_t faults;

	prepare(&self->held[0], &self->guest, 0);
	prepare(&self->held[1], &self->guest, PAGES - 1);
	ASSERT_TRUE(held_start(&self->held[0]));
	ASSERT_TRUE(held_start(&self->held[1]));
	prefault_start(prefault, 1, PAGES - 2);
	EXPECT_TRUE(wait_real(&prefault->done, GUEST_PATIENCE_MS));
	EXPECT_TRUE(held_all_still(self->held, 2));
	held_let_go(self->held, 2);
	ASSERT_TRUE(wait_real(&prefault->done, GUEST_PATIENCE_MS));
	TH_LOG("%lu pages in %lu us", PAGES - 2,
	       (unsigned long)prefault->ns / 1000);
	EXPECT_EQ(0, prefault->error);
	EXPECT_EQ(0UL, prefault->range.size);
	faults = vcpu_stat(&self->guest, 0, "pf_taken");
	EXPECT_TRUE(walk(&self->guest, 1, PAGES - 2, SEED));
	/* It was there already, all but what the walk itself needs. */
	EXPECT_GE(faults + 8, vcpu_stat(&self->guest, 0, "pf_taken"));
}

/* Up to the page that is held, and there it waits. */
TEST_F_TIMEOUT(vm, its_own_page_waits_for_a_signal, LIMIT_S)
{
	struct prefault *prefault = &self->prefault;

	prepare(&self->held[0], &self->guest, 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	prefault_start(prefault, 8, 16);
	EXPECT_FALSE(wait_real(&prefault->done, WATCH_MS));
	EXPECT_TRUE(prefault_interrupt(prefault));
	/* What was done counts. */
	EXPECT_EQ(0, prefault->error);
	EXPECT_EQ(MEM_GPA + 16 * PAGE, prefault->range.gpa);
	EXPECT_EQ(8 * PAGE, prefault->range.size);

	prefault_start(prefault, 16, 1);
	EXPECT_FALSE(wait_real(&prefault->done, WATCH_MS));
	EXPECT_TRUE(prefault_interrupt(prefault));
	EXPECT_EQ(EINTR, prefault->error);
	EXPECT_EQ(PAGE, prefault->range.size);
	EXPECT_TRUE(held_all_still(self->held, 1));
	held_let_go(self->held, 1);

	prefault_start(prefault, 16, 1);
	ASSERT_TRUE(wait_real(&prefault->done, GUEST_PATIENCE_MS));
	EXPECT_EQ(0, prefault->error);
	EXPECT_TRUE(walk(&self->guest, 16, 1, ZERO));
}

/* It comes to its end by itself when the range does. */
TEST_F_TIMEOUT(vm, its_own_page_waits_for_the_end, LIMIT_S)
{
	struct prefault *prefault = &self->prefault;

	prepare(&self->held[0], &self->guest, 16);
	ASSERT_TRUE(held_start(&self->held[0]));
	prefault_start(prefault, 16, 1);
	EXPECT_FALSE(wait_real(&prefault->done, WATCH_MS));
	EXPECT_TRUE(held_all_still(self->held, 1));
	held_let_go(self->held, 1);
	ASSERT_TRUE(wait_real(&prefault->done, GUEST_PATIENCE_MS));
	EXPECT_EQ(0, prefault->error);
	EXPECT_EQ(0UL, prefault->range.size);
	EXPECT_TRUE(walk(&self->guest, 16, 1, ZERO));
}

TEST_HARNESS_MAIN
