// SPDX-License-Identifier: GPL-2.0
/* Invalidations that are held open: see held.h. */
#include "held.h"

/**
 * held_subscribe() - prepare to hold a range
 * @held: the range
 * @fd:   the device
 * @op:   which callout is going to block: MNT_OP_START or MNT_OP_END
 *
 * Return: true if the subscription was made.
 */
bool held_subscribe(struct held *held, int fd, unsigned int op)
{
	memset(held, 0, sizeof(*held));
	held->fd = fd;
	held->op = op;
	held->id = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	return held->id >= 0;
}

static int drop_once(char *addr, size_t len)
{
	/* An error ends the thread. */
	return do_dontneed(addr, len) ? -1 : 1;
}

/**
 * held_prepare() - make the thread, which cannot be made under another hold
 * @held: the range, subscribed
 * @addr: where it begins
 * @len:  how long it is
 */
void held_prepare(struct held *held, char *addr, size_t len)
{
	churn_prepare(&held->churn, addr, len, drop_once);
}

/**
 * held_start() - begin the invalidation
 * @held: the range, prepared
 *
 * Return: true if its callout is held now.
 */
bool held_start(struct held *held)
{
	const struct mnt_rule rule = {
		.id = held->id,
		.op = held->op,
		.start = (uintptr_t)held->churn.addr,
		.end = (uintptr_t)held->churn.addr + held->churn.len,
		.hold_ms = GUEST_HOLD_MS,
	};
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;

	if (dev_rule(held->fd, rule))
		return false;
	held->churn.go = true;
	while (!dev_stats(held->fd, held->id).held && now_ns() < until)
		sleep_ms(1);
	return dev_stats(held->fd, held->id).held == 1;
}

/**
 * held_let_go() - let invalidations come to their end
 * @held: the ranges, started or at least prepared
 * @nr:   how many
 *
 * All are let go before any thread is waited for: the end of a thread may
 * unmap a stack, which waits for mmap_lock.
 */
void held_let_go(struct held *held, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		dev_let_go(held[i].fd, held[i].id, held[i].op);
	for (i = 0; i < nr; i++)
		churn_stop(&held[i].churn);
}

/**
 * held_all_still() - have they all been held all the time?
 * @held: the ranges, started
 * @nr:   how many
 *
 * Return: true if so.
 */
bool held_all_still(const struct held *held, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (!dev_still_held(held[i].fd, held[i].id))
			return false;
	}
	return true;
}
