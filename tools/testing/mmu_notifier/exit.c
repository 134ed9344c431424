// SPDX-License-Identifier: GPL-2.0
/* The address space goes; put and get; callouts under RCU. */
#include <sched.h>

#include "test.h"

static void exit_basic(void)
{
	struct mmu_notifier_range open, range;
	struct mm_struct *mm = mm_new();
	struct interval_sub interval;
	struct list_sub a, b;

	list_add(mm, &a);
	list_add(mm, &b);
	interval_add(mm, &interval, 0, 4);
	range_begin(mm, &open, 0, 1);
	atomic_set(&mm->mm_users, 0);
	mmu_notifier_release(mm);
	check(atomic_read(&a.releases) == 1 && atomic_read(&b.releases) == 1);
	check(atomic_read(&interval.releases) == 1);
	check(!atomic_read(&a.open) && !atomic_read(&b.open));
	check(atomic_read(&interval.calls) == 2);

	/* Nothing is called any more, neither for old nor for new ranges. */
	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	range_finish(&open);
	check(atomic_read(&a.starts) == 1 && atomic_read(&a.ends) == 1);
	check(atomic_read(&interval.calls) == 2);
	list_remove(mm, &a);
	list_remove(mm, &b);
	interval_remove(&interval);
	check(!mm_has_notifiers(mm) && atomic_read(&mm->mm_count) == 1);
	mm_exit(mm);
}

static struct gate batch_gate;

/* Holds all ranges but that of exit. */
static bool hold_invalidate(struct mmu_interval_notifier *n,
			    const struct mmu_notifier_range *range,
			    unsigned long seq)
{
	mmu_interval_set_seq(n, seq);
	if (range->event != MMU_NOTIFY_RELEASE)
		gate_pass(&batch_gate);
	return true;
}

static const struct mmu_interval_notifier_ops hold_ops = {
	.invalidate = hold_invalidate,
};

static void *one_range(void *arg)
{
	struct mmu_notifier_range range;

	range_begin(arg, &range, 0, 1);
	range_finish(&range);
	return NULL;
}

static void *exit_now(void *arg)
{
	mmu_notifier_release(arg);
	return NULL;
}

/* A range that began before is still calling; exit waits until it is not. */
static void exit_batch(void)
{
	struct mmu_interval_notifier interval;
	struct mm_struct *mm = mm_new();
	pthread_t owner, exiter;

	check(!mmu_interval_notifier_insert(&interval, mm, 0, PAGE_SIZE,
					    &hold_ops));
	atomic_set(&batch_gate.closed, 1);
	owner = start_thread(one_range, mm);
	wait_until(atomic_read(&batch_gate.arrived));
	atomic_set(&mm->mm_users, 0);
	exiter = start_thread(exit_now, mm);
	wait_until(atomic_read(&shim_waiting));
	atomic_set(&batch_gate.closed, 0);
	join_thread(exiter);
	join_thread(owner);
	mmu_interval_notifier_remove(&interval);
	mm_exit(mm);
}

static void *some_ranges(void *arg)
{
	struct mmu_notifier_range a, b;
	int i, err;

	for (i = 0; i < 20; i++) {
		range_begin(arg, &a, 0, 2);
		err = range_begin_nonblock(arg, &b, 1, 2);
		range_finish(&a);
		if (!err)
			range_finish(&b);
	}
	return NULL;
}

struct leaver {
	struct mm_struct *mm;
	struct list_sub list;
	struct interval_sub interval;
	unsigned int delay;
};

static void *leave(void *arg)
{
	struct leaver *leaver = arg;

	usleep(leaver->delay);
	list_remove(leaver->mm, &leaver->list);
	interval_remove(&leaver->interval);
	free(leaver);
	return NULL;
}

struct got {
	struct list_sub sub;
	bool put_in_release;
};

static atomic_t got_allocated;
static atomic_t got_freed;

static struct mmu_notifier *got_alloc(struct mm_struct *mm)
{
	struct got *got = calloc(1, sizeof(*got));

	check(got);
	atomic_set(&got->sub.alive, 1);
	atomic_inc(&got_allocated);
	return &got->sub.n;
}

static void got_free(struct mmu_notifier *n)
{
	struct got *got = container_of(n, struct got, sub.n);

	check(!atomic_read(&got->sub.open));
	check(atomic_read(&got->sub.starts) == atomic_read(&got->sub.ends));
	atomic_inc(&got_freed);
	free(got);
}

static void got_release(struct mmu_notifier *n, struct mm_struct *mm)
{
	struct got *got = container_of(n, struct got, sub.n);

	list_ops.release(n, mm);
	if (got->put_in_release)
		mmu_notifier_put(n);
}

static struct mmu_notifier_ops got_ops;

static struct mmu_notifier *get(struct mm_struct *mm)
{
	struct mmu_notifier *n;

	mmap_write_lock(mm);
	got_ops = list_ops;
	got_ops.release = got_release;
	got_ops.alloc_notifier = got_alloc;
	got_ops.free_notifier = got_free;
	n = mmu_notifier_get_locked(&got_ops, mm);
	mmap_write_unlock(mm);
	check(!IS_ERR(n));
	return n;
}

static void *put(void *arg)
{
	usleep(test_random(200));
	mmu_notifier_put(arg);
	return NULL;
}

static void exit_races(void)
{
	struct leaver *leaver;
	struct mmu_notifier *n;
	pthread_t threads[4];
	struct mm_struct *mm;
	int round, i;

	for (round = 0; round < 150; round++) {
		mm = mm_new();
		leaver = calloc(1, sizeof(*leaver));
		leaver->mm = mm;
		leaver->delay = test_random(300);
		list_add(mm, &leaver->list);
		interval_add(mm, &leaver->interval, 0, 4);
		n = get(mm);
		container_of(n, struct got, sub.n)->put_in_release = round & 1;
		mmgrab(mm);
		threads[0] = start_thread(some_ranges, mm);
		threads[1] = start_thread(some_ranges, mm);
		threads[2] = start_thread(leave, leaver);
		if (!(round & 1))
			threads[3] = start_thread(put, n);
		usleep(test_random(300));
		mm_exit(mm);
		for (i = 0; i < 4 - (round & 1); i++)
			join_thread(threads[i]);
		mmu_notifier_synchronize();
		check(!mm_has_notifiers(mm));
		check(atomic_read(&mm->mm_count) == 1);
		mmdrop(mm);
		check(atomic_read(&got_freed) == round + 1);
	}
	check(atomic_read(&got_allocated) == 150);
}

static void put_frees_once(void)
{
	struct gate gate = { .closed = { 1 } };
	struct mmu_notifier_range open;
	struct mm_struct *mm = mm_new();
	struct mmu_notifier *a, *b;
	pthread_t walker;

	a = get(mm);
	b = get(mm);
	check(a == b && atomic_read(&got_allocated) == 1);
	mmu_notifier_put(a);
	mmu_notifier_synchronize();
	check(!atomic_read(&got_freed));
	range_begin(mm, &open, 0, 1);
	container_of(a, struct list_sub, n)->gate = &gate;
	walker = start_thread(one_range, mm);
	wait_until(atomic_read(&gate.arrived));
	mmu_notifier_put(a);
	usleep(30000);
	/* A callout is running on it. */
	check(!atomic_read(&got_freed));
	atomic_set(&gate.closed, 0);
	mmu_notifier_synchronize();
	check(atomic_read(&got_freed) == 1);
	range_finish(&open);
	join_thread(walker);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

static atomic_t stop;
static struct gate young_gate;

static int young(struct mmu_notifier *n, struct mm_struct *mm,
		 unsigned long start, unsigned long end)
{
	struct list_sub *sub = container_of(n, struct list_sub, n);

	check(atomic_read(&sub->alive));
	check(shim_self.rcu_nesting && shim_self.non_block);
	atomic_inc(&sub->starts);
	gate_pass(&young_gate);
	return 1;
}

static int test_young(struct mmu_notifier *n, struct mm_struct *mm,
		      unsigned long address)
{
	return young(n, mm, address, address + 1);
}

static const struct mmu_notifier_ops young_ops = {
	.clear_flush_young = young,
	.clear_young = young,
	.test_young = test_young,
};

static void *age(void *arg)
{
	while (!atomic_read(&stop)) {
		mmu_notifier_clear_flush_young(arg, 0, PAGE_SIZE);
		mmu_notifier_clear_young(arg, 0, PAGE_SIZE);
		mmu_notifier_test_young(arg, 0);
		sched_yield();
	}
	return NULL;
}

static void *age_once(void *arg)
{
	mmu_notifier_clear_young(arg, 0, PAGE_SIZE);
	return NULL;
}

static void *leave_young(void *arg)
{
	struct list_sub *sub = arg;

	mmu_notifier_unregister(&sub->n, sub->n.mm);
	atomic_set(&sub->alive, 0);
	return NULL;
}

/* These callouts take no pin: a grace period stands in for it. */
static void young_is_waited_for(void)
{
	struct mm_struct *mm = mm_new();
	pthread_t ager, leaver;
	struct list_sub sub;

	list_sub_init(&sub);
	sub.n.ops = &young_ops;
	check(!mmu_notifier_register(&sub.n, mm));
	atomic_set(&young_gate.closed, 1);
	ager = start_thread(age_once, mm);
	wait_until(atomic_read(&young_gate.arrived));
	leaver = start_thread(leave_young, &sub);
	usleep(30000);
	check(atomic_read(&sub.alive));
	atomic_set(&young_gate.closed, 0);
	join_thread(ager);
	join_thread(leaver);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

static void young_come_and_go(void)
{
	struct mm_struct *mm = mm_new();
	struct list_sub *sub, steady;
	unsigned long began = now_us();
	pthread_t threads[2];
	int i;

	check(!mmu_notifier_test_young(mm, 0));
	list_sub_init(&steady);
	steady.n.ops = &young_ops;
	check(!mmu_notifier_register(&steady.n, mm));
	check(mmu_notifier_clear_flush_young(mm, 0, PAGE_SIZE) == 1);
	check(mmu_notifier_clear_young(mm, 0, PAGE_SIZE) == 1);
	check(mmu_notifier_test_young(mm, 0) == 1);
	check(atomic_read(&steady.starts) == 3);
	for (i = 0; i < 2; i++)
		threads[i] = start_thread(age, mm);
	while (now_us() - began < 600000) {
		sub = malloc(sizeof(*sub));
		list_sub_init(sub);
		sub->n.ops = &young_ops;
		check(!mmu_notifier_register(&sub->n, mm));
		mmu_notifier_unregister(&sub->n, mm);
		atomic_set(&sub->alive, 0);
		free(sub);
	}
	atomic_set(&stop, 1);
	for (i = 0; i < 2; i++)
		join_thread(threads[i]);
	mmu_notifier_unregister(&steady.n, mm);
	mm_exit(mm);
}

const struct test exit_tests[] = {
	{ "exit_basic", exit_basic },
	{ "exit_batch", exit_batch },
	{ "exit_races", exit_races },
	{ "put_frees_once", put_frees_once },
	{ "young_is_waited_for", young_is_waited_for },
	{ "young_come_and_go", young_come_and_go },
	{ }
};
