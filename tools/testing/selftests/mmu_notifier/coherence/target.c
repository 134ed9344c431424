// SPDX-License-Identifier: GPL-2.0
/*
 * The target: a process that makes an area, and operates on it step by step
 * as the owner says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

/* The longest that a step of any operation takes. */
#define STEP_MS		240000
/* Where the target reads and writes, also after exec. */
#define TARGET_IN	100
#define TARGET_OUT	101

static int step(const struct op *op, struct area *area, char what)
{
	int ret;

	switch (what) {
	case 'm':
		ret = area_make(area, op->huge);
		return ret || !op->prepare ? ret : op->prepare(area);
	case 'r':
		return op->run ? op->run(area) : DONE;
	case 'u':
		return op->undo ? op->undo(area) : DONE;
	default:
		return oracle_step(area, what);
	}
}

static bool answer(int ret)
{
	return write(TARGET_OUT, &ret, sizeof(ret)) == sizeof(ret);
}

/* Steps until the owner has no more. */
static void serve(const struct op *op, struct area *area)
{
	char what;

	while (read(TARGET_IN, &what, 1) == 1)
		if (!answer(step(op, area, what)))
			break;
}

/**
 * after_exec() - go on as a target that has executed itself anew
 *
 * Return: exit status.
 */
int after_exec(void)
{
	char what;

	if (!answer(DONE))
		return 1;
	return read(TARGET_IN, &what, 1) != 0;
}

/* So that what it uses can be reclaimed, and limited. */
static void join_cgroup(void)
{
	char path[160];

	if (!cgroup)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	write_file(path, "0");
}

/**
 * die_with_parent() - leave nobody behind, whatever becomes of the parent
 */
void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* In the new process: what it inherits, and what it does for a living. */
static void be_target(const struct op *op, struct area *area, int in, int out)
{
	die_with_parent();
	join_cgroup();
	if (dup2(in, TARGET_IN) < 0 || dup2(out, TARGET_OUT) < 0)
		_exit(1);
	serve(op, area);
	_exit(0);
}

/**
 * target_start() - make a process with an area
 * @target: the target
 * @op:     what it is to do
 * @kind:   the kind of page
 *
 * Return: DONE, NOT_HERE, or a negative error; target_stop() is due in any case.
 */
int target_start(struct target *target, const struct op *op, enum pages kind)
{
	int to[2], from[2];

	*target = (struct target) { .to = -1, .from = -1 };
	target->area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (target->area == MAP_FAILED || pipe2(to, O_CLOEXEC) ||
	    pipe2(from, O_CLOEXEC))
		return -errno;
	*target->area = (struct area) { .kind = kind, .fd = -1, .helper = -1 };
	fflush(stdout);
	target->pid = fork();
	if (!target->pid) {
		close(to[1]);
		close(from[0]);
		be_target(op, target->area, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	target->to = to[1];
	target->from = from[0];
	return target->pid < 0 ? -errno : target_do(target, 'm');
}

/**
 * target_do() - have it do a step
 * @target: the target
 * @what:   'm'ake the area, 'r'un the operation, 'u'ndo it, or the oracle's
 *
 * Return: what the operation's function has returned; -EPIPE if the target
 * died of it, -ETIMEDOUT.
 */
int target_do(struct target *target, char what)
{
	struct pollfd ready = { .fd = target->from, .events = POLLIN };
	int ret;

	if (write(target->to, &what, 1) != 1)
		return -EPIPE;
	if (poll(&ready, 1, STEP_MS) <= 0)
		return -ETIMEDOUT;
	return read(target->from, &ret, sizeof(ret)) == sizeof(ret) ? ret :
	       -EPIPE;
}

/**
 * target_stop() - end the process
 * @target: the target
 */
void target_stop(struct target *target)
{
	if (target->to >= 0)
		close(target->to);
	if (target->from >= 0)
		close(target->from);
	if (target->pid > 0) {
		kill(target->pid, SIGKILL);
		waitpid(target->pid, NULL, 0);
	}
	if (target->area != MAP_FAILED)
		munmap(target->area, PAGE);
}
