/* SPDX-License-Identifier: GPL-2.0 */
/* Latencies: what the parts of the program share. */
#ifndef _BENCH_LATENCY_H
#define _BENCH_LATENCY_H

#include <stdint.h>

#include "../../../tools/testing/selftests/mmu_notifier/util.h"

/* One value; they are put together by what, and by number. */
void say(const char *what, unsigned long number, uint64_t value);
/* Several pages; @area becomes some VMAs with one anon_vma. */
char *many_vmas(unsigned int count);

/* latency_readers.c */
void readers(unsigned int invalidators);
/* latency_vm.c */
void vm_life(unsigned int vmas);
/* latency_faults.c */
void faults_held(unsigned int hold_ms);
void faults_disturbed(unsigned int threads);
/* latency_hot.c */
void hot_and_cold(unsigned int share);

#endif /* _BENCH_LATENCY_H */
