// SPDX-License-Identifier: GPL-2.0
/*
 * The time limits that selftests set themselves are those of a machine; an
 * emulated one takes as many times longer as PATIENCE says. Linked with
 * --wrap=alarm. What hangs is ended by the guest's own limit on the program.
 */
#include <stdlib.h>

unsigned int __real_alarm(unsigned int seconds);
unsigned int __wrap_alarm(unsigned int seconds);

unsigned int __wrap_alarm(unsigned int seconds)
{
	const char *patience = getenv("PATIENCE");

	return __real_alarm(patience ? seconds * atoi(patience) : seconds);
}
