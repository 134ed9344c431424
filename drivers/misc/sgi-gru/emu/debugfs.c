// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/gru_emulation: knobs, what happened, and what the TLBs
 * hold.  Documentation/misc-devices/sgi-gru-emulation.rst has a table.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "../gru_emu.h"
#include "emu.h"

static struct dentry *gru_emu_dir;

static const char * const gru_emu_count_names[GRU_EMU_COUNTS] = {
	[GRU_EMU_INSTRUCTIONS]	= "instructions",
	[GRU_EMU_CHUNKS]	= "chunks",
	[GRU_EMU_EXCEPTIONS]	= "exceptions",
	[GRU_EMU_MISSES]	= "misses",
	[GRU_EMU_MODS]		= "mods",
	[GRU_EMU_TO_POLLING]	= "to_polling",
	[GRU_EMU_INTERRUPTS]	= "interrupts",
	[GRU_EMU_NO_CPU]	= "interrupts_without_cpu",
	[GRU_EMU_DROPINS]	= "dropins",
	[GRU_EMU_PRELOADS]	= "preloads",
	[GRU_EMU_DISCARDED]	= "dropins_discarded",
	[GRU_EMU_LATE]		= "late_answers",
	[GRU_EMU_RESTARTS]	= "restarts",
	[GRU_EMU_REPLAYS]	= "replays",
	[GRU_EMU_TGH]		= "tgh",
	[GRU_EMU_TGH_LOST]	= "tgh_lost",
	[GRU_EMU_TGH_EMPTY]	= "tgh_empty",
	[GRU_EMU_TGH_GLOBAL]	= "tgh_global",
	[GRU_EMU_PURGED]	= "purged",
	[GRU_EMU_PURGED_BESIDE]	= "purged_beside",
	[GRU_EMU_TLB_FULL]	= "tlb_full",
	[GRU_EMU_CCH]		= "cch",
	[GRU_EMU_CCH_REFUSED]	= "cch_refused",
	[GRU_EMU_LOADS]		= "loads",
	[GRU_EMU_STATUS_AGAIN]	= "status_again",
	[GRU_EMU_STALE]		= "stale",
};

static unsigned long gru_emu_total(enum gru_emu_count what)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < gru_emu.nr; i++) {
		spin_lock_irq(&gru_emu.chip[i]->lock);
		sum += gru_emu.chip[i]->count[what];
		spin_unlock_irq(&gru_emu.chip[i]->lock);
	}
	return sum;
}

static int gru_emu_counters_show(struct seq_file *s, void *unused)
{
	unsigned int i;

	for (i = 0; i < GRU_EMU_COUNTS; i++)
		seq_printf(s, "%s %lu\n", gru_emu_count_names[i],
			   gru_emu_total(i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gru_emu_counters);

static int gru_emu_reset_set(void *data, u64 value)
{
	unsigned int i;

	for (i = 0; i < gru_emu.nr; i++) {
		spin_lock_irq(&gru_emu.chip[i]->lock);
		memset(gru_emu.chip[i]->count, 0,
		       sizeof(gru_emu.chip[i]->count));
		spin_unlock_irq(&gru_emu.chip[i]->lock);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gru_emu_reset_fops, NULL, gru_emu_reset_set, "%llu\n");

/* A chip may forget what it likes, so this never does harm. */
static int gru_emu_forget_set(void *data, u64 value)
{
	unsigned int i;

	for (i = 0; i < gru_emu.nr; i++) {
		spin_lock_irq(&gru_emu.chip[i]->lock);
		gru_emu_tlb_clear(gru_emu.chip[i]);
		spin_unlock_irq(&gru_emu.chip[i]->lock);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gru_emu_forget_fops, NULL, gru_emu_forget_set,
			 "%llu\n");

static void gru_emu_show_entry(struct seq_file *s, unsigned int gid,
			       const struct gru_emu_entry *entry)
{
	seq_printf(s, "%u %#x %#lx %u %#lx %s\n", gid, entry->asid,
		   entry->vaddr, gru_emu_shift(entry->size), entry->pfn,
		   entry->dirty ? "rw" : "r");
}

/* A line for each entry: chiplet, ASID, address, log2 of the size, frame. */
static int gru_emu_tlb_show(struct seq_file *s, void *unused)
{
	struct gru_emu_entry *entry;
	struct gru_emu_chip *chip;
	unsigned int i, row;

	for (i = 0; i < gru_emu.nr; i++) {
		chip = gru_emu.chip[i];
		for (row = 0; row < GRU_EMU_ROWS; row++) {
			spin_lock_irq(&chip->lock);
			hlist_for_each_entry(entry, &chip->tlb.rows[row], row)
				gru_emu_show_entry(s, i, entry);
			spin_unlock_irq(&chip->lock);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gru_emu_tlb);

/* To read it is to ask it. */
static int gru_emu_oracle_show(struct seq_file *s, void *unused)
{
	struct gru_emu_verdict verdict = {};
	unsigned int i;

	for (i = 0; i < gru_emu.nr; i++)
		gru_emu_oracle(gru_emu.chip[i], &verdict);
	seq_printf(s, "checked %lu\nstale %lu\n", verdict.checked,
		   verdict.stale);
	if (verdict.stale) {
		seq_puts(s, "first ");
		gru_emu_show_entry(s, verdict.gid, &verdict.first);
		seq_printf(s, "primary %#lx\n", verdict.primary);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(gru_emu_oracle);

/* Run so many chunks, or until nothing is left that can be run. */
static int gru_emu_run_set(void *data, u64 chunks)
{
	unsigned long ran;
	unsigned int i;

	do {
		ran = 0;
		for (i = 0; i < gru_emu.nr && ran < chunks; i++)
			ran += gru_emu_pass(gru_emu.chip[i], chunks - ran);
		chunks -= ran;
		cond_resched();
	} while (ran && chunks && !signal_pending(current));
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gru_emu_run_fops, NULL, gru_emu_run_set, "%llu\n");

static int gru_emu_step_get(void *data, u64 *value)
{
	*value = READ_ONCE(gru_emu.knobs.step);
	return 0;
}

static int gru_emu_step_set(void *data, u64 value)
{
	unsigned int i;

	WRITE_ONCE(gru_emu.knobs.step, value);
	for (i = 0; i < gru_emu.nr; i++) {
		/* After this, no engine is in a chunk that it began before. */
		spin_lock_irq(&gru_emu.chip[i]->lock);
		spin_unlock_irq(&gru_emu.chip[i]->lock);
		wake_up(&gru_emu.chip[i]->wait);
	}
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gru_emu_step_fops, gru_emu_step_get, gru_emu_step_set,
			 "%llu\n");

static int gru_emu_hold_get(void *data, u64 *value)
{
	*value = READ_ONCE(gru_emu.knobs.hold_dropin);
	return 0;
}

static int gru_emu_hold_set(void *data, u64 value)
{
	WRITE_ONCE(gru_emu.knobs.hold_dropin, value);
	wake_up_all(&gru_emu.hold_wait);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(gru_emu_hold_fops, gru_emu_hold_get, gru_emu_hold_set,
			 "%llu\n");

/**
 * gru_emu_hold() - the knob hold_dropin: wait until it is turned back
 *
 * Context: process, may sleep. A signal that kills ends the wait as well.
 */
void gru_emu_hold(void)
{
	if (!READ_ONCE(gru_emu.knobs.hold_dropin))
		return;
	atomic_inc(&gru_emu.held);
	(void)wait_event_killable(gru_emu.hold_wait,
				  !READ_ONCE(gru_emu.knobs.hold_dropin));
	atomic_dec(&gru_emu.held);
}

/**
 * gru_emu_open() - the driver is ready: let tests at the chip
 */
void gru_emu_open(void)
{
	struct gru_emu_knobs *knobs = &gru_emu.knobs;
	struct dentry *dir;

	if (!gru_emu_active())
		return;
	dir = debugfs_create_dir("gru_emulation", NULL);
	gru_emu_dir = dir;
	debugfs_create_file("counters", 0444, dir, NULL,
			    &gru_emu_counters_fops);
	debugfs_create_file("reset", 0200, dir, NULL, &gru_emu_reset_fops);
	debugfs_create_file("forget", 0200, dir, NULL, &gru_emu_forget_fops);
	debugfs_create_file("tlb", 0400, dir, NULL, &gru_emu_tlb_fops);
	debugfs_create_file("oracle", 0400, dir, NULL, &gru_emu_oracle_fops);
	debugfs_create_file("step", 0600, dir, NULL, &gru_emu_step_fops);
	debugfs_create_file("run", 0200, dir, NULL, &gru_emu_run_fops);
	debugfs_create_file("hold_dropin", 0600, dir, NULL,
			    &gru_emu_hold_fops);
	debugfs_create_bool("strict", 0600, dir, &knobs->strict);
	debugfs_create_bool("magic", 0600, dir, &knobs->magic);
	debugfs_create_bool("watch", 0600, dir, &knobs->watch);
	debugfs_create_atomic_t("lose_tgh", 0600, dir, &knobs->lose_tgh);
	debugfs_create_atomic_t("held", 0400, dir, &gru_emu.held);
}

/**
 * gru_emu_close() - the driver is about to go: nobody uses a knob after that
 */
void gru_emu_close(void)
{
	debugfs_remove(gru_emu_dir);
}
