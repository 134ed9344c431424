// SPDX-License-Identifier: GPL-2.0
/*
 * Watchers: subscribers of all kinds that come, translate, and go again.
 *
 * Each has a second thread that does nothing but compare, whatever the first
 * is about: also while it ends the subscription.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "stress.h"

#define MOST_PAGES	1024
#define MOST_FILLED	64
#define ROUNDS		40
#define REST_US		500
/* More than have a place of their own in the core, see mmu_notifier.rst. */
#define CROWD		70

struct watcher {
	pthread_t thread;
	pthread_t second;
	uint64_t random;
	pthread_mutex_t lock;	/* held by who compares, and to change @fd */
	int fd;			/* the device, or -1: only then change the rest */
	int id;
	unsigned int kind;
	int place;
	pid_t pid;
	char *start;
	size_t pages;
};

struct watched watched;
static struct watcher watchers[MAX_WATCHERS];
static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;

static void found_stale(const struct watcher *watcher,
			const struct mnt_check *found)
{
	watched.stale[watcher->kind]++;
	if (state->broken)
		return;
	pthread_mutex_lock(&printing);
	if (!state->failed)
		print_stale(watcher->fd, watcher->id, watcher->kind, found);
	complain(watcher->place, "%s: stale at %llx", sub_names[watcher->kind],
		 (unsigned long long)found->addr);
	pthread_mutex_unlock(&printing);
}

/* There may be nothing (any more) to compare. */
static void compare(const struct watcher *watcher)
{
	struct mnt_check found;

	if (!compare_mirror(watcher->fd, watcher->id,
			    lateness_of(watcher->kind), &found))
		return;
	watched.checked[watcher->kind] += found.checked;
	if (found.stale)
		found_stale(watcher, &found);
}

static void *compare_always(void *arg)
{
	struct watcher *watcher = arg;

	while (!state->stop) {
		pthread_mutex_lock(&watcher->lock);
		if (watcher->fd >= 0)
			compare(watcher);
		pthread_mutex_unlock(&watcher->lock);
		/* The rest of the time is for what there is to find. */
		usleep(REST_US);
	}
	return NULL;
}

static char *some_page(struct watcher *watcher)
{
	return watcher->start + below(&watcher->random, watcher->pages) * PAGE;
}

static bool fill(struct watcher *watcher)
{
	struct mnt_fill fill = { .id = watcher->id, .flags = MNT_MIRROR_ONCE };
	char *from = some_page(watcher);
	size_t most = watcher->start + watcher->pages * PAGE - from;

	fill.start = (uintptr_t)from;
	fill.length = (1 + below(&watcher->random, MOST_FILLED)) * PAGE;
	if (fill.length > most)
		fill.length = most;
	if (below(&watcher->random, 2))
		fill.flags |= MNT_MIRROR_WRITE;
	if (ioctl(watcher->fd, MNT_FILL, &fill))
		return false;
	watched.filled[watcher->kind] += fill.filled;
	return true;
}

/* What a device reads: of the process that it is for, or nothing. */
static void load(struct watcher *watcher)
{
	struct mnt_mirror mirror = {
		.id = watcher->id,
		.addr = (uintptr_t)some_page(watcher),
	};

	if (ioctl(watcher->fd, MNT_MIRROR, &mirror) || !mirror.present)
		return;
	watched.loaded[watcher->kind]++;
	if (!word_is_of(mirror.value, watcher->pid))
		complain(watcher->place, "%s: a word of somebody else at %llx: %llx",
			 sub_names[watcher->kind],
			 (unsigned long long)mirror.addr,
			 (unsigned long long)mirror.value);
}

/* Callouts take their time now and then, or refuse what must not block. */
static void set_rule(struct watcher *watcher)
{
	struct mnt_rule rule = {
		.id = watcher->id,
		.op = below(&watcher->random, MNT_NR_OPS),
		.delay_us = below(&watcher->random, 2) ?
			    below(&watcher->random, 2000) : 0,
		.hold_ms = below(&watcher->random, 8) ? 0 : 5,
		.answer = below(&watcher->random, 2),
	};

	dev_rule(watcher->fd, rule);
}

static void choose(struct watcher *watcher)
{
	uint64_t *random = &watcher->random;
	size_t first = below(random, ARENA_LEN / PAGE);
	size_t most = ARENA_LEN / PAGE - first;

	watcher->kind = below(random, MNT_NR_KINDS);
	watcher->place = below(random, state->targets);
	watcher->pages = 1 + below(random, MOST_PAGES);
	if (watcher->pages > most)
		watcher->pages = most;
	watcher->start = ARENA + first * PAGE;
	watcher->pid = state->places[watcher->place].pid;
}

static bool subscribe(struct watcher *watcher)
{
	int fd = dev_open(), id;

	if (fd < 0)
		return false;
	id = watcher->pid ? dev_add(fd, watcher->pid, watcher->kind,
				    watcher->start, watcher->pages * PAGE,
				    NULL) : -1;
	if (id < 0 || (state->broken && !keep_translations(fd, id))) {
		close(fd);
		return false;
	}
	watched.subscriptions[watcher->kind]++;
	pthread_mutex_lock(&watcher->lock);
	watcher->id = id;
	watcher->fd = fd;
	pthread_mutex_unlock(&watcher->lock);
	return true;
}

/* Somebody else may have its number as soon as it is closed. */
static void leave(struct watcher *watcher)
{
	if (below(&watcher->random, 4))
		dev_del(watcher->fd, watcher->id, NULL);
	pthread_mutex_lock(&watcher->lock);
	close(watcher->fd);
	watcher->fd = -1;
	pthread_mutex_unlock(&watcher->lock);
}

/* So many that not all have a place of their own in a range. */
static void come_in_crowds(struct watcher *watcher)
{
	int fd = dev_open(), i;

	for (i = 0; fd >= 0 && watcher->pid && i < CROWD; i++)
		if (dev_add(fd, watcher->pid, MNT_LIST, watcher->start, 0,
			    NULL) < 0)
			break;
	if (fd >= 0)
		close(fd);
}

static void use(struct watcher *watcher)
{
	unsigned int rounds = below(&watcher->random, ROUNDS), i;
	bool ruled = !state->broken && !below(&watcher->random, 8);

	for (i = 0; i < rounds && !state->stop; i++) {
		if (ruled && !(i % 8))
			set_rule(watcher);
		if (!fill(watcher))
			break;
		/* What is known to be stale is better left alone. */
		if (!state->broken)
			load(watcher);
	}
}

static void *watch(void *arg)
{
	struct watcher *watcher = arg;

	while (!state->stop) {
		choose(watcher);
		if (!below(&watcher->random, 64))
			come_in_crowds(watcher);
		if (!subscribe(watcher)) {
			sched_yield();
			continue;
		}
		use(watcher);
		leave(watcher);
	}
	return NULL;
}

/**
 * watchers_start() - have subscribers come and go
 *
 * Return: true if that was possible.
 */
bool watchers_start(void)
{
	struct watcher *watcher = watchers;
	unsigned int i;

	for (i = 0; i < state->watchers && i < MAX_WATCHERS; i++, watcher++) {
		watcher->random = random_of(MAX_TARGETS + 1, i, 0);
		watcher->fd = -1;
		pthread_mutex_init(&watcher->lock, NULL);
		if (pthread_create(&watcher->thread, NULL, watch, watcher) ||
		    pthread_create(&watcher->second, NULL, compare_always,
				   watcher))
			return false;
	}
	return true;
}

/**
 * watchers_stop() - wait for the subscribers, when state->stop is set
 */
void watchers_stop(void)
{
	unsigned int i;

	for (i = 0; i < state->watchers && i < MAX_WATCHERS; i++) {
		pthread_join(watchers[i].thread, NULL);
		pthread_join(watchers[i].second, NULL);
	}
}
