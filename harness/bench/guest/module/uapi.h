/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/notifier_bench: subscribers that do next to nothing, ranges held in
 * flight, and invalidations of nothing, all in the mm of the caller.
 *
 * lib/test_mmu_notifier counts and logs in its callouts, under a lock; that
 * would be most of what is measured.
 */
#ifndef _NOTIFIER_BENCH_UAPI_H
#define _NOTIFIER_BENCH_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum nb_kind {
	NB_LIST,
	NB_INTERVAL,
};

/* Subscribe @count times; interval i begins at start + i * stride. */
struct nb_add {
	__u32 kind;
	__u32 count;
	__u64 start;
	__u64 length;
	__u64 stride;
};

/* Range i is [start + i * stride, start + i * stride + length). */
struct nb_ranges {
	__u32 count;
	__u32 pad;
	__u64 start;
	__u64 length;
	__u64 stride;
};

/* Where start and end of an invalidation are, which modules cannot link. */
struct nb_functions {
	__u64 start;
	__u64 end;
};

#define NB_ADD		_IOW('B', 1, struct nb_add)
#define NB_DEL_ALL	_IO('B', 2)
#define NB_FUNCTIONS	_IOW('B', 3, struct nb_functions)
#define NB_HOLD		_IOW('B', 4, struct nb_ranges)	/* leave them open */
#define NB_LET_GO	_IO('B', 5)
#define NB_LOOP		_IOW('B', 6, struct nb_ranges)	/* start, end, each */

#endif /* _NOTIFIER_BENCH_UAPI_H */
