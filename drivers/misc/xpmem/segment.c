// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: memory that is shared.
 *
 * A segment is a name and a permission for addresses of its source; what is
 * mapped there, if anything, is seen when it is touched.  Its id is random, so
 * that it cannot be guessed, but it is not a secret that would grant access.
 */
#include <linux/cred.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "internal.h"

static struct rhashtable xpmem_segments;

static const struct rhashtable_params xpmem_segment_params = {
	.head_offset = offsetof(struct xpmem_segment, hash),
	.key_offset = offsetof(struct xpmem_segment, id),
	.key_len = sizeof_field(struct xpmem_segment, id),
	.automatic_shrinking = true,
};

/* Programs are known that pass ids on as text, with room for 14 digits. */
#define XPMEM_ID_BITS	56

/**
 * xpmem_new_id() - an id that cannot be guessed
 *
 * Return: the id, positive.
 */
s64 xpmem_new_id(void)
{
	s64 id;

	do {
		id = get_random_u64() >> (64 - XPMEM_ID_BITS);
	} while (!id);
	return id;
}

/**
 * xpmem_segment_find() - the segment of an id
 * @id: the id
 *
 * Return: the segment, to be given back by xpmem_segment_put(), or NULL.
 */
struct xpmem_segment *xpmem_segment_find(s64 id)
{
	struct xpmem_segment *segment;

	rcu_read_lock();
	segment = rhashtable_lookup(&xpmem_segments, &id, xpmem_segment_params);
	if (segment && !kref_get_unless_zero(&segment->refs))
		segment = NULL;
	rcu_read_unlock();
	return segment;
}

static void xpmem_segment_free(struct kref *refs)
{
	struct xpmem_segment *segment =
		container_of(refs, struct xpmem_segment, refs);

	xpmem_space_put(segment->space);
	kfree_rcu(segment, rcu);
	atomic_dec(&xpmem_counts.segments);
}

/**
 * xpmem_segment_put() - give a segment back
 * @segment: the segment
 *
 * Context: May sleep; no lock held.
 */
void xpmem_segment_put(struct xpmem_segment *segment)
{
	kref_put(&segment->refs, xpmem_segment_free);
}

/**
 * xpmem_segment_allows() - may the current task access it?
 * @segment: the segment
 * @write:   for write
 *
 * As for a file with that mode; who made the segment is its owner.
 *
 * Return: true if so.
 */
bool xpmem_segment_allows(const struct xpmem_segment *segment, bool write)
{
	umode_t wanted = write ? 0006 : 0004;
	umode_t mode = segment->mode;

	if (uid_eq(current_euid(), segment->uid))
		mode >>= 6;
	else if (in_egroup_p(segment->gid))
		mode >>= 3;
	if ((mode & wanted) == wanted)
		return true;
	return ns_capable(segment->space->mm->user_ns, CAP_IPC_OWNER);
}

/* 0, or why this cannot be shared; a size that stands for all is replaced. */
static int xpmem_make_check(struct xpmem_make_args *args)
{
	if (args->permit_type != XPMEM_BY_MODE || args->permit_value & ~0777ULL)
		return -EINVAL;
	if (!args->address && args->size == XPMEM_WHOLE_SPACE)
		args->size = TASK_SIZE & PAGE_MASK;
	if (!args->size || !PAGE_ALIGNED(args->address) ||
	    !PAGE_ALIGNED(args->size) || args->size > TASK_SIZE ||
	    args->address > TASK_SIZE - args->size)
		return -EINVAL;
	return 0;
}

static struct xpmem_segment *
xpmem_segment_alloc(struct xpmem_space *space,
		    const struct xpmem_make_args *args)
{
	struct xpmem_segment *segment;

	segment = kzalloc(sizeof(*segment), GFP_KERNEL_ACCOUNT);
	if (!segment)
		return NULL;
	kref_init(&segment->refs);
	INIT_LIST_HEAD(&segment->of_space);
	kref_get(&space->refs);
	segment->space = space;
	segment->start = args->address;
	segment->size = args->size;
	segment->mode = args->permit_value;
	segment->uid = current_euid();
	segment->gid = current_egid();
	atomic_inc(&xpmem_counts.segments);
	return segment;
}

/* In the hash it can be found, and in the list it is removed with the space. */
static int xpmem_segment_add(struct xpmem_segment *segment)
{
	struct xpmem_space *space = segment->space;
	int ret;

	do {
		segment->id = xpmem_new_id();
		ret = rhashtable_lookup_insert_fast(&xpmem_segments,
						    &segment->hash,
						    xpmem_segment_params);
	} while (ret == -EEXIST);
	if (ret)
		return ret;
	/* Nobody knows the id yet. */
	ret = xpmem_space_add(space, &segment->of_space, &space->segments);
	if (ret)
		rhashtable_remove_fast(&xpmem_segments, &segment->hash,
				       xpmem_segment_params);
	return ret;
}

/**
 * xpmem_make() - share memory of the current task
 * @space: its space
 * @args:  what; the id is returned in it
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: 0, -EINVAL, -ENOMEM, -EINTR.
 */
int xpmem_make(struct xpmem_space *space, struct xpmem_make_args *args)
{
	struct xpmem_segment *segment;
	int ret;

	ret = xpmem_make_check(args);
	if (!ret)
		ret = xpmem_space_become_source(space);
	if (ret)
		return ret;
	segment = xpmem_segment_alloc(space, args);
	if (!segment)
		return -ENOMEM;
	ret = xpmem_segment_add(segment);
	if (ret) {
		xpmem_segment_put(segment);
		return ret;
	}
	args->segment = segment->id;
	return 0;
}

/* By the one who has taken it from the list. */
static void xpmem_segment_kill(struct xpmem_segment *segment)
{
	rhashtable_remove_fast(&xpmem_segments, &segment->hash,
			       xpmem_segment_params);
	xpmem_revoke(segment->space, &segment->removed, segment->start,
		     segment->start + segment->size - 1);
	xpmem_segment_put(segment);
}

static bool xpmem_segment_take(struct xpmem_segment *segment)
{
	struct xpmem_space *space = segment->space;
	bool ret;

	spin_lock(&space->lists);
	ret = !list_empty(&segment->of_space);
	list_del_init(&segment->of_space);
	spin_unlock(&space->lists);
	return ret;
}

/**
 * xpmem_remove() - share a segment no longer
 * @space: the space of the current task
 * @id:    the segment
 *
 * On return nothing of it is mapped by an attachment, nor will be.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL, -ENOENT, or -EACCES if it is another's.
 */
int xpmem_remove(struct xpmem_space *space, s64 id)
{
	struct xpmem_segment *segment;
	int ret = -ENOENT;

	if (id <= 0)
		return -EINVAL;
	segment = xpmem_segment_find(id);
	if (!segment)
		return -ENOENT;
	if (segment->space != space) {
		ret = -EACCES;
	} else if (xpmem_segment_take(segment)) {
		xpmem_segment_kill(segment);
		ret = 0;
	}
	xpmem_segment_put(segment);
	return ret;
}

/**
 * xpmem_remove_all() - the same with all segments of a space
 * @space: the space, closed
 *
 * Context: May sleep.  Any task; no lock held.
 */
void xpmem_remove_all(struct xpmem_space *space)
{
	struct xpmem_segment *segment;

	if (!smp_load_acquire(&space->source))	/* (A) */
		return;
	/* All at once, or each would have to wait and unmap. */
	xpmem_revoke(space, &space->gone, 0, ULONG_MAX);
	for (;;) {
		spin_lock(&space->lists);
		segment = list_first_entry_or_null(&space->segments,
						   struct xpmem_segment,
						   of_space);
		if (segment)
			list_del_init(&segment->of_space);
		spin_unlock(&space->lists);
		if (!segment)
			break;
		rhashtable_remove_fast(&xpmem_segments, &segment->hash,
				       xpmem_segment_params);
		xpmem_segment_put(segment);
		cond_resched();
	}
}

int xpmem_segments_init(void)
{
	return rhashtable_init(&xpmem_segments, &xpmem_segment_params);
}

void xpmem_segments_exit(void)
{
	rhashtable_destroy(&xpmem_segments);
}
