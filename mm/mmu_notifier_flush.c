// SPDX-License-Identifier: GPL-2.0
/*
 * MMU notifiers: drain the invalidations that nobody tracks.
 *
 * An mm without subscribers pays nothing: its invalidations leave no trace.
 * So when the first subscriber comes, some may be in progress that will never
 * call it.  All of them run under a lock that they took before they looked at
 * mm->notifier_subscriptions and keep until they are through:
 *
 *  - mmap_lock, which registration holds for write;
 *  - the lock of one VMA (page faults, UFFDIO_MOVE);
 *  - i_mmap_rwsem of a mapping, or the root lock of an anon_vma: the reverse
 *    map walks of reclaim, migration, truncation and others.
 *
 * Registration publishes the pointer first (F).  Then it takes and drops each
 * of these locks, for write, one at a time.  A section that had the lock
 * before has ended when the lock is got; one that gets it later sees the
 * pointer, because the lock orders its load after the drop.  Which locks are
 * concerned cannot change meanwhile: VMAs come, go, and join mappings and
 * anon_vmas only under mmap_lock; and a reverse map walk that found a VMA
 * which has left since is over, since leaving took its lock for write.
 *
 * The predecessor of this held all of these locks at once, under a mutex of
 * the whole machine, for every registration in the mm.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rmap.h>
#include <linux/sched/signal.h>

#include "mmu_notifier_internal.h"

static int mn_flush_lock(struct rw_semaphore *sem)
{
	if (down_write_killable(sem))
		return -EINTR;
	up_write(sem);
	return 0;
}

/* The mapping and the anon_vma roots by which walks can come to @vma. */
static int mn_flush_rmap(struct vm_area_struct *vma,
			 struct address_space **last_mapping,
			 struct anon_vma **last_root)
{
	struct address_space *mapping;
	struct anon_vma_chain *avc;
	struct anon_vma *root;

	mapping = vma->vm_file ? vma->vm_file->f_mapping : NULL;
	if (mapping && mapping != *last_mapping) {
		if (mn_flush_lock(&mapping->i_mmap_rwsem))
			return -EINTR;
		*last_mapping = mapping;
	}
	list_for_each_entry(avc, &vma->anon_vma_chain, same_vma) {
		root = avc->anon_vma->root;
		if (root == *last_root)
			continue;
		if (mn_flush_lock(&root->rwsem))
			return -EINTR;
		*last_root = root;
	}
	return 0;
}

/**
 * mn_flush_untracked() - wait out what began before the pointer was published
 * @mm: the mm
 *
 * Neighbours mostly share a mapping or a root, so that one flush serves a run
 * of VMAs.  Callers must not make translations before this returns zero.
 *
 * Context: May sleep.  Caller holds mmap_lock for write and no reverse map
 * lock.
 * Return: 0, or -EINTR if a signal is pending.
 */
int mn_flush_untracked(struct mm_struct *mm)
{
	struct address_space *last_mapping = NULL;
	struct anon_vma *last_root = NULL;
	struct vm_area_struct *vma;
	VMA_ITERATOR(vmi, mm, 0);

	mmap_assert_write_locked(mm);
	for_each_vma(vmi, vma) {
		if (signal_pending(current))
			return -EINTR;
		vma_start_write(vma);
		if (mn_flush_rmap(vma, &last_mapping, &last_root))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
