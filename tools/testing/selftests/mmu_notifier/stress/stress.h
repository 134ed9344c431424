/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stress: random operations on page tables in many threads and processes,
 * with subscribers that come and go, translate, and are compared all the time.
 *
 *	stress.c	options, time, and the verdict
 *	keeper.c	keeps targets alive, and disturbs all of them
 *	target.c	a process: its memory, its threads, its death
 *	arena.c		its memory, and what it writes there
 *	ops.c		the table of operations, choice, and what they share
 *	ops_*.c		the operations
 *	watcher.c	subscribers
 *
 * Each target has an arena: areas of all kinds of pages, one after the other
 * at the same address.  Its workers operate on random parts of it, without
 * regard for each other, and for what comes of it: what one cannot do for
 * what the others did is not an error.  Watchers, in the process that started
 * it all, subscribe to any target, have parts of its arena translated, and
 * compare.  Two things are never right, whatever has been done:
 *
 *	- a translation that the page table does not have (see MNT_CHECK);
 *	- a word in the arena that another process has written.  A target writes
 *	  words that name it; a child writes its own, to private memory.  What is
 *	  moved stays among the private areas, or among the shared ones.
 *
 * Which operations a worker tries, on what and in which order, depends on the
 * seed alone.  How they meet does not, nor how far it comes before its process
 * dies; and what a watcher does depends on what it finds, too.
 */
#ifndef _MMU_NOTIFIER_STRESS_H
#define _MMU_NOTIFIER_STRESS_H

#include "../../kselftest.h"
#include "../stale.h"
#include "../util.h"

#define HUGE		(2UL << 20)
#define MAX_TARGETS	8
#define MAX_WORKERS	8
#define MAX_WATCHERS	16
#define MAX_OPS		64
#define STEPS		8
#define WHY		200
/* Where a target has the file that it shares with the one that started it. */
#define STATE_FD	100

enum area_kind {
	ANON,
	THP,
	HUGETLB,
	HUGETLB_SHARED,
	FILE_PRIVATE,
	FILE_SHARED,
	SHMEM,
	SPARE,			/* for what is moved */
	SPARE_SHARED,		/* likewise, and others may share it */
	NR_AREAS
};

#define ONLY(kind)	(1U << (kind))
#define ANY		(ONLY(NR_AREAS) - 1)
#define ANY_HUGETLB	(ONLY(HUGETLB) | ONLY(HUGETLB_SHARED))
#define NOT_HUGETLB	(ANY & ~ANY_HUGETLB)
#define ANY_SPARE	(ONLY(SPARE) | ONLY(SPARE_SHARED))
#define ANY_ANON	(ONLY(ANON) | ONLY(THP) | ONLY(SPARE))
#define ANY_SHARED	(ONLY(HUGETLB_SHARED) | ONLY(FILE_SHARED) | ONLY(SHMEM))
#define ANY_FILE	(ANY_SHARED | ONLY(FILE_PRIVATE))

#define AREA		(2 * HUGE)
#define ARENA		((char *)0x100000000000UL)
#define ARENA_LEN	(NR_AREAS * AREA)

/* What a worker did last; for the report. */
struct step {
	unsigned int op;
	unsigned int pages;
	char *addr;
};

struct trail {
	atomic_ulong nr;
	struct step steps[STEPS];
};

/* A target, as all see it; a place that one process after the other takes. */
struct place {
	atomic_int pid;		/* 0: nobody is there */
	atomic_uint lives;
	struct trail trails[MAX_WORKERS];
};

/* What all processes share. */
struct state {
	uint64_t seed;
	unsigned int targets;
	unsigned int workers;
	unsigned int watchers;
	bool broken;		/* subscribers keep their translations */
	atomic_bool stop;
	atomic_bool failed;
	char why[WHY];		/* the first failure */
	int culprit;		/* the place that it is about, or -1 */
	atomic_ulong tried[MAX_OPS];
	atomic_ulong worked[MAX_OPS];
	struct place places[MAX_TARGETS];
};

extern struct state *state;

/* A thread of a target, and what its process has. */
struct worker {
	uint64_t random;
	unsigned int number;
	struct trail *trail;
	struct target *target;
};

struct target {
	pid_t pid;		/* that its words name */
	int place;
	int fds[NR_AREAS];	/* of files, or -1 */
	int words;		/* a file with the words that it writes */
	int uffd;
	int mem;
	int pagemap;
};

struct range {
	enum area_kind kind;
	char *addr;
	size_t len;
};

/* Returns true if there was an effect. */
struct op {
	const char *name;
	unsigned int weight;
	unsigned int areas;
	bool (*run)(struct worker *worker, struct range range, int arg);
	int arg;
};

extern const struct op ops_map[], ops_advice[], ops_move[], ops_uffd[],
	ops_proc[];

/* stress.c */
uint64_t next_random(uint64_t *random);
unsigned int below(uint64_t *random, unsigned int bound);
uint64_t random_of(unsigned int what, unsigned int which, unsigned int when);
__printf(2, 3) void complain(int place, const char *why, ...);

/* arena.c */
bool arena_make(struct target *target);
bool arena_open_words(struct target *target);
bool arena_map(const struct target *target, struct range range);
bool arena_write(const struct target *target, char *addr);
bool arena_read(const struct worker *worker, const char *addr, uint64_t *word);
bool word_is_of(uint64_t word, pid_t pid);
uint64_t word_of(pid_t pid, unsigned int generation);

/* ops.c */
unsigned int nr_ops(void);
const struct op *op_by_number(unsigned int number);
char *spare_for(struct range range);
void operate(struct worker *worker);

/* target.c */
int target_main(int place);
void die_with_parent(void);

/* keeper.c */
bool keepers_start(void);
void keepers_stop(void);

/* watcher.c */
struct watched {
	atomic_ulong subscriptions[MNT_NR_KINDS];
	atomic_ulong filled[MNT_NR_KINDS];
	atomic_ulong checked[MNT_NR_KINDS];
	atomic_ulong loaded[MNT_NR_KINDS];
	atomic_ulong stale[MNT_NR_KINDS];
};

extern struct watched watched;

bool watchers_start(void);
void watchers_stop(void);

#endif /* _MMU_NOTIFIER_STRESS_H */
