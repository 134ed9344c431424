/* SPDX-License-Identifier: GPL-2.0 */
/* KVM on x86: the accessed state of one SPTE; see age.c. */
#ifndef __KVM_X86_MMU_AGE_H
#define __KVM_X86_MMU_AGE_H

#include <linux/kvm_host.h>

#include <asm/cmpxchg.h>

#include "spte.h"

/**
 * kvm_spte_forget() - make an SPTE one whose page was not accessed
 * @sptep:  the SPTE, which was that of an accessed page
 * @spte:   its value, as it was read
 * @unused: is set to its new value
 *
 * Tried once: who changes it at the same time may as well be using the page.
 *
 * Context: within RCU, and if A/D bits are off, mmu_lock is held.
 * Return: true if it has become @unused
 */
static inline bool kvm_spte_forget(u64 *sptep, u64 spte, u64 *unused)
{
	if (spte_ad_enabled(spte)) {
		*unused = spte & ~shadow_accessed_mask;
	} else {
		if (is_writable_pte(spte))
			kvm_set_pfn_dirty(spte_to_pfn(spte));
		*unused = mark_spte_for_access_track(spte);
	}
	return try_cmpxchg64(sptep, &spte, *unused);
}

/**
 * kvm_spte_age() - was the page of an SPTE in a reverse map accessed?
 * @sptep: the SPTE
 * @clear: make it not accessed
 *
 * Context: mmu_lock is held.
 * Return: true if it was, whether or not clearing has succeeded
 */
static inline bool kvm_spte_age(u64 *sptep, bool clear)
{
	u64 spte = READ_ONCE(*sptep), unused;

	if (!is_accessed_spte(spte))
		return false;
	if (clear)
		kvm_spte_forget(sptep, spte, &unused);
	return true;
}

#endif /* __KVM_X86_MMU_AGE_H */
