// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages were accessed through the secondary MMU, as user space says, and
 * the age op, which reports them.
 */
#include <linux/string.h>

#include "internal.h"

#ifdef MNT_HAS_AGE
#include <linux/mmu_notifier_age.h>
#endif

/**
 * mnt_take_accessed() - was any of these pages accessed?
 * @sub:   the subscription
 * @start: first address
 * @end:   address after the last
 * @clear: forget it
 *
 * Context: Any that allows a spinlock.
 * Return: true if one was.
 */
bool mnt_take_accessed(struct mnt_sub *sub, unsigned long start,
		       unsigned long end, bool clear)
{
	bool found = false;
	unsigned int i;

	spin_lock(&sub->lock);
	for (i = 0; i < MNT_ACCESSED_MAX; i++) {
		if (!sub->accessed[i] || sub->accessed[i] < start ||
		    sub->accessed[i] >= end)
			continue;
		found = true;
		if (clear)
			sub->accessed[i] = 0;
	}
	spin_unlock(&sub->lock);
	return found;
}

/**
 * mnt_set_accessed() - MNT_ACCESS
 * @sub: the subscription
 * @arg: the pages
 *
 * Return: 0, or -EINVAL.
 */
long mnt_set_accessed(struct mnt_sub *sub, const struct mnt_accessed *arg)
{
	if (arg->nr > MNT_ACCESSED_MAX)
		return -EINVAL;
	spin_lock(&sub->lock);
	memset(sub->accessed, 0, sizeof(sub->accessed));
	memcpy(sub->accessed, arg->pages, arg->nr * sizeof(arg->pages[0]));
	spin_unlock(&sub->lock);
	return 0;
}

/**
 * mnt_get_accessed() - MNT_ACCESSED
 * @sub: the subscription
 * @arg: pages accessed and not aged since, in the order they were given in
 *
 * Return: 0.
 */
long mnt_get_accessed(struct mnt_sub *sub, struct mnt_accessed *arg)
{
	unsigned int i;

	arg->nr = 0;
	spin_lock(&sub->lock);
	for (i = 0; i < MNT_ACCESSED_MAX; i++)
		if (sub->accessed[i])
			arg->pages[arg->nr++] = sub->accessed[i];
	spin_unlock(&sub->lock);
	return 0;
}

#ifdef MNT_HAS_AGE

/**
 * mnt_has_age() - does this kernel have the age op?
 *
 * Return: true if so.
 */
bool mnt_has_age(void)
{
	return true;
}

/* Report one run of pages, by the rule or as they were accessed. */
static int mnt_age_run(struct mnt_sub *sub,
		       const struct mmu_notifier_aging *aging,
		       unsigned long start, unsigned long end, bool all)
{
	bool clear = aging->flags & MMU_AGING_CLEAR;
	unsigned long step = aging->young ? PAGE_SIZE : end - start;
	unsigned long addr;
	int young = 0;

	for (addr = start; addr < end; addr += step) {
		if (!mnt_take_accessed(sub, addr, addr + step, clear) && !all)
			continue;
		mmu_notifier_aging_found(aging, addr, addr + step);
		young = 1;
	}
	return young;
}

static int mnt_age(struct mmu_notifier *mn,
		   const struct mmu_notifier_aging *aging)
{
	struct mnt_call call = {
		.op = MNT_OP_AGE,
		.start = aging->start,
		.end = aging->end,
		.event = aging->reason,
		.may_block = mmu_notifier_aging_blockable(aging),
	};
	unsigned long start, end = aging->start;
	struct mnt_sub *sub = to_sub(mn);
	struct mnt_rule rule;
	int young = 0;

	while (mmu_notifier_aging_run(aging, &start, &end))
		call.pages += (end - start) >> PAGE_SHIFT;
	rule = mnt_call(sub, &call);
	for (end = aging->start; mmu_notifier_aging_run(aging, &start, &end);)
		young |= mnt_age_run(sub, aging, start, end, rule.answer);
	if (!mmu_notifier_aging_more(aging))
		return young;
	for (end = aging->start; mmu_notifier_aging_run(aging, &start, &end);)
		young |= mnt_age_run(sub, aging, start, end, rule.answer);
	return young;
}

const struct mmu_notifier_ops mnt_age_ops = {
	.release = mnt_release,
	.age = mnt_age,
};

const struct mmu_notifier_ops mnt_age_sleeps_ops = {
	.release = mnt_release,
	.age = mnt_age,
	.age_may_sleep = true,
};

#else

const struct mmu_notifier_ops mnt_age_ops;
const struct mmu_notifier_ops mnt_age_sleeps_ops;

bool mnt_has_age(void)
{
	return false;
}

#endif /* MNT_HAS_AGE */
