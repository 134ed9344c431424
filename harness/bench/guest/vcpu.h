/* SPDX-License-Identifier: GPL-2.0 */
/* A VM with one vCPU that touches pages in order, one for each run. */
#ifndef _BENCH_VCPU_H
#define _BENCH_VCPU_H

#include <stdint.h>

struct vcpu {
	int vm;
	int fd;
	struct kvm_run *run;
};

/* The memory has to begin with a page for the code. */
struct vcpu vcpu_create(char *memory, unsigned long length);
/* Begin with the page @first of the memory. */
void vcpu_place(struct vcpu *vcpu, unsigned int first);
/* Touch one page, and go to the next. */
void vcpu_touch(struct vcpu *vcpu);
/* A counter of KVM's for all vCPUs, by its name in debugfs. */
uint64_t kvm_stat(const char *name);

#endif /* _BENCH_VCPU_H */
