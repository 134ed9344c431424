// SPDX-License-Identifier: GPL-2.0
/*
 * Test subscribers of the MMU notifiers, driven from user space.
 *
 * uapi.h says what the device can do.  All that a file subscribed to ends
 * with its last close.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define MNT_HOLD_MAX_MS		60000
#define MNT_DELAY_MAX_US	1000000
#define MNT_RULE_FLAGS		(MNT_UNKILLABLE | MNT_PUT | MNT_KEEP | MNT_ONCE)

atomic_t mnt_files;

static long mnt_rule(struct mnt_sub *sub, const struct mnt_rule *rule)
{
	if (rule->op >= MNT_NR_OPS || rule->flags & ~MNT_RULE_FLAGS ||
	    rule->hold_ms > MNT_HOLD_MAX_MS ||
	    rule->delay_us > MNT_DELAY_MAX_US)
		return -EINVAL;
	if (rule->flags & MNT_PUT && sub->kind != MNT_GET)
		return -EINVAL;
	mnt_set_rule(sub, rule);
	return 0;
}

static long mnt_stats(struct mnt_sub *sub, struct mnt_stats *stats)
{
	u32 id = stats->id;

	spin_lock(&sub->lock);
	*stats = sub->stats;
	spin_unlock(&sub->lock);
	stats->id = id;
	return 0;
}

static long mnt_log(struct mnt_sub *sub, struct mnt_log *log)
{
	void __user *to = u64_to_user_ptr(log->records);
	struct mnt_record *records;
	unsigned int i, first;
	long ret = 0;

	records = kcalloc(MNT_LOG_SIZE, sizeof(*records), GFP_KERNEL);
	if (!records)
		return -ENOMEM;
	spin_lock(&sub->lock);
	log->nr = min_t(unsigned int, sub->logged, MNT_LOG_SIZE);
	log->lost = sub->logged - log->nr;
	first = sub->logged - log->nr;
	for (i = 0; i < log->nr; i++)
		records[i] = sub->log[(first + i) % MNT_LOG_SIZE];
	sub->logged = 0;
	spin_unlock(&sub->lock);
	if (copy_to_user(to, records, log->nr * sizeof(*records)))
		ret = -EFAULT;
	kfree(records);
	return ret;
}

static long mnt_mm(struct mnt_mm *arg)
{
	struct mm_struct *mm = mnt_get_mm(arg->pid);

	if (!mm)
		return -ESRCH;
	arg->subscribed = mm_has_notifiers(mm);
	arg->count = atomic_read(&mm->mm_count);
#ifdef MMU_NOTIFIER_RANGE_TRACKED
	arg->tracks = 1;
#else
	arg->tracks = 0;
#endif
	mmput(mm);
	return 0;
}

static long mnt_totals(struct mnt_totals *totals)
{
	totals->subs = atomic_read(&mnt_subs);
	totals->files = atomic_read(&mnt_files);
	totals->unpaired = atomic_read(&mnt_unpaired);
	return 0;
}

/* The argument of any ioctl; those of one subscription begin with its id. */
union mnt_arg {
	u32 id;
	struct mnt_add add;
	struct mnt_del del;
	struct mnt_rule rule;
	struct mnt_stats stats;
	struct mnt_log log;
	struct mnt_read read;
	struct mnt_mirror mirror;
	struct mnt_fill fill;
	struct mnt_check check;
	struct mnt_filter filter;
	struct mnt_own own;
	struct mnt_accessed accessed;
	struct mnt_mm mm;
	struct mnt_totals totals;
};

static long mnt_of_sub(struct mnt_file *file, unsigned int cmd,
		       union mnt_arg *arg)
{
	struct mnt_sub *sub = mnt_find(file, arg->id);
	long ret = -ENOTTY;

	if (!sub)
		return -ENOENT;
	switch (cmd) {
	case MNT_RULE:
		ret = mnt_rule(sub, &arg->rule);
		break;
	case MNT_STATS:
		ret = mnt_stats(sub, &arg->stats);
		break;
	case MNT_LOG:
		ret = mnt_log(sub, &arg->log);
		break;
	case MNT_READ:
		ret = mnt_read(sub, &arg->read);
		break;
	case MNT_MIRROR:
		ret = mnt_mirror(sub, &arg->mirror);
		break;
	case MNT_FILL:
		ret = mnt_fill(sub, &arg->fill);
		break;
	case MNT_CHECK:
		ret = mnt_check(sub, &arg->check);
		break;
	case MNT_FILTER:
		ret = mnt_filter(sub, &arg->filter);
		break;
	case MNT_OWN:
		ret = mnt_own(sub, &arg->own);
		break;
	case MNT_ACCESS:
		ret = mnt_set_accessed(sub, &arg->accessed);
		break;
	case MNT_ACCESSED:
		ret = mnt_get_accessed(sub, &arg->accessed);
		break;
	}
	mnt_put(sub);
	return ret;
}

static long mnt_ioctl(struct file *filp, unsigned int cmd, unsigned long user)
{
	struct mnt_file *file = filp->private_data;
	void __user *to = (void __user *)user;
	unsigned int size = _IOC_SIZE(cmd);
	union mnt_arg arg = {};
	long ret;

	if (size > sizeof(arg))
		return -ENOTTY;
	if (copy_from_user(&arg, to, size))
		return -EFAULT;
	switch (cmd) {
	case MNT_ADD:
		ret = mnt_add(file, &arg.add);
		break;
	case MNT_DEL:
		ret = mnt_del(file, &arg.del);
		break;
	case MNT_MM:
		ret = mnt_mm(&arg.mm);
		break;
	case MNT_TOTALS:
		ret = mnt_totals(&arg.totals);
		break;
	default:
		ret = mnt_of_sub(file, cmd, &arg);
	}
	if (!ret && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(to, &arg, size))
		ret = -EFAULT;
	return ret;
}

static int mnt_open(struct inode *inode, struct file *filp)
{
	struct mnt_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	atomic_inc(&mnt_files);
	xa_init_flags(&file->subs, XA_FLAGS_ALLOC);
	filp->private_data = file;
	return 0;
}

static int mnt_close(struct inode *inode, struct file *filp)
{
	struct mnt_file *file = filp->private_data;

	mnt_del_all(file);
	kfree(file);
	atomic_dec(&mnt_files);
	return 0;
}

static const struct file_operations mnt_fops = {
	.owner = THIS_MODULE,
	.open = mnt_open,
	.release = mnt_close,
	.unlocked_ioctl = mnt_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice mnt_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mmu_notifier_test",
	.fops = &mnt_fops,
	.mode = 0600,
};

static int __init mnt_init(void)
{
	return misc_register(&mnt_device);
}

static void __exit mnt_exit(void)
{
	misc_deregister(&mnt_device);
	/* free_notifier of the last put may still be to come. */
	mmu_notifier_synchronize();
}

module_init(mnt_init);
module_exit(mnt_exit);
MODULE_DESCRIPTION("Test subscribers of the MMU notifiers");
MODULE_LICENSE("GPL");
