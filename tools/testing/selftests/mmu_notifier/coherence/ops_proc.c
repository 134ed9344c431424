// SPDX-License-Identifier: GPL-2.0
#include "matrix.h"
const struct op ops_proc[] = { { } };
