// SPDX-License-Identifier: GPL-2.0
/* The core of the series, without the assertions that tests want. */
#include <linux/mm.h>
#undef CONFIG_MMU_NOTIFIER_DEBUG
#include "mm/mmu_notifier.c"
#include "mm/mmu_notifier_interval.c"
#include "mm/mmu_notifier_register.c"
#include "mm/mmu_notifier_filter.c"
#include "mm/mmu_notifier_slotless.c"
#include "mm/mmu_notifier_age.c"
#include "mm/mmu_notifier_age_batch.c"
#include "mm/mmu_notifier_young.c"
#include "mm/range_tracker.c"
