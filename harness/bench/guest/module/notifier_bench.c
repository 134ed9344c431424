// SPDX-License-Identifier: GPL-2.0
/*
 * Trivial subscribers of the MMU notifiers, for measuring; see uapi.h.
 *
 * Only the API of 6.12 is used, so that the same module measures a kernel
 * with and one without the series.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "uapi.h"

#define NB_MAX	8192

struct nb_sub {
	struct list_head link;
	unsigned int kind;
	struct mmu_notifier mn;
	struct mmu_interval_notifier interval;
};

/* Of an open file, which one task uses. */
struct nb_file {
	struct mm_struct *mm;
	struct list_head subs;
	struct mmu_notifier_range *held;
	unsigned int nr_held;
	int (*start)(struct mmu_notifier_range *range);
	void (*end)(struct mmu_notifier_range *range);
};

static int nb_start(struct mmu_notifier *mn,
		    const struct mmu_notifier_range *range)
{
	return 0;
}

static void nb_end(struct mmu_notifier *mn,
		   const struct mmu_notifier_range *range)
{
}

static bool nb_invalidate(struct mmu_interval_notifier *interval,
			  const struct mmu_notifier_range *range,
			  unsigned long seq)
{
	mmu_interval_set_seq(interval, seq);
	return true;
}

static const struct mmu_notifier_ops nb_ops = {
	.invalidate_range_start = nb_start,
	.invalidate_range_end = nb_end,
};

static const struct mmu_interval_notifier_ops nb_interval_ops = {
	.invalidate = nb_invalidate,
};

static int nb_register(struct nb_file *file, const struct nb_add *add,
		       unsigned int i)
{
	struct nb_sub *sub = kzalloc(sizeof(*sub), GFP_KERNEL);
	int ret;

	if (!sub)
		return -ENOMEM;
	sub->kind = add->kind;
	sub->mn.ops = &nb_ops;
	if (sub->kind == NB_LIST)
		ret = mmu_notifier_register(&sub->mn, file->mm);
	else
		ret = mmu_interval_notifier_insert(&sub->interval, file->mm,
						   add->start + i * add->stride,
						   add->length,
						   &nb_interval_ops);
	if (ret)
		kfree(sub);
	else
		list_add(&sub->link, &file->subs);
	return ret;
}

static long nb_add(struct nb_file *file, const struct nb_add *add)
{
	unsigned int i;
	int ret = 0;

	if (add->kind > NB_INTERVAL || add->count > NB_MAX)
		return -EINVAL;
	for (i = 0; i < add->count && !ret; i++)
		ret = nb_register(file, add, i);
	return ret;
}

static long nb_del_all(struct nb_file *file)
{
	struct nb_sub *sub, *next;

	list_for_each_entry_safe(sub, next, &file->subs, link) {
		if (sub->kind == NB_LIST)
			mmu_notifier_unregister(&sub->mn, file->mm);
		else
			mmu_interval_notifier_remove(&sub->interval);
		list_del(&sub->link);
		kfree(sub);
	}
	return 0;
}

/* As mm/ does it: without subscribers the functions are not even called. */
static void nb_range_start(struct nb_file *file,
			   struct mmu_notifier_range *range,
			   const struct nb_ranges *ranges, unsigned int i)
{
	unsigned long start = ranges->start + i * ranges->stride;

	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, file->mm, start,
				start + ranges->length);
	if (!mm_has_notifiers(file->mm))
		return;
	range->flags |= MMU_NOTIFIER_RANGE_BLOCKABLE;
	file->start(range);
}

static void nb_range_end(struct nb_file *file,
			 struct mmu_notifier_range *range)
{
#ifdef MMU_NOTIFIER_RANGE_TRACKED
	/* Here the range knows whether its start was seen. */
	if (range->flags & MMU_NOTIFIER_RANGE_TRACKED)
		file->end(range);
#else
	if (mm_has_notifiers(file->mm))
		file->end(range);
#endif
}

static long nb_hold(struct nb_file *file, const struct nb_ranges *ranges)
{
	if (!file->start || file->held || ranges->count > NB_MAX ||
	    !mm_has_notifiers(file->mm))
		return -EINVAL;
	file->held = kvcalloc(ranges->count, sizeof(*file->held), GFP_KERNEL);
	if (!file->held)
		return -ENOMEM;
	for (; file->nr_held < ranges->count; file->nr_held++)
		nb_range_start(file, &file->held[file->nr_held], ranges,
			       file->nr_held);
	return 0;
}

static long nb_let_go(struct nb_file *file)
{
	while (file->nr_held)
		nb_range_end(file, &file->held[--file->nr_held]);
	kvfree(file->held);
	file->held = NULL;
	return 0;
}

static long nb_loop(struct nb_file *file, const struct nb_ranges *ranges)
{
	struct mmu_notifier_range range;
	unsigned int i;

	if (!file->start)
		return -EINVAL;
	for (i = 0; i < ranges->count; i++) {
		nb_range_start(file, &range, ranges, i);
		nb_range_end(file, &range);
	}
	return 0;
}

static long nb_functions(struct nb_file *file, const struct nb_functions *fns)
{
	file->start = (void *)(unsigned long)fns->start;
	file->end = (void *)(unsigned long)fns->end;
	return 0;
}

union nb_arg {
	struct nb_add add;
	struct nb_ranges ranges;
	struct nb_functions functions;
};

static long nb_ioctl(struct file *filp, unsigned int cmd, unsigned long user)
{
	struct nb_file *file = filp->private_data;
	union nb_arg arg = {};

	if (_IOC_SIZE(cmd) > sizeof(arg) || current->mm != file->mm)
		return -EINVAL;
	if (copy_from_user(&arg, (void __user *)user, _IOC_SIZE(cmd)))
		return -EFAULT;
	switch (cmd) {
	case NB_ADD:
		return nb_add(file, &arg.add);
	case NB_DEL_ALL:
		return nb_del_all(file);
	case NB_FUNCTIONS:
		return nb_functions(file, &arg.functions);
	case NB_HOLD:
		return nb_hold(file, &arg.ranges);
	case NB_LET_GO:
		return nb_let_go(file);
	case NB_LOOP:
		return nb_loop(file, &arg.ranges);
	}
	return -ENOTTY;
}

static int nb_open(struct inode *inode, struct file *filp)
{
	struct nb_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	INIT_LIST_HEAD(&file->subs);
	file->mm = current->mm;
	mmgrab(file->mm);
	filp->private_data = file;
	return 0;
}

static int nb_close(struct inode *inode, struct file *filp)
{
	struct nb_file *file = filp->private_data;

	nb_let_go(file);
	nb_del_all(file);
	mmdrop(file->mm);
	kfree(file);
	return 0;
}

static const struct file_operations nb_fops = {
	.owner = THIS_MODULE,
	.open = nb_open,
	.release = nb_close,
	.unlocked_ioctl = nb_ioctl,
};

static struct miscdevice nb_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "notifier_bench",
	.fops = &nb_fops,
	.mode = 0600,
};

module_misc_device(nb_device);
MODULE_DESCRIPTION("Trivial subscribers of the MMU notifiers, for measuring");
MODULE_LICENSE("GPL");
