// SPDX-License-Identifier: GPL-2.0
/*
 * An emulated GRU: its memory, and how it comes and goes.
 *
 * Nothing is emulated unless the parameter "emulation" of the module asks for
 * it, and memory was set aside when the machine was booted:
 *
 *	reserve_mem=256M:128M:gru gru.emulation=1
 *
 * See Documentation/misc-devices/sgi-gru-emulation.rst.
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asm/tsc.h>

#include "../gru_emu.h"
#include "emu.h"

/* The label of the memory in reserve_mem=. */
#define GRU_EMU_LABEL	"gru"

bool gru_emu_on __read_mostly;
struct gru_emu gru_emu;

module_param_named(emulation, gru_emu_on, bool, 0444);
MODULE_PARM_DESC(emulation, "Emulate the GRU, in memory that reserve_mem= has set aside");

unsigned int gru_emu_asid_limit = GRU_HARDWARE_MAX_ASID;
module_param_named(emulation_max_asid, gru_emu_asid_limit, uint, 0444);
MODULE_PARM_DESC(emulation_max_asid, "ASIDs are below it, a multiple of 8; low ones make them wrap");

static unsigned int gru_emu_blades = 1;
module_param_named(emulation_blades, gru_emu_blades, uint, 0444);
MODULE_PARM_DESC(emulation_blades, "How many blades of two chiplets: 1 or 2, of 256 MiB each");

/**
 * gru_emu_chip_of() - the chiplet that an address is in
 * @address: in the kernel's mapping
 *
 * Return: the chiplet, or NULL.
 */
struct gru_emu_chip *gru_emu_chip_of(const void *address)
{
	unsigned long nr = (address - gru_emu.vaddr) / GRU_SIZE;

	return nr < gru_emu.nr ? gru_emu.chip[nr] : NULL;
}

/**
 * gru_emu_paddr() - where the chiplets are
 *
 * Return: the physical address.
 */
unsigned long gru_emu_paddr(void)
{
	return gru_emu.paddr;
}

/**
 * gru_emu_trim() - no more than was set aside is a GRU
 * @end: end of all that could be chiplets; corrected
 *
 * What comes after it is memory like any other.
 */
void gru_emu_trim(unsigned long *end)
{
	if (gru_emu_active())
		*end = gru_emu.paddr + gru_emu.nr * GRU_SIZE;
}

static int gru_emu_refuse(const char *why)
{
	pr_err("gru: no emulation: %s\n", why);
	return -EINVAL;
}

/* Below a chiplet's own alignment, addresses of handles mean nothing. */
static int gru_emu_find_memory(void)
{
	unsigned long need = gru_emu_blades * GRU_CHIPLETS_PER_BLADE * GRU_SIZE;
	phys_addr_t start, size;

	if (!reserve_mem_find_by_name(GRU_EMU_LABEL, &start, &size))
		return gru_emu_refuse("boot with reserve_mem=256M:128M:gru (per blade)");
	if (!IS_ALIGNED(start, GRU_SIZE) ||
	    !IS_ALIGNED((unsigned long)phys_to_virt(start), GRU_SIZE))
		return gru_emu_refuse("its memory is not aligned: reserve_mem=SIZE:128M:gru");
	if (size < need)
		return gru_emu_refuse("too little memory: reserve_mem= 256M for each blade");
	gru_emu.paddr = start;
	gru_emu.vaddr = phys_to_virt(start);
	gru_emu.blades = gru_emu_blades;
	return 0;
}

static int gru_emu_check_parameters(void)
{
	if (!gru_emu_blades || gru_emu_blades > GRU_EMU_MAX_BLADES ||
	    gru_emu_blades > GRU_MAX_BLADES ||
	    gru_emu_blades > num_possible_cpus())
		return gru_emu_refuse("emulation_blades is 1 or 2, and not above the processors");
	if (!IS_ALIGNED(gru_emu_asid_limit, ASID_INC) ||
	    gru_emu_asid_limit > GRU_HARDWARE_MAX_ASID ||
	    gru_emu_asid_limit < (GRU_NUM_CCH + 2) * ASID_INC)
		return gru_emu_refuse("emulation_max_asid is a multiple of 8, 144 to 0xfffff0");
	/* The driver measures its patience with the chip by it. */
	if (!tsc_khz)
		return gru_emu_refuse("the processor has no usable TSC");
	return 0;
}

static int gru_emu_add_chip(unsigned int gid)
{
	struct gru_emu_chip *chip = vzalloc(sizeof(*chip));
	unsigned int i;

	if (!chip)
		return -ENOMEM;
	spin_lock_init(&chip->lock);
	init_waitqueue_head(&chip->wait);
	chip->base = gru_emu.vaddr + gid * GRU_SIZE;
	chip->gid = gid;
	for (i = 0; i < GRU_NUM_CBE; i++)
		chip->cbr[i].ctx = -1;
	/* The handles; a context's part is cleared when it is allocated. */
	memset(chip->base + GRU_MCS_BASE, 0,
	       GRU_CCH_BASE - GRU_MCS_BASE + GRU_NUM_CCH * GRU_HANDLE_STRIDE);
	gru_emu.chip[gid] = chip;
	gru_emu.nr++;
	return 0;
}

static int gru_emu_start_engines(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < gru_emu.nr && !ret; i++)
		ret = gru_emu_engine_start(gru_emu.chip[i]);
	return ret;
}

static void gru_emu_remove_chips(void)
{
	struct gru_emu_chip *chip;

	while (gru_emu.nr) {
		chip = gru_emu.chip[--gru_emu.nr];
		gru_emu_engine_stop(chip);
		spin_lock_irq(&chip->lock);
		gru_emu_tlb_clear(chip);
		spin_unlock_irq(&chip->lock);
		vfree(chip);
	}
}

static int gru_emu_add_chips(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < gru_emu_blades * GRU_CHIPLETS_PER_BLADE; i++) {
		ret = gru_emu_add_chip(i);
		if (ret)
			return ret;
	}
	return gru_emu_start_engines();
}

/**
 * gru_emu_init() - have a GRU, if one is asked for
 *
 * Before anything else of the driver.
 *
 * Context: process, may sleep.
 * Return: 0, also if none is asked for, or why there is none.
 */
int gru_emu_init(void)
{
	int ret;

	if (!gru_emu_on)
		return 0;
	init_waitqueue_head(&gru_emu.hold_wait);
	gru_emu.knobs.magic = true;
	ret = gru_emu_check_parameters() ?: gru_emu_find_memory();
	if (ret)
		return ret;
	ret = gru_emu_tlb_init();
	if (ret)
		return ret;
	ret = gru_emu_uv_init(gru_emu_blades);
	if (ret)
		goto tlb;
	ret = gru_emu_add_chips();
	if (ret)
		goto chips;
	pr_info("gru: %u emulated chiplets at %#lx\n", gru_emu.nr,
		gru_emu.paddr);
	return 0;
chips:
	gru_emu_remove_chips();
	gru_emu_uv_exit();
tlb:
	gru_emu_tlb_exit();
	return ret;
}

/**
 * gru_emu_exit() - undo gru_emu_init(), after all of the driver has gone
 *
 * Context: process, may sleep.
 */
void gru_emu_exit(void)
{
	if (!gru_emu_on)
		return;
	gru_emu_remove_chips();
	gru_emu_uv_exit();
	gru_emu_tlb_exit();
}
