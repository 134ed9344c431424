/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A storm of invalidations: threads that never stop, each on a stretch of its
 * own, and a subscriber that makes each of them take a while, so that some
 * range is in flight at almost any time.
 */
#ifndef _MMU_NOTIFIER_KVM_STORM_H
#define _MMU_NOTIFIER_KVM_STORM_H

#include "../util.h"

#define MAX_CHURNS	4
#define STORM_US	500	/* for storm_subscribe(), each callout */

struct storm {
	int fd;
	int id;
	unsigned int nr;
	struct churn churns[MAX_CHURNS];
};

bool storm_subscribe(struct storm *storm, int fd, unsigned int callout_us);
void storm_add(struct storm *storm, char *addr, size_t len,
	       int (*once)(char *addr, size_t len));
void storm_go(struct storm *storm);
unsigned long storm_stop(struct storm *storm);

/* For storm_add(): one page after the other, which is written first. */
int drop_next(char *addr, size_t len);
int protect_next(char *addr, size_t len);

#endif /* _MMU_NOTIFIER_KVM_STORM_H */
