// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: the driver's handler, on the processor whose fault map it is.
 *
 * The chip's lock is not held, since the handler operates on handles.  The
 * handler reads and clears the fault map of the processor that it runs on.
 */
#include <linux/smp.h>
#include <asm/uv/uv_hub.h>

#include "emu.h"

static void gru_emu_handler(void *data)
{
	struct gru_emu_chip *chip = data;

	if (chip->gid % GRU_CHIPLETS_PER_BLADE)
		gru1_intr(0, NULL);
	else
		gru0_intr(0, NULL);
}

/* A processor of the chiplet's blade that uses this fault map, or -1. */
static int gru_emu_target(struct gru_emu_chip *chip, unsigned int map)
{
	int blade = chip->gid / GRU_CHIPLETS_PER_BLADE;
	int cpu;

	for_each_online_cpu(cpu) {
		if (uv_cpu_to_blade_id(cpu) == blade &&
		    uv_cpu_core_number(cpu) + UV_MAX_INT_CORES *
		    uv_cpu_socket_number(cpu) == map)
			return cpu;
	}
	return -1;
}

/* Nobody will read this fault map: users will notice their misses. */
static void gru_emu_no_cpu(struct gru_emu_chip *chip, unsigned int map)
{
	unsigned int nr;

	spin_lock_irq(&chip->lock);
	gru_emu_count(chip, GRU_EMU_NO_CPU);
	for (nr = 0; nr < GRU_NUM_CBE; nr++) {
		struct gru_emu_cbr *cbr = &chip->cbr[nr];

		if (cbr->ctx >= 0 && cbr->state == GRU_EMU_MISS && cbr->fmm &&
		    chip->ctx[cbr->ctx].select == map)
			gru_emu_poll(chip, nr);
	}
	spin_unlock_irq(&chip->lock);
}

/* Before the handler runs: what it restarts may be done before it returns. */
static void gru_emu_count_interrupt(struct gru_emu_chip *chip)
{
	spin_lock_irq(&chip->lock);
	gru_emu_count(chip, GRU_EMU_INTERRUPTS);
	spin_unlock_irq(&chip->lock);
}

static void gru_emu_deliver(struct gru_emu_chip *chip, unsigned int map)
{
	int cpu;

	/*
	 * Whoever waits in gru_emu_irq_sync() may be on this processor; and the
	 * target stays online.
	 */
	preempt_disable();
	cpu = gru_emu_target(chip, map);
	if (cpu >= 0) {
		gru_emu_count_interrupt(chip);
		atomic_inc(&chip->irq_busy);
		smp_call_function_single(cpu, gru_emu_handler, chip, 1);
		atomic_dec(&chip->irq_busy);
	}
	preempt_enable();
	if (cpu < 0)
		gru_emu_no_cpu(chip, map);
}

/**
 * gru_emu_raise() - deliver the interrupts that instructions have asked for
 * @chip: chiplet; its lock is not held
 *
 * Context: process, interrupts on. Waits for the handlers.
 */
void gru_emu_raise(struct gru_emu_chip *chip)
{
	unsigned long maps;
	unsigned int map;

	if (!READ_ONCE(chip->irqs))
		return;
	maps = xchg(&chip->irqs, 0);
	for_each_set_bit(map, &maps, GRU_NUM_TFM)
		gru_emu_deliver(chip, map);
}

/**
 * gru_emu_irq_sync() - wait for handlers that run
 * @chip: chiplet; its lock is not held
 *
 * Context: interrupts on, not in such a handler.
 */
void gru_emu_irq_sync(struct gru_emu_chip *chip)
{
	while (atomic_read(&chip->irq_busy))
		cpu_relax();
}
