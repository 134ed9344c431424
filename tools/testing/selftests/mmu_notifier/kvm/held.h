/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Invalidations that are held open: a thread drops a range with
 * MADV_DONTNEED, and a test subscriber blocks in one of its callouts.
 *
 * KVM's own callouts come before or after. To be in the middle of the
 * invalidation as KVM sees it, the start has to be held by a subscriber that
 * is called after KVM, the end by one that is called before it. Both orders
 * are those of the lists: the latest one is called first.
 */
#ifndef _MMU_NOTIFIER_KVM_HELD_H
#define _MMU_NOTIFIER_KVM_HELD_H

#include "guest.h"

#define MAX_HELD	8

/* One range; a subscription has one rule for each kind of callout. */
struct held {
	int fd;
	int id;
	unsigned int op;
	struct churn churn;
};

bool held_subscribe(struct held *held, int fd, unsigned int op);
void held_prepare(struct held *held, char *addr, size_t len);
bool held_start(struct held *held);
bool held_all_still(const struct held *held, int nr);
void held_let_go(struct held *held, int nr);

#endif /* _MMU_NOTIFIER_KVM_HELD_H */
