// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU in protected mode without paging.  Its program stores to a page, adds
 * a page to the address, and leaves by an OUT, for ever.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "subs.h"
#include "vcpu.h"

#define BASE		0x100000U
#define STEP		4096U
#define CR0_PROTECTED	1U

/* again: mov %eax, (%ebx); add $4096, %ebx; out %al, $0x80; jmp again */
static const unsigned char code[] = {
	0x89, 0x03, 0x81, 0xc3, 0x00, 0x10, 0x00, 0x00, 0xe6, 0x80, 0xeb, 0xf4,
};

static struct kvm_segment flat(unsigned int type, unsigned int selector)
{
	return (struct kvm_segment) {
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

static void set_mode(int fd)
{
	struct kvm_sregs sregs;

	must(!ioctl(fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	/* Code that may be read, data that may be written, both accessed. */
	sregs.cs = flat(11, 8);
	sregs.ds = flat(3, 16);
	sregs.es = sregs.ds;
	sregs.ss = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.cr0 |= CR0_PROTECTED;
	must(!ioctl(fd, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
}

struct vcpu vcpu_create(char *memory, unsigned long length)
{
	int kvm = vm_open(), size;
	struct vcpu vcpu;

	memcpy(memory, code, sizeof(code));
	vcpu.vm = vm_create(kvm, memory, length);
	vcpu.fd = ioctl(vcpu.vm, KVM_CREATE_VCPU, 0UL);
	must(vcpu.fd >= 0, "KVM_CREATE_VCPU");
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	must(size > 0, "KVM_GET_VCPU_MMAP_SIZE");
	vcpu.run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			vcpu.fd, 0);
	must(vcpu.run != MAP_FAILED, "mmap of the vCPU");
	set_mode(vcpu.fd);
	close(kvm);
	return vcpu;
}

void vcpu_place(struct vcpu *vcpu, unsigned int first)
{
	struct kvm_regs regs = {
		.rip = BASE,
		.rbx = BASE + first * STEP,
		.rflags = 2,
	};

	must(!ioctl(vcpu->fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

void vcpu_touch(struct vcpu *vcpu)
{
	int ret;

	do {
		ret = ioctl(vcpu->fd, KVM_RUN, 0UL);
	} while (ret && errno == EINTR);
	must(!ret, "KVM_RUN");
	if (vcpu->run->exit_reason == KVM_EXIT_IO)
		return;
	printf("bench: the vCPU left with reason %u\n", vcpu->run->exit_reason);
	exit(1);
}

uint64_t kvm_stat(const char *name)
{
	unsigned long long value = 0;
	char path[128];
	FILE *in;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s", name);
	in = fopen(path, "r");
	must(in != NULL, path);
	must(fscanf(in, "%llu", &value) == 1, path);
	fclose(in);
	return value;
}
