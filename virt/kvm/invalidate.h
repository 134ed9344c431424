/* SPDX-License-Identifier: GPL-2.0 */
/* KVM: what its files share about invalidations in flight. */
#ifndef _VIRT_KVM_INVALIDATE_H
#define _VIRT_KVM_INVALIDATE_H

#include <linux/kvm_host.h>

void kvm_invalidate_init(struct kvm *kvm);

/*
 * KVM is called for what its memslots map.  Not where faults count invalidations
 * of the whole mm: a fault in a new slot has to find those counted that began
 * before.
 */
#define KVM_FILTERED	(!IS_ENABLED(CONFIG_KVM_INVALIDATE_SEQ))

#ifdef CONFIG_KVM_GENERIC_MMU_NOTIFIER
void kvm_filter_slot(struct kvm *kvm, struct kvm_memory_slot *slot);
void kvm_unfilter_slot(struct kvm_memory_slot *slot);
#else
static inline void kvm_filter_slot(struct kvm *kvm,
				   struct kvm_memory_slot *slot)
{
}

static inline void kvm_unfilter_slot(struct kvm_memory_slot *slot) { }
#endif

#ifdef CONFIG_KVM_INVALIDATE_SEQ
void kvm_seq_begin(struct kvm *kvm);
void kvm_seq_add(struct kvm *kvm, gfn_t start, gfn_t end);
void kvm_seq_begun(struct kvm *kvm);
void kvm_seq_end(struct kvm *kvm);
bool kvm_seq_uncounted(struct kvm *kvm);
void kvm_seq_compare(struct kvm *kvm, const struct kvm_ticket *ticket,
		     bool retry, bool uncounted);
#else
static inline void kvm_seq_begin(struct kvm *kvm) { }
static inline void kvm_seq_add(struct kvm *kvm, gfn_t start, gfn_t end) { }
static inline void kvm_seq_begun(struct kvm *kvm) { }
static inline void kvm_seq_end(struct kvm *kvm) { }
static inline bool kvm_seq_uncounted(struct kvm *kvm) { return false; }
static inline void kvm_seq_compare(struct kvm *kvm,
				   const struct kvm_ticket *ticket, bool retry,
				   bool uncounted)
{
}
#endif

#endif /* _VIRT_KVM_INVALIDATE_H */
