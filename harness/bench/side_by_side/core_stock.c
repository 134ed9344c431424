// SPDX-License-Identifier: GPL-2.0
/* The core of the base, where the compiler finds it; see native.py. */
#include "stock.h"
#include "mm/mmu_notifier.c"
