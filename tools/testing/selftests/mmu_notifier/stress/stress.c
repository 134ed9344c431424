// SPDX-License-Identifier: GPL-2.0
/*
 * Stress of the MMU notifiers: what it is about is in stress.h.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "stress.h"

/* So much longer it may take until everything has happened once. */
#define PATIENCE	4

struct state *state;

static const char usage[] =
	"usage: stress [-s seed] [-t seconds] [-p processes] [-n threads] [-w watchers] [-b]\n"
	"  -s  whose operations are to come again; else one is chosen, and printed\n"
	"  -t  how long, 60 s\n"
	"  -p  processes that operate on their memory, 4\n"
	"  -n  threads of each, 4\n"
	"  -w  subscribers at a time, 6\n"
	"  -b  with subscribers that drop nothing, until each kind is found out\n";

/**
 * next_random() - the next of a sequence of random numbers
 * @random: its state
 *
 * That of Sebastiano Vigna's splitmix64, whose state is a mere counter.
 *
 * Return: the number.
 */
uint64_t next_random(uint64_t *random)
{
	uint64_t mixed = *random += 0x9e3779b97f4a7c15ULL;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
	return mixed ^ mixed >> 31;
}

/**
 * below() - a random number below a bound
 * @random: the sequence
 * @bound:  not 0
 *
 * Return: the number.
 */
unsigned int below(uint64_t *random, unsigned int bound)
{
	return (next_random(random) >> 32) % bound;
}

/**
 * random_of() - a sequence of its own for each
 * @what:  kind of user, or place
 * @which: of these
 * @when:  which life of it
 *
 * Return: the state of the sequence.
 */
uint64_t random_of(unsigned int what, unsigned int which, unsigned int when)
{
	uint64_t random = state->seed + ((uint64_t)what << 32) +
			  ((uint64_t)which << 48) + when;

	return next_random(&random);
}

/**
 * complain() - say what went wrong, and stop
 * @place: of the target, or -1
 * @why:   what it was; only the first one is kept
 */
void complain(int place, const char *why, ...)
{
	va_list args;

	if (atomic_exchange(&state->failed, true))
		return;
	state->culprit = place;
	va_start(args, why);
	vsnprintf(state->why, WHY, why, args);
	va_end(args);
	state->stop = true;
}

static bool make_state(void)
{
	int fd = memfd_create("state", 0);

	if (fd < 0 || ftruncate(fd, sizeof(*state)) || dup2(fd, STATE_FD) < 0)
		return false;
	close(fd);
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED,
		     STATE_FD, 0);
	return state != MAP_FAILED;
}

static int be_target(int place)
{
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED,
		     STATE_FD, 0);
	return state == MAP_FAILED ? 1 : target_main(place);
}

/* The first operation without an effect so far, or NULL. */
static const struct op *missing_op(void)
{
	unsigned int i;

	for (i = 0; i < nr_ops(); i++)
		if (!state->worked[i])
			return op_by_number(i);
	return NULL;
}

/* AGING has no mirror. */
static int missing_sub(void)
{
	unsigned int kind;

	for (kind = 0; kind < MNT_NR_KINDS; kind++)
		if (!watched.subscriptions[kind] ||
		    (kind != MNT_AGING &&
		     (!watched.filled[kind] || !watched.checked[kind] ||
		      !watched.loaded[kind])))
			return kind;
	return -1;
}

/* The first kind that is broken and was not found out, or -1. */
static int missing_stale(void)
{
	unsigned int kind;

	for (kind = 0; kind < MNT_NR_KINDS; kind++)
		if (kind != MNT_AGING && !watched.stale[kind])
			return kind;
	return -1;
}

static unsigned int lives(void)
{
	unsigned int nr = 0, i;

	for (i = 0; i < state->targets; i++)
		nr += state->places[i].lives;
	return nr;
}

/* More than were there to begin with. */
static bool have_come_again(void)
{
	return lives() > state->targets;
}

static bool has_seen_all(void)
{
	if (state->broken)
		return missing_stale() < 0;
	return !missing_op() && missing_sub() < 0 && have_come_again();
}

static void pass_time(unsigned int seconds)
{
	uint64_t began = now_ns(), least = seconds * 1000 * MSEC, passed;

	do {
		sleep_ms(50);
		passed = now_ns() - began;
		if (state->broken && has_seen_all())
			break;
	} while (!state->stop && (passed < least ||
				  (!has_seen_all() &&
				   passed < PATIENCE * least)));
	state->stop = true;
	printf("# it took %llu s\n",
	       (unsigned long long)(now_ns() - began) / (1000 * MSEC));
}

static void print_trail(const struct trail *trail, unsigned int number)
{
	unsigned long nr = trail->nr, i;
	const struct step *step;

	for (i = nr > STEPS ? nr - STEPS : 0; i < nr; i++) {
		step = &trail->steps[i % STEPS];
		printf("# thread %u, operation %lu: %s, %u pages at %p\n",
		       number, i, op_by_number(step->op)->name, step->pages,
		       step->addr);
	}
}

static void print_failure(void)
{
	unsigned int i;

	printf("# target %d: %s\n", state->culprit, state->why);
	for (i = 0; state->culprit >= 0 && i < state->workers; i++)
		print_trail(&state->places[state->culprit].trails[i], i);
	printf("# the same operations again: -s %llu\n",
	       (unsigned long long)state->seed);
}

static void print_counts(void)
{
	unsigned int i;

	for (i = 0; i < nr_ops(); i++)
		printf("# %-18s %8lu of %8lu had an effect\n",
		       op_by_number(i)->name, state->worked[i],
		       state->tried[i]);
	for (i = 0; i < MNT_NR_KINDS; i++)
		printf("# %-14s %6lu times, %9lu pages translated, %10lu compared, %8lu used\n",
		       sub_names[i], watched.subscriptions[i],
		       watched.filled[i], watched.checked[i],
		       watched.loaded[i]);
	printf("# %u lives of %u processes\n", lives(), state->targets);
}

/* Nothing is left of them, and nothing was out of order. */
static bool are_all_gone(void)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);
	struct mnt_totals totals;
	int fd = dev_open();

	do {
		sleep_ms(1);
		if (ioctl(fd, MNT_TOTALS, &totals))
			totals.subs = -1;
	} while (totals.subs && now_ns() < until);
	close(fd);
	printf("# %u subscriptions left, %u not in pairs\n", totals.subs,
	       totals.unpaired);
	return !totals.subs && !totals.unpaired;
}

static void judge_broken(void)
{
	unsigned int kind;

	ksft_set_plan(MNT_NR_KINDS - 1);
	for (kind = 0; kind < MNT_NR_KINDS; kind++)
		if (kind != MNT_AGING)
			ksft_test_result(watched.stale[kind],
					 "a broken subscriber is found out: %s\n",
					 sub_names[kind]);
}

static void judge(void)
{
	const struct op *op = missing_op();
	int kind = missing_sub();

	ksft_set_plan(5);
	if (state->failed)
		print_failure();
	ksft_test_result(!state->failed, "nothing stale, nothing of others\n");
	if (op)
		printf("# %s never had an effect\n", op->name);
	ksft_test_result(!op, "each operation had an effect\n");
	if (kind >= 0)
		printf("# %s: not all of it happened\n", sub_names[kind]);
	ksft_test_result(kind < 0, "each kind of subscriber was compared\n");
	ksft_test_result(have_come_again(),
			 "processes died and others took their place\n");
	ksft_test_result(are_all_gone(), "all subscribers left in order\n");
}

static void run(unsigned int seconds)
{
	printf("# seed %llu\n", (unsigned long long)state->seed);
	if (!keepers_start() || !watchers_start())
		complain(-1, "no threads, no cgroup or no swap");
	pass_time(seconds);
	keepers_stop();
	watchers_stop();
	print_counts();
	if (state->broken)
		judge_broken();
	else
		judge();
}

static unsigned int parse(const char *text, unsigned int most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !*text || !value || value > most) {
		fprintf(stderr, "stress: not a number from 1 to %u: %s\n", most,
			text);
		exit(2);
	}
	return value;
}

static unsigned int options(int argc, char **argv)
{
	unsigned int seconds = 60;
	int option;

	while ((option = getopt(argc, argv, "s:t:p:n:w:b")) != -1) {
		switch (option) {
		case 's':
			state->seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = parse(optarg, 1000000);
			break;
		case 'p':
			state->targets = parse(optarg, MAX_TARGETS);
			break;
		case 'n':
			state->workers = parse(optarg, MAX_WORKERS);
			break;
		case 'w':
			state->watchers = parse(optarg, MAX_WATCHERS);
			break;
		case 'b':
			state->broken = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	return seconds;
}

int main(int argc, char **argv)
{
	unsigned int seconds;

	if (argc == 3 && !strcmp(argv[1], "-T"))
		return be_target(atoi(argv[2]));
	/* There is nothing to it but to be another program. */
	if (argc == 2 && !strcmp(argv[1], "-V"))
		return 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (why_no_device())
		ksft_exit_skip("%s\n", why_no_device());
	if (!make_state())
		ksft_exit_fail_msg("no memory\n");
	state->targets = 4;
	state->workers = 4;
	state->watchers = 6;
	if (getrandom(&state->seed, sizeof(state->seed), 0) < 0)
		state->seed = now_ns();
	seconds = options(argc, argv);
	run(seconds);
	ksft_finished();
}
