/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a page table changes: events, and the causes behind them.
 *
 * An event says what happens to the translations of a range, and is all that a
 * subscriber has to know.  A cause says what the kernel is doing, for those who
 * can do better by knowing: not to give back to a page that is being swapped
 * out what it had, to expect a page that was split to come back in pieces, to
 * take no lock when memory has run out.
 *
 * MMU_NOTIFIER_CAUSES is the one place that says which event belongs to which
 * cause.  Code that changes page tables names the cause alone, so that the same
 * cause is the same event in every path.
 */
#ifndef _LINUX_MMU_NOTIFIER_CAUSE_H
#define _LINUX_MMU_NOTIFIER_CAUSE_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

/**
 * enum mmu_notifier_event - what an invalidation means for translations
 * @MMU_NOTIFY_UNMAP: the addresses lose their mapping: munmap(), exit, the old
 *	place of mremap(), the OOM reaper
 * @MMU_NOTIFY_CLEAR: entries are cleared or made to name other pages, while
 *	the mapping itself stays: madvise(), COW, reclaim, KSM, THP and others
 * @MMU_NOTIFY_PROTECTION_VMA: access rights change for the whole range at
 *	once, and the VMA's permissions say to what
 * @MMU_NOTIFY_PROTECTION_PAGE: access rights change page by page; only the
 *	page table, read after the end, says to what
 * @MMU_NOTIFY_SOFT_DIRTY: entries are write-protected in order to find out
 *	which pages are written; a secondary write has to count as one
 * @MMU_NOTIFY_RELEASE: the address space goes away; interval subscribers get
 *	this instead of a release callout
 * @MMU_NOTIFY_MIGRATE: pages are collected for migration to or from a device;
 *	the device that is named as owner may keep its own device-private pages
 * @MMU_NOTIFY_EXCLUSIVE: a device gets exclusive access (owner says which), or
 *	loses it (owner is NULL)
 */
enum mmu_notifier_event {
	MMU_NOTIFY_UNMAP = 0,
	MMU_NOTIFY_CLEAR,
	MMU_NOTIFY_PROTECTION_VMA,
	MMU_NOTIFY_PROTECTION_PAGE,
	MMU_NOTIFY_SOFT_DIRTY,
	MMU_NOTIFY_RELEASE,
	MMU_NOTIFY_MIGRATE,
	MMU_NOTIFY_EXCLUSIVE,
};

#define MMU_NOTIFY_NR_EVENTS	(MMU_NOTIFY_EXCLUSIVE + 1)

/*
 * _(cause, event, name in traces, by address)
 *
 * By address: who changes the page table goes by addresses and asked for this
 * change, so &struct mmu_notifier_scope applies.  What is done to a page wherever
 * it is mapped is nobody's own doing.
 *
 * UNKNOWN	 callers of mmu_notifier_range_init(), which give an event
 * UNMAP	 munmap(), a mapping put over another, exit
 * MREMAP	 the old place of mremap()
 * OOM		 the OOM reaper and process_mrelease(); never blocks
 * RELEASE	 the address space goes away
 * DISCARD	 contents are thrown away, the mapping stays: MADV_DONTNEED and
 *		 MADV_FREE, truncation and holes, drivers that take pages back
 * COW		 a page is copied because it is written to
 * UPROBE	 a breakpoint is put in, or taken out
 * UFFD_MOVE	 UFFDIO_MOVE takes the page to another address
 * KSM		 a page is compared, and merged with others
 * THP_SPLIT	 a huge page, or its entry, is split
 * THP_COLLAPSE	 small pages become a huge one
 * RECLAIM	 the page is swapped out, or written back and dropped
 * MIGRATE	 the page is moved to other memory of the CPUs
 * HWPOISON	 the page is broken
 * UNSHARE	 a page table of hugetlb pages is shared no longer
 * PROTECT	 mprotect()
 * NUMA_HINT	 the next access shall tell which node makes it
 * UFFD_WP	 write protection by userfaultfd
 * FORK		 private pages are write-protected for a child
 * CLEAN	 a shared page is written back: it is to be dirtied anew
 * SOFT_DIRTY	 /proc/PID/clear_refs
 * DEV_MIGRATE	 pages are collected for migration to or from a device
 * EXCLUSIVE	 a device gets or loses exclusive access
 */
#define MMU_NOTIFIER_CAUSES(_)						\
	_(UNKNOWN,	CLEAR,		 "unknown",	 true)		\
	_(UNMAP,	UNMAP,		 "unmap",	 true)		\
	_(MREMAP,	UNMAP,		 "mremap",	 true)		\
	_(OOM,		UNMAP,		 "oom",		 false)		\
	_(RELEASE,	RELEASE,	 "release",	 false)		\
	_(DISCARD,	CLEAR,		 "discard",	 true)		\
	_(COW,		CLEAR,		 "cow",		 true)		\
	_(UPROBE,	CLEAR,		 "uprobe",	 false)		\
	_(UFFD_MOVE,	CLEAR,		 "uffd_move",	 true)		\
	_(KSM,		CLEAR,		 "ksm",		 false)		\
	_(THP_SPLIT,	CLEAR,		 "thp_split",	 false)		\
	_(THP_COLLAPSE,	CLEAR,		 "thp_collapse", false)		\
	_(RECLAIM,	CLEAR,		 "reclaim",	 false)		\
	_(MIGRATE,	CLEAR,		 "migrate",	 false)		\
	_(HWPOISON,	CLEAR,		 "hwpoison",	 false)		\
	_(UNSHARE,	CLEAR,		 "unshare",	 true)		\
	_(PROTECT,	PROTECTION_VMA,	 "protect",	 true)		\
	_(NUMA_HINT,	PROTECTION_PAGE, "numa_hint",	 false)		\
	_(UFFD_WP,	PROTECTION_PAGE, "uffd_wp",	 true)		\
	_(FORK,		PROTECTION_PAGE, "fork",	 true)		\
	_(CLEAN,	PROTECTION_PAGE, "clean",	 false)		\
	_(SOFT_DIRTY,	SOFT_DIRTY,	 "soft_dirty",	 true)		\
	_(DEV_MIGRATE,	MIGRATE,	 "dev_migrate",	 true)		\
	_(EXCLUSIVE,	EXCLUSIVE,	 "exclusive",	 false)

#define MMU_CAUSE_ENUM(cause, event, name, by_address)	MMU_CAUSE_##cause,
enum mmu_notifier_cause {
	MMU_NOTIFIER_CAUSES(MMU_CAUSE_ENUM)
	MMU_NOTIFIER_NR_CAUSES
};

#undef MMU_CAUSE_ENUM

/* For masks of events that a subscriber wants to hear of. */
#define MMU_NOTIFY_BIT(event)	BIT(MMU_NOTIFY_##event)

/* Does @events, a mask where zero means all, have @event? */
static inline bool mmu_notifier_wants(unsigned long events,
				      enum mmu_notifier_event event)
{
	return !events || events & BIT(event);
}

/* The event that @cause is.  Folded where the cause is a constant. */
static __always_inline enum mmu_notifier_event
mmu_notifier_event_of(enum mmu_notifier_cause cause)
{
#define MMU_CAUSE_CASE(cause, event, name, by_address)			\
	case MMU_CAUSE_##cause: return MMU_NOTIFY_##event;

	switch (cause) {
	MMU_NOTIFIER_CAUSES(MMU_CAUSE_CASE)
	default: return MMU_NOTIFY_CLEAR;
	}
#undef MMU_CAUSE_CASE
}

#endif /* _LINUX_MMU_NOTIFIER_CAUSE_H */
