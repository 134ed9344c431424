// SPDX-License-Identifier: GPL-2.0
/*
 * The user's side of the oracle: a subscriber with a mirror of the area.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <errno.h>

#include "matrix.h"

const char *const sub_names[MNT_NR_KINDS] = {
	[MNT_LIST] = "list",
	[MNT_LIST_START] = "start-only",
	[MNT_SECONDARY] = "secondary-tlb",
	[MNT_AGING] = "aging",
	[MNT_GET] = "get",
	[MNT_INTERVAL] = "interval",
};

static const char *const op_names[MNT_NR_OPS] = {
	"start", "end", "invalidate", "release", "secondary", "clear_flush_young",
	"clear_young", "test_young",
};

/* A subscriber that deserves to be found out. */
static bool keep_all(const struct oracle *oracle)
{
	struct mnt_rule rule = { .id = oracle->id, .flags = MNT_KEEP };

	for (rule.op = 0; rule.op < MNT_NR_OPS; rule.op++)
		if (dev_rule(oracle->fd, rule))
			return false;
	return true;
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
	};
	oracle->id = dev_add(fd, target->pid, kind, target->area->addr,
			     target->area->len, NULL);
	return oracle->id >= 0 && (!broken || keep_all(oracle));
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
	struct mnt_fill fill = {
		.id = oracle->id,
		.flags = write ? MNT_MIRROR_WRITE : 0,
		.start = (uintptr_t)oracle->area->addr,
		.length = oracle->area->len,
	};

	return ioctl(oracle->fd, MNT_FILL, &fill) ? 0 : fill.filled;
}

static struct mnt_check check(struct oracle *oracle, unsigned int flags)
{
	struct mnt_check check = { .id = oracle->id, .flags = flags };

	/* A mirror that cannot be checked is no mirror. */
	if (ioctl(oracle->fd, MNT_CHECK, &check))
		check.stale = 1;
	return check;
}

/* A device that is told late may have what is being withdrawn. */
static unsigned int lateness(const struct oracle *oracle)
{
	return oracle->kind == MNT_SECONDARY ? MNT_CHECK_LATE : 0;
}

static void *watch(void *arg)
{
	struct oracle *oracle = arg;

	while (!oracle->stop && !oracle->found.stale) {
		oracle->found = check(oracle, lateness(oracle));
		oracle->looks++;
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

static void print_entry(const char *what, uint64_t entry)
{
	printf("# %s frame %llx %s%s\n", what,
	       (unsigned long long)entry >> MNT_FRAME_SHIFT,
	       entry & MNT_CAN_READ ? "r" : "-",
	       entry & MNT_CAN_WRITE ? "w" : "-");
}

/**
 * oracle_report() - say what was stale, and what the subscriber was told
 * @oracle: the oracle
 * @op:     what was done
 */
void oracle_report(struct oracle *oracle, const struct op *op)
{
	struct mnt_record records[MNT_LOG_SIZE];
	int nr = dev_log(oracle->fd, oracle->id, records), i;

	printf("# %s, %s, %s: %u of %u translations stale, first at %llx (page %lld)\n",
	       op->name, page_kinds[oracle->area->kind].name,
	       sub_names[oracle->kind], oracle->found.stale,
	       oracle->found.checked, (unsigned long long)oracle->found.addr,
	       (long long)((oracle->found.addr -
			    (uintptr_t)oracle->area->addr) / PAGE));
	print_entry("mirror:    ", oracle->found.mirror);
	print_entry("page table:", oracle->found.primary);
	for (i = nr > 20 ? nr - 20 : 0; i < nr; i++)
		printf("# callout %d of %d: %s, event %u, %llx to %llx%s\n",
		       i + 1, nr, op_names[records[i].op], records[i].event,
		       (unsigned long long)records[i].start,
		       (unsigned long long)records[i].end,
		       records[i].blockable ? "" : ", must not block");
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
