// SPDX-License-Identifier: GPL-2.0
/* Translations that should not be there any more: see stale.h. */
#include <stdio.h>
#include <sys/ioctl.h>

#include "stale.h"

#define SHOWN	20

const char *const sub_names[MNT_NR_KINDS] = {
	[MNT_LIST] = "list",
	[MNT_LIST_START] = "start-only",
	[MNT_SECONDARY] = "secondary-tlb",
	[MNT_AGING] = "aging",
	[MNT_GET] = "get",
	[MNT_INTERVAL] = "interval",
	[MNT_FILTERED] = "filtered",
};

static const char *const op_names[MNT_NR_OPS] = {
	"start", "end", "invalidate", "release", "secondary", "clear_flush_young",
	"clear_young", "test_young", "age",
};

/**
 * compare_mirror() - compare a mirror with the page table
 * @fd:    the device
 * @id:    the subscription
 * @flags: as of struct mnt_check
 * @found: what was found
 *
 * Return: false if there is no such mirror (any more).
 */
bool compare_mirror(int fd, int id, unsigned int flags,
		    struct mnt_check *found)
{
	*found = (struct mnt_check) { .id = id, .flags = flags };
	return !ioctl(fd, MNT_CHECK, found);
}

/**
 * lateness_of() - how to compare while something goes on
 * @kind: of the subscriber
 *
 * Return: flags for compare_mirror(): a device that is told late may have what
 * is being withdrawn.
 */
unsigned int lateness_of(unsigned int kind)
{
	return kind == MNT_SECONDARY ? MNT_CHECK_LATE : 0;
}

/**
 * keep_translations() - make it a subscriber that deserves to be found out
 * @fd: the device
 * @id: the subscription
 *
 * Return: true if it is one now.
 */
bool keep_translations(int fd, int id)
{
	struct mnt_rule rule = { .id = id, .flags = MNT_KEEP };

	for (rule.op = 0; rule.op < MNT_NR_OPS; rule.op++)
		if (dev_rule(fd, rule))
			return false;
	return true;
}

static void print_entry(const char *what, uint64_t entry)
{
	printf("# %s frame %llx %s%s\n", what,
	       (unsigned long long)entry >> MNT_FRAME_SHIFT,
	       entry & MNT_CAN_READ ? "r" : "-",
	       entry & MNT_CAN_WRITE ? "w" : "-");
}

/**
 * print_stale() - say what was stale, and what the subscriber was told
 * @fd:    the device
 * @id:    the subscription
 * @kind:  its kind
 * @found: what was found
 */
void print_stale(int fd, int id, unsigned int kind,
		 const struct mnt_check *found)
{
	struct mnt_record records[MNT_LOG_SIZE];
	int nr = dev_log(fd, id, records), i;

	printf("# %s: %u of %u translations stale, first at %llx\n",
	       sub_names[kind], found->stale, found->checked,
	       (unsigned long long)found->addr);
	print_entry("mirror:    ", found->mirror);
	print_entry("page table:", found->primary);
	for (i = nr > SHOWN ? nr - SHOWN : 0; i < nr; i++)
		printf("# callout %d of %d: %s, event %u, %llx to %llx%s\n",
		       i + 1, nr, op_names[records[i].op], records[i].event,
		       (unsigned long long)records[i].start,
		       (unsigned long long)records[i].end,
		       records[i].blockable ? "" : ", must not block");
}
