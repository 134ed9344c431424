// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations fail, one by one, while a VM comes into being, up to the first
 * thing that it does: see ../faults.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../faults.h"

#define CODE		PAGE
#define DATA		(3 * PAGE)
#define NOTE		0x2a

/* In real mode: mov byte [DATA], NOTE; hlt */
static const uint8_t code[] = { 0xc6, 0x06, 0x00, 0x30, NOTE, 0xf4 };

enum step {
	MAKE_VM,
	MAKE_VCPU,
	SET_MEMORY,
	RUN,
	NR_STEPS
};

struct tiny {
	int kvm;
	int vm;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;
};

FIXTURE(vm) {
	struct place place;
	struct tiny tiny;
};

FIXTURE_VARIANT(vm) {
	enum step step;
};

FIXTURE_VARIANT_ADD(vm, creation) { .step = MAKE_VM };
FIXTURE_VARIANT_ADD(vm, vcpu) { .step = MAKE_VCPU };
FIXTURE_VARIANT_ADD(vm, memory) { .step = SET_MEMORY };
FIXTURE_VARIANT_ADD(vm, first_run) { .step = RUN };

FIXTURE_SETUP(vm)
{
	struct tiny *tiny = &self->tiny;

	place_begin(_metadata, &self->place);
	if (!place_is_set(&self->place))
		return;
	tiny->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, tiny->kvm);
	tiny->run_size = ioctl(tiny->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
}

FIXTURE_TEARDOWN(vm)
{
	place_end(_metadata, &self->place);
}

static int make_vm(struct tiny *tiny)
{
	tiny->vm = ioctl(tiny->kvm, KVM_CREATE_VM, 0);
	return tiny->vm < 0 ? -errno : 0;
}

static int make_vcpu(struct tiny *tiny)
{
	tiny->vcpu = ioctl(tiny->vm, KVM_CREATE_VCPU, 0);
	return tiny->vcpu < 0 ? -errno : 0;
}

static int set_memory(struct tiny *tiny, char *area)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = LEN,
		.userspace_addr = (uintptr_t)area,
	};

	return ioctl(tiny->vm, KVM_SET_USER_MEMORY_REGION, &region) ?
		-errno : 0;
}

/* Nothing that is made to fail. */
static bool set_registers(struct tiny *tiny)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	tiny->run = mmap(NULL, tiny->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, tiny->vcpu, 0);
	if (tiny->run == MAP_FAILED)
		return false;
	if (ioctl(tiny->vcpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return !ioctl(tiny->vcpu, KVM_SET_SREGS, &sregs) &&
	       !ioctl(tiny->vcpu, KVM_SET_REGS, &regs);
}

/* A step towards a VM that has run; 0, or a negative error. */
static int take(struct tiny *tiny, enum step step, char *area)
{
	switch (step) {
	case MAKE_VM:
		return make_vm(tiny);
	case MAKE_VCPU:
		return make_vcpu(tiny);
	case SET_MEMORY:
		return set_memory(tiny, area);
	case RUN:
		return ioctl(tiny->vcpu, KVM_RUN, 0) ? -errno : 0;
	default:
		return -EINVAL;
	}
}

/* All that may follow when something has failed, and when all is over. */
static void destroy(struct tiny *tiny)
{
	if (tiny->run && tiny->run != MAP_FAILED)
		munmap(tiny->run, tiny->run_size);
	if (tiny->vcpu >= 0)
		close(tiny->vcpu);
	if (tiny->vm >= 0)
		close(tiny->vm);
	tiny->run = NULL;
	tiny->vcpu = -1;
	tiny->vm = -1;
}

/* Without faults, from one step to the one before another. */
static bool take_until(struct tiny *tiny, enum step from, enum step to,
		       char *area)
{
	for (; from < to; from++) {
		if (take(tiny, from, area))
			return false;
		if (from == MAKE_VCPU && !set_registers(tiny))
			return false;
	}
	return true;
}

static void prepare(struct tiny *tiny, char *area)
{
	tiny->run = NULL;
	tiny->vcpu = -1;
	tiny->vm = -1;
	/* No page of it is there. */
	madvise(area, LEN, MADV_DONTNEED);
	memcpy(area + CODE, code, sizeof(code));
}

static void expect_has_run(struct __test_metadata *_metadata,
			   const struct tiny *tiny, const char *area)
{
	EXPECT_EQ(KVM_EXIT_HLT, tiny->run->exit_reason);
	EXPECT_EQ(NOTE, peek(area + DATA));
}

static void expect_failure(struct __test_metadata *_metadata, enum step step,
			   int error)
{
	EXPECT_TRUE(error == -ENOMEM || (step == RUN && error == -EFAULT)) {
		TH_LOG("error %d", -error);
	}
}

static void fail_once(struct __test_metadata *_metadata, struct place *place,
		      struct tiny *tiny, enum step step, struct sweep *sweep)
{
	bool again = sweep->nth & 1;
	int ret;

	prepare(tiny, place->area);
	ASSERT_TRUE(take_until(tiny, MAKE_VM, step, place->area));
	fault_arm(sweep->nth);
	ret = take(tiny, step, place->area);
	sweep_note(sweep, !ret);
	if (ret) {
		EXPECT_TRUE(sweep->hit);
		expect_failure(_metadata, step, ret);
	}
	EXPECT_EQ(step != MAKE_VM || !ret, dev_subscribed(place->fd, 0));
	/* Once what failed is repeated, once it is the last that is done. */
	if (ret && again)
		ASSERT_EQ(0, take(tiny, step, place->area));
	if (!ret || again) {
		if (step == MAKE_VCPU)
			ASSERT_TRUE(set_registers(tiny));
		ASSERT_TRUE(take_until(tiny, step + 1, NR_STEPS, place->area));
		expect_has_run(_metadata, tiny, place->area);
	}
	destroy(tiny);
	expect_nothing_left(_metadata, place, 0);
}

/*
 * Statistics in debugfs take most of the allocations, each the same few, so
 * that not all of them are tried unless that is asked for. A VM that stays
 * would keep references to the mm.
 */
TEST_F_TIMEOUT(vm, fails, LIMIT_S)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), before;
	struct place *place = &self->place;
	struct sweep sweep = { .skip = 7 };

	before = mm_references(place->fd);
	while (sweep_next(&sweep) && __test_passed(_metadata))
		fail_once(_metadata, place, &self->tiny, variant->step, &sweep);
	report(_metadata, &sweep, 1);
	EXPECT_LT(cpus, sweep.points);
	EXPECT_GE(before + cpus, mm_references(place->fd));
}

TEST_HARNESS_MAIN
