/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The coherence matrix: each operation on page tables, on each kind of page,
 * with each kind of subscriber.
 *
 *	matrix.c	the cells, one after the other, and the report
 *	cell.c		one cell: subscribe, translate, operate, compare
 *	oracle.c	the mirror of a subscriber, watched while things happen;
 *			sgi-gru/coherence has another one, for a real device
 *	target.c	the process whose memory it is
 *	pages.c		the kinds of pages
 *	common.c	what several operations do
 *	ops_*.c		the operations
 *
 * The target makes an area and operates on it.  The owner, another process,
 * subscribes to the target, has its pages translated, and compares the
 * translations with the target's page table, by the oracle in
 * lib/test_mmu_notifier/check.c: while the operation runs, and when it is over.
 */
#ifndef _MMU_NOTIFIER_COHERENCE_MATRIX_H
#define _MMU_NOTIFIER_COHERENCE_MATRIX_H

#include "../../kselftest.h"
#include "../klog.h"
#include "../stale.h"
#include "../util.h"

#define HUGE	(2UL << 20)
#define GIGA	(512 * HUGE)
#define WHY	160

enum pages {
	ANON,
	MTHP,
	THP,
	HUGETLB,
	HUGETLB_SHARED,
	FILE_PRIVATE,
	FILE_SHARED,
	SHMEM,
	ZERO,
	NR_PAGE_KINDS
};

#define ONLY(kind)	(1U << (kind))
#define ANY		(ONLY(NR_PAGE_KINDS) - 1)
#define ANON_ANY	(ONLY(ANON) | ONLY(MTHP) | ONLY(THP))
#define HUGETLB_ANY	(ONLY(HUGETLB) | ONLY(HUGETLB_SHARED))
#define FILE_ANY	(ONLY(FILE_PRIVATE) | ONLY(FILE_SHARED))
/* Of causes. */
#define BY(cause)	(1U << MNT_##cause)

#define SHARED_ANY	(ONLY(HUGETLB_SHARED) | ONLY(FILE_SHARED) | ONLY(SHMEM))

/*
 * Memory of the target, filled with tagged pages (see tag_pages()), but for
 * ZERO, which has been read only.
 */
struct area {
	enum pages kind;
	char *addr;
	size_t len;
	size_t unit;		/* of one page, or of one folio */
	int fd;			/* of what is mapped, or -1 */
	bool readonly;		/* to be translated for read to begin with */
	char why[WHY];		/* what failed, or what is missing */
	/* For the operations. */
	char *other;
	int helper;		/* a file descriptor or a process */
	int go;			/* what a thread waits for */
	/* For the oracle, where it has a part in the target. */
	uint64_t at;
	uint64_t word;
};

/* What the area is to hold, when the operation is over. */
enum after {
	SAME,			/* what it held */
	DROPPED,		/* likewise, but anonymous memory is zero */
	ZEROES,
	EITHER,			/* each page one of these */
	CHANGED,		/* the operation has tagged it anew */
	OTHER,			/* whatever; or it cannot be read */
	GONE,			/* nothing that could be read */
	DENIED,			/* likewise, until the operation is undone */
	DEAD,			/* there is no such address space any more */
};

/* Of what the functions of an operation return; negative ones are errors. */
#define DONE		0
#define NOT_HERE	1	/* this kernel or machine cannot, area->why */

/*
 * An operation.  'prepare', 'run' and 'undo' are called in the target,
 * 'remote' in the owner, when 'run' is over.
 */
struct op {
	const char *name;
	unsigned int kinds;	/* pages there can be */
	const char *no;		/* why there cannot be others */
	unsigned int why;	/* one of these causes is told, if any; */
	unsigned int also;	/* these may be told, and no others */
	enum after after;
	unsigned int keeps;	/* pages that may stay as they are */
	unsigned int quiet;	/* pages of which no TLB entry changes */
	bool huge;		/* wants 2 MiB, aligned, of whatever size */
	bool reads;		/* is translated again and again meanwhile */
	bool loud;		/* the kernel logs it, with a stack */
	int (*prepare)(struct area *area);
	int (*run)(struct area *area);
	int (*remote)(struct area *area, pid_t pid);
	int (*undo)(struct area *area);
};

extern const struct op ops_map[], ops_advice[], ops_reclaim[], ops_move[],
	ops_huge[], ops_file[], ops_uffd[], ops_proc[], ops_device[], ops_end[];

struct page_kind {
	const char *name;
	size_t unit;
	size_t len;
	int (*make)(struct area *area);
};

extern const struct page_kind page_kinds[NR_PAGE_KINDS];

/* pages.c */
int area_make(struct area *area, bool huge);
void tag_pages(const struct area *area, char *addr, unsigned int generation);
bool tag_is(const char *page, const char *addr, unsigned int generation);
bool page_is_zero(const char *page);
__printf(2, 3) int lacking(struct area *area, const char *why, ...);
int failed(struct area *area, const char *what);
int set_file(struct area *area, const char *path, const char *text);
uint64_t pagemap_entry(const char *addr);
uint64_t pagemap_pfn(const char *addr);
bool is_huge(const char *addr);
void settle_pages(void);
bool wait_until(bool (*condition)(void *arg), void *arg);
const char *files_folder(void);
bool page_out(struct area *area);

/* matrix.c: of all targets, or NULL; subscribers drop nothing */
extern const char *cgroup;
extern bool broken;

/* common.c */
int advise(struct area *area, int advice);
int write_anew(struct area *area);
int close_helper(struct area *area);
int begin_child(struct area *area, void (*first)(struct area *area));
int end_child(struct area *area);

/* target.c: one per cell */
struct target {
	pid_t pid;
	int to;
	int from;
	struct area *area;	/* shared with it */
};

int target_start(struct target *target, const struct op *op,
		 enum pages kind);
int target_do(struct target *target, char step);
void target_stop(struct target *target);
void die_with_parent(void);
int after_exec(void);

/* oracle.c */
struct oracle {
	int fd;
	int id;
	unsigned int kind;	/* enum mnt_kind */
	struct area *area;
	struct target *target;
	bool reads;
	pthread_t watcher;
	atomic_bool stop;
	atomic_ulong looks;
	struct mnt_check found;	/* the first failure */
	struct mnt_stats before;	/* what is to be told a reason for */
};

extern const unsigned int oracle_kinds[];
extern const unsigned int oracle_nr_kinds;

const char *oracle_missing(void);
bool oracle_start(struct oracle *oracle, int fd, unsigned int kind,
		  struct target *target);
int oracle_step(struct area *area, char what);
unsigned int oracle_fill(struct oracle *oracle, bool write);
void oracle_expect(struct oracle *oracle);
unsigned int oracle_causes(const struct oracle *oracle);
const char *cause_name(unsigned int causes);
void oracle_watch(struct oracle *oracle);
void oracle_wait_look(const struct oracle *oracle);
bool oracle_watched(struct oracle *oracle);
struct mnt_check oracle_look(struct oracle *oracle);
bool oracle_wait_dead(struct oracle *oracle);
bool oracle_load(struct oracle *oracle, const char *addr, uint64_t *value);
bool oracle_is_paired(struct oracle *oracle);
void oracle_report(struct oracle *oracle, const struct op *op);
void oracle_stop(struct oracle *oracle);

/* cell.c */
enum verdict { PASSED, FAILED, STALE, MISSING };

struct result {
	enum verdict verdict;
	char why[WHY];
};

void cell_look(void);
struct result cell_run(const struct op *op, enum pages kind,
		       const unsigned int *subs, unsigned int nr_subs);

#endif /* _MMU_NOTIFIER_COHERENCE_MATRIX_H */
