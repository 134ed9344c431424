// SPDX-License-Identifier: GPL-2.0
/*
 * The reader's protocol of intervals by itself: how long it waits, and how
 * often it has to be repeated.
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "internal.h"

/**
 * mnt_read() - MNT_READ
 * @sub:  an interval subscription
 * @read: how often; results are stored in it
 *
 * Return: 0, or -EINVAL if it is of another kind or has ended.
 */
long mnt_read(struct mnt_sub *sub, struct mnt_read *read)
{
	unsigned long seq;
	u64 began, ns;

	if (sub->kind != MNT_INTERVAL || !mnt_begin_read(sub))
		return -EINVAL;
	read->retries = 0;
	read->max_ns = 0;
	read->total_ns = 0;
	for (read->done = 0; read->done < read->rounds; read->done++) {
		if (fatal_signal_pending(current))
			break;
		began = ktime_get_ns();
		seq = mmu_interval_read_begin(&sub->interval);
		ns = ktime_get_ns() - began;
		read->max_ns = max(read->max_ns, ns);
		read->total_ns += ns;
		spin_lock(&sub->lock);
		if (mmu_interval_read_retry(&sub->interval, seq))
			read->retries++;
		spin_unlock(&sub->lock);
		cond_resched();
	}
	mnt_end_read(sub);
	return 0;
}
