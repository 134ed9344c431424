// SPDX-License-Identifier: GPL-2.0
/* A storm of invalidations: see storm.h. */
#include <string.h>

#include "storm.h"

/**
 * storm_subscribe() - prepare a storm
 * @storm:      the storm
 * @fd:         the device
 * @callout_us: how long the start of each invalidation is to take
 *
 * Return: true if the subscription was made.
 */
bool storm_subscribe(struct storm *storm, int fd, unsigned int callout_us)
{
	memset(storm, 0, sizeof(*storm));
	storm->fd = fd;
	storm->id = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	return storm->id >= 0 && !dev_rule(fd, (struct mnt_rule) {
		.id = storm->id,
		.op = MNT_OP_START,
		.delay_us = callout_us,
	});
}

/**
 * storm_add() - add a thread, which waits for storm_go()
 * @storm: the storm; has room for MAX_CHURNS
 * @addr:  its stretch
 * @len:   how long that is
 * @once:  what it does
 */
void storm_add(struct storm *storm, char *addr, size_t len,
	       int (*once)(char *addr, size_t len))
{
	churn_prepare(&storm->churns[storm->nr++], addr, len, once);
}

/**
 * storm_go() - let all threads begin
 * @storm: the storm
 */
void storm_go(struct storm *storm)
{
	unsigned int i;

	for (i = 0; i < storm->nr; i++)
		storm->churns[i].go = true;
}

/**
 * storm_stop() - end all threads
 * @storm: the storm
 *
 * Return: the rounds of the one that came round least often.
 */
unsigned long storm_stop(struct storm *storm)
{
	unsigned long least = -1UL;
	unsigned int i;

	for (i = 0; i < storm->nr; i++) {
		churn_stop(&storm->churns[i]);
		if (storm->churns[i].rounds < least)
			least = storm->churns[i].rounds;
	}
	return least;
}

int drop_next(char *addr, size_t len)
{
	static __thread size_t at;

	at = (at + PAGE) % len;
	touch(addr + at);
	return do_dontneed(addr + at, PAGE);
}

int protect_next(char *addr, size_t len)
{
	static __thread size_t at;

	at = (at + PAGE) % len;
	return do_protect(addr + at, PAGE);
}
