/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: callouts that change the page table of another mm.
 */
#ifndef _LINUX_MMU_NOTIFIER_NESTED_H
#define _LINUX_MMU_NOTIFIER_NESTED_H

#include <linux/lockdep.h>
#include <linux/mmu_notifier.h>

/**
 * mmu_notifier_nested_begin() - a callout changes the page table of another mm
 *
 * For a subscriber whose translations are page table entries of another mm: to
 * withdraw them is an invalidation there.  Lockdep knows all callouts as one,
 * and would take that for a recursion.  The subscriber has to see to it that no
 * such chain comes back to where it began.
 *
 * Context: Anywhere; mmu_notifier_nested_end() is due in the same task.
 * Return: for mmu_notifier_nested_end().
 */
static inline bool mmu_notifier_nested_begin(void)
{
#if defined(CONFIG_LOCKDEP) && defined(CONFIG_MMU_NOTIFIER)
	if (lock_is_held(&__mmu_notifier_invalidate_range_start_map)) {
		lock_map_release(&__mmu_notifier_invalidate_range_start_map);
		return true;
	}
#endif
	return false;
}

/**
 * mmu_notifier_nested_end() - it has been changed
 * @nested: what mmu_notifier_nested_begin() has returned
 */
static inline void mmu_notifier_nested_end(bool nested)
{
#if defined(CONFIG_LOCKDEP) && defined(CONFIG_MMU_NOTIFIER)
	if (nested)
		lock_map_acquire(&__mmu_notifier_invalidate_range_start_map);
#endif
}

#endif /* _LINUX_MMU_NOTIFIER_NESTED_H */
