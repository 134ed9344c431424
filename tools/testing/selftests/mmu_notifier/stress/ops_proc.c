// SPDX-License-Identifier: GPL-2.0
/*
 * Other processes, and what is done to a process by its files in /proc.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define MOST_WRITES	16

/* It may have words of its parent, and those that it writes here. */
static void live_as_child(const struct worker *parent, struct range range)
{
	struct target self = *parent->target;
	struct worker worker = { .target = &self };
	uint64_t word;
	char *addr;
	size_t i;

	self.pid = getpid();
	if (!arena_open_words(&self))
		return;
	for (i = 0; i < MOST_WRITES && i < range.len / PAGE; i++) {
		addr = range.addr + i * PAGE;
		if (arena_read(&worker, addr, &word) &&
		    !word_is_of(word, parent->target->pid) &&
		    !word_is_of(word, self.pid))
			complain(self.place, "a child read %llx at %p",
				 (unsigned long long)word, addr);
		arena_write(&self, addr);
	}
}

static bool have_child(struct worker *worker, struct range range, int arg)
{
	pid_t pid = fork();

	if (!pid) {
		die_with_parent();
		live_as_child(worker, range);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

/* Another program in an address space of its own. */
static bool spawn(struct worker *worker, struct range range, int arg)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/proc/self/exe", "stress", "-V", NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool forget_use(struct worker *worker, struct range range, int arg)
{
	const char what = '0' + arg;
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = write(fd, &what, 1) == 1;

	close(fd);
	return done;
}

/* As a debugger does: also what the process itself may not write. */
static bool write_as_tracer(struct worker *worker, struct range range, int arg)
{
	uint64_t word = word_of(worker->target->pid, arg);

	return pwrite(worker->target->mem, &word, 8, (uintptr_t)range.addr) == 8;
}

/* Pages with one reference more, for a moment. */
static bool pin(struct worker *worker, struct range range, int arg)
{
	struct iovec pages = { range.addr, range.len };
	int pipes[2];
	bool done;

	if (pipe(pipes))
		return false;
	done = vmsplice(pipes[1], &pages, 1, SPLICE_F_NONBLOCK) > 0;
	close(pipes[0]);
	close(pipes[1]);
	return done;
}

const struct op ops_proc[] = {
	{ "fork", 2, ANY & ~ANY_SHARED & ~ONLY(SPARE_SHARED), have_child },
	{ "spawn", 1, ANY, spawn },
	{ "clear-refs", 1, ANY, forget_use, 1 },
	{ "soft-dirty", 1, ANY, forget_use, 4 },
	{ "write-as-tracer", 4, ANY, write_as_tracer, 1 },
	{ "vmsplice", 3, ANY, pin },
	{ }
};
