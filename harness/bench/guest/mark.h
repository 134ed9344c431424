/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The begin and the end of what is measured: no-ops that the plugin knows by
 * their displacement, and the time stamp counter, which counts instructions
 * when QEMU runs with -icount shift=0.
 */
#ifndef _BENCH_MARK_H
#define _BENCH_MARK_H

#include <stdint.h>

static inline uint64_t mark_time(void)
{
	uint32_t low, high;

	asm volatile("lfence; rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t mark_begin(void)
{
	asm volatile("nopl 0x4e4d0001(%%rax)" : : : "memory");
	return mark_time();
}

/* Returns the time since @began. */
static inline uint64_t mark_end(uint64_t began)
{
	uint64_t now = mark_time();

	asm volatile("nopl 0x4e4d0002(%%rax)" : : : "memory");
	return now - began;
}

#endif /* _BENCH_MARK_H */
