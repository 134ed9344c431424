// SPDX-License-Identifier: GPL-2.0
/*
 * Control blocks of the kernel, one for each CPU of a blade.
 *
 * Whoever issues an instruction may sleep and migrate before it is complete, so
 * a CPU's number only says which control block is likely to be free.  A bit says
 * whether it is.  The context itself is kept by bs_kgts_sema, held for read.
 */
#include <linux/wait_bit.h>

#include "gru.h"
#include "grutables.h"

/**
 * gru_claim_kernel_cb() - have a control block of the kernel to oneself
 * @bs: the blade, whose bs_kgts_sema is held for read
 *
 * Context: May sleep, until whoever has it has finished an instruction.
 * Return: its number.
 */
int gru_claim_kernel_cb(struct gru_blade_state *bs)
{
	int nr = uv_blade_nr_possible_cpus(bs->bs_grus[0].gs_blade_id);
	int cb = gru_this_blade_cpu() % nr;

	lockdep_assert_held_read(&bs->bs_kgts_sema);
	wait_on_bit_lock(bs->bs_kernel_cbs, cb, TASK_UNINTERRUPTIBLE);
	return cb;
}

/* Whose control block is it?  That of another blade may come and go. */
static bool gru_kernel_cb_number(struct gru_blade_state *bs, void *cb, int *n)
{
	int nr = uv_blade_nr_possible_cpus(bs->bs_grus[0].gs_blade_id);
	unsigned long off = cb - READ_ONCE(bs->kernel_cb);

	*n = off / GRU_HANDLE_STRIDE;
	return off < nr * GRU_HANDLE_STRIDE;
}

/**
 * gru_unclaim_kernel_cb() - let others have it
 * @cb: address of the control block
 *
 * The caller may have come to another blade meanwhile.
 *
 * Context: Does not sleep.
 * Return: the blade whose bs_kgts_sema is still held.
 */
int gru_unclaim_kernel_cb(void *cb)
{
	int blade, n;

	for_each_possible_blade(blade) {
		if (!gru_kernel_cb_number(gru_base[blade], cb, &n))
			continue;
		clear_and_wake_up_bit(n, gru_base[blade]->bs_kernel_cbs);
		return blade;
	}
	WARN_ON_ONCE(1);
	return 0;
}
