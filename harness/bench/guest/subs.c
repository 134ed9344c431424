// SPDX-License-Identifier: GPL-2.0
/* Subscribers of all sorts; see subs.h. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "subs.h"

/* Where the slot lies in the guest; any address of RAM will do. */
#define GUEST_BASE	0x100000

static uint64_t kernel_symbol(const char *wanted)
{
	FILE *in = fopen("/proc/kallsyms", "r");
	unsigned long long addr, found = 0;
	char name[256], kind;

	must(in != NULL, "/proc/kallsyms");
	while (!found && fscanf(in, "%llx %c %255s%*[^\n]", &addr, &kind,
				name) == 3)
		if (!strcmp(name, wanted))
			found = addr;
	fclose(in);
	must(found != 0, wanted);
	return found;
}

int nb_open(void)
{
	static struct nb_functions functions;
	int fd = open("/dev/notifier_bench", O_RDWR | O_CLOEXEC);

	must(fd >= 0, "/dev/notifier_bench");
	/* They do not move, and the file is long. */
	if (!functions.start) {
		functions.start =
			kernel_symbol("__mmu_notifier_invalidate_range_start");
		functions.end =
			kernel_symbol("__mmu_notifier_invalidate_range_end");
	}
	must(!ioctl(fd, NB_FUNCTIONS, &functions), "NB_FUNCTIONS");
	return fd;
}

void nb_subscribe(int fd, unsigned int kind, unsigned int count, char *start,
		  size_t length, size_t stride)
{
	struct nb_add add = {
		.kind = kind,
		.count = count,
		.start = (uintptr_t)start,
		.length = length,
		.stride = stride,
	};

	must(!ioctl(fd, NB_ADD, &add), "NB_ADD");
}

void nb_unsubscribe(int fd)
{
	must(!ioctl(fd, NB_DEL_ALL), "NB_DEL_ALL");
}

static void nb_ranges(int fd, unsigned long cmd, unsigned int count,
		      char *start, size_t length, size_t stride)
{
	struct nb_ranges ranges = {
		.count = count,
		.start = (uintptr_t)start,
		.length = length,
		.stride = stride,
	};

	must(!ioctl(fd, cmd, &ranges), "ranges");
}

void nb_hold(int fd, unsigned int count, char *start, size_t length,
	     size_t stride)
{
	nb_ranges(fd, NB_HOLD, count, start, length, stride);
}

void nb_let_go(int fd)
{
	must(!ioctl(fd, NB_LET_GO), "NB_LET_GO");
}

void nb_loop(int fd, unsigned int count, char *start, size_t length)
{
	nb_ranges(fd, NB_LOOP, count, start, length, 0);
}

int vm_open(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	must(kvm >= 0, "/dev/kvm");
	return kvm;
}

int vm_create(int kvm, char *start, size_t length)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = GUEST_BASE,
		.memory_size = length,
		.userspace_addr = (uintptr_t)start,
	};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0UL);

	must(vm >= 0, "KVM_CREATE_VM");
	if (length)
		must(!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "memory slot");
	return vm;
}
