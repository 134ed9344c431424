/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness, with more time for a test than it has for those of fast machines:
 * a guest that is emulated, on a host that has more to do, is slow.
 */
#ifndef _XPMEM_TEST_FIXTURE_H
#define _XPMEM_TEST_FIXTURE_H

#include "../kselftest_harness.h"
#include "xp.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600

#endif /* _XPMEM_TEST_FIXTURE_H */
