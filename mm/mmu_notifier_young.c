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
#include <linux/rculist.h>
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

/* Walk the subscribers of @mm that have @op.  Caller is an RCU reader. */
#define for_each_nonsleeping(sub, subs, mm, op)				\
	for (subs = rcu_dereference((mm)->notifier_subscriptions); subs;\
	     subs = NULL)						\
		hlist_for_each_entry_rcu(sub, &subs->list, hlist)	\
			if ((sub)->ops->op && !READ_ONCE((sub)->leaving))

typedef int (*mn_age_fn)(struct mmu_notifier *sub, struct mm_struct *mm,
			 unsigned long start, unsigned long end);

static int mn_call_age(struct mmu_notifier *sub, enum mmu_notifier_op op,
		       mn_age_fn age, const void *callout,
		       struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	u64 began = mn_trace_clock(mmu_notifier_age);
	int young, preempt;

	preempt = mn_enter(false);
	young = age(sub, mm, start, end);
	mn_leave(false, preempt, callout);
	trace_mmu_notifier_age(mm, op, callout, start, end, young, began);
	return young;
}

/* The body of mmu_notifier_clear_flush_young(): any page of [start, end). */
int __mmu_notifier_clear_flush_young(struct mm_struct *mm, unsigned long start,
				     unsigned long end)
{
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;
	int young = 0;

	rcu_read_lock();
	for_each_nonsleeping(sub, subs, mm, clear_flush_young)
		young |= mn_call_age(sub, MN_OP_CLEAR_FLUSH_YOUNG,
				     sub->ops->clear_flush_young,
				     sub->ops->clear_flush_young, mm, start,
				     end);
	rcu_read_unlock();
	return young;
}

/* The body of mmu_notifier_clear_young(): the same, flush not needed. */
int __mmu_notifier_clear_young(struct mm_struct *mm, unsigned long start,
			       unsigned long end)
{
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;
	int young = 0;

	rcu_read_lock();
	for_each_nonsleeping(sub, subs, mm, clear_young)
		young |= mn_call_age(sub, MN_OP_CLEAR_YOUNG,
				     sub->ops->clear_young,
				     sub->ops->clear_young, mm, start, end);
	rcu_read_unlock();
	return young;
}

/* test_young() in the shape of the other two. */
static int mn_test_young(struct mmu_notifier *sub, struct mm_struct *mm,
			 unsigned long start, unsigned long end)
{
	return sub->ops->test_young(sub, mm, start);
}

/* The body of mmu_notifier_test_young(): one yes is enough. */
int __mmu_notifier_test_young(struct mm_struct *mm, unsigned long address)
{
	struct mmu_notifier_subscriptions *subs;
	struct mmu_notifier *sub;
	int young = 0;

	rcu_read_lock();
	for_each_nonsleeping(sub, subs, mm, test_young) {
		young = mn_call_age(sub, MN_OP_TEST_YOUNG, mn_test_young,
				    sub->ops->test_young, mm, address,
				    address + PAGE_SIZE);
		if (young)
			break;
	}
	rcu_read_unlock();
	return young;
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
	for_each_nonsleeping(sub, subs, mm, arch_invalidate_secondary_tlbs)
		mn_call_secondary(sub, mm, start, end);
	rcu_read_unlock();
}
