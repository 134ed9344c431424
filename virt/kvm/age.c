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
#include <linux/mmu_notifier_age.h>
#include <trace/events/kvm.h>

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
static void age_overlap(struct kvm_age_range *range,
			struct kvm_memory_slot *slot, unsigned long start,
			unsigned long end)
{
	unsigned long base = slot->userspace_addr;
	unsigned long from = max(start, base);
	unsigned long to = min(end, base + (slot->npages << PAGE_SHIFT));

	range->slot = slot;
	range->start = hva_to_gfn_memslot(from, slot);
	range->end = hva_to_gfn_memslot(to, slot);
	range->first = (from - range->base) >> PAGE_SHIFT;
}

static bool age_slots(struct kvm *kvm, struct kvm_age_range *range,
		      struct kvm_memslots *slots, unsigned long start,
		      unsigned long end)
{
	struct kvm_memory_slot *slot;
	struct interval_tree_node *node;
	bool young = false;

	for (node = interval_tree_iter_first(&slots->hva_tree, start, end - 1);
	     node; node = interval_tree_iter_next(node, start, end - 1)) {
		slot = container_of(node, struct kvm_memory_slot,
				    hva_node[slots->node_idx]);
		age_overlap(range, slot, start, end);
		young |= kvm_arch_age(kvm, range);
	}
	return young;
}

/* What is asked is in @range already; which frames, is filled in here. */
static bool age_all(struct kvm *kvm, struct kvm_age_range *range,
		    unsigned long start, unsigned long end)
{
	bool young = false;
	int i;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		young |= age_slots(kvm, range, __kvm_memslots(kvm, i), start,
				   end);
	return young;
}

/* Is any of it guest memory? */
static bool age_concerns(struct kvm *kvm, unsigned long start,
			 unsigned long end)
{
	int i;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++)
		if (interval_tree_iter_first(&__kvm_memslots(kvm, i)->hva_tree,
					     start, end - 1))
			return true;
	return false;
}

/* Memslots may change in between; both look at what is or what was. */
static bool age_all_locked(struct kvm *kvm, struct kvm_age_range *range,
			   unsigned long start, unsigned long end)
{
	bool young;

	if (!age_concerns(kvm, start, end))
		return false;
	range->locked = true;
	AGE_LOCK(kvm);
	young = age_all(kvm, range, start, end);
	AGE_UNLOCK(kvm);
	return young;
}

/* All of a question, or a part of it. */
static bool age_part(struct kvm *kvm, struct kvm_age_range *range,
		     unsigned long start, unsigned long end)
{
	bool any;
	int idx;

	if (WARN_ON_ONCE(end <= start || !PAGE_ALIGNED(start | end)))
		return false;

	idx = srcu_read_lock(&kvm->srcu);
	any = kvm_arch_age_lockless(kvm) ?
	      age_all(kvm, range, start, end) :
	      age_all_locked(kvm, range, start, end);
	srcu_read_unlock(&kvm->srcu, idx);
	return any;
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
	struct kvm_age_range range = {
		.pages = pages,
		.young = young,
		.base = start,
		.clear = clear,
	};

	return age_part(kvm, &range, start, end);
}

/* The caller's own pages first; if one of them is young, all. */
static bool age_around(struct kvm *kvm,
		       const struct mmu_notifier_aging *aging, bool clear)
{
	struct kvm_age_range range = {
		.pages = aging->pages,
		.young = aging->young,
		.base = aging->start,
		.clear = clear,
	};
	bool any = age_part(kvm, &range, aging->own_start,
			    min(aging->own_end, aging->end));

	if (mmu_notifier_aging_more(aging))
		any |= age_part(kvm, &range, aging->start, aging->end);
	return any;
}

/**
 * kvm_mmu_notifier_age() - the age op
 * @mn:    of the VM
 * @aging: which pages, and what is wanted
 *
 * Context: as kvm_age_hva_range().  Does not sleep.
 * Return: non-zero if any page asked about was accessed
 */
int kvm_mmu_notifier_age(struct mmu_notifier *mn,
			 const struct mmu_notifier_aging *aging)
{
	struct kvm *kvm = container_of(mn, struct kvm, mmu_notifier);
	bool clear = aging->flags & MMU_AGING_CLEAR, any;

	if (clear)
		trace_kvm_age_hva(aging->start, aging->end);
	else
		trace_kvm_test_age_hva(aging->start);
	any = aging->own_end ?
	      age_around(kvm, aging, clear) :
	      kvm_age_hva_range(kvm, aging->start, aging->end, aging->pages,
				aging->young, clear);
	if (!any)
		return 0;
	if (aging->flags & MMU_AGING_FLUSH)
		kvm_flush_remote_tlbs(kvm);
	return 1;
}
