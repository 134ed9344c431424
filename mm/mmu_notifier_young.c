// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: callouts that must not sleep.
 *
 * These come from under page-table locks, so they walk the list under RCU and
 * take no lock of the core.  RCU keeps each subscriber until its callout has
 * returned: a subscriber that leaves is taken off the list and then waits for
 * a grace period.  One that is leaving already is passed over: its
 * translations are gone (release) or nobody cares any more (put).
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mmu_notifier_age.h>
#include <linux/rculist.h>
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

/* Ask in the way of 6.12: any page of [start, end). */
static int mn_any_young(struct mm_struct *mm, unsigned long start,
			unsigned long end, unsigned int flags)
{
	const struct mmu_notifier_aging aging = {
		.mm = mm,
		.start = start,
		.end = end,
		.flags = flags,
	};

	return __mmu_notifier_age(&aging);
}

/* The body of mmu_notifier_clear_flush_young(). */
int __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
	return mn_any_young(mm, start, end,
			    MMU_AGING_CLEAR | MMU_AGING_FLUSH);
}

/* The body of mmu_notifier_clear_young(): the same, flush not needed. */
int __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
			       unsigned long end)
{
	return mn_any_young(mm, start, end, MMU_AGING_CLEAR);
}

/* The body of mmu_notifier_test_young(): one yes is enough. */
int __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	return mn_any_young(mm, address, address + PAGE_SIZE, 0);
}

static void mn_call_secondary(struct mmu_notifier *sub, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	const struct mmu_notifier_range range = {
		.mm = mm,
		.start = start,
		.end = end,
		.event = MMU_NOTIFY_CLEAR,
	};
	u64 began = mn_trace_clock(mmu_notifier_callout);
	int preempt;

	preempt = mn_enter(false);
	sub->ops->arch_invalidate_secondary_tlbs(sub, mm, start, end);
	mn_leave(false, preempt, sub->ops->arch_invalidate_secondary_tlbs);
	trace_mmu_notifier_callout(&range, MN_OP_SECONDARY_TLBS,
				   sub->ops->arch_invalidate_secondary_tlbs, 0,
				   began);
}

/*
 * The body of mmu_notifier_arch_invalidate_secondary_tlbs().
 *
 * (E): the caller's full barrier orders its clearing of the entries before
 * the load of the pointer; registration publishes the pointer before a full
 * barrier and the first walk of the device.  So either the pointer is seen
 * here, or the device sees the entries cleared.
 */
void __mmu_notifier_arch_invalidate_secondary_tlbs(struct mm_struct *mm,
						   unsigned long start,
						   unsigned long end)
{
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;

	rcu_read_lock();
	for_each_nonsleeping(sub, subs, mm)
		if (sub->ops->arch_invalidate_secondary_tlbs)
			mn_call_secondary(sub, mm, start, end);
	rcu_read_unlock();
}
