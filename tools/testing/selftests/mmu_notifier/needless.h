/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Some PMDs of memory with a subscriber that says which parts of it were
 * announced, and why.
 */
#ifndef _MMU_NOTIFIER_TEST_NEEDLESS_H
#define _MMU_NOTIFIER_TEST_NEEDLESS_H

#include "util.h"

#define PMD	(2UL << 20)

struct watched {
	int fd;
	int list;
	int interval;
	char *addr;
	size_t len;
};

/* Starts for a change of protection; more than fit are counted only. */
struct callouts {
	int nr;
	struct {
		uint64_t start;
		uint64_t end;
	} range[4];
};

bool watched_make(struct watched *area, int fd, unsigned int pmds);
struct callouts watched_callouts(struct watched *area);
bool watched_page_out(char *page);

#endif /* _MMU_NOTIFIER_TEST_NEEDLESS_H */
