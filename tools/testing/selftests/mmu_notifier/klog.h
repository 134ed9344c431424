/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's log while it reports what a test has asked for: the OOM killer
 * and failed allocations print stacks, which say nothing of interest. They are
 * kept off the console, and the test reads for itself whether there was
 * anything else.
 */
#ifndef _MMU_NOTIFIER_TEST_KLOG_H
#define _MMU_NOTIFIER_TEST_KLOG_H

#include <stdbool.h>

struct klog {
	int fd;
	char level[64];
	char line[512];
};

bool klog_begin(struct klog *klog);
const char *klog_trouble(struct klog *klog);
void klog_end(struct klog *klog);

#endif /* _MMU_NOTIFIER_TEST_KLOG_H */
