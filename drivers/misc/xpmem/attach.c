// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: attachments, and their VMAs.
 *
 * The VMAs hold the attachment's file, so splits, moves and exit are the
 * business of mm.  A child has no attachments.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "internal.h"

static void xpmem_vma_open(struct vm_area_struct *vma)
{
	struct xpmem_attachment *att = vma->vm_file->private_data;

	atomic_inc(&att->vmas);
}

static void xpmem_vma_close(struct vm_area_struct *vma)
{
	struct xpmem_attachment *att = vma->vm_file->private_data;

	atomic_dec(&att->vmas);
}

/*
 * A huge entry that is split together with its VMA would be withdrawn under
 * i_mmap_rwsem, with callouts in this mm; and these may be our own, if memory
 * here is a source, and take another i_mmap_rwsem.  Withdraw it before.
 */
static int xpmem_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long start = addr & PMD_MASK;

	mmap_assert_write_locked(vma->vm_mm);
	if (addr != start && start >= vma->vm_start &&
	    vma->vm_end - start >= PMD_SIZE)
		zap_vma_ptes(vma, start, PMD_SIZE);
	return 0;
}

static const struct vm_operations_struct xpmem_vm_ops = {
	.open = xpmem_vma_open,
	.close = xpmem_vma_close,
	.may_split = xpmem_may_split,
	.fault = xpmem_fault,
	.huge_fault = xpmem_huge_fault,
	.pfn_mkwrite = xpmem_write_fault,
};

static struct xpmem_attachment *xpmem_attachment_of(struct vm_area_struct *vma)
{
	return vma->vm_ops == &xpmem_vm_ops ? vma->vm_file->private_data : NULL;
}

/*
 * Nobody but xpmem_map() has the file, so this comes once.  What the source
 * maps is not known to the destination's core dumps, children and locked
 * memory; and code of others is not to be run.
 */
static int xpmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct xpmem_attachment *att = file->private_data;

	if (vma->vm_pgoff != att->start >> PAGE_SHIFT ||
	    vma->vm_end - vma->vm_start != att->size ||
	    vma->vm_flags & VM_EXEC)
		return -EINVAL;
	vm_flags_mod(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_DONTCOPY | VM_HUGEPAGE, VM_MAYEXEC);
	vma->vm_ops = &xpmem_vm_ops;
	atomic_set(&att->vmas, 1);
	return 0;
}

/* The last VMA has gone, some time ago. */
static int xpmem_attachment_release(struct inode *inode, struct file *file)
{
	struct xpmem_attachment *att = file->private_data;
	struct xpmem_permit *permit = att->permit;

	mmu_notifier_filter_remove(&att->filter);
	spin_lock(&permit->lock);
	list_del(&att->of_permit);
	spin_unlock(&permit->lock);
	kfree(att);
	xpmem_permit_put(permit);
	atomic_dec(&xpmem_counts.attachments);
	return 0;
}

static const struct file_operations xpmem_attachment_fops = {
	.owner = THIS_MODULE,
	.mmap = xpmem_mmap,
	.release = xpmem_attachment_release,
	.get_unmapped_area = thp_get_unmapped_area,
};

/* What is attached is no memory that could be attached once more. */
static int xpmem_check_source(struct xpmem_space *source, unsigned long start,
			      unsigned long size)
{
	struct mm_struct *mm = source->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	if (!mmget_not_zero(mm))
		return -ENOENT;
	if (mmap_read_lock_killable(mm)) {
		mmput_async(mm);
		return -EINTR;
	}
	for (vma = find_vma(mm, start); vma && vma->vm_start < start + size;
	     vma = find_vma(mm, vma->vm_end)) {
		if (xpmem_attachment_of(vma)) {
			ret = -EINVAL;
			break;
		}
		cond_resched();
	}
	mmap_read_unlock(mm);
	mmput_async(mm);
	return ret;
}

/* May this be attached?  Where it lies in the source is returned. */
static int xpmem_attach_check(struct xpmem_permit *permit,
			      const struct xpmem_attach_args *args,
			      unsigned long *address)
{
	struct xpmem_segment *segment = permit->segment;

	if (args->flags || !args->size || args->offset < 0 ||
	    !PAGE_ALIGNED(args->address))
		return -EINVAL;
	if (args->offset >= segment->size ||
	    args->size > segment->size - args->offset)
		return -EINVAL;
	if (!xpmem_segment_allows(segment, permit->write))
		return -EACCES;
	*address = segment->start + args->offset;
	return 0;
}

static struct xpmem_attachment *
xpmem_attachment_alloc(struct xpmem_permit *permit, unsigned long address,
		       unsigned long size)
{
	struct xpmem_attachment *att;

	att = kzalloc(sizeof(*att), GFP_KERNEL_ACCOUNT);
	if (!att)
		return NULL;
	att->start = address & PAGE_MASK;
	att->size = PAGE_ALIGN(address + size) - att->start;
	att->side = xpmem_partition_join(&att->generation);
	mutex_init(&att->tables);
	spin_lock_init(&att->note);
	kref_get(&permit->refs);
	att->permit = permit;
	return att;
}

/* A file for an attachment, which from then on belongs to it. */
static struct file *xpmem_attachment_file(struct xpmem_attachment *att)
{
	struct xpmem_permit *permit = att->permit;
	struct xpmem_space *source = permit->segment->space;
	struct file *file;

	file = anon_inode_getfile("[xpmem]", &xpmem_attachment_fops, att,
				  permit->write ? O_RDWR : O_RDONLY);
	if (IS_ERR(file)) {
		kfree(att);
		xpmem_permit_put(permit);
		return file;
	}
	atomic_inc(&xpmem_counts.attachments);
	att->file = file;
	file->f_mapping = source->sides[att->side]->f_mapping;
	/* Before there is a VMA, so before anything is translated. */
	mmu_notifier_filter_add(&source->mn, &att->filter, att->start,
				att->size);
	spin_lock(&permit->lock);
	list_add(&att->of_permit, &permit->attachments);
	spin_unlock(&permit->lock);
	return file;
}

/* Map the file; the address, or an error. */
static unsigned long xpmem_map(struct xpmem_space *space,
			       struct xpmem_attachment *att,
			       unsigned long address)
{
	struct xpmem_permit *permit = att->permit;
	unsigned long prot = PROT_READ | (permit->write ? PROT_WRITE : 0);
	unsigned long flags = MAP_SHARED | (address ? MAP_FIXED : 0);
	unsigned long ret = -ENOENT;

	if (mutex_lock_killable(&space->mapping))
		return -EINTR;
	/* Nothing is mapped any more when xpmem_detach_all() has been. */
	if (!READ_ONCE(permit->released) &&
	    !READ_ONCE(permit->segment->removed)) {
		ret = vm_mmap(att->file, address, att->size, prot, flags,
			      att->start);
		if (!IS_ERR_VALUE(ret))
			att->address = ret;
	}
	mutex_unlock(&space->mapping);
	return ret;
}

static int xpmem_attach_permit(struct xpmem_space *space,
			       struct xpmem_permit *permit,
			       struct xpmem_attach_args *args)
{
	unsigned long address, ret;
	struct xpmem_attachment *att;
	struct file *file;
	int err;

	err = xpmem_attach_check(permit, args, &address);
	if (err)
		return err;
	att = xpmem_attachment_alloc(permit, address, args->size);
	if (!att)
		return -ENOMEM;
	file = xpmem_attachment_file(att);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = xpmem_check_source(xpmem_source_of(att), att->start, att->size);
	ret = err ? err : xpmem_map(space, att, args->address);
	fput(file);
	if (IS_ERR_VALUE(ret))
		return ret;
	args->address = ret + offset_in_page(address);
	return 0;
}

/**
 * xpmem_attach() - attach a part of a segment to the current task's memory
 * @space: its space
 * @args:  what, and where; the address is returned in it
 *
 * Context: May sleep.  Takes mmap_lock of both sides, one after the other.
 * Return: 0, -EINVAL, -ENOENT, -EACCES, -ENOMEM, -EINTR, or another error of
 * mmap().
 */
int xpmem_attach(struct xpmem_space *space, struct xpmem_attach_args *args)
{
	struct xpmem_permit *permit = xpmem_permit_find(space, args->access);
	int ret;

	if (IS_ERR(permit))
		return PTR_ERR(permit);
	ret = xpmem_attach_permit(space, permit, args);
	xpmem_permit_put(permit);
	return ret;
}

/* Unmap a VMA of an attachment, all of it. */
static int xpmem_unmap_vma(struct vm_area_struct *vma)
{
	mmap_assert_write_locked(vma->vm_mm);
	return do_munmap(vma->vm_mm, vma->vm_start,
			 vma->vm_end - vma->vm_start, NULL);
}

/* Unmap what is where the attachment was made, if that is a part of it. */
static int xpmem_unmap_here(struct xpmem_space *space,
			    struct xpmem_attachment *att)
{
	struct mm_struct *mm = space->mm;
	struct vm_area_struct *vma;
	int ret = 0;

	lockdep_assert_held(&space->mapping);
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	vma = vma_lookup(mm, att->address);
	if (vma && xpmem_attachment_of(vma) == att)
		ret = xpmem_unmap_vma(vma);
	mmap_write_unlock(mm);
	return ret;
}

/*
 * Unmap the next piece from an address on, of an attachment or of all by its
 * permit.  It is found and unmapped under one lock: another thread may have
 * unmapped it as well, and have put something else in its place.  The end of
 * the piece, 0 if there is none, or an error.
 */
static unsigned long xpmem_unmap_next(struct xpmem_space *space,
				      struct xpmem_permit *permit,
				      struct xpmem_attachment *only,
				      unsigned long addr)
{
	VMA_ITERATOR(vmi, space->mm, addr);
	struct xpmem_attachment *att;
	struct vm_area_struct *vma;
	unsigned long end = 0;
	int err = 0;

	if (mmap_write_lock_killable(space->mm))
		return -EINTR;
	for_each_vma(vmi, vma) {
		att = xpmem_attachment_of(vma);
		if (!att || att->permit != permit || (only && att != only))
			continue;
		end = vma->vm_end;
		err = xpmem_unmap_vma(vma);
		break;
	}
	mmap_write_unlock(space->mm);
	return err ? err : end;
}

/* Unmap pieces that have been moved or cut, in one walk. */
static int xpmem_unmap_pieces(struct xpmem_space *space,
			      struct xpmem_permit *permit,
			      struct xpmem_attachment *only)
{
	unsigned long addr = 0;

	lockdep_assert_held(&space->mapping);
	do {
		addr = xpmem_unmap_next(space, permit, only, addr);
		cond_resched();
	} while (addr && !IS_ERR_VALUE(addr));
	return addr;
}

/* Unmap all of an attachment, whose file is held. */
static int xpmem_unmap(struct xpmem_space *space, struct xpmem_attachment *att)
{
	int ret = xpmem_unmap_here(space, att);

	if (!ret && atomic_read(&att->vmas))
		ret = xpmem_unmap_pieces(space, att->permit, att);
	return ret;
}

/**
 * xpmem_detach() - detach what is attached at an address
 * @space:   the space of the current task
 * @address: any address of it
 *
 * Context: May sleep.  Takes mmap_lock for write.
 * Return: 0, -EINVAL if nothing is attached there, -EINTR, -ENOMEM.
 */
int xpmem_detach(struct xpmem_space *space, unsigned long address)
{
	struct mm_struct *mm = space->mm;
	struct xpmem_attachment *att = NULL;
	struct vm_area_struct *vma;
	int ret = -EINTR;

	if (mutex_lock_killable(&space->mapping))
		return -EINTR;
	if (mmap_read_lock_killable(mm))
		goto out;
	vma = vma_lookup(mm, address);
	if (vma)
		att = xpmem_attachment_of(vma);
	if (att)
		get_file(att->file);
	mmap_read_unlock(mm);
	ret = -EINVAL;
	if (att) {
		ret = xpmem_unmap(space, att);
		fput(att->file);
	}
out:
	mutex_unlock(&space->mapping);
	return ret;
}

/* Take one attachment out of a list, and hold it if it is mapped. */
static bool xpmem_next_mapped(struct xpmem_permit *permit,
			      struct list_head *from,
			      struct xpmem_attachment **att)
{
	struct file *file = NULL;

	spin_lock(&permit->lock);
	*att = list_first_entry_or_null(from, struct xpmem_attachment,
					of_permit);
	if (*att) {
		list_move(&(*att)->of_permit, &permit->attachments);
		if (atomic_read(&(*att)->vmas))
			file = get_file_active(&(*att)->file);
	}
	spin_unlock(&permit->lock);
	if (*att && !file)
		*att = ERR_PTR(-ENOENT);
	return *att;
}

/**
 * xpmem_detach_all() - detach what is attached by a permit
 * @space:  the space of the current task
 * @permit: the permit, released
 *
 * Pieces that are not where they were made are looked for once, and not once
 * for each attachment.
 *
 * Context: May sleep.  Takes mmap_lock for write.
 */
void xpmem_detach_all(struct xpmem_space *space, struct xpmem_permit *permit)
{
	struct xpmem_attachment *att;
	bool pieces = false;
	LIST_HEAD(todo);
	int ret = 0;

	mutex_lock(&space->mapping);
	spin_lock(&permit->lock);
	list_splice_init(&permit->attachments, &todo);
	spin_unlock(&permit->lock);
	while (xpmem_next_mapped(permit, &todo, &att)) {
		if (!IS_ERR(att)) {
			ret = xpmem_unmap_here(space, att) ?: ret;
			pieces |= atomic_read(&att->vmas);
			fput(att->file);
		}
		cond_resched();
	}
	if (!ret && pieces)
		ret = xpmem_unmap_pieces(space, permit, NULL);
	mutex_unlock(&space->mapping);
	/* No memory to unmap it, or killed: it has to be empty at least. */
	if (ret)
		xpmem_zap_released(space);
}

/**
 * xpmem_zap_released() - withdraw what is attached by permits that are released
 * @space: the destination
 *
 * In one walk, however many they are.  Nothing is mapped by them from then on.
 *
 * Context: May sleep.  Any task; takes the destination's mmap_lock.
 */
void xpmem_zap_released(struct xpmem_space *space)
{
	VMA_ITERATOR(vmi, space->mm, 0);
	struct xpmem_attachment *att;
	struct vm_area_struct *vma;

	/* Else it is being torn down, with all that is mapped in it. */
	if (!mmget_not_zero(space->mm))
		return;
	mmap_read_lock(space->mm);
	for_each_vma(vmi, vma) {
		att = xpmem_attachment_of(vma);
		if (att && READ_ONCE(att->permit->released))
			zap_vma_ptes(vma, vma->vm_start,
				     vma->vm_end - vma->vm_start);
	}
	mmap_read_unlock(space->mm);
	mmput_async(space->mm);
}
