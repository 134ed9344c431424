// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: list subscribers for which there was no slot.
 *
 * The first 64 subscribers of an mm that want starts or ends have slots.  Those
 * beyond are called one at a time, under a pin that keeps each in the list, and
 * with the lock taken in between.  Which range concerns them goes by order:
 * those that registered before it began, until they leave.  As no range notes
 * what it owes them, they stay, when they leave, until the ranges in flight
 * have ended.
 */
#include <linux/mmu_notifier.h>
#include <linux/rculist.h>

#include "mmu_notifier_internal.h"

/**
 * mn_unpin() - a callout has returned
 * @subs:    the subscriptions, locked
 * @pins:    the pins of the subscriber that was called
 * @leaving: somebody may be waiting for them
 */
void mn_unpin(struct mmu_notifier_subscriptions *subs, unsigned int *pins,
	      bool leaving)
{
	mn_assert_locked(subs);
	if (!--*pins && unlikely(leaving))
		wake_up_all(&subs->wq);
}

/* Is @sub without a slot, registered before @range, and not hidden from it? */
static bool mn_concerned(const struct mmu_notifier *sub,
			 const struct mmu_notifier_range *range)
{
	if (!sub->slotless || sub->seq > range->list_seq ||
	    !mmu_notifier_wants(sub->ops->events, range->event))
		return false;
	if (!sub->leaving)
		return true;
	/* It has to see older ranges through to their end. */
	return sub->ops->invalidate_range_end &&
		!range_seq_after(range->tracked.seq, sub->leave);
}

/**
 * mn_slotless_start() - call the starts of those without a slot
 * @range:  the range; the lock is held, dropped meanwhile, and held on return
 * @failed: set to the number of the one that refused
 *
 * Return: 0, or -EAGAIN if one refused.
 */
int mn_slotless_start(struct mmu_notifier_range *range, u64 *failed)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	struct mmu_notifier *sub;
	int ret = 0;

	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (!mn_concerned(sub, range) ||
		    !sub->ops->invalidate_range_start)
			continue;
		sub->pins++;
		mn_unlock(subs);
		ret = mn_call_start(sub, range);
		mn_lock(subs);
		mn_unpin(subs, &sub->pins, sub->leaving);
		if (ret) {
			*failed = sub->seq;
			break;
		}
	}
	return ret;
}

/**
 * mn_slotless_end() - call the ends of those without a slot
 * @range:  the range; the lock is held, dropped meanwhile, and held on return
 * @failed: those with a higher number were called before one refused; 0: all
 */
void mn_slotless_end(struct mmu_notifier_range *range, u64 failed)
{
	struct mmu_notifier_subscriptions *subs = range->subs;
	struct mmu_notifier *sub;

	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (!mn_concerned(sub, range) || sub->seq <= failed ||
		    !sub->ops->invalidate_range_end)
			continue;
		sub->pins++;
		mn_unlock(subs);
		mn_call_end(sub, range);
		mn_lock(subs);
		mn_unpin(subs, &sub->pins, sub->leaving);
	}
}

/**
 * mn_slotless_settle() - wait until no range is concerned any more
 * @subs: the subscriptions, locked; unlocked meanwhile
 * @sub:  a subscriber without a slot, that is leaving
 */
void mn_slotless_settle(struct mmu_notifier_subscriptions *subs,
			struct mmu_notifier *sub)
{
	mn_assert_locked(subs);
	if (sub->slotless && sub->ops->invalidate_range_end)
		mn_wait_ranges(subs, TASK_UNINTERRUPTIBLE);
	mn_wait(subs, !sub->pins);
	if (sub->slotless)
		subs->slotless--;
}
