/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The emulated chip, as its debugfs files show it.
 */
#ifndef _SGI_GRU_COHERENCE_CHIP_H
#define _SGI_GRU_COHERENCE_CHIP_H

#include <stdbool.h>

#define CHIP	"/sys/kernel/debug/gru_emulation/"

/* What the emulator's own oracle found. */
struct chip_check {
	unsigned long checked;	/* entries of loaded contexts */
	unsigned long stale;
	char first[160];
};

bool chip_check(struct chip_check *check);
unsigned long chip_count(const char *name);
bool chip_set(const char *knob, unsigned long value);
unsigned long chip_get(const char *knob);
bool driver_statistics(bool on);
unsigned long driver_count(const char *name);
unsigned int driver_contexts(void);

#endif /* _SGI_GRU_COHERENCE_CHIP_H */
