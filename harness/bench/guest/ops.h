/* SPDX-License-Identifier: GPL-2.0 */
/* The operations that are measured. */
#ifndef _BENCH_OPS_H
#define _BENCH_OPS_H

#include <stddef.h>

#define PAGE		4096UL
#define HUGE		(512 * PAGE)
/* Room for the longest section of any operation. */
#define AREA		(4 * HUGE)

/**
 * struct op - an operation
 * @name:    as the report calls it
 * @n:       how often it is done in the shorter section
 * @prepare: make it possible to do it @n times
 * @once:    do it the i-th time
 */
struct op {
	const char *name;
	unsigned int n;
	void (*prepare)(char *area, unsigned int n);
	void (*once)(char *area, unsigned int i);
};

extern const struct op ops[];
extern const unsigned int nr_ops;

/* Memory at a multiple of HUGE; nothing in it is populated. */
char *area_map(size_t length);

#endif /* _BENCH_OPS_H */
