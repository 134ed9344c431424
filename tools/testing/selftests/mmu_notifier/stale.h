/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Translations that should not be there any more: comparing the mirror of a
 * test subscriber with the page table, and saying what was found.
 */
#ifndef _MMU_NOTIFIER_TEST_STALE_H
#define _MMU_NOTIFIER_TEST_STALE_H

#include "util.h"

extern const char *const sub_names[MNT_NR_KINDS];

bool compare_mirror(int fd, int id, unsigned int flags,
		    struct mnt_check *found);
unsigned int lateness_of(unsigned int kind);
bool keep_translations(int fd, int id);
void print_stale(int fd, int id, unsigned int kind,
		 const struct mnt_check *found);

#endif /* _MMU_NOTIFIER_TEST_STALE_H */
