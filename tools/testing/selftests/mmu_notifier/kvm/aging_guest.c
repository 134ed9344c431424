// SPDX-License-Identifier: GPL-2.0
/* Tests of aging: the guest, see aging.h. */
#include "aging.h"

#define STACK		64
#define NP_ENABLE	BIT_ULL(0)
/* Present, writable, for users, accessed, dirty; and large. */
#define TABLE		0x67ULL
#define LARGE		(TABLE | 1ULL << 7)
#define GIBS		2

static uint8_t todo[AGING_VCPUS][AGING_MAX];
static uint64_t pages;

static void pass(uint64_t nr)
{
	uint64_t i, gpa;

	for (i = 0; i < READ_ONCE(pages); i++) {
		gpa = MEM_GPA + i * PAGE;
		if (READ_ONCE(todo[nr][i]) == READ)
			(void)READ_ONCE(*(uint64_t *)gpa);
		else if (READ_ONCE(todo[nr][i]) == WRITE)
			WRITE_ONCE(*(uint64_t *)gpa, gpa);
	}
}

/* In a guest of the guest, which has the same addresses. */
static void inner_code(void)
{
	for (;;) {
		pass(0);
		asm volatile("vmmcall" ::: "memory");
	}
}

static void outer_code(struct svm_test_data *svm, uint64_t npt)
{
	static unsigned long stack[STACK];
	struct vmcb *vmcb = svm->vmcb;

	generic_svm_setup(svm, inner_code, &stack[STACK]);
	vmcb->control.nested_ctl |= NP_ENABLE;
	vmcb->control.nested_cr3 = npt;
	for (;;) {
		run_guest(vmcb, svm->vmcb_gpa);
		GUEST_ASSERT_EQ(vmcb->control.exit_code, SVM_EXIT_VMMCALL);
		vmcb->save.rip += 3;
		GUEST_SYNC(0);
	}
}

/**
 * aging_guest_code() - what a vCPU does
 * @nr:  its number
 * @svm: if it does so in a guest of its own, what that needs
 * @npt: and the root of its nested page table
 */
void aging_guest_code(uint64_t nr, struct svm_test_data *svm, uint64_t npt)
{
	if (svm)
		outer_code(svm, npt);
	for (;;) {
		pass(nr);
		GUEST_SYNC(0);
	}
}

/* A nested page table in which each address is what it was. */
static uint64_t identity(struct kvm_vm *vm)
{
	vm_paddr_t root = vm_alloc_page_table(vm);
	vm_paddr_t middle = vm_alloc_page_table(vm), low;
	uint64_t *entries, i, gib;

	*(uint64_t *)addr_gpa2hva(vm, root) = middle | TABLE;
	for (gib = 0; gib < GIBS; gib++) {
		low = vm_alloc_page_table(vm);
		entries = addr_gpa2hva(vm, middle);
		entries[gib] = low | TABLE;
		entries = addr_gpa2hva(vm, low);
		for (i = 0; i < 512; i++)
			entries[i] = (gib * 512 + i) * HUGE | LARGE;
	}
	return root;
}

/**
 * aging_nest() - let the first vCPU work in a guest of its own
 * @guest: the VM, none of whose vCPUs has run
 *
 * Return: NULL if that is so, or why it cannot be.
 */
const char *aging_nest(struct guest *guest)
{
	vm_vaddr_t svm;

	if (!kvm_cpu_has(X86_FEATURE_SVM) || !kvm_cpu_has(X86_FEATURE_NPT))
		return "no nested page tables for guests of guests";
	vcpu_alloc_svm(guest->vm, &svm);
	vcpu_args_set(guest->workers[0].vcpu, 3, 0UL, svm,
		      identity(guest->vm));
	return NULL;
}

/**
 * aging_todo() - where vCPUs are told what to do
 * @guest: the VM
 * @nr:    pages in a pass
 *
 * Return: AGING_MAX entries for each vCPU.
 */
uint8_t *aging_todo(const struct guest *guest, unsigned int nr)
{
	*(uint64_t *)addr_gva2hva(guest->vm, (uintptr_t)&pages) = nr;
	return addr_gva2hva(guest->vm, (uintptr_t)todo);
}
