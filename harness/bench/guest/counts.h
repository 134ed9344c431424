/* SPDX-License-Identifier: GPL-2.0 */
/* Plugin counts: what the parts of the program share. */
#ifndef _BENCH_COUNTS_H
#define _BENCH_COUNTS_H

#include <stdint.h>

/* A section is over: so many times @op, in so many ticks. */
void say(const char *config, const char *op, unsigned int n, uint64_t ticks);
/* Within a section the timer is no reason to let somebody else run. */
void undisturbed(int yes);

/* ages.c */
void all_ages(void);

#endif /* _BENCH_COUNTS_H */
