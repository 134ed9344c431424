/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KVM: guest faults beside invalidations.
 *
 * A fault looks up the host page of a guest frame under no lock, and maps it
 * under mmu_lock, if no invalidation of that page was in flight meanwhile.  It
 * knows by tickets (include/linux/range_tracker.h), one for each of the two
 * spaces in which pages are withdrawn:
 *
 *	by host address		the ranges of the VM's mm, which the MMU
 *				notifier core tracks from start to end
 *	by guest frame		what KVM withdraws of its own accord: memory
 *				attributes, guest_memfd, kvm_zap_gfn_range()
 *
 * Documentation/virt/kvm/invalidation.rst has the rules and why they hold.
 *
 * Included by <linux/kvm_host.h>, where struct kvm is.
 */
#ifndef _LINUX_KVM_INVALIDATE_H
#define _LINUX_KVM_INVALIDATE_H

#include <linux/kvm_types.h>
#include <linux/range_tracker.h>

/**
 * struct kvm_ticket - what a fault wants to map, in both spaces
 * @hva:     among the ranges of the mm; unused without a memslot
 * @gfn:     among the ranges of the VM
 * @mmu_seq: the view of architectures that count, see KVM_INVALIDATE_SEQ
 * @by_hva:  @hva is in use
 *
 * Owned by the faulting task, on its stack.  All zeroes is a ticket that was
 * never taken, which kvm_ticket_end() accepts.
 */
struct kvm_ticket {
	struct range_ticket hva;
	struct range_ticket gfn;
#ifdef CONFIG_KVM_INVALIDATE_SEQ
	unsigned long mmu_seq;
#endif
	bool by_hva;
};

void kvm_ticket_init(struct kvm_ticket *ticket,
		     const struct kvm_memory_slot *slot, gfn_t gfn,
		     unsigned long nr);
bool kvm_ticket_try(struct kvm *kvm, struct kvm_ticket *ticket);
bool kvm_ticket_retry(struct kvm *kvm, struct kvm_ticket *ticket);
bool kvm_ticket_retry_unsafe(struct kvm *kvm, struct kvm_ticket *ticket);
void kvm_ticket_end(struct kvm *kvm, struct kvm_ticket *ticket);

bool kvm_gfns_busy(struct kvm *kvm, const struct kvm_memory_slot *slot,
		   gfn_t gfn, unsigned long nr);

bool kvm_vcpu_ticket_try(struct kvm_vcpu *vcpu, struct kvm_ticket *ticket,
			 const struct kvm_memory_slot *slot, gfn_t gfn);
void kvm_vcpu_ticket_end(struct kvm_vcpu *vcpu, struct kvm_ticket *ticket,
			 bool retry);
void kvm_vcpu_wait_ranges(struct kvm_vcpu *vcpu);

void kvm_gfn_range_start(struct kvm *kvm, struct tracked_range *range,
			 gfn_t start, gfn_t end);
void kvm_gfn_range_end(struct kvm *kvm, struct tracked_range *range);

#ifdef CONFIG_KVM_INVALIDATE_SEQ
/*
 * Architectures that are not converted count: invalidations in progress, and
 * those completed.  A fault notes mmu_invalidate_seq, reads page tables, and
 * retries if the sequence has moved or anything is in progress.
 */
static inline int mmu_invalidate_retry(struct kvm *kvm, unsigned long mmu_seq)
{
	if (READ_ONCE(kvm->mmu_invalidate_in_progress))
		return 1;
	/*
	 * (I): the count before the sequence, which kvm_seq_end() writes the
	 * other way round.  powerpc asks under a lock of its own.
	 */
	smp_rmb();
	return READ_ONCE(kvm->mmu_invalidate_seq) != mmu_seq;
}

/* The same, unless all that is in progress spans other frames than @gfn. */
static inline int mmu_invalidate_retry_gfn(struct kvm *kvm,
					   unsigned long mmu_seq, gfn_t gfn)
{
	lockdep_assert_held(&kvm->mmu_lock);
	if (kvm->mmu_invalidate_in_progress &&
	    gfn >= kvm->mmu_invalidate_range_start &&
	    gfn < kvm->mmu_invalidate_range_end)
		return 1;
	return kvm->mmu_invalidate_seq != mmu_seq;
}
#endif /* CONFIG_KVM_INVALIDATE_SEQ */

#endif /* _LINUX_KVM_INVALIDATE_H */
