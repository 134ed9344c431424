/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/mmu_notifier_test: make subscriptions from user space, tell their
 * callouts how to behave, and read what they saw.
 *
 * Subscriptions belong to the open file.  Each has a number that stays valid
 * until the file is closed, also after MNT_DEL, so that what came too late can
 * be counted.  Every hold has a time limit, so nothing here can hang a task
 * for ever.
 */
#ifndef _TEST_MMU_NOTIFIER_UAPI_H
#define _TEST_MMU_NOTIFIER_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum mnt_kind {
	MNT_LIST,		/* start, end, release, aging */
	MNT_LIST_START,		/* start, release */
	MNT_SECONDARY,		/* secondary TLBs, release */
	MNT_AGING,		/* aging, release */
	MNT_GET,		/* as MNT_LIST, by mmu_notifier_get() */
	MNT_INTERVAL,		/* invalidate */
	MNT_FILTERED,		/* as MNT_LIST, for its filters only */
	MNT_NR_KINDS,		/* those that 6.12 can have */
	MNT_AGE = MNT_NR_KINDS,	/* age, release */
	MNT_AGE_SLEEPS,		/* the same, and age may sleep */
	MNT_NR_ALL_KINDS
};

enum mnt_op {
	MNT_OP_START,
	MNT_OP_END,
	MNT_OP_INVALIDATE,
	MNT_OP_RELEASE,
	MNT_OP_SECONDARY,
	MNT_OP_CLEAR_FLUSH_YOUNG,
	MNT_OP_CLEAR_YOUNG,
	MNT_OP_TEST_YOUNG,
	MNT_OP_AGE,
	MNT_NR_OPS
};

#define MNT_NR_EVENTS	8

/* As include/linux/mmu_notifier_cause.h has them. */
enum mnt_cause {
	MNT_UNKNOWN,
	MNT_UNMAP,
	MNT_MREMAP,
	MNT_OOM,
	MNT_RELEASE,
	MNT_DISCARD,
	MNT_COW,
	MNT_UPROBE,
	MNT_UFFD_MOVE,
	MNT_KSM,
	MNT_THP_SPLIT,
	MNT_THP_COLLAPSE,
	MNT_RECLAIM,
	MNT_MIGRATE,
	MNT_HWPOISON,
	MNT_UNSHARE,
	MNT_PROTECT,
	MNT_NUMA_HINT,
	MNT_UFFD_WP,
	MNT_FORK,
	MNT_CLEAN,
	MNT_SOFT_DIRTY,
	MNT_DEV_MIGRATE,
	MNT_EXCLUSIVE,
	MNT_NR_CAUSES
};

#define MNT_LOG_SIZE	128

/* mnt_add.flags: register with a signal pending (SIGUSR1) */
#define MNT_SIGNALLED	1
/* mnt_add.flags: starts, ends and invalidates of MMU_NOTIFY_UNMAP only */
#define MNT_UNMAPS_ONLY	2

/*
 * Subscribe.  @pid of 0 is the caller.  @start and @length are the bounds of an
 * interval; of all kinds but MNT_AGING they say what can be mirrored.  Of
 * MNT_FILTERED they are the first filter, which is all addresses without them.
 */
struct mnt_add {
	__s32 pid;
	__u32 kind;
	__u64 start;
	__u64 length;
	__u32 flags;
	__u32 id;		/* out */
	__u64 ns;		/* out: time that the registration took */
};

struct mnt_del {
	__u32 id;
	__u32 pad;
	__u64 ns;		/* out: time that it took */
};

/* mnt_rule.flags: a hold ends by its limit or a new rule, not by SIGKILL */
#define MNT_UNKILLABLE	1
/*
 * MNT_GET only: one callout, the next one, calls mmu_notifier_put() from
 * inside.  MNT_DEL has nothing left to do then, or one use less.
 */
#define MNT_PUT		2
/* mnt_rule.flags: be a broken subscriber, which keeps its translations */
#define MNT_KEEP	4
/* mnt_rule.flags: for one callout, the next one that overlaps */
#define MNT_ONCE	8

/*
 * What callouts of one op do if they overlap [start, end).  A new rule
 * replaces the old one and lets go those that it held.
 */
struct mnt_rule {
	__u32 id;
	__u32 op;
	__u64 start;
	__u64 end;		/* 0: no limit */
	__u32 hold_ms;		/* block for as long as this, if that is allowed */
	__u32 delay_us;		/* sleep, if that is allowed */
	__u32 answer;		/* refuse what must not block; or: young */
	__u32 flags;
};

struct mnt_stats {
	__u32 id;
	__u32 held;		/* callouts blocked by a rule now */
	__u32 expired;		/* holds that came to their time limit */
	__u32 calls[MNT_NR_OPS];
	__u32 events[MNT_NR_EVENTS];	/* of starts and invalidates */
	__u32 causes[MNT_NR_CAUSES];	/* likewise */
	__u32 mismatched;	/* likewise: events that their cause is not */
	__u32 nonblock;		/* starts and invalidates that must not block */
	__u32 refused;		/* of these, by rule */
	__u32 open;		/* starts that wait for their end */
	__u32 stray;		/* ends without a start */
	__u32 after_release;	/* callouts after release, ends left out */
	__u32 after_del;	/* callouts after MNT_DEL had returned */
	__u32 open_at_del;	/* @open when MNT_DEL had returned */
	__u32 frees;		/* free_notifier callouts */
};

struct mnt_record {
	__u32 op;
	__u32 event;		/* of starts, ends and invalidates; age: reason */
	__u32 blockable;
	__u32 cause;		/* likewise */
	__u32 owner;		/* likewise: enum mnt_owner */
	__u32 pages;		/* of age: how many are asked about */
	__u64 start;
	__u64 end;
};

enum mnt_owner {
	MNT_NOBODY,
	MNT_SELF,		/* this subscription */
	MNT_SOMEBODY,
};

/* The latest callouts, oldest first; reading empties the log. */
struct mnt_log {
	__u32 id;
	__u32 nr;		/* out */
	__u32 lost;		/* out */
	__u32 pad;
	__u64 records;		/* struct mnt_record[MNT_LOG_SIZE] */
};

/* @rounds of mmu_interval_read_begin() and _retry() */
struct mnt_read {
	__u32 id;
	__u32 rounds;
	__u32 retries;		/* out */
	__u32 done;		/* out: rounds; fewer if a signal came */
	__u64 max_ns;		/* out: the longest begin */
	__u64 total_ns;		/* out: all begins */
};

#define MNT_MIRROR_FAULT	1	/* make a translation if there is none */
#define MNT_MIRROR_WRITE	2	/* for write */
#define MNT_MIRROR_ONCE		4	/* give up what is being withdrawn */

/* Read a word through the mirror of a subscription. */
struct mnt_mirror {
	__u32 id;
	__u32 flags;
	__u64 addr;
	__u64 value;		/* out */
	__u32 present;		/* out: there was a translation already */
	__u32 retries;		/* out */
};

/* Make a translation of each page of a range that can be read (or written). */
struct mnt_fill {
	__u32 id;
	__u32 flags;		/* MNT_MIRROR_WRITE, MNT_MIRROR_ONCE */
	__u64 start;
	__u64 length;
	__u32 filled;		/* out: translations, also older ones */
	__u32 retries;		/* out */
};

/* mnt_check.flags: changes are under way, of which this kind is told late */
#define MNT_CHECK_LATE	1

/*
 * A translation, and what the page table says of its address: frame number,
 * MNT_CAN_READ and MNT_CAN_WRITE, or 0.
 */
#define MNT_CAN_READ	1
#define MNT_CAN_WRITE	2
#define MNT_FRAME_SHIFT	2

/*
 * Compare the mirror with the page table.  All kinds but MNT_SECONDARY drop a
 * translation before it is withdrawn from the page table, so this may be asked
 * at any time.  MNT_SECONDARY is told afterwards; meanwhile, with
 * MNT_CHECK_LATE, a translation is only stale if its page has been freed.
 */
struct mnt_check {
	__u32 id;
	__u32 flags;
	__u32 checked;		/* out: translations */
	__u32 stale;		/* out: of these */
	__u64 addr;		/* out: of the first stale one, which was */
	__u64 mirror;		/* ... this */
	__u64 primary;		/* ... where the page table has this */
	__u32 dead;		/* out: the mm has no users any more */
	__u32 pad;
};

/* mnt_filter.flags: remove it; otherwise add it */
#define MNT_FILTER_REMOVE	1

/* A filter of MNT_FILTERED. */
struct mnt_filter {
	__u32 id;
	__u32 flags;
	__u64 start;
	__u64 length;
};

/* What mnt_own.how says is done for the subscription, which owns it. */
#define MNT_OWN_UNMAP	0	/* unmap the range */
#define MNT_OWN_WRITE	1	/* look each page up for write */

struct mnt_own {
	__u32 id;
	__u32 how;
	__u64 start;
	__u64 length;
};

struct mnt_mm {
	__s32 pid;
	__u32 subscribed;	/* out: mm_has_notifiers() */
	__u32 tracks;		/* out: the core tracks ranges in flight */
	__u32 count;		/* out: references to the mm_struct */
};

/* Of all open files, and of what outlives them. */
struct mnt_totals {
	__u32 subs;		/* out: subscriptions in memory */
	__u32 files;		/* out: open files */
	__u32 unpaired;		/* out: freed though open, stray or late */
	__u32 pad;
};

#define MNT_ACCESSED_MAX	16

/*
 * Pages that count as accessed through the secondary MMU, until aging clears
 * that.  They replace those that were accessed before.
 */
struct mnt_accessed {
	__u32 id;
	__u32 nr;
	__u64 pages[MNT_ACCESSED_MAX];
};

#define MNT_ADD		_IOWR('N', 0x80, struct mnt_add)
#define MNT_DEL		_IOWR('N', 0x81, struct mnt_del)
#define MNT_RULE	_IOW('N', 0x82, struct mnt_rule)
#define MNT_STATS	_IOWR('N', 0x83, struct mnt_stats)
#define MNT_LOG		_IOWR('N', 0x84, struct mnt_log)
#define MNT_READ	_IOWR('N', 0x85, struct mnt_read)
#define MNT_MIRROR	_IOWR('N', 0x86, struct mnt_mirror)
#define MNT_MM		_IOWR('N', 0x87, struct mnt_mm)
#define MNT_TOTALS	_IOR('N', 0x88, struct mnt_totals)
#define MNT_FILL	_IOWR('N', 0x89, struct mnt_fill)
#define MNT_CHECK	_IOWR('N', 0x8a, struct mnt_check)
#define MNT_FILTER	_IOW('N', 0x8b, struct mnt_filter)
#define MNT_OWN		_IOW('N', 0x8c, struct mnt_own)
#define MNT_ACCESS	_IOW('N', 0x8d, struct mnt_accessed)
#define MNT_ACCESSED	_IOWR('N', 0x8e, struct mnt_accessed)

#endif /* _TEST_MMU_NOTIFIER_UAPI_H */
