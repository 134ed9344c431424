/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver asks of an emulated GRU.
 *
 * Each function is one seam: a place where the driver meets hardware that an
 * ordinary machine has not got.  With no emulation asked for, each is a test
 * of one variable; without CONFIG_SGI_GRU_EMULATION, nothing at all.
 * See Documentation/misc-devices/sgi-gru-emulation.rst.
 */
#ifndef _GRU_EMU_H
#define _GRU_EMU_H

#include <linux/types.h>

/* The last ASID that the driver gives out, on hardware. */
#define GRU_HARDWARE_MAX_ASID	0xfffff0

#ifdef CONFIG_SGI_GRU_EMULATION

extern bool gru_emu_on;
extern unsigned int gru_emu_asid_limit;

static inline bool gru_emu_active(void)
{
	return gru_emu_on;
}

int gru_emu_init(void);
void gru_emu_exit(void);
void gru_emu_open(void);
void gru_emu_close(void);
unsigned long gru_emu_paddr(void);
void gru_emu_trim(unsigned long *end);
void gru_emu_operate(void *handle);
void gru_emu_step(void *cb);
void gru_emu_hold(void);

/* A handle's start bit was set: what hardware does now. */
static inline void gru_emu_start(void *handle)
{
	if (gru_emu_active())
		gru_emu_operate(handle);
}

/* A kernel thread spins on a control block: let the chip get on. */
static inline void gru_emu_relax(void *cb)
{
	if (gru_emu_active())
		gru_emu_step(cb);
}

/* The driver has translated a miss, and is about to answer it; may sleep. */
static inline void gru_emu_before_dropin(void)
{
	if (gru_emu_active())
		gru_emu_hold();
}

static inline unsigned int gru_emu_max_asid(void)
{
	return gru_emu_active() ? gru_emu_asid_limit : GRU_HARDWARE_MAX_ASID;
}

#else /* !CONFIG_SGI_GRU_EMULATION */

static inline bool gru_emu_active(void)
{
	return false;
}

static inline int gru_emu_init(void)
{
	return 0;
}

static inline void gru_emu_exit(void)
{
}

static inline void gru_emu_open(void)
{
}

static inline void gru_emu_close(void)
{
}

static inline unsigned long gru_emu_paddr(void)
{
	return 0;
}

static inline void gru_emu_trim(unsigned long *end)
{
}

static inline void gru_emu_start(void *handle)
{
}

static inline void gru_emu_relax(void *cb)
{
}

static inline void gru_emu_before_dropin(void)
{
}

static inline unsigned int gru_emu_max_asid(void)
{
	return GRU_HARDWARE_MAX_ASID;
}

#endif /* CONFIG_SGI_GRU_EMULATION */
#endif /* _GRU_EMU_H */
