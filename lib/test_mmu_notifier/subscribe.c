// SPDX-License-Identifier: GPL-2.0
/*
 * Making and ending test subscriptions.
 */
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

atomic_t mnt_subs;
atomic_t mnt_unpaired;

/**
 * mnt_alloc() - a subscription that is not registered yet
 * @kind: enum mnt_kind
 *
 * Return: the subscription, with one reference, or NULL.
 */
struct mnt_sub *mnt_alloc(unsigned int kind)
{
	struct mnt_sub *sub = kzalloc(sizeof(*sub), GFP_KERNEL);

	if (!sub)
		return NULL;
	atomic_inc(&mnt_subs);
	kref_init(&sub->refs);
	init_rwsem(&sub->live);
	spin_lock_init(&sub->lock);
	init_waitqueue_head(&sub->wq);
	INIT_LIST_HEAD(&sub->filters);
	sub->kind = kind;
	if (kind == MNT_AGE)
		sub->mn.ops = &mnt_age_ops;
	else if (kind == MNT_AGE_SLEEPS)
		sub->mn.ops = &mnt_age_sleeps_ops;
	else
		sub->mn.ops = &mnt_ops[kind];
	return sub;
}

static void mnt_free(struct kref *refs)
{
	struct mnt_sub *sub = container_of(refs, struct mnt_sub, refs);
	const struct mnt_stats *stats = &sub->stats;

	if (stats->open || stats->stray || stats->open_at_del ||
	    stats->after_del)
		atomic_inc(&mnt_unpaired);
	atomic_dec(&mnt_subs);
	kvfree(sub->mirror);
	mnt_free_filters(sub);
	kfree(sub);
}

/**
 * mnt_put() - drop a reference
 * @sub: the subscription
 */
void mnt_put(struct mnt_sub *sub)
{
	kref_put(&sub->refs, mnt_free);
}

/**
 * mnt_find() - look up a subscription
 * @file: the open file
 * @id:   its number
 *
 * Return: the subscription with a reference, or NULL.
 */
struct mnt_sub *mnt_find(struct mnt_file *file, u32 id)
{
	struct mnt_sub *sub;

	xa_lock(&file->subs);
	sub = xa_load(&file->subs, id);
	if (sub)
		kref_get(&sub->refs);
	xa_unlock(&file->subs);
	return sub;
}

/**
 * mnt_get_mm() - the mm of a process
 * @pid: as the caller sees it; 0 is the caller
 *
 * Return: the mm with an mmget() reference, or NULL.
 */
struct mm_struct *mnt_get_mm(s32 pid)
{
	struct mm_struct *mm = NULL;
	struct task_struct *task;
	struct pid *ref;

	if (!pid)
		return get_task_mm(current);
	ref = find_get_pid(pid);
	task = get_pid_task(ref, PIDTYPE_PID);
	put_pid(ref);
	if (task) {
		mm = get_task_mm(task);
		put_task_struct(task);
	}
	return mm;
}

/* Register by mmu_notifier_get(), which may find the one that is there. */
static struct mnt_sub *mnt_get(struct mm_struct *mm,
			       const struct mnt_add *add, u64 *ns)
{
	struct mmu_notifier *mn;
	struct mnt_sub *sub;
	u64 began = ktime_get_ns();

	mn = mmu_notifier_get(&mnt_ops[MNT_GET], mm);
	*ns = ktime_get_ns() - began;
	if (IS_ERR(mn))
		return ERR_CAST(mn);
	sub = container_of(mn, struct mnt_sub, mn);
	/* The core has the other reference, until free_notifier. */
	kref_get(&sub->refs);
	sub->mm = mm;
	if (mnt_mirror_alloc(sub, add->start, add->length)) {
		mmu_notifier_put(mn);
		mnt_put(sub);
		return ERR_PTR(-ENOMEM);
	}
	return sub;
}

/* Has a callout already made the put that is due? */
static bool mnt_was_put(struct mnt_sub *sub)
{
	bool was_put;

	spin_lock(&sub->lock);
	was_put = sub->puts;
	if (was_put)
		sub->puts--;
	spin_unlock(&sub->lock);
	return was_put;
}

static void mnt_unregister(struct mnt_sub *sub)
{
	down_write(&sub->live);
	sub->left = true;
	up_write(&sub->live);
	switch (sub->kind) {
	case MNT_GET:
		if (!mnt_was_put(sub))
			mmu_notifier_put(&sub->mn);
		return;
	case MNT_INTERVAL:
		mmu_interval_notifier_remove(&sub->interval);
		mnt_note_ended(sub);
		return;
	default:
		mmu_notifier_unregister(&sub->mn, sub->mm);
		mnt_note_ended(sub);
	}
}

/* What it was registered for, or everything. */
static int mnt_first_filter(struct mnt_sub *sub, const struct mnt_add *add)
{
	const struct mnt_filter filter = {
		.start = add->start,
		.length = add->length ?: -PAGE_SIZE,
	};

	return mnt_filter(sub, &filter);
}

static struct mnt_sub *mnt_register(struct mm_struct *mm,
				    const struct mnt_add *add, u64 *ns)
{
	struct mnt_sub *sub = mnt_alloc(add->kind);
	bool unmaps_only = add->flags & MNT_UNMAPS_ONLY;
	u64 began;
	int ret;

	if (!sub)
		return ERR_PTR(-ENOMEM);
	if (unmaps_only && add->kind == MNT_LIST)
		sub->mn.ops = &mnt_unmap_ops;
	sub->mm = mm;
	ret = mnt_mirror_alloc(sub, add->start, add->length);
	began = ktime_get_ns();
	if (ret)
		;
	else if (add->kind == MNT_INTERVAL)
		ret = mmu_interval_notifier_insert(&sub->interval, mm,
						   add->start, add->length,
						   unmaps_only ?
						   &mnt_interval_unmap_ops :
						   &mnt_interval_ops);
	else
		ret = mmu_notifier_register(&sub->mn, mm);
	*ns = ktime_get_ns() - began;
	if (!ret && add->kind == MNT_FILTERED) {
		ret = mnt_first_filter(sub, add);
		if (ret)
			mnt_unregister(sub);
	}
	if (!ret)
		return sub;
	mnt_put(sub);
	return ERR_PTR(ret);
}

/**
 * mnt_add() - MNT_ADD
 * @file: the open file
 * @add:  what to subscribe to; the number and the time are stored in it
 *
 * Return: 0 or an error, among them what the registration returned.
 */
long mnt_add(struct mnt_file *file, struct mnt_add *add)
{
	struct mm_struct *mm;
	struct mnt_sub *sub;
	int ret;

	if (add->kind >= MNT_NR_ALL_KINDS ||
	    add->flags & ~(MNT_SIGNALLED | MNT_UNMAPS_ONLY))
		return -EINVAL;
	if (add->kind >= MNT_AGE && !mnt_has_age())
		return -EOPNOTSUPP;
	mm = mnt_get_mm(add->pid);
	if (!mm)
		return -ESRCH;
	if (add->flags & MNT_SIGNALLED)
		send_sig(SIGUSR1, current, 1);
	if (add->kind == MNT_GET)
		sub = mnt_get(mm, add, &add->ns);
	else
		sub = mnt_register(mm, add, &add->ns);
	mmput(mm);
	if (IS_ERR(sub))
		return PTR_ERR(sub);

	ret = xa_alloc(&file->subs, &add->id, sub, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		mnt_unregister(sub);
		mnt_put(sub);
		return ret;
	}
	xa_set_mark(&file->subs, add->id, MNT_LIVE);
	return 0;
}

/* Claim the end of a subscription, so that it is done once. */
static bool mnt_claim(struct mnt_file *file, u32 id)
{
	bool live;

	xa_lock(&file->subs);
	live = xa_get_mark(&file->subs, id, MNT_LIVE);
	__xa_clear_mark(&file->subs, id, MNT_LIVE);
	xa_unlock(&file->subs);
	return live;
}

/**
 * mnt_del() - MNT_DEL
 * @file: the open file
 * @del:  which; the time is stored in it
 *
 * Return: 0, or -ENOENT if there is none of this number or it has ended.
 */
long mnt_del(struct mnt_file *file, struct mnt_del *del)
{
	struct mnt_sub *sub = mnt_find(file, del->id);
	long ret = -ENOENT;
	u64 began;

	if (!sub)
		return ret;
	if (mnt_claim(file, del->id)) {
		began = ktime_get_ns();
		mnt_unregister(sub);
		del->ns = ktime_get_ns() - began;
		ret = 0;
	}
	mnt_put(sub);
	return ret;
}

/**
 * mnt_del_all() - the file is closed
 * @file: the open file, which nobody uses any more
 */
void mnt_del_all(struct mnt_file *file)
{
	struct mnt_sub *sub;
	unsigned long id;

	xa_for_each(&file->subs, id, sub)
		mnt_let_go(sub);
	xa_for_each(&file->subs, id, sub) {
		if (mnt_claim(file, id))
			mnt_unregister(sub);
		mnt_put(sub);
	}
	xa_destroy(&file->subs);
}
