// SPDX-License-Identifier: GPL-2.0
/*
 * KVM: which invalidations concern a VM.
 *
 * The MMU notifier core calls KVM for ranges that overlap a memslot.  A slot's
 * filter is in force before the slot can be found, and until nobody can find it
 * any more; while a slot is replaced, both the old one's and the new one's are.
 *
 * Why a fault in a new slot cannot map what an invalidation took away without
 * calling KVM: that invalidation was put in flight before the filter was added,
 * both under the core's lock; the slot is published after that; and the fault
 * takes its ticket after it has read the slot, with (G) in between.  So the
 * ticket finds the range in flight, or its entries are cleared already.
 *
 * A page that KVM has by host address in no memslot (pfncache.c) has a filter
 * of its own.
 */
#include <linux/kvm_host.h>
#include <linux/mmu_notifier.h>

#include "invalidate.h"

/**
 * kvm_filter_slot() - have callouts for the addresses of a memslot
 * @kvm:  the VM
 * @slot: a slot that is going to be made visible
 *
 * From now on invalidations of its addresses call KVM.  One that started before,
 * and did not, is in flight for the tickets of faults that use the slot.
 *
 * Context: Does not sleep.
 */
void kvm_filter_slot(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	lockdep_assert_held(&kvm->slots_lock);
	if (KVM_FILTERED)
		mmu_notifier_filter_add(&kvm->mmu_notifier, &slot->filter,
					slot->userspace_addr,
					slot->npages << PAGE_SHIFT);
}

/**
 * kvm_unfilter_slot() - the end of that
 * @slot: a slot that nobody can see any more, and of which nothing is mapped
 *
 * Context: Does not sleep.
 */
void kvm_unfilter_slot(struct kvm_memory_slot *slot)
{
	mmu_notifier_filter_remove(&slot->filter);
}
