// SPDX-License-Identifier: GPL-2.0
/*
 * KVM on x86: the accessed bits of nested and shadow page tables.
 *
 * virt/kvm/age.c says what is asked.  There are two kinds of SPTE to look at,
 * and both may change while they are looked at, so this is about who may run
 * together with whom.
 *
 * One rule is behind all of it: an SPTE is changed here by cmpxchg of exactly
 * the value that was read, which was that of a present leaf, and tried once.
 * So nothing is resurrected that somebody else has zapped or frozen, and no
 * bit is lost that somebody else, or the CPU, has set.  If the cmpxchg fails,
 * the SPTE stays young, or it is gone and whoever zapped it has told the page.
 *
 * The TDP MMU, with A/D bits: no lock
 *
 *	Roots leave their list by list_del_rcu(), page tables are unlinked, and
 *	both are freed by call_rcu().  So within one RCU read section whatever
 *	is found stays page table memory.  The walk does not leave it.
 *
 *	An invalid root is walked like others: vCPUs use it until they have got
 *	a new one.  A root without references has no present SPTE any more.  In
 *	a table that was just unlinked there may still be some.  They are about
 *	to be replaced by FROZEN_SPTE, and what is replaced is accounted for.
 *
 *	A page is never looked at by its frame number.  It may be free.
 *
 *	Writers under mmu_lock replace an SPTE by a plain store if they see no
 *	bit in it that could change under them (spte_has_volatile_bits()).
 *	With A/D bits that is an SPTE which has A set, and D or no way to get W
 *	without mmu_lock.  What can change since this file is without a lock,
 *	is A, from 1 to 0 and, by the CPU, back.  A plain store may undo that,
 *	and then the page is young once more, which is harmless.  D, W and the
 *	frame number are as the writer believes:
 *	Documentation/virt/kvm/invalidation.rst has each writer.
 *
 * The TDP MMU without A/D bits: mmu_lock for read
 *
 *	Not to be accessed is not to be mapped: the SPTE loses R, W and X and
 *	keeps enough to get them back.  W says that the page is dirty, so that
 *	the page has to be told before W goes, and must not be freed while that
 *	is done.  It is not: its invalidation needs mmu_lock for write.
 *	Others who hold mmu_lock for read change SPTEs atomically.
 *
 * Reverse maps, for shadow paging and nested guests: mmu_lock for read
 *
 *	All that changes a reverse map, frees a shadow page, or writes an SPTE
 *	of one, holds mmu_lock for write, but for fast_page_fault() and another
 *	task in this file, which both use cmpxchg, and the CPU.  Those who hold
 *	mmu_lock for read besides belong to the TDP MMU and do not walk them.
 *
 *	If no shadow page was ever made (kvm_memslots_have_rmaps()), the lock is
 *	not needed for that.  That may change during the walk.  The accesses
 *	that follow are later than the question.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kvm_host.h>
#include <linux/rculist.h>

#include "age.h"
#include "mmu.h"
#include "mmu_internal.h"
#include "mmutrace.h"
#include "spte.h"
#include "tdp_iter.h"

#ifdef CONFIG_X86_64

/* One page, or one huge page. */
static __always_inline bool tdp_age_leaf(const struct kvm_age_range *range,
					 u64 *sptep, u64 spte, gfn_t gfn,
					 int level)
{
	u64 unused;

	if (!is_accessed_spte(spte) ||
	    !kvm_age_wanted(range, gfn, KVM_PAGES_PER_HPAGE(level)))
		return false;
	if (range->clear && kvm_spte_forget(sptep, spte, &unused))
		trace_kvm_tdp_mmu_spte_changed(range->slot->as_id, gfn, level,
					       spte, unused);
	kvm_age_note(range, gfn, KVM_PAGES_PER_HPAGE(level));
	return true;
}

/*
 * A table of this level, which maps from @gfn on, and those below it, of which
 * there are PT64_ROOT_MAX_LEVEL at most.  Each SPTE is read once.
 */
static bool tdp_age_table(const struct kvm_age_range *range, tdp_ptep_t table,
			  gfn_t gfn, int level)
{
	u64 *sptep = rcu_dereference(table), spte;
	gfn_t step = KVM_PAGES_PER_HPAGE(level), i = 0;
	bool young = false;

	if (gfn < range->start) {
		i = (range->start - gfn) >> KVM_HPAGE_GFN_SHIFT(level);
		gfn += i * step;
	}
	for (; i < SPTE_ENT_PER_PAGE && gfn < range->end; i++, gfn += step) {
		spte = READ_ONCE(sptep[i]);
		if (!is_shadow_present_pte(spte))
			continue;
		if (is_last_spte(spte, level))
			young |= tdp_age_leaf(range, &sptep[i], spte, gfn,
					      level);
		else
			young |= tdp_age_table(range,
					       spte_to_child_pt(spte, level),
					       gfn, level - 1);
		if (young && kvm_age_enough(range))
			break;
	}
	return young;
}

/* Down to where the range is more than one entry, and then all of that. */
static bool tdp_age_root(const struct kvm_age_range *range,
			 struct kvm_mmu_page *root)
{
	tdp_ptep_t table = (tdp_ptep_t)root->spt;
	int level = root->role.level;
	gfn_t first = range->start, last = range->end - 1;
	u64 *sptep, spte;

	/* A memslot may be where this root cannot map anything. */
	if (last >> KVM_HPAGE_GFN_SHIFT(level + 1))
		return false;
	for (; level > PG_LEVEL_4K; level--) {
		if ((first ^ last) >> KVM_HPAGE_GFN_SHIFT(level))
			break;
		sptep = rcu_dereference(table) +
			SPTE_INDEX(first << PAGE_SHIFT, level);
		spte = READ_ONCE(*sptep);
		if (!is_shadow_present_pte(spte))
			return false;
		if (is_large_pte(spte))
			return tdp_age_leaf(range, sptep, spte,
					    gfn_round_for_level(first, level),
					    level);
		table = spte_to_child_pt(spte, level);
	}
	return tdp_age_table(range, table,
			     gfn_round_for_level(first, level + 1), level);
}

static bool tdp_age(struct kvm *kvm, const struct kvm_age_range *range)
{
	struct kvm_mmu_page *root;
	bool young = false;

	/* Each address space has its slots, and its roots. */
	rcu_read_lock();
	list_for_each_entry_rcu(root, &kvm->arch.tdp_mmu_roots, link) {
		if (kvm_mmu_page_as_id(root) == range->slot->as_id)
			young |= tdp_age_root(range, root);
	}
	rcu_read_unlock();
	return young;
}

#else

static bool tdp_age(struct kvm *kvm, const struct kvm_age_range *range)
{
	return false;
}

#endif /* CONFIG_X86_64 */

/* The reverse maps of mappings of one size. */
static bool rmap_age_level(const struct kvm_age_range *range, int level)
{
	const struct kvm_memory_slot *slot = range->slot;
	gfn_t nr = KVM_PAGES_PER_HPAGE(level), gfn;
	struct kvm_rmap_head *rmap_head;
	bool young = false;

	rmap_head = &slot->arch.rmap[level - PG_LEVEL_4K]
				    [gfn_to_index(range->start, slot->base_gfn,
						  level)];
	for (gfn = gfn_round_for_level(range->start, level); gfn < range->end;
	     gfn += nr, rmap_head++) {
		if (!rmap_head->val || !kvm_age_wanted(range, gfn, nr) ||
		    !kvm_rmap_age(rmap_head, range->clear))
			continue;
		kvm_age_note(range, gfn, nr);
		young = true;
		if (kvm_age_enough(range))
			break;
	}
	return young;
}

static bool rmap_age(struct kvm *kvm, const struct kvm_age_range *range)
{
	bool young = false;
	int level;

	lockdep_assert_held_read(&kvm->mmu_lock);
	for (level = PG_LEVEL_4K; level <= KVM_MAX_HUGEPAGE_LEVEL; level++) {
		young |= rmap_age_level(range, level);
		if (young && kvm_age_enough(range))
			break;
	}
	return young;
}

/**
 * kvm_arch_age_lockless() - can accesses be looked up without mmu_lock?
 * @kvm: the VM
 *
 * If not, it has to be held for read.
 *
 * Context: any
 * Return: true if they can
 */
bool kvm_arch_age_lockless(struct kvm *kvm)
{
	return kvm_ad_enabled() && !kvm_memslots_have_rmaps(kvm);
}

/**
 * kvm_arch_age() - find out which frames of a memslot were accessed
 * @kvm:   the VM
 * @range: the frames, and what to do; @range->locked if mmu_lock is held for
 *	   read, else kvm_arch_age_lockless() was true
 *
 * Context: within kvm->srcu.  Does not sleep.
 * Return: true if any frame asked about was accessed
 */
bool kvm_arch_age(struct kvm *kvm, const struct kvm_age_range *range)
{
	bool young = false;

	lockdep_assert(srcu_read_lock_held(&kvm->srcu));
	if (range->locked)
		lockdep_assert_held_read(&kvm->mmu_lock);
	else
		KVM_MMU_WARN_ON(!kvm_ad_enabled());

	/* Without the lock there were none, and new ones do not matter. */
	if (range->locked && kvm_memslots_have_rmaps(kvm))
		young = rmap_age(kvm, range);
	if (young && kvm_age_enough(range))
		return true;
	if (tdp_mmu_enabled)
		young |= tdp_age(kvm, range);
	return young;
}
