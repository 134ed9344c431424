// SPDX-License-Identifier: GPL-2.0
/*
 * KVM: aging callouts, the part that all architectures share.
 *
 * include/linux/kvm_age.h says what it is for.
 *
 * An aging callout must not sleep and mostly comes under a page-table lock, so
 * what it costs is paid by whoever waits for that lock.  Whatever the range,
 * there is one read section of kvm->srcu and at most one lock around all
 * memslots and all pages, and that is taken only if there is guest memory.
 *
 * What a question means:
 *
 *	young bits	A bit that is set stays set: other subscribers and the
 *			CPUs' own page table add to the same bitmap.
 *	clear		An access that was reported is not reported again.  An
 *			access that is not reported now is reported next time.
 *			Who loses a race leaves the page young: one report too
 *			many is harmless, one too few is not.
 *	huge mappings	There is one bit for all pages of such a mapping.  All
 *			of them that are asked about become young, and the bit
 *			is cleared once.
 *
 * TLBs are not flushed here.  While a CPU has a translation in its TLB it need
 * not set the bit again, so a caller that cannot bear to miss accesses through
 * it calls kvm_flush_remote_tlbs() when this has returned.  That is late
 * enough, for it is after the clearing, and needs no lock: a flush protects no
 * page here, since aging withdraws none.
 */
#include <linux/interval_tree.h>
#include <linux/kvm_host.h>

#include "kvm_mm.h"

#ifdef CONFIG_KVM_ARCH_AGE

#define AGE_LOCK(kvm)	read_lock(&(kvm)->mmu_lock)
#define AGE_UNLOCK(kvm)	read_unlock(&(kvm)->mmu_lock)

#else

#define AGE_LOCK(kvm)	KVM_MMU_LOCK(kvm)
#define AGE_UNLOCK(kvm)	KVM_MMU_UNLOCK(kvm)

static bool kvm_arch_age_lockless(struct kvm *kvm)
{
	return false;
}

/* Ask about [gfn, gfn + nr) as one. */
static bool age_frames(struct kvm *kvm, const struct kvm_age_range *range,
		       gfn_t gfn, gfn_t nr, bool clear)
{
	struct kvm_gfn_range frames = {
		.slot = range->slot,
		.start = gfn,
		.end = gfn + nr,
		.attr_filter = KVM_FILTER_SHARED,
	};

	return clear ? kvm_age_gfn(kvm, &frames) :
		       kvm_test_age_gfn(kvm, &frames);
}

/* One page after the other. */
static bool age_pages(struct kvm *kvm, const struct kvm_age_range *range,
		      bool clear)
{
	bool young = false;
	gfn_t gfn;

	for (gfn = range->start; gfn < range->end; gfn++) {
		if (!kvm_age_wanted(range, gfn, 1) ||
		    !age_frames(kvm, range, gfn, 1, clear))
			continue;
		kvm_age_note(range, gfn, 1);
		young = true;
		if (kvm_age_enough(range))
			break;
	}
	return young;
}

/*
 * By functions that do not say which page was young, and of which those that
 * test, and some that clear, look at one page only.
 *
 * Where several pages share a bit, the first one that is cleared takes it from
 * the others; so test all before.  An access between the two is found with the
 * first.
 */
static bool kvm_arch_age(struct kvm *kvm, const struct kvm_age_range *range)
{
	bool young = false;

	lockdep_assert_held(&kvm->mmu_lock);
	if (range->clear && !range->pages && !range->young &&
	    !IS_ENABLED(CONFIG_KVM_AGE_GFN_ONE_PAGE))
		return age_frames(kvm, range, range->start,
				  range->end - range->start, true);
	if (range->young || !range->clear)
		young = age_pages(kvm, range, false);
	if (range->clear)
		young |= age_pages(kvm, range, true);
	return young;
}

#endif /* !CONFIG_KVM_ARCH_AGE */

/* The part of [start, end) that is in a memslot. */
static struct kvm_age_range age_overlap(struct kvm_memory_slot *slot,
					unsigned long start, unsigned long end)
{
	unsigned long base = slot->userspace_addr;
	unsigned long from = max(start, base);
	unsigned long to = min(end, base + (slot->npages << PAGE_SHIFT));

	return (struct kvm_age_range) {
		.slot = slot,
		.start = hva_to_gfn_memslot(from, slot),
		.end = hva_to_gfn_memslot(to, slot),
		.first = (from - start) >> PAGE_SHIFT,
	};
}

/* A question, as it was asked. */
struct age {
	unsigned long start;
	unsigned long end;
	const unsigned long *pages;
	unsigned long *young;
	bool clear;
};

static struct interval_tree_node *age_first(const struct age *age,
					    struct kvm_memslots *slots)
{
	return interval_tree_iter_first(&slots->hva_tree, age->start,
					age->end - 1);
}

/* Is any of it guest memory? */
static bool age_concerns(struct kvm *kvm, const struct age *age)
{
	int i;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		if (age_first(age, __kvm_memslots(kvm, i)))
			return true;
	return false;
}

static bool age_slot(struct kvm *kvm, const struct age *age,
		     struct kvm_memory_slot *slot, bool locked)
{
	struct kvm_age_range range = age_overlap(slot, age->start, age->end);

	range.pages = age->pages;
	range.young = age->young;
	range.clear = age->clear;
	range.locked = locked;
	return kvm_arch_age(kvm, &range);
}

static bool age_slots(struct kvm *kvm, const struct age *age,
		      struct kvm_memslots *slots, bool locked)
{
	struct interval_tree_node *node;
	bool young = false;

	for (node = age_first(age, slots); node;
	     node = interval_tree_iter_next(node, age->start, age->end - 1))
		young |= age_slot(kvm, age,
				  container_of(node, struct kvm_memory_slot,
					       hva_node[slots->node_idx]),
				  locked);
	return young;
}

static bool age_all(struct kvm *kvm, const struct age *age, bool locked)
{
	bool young = false;
	int i;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		young |= age_slots(kvm, age, __kvm_memslots(kvm, i), locked);
	return young;
}

static bool age_all_locked(struct kvm *kvm, const struct age *age)
{
	bool young;

	AGE_LOCK(kvm);
	young = age_all(kvm, age, true);
	AGE_UNLOCK(kvm);
	return young;
}

/**
 * kvm_age_hva_range() - has the guest accessed pages since they were cleared?
 * @kvm:   the VM
 * @start: first host address, page aligned
 * @end:   behind the last one, page aligned
 * @pages: which pages are asked about: bit n is the page at @start + n pages;
 *	   NULL for all
 * @young: in the same way, gets bits of accessed pages in addition to those
 *	   that are set already; NULL if the answer for all together will do,
 *	   and then testing stops at the first accessed page
 * @clear: forget about the accesses, so that only later ones are found again;
 *	   it is done for all that is asked, also where @young is NULL
 *
 * All of this is one question, however many pages and memslots it is about:
 * frames that are mapped by one entry become young together, of those that are
 * asked about.  See above for what a race does.  Does not flush TLBs.
 *
 * Context: any in which a spinlock may be taken, except under mmu_lock, that
 * is also under page-table locks and within RCU.  The VM must be kept alive.
 * Return: true if any page asked about was accessed
 */
bool kvm_age_hva_range(struct kvm *kvm, unsigned long start, unsigned long end,
		       const unsigned long *pages, unsigned long *young,
		       bool clear)
{
	const struct age age = {
		.start = start,
		.end = end,
		.pages = pages,
		.young = young,
		.clear = clear,
	};
	bool any = false;
	int idx;

	if (WARN_ON_ONCE(end <= start || !PAGE_ALIGNED(start | end)))
		return false;

	idx = srcu_read_lock(&kvm->srcu);
	/* Memslots may change in between; both see what is or what was. */
	if (age_concerns(kvm, &age))
		any = kvm_arch_age_lockless(kvm) ? age_all(kvm, &age, false) :
						   age_all_locked(kvm, &age);
	srcu_read_unlock(&kvm->srcu, idx);
	return any;
}
