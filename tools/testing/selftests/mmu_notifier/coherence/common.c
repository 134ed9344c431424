// SPDX-License-Identifier: GPL-2.0
/*
 * What several operations do.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "matrix.h"

/**
 * advise() - madvise() all of an area
 * @area:   the area
 * @advice: the advice
 *
 * Return: DONE or a negative error.
 */
int advise(struct area *area, int advice)
{
	return madvise(area->addr, area->len, advice) ?
	       failed(area, "madvise") : DONE;
}

/**
 * write_anew() - tag all pages of an area anew, where they are
 * @area: the area
 *
 * Return: DONE.
 */
int write_anew(struct area *area)
{
	tag_pages(area, area->addr, 1);
	return DONE;
}

/**
 * close_helper() - undo what is undone by closing a file
 * @area: the area; its helper is the file's descriptor
 *
 * Return: DONE or a negative error.
 */
int close_helper(struct area *area)
{
	return close(area->helper) ? failed(area, "close") : DONE;
}

/**
 * begin_child() - make a child that has the same mappings
 * @area:  the area; its helper becomes the child
 * @first: what the child does, before this returns, or NULL
 *
 * The child lives until end_child(), or until the target dies.
 *
 * Return: DONE or a negative error.
 */
int begin_child(struct area *area, void (*first)(struct area *area))
{
	int pipes[2];
	pid_t pid;
	char byte;

	if (pipe(pipes))
		return failed(area, "pipe");
	pid = fork();
	if (pid < 0)
		return failed(area, "fork");
	if (!pid) {
		die_with_parent();
		if (first)
			first(area);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	/* The area itself is shared with the child. */
	area->helper = pid;
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) != 1)
		return failed(area, "the child");
	close(pipes[0]);
	return DONE;
}

/**
 * end_child() - end what begin_child() has made
 * @area: the area
 *
 * Return: DONE or a negative error.
 */
int end_child(struct area *area)
{
	kill(area->helper, SIGKILL);
	return waitpid(area->helper, NULL, 0) < 0 ? failed(area, "waitpid") :
	       DONE;
}
