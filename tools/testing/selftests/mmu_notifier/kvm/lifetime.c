// SPDX-License-Identifier: GPL-2.0
/*
 * A VM is destroyed while an invalidation of its memory is in flight: nobody
 * waits for anybody, and the end of the invalidation finds nothing to do.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "check.h"
#include "held.h"

#define SIZE	(16 * PAGE)
#define ROUNDS	50

/* Closes a VM when told to; made before anything is held. */
struct closer {
	pthread_t thread;
	int vm;
	atomic_bool go;
	atomic_bool done;
	uint64_t ns;
};

/* Where VMs come from, the memory that each has, and a range in it. */
struct place {
	int fd;
	int kvm;
	char *mem;
	struct held held;
};

FIXTURE(vm) {
	struct place place;
};

FIXTURE_SETUP(vm)
{
	self->place.kvm = -1;
	self->place.fd = fixture_open(_metadata);
	if (self->place.fd < 0)
		return;
	self->place.kvm = open("/dev/kvm", O_RDWR);
	ASSERT_LE(0, self->place.kvm);
	self->place.mem = map_anon(SIZE);
	ASSERT_NE(NULL, self->place.mem);
}

FIXTURE_TEARDOWN(vm)
{
	close(self->place.fd);
	close(self->place.kvm);
}

/* A VM without vCPUs, whose mapped file would keep it alive. */
static int make_vm(const struct place *place)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = MEM_GPA,
		.memory_size = SIZE,
		.userspace_addr = (uintptr_t)place->mem,
	};
	int vm = ioctl(place->kvm, KVM_CREATE_VM, 0);

	if (vm < 0)
		return -1;
	if (!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return vm;
	close(vm);
	return -1;
}

static void *closer_run(void *arg)
{
	struct closer *closer = arg;
	uint64_t began;

	while (!wait_real(&closer->go, GUEST_HOLD_MS))
		;
	began = now_ns();
	close(closer->vm);
	closer->ns = now_ns() - began;
	closer->done = true;
	return NULL;
}

/* The latest subscriber is called first. */
static void destroyed_within(struct __test_metadata *_metadata,
			     struct place *place, unsigned int op,
			     bool vm_first)
{
	struct held *held = &place->held;
	struct closer closer = { .vm = -1 };

	if (vm_first)
		closer.vm = make_vm(place);
	ASSERT_TRUE(held_subscribe(held, place->fd, op));
	held_prepare(held, place->mem, PAGE);
	if (!vm_first)
		closer.vm = make_vm(place);
	ASSERT_LE(0, closer.vm);
	ASSERT_EQ(0, pthread_create(&closer.thread, NULL, closer_run, &closer));
	ASSERT_TRUE(held_start(held));
	closer.go = true;
	EXPECT_TRUE(wait_real(&closer.done, GUEST_PATIENCE_MS));
	EXPECT_TRUE(held_all_still(held, 1));
	held_let_go(held, 1);
	ASSERT_EQ(0, pthread_join(closer.thread, NULL));
	TH_LOG("destroyed in %lu us", (unsigned long)closer.ns / 1000);
}

TEST_F_TIMEOUT(vm, destroyed_after_its_start, LIMIT_S)
{
	destroyed_within(_metadata, &self->place, MNT_OP_START, false);
}

TEST_F_TIMEOUT(vm, destroyed_before_its_start, LIMIT_S)
{
	destroyed_within(_metadata, &self->place, MNT_OP_START, true);
}

TEST_F_TIMEOUT(vm, destroyed_before_its_end, LIMIT_S)
{
	destroyed_within(_metadata, &self->place, MNT_OP_END, false);
}

/* At any moment of one. */
TEST_F_TIMEOUT(vm, destroyed_beside_many, LIMIT_S)
{
	struct churn churn;
	int i, vm;

	churn_start(&churn, self->place.mem, SIZE, do_dontneed);
	for (i = 0; i < ROUNDS; i++) {
		vm = make_vm(&self->place);
		EXPECT_LE(0, vm);
		close(vm);
	}
	churn_stop(&churn);
	EXPECT_LT(0UL, churn.rounds);
}

TEST_HARNESS_MAIN
