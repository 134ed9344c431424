/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints of the core, as functions that do nothing. */
#ifndef SHIM_TRACE_MMU_NOTIFIER_H
#define SHIM_TRACE_MMU_NOTIFIER_H

#include <linux/mmu_notifier.h>

#define mn_trace_clock(event)	((u64)0)
#define trace_mmu_notifier_callout_enabled()	false

static inline void trace_mmu_notifier_start(const void *range, int ret) { }
static inline void trace_mmu_notifier_end(const void *range) { }
static inline void trace_mmu_notifier_callout(const void *range, int op,
					      const void *fn, int ret,
					      u64 began) { }
static inline void trace_mmu_notifier_age(const void *aging, int op,
					  const void *fn, int young,
					  u64 began) { }
static inline void trace_mmu_notifier_register(const void *mm, const void *ops,
					       bool interval,
					       unsigned long start,
					       unsigned long last, int ret,
					       u64 began) { }
static inline void trace_mmu_notifier_unregister(const void *mm,
						 const void *ops,
						 bool interval,
						 unsigned long start,
						 unsigned long last, int ret,
						 u64 began) { }

#endif
