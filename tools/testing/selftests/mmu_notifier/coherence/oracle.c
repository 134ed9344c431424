// SPDX-License-Identifier: GPL-2.0
/*
 * The user's side of the oracle: a subscriber with a mirror of the area.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <errno.h>

#include "matrix.h"

/* Those that have translations. */
const unsigned int oracle_kinds[] = {
	MNT_LIST, MNT_LIST_START, MNT_SECONDARY, MNT_INTERVAL, MNT_GET,
	MNT_FILTERED,
};

const unsigned int oracle_nr_kinds = ARRAY_SIZE(oracle_kinds);

/**
 * oracle_missing() - is there anything to subscribe with?
 *
 * Return: what there is not, or NULL.
 */
const char *oracle_missing(void)
{
	return why_no_device();
}

/**
 * oracle_step() - what the target does for the oracle
 * @area: the area
 * @what: the step
 *
 * Return: an error, as mirrors are not the target's own.
 */
int oracle_step(struct area *area, char what)
{
	(void)area;
	(void)what;
	return -EINVAL;
}

/**
 * oracle_start() - subscribe to the target, with a mirror of its area
 * @oracle: the oracle
 * @fd:     the device
 * @kind:   enum mnt_kind
 * @target: the target
 *
 * Return: true if that went well.
 */
bool oracle_start(struct oracle *oracle, int fd, unsigned int kind,
		  struct target *target)
{
	*oracle = (struct oracle) {
		.fd = fd,
		.kind = kind,
		.area = target->area,
		.target = target,
	};
	oracle->id = dev_add(fd, target->pid, kind, target->area->addr,
			     target->area->len, NULL);
	return oracle->id >= 0 && (!broken || keep_translations(fd, oracle->id));
}

static unsigned int fill(struct oracle *oracle, unsigned int flags)
{
	struct mnt_fill fill = {
		.id = oracle->id,
		.flags = flags,
		.start = (uintptr_t)oracle->area->addr,
		.length = oracle->area->len,
	};

	return ioctl(oracle->fd, MNT_FILL, &fill) ? 0 : fill.filled;
}

/**
 * oracle_fill() - translate the area
 * @oracle: the oracle
 * @write:  for write
 *
 * Return: the number of pages that are translated.
 */
unsigned int oracle_fill(struct oracle *oracle, bool write)
{
	return fill(oracle, write ? MNT_MIRROR_WRITE : 0);
}

static struct mnt_check check(struct oracle *oracle, unsigned int flags)
{
	struct mnt_check found;

	/* A mirror that cannot be checked is no mirror. */
	if (!compare_mirror(oracle->fd, oracle->id, flags, &found))
		found.stale = 1;
	return found;
}

static void *watch(void *arg)
{
	struct oracle *oracle = arg;

	while (!oracle->stop && !oracle->found.stale) {
		oracle->found = check(oracle, lateness_of(oracle->kind));
		oracle->looks++;
		if (oracle->reads)
			fill(oracle, MNT_MIRROR_ONCE);
	}
	return NULL;
}

/**
 * oracle_watch() - compare again and again, in a thread
 * @oracle: the oracle
 *
 * Returns when the mirror has been compared once.
 */
void oracle_watch(struct oracle *oracle)
{
	if (pthread_create(&oracle->watcher, NULL, watch, oracle)) {
		oracle->found.stale = 1;
		oracle->stop = true;
		return;
	}
	while (!oracle->looks)
		sched_yield();
}

/**
 * oracle_wait_look() - wait until all has been compared once more
 * @oracle: the oracle, which watches
 */
void oracle_wait_look(const struct oracle *oracle)
{
	/* The one that is under way may be past what matters. */
	unsigned long enough = oracle->looks + 2;

	while (!oracle->found.stale && oracle->looks < enough)
		sched_yield();
}

/**
 * oracle_watched() - end oracle_watch()
 * @oracle: the oracle
 *
 * Return: true if nothing stale has been found.
 */
bool oracle_watched(struct oracle *oracle)
{
	if (!oracle->stop) {
		oracle->stop = true;
		pthread_join(oracle->watcher, NULL);
	}
	return !oracle->found.stale;
}

/**
 * oracle_look() - compare once, when nothing goes on
 * @oracle: the oracle
 *
 * Return: what was found; kept for oracle_report() if it is a failure.
 */
struct mnt_check oracle_look(struct oracle *oracle)
{
	struct mnt_check found = check(oracle, 0);

	if (found.stale)
		oracle->found = found;
	return found;
}

/**
 * oracle_wait_dead() - wait until the address space has gone
 * @oracle: the oracle
 *
 * Return: true if the mirror was empty by then.
 */
bool oracle_wait_dead(struct oracle *oracle)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);
	struct mnt_check found;

	/* Until the release has come, nothing can be said of a dead mm. */
	do {
		found = oracle_look(oracle);
		if (found.dead && !found.checked &&
		    (oracle->kind == MNT_INTERVAL ||
		     dev_stats(oracle->fd, oracle->id).calls[MNT_OP_RELEASE]))
			return true;
		sleep_ms(1);
	} while (!found.stale && now_ns() < until);
	return false;
}

static const char *const cause_names[MNT_NR_CAUSES] = {
	"unknown", "unmap", "mremap", "oom", "release", "discard", "cow",
	"uprobe", "uffd_move", "ksm", "thp_split", "thp_collapse", "reclaim",
	"migrate", "hwpoison", "unshare", "protect", "numa_hint", "uffd_wp",
	"fork", "clean", "soft_dirty", "dev_migrate", "exclusive",
};

/**
 * cause_name() - the name of a cause
 * @causes: a mask, not zero
 *
 * Return: the name of the first one in it.
 */
const char *cause_name(unsigned int causes)
{
	return cause_names[__builtin_ctz(causes)];
}

/**
 * oracle_expect() - from now on, ask for the causes of what is told
 * @oracle: the oracle
 */
void oracle_expect(struct oracle *oracle)
{
	oracle->before = dev_stats(oracle->fd, oracle->id);
}

/**
 * oracle_causes() - which causes were told
 * @oracle: the oracle
 *
 * Return: a mask; with UNKNOWN in it, if the event of some was another's.
 */
unsigned int oracle_causes(const struct oracle *oracle)
{
	struct mnt_stats now = dev_stats(oracle->fd, oracle->id);
	unsigned int causes = 0, i;

	for (i = 0; i < MNT_NR_CAUSES; i++)
		if (now.causes[i] != oracle->before.causes[i])
			causes |= 1U << i;
	if (now.mismatched != oracle->before.mismatched)
		causes |= BY(UNKNOWN);
	return causes;
}

/**
 * oracle_load() - read through a translation
 * @oracle: the oracle
 * @addr:   the address
 * @value:  the word that is there
 *
 * Return: false if there is no translation.
 */
bool oracle_load(struct oracle *oracle, const char *addr, uint64_t *value)
{
	struct mnt_mirror mirror = {
		.id = oracle->id,
		.addr = (uintptr_t)addr,
	};

	if (ioctl(oracle->fd, MNT_MIRROR, &mirror))
		return false;
	*value = mirror.value;
	return mirror.present;
}

/**
 * oracle_is_paired() - were starts and ends one for one?
 * @oracle: the oracle
 *
 * Return: true if so.
 */
bool oracle_is_paired(struct oracle *oracle)
{
	struct mnt_stats stats = dev_stats(oracle->fd, oracle->id);

	/* A reaper may have chosen it just before the release. */
	return !stats.open && !stats.stray && !stats.after_del;
}

/**
 * oracle_report() - say what was stale, and what the subscriber was told
 * @oracle: the oracle
 * @op:     what was done
 */
void oracle_report(struct oracle *oracle, const struct op *op)
{
	const struct area *area = oracle->area;

	printf("# %s, %s: %zu pages at %p\n", op->name,
	       page_kinds[area->kind].name, area->len / PAGE, area->addr);
	print_stale(oracle->fd, oracle->id, oracle->kind, &oracle->found);
}

/**
 * oracle_stop() - end the subscription
 * @oracle: the oracle
 */
void oracle_stop(struct oracle *oracle)
{
	oracle_watched(oracle);
	dev_del(oracle->fd, oracle->id, NULL);
}
