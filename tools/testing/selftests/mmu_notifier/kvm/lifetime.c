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

FIXTURE(vm) {
	int fd;
	int kvm;
	char *mem;
	struct held held;
};

FIXTURE_SETUP(vm)
{
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	self->kvm = open("/dev/kvm", O_RDWR);
	ASSERT_LE(0, self->kvm);
	self->mem = map_anon(SIZE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
	close(self->kvm);
}

/* A VM without vCPUs, whose mapped file would keep it alive. */
static int make_vm(int kvm, char *mem)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = MEM_GPA,
		.memory_size = SIZE,
		.userspace_addr = (uintptr_t)mem,
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

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

static void destroyed_while_held(struct __test_metadata *_metadata,
				 struct held *held, struct closer *closer)
{
	ASSERT_EQ(0, pthread_create(&closer->thread, NULL, closer_run, closer));
	ASSERT_TRUE(held_start(held));
	closer->go = true;
	EXPECT_TRUE(wait_real(&closer->done, GUEST_PATIENCE_MS));
	EXPECT_TRUE(held_all_still(held, 1));
	held_let_go(held, 1);
	ASSERT_EQ(0, pthread_join(closer->thread, NULL));
	TH_LOG("destroyed in %lu us", (unsigned long)closer->ns / 1000);
}

/* The subscriber that holds it came first, so KVM has seen the start. */
TEST_F_TIMEOUT(vm, destroyed_after_its_start, LIMIT_S)
{
	struct closer closer = {};

	ASSERT_TRUE(held_subscribe(&self->held, self->fd, MNT_OP_START));
	held_prepare(&self->held, self->mem, PAGE);
	closer.vm = make_vm(self->kvm, self->mem);
	ASSERT_LE(0, closer.vm);
	destroyed_while_held(_metadata, &self->held, &closer);
}

/* The subscriber that holds it came last, so KVM has not. */
TEST_F_TIMEOUT(vm, destroyed_before_its_start, LIMIT_S)
{
	struct closer closer = {};

	closer.vm = make_vm(self->kvm, self->mem);
	ASSERT_LE(0, closer.vm);
	ASSERT_TRUE(held_subscribe(&self->held, self->fd, MNT_OP_START));
	held_prepare(&self->held, self->mem, PAGE);
	destroyed_while_held(_metadata, &self->held, &closer);
}

/* Within its end. */
TEST_F_TIMEOUT(vm, destroyed_before_its_end, LIMIT_S)
{
	struct closer closer = {};

	ASSERT_TRUE(held_subscribe(&self->held, self->fd, MNT_OP_END));
	held_prepare(&self->held, self->mem, PAGE);
	closer.vm = make_vm(self->kvm, self->mem);
	ASSERT_LE(0, closer.vm);
	destroyed_while_held(_metadata, &self->held, &closer);
}

/* At any moment of one. */
TEST_F_TIMEOUT(vm, destroyed_beside_many, LIMIT_S)
{
	struct churn churn;
	int i, vm;

	churn_start(&churn, self->mem, SIZE, do_dontneed);
	for (i = 0; i < ROUNDS; i++) {
		vm = make_vm(self->kvm, self->mem);
		EXPECT_LE(0, vm);
		close(vm);
	}
	churn_stop(&churn);
	EXPECT_LT(0UL, churn.rounds);
}

TEST_HARNESS_MAIN
