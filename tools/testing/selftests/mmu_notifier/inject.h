/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failing allocations, one by one: the nth that the calling thread makes, as
 * /proc/thread-self/fail-nth has it. Nobody else is affected.
 */
#ifndef _MMU_NOTIFIER_TEST_INJECT_H
#define _MMU_NOTIFIER_TEST_INJECT_H

#include <stdbool.h>

/**
 * struct sweep - over all allocations of an operation
 * @tries:   attempts at each, or 0 for one: whether there is an allocation may
 *           depend on what the allocator has in store
 * @skip:    try one of so many, but for the first and the last, which are all
 *           tried. 0, or MMU_NOTIFIER_FAULTS=all in the environment: try each
 * @nth:     the one that is to fail, from 1 on
 * @each:    leave none out any more
 * @attempt: at the same one, from 0 on
 * @hit:     the latest attempt came to the nth allocation
 * @failed:  it did not succeed
 * @points:  allocations that have been made to fail
 * @fatal:   those without which the operation failed
 * @any_hit: @hit in any of the attempts at this allocation
 * @any_failed: both in any of them
 */
struct sweep {
	unsigned int tries;
	unsigned int skip;
	unsigned int nth;
	unsigned int attempt;
	bool each;
	bool hit;
	bool failed;
	unsigned int points;
	unsigned int fatal;
	bool any_hit;
	bool any_failed;
};

const char *why_no_faults(void);
bool sweep_next(struct sweep *sweep);
void fault_arm(unsigned int nth);
bool fault_came(void);
void sweep_note(struct sweep *sweep, bool success);

#endif /* _MMU_NOTIFIER_TEST_INJECT_H */
