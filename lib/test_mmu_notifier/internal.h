/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the test subscribers share.
 *
 *	device.c	the character device
 *	subscribe.c	making and ending subscriptions
 *	callouts.c	the callouts, and what they count
 *	mirror.c	what a device would map: translations, and their use
 *	fill.c		making them, by the reader's protocol of each kind
 *	check.c		comparing them with the page table
 *	read.c		the reader's protocol of intervals by itself, timed
 *	own.c		filters, and changes that a subscriber makes itself
 *	age.c		which pages were accessed, and the age op
 *
 * Only the API of 6.12 is used, so that the same module tests a kernel
 * without the series; but for readers that rely on the ranges in flight, and
 * for what there is not in 6.12: causes, filters, owners and the age op.
 */
#ifndef _TEST_MMU_NOTIFIER_INTERNAL_H
#define _TEST_MMU_NOTIFIER_INTERNAL_H

#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "uapi.h"

/**
 * struct mnt_sub - one subscription
 * @refs:     one of each open file that knows it, one of the core
 * @live:     held for read by who needs the subscription to stay; protects
 *            @left
 * @left:     MNT_DEL has begun; of MNT_GET, that of any user: nobody reads then
 * @kind:     enum mnt_kind
 * @mn:       of all kinds but MNT_INTERVAL
 * @interval: of MNT_INTERVAL
 * @lock:     protects all that follows; taken by callouts in any context
 * @mm:       whose page table it follows; the core holds a reference until it
 *            has ended
 * @ended:    MNT_DEL has returned, or free_notifier came
 * @released: the release callout is through
 * @rules:    by op
 * @rule_seq: changes with each rule
 * @wq:       held callouts wait here
 * @stats:    what user space gets
 * @log:      ring of callouts
 * @logged:   callouts put there since it was read
 * @first:    address of the first page of the mirror
 * @nr:       its pages, 0 if there is none; both written once
 * @mirror:   the translations, see MNT_FRAME_SHIFT; 0 is none
 * @puts:     of MNT_GET, made from inside callouts and not by MNT_DEL yet
 * @filters:  of MNT_FILTERED; protected by @live, held for write
 * @accessed: pages accessed since they were last aged, or 0
 */
struct mnt_sub {
	struct kref refs;
	struct rw_semaphore live;
	bool left;
	struct mm_struct *mm;
	unsigned int kind;
	struct mmu_notifier mn;
	struct mmu_interval_notifier interval;
	unsigned long first;
	unsigned long nr;

	spinlock_t lock;	/* protects what follows */
	bool ended;
	bool released;
	struct mnt_rule rules[MNT_NR_OPS];
	unsigned int rule_seq;
	wait_queue_head_t wq;
	struct mnt_stats stats;
	struct mnt_record log[MNT_LOG_SIZE];
	unsigned int logged;
	unsigned long *mirror;
	unsigned int puts;
	struct list_head filters;
	u64 accessed[MNT_ACCESSED_MAX];
};

/* One callout, as the common part sees it. */
struct mnt_call {
	enum mnt_op op;
	unsigned long start;
	unsigned long end;
	unsigned int event;
	unsigned int cause;
	const void *owner;
	unsigned int pages;
	bool may_block;
};

/* Of an open file: the subscriptions by number; MNT_LIVE until MNT_DEL. */
struct mnt_file {
	struct xarray subs;
};

/* What struct mnt_totals tells. */
extern atomic_t mnt_subs;
extern atomic_t mnt_files;
extern atomic_t mnt_unpaired;

#define MNT_LIVE	XA_MARK_1	/* 0 is that of the allocation */
#define MNT_MIRROR_MAX	4096

extern const struct mmu_notifier_ops mnt_ops[MNT_NR_KINDS];
extern const struct mmu_notifier_ops mnt_unmap_ops;
extern const struct mmu_interval_notifier_ops mnt_interval_ops;
extern const struct mmu_interval_notifier_ops mnt_interval_unmap_ops;

/* callouts.c */
struct mnt_rule mnt_call(struct mnt_sub *sub, const struct mnt_call *call);
void mnt_release(struct mmu_notifier *mn, struct mm_struct *mm);
void mnt_set_rule(struct mnt_sub *sub, const struct mnt_rule *rule);
void mnt_let_go(struct mnt_sub *sub);
void mnt_note_ended(struct mnt_sub *sub);

/* subscribe.c */
struct mnt_sub *mnt_alloc(unsigned int kind);
void mnt_put(struct mnt_sub *sub);
struct mnt_sub *mnt_find(struct mnt_file *file, u32 id);
struct mm_struct *mnt_get_mm(s32 pid);
long mnt_add(struct mnt_file *file, struct mnt_add *add);
long mnt_del(struct mnt_file *file, struct mnt_del *del);
void mnt_del_all(struct mnt_file *file);

/* mirror.c */
int mnt_mirror_alloc(struct mnt_sub *sub, unsigned long start,
		     unsigned long length);
void mnt_mirror_drop(struct mnt_sub *sub, unsigned long start,
		     unsigned long end);
void mnt_mirror_set(struct mnt_sub *sub, unsigned long addr,
		    unsigned long entry);
bool mnt_begin_read(struct mnt_sub *sub);
void mnt_end_read(struct mnt_sub *sub);
long mnt_mirror(struct mnt_sub *sub, struct mnt_mirror *mirror);

/* fill.c */
int mnt_fill_page(struct mnt_sub *sub, struct mm_struct *mm,
		  unsigned long addr, unsigned int flags, u32 *retries);
long mnt_fill(struct mnt_sub *sub, struct mnt_fill *fill);

/* check.c */
unsigned long mnt_primary(struct mm_struct *mm, unsigned long addr,
			  bool suspended);
long mnt_check(struct mnt_sub *sub, struct mnt_check *check);

/* age.c */
extern const struct mmu_notifier_ops mnt_age_ops;
extern const struct mmu_notifier_ops mnt_age_sleeps_ops;
bool mnt_has_age(void);
bool mnt_take_accessed(struct mnt_sub *sub, unsigned long start,
		       unsigned long end, bool clear);
long mnt_set_accessed(struct mnt_sub *sub, const struct mnt_accessed *arg);
long mnt_get_accessed(struct mnt_sub *sub, struct mnt_accessed *arg);

/* read.c */
long mnt_read(struct mnt_sub *sub, struct mnt_read *read);

/* own.c */
long mnt_filter(struct mnt_sub *sub, const struct mnt_filter *filter);
void mnt_free_filters(struct mnt_sub *sub);
long mnt_own(struct mnt_sub *sub, const struct mnt_own *own);

static inline struct mnt_sub *to_sub(struct mmu_notifier *mn)
{
	return container_of(mn, struct mnt_sub, mn);
}

/* Is there a translation of this address to be had? */
static inline bool mnt_in_mirror(const struct mnt_sub *sub, unsigned long addr)
{
	/* Pairs with mnt_mirror_alloc(). */
	unsigned long nr = smp_load_acquire(&sub->nr);

	return nr && addr >= sub->first &&
	       (addr - sub->first) >> PAGE_SHIFT < nr;
}

/* The translation of an address in the mirror; @sub->lock protects it. */
static inline unsigned long *mnt_entry(struct mnt_sub *sub, unsigned long addr)
{
	lockdep_assert_held(&sub->lock);
	return &sub->mirror[(addr - sub->first) >> PAGE_SHIFT];
}

#endif /* _TEST_MMU_NOTIFIER_INTERNAL_H */
