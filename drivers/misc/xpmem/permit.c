// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: access that was granted to a process.
 *
 * A permit is good for the address space that got it, and for no other.  It
 * keeps the segment's memory in the kernel, not the right: whoever uses it is
 * checked again.
 */
#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "internal.h"

static struct rhashtable xpmem_permits;

static const struct rhashtable_params xpmem_permit_params = {
	.head_offset = offsetof(struct xpmem_permit, hash),
	.key_offset = offsetof(struct xpmem_permit, id),
	.key_len = sizeof_field(struct xpmem_permit, id),
	.automatic_shrinking = true,
};

static void xpmem_permit_free(struct kref *refs)
{
	struct xpmem_permit *permit =
		container_of(refs, struct xpmem_permit, refs);

	xpmem_segment_put(permit->segment);
	kfree_rcu(permit, rcu);
	atomic_dec(&xpmem_counts.permits);
}

/**
 * xpmem_permit_put() - give a permit back
 * @permit: the permit
 *
 * Context: May sleep; no lock held.
 */
void xpmem_permit_put(struct xpmem_permit *permit)
{
	kref_put(&permit->refs, xpmem_permit_free);
}

/**
 * xpmem_permit_find() - the permit of an id
 * @space: the space that should have got it
 * @id:    the id
 *
 * Return: the permit, to be given back by xpmem_permit_put(), or an error
 * pointer: -EINVAL, -ENOENT, or -EACCES if it is another's.
 */
struct xpmem_permit *xpmem_permit_find(struct xpmem_space *space, s64 id)
{
	struct xpmem_permit *permit;

	if (id <= 0)
		return ERR_PTR(-EINVAL);
	rcu_read_lock();
	permit = rhashtable_lookup(&xpmem_permits, &id, xpmem_permit_params);
	if (permit && !kref_get_unless_zero(&permit->refs))
		permit = NULL;
	rcu_read_unlock();
	if (!permit)
		return ERR_PTR(-ENOENT);
	if (permit->space != space) {
		xpmem_permit_put(permit);
		return ERR_PTR(-EACCES);
	}
	return permit;
}

/* Takes over the reference to the segment, if that goes well. */
static struct xpmem_permit *xpmem_permit_alloc(struct xpmem_space *space,
					       struct xpmem_segment *segment,
					       bool write)
{
	struct xpmem_permit *permit;

	permit = kzalloc(sizeof(*permit), GFP_KERNEL_ACCOUNT);
	if (!permit)
		return NULL;
	kref_init(&permit->refs);
	INIT_LIST_HEAD(&permit->of_space);
	INIT_LIST_HEAD(&permit->attachments);
	spin_lock_init(&permit->lock);
	permit->space = space;
	permit->segment = segment;
	permit->write = write;
	atomic_inc(&xpmem_counts.permits);
	return permit;
}

static int xpmem_permit_add(struct xpmem_permit *permit)
{
	struct xpmem_space *space = permit->space;
	int ret;

	do {
		permit->id = xpmem_new_id();
		ret = rhashtable_lookup_insert_fast(&xpmem_permits,
						    &permit->hash,
						    xpmem_permit_params);
	} while (ret == -EEXIST);
	if (ret)
		return ret;
	ret = xpmem_space_add(space, &permit->of_space, &space->permits);
	if (ret)
		rhashtable_remove_fast(&xpmem_permits, &permit->hash,
				       xpmem_permit_params);
	return ret;
}

/* Consumes the reference to the segment. */
static int xpmem_get_segment(struct xpmem_space *space,
			     struct xpmem_segment *segment,
			     struct xpmem_get_args *args)
{
	bool write = args->flags == XPMEM_GET_WRITE;
	struct xpmem_permit *permit;
	int ret;

	if (!xpmem_segment_allows(segment, write)) {
		xpmem_segment_put(segment);
		return -EACCES;
	}
	permit = xpmem_permit_alloc(space, segment, write);
	if (!permit) {
		xpmem_segment_put(segment);
		return -ENOMEM;
	}
	ret = xpmem_permit_add(permit);
	if (ret)
		xpmem_permit_put(permit);
	else
		args->access = permit->id;
	return ret;
}

/**
 * xpmem_get() - ask for access to a segment
 * @space: the space of the current task
 * @args:  to what; the id is returned in it
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, -ENOENT, -EACCES, -ENOMEM.
 */
int xpmem_get(struct xpmem_space *space, struct xpmem_get_args *args)
{
	struct xpmem_segment *segment;

	if (args->flags != XPMEM_GET_READ && args->flags != XPMEM_GET_WRITE)
		return -EINVAL;
	if (args->segment <= 0 || args->permit_type != XPMEM_BY_MODE ||
	    args->permit_value)
		return -EINVAL;
	segment = xpmem_segment_find(args->segment);
	if (!segment)
		return -ENOENT;
	return xpmem_get_segment(space, segment, args);
}

/* By the one who has taken it from the list. */
static void xpmem_permit_kill(struct xpmem_permit *permit)
{
	rhashtable_remove_fast(&xpmem_permits, &permit->hash,
			       xpmem_permit_params);
	down_write(&permit->segment->space->publish);
	WRITE_ONCE(permit->released, true);
	up_write(&permit->segment->space->publish);
}

/**
 * xpmem_release() - give access back
 * @space: the space of the current task
 * @id:    the permit
 *
 * On return nothing is attached by it.
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: 0, -EINVAL, -ENOENT, or -EACCES if it is another's.
 */
int xpmem_release(struct xpmem_space *space, s64 id)
{
	struct xpmem_permit *permit = xpmem_permit_find(space, id);
	bool taken;

	if (IS_ERR(permit))
		return PTR_ERR(permit);
	spin_lock(&space->lists);
	taken = !list_empty(&permit->of_space);
	list_del_init(&permit->of_space);
	spin_unlock(&space->lists);
	if (taken) {
		xpmem_permit_kill(permit);
		xpmem_detach_all(space, permit);
		xpmem_permit_put(permit);
	}
	xpmem_permit_put(permit);
	return taken ? 0 : -ENOENT;
}

/**
 * xpmem_release_all() - release all permits of a space
 * @space: the space, closed
 *
 * Attachments stay where they are, with nothing in them.
 *
 * Context: May sleep.  Any task; no lock held.  Takes mmap_lock.
 */
void xpmem_release_all(struct xpmem_space *space)
{
	struct xpmem_permit *permit;
	bool any = false;

	for (;;) {
		spin_lock(&space->lists);
		permit = list_first_entry_or_null(&space->permits,
						  struct xpmem_permit,
						  of_space);
		if (permit)
			list_del_init(&permit->of_space);
		spin_unlock(&space->lists);
		if (!permit)
			break;
		xpmem_permit_kill(permit);
		xpmem_permit_put(permit);
		any = true;
		cond_resched();
	}
	/* All at once, or each would have to look through all that is mapped. */
	if (any)
		xpmem_zap_released(space);
}

int xpmem_permits_init(void)
{
	return rhashtable_init(&xpmem_permits, &xpmem_permit_params);
}

void xpmem_permits_exit(void)
{
	rhashtable_destroy(&xpmem_permits);
}
