// SPDX-License-Identifier: GPL-2.0
/* The life of a VM. */
#include <unistd.h>

#include "latency.h"
#include "subs.h"

#define LIVES	10

void vm_life(unsigned int vmas)
{
	int kvm = vm_open(), i, vm;
	uint64_t began;

	many_vmas(vmas);
	for (i = 0; i < LIVES; i++) {
		began = now_ns();
		vm = vm_create(kvm, NULL, 0);
		say("vm-create", vmas, now_ns() - began);
		began = now_ns();
		close(vm);
		say("vm-destroy", vmas, now_ns() - began);
	}
}
