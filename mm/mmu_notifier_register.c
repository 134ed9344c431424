// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: who subscribes, from when, and until when.
 *
 * Coming.  The first subscriber of an mm publishes the subscriptions and then
 * drains what nobody tracks (mmu_notifier_flush.c).  A later one joins the
 * list and waits for the ranges that were in flight by then, which do not
 * know it; mostly there are none.
 *
 * Going.  Three can end a list subscription: exit_mmap() through
 * mmu_notifier_release(), mmu_notifier_unregister() and mmu_notifier_put().
 * The one that sets 'claimed' completes it; unregister, if it is late, waits
 * until the other is through.  Completing it means, in this order:
 *
 *  1. call release, if it is due, while all other callouts still come (the
 *     translations are there, so they are needed);
 *  2. set 'leaving' and withdraw from ranges: those that start from now on,
 *     and those in flight that have not come to it, pass the subscriber over;
 *  3. wait for callouts running on it;
 *  4. call the ends that ranges in flight owe it;
 *  5. take it off the list, and wait for an RCU grace period, because the
 *     non-sleeping callouts take no pins.
 *
 * The wait in 3 is for this subscriber alone.  The grace period in 5 is
 * expedited: readers of RCU do not sleep, so it is short whatever callouts do.
 *
 * When the last subscription has gone, the pointer in the mm is NULL again.
 */
#include <linux/export.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <trace/events/mmu_notifier.h>

#include "mmu_notifier_internal.h"

/* Completes mmu_notifier_put(); its own, so that it can be flushed. */
static struct workqueue_struct *mn_put_wq;

#ifdef CONFIG_LOCKDEP
static struct lockdep_map mn_release_map = {
	.name = "mmu_notifier_release"
};
#endif

/**
 * mn_drop() - give up a use of the subscriptions
 * @subs: the subscriptions, locked; unlocked on return
 * @mm:   their mm
 *
 * The last user takes them out of the mm, under the lock, so that whoever
 * finds the pointer and then a user under the lock has found them published.
 */
void mn_drop(struct mmu_notifier_subscriptions *subs, struct mm_struct *mm)
{
	mn_assert_locked(subs);
	if (!--subs->users)
		RCU_INIT_POINTER(mm->notifier_subscriptions, NULL);
	mn_maybe_free(subs);
}

/**
 * mn_hold() - use the subscriptions of an mm
 * @mm: the mm
 *
 * Return: the subscriptions, to be given up by mn_drop(), or NULL if there are
 * none or the first registration is still draining.
 */
struct mmu_notifier_subscriptions *mn_hold(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs;

	rcu_read_lock();
	subs = rcu_dereference(mm->notifier_subscriptions);
	if (subs) {
		mn_lock(subs);
		if (subs->users && subs->ready) {
			subs->users++;
			mn_unlock(subs);
		} else {
			mn_unlock(subs);
			subs = NULL;
		}
	}
	rcu_read_unlock();
	return subs;
}

static struct mmu_notifier_subscriptions *mn_alloc(void)
{
	struct mmu_notifier_subscriptions *subs;

	subs = kzalloc(sizeof(*subs), GFP_KERNEL);
	if (!subs)
		return NULL;
	/* Begin shortly before the wrap, so that it is ordinary business. */
	range_tracker_init(&subs->tracker, -100UL);
	subs->seq = -199UL;
	subs->intervals = RB_ROOT_CACHED;
	subs->users = 1;
	init_waitqueue_head(&subs->wq);
	return subs;
}

/* Give @sub a slot, if it wants starts or ends and there is one. */
static void mn_slot_join(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub)
{
	const struct mmu_notifier_ops *ops = sub->ops;
	unsigned int event;

	sub->slot = -1;
	sub->slotless = false;
	if (!ops->invalidate_range_start && !ops->invalidate_range_end)
		return;
	if (!~subs->slots) {
		sub->slotless = true;
		subs->slotless++;
		return;
	}
	/* From the top, as those who came last are called first. */
	sub->slot = fls64(~subs->slots) - 1;
	subs->slots |= BIT_ULL(sub->slot);
	WRITE_ONCE(subs->slot[sub->slot], sub);
	for (event = 0; event < MMU_NOTIFY_NR_EVENTS; event++)
		if (mmu_notifier_wants(ops->events, event))
			subs->wants[event] |= BIT_ULL(sub->slot);
	if (ops->filtered)
		subs->filtered |= BIT_ULL(sub->slot);
	subs->live |= BIT_ULL(sub->slot);
	if (ops->invalidate_range_end)
		WRITE_ONCE(subs->ends, subs->ends | BIT_ULL(sub->slot));
}

/* Put @sub on the list.  Ranges that are in flight do not know it. */
static void mn_list_join(struct mmu_notifier_subscriptions *subs,
			 struct mmu_notifier *sub)
{
	mn_assert_locked(subs);
	sub->pins = 0;
	sub->claimed = false;
	sub->by_put = false;
	sub->leaving = false;
	sub->gone = false;
	sub->seq = ++subs->list_seq;
	mn_filter_init(sub);
	mn_slot_join(subs, sub);
	hlist_add_head_rcu(&sub->hlist, &subs->list);
}

/**
 * mn_wait_ranges() - wait for the ranges in flight that began before now
 * @subs:  the subscriptions, locked; unlocked meanwhile
 * @state: TASK_UNINTERRUPTIBLE or TASK_INTERRUPTIBLE
 *
 * Return: 0, or -ERESTARTSYS.
 */
int mn_wait_ranges(struct mmu_notifier_subscriptions *subs, unsigned int state)
{
	struct range_ticket ticket;
	int ret;

	mn_assert_locked(subs);
	range_ticket_init(&ticket, 0, ULONG_MAX);
	range_ticket_register(&subs->tracker, &ticket);
	mn_unlock(subs);
	ret = range_ticket_wait(&ticket, state);
	mn_lock(subs);
	range_ticket_unregister(&subs->tracker, &ticket);
	return ret;
}

/* Take @sub out of the choice of each range in flight.  Was it in any? */
static bool mn_slot_withdraw(struct mmu_notifier_subscriptions *subs,
			     const struct mmu_notifier *sub)
{
	u64 bit = BIT_ULL(sub->slot);
	struct mmu_notifier_range *range;
	bool found = false;

	mn_for_each_range(range, subs, 0, ULONG_MAX) {
		u64 todo = READ_ONCE(range->todo);

		if (!(todo & bit))
			continue;
		WRITE_ONCE(range->todo, todo & ~bit);
		found = true;
	}
	return found;
}

/* What a callout may look at; the owner is busy with the rest. */
static void mn_copy_range(struct mmu_notifier_range *copy,
			  const struct mmu_notifier_range *range)
{
	memset(copy, 0, sizeof(*copy));
	copy->mm = range->mm;
	copy->start = range->start;
	copy->end = range->end;
	copy->flags = range->flags;
	copy->event = range->event;
	copy->cause = range->cause;
	copy->owner = range->owner;
	copy->subs = range->subs;
	copy->began = range->began;
}

/*
 * Some range in flight that owes an end to slot @bit, copied to @copy, and its
 * account closed.  Accounts with no debt are closed on the way, for the slot
 * may soon be another's.  No callout runs on the slot any more, so the notes
 * about it change no more (H).
 */
static bool mn_take_debt(struct mmu_notifier_subscriptions *subs, u64 bit,
			 struct mmu_notifier_range *copy)
{
	struct mmu_notifier_range *range;

	mn_for_each_range(range, subs, 0, ULONG_MAX) {
		if (range->paid & bit)
			continue;
		range->paid |= bit;
		if (READ_ONCE(range->owed) & bit) {
			mn_copy_range(copy, range);
			return true;
		}
	}
	return false;
}

/* Steps 2 to 4 of going, for those who have a slot. */
static void mn_slot_settle(struct mmu_notifier_subscriptions *subs,
			   struct mmu_notifier *sub)
{
	u64 bit = BIT_ULL(sub->slot);
	struct mmu_notifier_range copy;
	unsigned int event;

	subs->live &= ~bit;
	/* An owner that comes to its end meanwhile chooses us once more. */
	for (;;) {
		if (mn_slot_withdraw(subs, sub)) {
			mn_wait_called(subs, sub);
		} else if (mn_take_debt(subs, bit, &copy)) {
			if (!sub->ops->invalidate_range_end)
				continue;
			mn_unlock(subs);
			mn_call_end(sub, &copy);
			mn_lock(subs);
		} else {
			break;
		}
	}
	for (event = 0; event < MMU_NOTIFY_NR_EVENTS; event++)
		subs->wants[event] &= ~bit;
	subs->filtered &= ~bit;
	WRITE_ONCE(subs->slot[sub->slot], NULL);
	WRITE_ONCE(subs->ends, subs->ends & ~bit);
	subs->slots &= ~bit;
}

/*
 * Steps 2 to 4 of going, and off the list.  The lock is dropped and retaken;
 * a grace period is still due before @sub may be freed.
 */
static void mn_settle(struct mmu_notifier_subscriptions *subs,
		      struct mmu_notifier *sub)
{
	mn_assert_locked(subs);
	sub->leave = subs->tracker.started;
	WRITE_ONCE(sub->leaving, true);
	mn_filter_drop(subs, sub);
	if (sub->slot >= 0)
		mn_slot_settle(subs, sub);
	mn_slotless_settle(subs, sub);
	hlist_del_init_rcu(&sub->hlist);
}

/* Step 1 of going. */
static void mn_call_release(struct mmu_notifier_subscriptions *subs,
			    struct mmu_notifier *sub, struct mm_struct *mm)
{
	const struct mmu_notifier_range range = {
		.mm = mm,
		.end = ULONG_MAX,
		.event = MMU_NOTIFY_RELEASE,
		.cause = MMU_CAUSE_RELEASE,
	};
	u64 began = mn_trace_clock(mmu_notifier_callout);

	mn_assert_locked(subs);
	if (!sub->ops->release)
		return;
	sub->pins++;
	mn_unlock(subs);
	lock_map_acquire(&mn_release_map);
	sub->ops->release(sub, mm);
	lock_map_release(&mn_release_map);
	trace_mmu_notifier_callout(&range, MN_OP_RELEASE, sub->ops->release, 0,
				   began);
	mn_lock(subs);
	mn_unpin(subs, &sub->pins, sub->leaving);
}

/* Take @sub back after a registration that did not come about. */
static void mn_unjoin(struct mmu_notifier_subscriptions *subs,
		      struct mmu_notifier *sub)
{
	mn_lock(subs);
	sub->claimed = true;
	mn_settle(subs, sub);
	mn_unlock(subs);
	synchronize_rcu_expedited();
}

/* Join subscriptions that others have made ready. */
static int mn_join(struct mmu_notifier_subscriptions *subs,
		   struct mmu_notifier *sub)
{
	int ret = 0;

	if (!sub)
		return 0;
	mn_lock(subs);
	mn_list_join(subs, sub);
	if (subs->tracker.nr)
		ret = mn_wait_ranges(subs, TASK_INTERRUPTIBLE);
	mn_unlock(subs);
	return ret ? -EINTR : 0;
}

/* Make and publish subscriptions; wait until all invalidations see them. */
static int mn_found(struct mmu_notifier_subscriptions *subs,
		    struct mm_struct *mm, struct mmu_notifier *sub)
{
	int ret;

	if (sub) {
		mn_lock(subs);
		mn_list_join(subs, sub);
		mn_unlock(subs);
	}
	/* (F): pairs with the locks that mn_flush_untracked() drains */
	rcu_assign_pointer(mm->notifier_subscriptions, subs);
	ret = mn_flush_untracked(mm);
	if (ret)
		return ret;
	mn_lock(subs);
	subs->ready = true;
	mn_unlock(subs);
	return 0;
}

/**
 * mn_create() - subscribe, the first of the mm or not
 * @mm:  the mm
 * @sub: a list subscriber to add, or NULL to just hold the subscriptions
 *
 * Context: May sleep.  Caller holds mmap_lock for write.
 * Return: 0 with a use of the subscriptions, which mn_drop() gives up;
 * -ENOMEM; -EINTR if a signal is pending.
 */
int mn_create(struct mm_struct *mm, struct mmu_notifier *sub)
{
	struct mmu_notifier_subscriptions *subs;
	int ret;

	mmap_assert_write_locked(mm);
	subs = mn_hold(mm);
	if (subs) {
		ret = mn_join(subs, sub);
	} else {
		subs = mn_alloc();
		if (!subs)
			return -ENOMEM;
		ret = mn_found(subs, mm, sub);
	}
	/*
	 * (E): the pointer is out before a device walks this page table; see
	 * __mmu_notifier_arch_invalidate_secondary_tlbs().
	 */
	smp_mb();
	if (!ret)
		return 0;

	if (sub)
		mn_unjoin(subs, sub);
	mn_lock(subs);
	mn_drop(subs, mm);
	return ret;
}

/**
 * __mmu_notifier_register() - subscribe to an mm whose mmap_lock is held
 * @subscription: the subscription, with @ops set; memory of the caller's
 * @mm: the mm; the caller holds an mmget() reference
 *
 * In force on return: every later change of the page table calls out, and
 * none that began before is still in progress.
 *
 * Context: May sleep.  Caller holds mmap_lock for write.
 * Return: 0; -EINVAL if the ops contradict each other; -ENOMEM; -EINTR if a
 * signal is pending.
 */
int __mmu_notifier_register(struct mmu_notifier *subscription,
			    struct mm_struct *mm)
{
	const struct mmu_notifier_ops *ops = subscription->ops;
	u64 began = mn_trace_clock(mmu_notifier_register);
	int ret;

	mmap_assert_write_locked(mm);
	/* exit_mmap() must not have begun. */
	if (WARN_ON_ONCE(!atomic_read(&mm->mm_users)))
		return -EINVAL;
	/* A device either walks the CPU's page table or has its own. */
	if (WARN_ON_ONCE(ops->arch_invalidate_secondary_tlbs &&
			 (ops->invalidate_range_start ||
			  ops->invalidate_range_end)))
		return -EINVAL;

	/* It waits for invalidations in flight, hence for callouts. */
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);

	/* Pairs with mmdrop() in mmu_notifier_unregister() and _put(). */
	mmgrab(mm);
	subscription->mm = mm;
	subscription->users = 1;
	ret = mn_create(mm, subscription);
	if (ret)
		mmdrop(mm);
	trace_mmu_notifier_register(mm, ops, false, 0, ULONG_MAX, ret, began);
	return ret;
}
EXPORT_SYMBOL_GPL(__mmu_notifier_register);

/**
 * mmu_notifier_register() - subscribe to an mm
 * @subscription: the subscription, with @ops set; memory of the caller's
 * @mm: the mm; the caller holds an mmget() reference
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: as __mmu_notifier_register().
 */
int mmu_notifier_register(struct mmu_notifier *subscription,
			  struct mm_struct *mm)
{
	int ret;

	mmap_write_lock(mm);
	ret = __mmu_notifier_register(subscription, mm);
	mmap_write_unlock(mm);
	return ret;
}
EXPORT_SYMBOL_GPL(mmu_notifier_register);

/* The locks that callouts take, and callouts as such, as lockdep sees them. */
static void mn_waits_for_callouts(void)
{
	lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
	lock_map_release(&__mmu_notifier_invalidate_range_start_map);
	lock_map_acquire(&mn_release_map);
	lock_map_release(&mn_release_map);
}

/**
 * mmu_notifier_unregister() - end a subscription
 * @subscription: the subscription; free for reuse on return
 * @mm: its mm
 *
 * Calls release, unless exit_mmap() did or does; then waits for that.
 *
 * Context: May sleep.  Not from inside a callout of this subscription, and
 * not under a lock that its callouts take.
 */
void mmu_notifier_unregister(struct mmu_notifier *subscription,
			     struct mm_struct *mm)
{
	u64 began = mn_trace_clock(mmu_notifier_unregister);
	struct mmu_notifier_subscriptions *subs = mn_of(mm);
	const struct mmu_notifier_ops *ops = subscription->ops;
	bool ours;

	might_sleep();
	mn_waits_for_callouts();
	/* A driver that did not look whether it was registered. */
	if (WARN_ON_ONCE(!subs))
		return;
	mn_lock(subs);
	ours = !subscription->claimed;
	subscription->claimed = true;
	if (ours) {
		mn_call_release(subs, subscription, mm);
		mn_settle(subs, subscription);
		/* exit_mmap() waits for the list to empty. */
		wake_up_all(&subs->wq);
	} else {
		mn_wait(subs, subscription->gone);
	}
	mn_unlock(subs);
	if (ours)
		synchronize_rcu_expedited();

	mn_lock(subs);
	mn_drop(subs, mm);
	trace_mmu_notifier_unregister(mm, ops, false, 0, ULONG_MAX, 0, began);
	mmdrop(mm);
}
EXPORT_SYMBOL_GPL(mmu_notifier_unregister);

/**
 * mmu_notifier_ranges() - the ranges in flight in a subscriber's mm
 * @subscription: a registered subscription
 *
 * For subscribers that make translations on demand and check by ticket, not in
 * their callouts, whether an invalidation came in between.
 *
 * Context: Any.
 * Return: the tracker; it lives until the subscription ends.
 */
struct range_tracker *mmu_notifier_ranges(struct mmu_notifier *subscription)
{
	return &mn_of(subscription->mm)->tracker;
}
EXPORT_SYMBOL_GPL(mmu_notifier_ranges);

/* Find a live subscriber with these ops, and count one more user of it. */
static struct mmu_notifier *mn_find_get(struct mm_struct *mm,
					const struct mmu_notifier_ops *ops)
{
	struct mmu_notifier_subscriptions *subs = mn_hold(mm);
	struct mmu_notifier *sub, *found = NULL;

	if (!subs)
		return NULL;
	mn_lock(subs);
	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (sub->ops != ops || sub->claimed)
			continue;
		found = sub;
		if (sub->users == UINT_MAX)
			found = ERR_PTR(-EOVERFLOW);
		else
			sub->users++;
		break;
	}
	mn_drop(subs, mm);
	return found;
}

/**
 * mmu_notifier_get_locked() - the subscription of an mm for some ops
 * @ops: the callouts, with alloc_notifier and free_notifier
 * @mm:  the mm; the caller holds mmap_lock for write
 *
 * There is one subscription for each pair of @ops and @mm; it is made by the
 * first get and goes with the last mmu_notifier_put().
 *
 * Context: May sleep.  Caller holds mmap_lock for write.
 * Return: the subscription, or an error as __mmu_notifier_register() and
 * alloc_notifier give them.
 */
struct mmu_notifier *mmu_notifier_get_locked(const struct mmu_notifier_ops *ops,
					     struct mm_struct *mm)
{
	struct mmu_notifier *sub;
	int ret;

	mmap_assert_write_locked(mm);
	sub = mn_find_get(mm, ops);
	if (sub)
		return sub;
	sub = ops->alloc_notifier(mm);
	if (IS_ERR(sub))
		return sub;
	sub->ops = ops;
	ret = __mmu_notifier_register(sub, mm);
	if (ret) {
		ops->free_notifier(sub);
		return ERR_PTR(ret);
	}
	return sub;
}
EXPORT_SYMBOL_GPL(mmu_notifier_get_locked);

/**
 * mmu_notifier_get() - the subscription of an mm for some ops
 * @ops: the callouts, with alloc_notifier and free_notifier
 * @mm:  the mm; the caller holds an mmget() reference
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: as mmu_notifier_get_locked().
 */
struct mmu_notifier *mmu_notifier_get(const struct mmu_notifier_ops *ops,
				      struct mm_struct *mm)
{
	struct mmu_notifier *sub;

	mmap_write_lock(mm);
	sub = mmu_notifier_get_locked(ops, mm);
	mmap_write_unlock(mm);
	return sub;
}
EXPORT_SYMBOL_GPL(mmu_notifier_get);

/* The rest of the last mmu_notifier_put(). */
static void mn_put_work(struct work_struct *work)
{
	struct mmu_notifier *sub = container_of(work, struct mmu_notifier,
						work);
	struct mm_struct *mm = sub->mm;
	struct mmu_notifier_subscriptions *subs = mn_of(mm);

	mn_lock(subs);
	if (sub->by_put) {
		mn_settle(subs, sub);
		wake_up_all(&subs->wq);
	} else {
		/* exit_mmap() was first, or did not wait for this worker. */
		mn_wait(subs, sub->gone);
	}
	mn_unlock(subs);
	synchronize_rcu();
	trace_mmu_notifier_unregister(mm, sub->ops, false, 0, ULONG_MAX, 0, 0);
	sub->ops->free_notifier(sub);
	mn_lock(subs);
	mn_drop(subs, mm);
	mmdrop(mm);
}

/**
 * mmu_notifier_put() - one user less of a subscription
 * @subscription: what mmu_notifier_get() returned
 *
 * With the last user the subscription ends, without a release callout:
 * ops->free_notifier is called once no callout runs any more, some time
 * later.  Until then callouts may come.
 *
 * Context: Does not sleep.
 */
void mmu_notifier_put(struct mmu_notifier *subscription)
{
	struct mmu_notifier_subscriptions *subs = mn_of(subscription->mm);
	bool last = false;

	mn_lock(subs);
	if (!WARN_ON_ONCE(!subscription->users))
		last = !--subscription->users;
	/* Release itself may put; then exit_mmap() has claimed it. */
	if (last && !subscription->claimed) {
		subscription->claimed = true;
		subscription->by_put = true;
	}
	mn_unlock(subs);
	if (!last)
		return;
	/* Not sooner: one that is never put may be anywhere, even on a stack. */
	INIT_WORK(&subscription->work, mn_put_work);
	queue_work(mn_put_wq, &subscription->work);
}
EXPORT_SYMBOL_GPL(mmu_notifier_put);

/**
 * mmu_notifier_synchronize() - wait for every mmu_notifier_put() so far
 *
 * For module exit: on return no free_notifier callout is running or due.
 *
 * Context: May sleep.
 */
void mmu_notifier_synchronize(void)
{
	flush_workqueue(mn_put_wq);
}
EXPORT_SYMBOL_GPL(mmu_notifier_synchronize);

/*
 * Claim a subscriber for exit_mmap().  That includes what was put but not yet
 * worked on, since exit must not depend on a worker being found: the exit may
 * be what frees the memory for one.
 */
static struct mmu_notifier *
mn_claim_for_exit(struct mmu_notifier_subscriptions *subs, bool *release)
{
	struct mmu_notifier *sub;

	hlist_for_each_entry(sub, &subs->list, hlist) {
		if (sub->claimed && (!sub->by_put || sub->leaving))
			continue;
		*release = !sub->claimed;
		sub->claimed = true;
		sub->by_put = false;
		return sub;
	}
	return NULL;
}

/*
 * Release and settle all that nobody else has claimed, and return the chain
 * of them; wait for those that others have.
 */
static struct mmu_notifier *
mn_list_release(struct mmu_notifier_subscriptions *subs, struct mm_struct *mm)
{
	struct mmu_notifier *sub, *done = NULL;
	bool release;

	while ((sub = mn_claim_for_exit(subs, &release))) {
		if (release)
			mn_call_release(subs, sub, mm);
		mn_settle(subs, sub);
		sub->next_gone = done;
		done = sub;
	}
	mn_wait(subs, hlist_empty(&subs->list));
	return done;
}

/*
 * The body of mmu_notifier_release(): the mm has no user left, so nobody can
 * subscribe, but invalidations by reverse map walks go on.  On return no
 * subscriber has a translation.
 */
void __mmu_notifier_release(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = mn_hold(mm);
	struct mmu_notifier *done;

	if (!subs)
		return;
	mn_intervals_release(mm);

	mn_lock(subs);
	done = mn_list_release(subs, mm);
	mn_unlock(subs);
	if (done)
		synchronize_rcu_expedited();

	mn_lock(subs);
	/* From 'gone' on the owner may free it, once the lock is dropped. */
	for (; done; done = done->next_gone)
		done->gone = true;
	wake_up_all(&subs->wq);
	mn_drop(subs, mm);
}

/* mmdrop() of the last reference: every subscription held one. */
void __mmu_notifier_subscriptions_destroy(struct mm_struct *mm)
{
	WARN_ONCE(1, "mm %p freed with subscriptions\n", mm);
}

static int __init mn_init(void)
{
	mn_put_wq = alloc_workqueue("mmu_notifier", WQ_UNBOUND, 0);
	return mn_put_wq ? 0 : -ENOMEM;
}
core_initcall(mn_init);
