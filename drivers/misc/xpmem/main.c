// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: the device.
 */
#include <linux/debugfs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "internal.h"

struct xpmem_counts xpmem_counts;
static struct dentry *xpmem_debugfs;

static int xpmem_do_make(struct xpmem_space *space, void __user *user)
{
	struct xpmem_make_args args;
	int ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	ret = xpmem_make(space, &args);
	if (!ret && copy_to_user(user, &args, sizeof(args))) {
		xpmem_remove(space, args.segment);
		ret = -EFAULT;
	}
	return ret;
}

static int xpmem_do_remove(struct xpmem_space *space, void __user *user)
{
	struct xpmem_remove_args args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return xpmem_remove(space, args.segment);
}

static int xpmem_do_get(struct xpmem_space *space, void __user *user)
{
	struct xpmem_get_args args;
	int ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	ret = xpmem_get(space, &args);
	if (!ret && copy_to_user(user, &args, sizeof(args))) {
		xpmem_release(space, args.access);
		ret = -EFAULT;
	}
	return ret;
}

static int xpmem_do_release(struct xpmem_space *space, void __user *user)
{
	struct xpmem_release_args args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return xpmem_release(space, args.access);
}

static int xpmem_do_attach(struct xpmem_space *space, void __user *user)
{
	struct xpmem_attach_args args;
	int ret;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	ret = xpmem_attach(space, &args);
	if (!ret && copy_to_user(user, &args, sizeof(args))) {
		xpmem_detach(space, args.address);
		ret = -EFAULT;
	}
	return ret;
}

static int xpmem_do_detach(struct xpmem_space *space, void __user *user)
{
	struct xpmem_detach_args args;

	if (copy_from_user(&args, user, sizeof(args)))
		return -EFAULT;
	return xpmem_detach(space, args.address);
}

/* The page tables of a child are none of a subscriber's business. */
static int xpmem_do_fork(struct xpmem_space *space, void __user *user)
{
	return 0;
}

static int (*const xpmem_requests[])(struct xpmem_space *, void __user *) = {
	[_IOC_NR(XPMEM_IOC_MAKE)] = xpmem_do_make,
	[_IOC_NR(XPMEM_IOC_REMOVE)] = xpmem_do_remove,
	[_IOC_NR(XPMEM_IOC_GET)] = xpmem_do_get,
	[_IOC_NR(XPMEM_IOC_RELEASE)] = xpmem_do_release,
	[_IOC_NR(XPMEM_IOC_ATTACH)] = xpmem_do_attach,
	[_IOC_NR(XPMEM_IOC_DETACH)] = xpmem_do_detach,
	[_IOC_NR(XPMEM_IOC_FORK_BEGIN)] = xpmem_do_fork,
	[_IOC_NR(XPMEM_IOC_FORK_END)] = xpmem_do_fork,
};

/* Whoever has not opened the device acts for nobody. */
static long xpmem_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct xpmem_space *opened = file->private_data, *space = opened;
	unsigned int nr = _IOC_NR(cmd);
	long ret;

	if (cmd == XPMEM_IOC_VERSION)
		return XPMEM_ABI_VERSION;
	if (cmd != _IO('x', nr) || nr >= ARRAY_SIZE(xpmem_requests))
		return -ENOTTY;
	if (opened->mm != current->mm)
		space = xpmem_space_find(current->mm);
	if (!space)
		return -XPMEM_E_NOT_OPENED;
	ret = xpmem_requests[nr](space, (void __user *)arg);
	if (space != opened)
		xpmem_space_put(space);
	return ret;
}

static int xpmem_open(struct inode *inode, struct file *file)
{
	if (!current->mm)
		return -EINVAL;
	file->private_data = xpmem_space_open(current->mm);
	return file->private_data ? 0 : -ENOMEM;
}

static int xpmem_close(struct inode *inode, struct file *file)
{
	xpmem_space_close(file->private_data);
	return 0;
}

static const struct file_operations xpmem_fops = {
	.owner = THIS_MODULE,
	.open = xpmem_open,
	.release = xpmem_close,
	.unlocked_ioctl = xpmem_ioctl,
};

static struct miscdevice xpmem_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xpmem",
	.fops = &xpmem_fops,
	.mode = 0666,
};

static void xpmem_debugfs_add(void)
{
	static const struct {
		const char *name;
		atomic_t *count;
	} files[] = {
		{ "spaces", &xpmem_counts.spaces },
		{ "segments", &xpmem_counts.segments },
		{ "permits", &xpmem_counts.permits },
		{ "attachments", &xpmem_counts.attachments },
		{ "huge_entries", &xpmem_counts.huge_entries },
		{ "refused", &xpmem_counts.refused },
		{ "messages", &xpmem_counts.messages },
		{ "deaths", &xpmem_counts.deaths },
	};
	int i;

	xpmem_debugfs = debugfs_create_dir("xpmem", NULL);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_atomic_t(files[i].name, 0400, xpmem_debugfs,
					files[i].count);
}

static int __init xpmem_init(void)
{
	int ret = xpmem_spaces_init();

	if (ret)
		return ret;
	ret = xpmem_segments_init();
	if (ret)
		goto out_spaces;
	ret = xpmem_permits_init();
	if (ret)
		goto out_segments;
	ret = xpmem_partition_init();
	if (ret)
		goto out_permits;
	ret = misc_register(&xpmem_device);
	if (ret)
		goto out_partition;
	xpmem_debugfs_add();
	return 0;

out_partition:
	xpmem_partition_exit();
out_permits:
	xpmem_permits_exit();
out_segments:
	xpmem_segments_exit();
out_spaces:
	xpmem_spaces_exit();
	return ret;
}

static void __exit xpmem_exit(void)
{
	debugfs_remove(xpmem_debugfs);
	misc_deregister(&xpmem_device);
	/*
	 * Nobody has a file any more, so nothing is left but what follows, and
	 * spaces to be freed, which may wait for the partition.
	 */
	xpmem_spaces_flush();
	xpmem_partition_exit();
	xpmem_permits_exit();
	xpmem_segments_exit();
	xpmem_spaces_exit();
}

module_init(xpmem_init);
module_exit(xpmem_exit);
MODULE_DESCRIPTION("Cross-partition memory");
MODULE_LICENSE("GPL");
