// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: address spaces that have opened the device.
 *
 * A space is found by its mm, so that all threads share it, and a process which
 * has inherited a descriptor over fork() does not act for its parent.  It is
 * closed with the last of its files, and is kept by its segments until nothing
 * of it is attached any more; only then is the subscription given back.  So
 * whoever holds a reference may take tickets.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "internal.h"

static DEFINE_HASHTABLE(xpmem_spaces, 8);
static LIST_HEAD(xpmem_all_spaces);
/* Protects both, and the counts of opens. */
static DEFINE_MUTEX(xpmem_spaces_lock);

/* Frees those whose last reference is gone. */
static struct workqueue_struct *xpmem_space_freer;

/* Nested in reverse map locks of all other files: see internal.h. */
static struct lock_class_key xpmem_i_mmap_key;

static const struct file_operations xpmem_side_fops = {
	.owner = THIS_MODULE,
};

static struct xpmem_space *xpmem_space_lookup(struct mm_struct *mm)
{
	struct xpmem_space *space;

	lockdep_assert_held(&xpmem_spaces_lock);
	hash_for_each_possible(xpmem_spaces, space, hash, (unsigned long)mm)
		if (space->mm == mm)
			return space;
	return NULL;
}

/**
 * xpmem_space_find() - the space of an mm
 * @mm: the mm
 *
 * Context: May sleep.
 * Return: the space, to be given back by xpmem_space_put(), or NULL.
 */
struct xpmem_space *xpmem_space_find(struct mm_struct *mm)
{
	struct xpmem_space *space;

	mutex_lock(&xpmem_spaces_lock);
	space = xpmem_space_lookup(mm);
	if (space)
		kref_get(&space->refs);
	mutex_unlock(&xpmem_spaces_lock);
	return space;
}

/* In a worker: it waits for callouts, and these may wait for who puts. */
static void xpmem_space_free(struct work_struct *work)
{
	struct xpmem_space *space = container_of(work, struct xpmem_space, free);
	int side;

	if (space->source)
		mmu_notifier_unregister(&space->mn, space->mm);
	for (side = 0; side < XPMEM_SIDES; side++)
		if (space->sides[side])
			fput(space->sides[side]);
	mmdrop(space->mm);
	kfree(space);
	atomic_dec(&xpmem_counts.spaces);
}

static struct xpmem_space *xpmem_space_alloc(struct mm_struct *mm)
{
	struct xpmem_space *space;

	space = kzalloc(sizeof(*space), GFP_KERNEL_ACCOUNT);
	if (!space)
		return NULL;
	kref_init(&space->refs);
	spin_lock_init(&space->lists);
	INIT_LIST_HEAD(&space->segments);
	INIT_LIST_HEAD(&space->permits);
	INIT_WORK(&space->free, xpmem_space_free);
	mutex_init(&space->mapping);
	mutex_init(&space->becoming);
	init_rwsem(&space->publish);
	space->mn.ops = &xpmem_notifier_ops;
	space->mm = mm;
	mmgrab(mm);
	atomic_inc(&xpmem_counts.spaces);
	return space;
}

/**
 * xpmem_space_open() - an mm has opened the device
 * @mm: the mm
 *
 * Context: May sleep.
 * Return: its space, to be given back by xpmem_space_close(), or NULL if there
 * is no memory.
 */
struct xpmem_space *xpmem_space_open(struct mm_struct *mm)
{
	struct xpmem_space *space;

	mutex_lock(&xpmem_spaces_lock);
	space = xpmem_space_lookup(mm);
	if (space) {
		kref_get(&space->refs);
	} else {
		space = xpmem_space_alloc(mm);
		if (!space)
			goto out;
		hash_add(xpmem_spaces, &space->hash, (unsigned long)mm);
		list_add(&space->all, &xpmem_all_spaces);
	}
	space->opens++;
out:
	mutex_unlock(&xpmem_spaces_lock);
	return space;
}

/**
 * xpmem_space_add() - add a segment or a permit to a space
 * @space: the space
 * @entry: in the segment or the permit
 * @list:  the space's list of those
 *
 * A descriptor that was inherited is good for whoever has opened the device as
 * well, and says nothing when that one is closed.
 *
 * Return: 0, or -ENOENT if the space has been closed.
 */
int xpmem_space_add(struct xpmem_space *space, struct list_head *entry,
		    struct list_head *list)
{
	int ret = -ENOENT;

	spin_lock(&space->lists);
	if (!space->closed) {
		list_add(entry, list);
		ret = 0;
	}
	spin_unlock(&space->lists);
	return ret;
}

/**
 * xpmem_space_close() - an open file of a space has been closed
 * @space: the space
 *
 * With the last one, its segments are removed and its permits are released.
 *
 * Context: May sleep.  Any task; no lock held.
 */
void xpmem_space_close(struct xpmem_space *space)
{
	bool last;

	mutex_lock(&xpmem_spaces_lock);
	last = !--space->opens;
	if (last)
		hash_del(&space->hash);
	mutex_unlock(&xpmem_spaces_lock);
	if (last) {
		spin_lock(&space->lists);
		space->closed = true;
		spin_unlock(&space->lists);
		xpmem_release_all(space);
		xpmem_remove_all(space);
	}
	xpmem_space_put(space);
}

static void xpmem_space_release(struct kref *refs)
{
	struct xpmem_space *space = container_of(refs, struct xpmem_space, refs);

	list_del(&space->all);
	mutex_unlock(&xpmem_spaces_lock);
	queue_work(xpmem_space_freer, &space->free);
}

/**
 * xpmem_space_put() - give a space back
 * @space: the space
 *
 * Context: May sleep.
 */
void xpmem_space_put(struct xpmem_space *space)
{
	might_sleep();
	kref_put_mutex(&space->refs, xpmem_space_release, &xpmem_spaces_lock);
}

/* A file for its inode's address_space; nobody has it open. */
static int xpmem_space_add_side(struct xpmem_space *space, int side)
{
	struct file *file = space->sides[side];

	if (file)
		return 0;
	file = anon_inode_create_getfile("[xpmem-source]", &xpmem_side_fops,
					 NULL, O_RDWR, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	lockdep_set_class(&file->f_mapping->i_mmap_rwsem, &xpmem_i_mmap_key);
	space->sides[side] = file;
	return 0;
}

/**
 * xpmem_space_become_source() - have memory of the current task attached
 * @space: the space of current->mm
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: 0, -ENOMEM, or -EINTR.
 */
int xpmem_space_become_source(struct xpmem_space *space)
{
	int ret = 0, side;

	if (smp_load_acquire(&space->source))	/* (A) */
		return 0;
	if (mutex_lock_killable(&space->becoming))
		return -EINTR;
	for (side = 0; !ret && side < XPMEM_SIDES; side++)
		ret = xpmem_space_add_side(space, side);
	if (!ret && !space->source) {
		ret = mmu_notifier_register(&space->mn, space->mm);
		if (!ret)
			/* (A): after the sides and the subscription */
			smp_store_release(&space->source, true);
	}
	mutex_unlock(&space->becoming);
	return ret;
}

/**
 * xpmem_spaces_fence() - withdraw all that the partition has attached
 *
 * Context: May sleep.  No lock held.
 */
void xpmem_spaces_fence(void)
{
	struct xpmem_space *space;

	mutex_lock(&xpmem_spaces_lock);
	list_for_each_entry(space, &xpmem_all_spaces, all) {
		if (!smp_load_acquire(&space->source))	/* (A) */
			continue;
		down_write(&space->publish);
		up_write(&space->publish);
		xpmem_zap(space, XPMEM_REMOTE, 0, ULONG_MAX);
	}
	mutex_unlock(&xpmem_spaces_lock);
}

int xpmem_spaces_init(void)
{
	xpmem_space_freer = alloc_workqueue("xpmem", 0, 0);
	return xpmem_space_freer ? 0 : -ENOMEM;
}

/* Wait until those are freed that nobody has a reference to. */
void xpmem_spaces_flush(void)
{
	flush_workqueue(xpmem_space_freer);
}

void xpmem_spaces_exit(void)
{
	destroy_workqueue(xpmem_space_freer);
}
