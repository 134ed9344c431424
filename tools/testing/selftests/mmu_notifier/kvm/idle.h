/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages were accessed, as the kernel tells by its bitmap of idle pages:
 * to set a bit clears the accessed bits of all that maps the page, and to read
 * it asks whether they were set since, by the process or by a guest.
 */
#ifndef _MMU_NOTIFIER_KVM_IDLE_H
#define _MMU_NOTIFIER_KVM_IDLE_H

#include <stdbool.h>
#include <stdint.h>

#define IDLE_MAX	2048

/* What is known of a page. */
enum idle_state {
	IDLE,
	YOUNG,
	MOVED,		/* another page has taken its place */
};

/**
 * struct idle - pages that are watched
 * @pagemap: where the pages are
 * @bitmap:  the kernel's
 * @mem:     the first page
 * @nr:      how many
 * @step:    pages in one that is known to the kernel; one, or a huge page
 * @pfn:     of each @step pages
 */
struct idle {
	int pagemap;
	int bitmap;
	const char *mem;
	unsigned int nr;
	unsigned int step;
	uint64_t pfn[IDLE_MAX];
};

const char *idle_why_not(void);
void idle_open(struct idle *idle, const char *mem, unsigned int nr,
	       unsigned int step);
void idle_close(struct idle *idle);
bool idle_set(struct idle *idle);
bool idle_set_all(struct idle *idle);
enum idle_state idle_get(const struct idle *idle, unsigned int page);

#endif /* _MMU_NOTIFIER_KVM_IDLE_H */
