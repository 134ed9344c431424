// SPDX-License-Identifier: GPL-2.0
/* The kernel's log while it is expected to complain: see klog.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "klog.h"
#include "util.h"

#define PRINTK		"/proc/sys/kernel/printk"
/* Warnings and all below them stay in the log; errors are shown as well. */
#define ERRORS_ONLY	"4"

/* What no failure excuses. */
static const char * const trouble[] = {
	"BUG: ", "kernel BUG at", "WARNING: ", "Oops", "general protection",
	"unable to handle", "KASAN: ", "KCSAN: ", "UBSAN: ", "ODEBUG: ",
	"possible circular", "possible recursive", "inconsistent lock state",
	"non-static key", "held lock freed", "bad unlock balance",
	"INFO: possible", "still held", "Invalid wait context",
	"suspicious RCU usage", "scheduling while atomic", "blocked for more",
	"list_add corruption", "list_del corruption", "refcount_t: ",
	"Bad page", "Bad rss-counter", "Objects remaining", "detected stall",
};

/**
 * klog_begin() - what comes from now on is expected
 * @klog: to be ended by klog_end()
 *
 * Return: false if the log cannot be read.
 */
bool klog_begin(struct klog *klog)
{
	if (read_file(PRINTK, klog->level, sizeof(klog->level)))
		return false;
	klog->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (klog->fd < 0)
		return false;
	lseek(klog->fd, 0, SEEK_END);
	return write_file(PRINTK, ERRORS_ONLY) >= 0;
}

/**
 * klog_trouble() - read what has been logged since the last time
 * @klog: begun
 *
 * Return: a line that nothing excuses, or NULL. That lines were lost is one.
 */
const char *klog_trouble(struct klog *klog)
{
	ssize_t done;
	size_t i;

	for (;;) {
		done = read(klog->fd, klog->line, sizeof(klog->line) - 1);
		if (done < 0 && errno == EAGAIN)
			return NULL;
		if (done < 0 && errno != EINVAL)
			return "some of the log was lost";
		/* EINVAL is a line that does not fit; its end is not needed. */
		klog->line[done < 0 ? 0 : done] = 0;
		for (i = 0; i < sizeof(trouble) / sizeof(*trouble); i++)
			if (strstr(klog->line, trouble[i]))
				return klog->line;
	}
}

/**
 * klog_end() - what comes from now on goes to the console as before
 * @klog: begun
 */
void klog_end(struct klog *klog)
{
	write_file(PRINTK, klog->level);
	close(klog->fd);
}
