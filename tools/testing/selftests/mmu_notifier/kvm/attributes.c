// SPDX-License-Identifier: GPL-2.0
/*
 * Memory attributes and guest_memfd: changes of what a guest frame is, with no
 * range of host addresses behind them. Faults elsewhere do not mind; the frame
 * itself is what it was made, as soon as the change is complete.
 */
#include "check.h"
#include "held.h"
#include "storm.h"

#define PAGES		1024UL
#define SIZE		(PAGES * PAGE)
/* A is changed, F is used, of B one page is held. */
#define A_PAGES		128UL
#define F_FIRST		A_PAGES
#define F_PAGES		512UL
#define B_PAGE		(PAGES - 1)
#define ROUNDS		4UL
#define SEED		51UL
#define PRIVATE_SEED	61UL

FIXTURE(vm) {
	int fd;
	struct held held;
	struct guest guest;
};

FIXTURE_SETUP(vm)
{
	const struct guest_make make = {
		.vcpus = 2,
		.size = SIZE,
		.type = KVM_X86_SW_PROTECTED_VM,
		.flags = KVM_MEM_GUEST_MEMFD,
	};

	if (!(kvm_check_cap(KVM_CAP_VM_TYPES) & BIT(KVM_X86_SW_PROTECTED_VM)))
		SKIP(return, "no KVM_X86_SW_PROTECTED_VM: needs nested paging");
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	ASSERT_TRUE(held_subscribe(&self->held, self->fd, MNT_OP_START));
	guest_make(&self->guest, &make);
	guest_fill(&self->guest, MEM_GPA, SIZE, SEED);
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
	guest_free(&self->guest);
}

static void make_private(struct guest *guest, unsigned long first,
			 unsigned long count, bool private)
{
	vm_set_memory_attributes(guest->vm, MEM_GPA + first * PAGE,
				 count * PAGE,
				 private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0);
}

static void punch(struct guest *guest, unsigned long first, unsigned long count)
{
	TEST_ASSERT(!fallocate(guest->memfd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       first * PAGE, count * PAGE), "punching a hole");
}

static struct job walk(unsigned long first, unsigned long count, uint64_t want,
		       uint64_t store)
{
	return (struct job) {
		.gpa = MEM_GPA + first * PAGE,
		.stride = PAGE,
		.count = count,
		.want = want,
		.store = store,
	};
}

static bool walked(struct __test_metadata *_metadata, struct guest *guest,
		   struct job job)
{
	job_start(guest, 0, job);
	return job_wait(guest, 0, GUEST_PATIENCE_MS) &&
	       job_is_fine(_metadata, guest, 0);
}

#define EXPECT_WALK(guest, first, count, want, store) \
	EXPECT_TRUE(walked(_metadata, guest, walk(first, count, want, store)))

/* Two memories behind each frame, and the guest always sees the right one. */
TEST_F_TIMEOUT(vm, conversions_are_exact, LIMIT_S)
{
	struct guest *guest = &self->guest;
	uint64_t seed;

	EXPECT_WALK(guest, 0, A_PAGES, SEED, SEED);
	for (seed = PRIVATE_SEED; seed < PRIVATE_SEED + ROUNDS; seed++) {
		make_private(guest, 0, A_PAGES, true);
		EXPECT_WALK(guest, 0, A_PAGES, ZERO, seed);
		make_private(guest, 0, A_PAGES, false);
		EXPECT_WALK(guest, 0, A_PAGES, SEED, SEED);
		make_private(guest, 0, A_PAGES, true);
		EXPECT_WALK(guest, 0, A_PAGES, seed, seed);
		punch(guest, 0, A_PAGES);
		EXPECT_WALK(guest, 0, A_PAGES, ZERO, seed);
		punch(guest, 0, A_PAGES);
		make_private(guest, 0, A_PAGES, false);
	}
	EXPECT_TRUE(guest_holds(guest, MEM_GPA, SIZE, SEED));
}

/* A change that is over is over, whatever else is in flight. */
TEST_F_TIMEOUT(vm, a_change_beside_a_held_range, LIMIT_S)
{
	struct guest *guest = &self->guest;
	int i;

	held_prepare(&self->held, guest->mem + B_PAGE * PAGE, PAGE);
	ASSERT_TRUE(held_start(&self->held));
	make_private(guest, 0, A_PAGES, true);
	job_start(guest, 0, walk(F_FIRST, F_PAGES, SEED, NOTHING));
	job_start(guest, 1, walk(0, A_PAGES, ZERO, PRIVATE_SEED));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
	punch(guest, 0, A_PAGES / 2);
	EXPECT_WALK(guest, 0, A_PAGES / 2, ZERO, NOTHING);
	EXPECT_TRUE(held_all_still(&self->held, 1));
	held_let_go(&self->held, 1);
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
		EXPECT_FINE(guest, i);
	}
}

/* A thread that never lets A be. */
struct changes {
	struct guest *guest;
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong rounds;
};

static void *changes_run(void *arg)
{
	struct changes *changes = arg;

	while (!changes->stop) {
		make_private(changes->guest, 0, A_PAGES, true);
		punch(changes->guest, 0, A_PAGES);
		make_private(changes->guest, 0, A_PAGES, false);
		changes->rounds++;
	}
	return NULL;
}

/* Half of F is shared and half is private; both go away before each round. */
TEST_F_TIMEOUT(vm, faults_beside_changes, LIMIT_S)
{
	const unsigned long half = F_PAGES / 2, second = F_FIRST + half;
	struct guest *guest = &self->guest;
	struct changes changes = { .guest = guest };
	char *shared = guest->mem + F_FIRST * PAGE;
	uint64_t before[2];
	unsigned long round;
	int i;

	make_private(guest, second, half, true);
	ASSERT_EQ(0, pthread_create(&changes.thread, NULL, changes_run,
				    &changes));
	for (round = 0; round < ROUNDS; round++) {
		punch(guest, second, half);
		ASSERT_EQ(0, mprotect(shared, half * PAGE, PROT_NONE));
		ASSERT_EQ(0, mprotect(shared, half * PAGE,
				      PROT_READ | PROT_WRITE));
		before[0] = vcpu_retries(guest, 0);
		before[1] = vcpu_retries(guest, 1);
		job_start(guest, 0, walk(F_FIRST, half, SEED + round,
					 SEED + round + 1));
		job_start(guest, 1, walk(second, half, ZERO, PRIVATE_SEED));
		for (i = 0; i < 2; i++) {
			ASSERT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
			EXPECT_FINE(guest, i);
			EXPECT_GE(half, job_report(_metadata, guest, i,
						   before[i]));
		}
	}
	changes.stop = true;
	pthread_join(changes.thread, NULL);
	TH_LOG("%lu changes", (unsigned long)changes.rounds);
	EXPECT_LT(0UL, changes.rounds);
}

TEST_HARNESS_MAIN
