/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests share: checks, threads, gates, address spaces, subscribers. */
#ifndef MN_TEST_H
#define MN_TEST_H

#include <unistd.h>

#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test tracker_tests[];
extern const struct test pairing_tests[];
extern const struct test leaving_tests[];
extern const struct test register_tests[];
extern const struct test interval_tests[];
extern const struct test exit_tests[];
extern const struct test inside_tests[];
extern const struct test filter_tests[];
extern const struct test age_tests[];

void __noreturn test_failed(const char *file, int line, const char *what);
#define check(cond)							\
do {									\
	if (!(cond))							\
		test_failed(__FILE__, __LINE__, #cond);			\
} while (0)

/* Wait for a condition; the time limit of the test is the only other end. */
#define wait_until(cond)						\
do {									\
	while (!(cond))							\
		usleep(100);						\
} while (0)

unsigned long test_random(unsigned long limit);
pthread_t start_thread(void *(*fn)(void *arg), void *arg);
void join_thread(pthread_t thread);
unsigned long now_us(void);

/* Callouts that reach a closed gate wait there. */
struct gate {
	atomic_t closed;
	atomic_t arrived;
};

void gate_pass(struct gate *gate);

/* How often the flush was asked for, and what it answers. */
extern atomic_t flushes;
extern atomic_t flush_result;
int mn_flush_untracked(struct mm_struct *mm);

struct mm_struct *mm_new(void);
/* The last user goes: as exit_mmap() and then the last mmdrop() of the task. */
void mm_exit(struct mm_struct *mm);

/* A list subscriber that checks how it is called. */
struct list_sub {
	struct mmu_notifier n;
	struct gate *gate;
	struct gate *end_gate;
	atomic_t alive;
	atomic_t starts;
	atomic_t ends;
	atomic_t open;
	atomic_t releases;
	/* refuse every nth non-blocking start */
	int refuse;
	int asked;
};

extern const struct mmu_notifier_ops list_ops;
void list_sub_init(struct list_sub *sub);
void list_add(struct mm_struct *mm, struct list_sub *sub);
/* Unregister, and check that every start had its end and none comes later. */
void list_remove(struct mm_struct *mm, struct list_sub *sub);

struct interval_sub {
	struct mmu_interval_notifier n;
	struct gate *gate;
	atomic_t alive;
	atomic_t calls;
	atomic_t releases;
	int refuse;
};

extern const struct mmu_interval_notifier_ops interval_ops;
void interval_add(struct mm_struct *mm, struct interval_sub *sub,
		  unsigned long page, unsigned long pages);
void interval_remove(struct interval_sub *sub);

void range_begin(struct mm_struct *mm, struct mmu_notifier_range *range,
		 unsigned long page, unsigned long pages);
int range_begin_nonblock(struct mm_struct *mm,
			 struct mmu_notifier_range *range, unsigned long page,
			 unsigned long pages);
void range_finish(struct mmu_notifier_range *range);

#endif
