// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: whom a range concerns, and who caused it.
 *
 * A subscriber that says so in its ops is called for ranges only that overlap
 * its filters.  A filter is in force for every range that starts after
 * mmu_notifier_filter_add() has returned; both take the lock.  One that started
 * before is in flight when the filter is added, or over, so a reader which holds
 * a ticket on mmu_notifier_ranges() finds it as it finds any other.  Therefore:
 * first add the filter, then make the addresses known to those who translate
 * them, and let these go by tickets.
 *
 * Filters decide who is chosen when a range starts.  What is owed afterwards
 * goes by the range's own notes, so filters come and go without regard to the
 * ranges in flight.
 *
 * Aging has no lock, and no duty to find everybody: it goes by the bounds of a
 * subscriber's filters.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "mmu_notifier_internal.h"

/* Does a filter of @sub overlap @range? */
static bool mn_wanted(struct mmu_notifier *sub,
		      const struct mmu_notifier_range *range)
{
	struct interval_tree_node *node = sub->last_filter;

	/* Mostly one invalidation comes after another in the same filter. */
	if (node && node->start < range->end && node->last >= range->start)
		return true;
	if (!mn_in_hull(sub, range->start, range->end))
		return false;
	node = interval_tree_iter_first(&sub->filters, range->start,
					range->end - 1);
	if (node)
		sub->last_filter = node;
	return node;
}

/**
 * mn_filter() - leave out those whose filters a range does not overlap
 * @subs:  the subscriptions, locked
 * @range: the range, about to be put in flight
 * @todo:  slots that it concerns by its event
 *
 * Return: those of @todo that are not filtered, or have such a filter.
 */
u64 mn_filter(struct mmu_notifier_subscriptions *subs,
	      const struct mmu_notifier_range *range, u64 todo)
{
	u64 ask = todo & subs->filtered;
	unsigned int slot;

	mn_assert_locked(subs);
	for (; ask; ask &= ask - 1) {
		slot = __ffs64(ask);
		if (!mn_wanted(subs->slot[slot], range))
			todo &= ~BIT_ULL(slot);
	}
	return todo;
}

/*
 * The bounds of all filters.  Whoever reads them without the lock may have one
 * from before a change and the other from after it; each of them by itself
 * includes the filters that are in force all the time.
 */
static void mn_set_hull(struct mmu_notifier *sub)
{
	struct rb_node *first = rb_first_cached(&sub->filters);
	struct interval_tree_node *root;

	if (!first) {
		WRITE_ONCE(sub->first_filtered, ULONG_MAX);
		WRITE_ONCE(sub->last_filtered, 0);
		return;
	}
	root = rb_entry(sub->filters.rb_root.rb_node,
			struct interval_tree_node, rb);
	WRITE_ONCE(sub->first_filtered,
		   rb_entry(first, struct interval_tree_node, rb)->start);
	WRITE_ONCE(sub->last_filtered, root->__subtree_last);
}

/**
 * mn_filter_init() - at first a subscriber has no filter
 * @sub: a subscriber that is joining
 */
void mn_filter_init(struct mmu_notifier *sub)
{
	sub->filters = RB_ROOT_CACHED;
	sub->last_filter = NULL;
	mn_set_hull(sub);
}

/**
 * mn_filter_drop() - take all filters of a subscriber out of force
 * @subs: the subscriptions, locked
 * @sub:  a subscriber that is leaving
 */
void mn_filter_drop(struct mmu_notifier_subscriptions *subs,
		    struct mmu_notifier *sub)
{
	struct mmu_notifier_filter *filter, *next;

	mn_assert_locked(subs);
	rbtree_postorder_for_each_entry_safe(filter, next,
					     &sub->filters.rb_root, node.rb)
		/* Read without the lock, to see whether there is one to take. */
		WRITE_ONCE(filter->sub, NULL);
	mn_filter_init(sub);
}

/**
 * mmu_notifier_filter_add() - have starts and ends for some more addresses
 * @subscription: a registered subscription whose ops say @filtered
 * @filter: the filter, zeroed; memory of the caller's, until it is removed
 * @start:  first address
 * @length: of the addresses, not zero
 *
 * Filters may overlap.  On return every range that starts calls @subscription if
 * it overlaps @filter; those in flight may pass without.  If exit_mmap() has
 * released the subscription already, nothing happens.
 *
 * Context: Does not sleep.  Not in a non-sleeping callout.
 */
void mmu_notifier_filter_add(struct mmu_notifier *subscription,
			     struct mmu_notifier_filter *filter,
			     unsigned long start, unsigned long length)
{
	struct mmu_notifier_subscriptions *subs = mn_of(subscription->mm);

	if (WARN_ON_ONCE(!length || start + length - 1 < start ||
			 !subscription->ops->filtered))
		return;
	filter->node.start = start;
	filter->node.last = start + length - 1;
	mn_lock(subs);
	if (!subscription->leaving && !WARN_ON_ONCE(filter->sub)) {
		WRITE_ONCE(filter->sub, subscription);
		interval_tree_insert(&filter->node, &subscription->filters);
		mn_set_hull(subscription);
	}
	mn_unlock(subs);
}
EXPORT_SYMBOL_GPL(mmu_notifier_filter_add);

/**
 * mmu_notifier_filter_remove() - have no more callouts for these addresses
 * @filter: what mmu_notifier_filter_add() was given, or is all zero
 *
 * Callouts that were chosen before may still come.  May follow
 * mmu_notifier_unregister(), but not run beside it.
 *
 * Context: Does not sleep.  Not in a non-sleeping callout.
 */
void mmu_notifier_filter_remove(struct mmu_notifier_filter *filter)
{
	struct mmu_notifier *sub = READ_ONCE(filter->sub);
	struct mmu_notifier_subscriptions *subs;

	/* Never added, or the subscription is over, and its memory may be. */
	if (!sub)
		return;
	subs = mn_of(sub->mm);
	mn_lock(subs);
	/* exit_mmap() may have dropped it meanwhile. */
	if (filter->sub) {
		interval_tree_remove(&filter->node, &sub->filters);
		if (sub->last_filter == &filter->node)
			sub->last_filter = NULL;
		mn_set_hull(sub);
		WRITE_ONCE(filter->sub, NULL);
	}
	mn_unlock(subs);
}
EXPORT_SYMBOL_GPL(mmu_notifier_filter_remove);

/* May a range of this cause be somebody's own doing? */
static bool mn_by_address(enum mmu_notifier_cause cause)
{
#define MN_BY_ADDRESS(cause, event, name, by_address)			\
	[MMU_CAUSE_##cause] = (by_address),

	static const bool by_address[] = { MMU_NOTIFIER_CAUSES(MN_BY_ADDRESS) };
#undef MN_BY_ADDRESS

	return by_address[cause];
}

/**
 * mn_find_owner() - name the owner of a range whose task is in a scope
 * @subs:  the subscriptions, locked
 * @range: a range of the current task
 *
 * Not if it has one already, and not if the task changes the page table because
 * it ran out of memory on its way: reclaim and compaction take pages from
 * whoever has them, and run with PF_MEMALLOC.
 */
void mn_find_owner(struct mmu_notifier_subscriptions *subs,
		   struct mmu_notifier_range *range)
{
	struct mmu_notifier_scope *scope;

	mn_assert_locked(subs);
	if (range->owner || current->flags & PF_MEMALLOC ||
	    !mn_by_address(range->cause))
		return;
	/* The innermost first. */
	hlist_for_each_entry(scope, &subs->scopes, node) {
		if (scope->task != current)
			continue;
		range->owner = scope->owner;
		return;
	}
}

/**
 * mmu_notifier_scope_begin() - what this task changes now, it does for @owner
 * @scope: the scope, on the caller's stack
 * @mm:    the mm, in which the caller has a subscription until the scope ends
 * @owner: what ranges are to name
 *
 * Ranges that the current task starts in @mm carry @owner, so that a subscriber
 * can pass over what it is doing itself.  It has to have dropped its
 * translations then, and has to keep readers off by its own means: a range is
 * in flight for tickets whoever its owner is.  Ranges that have an owner keep
 * it; those whose cause has to do with a page wherever it is mapped get none,
 * nor do any while memory is reclaimed.  Scopes may nest; the innermost counts.
 *
 * Context: Does not sleep.  Not in a non-sleeping callout.
 */
void mmu_notifier_scope_begin(struct mmu_notifier_scope *scope,
			      struct mm_struct *mm, void *owner)
{
	struct mmu_notifier_subscriptions *subs = mn_of(mm);

	scope->task = current;
	scope->mm = mm;
	scope->owner = owner;
	mn_lock(subs);
	hlist_add_head(&scope->node, &subs->scopes);
	mn_unlock(subs);
}
EXPORT_SYMBOL_GPL(mmu_notifier_scope_begin);

/**
 * mmu_notifier_scope_end() - from now on for nobody, or for the scope outside
 * @scope: the scope that this task began last in the mm
 *
 * Context: Does not sleep.  Not in a non-sleeping callout.
 */
void mmu_notifier_scope_end(struct mmu_notifier_scope *scope)
{
	struct mmu_notifier_subscriptions *subs = mn_of(scope->mm);

	WARN_ON_ONCE(scope->task != current);
	mn_lock(subs);
	hlist_del(&scope->node);
	mn_unlock(subs);
}
EXPORT_SYMBOL_GPL(mmu_notifier_scope_end);
