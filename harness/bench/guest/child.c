// SPDX-License-Identifier: GPL-2.0
/* Work in a process of its own; see child.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

void must(int ok, const char *what)
{
	if (ok)
		return;
	printf("bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void in_child(void (*fn)(const char *name, const void *arg), const char *name,
	      const void *arg)
{
	int status;
	pid_t pid;

	/* Or else both would print what is left. */
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		fn(name, arg);
		fflush(stdout);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && !status, name);
}
