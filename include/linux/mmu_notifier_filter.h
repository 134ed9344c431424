/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MMU notifiers: which addresses concern a subscriber, and what is its own doing.
 */
#ifndef _LINUX_MMU_NOTIFIER_FILTER_H
#define _LINUX_MMU_NOTIFIER_FILTER_H

#include <linux/interval_tree.h>
#include <linux/list.h>

struct mm_struct;
struct mmu_notifier;
struct task_struct;

/**
 * struct mmu_notifier_filter - addresses that concern a list subscriber
 * @node: the addresses, bounds inclusive
 * @sub:  the subscriber, NULL if the filter is not in force
 *
 * The subscriber owns the memory, zeroed at first, from
 * mmu_notifier_filter_add() to the return of mmu_notifier_filter_remove() or
 * mmu_notifier_unregister().  All of it is protected by
 * &mmu_notifier_subscriptions.lock.
 */
struct mmu_notifier_filter {
	struct interval_tree_node node;
	struct mmu_notifier *sub;
};

/**
 * struct mmu_notifier_scope - what a task changes for a subscriber
 * @node:  among the scopes of the mm
 * @task:  who is in it
 * @mm:    whose page table
 * @owner: named by the ranges that the task starts in this mm
 *
 * On the stack of the task, from mmu_notifier_scope_begin() to
 * mmu_notifier_scope_end(); protected by &mmu_notifier_subscriptions.lock.
 */
struct mmu_notifier_scope {
	struct hlist_node node;
	struct task_struct *task;
	struct mm_struct *mm;
	void *owner;
};

void mmu_notifier_filter_add(struct mmu_notifier *subscription,
			     struct mmu_notifier_filter *filter,
			     unsigned long start, unsigned long length);
void mmu_notifier_filter_remove(struct mmu_notifier_filter *filter);
void mmu_notifier_scope_begin(struct mmu_notifier_scope *scope,
			      struct mm_struct *mm, void *owner);
void mmu_notifier_scope_end(struct mmu_notifier_scope *scope);

#endif /* _LINUX_MMU_NOTIFIER_FILTER_H */
