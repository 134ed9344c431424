/* SPDX-License-Identifier: GPL-2.0 */
/* KVM: what its files share about invalidations in flight. */
#ifndef _VIRT_KVM_INVALIDATE_H
#define _VIRT_KVM_INVALIDATE_H

#include <linux/kvm_host.h>

void kvm_invalidate_init(struct kvm *kvm);

#ifdef CONFIG_KVM_INVALIDATE_SEQ
void kvm_seq_begin(struct kvm *kvm);
void kvm_seq_add(struct kvm *kvm, gfn_t start, gfn_t end);
void kvm_seq_end(struct kvm *kvm);
void kvm_seq_compare(struct kvm *kvm, const struct kvm_ticket *ticket,
		     bool retry);
#else
static inline void kvm_seq_begin(struct kvm *kvm) { }
static inline void kvm_seq_add(struct kvm *kvm, gfn_t start, gfn_t end) { }
static inline void kvm_seq_end(struct kvm *kvm) { }
static inline void kvm_seq_compare(struct kvm *kvm,
				   const struct kvm_ticket *ticket, bool retry)
{
}
#endif

#endif /* _VIRT_KVM_INVALIDATE_H */
