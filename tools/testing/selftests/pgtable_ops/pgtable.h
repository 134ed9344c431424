/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of hugetlb's page tables share: places to map at, the state
 * of the pool, and what the kernel says about a process.
 */
#ifndef _PGTABLE_TEST_H
#define _PGTABLE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../mmu_notifier/klog.h"
#include "../mmu_notifier/util.h"

#define HUGE	(2UL << 20)
#define GIGA	(1024UL << 20)
/* For each test; a kernel with checkers on a loaded machine is slow. */
#define LIMIT_S	600

/* The pool of pages of 2 MiB, in pages. */
struct pool {
	long total;
	long free;
	long reserved;
	long surplus;
};

/* What the compiler neither leaves out nor does twice. */
static inline uint64_t get_word(const void *addr)
{
	return __atomic_load_n((const uint64_t *)addr, __ATOMIC_RELAXED);
}

static inline void set_word(void *addr, uint64_t value)
{
	__atomic_store_n((uint64_t *)addr, value, __ATOMIC_RELAXED);
}

struct pool pool_now(void);
bool pool_is(struct pool before);
bool pool_has(long pages);

char *place(size_t length);
char *map_huge(char *at, size_t length, int flags);
char *map_small(char *at, size_t length);
void fill(char *addr, size_t length, unsigned int seed);
bool filled(const char *addr, size_t length, unsigned int seed);
bool can_write(char *addr);
bool can_read(char *addr);

long status_kb(const char *name);
long times_mapped(const char *addr);
bool is_killed(pid_t pid, int signal);

#endif /* _PGTABLE_TEST_H */
