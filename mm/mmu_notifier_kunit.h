/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit tests of the MMU notifiers share: an mm that nobody runs in,
 * subscribers that count, and threads beside the test.
 */
#ifndef _MM_MMU_NOTIFIER_KUNIT_H
#define _MM_MMU_NOTIFIER_KUNIT_H

#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>

/* Long enough for a thread to err, short enough to wait for in each test. */
#define GRACE		msecs_to_jiffies(60)
/* What must happen does so within this, on any machine. */
#define PATIENCE	msecs_to_jiffies(20000)

/* A list subscriber; @hold stops a start until @let_go. */
struct lister {
	struct mmu_notifier mn;
	atomic_t starts;
	atomic_t ends;
	atomic_t releases;
	atomic_t young;
	bool refuses;
	bool hold;
	int age;
	struct completion held;
	struct completion let_go;
};

struct watcher {
	struct mmu_interval_notifier interval;
	spinlock_t lock;	/* serialises readers with invalidate */
	atomic_t calls;
	atomic_t releases;
	bool refuses;
	bool hold;
	struct completion held;
	struct completion let_go;
};

/* Something that runs beside the test. */
struct beside {
	void (*run)(struct beside *beside);
	struct mm_struct *mm;
	struct lister *lister;
	struct watcher *watcher;
	struct mmu_notifier_range range;
	int ret;
	unsigned long seq;
	struct completion done;
};

int lister_start(struct mmu_notifier *mn,
		 const struct mmu_notifier_range *range);
void lister_end(struct mmu_notifier *mn,
		const struct mmu_notifier_range *range);
void lister_init(struct lister *lister);
void watcher_init(struct watcher *watcher);
int watch(struct watcher *watcher, struct mm_struct *mm, unsigned long page,
	  unsigned long pages);
bool must_retry(struct watcher *watcher, unsigned long seq);

static inline void range_of(struct mmu_notifier_range *range,
			    struct mm_struct *mm, unsigned long page,
			    unsigned long pages)
{
	mmu_notifier_range_init(range, MMU_NOTIFY_CLEAR, 0, mm,
				page * PAGE_SIZE, (page + pages) * PAGE_SIZE);
}

static inline int beside_thread(void *arg)
{
	struct beside *beside = arg;

	beside->run(beside);
	complete(&beside->done);
	return 0;
}

static inline bool beside_run(struct beside *beside, struct mm_struct *mm,
			      void (*run)(struct beside *beside))
{
	beside->run = run;
	beside->mm = mm;
	init_completion(&beside->done);
	return !IS_ERR(kthread_run(beside_thread, beside, "mmu_notifier"));
}

static inline bool happens(struct completion *what)
{
	return wait_for_completion_timeout(what, PATIENCE);
}

static inline bool happens_not(struct completion *what)
{
	return !wait_for_completion_timeout(what, GRACE);
}

static inline void run_range(struct beside *beside)
{
	mmu_notifier_invalidate_range_start(&beside->range);
	mmu_notifier_invalidate_range_end(&beside->range);
}

static inline int mmu_notifier_test_init(struct kunit *test)
{
	test->priv = mm_alloc();
	return test->priv ? 0 : -ENOMEM;
}

static inline void mmu_notifier_test_exit(struct kunit *test)
{
	if (test->priv)
		mmput(test->priv);
}

#define EXPECT_COUNT(test, counter, value)	\
	KUNIT_EXPECT_EQ(test, atomic_read(&(counter)), value)

#endif /* _MM_MMU_NOTIFIER_KUNIT_H */
