// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver asks the UV platform: blades, processors of a blade, and
 * how addresses of the machine are made.  All of that is read from tables of
 * the architecture's code, which are empty on an ordinary machine.
 */
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <asm/uv/uv.h>
#include <asm/uv/uv_hub.h>

#include "emu.h"

/* No address has more bits: global addresses are the physical ones. */
#define GRU_EMU_PADDR_BITS	46

static struct uv_hub_info_s *gru_emu_hubs;
static void **gru_emu_hub_list;
static unsigned short *gru_emu_node_blade;

static void gru_emu_hub_init(struct uv_hub_info_s *hub, unsigned int blade)
{
	hub->hub_type = UV2;
	hub->hub_revision = UV2_HUB_REVISION_BASE;
	hub->m_val = GRU_EMU_PADDR_BITS;
	hub->m_shift = 64 - GRU_EMU_PADDR_BITS;
	hub->n_lshift = GRU_EMU_PADDR_BITS;
	hub->gpa_mask = GENMASK(GRU_EMU_PADDR_BITS - 1, 0);
	hub->pnode = blade;
	hub->pnode_mask = U16_MAX;
	hub->numa_blade_id = blade;
	hub->memory_nid = first_online_node;
	hub->node_to_socket = gru_emu_node_blade;
}

static void gru_emu_cpus_init(unsigned int blades)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct uv_hub_info_s *hub = &gru_emu_hubs[cpu % blades];

		uv_cpu_info_per(cpu)->p_uv_hub_info = hub;
		uv_cpu_info_per(cpu)->blade_cpu_id = hub->nr_possible_cpus++;
		if (cpu_online(cpu))
			hub->nr_online_cpus++;
	}
}

static void gru_emu_uv_free(void)
{
	kfree(gru_emu_hubs);
	kfree(gru_emu_hub_list);
	kfree(gru_emu_node_blade);
}

/**
 * gru_emu_uv_init() - make the machine look like one with blades
 * @blades: how many; processors are dealt out to them in turn
 *
 * Return: 0, -EBUSY on a real UV machine, or -ENOMEM.
 */
int gru_emu_uv_init(unsigned int blades)
{
	unsigned int i;

	if (is_uv_system() || __uv_hub_info_list) {
		pr_err("gru: no emulation: this is a UV machine\n");
		return -EBUSY;
	}
	gru_emu_hubs = kcalloc(blades, sizeof(*gru_emu_hubs), GFP_KERNEL);
	gru_emu_hub_list = kcalloc(MAX_NUMNODES, sizeof(*gru_emu_hub_list),
				   GFP_KERNEL);
	gru_emu_node_blade = kcalloc(MAX_NUMNODES, sizeof(*gru_emu_node_blade),
				     GFP_KERNEL);
	if (!gru_emu_hubs || !gru_emu_hub_list || !gru_emu_node_blade)
		goto free;
	/* gru_proc_init() makes a directory below it. */
	if (!proc_mkdir(UV_PROC_NODE, NULL))
		goto free;
	for (i = 0; i < blades; i++)
		gru_emu_hub_init(&gru_emu_hubs[i], i);
	for (i = 0; i < MAX_NUMNODES; i++) {
		gru_emu_node_blade[i] = i % blades;
		gru_emu_hub_list[i] = &gru_emu_hubs[i % blades];
	}
	gru_emu_cpus_init(blades);
	__uv_hub_info_list = gru_emu_hub_list;
	uv_possible_blades = blades;
	return 0;
free:
	gru_emu_uv_free();
	return -ENOMEM;
}

/**
 * gru_emu_uv_exit() - undo gru_emu_uv_init(), when the driver has gone
 */
void gru_emu_uv_exit(void)
{
	unsigned int cpu;

	uv_possible_blades = 0;
	__uv_hub_info_list = NULL;
	for_each_possible_cpu(cpu) {
		uv_cpu_info_per(cpu)->p_uv_hub_info = NULL;
		uv_cpu_info_per(cpu)->blade_cpu_id = 0;
	}
	remove_proc_entry(UV_PROC_NODE, NULL);
	gru_emu_uv_free();
}
