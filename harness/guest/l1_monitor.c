// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the inner guest of "make run" and watches it.
 *
 * Usage: l1_monitor SECONDS COMMAND ARGS...
 *
 * The command (QEMU) is started in the memory cgroup that is smaller than the
 * guest.  Its output, the inner guest's serial console, is passed on line by
 * line, and every few seconds a line of counters is added.  Nothing is judged
 * here: the outer side sees every number and both logs, and decides.
 *
 * Everything goes to /dev/kmsg, where one write is one line on the serial
 * console, whatever the kernel prints meanwhile:
 *
 *   L2| ...           a line of the inner guest's console
 *   @@LIVE k=v ...    counters now
 *   @@FINAL k=v ...   counters when the inner guest had finished
 *   @@CALLOUT op=NAME event=NAME count=N
 *   @@AGE op=NAME calls=N young=N
 *   @@EXIT reason=done|limit|quit status=N
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "l1_stats.h"

#define LIVE_SECONDS	3
#define EXIT_SECONDS	20	/* for QEMU to end after the guest has */

struct console {
	int		fd;
	size_t		used;
	char		line[800];
	char		progress[256];	/* the guest's last report */
	bool		done;		/* the guest has said its last word */
};

static int kmsg;

#define emit(...)						\
	do {							\
		char line_[960];				\
								\
		snprintf(line_, sizeof(line_), __VA_ARGS__);	\
		emit_line(line_);				\
	} while (0)

static void emit_line(const char *text)
{
	char line[976];
	int len = snprintf(line, sizeof(line), "<5>%s", text);

	if (write(kmsg, line, len) != len)
		perror("kmsg");
}

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void run_command(char **argv, int out)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_file(CGROUP "/cgroup.procs", pid)) {
		dprintf(out, "cannot enter the memory cgroup\n");
		_exit(126);
	}
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(argv[0], argv);
	dprintf(out, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static pid_t start(char **argv, struct console *c)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (!pid)
		run_command(argv, fds[1]);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	c->fd = fds[0];
	return pid;
}

static void end_line(struct console *c)
{
	const char *report;

	c->line[c->used] = '\0';
	c->used = 0;
	emit("L2| %s", c->line);
	report = strstr(c->line, "@@L2 ");
	if (!report)
		return;
	report += strlen("@@L2 ");
	if (!strncmp(report, "progress ", 9) || !strncmp(report, "done ", 5))
		snprintf(c->progress, sizeof(c->progress), "%s",
			 strchr(report, ' ') + 1);
	if (!strncmp(report, "done ", 5) || !strncmp(report, "failed ", 7))
		c->done = true;
}

/* Take what the guest has printed; false when its console is closed. */
static bool read_console(struct console *c)
{
	char buffer[1024];
	ssize_t i, n;

	while ((n = read(c->fd, buffer, sizeof(buffer))) > 0) {
		for (i = 0; i < n; i++) {
			if (buffer[i] == '\n')
				end_line(c);
			else if (buffer[i] >= ' ' || buffer[i] == '\t')
				c->line[c->used++] = buffer[i];
			if (c->used == sizeof(c->line) - 1)
				end_line(c);
		}
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static unsigned long sum(const unsigned long *v)
{
	unsigned long total = 0;
	int i;

	for (i = 0; i < MAX_NAMES; i++)
		total += v[i];
	return total;
}

static void emit_counters(const char *what, const struct console *c,
			  const struct stats *s, const struct tracing *t)
{
	char callouts[256] = "n/a", age[64] = "young=n/a aged=n/a";
	size_t used = 0;
	int i;

	for (i = 0; t->callout && i < MAX_NAMES; i++) {
		if (!t->op.name[i][0] && !sum(s->callouts[i]))
			continue;
		used += snprintf(callouts + used, sizeof(callouts) - used,
				 "%s%s:%lu", used ? "," : "", t->op.name[i],
				 sum(s->callouts[i]));
		if (used >= sizeof(callouts))
			break;
	}
	if (t->age)
		snprintf(age, sizeof(age), "young=%lu aged=%lu",
			 sum(s->age_young), sum(s->age_calls));
	emit("@@%s t=%ld current_kb=%lu anon_kb=%lu swap_kb=%lu out_kb=%lu in_kb=%lu zram_kb=%lu",
	     what, now(), s->current_kb, s->anon_kb, s->swap_kb,
	     s->swapped_out_kb, s->swapped_in_kb, s->zram_kb);
	emit("@@%s taken=%lu fixed=%lu spurious=%lu emulate=%lu guest=%lu retries=%lu %s",
	     what, s->pf_taken, s->pf_fixed, s->pf_spurious, s->pf_emulate,
	     s->pf_guest, stats_retries(s), age);
	emit("@@%s callouts=%s %s last=1", what, callouts, c->progress);
}

static void emit_details(const struct stats *s, const struct tracing *t)
{
	int op, event;

	for (op = 0; op < MAX_NAMES; op++) {
		for (event = 0; event < MAX_NAMES; event++) {
			if (s->callouts[op][event])
				emit("@@CALLOUT op=%d:%s event=%d:%s count=%lu",
				     op, t->op.name[op], event,
				     t->event.name[event],
				     s->callouts[op][event]);
		}
	}
	for (op = 0; op < MAX_NAMES; op++) {
		if (s->age_calls[op])
			emit("@@AGE op=%d:%s calls=%lu young=%lu", op,
			     t->age_op.name[op], s->age_calls[op],
			     s->age_young[op]);
	}
}

/* Until the guest has finished, QEMU has gone, or time is up. */
static const char *watch(struct console *c, const struct tracing *t, long until)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	long next_live = now() + LIVE_SECONDS;
	struct stats s;

	for (;;) {
		poll(&pfd, 1, 500);
		if (!read_console(c))
			return "quit";
		if (c->done)
			return "done";
		if (now() >= until)
			return "limit";
		if (now() < next_live)
			continue;
		next_live = now() + LIVE_SECONDS;
		stats_read(&s, t);
		emit_counters("LIVE", c, &s, t);
	}
}

/* Let QEMU end by itself, since its exit is part of the test. */
static int finish(pid_t pid, struct console *c, long until)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int status;

	for (;;) {
		if (c->fd >= 0) {
			poll(&pfd, 1, 500);
			if (!read_console(c)) {
				close(c->fd);
				c->fd = -1;
			}
		} else {
			usleep(200 * 1000);
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) :
			       128 + WTERMSIG(status);
		if (now() >= until)
			kill(pid, SIGKILL);
	}
}

int main(int argc, char **argv)
{
	struct console c = { .fd = -1 };
	struct tracing tracing;
	const char *reason;
	struct stats s;
	pid_t pid;
	int status;

	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg < 0 || argc < 3)
		return 1;
	stats_start_tracing(&tracing);
	pid = start(argv + 2, &c);
	if (pid < 0)
		return 1;
	reason = watch(&c, &tracing, now() + atol(argv[1]));
	/* KVM's counters end with the guest: read them before it goes. */
	stats_read(&s, &tracing);
	emit_counters("FINAL", &c, &s, &tracing);
	emit_details(&s, &tracing);
	status = finish(pid, &c, now() + (strcmp(reason, "done") ? 0 :
					  EXIT_SECONDS));
	emit("@@EXIT reason=%s status=%d", reason, status);
	return 0;
}
