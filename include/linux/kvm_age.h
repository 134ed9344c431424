/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KVM: which pages of its memory has the guest accessed?
 *
 * The MMU notifiers ask for a range of host addresses; kvm_age_hva_range()
 * finds the memslots and asks the architecture for the frames of each.  All
 * pages of a question are answered under one lock, or under none:
 *
 *	x86	none for the TDP MMU, mmu_lock for read where there are
 *		reverse maps: arch/x86/kvm/mmu/age.c
 *	others	mmu_lock as for any change, and kvm_age_gfn(),
 *		kvm_test_age_gfn(): virt/kvm/age.c
 *
 * Documentation/virt/kvm/invalidation.rst has the rules and why they hold.
 *
 * Included by <linux/kvm_host.h>.
 */
#ifndef _LINUX_KVM_AGE_H
#define _LINUX_KVM_AGE_H

#include <linux/bitmap.h>
#include <linux/kvm_types.h>

struct kvm;
struct mmu_notifier;
struct mmu_notifier_aging;

/**
 * struct kvm_age_range - frames of one memslot, and what is asked about them
 * @slot:   the memslot
 * @start:  first frame
 * @end:    behind the last frame
 * @pages:  bitmap of the pages asked about, NULL for all
 * @young:  bitmap to which accessed pages are added, NULL if nobody wants to
 *	    know which
 * @base:   the host address of bit 0 in both
 * @first:  the bit of @start in both
 * @clear:  forget accesses, too
 * @locked: mmu_lock is held
 *
 * Owned by the task that asks, on its stack.
 */
struct kvm_age_range {
	struct kvm_memory_slot *slot;
	gfn_t start;
	gfn_t end;
	const unsigned long *pages;
	unsigned long *young;
	unsigned long base;
	unsigned long first;
	bool clear;
	bool locked;
};

/* The bits of frames [gfn, gfn + nr), as far as they are in the range. */
static inline unsigned long kvm_age_bits(const struct kvm_age_range *range,
					 gfn_t gfn, gfn_t nr,
					 unsigned long *end)
{
	gfn_t from = max(gfn, range->start);

	*end = range->first + (min(gfn + nr, range->end) - range->start);
	return range->first + (from - range->start);
}

/**
 * kvm_age_wanted() - is one of these frames asked about?
 * @range: the question
 * @gfn:   first of the frames that share an accessed bit; some may lie outside
 * @nr:    how many
 *
 * Return: true if so
 */
static inline bool kvm_age_wanted(const struct kvm_age_range *range, gfn_t gfn,
				  gfn_t nr)
{
	unsigned long bit, end;

	if (!range->pages)
		return true;
	bit = kvm_age_bits(range, gfn, nr, &end);
	return find_next_bit(range->pages, end, bit) < end;
}

/**
 * kvm_age_note() - these frames were accessed
 * @range: the question
 * @gfn:   first of the frames that share an accessed bit; some may lie outside
 * @nr:    how many
 *
 * It is not known which of them was accessed, so each that is asked about
 * counts as young.
 */
static inline void kvm_age_note(const struct kvm_age_range *range, gfn_t gfn,
				gfn_t nr)
{
	unsigned long bit, end;

	if (!range->young)
		return;
	bit = kvm_age_bits(range, gfn, nr, &end);
	if (!range->pages) {
		bitmap_set(range->young, bit, end - bit);
		return;
	}
	for_each_set_bit_from(bit, range->pages, end)
		__set_bit(bit, range->young);
}

/* With one young page found, is nothing left to find out, nor to do? */
static inline bool kvm_age_enough(const struct kvm_age_range *range)
{
	return !range->young && !range->clear;
}

bool kvm_age_hva_range(struct kvm *kvm, unsigned long start, unsigned long end,
		       const unsigned long *pages, unsigned long *young,
		       bool clear);

int kvm_mmu_notifier_age(struct mmu_notifier *mn,
			 const struct mmu_notifier_aging *aging);

#ifdef CONFIG_KVM_ARCH_AGE
bool kvm_arch_age_lockless(struct kvm *kvm);
bool kvm_arch_age(struct kvm *kvm, const struct kvm_age_range *range);
#endif

#endif /* _LINUX_KVM_AGE_H */
