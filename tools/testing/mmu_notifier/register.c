// SPDX-License-Identifier: GPL-2.0
/* Coming and going, what fails, and who waits for whom. */
#include "test.h"

static void register_basic(void)
{
	struct interval_sub interval;
	struct mm_struct *mm = mm_new();
	struct list_sub a, b;
	int round;

	for (round = 0; round < 3; round++) {
		atomic_set(&flushes, 0);
		list_add(mm, &a);
		check(mm_has_notifiers(mm) && atomic_read(&flushes) == 1);
		/* Only the first has to look at the address space. */
		list_add(mm, &b);
		interval_add(mm, &interval, 0, 1);
		check(atomic_read(&flushes) == 1);
		list_remove(mm, &a);
		list_remove(mm, &b);
		check(mm_has_notifiers(mm));
		interval_remove(&interval);
		check(!mm_has_notifiers(mm));
		check(atomic_read(&mm->mm_count) == 1);
	}
	mm_exit(mm);
}

static int try_register(struct mm_struct *mm, int fail_alloc)
{
	struct list_sub sub;
	int ret;

	list_sub_init(&sub);
	shim_self.fail_alloc = fail_alloc;
	ret = mmu_notifier_register(&sub.n, mm);
	shim_self.fail_alloc = 0;
	check(!atomic_read(&sub.open) && !atomic_read(&sub.releases));
	return ret;
}

static void register_fails(void)
{
	struct mmu_interval_notifier interval;
	struct mm_struct *mm = mm_new();

	check(try_register(mm, 1) == -ENOMEM);
	shim_self.fail_alloc = 1;
	check(mmu_interval_notifier_insert(&interval, mm, 0, PAGE_SIZE,
					   &interval_ops) == -ENOMEM);
	shim_self.fail_alloc = 0;
	check(mmu_interval_notifier_insert(&interval, mm, 0, 0,
					   &interval_ops) == -EOVERFLOW);
	check(mmu_interval_notifier_insert(&interval, mm, -PAGE_SIZE,
					   2 * PAGE_SIZE,
					   &interval_ops) == -EOVERFLOW);
	atomic_set(&flush_result, -EINTR);
	check(try_register(mm, 0) == -EINTR);
	check(mmu_interval_notifier_insert(&interval, mm, 0, PAGE_SIZE,
					   &interval_ops) == -EINTR);
	atomic_set(&flush_result, 0);
	check(!mm_has_notifiers(mm) && atomic_read(&mm->mm_count) == 1);
	mm_exit(mm);
}

static void register_interrupted(void)
{
	struct mmu_notifier_range range;
	struct mm_struct *mm = mm_new();
	struct list_sub first;

	list_add(mm, &first);
	range_begin(mm, &range, 0, 1);
	atomic_set(&current->signal, 1);
	check(try_register(mm, 0) == -EINTR);
	atomic_set(&current->signal, 0);
	check(atomic_read(&mm->mm_count) == 2);
	range_finish(&range);
	check(atomic_read(&first.ends) == 1);
	list_remove(mm, &first);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

struct joiner {
	struct mm_struct *mm;
	struct list_sub sub;
	atomic_t done;
};

static void *join_late(void *arg)
{
	struct joiner *joiner = arg;

	list_add(joiner->mm, &joiner->sub);
	atomic_set(&joiner->done, 1);
	return NULL;
}

/* Registration returns when no change is going on that does not know of it. */
static void register_waits(void)
{
	struct mmu_notifier_range range;
	struct joiner joiner = { .mm = mm_new() };
	struct list_sub first;
	pthread_t thread;

	list_add(joiner.mm, &first);
	range_begin(joiner.mm, &range, 0, 1);
	thread = start_thread(join_late, &joiner);
	usleep(30000);
	check(!atomic_read(&joiner.done));
	range_finish(&range);
	join_thread(thread);
	check(!atomic_read(&joiner.sub.starts));
	check(!atomic_read(&joiner.sub.ends));
	list_remove(joiner.mm, &joiner.sub);
	list_remove(joiner.mm, &first);
	mm_exit(joiner.mm);
}

static void *one_range(void *arg)
{
	struct mmu_notifier_range range;

	range_begin(arg, &range, 0, 8);
	range_finish(&range);
	return NULL;
}

/* Hangs if anybody waits for the callouts that are held at the gate. */
static void isolation(void)
{
	struct gate list_gate = { .closed = { 1 } };
	struct gate interval_gate = { .closed = { 1 } };
	struct mm_struct *mm = mm_new(), *other = mm_new();
	struct interval_sub sleeper, idle;
	struct list_sub sleeps, leaves, elsewhere;
	pthread_t a, b;

	interval_add(mm, &sleeper, 0, 4);
	interval_add(mm, &idle, 6, 2);
	list_add(mm, &leaves);
	list_add(other, &sleeps);
	list_add(other, &elsewhere);
	sleeper.gate = &interval_gate;
	sleeps.gate = &list_gate;
	a = start_thread(one_range, mm);
	b = start_thread(one_range, other);
	wait_until(atomic_read(&list_gate.arrived));
	wait_until(atomic_read(&interval_gate.arrived));

	list_remove(mm, &leaves);
	interval_remove(&idle);
	list_remove(other, &elsewhere);
	interval_add(other, &idle, 0, 8);
	interval_remove(&idle);

	atomic_set(&list_gate.closed, 0);
	atomic_set(&interval_gate.closed, 0);
	join_thread(a);
	join_thread(b);
	interval_remove(&sleeper);
	list_remove(other, &sleeps);
	mm_exit(mm);
	mm_exit(other);
}

struct leaver {
	struct mm_struct *mm;
	struct list_sub *list;
	struct interval_sub *interval;
	atomic_t done;
};

static void *leave(void *arg)
{
	struct leaver *leaver = arg;

	if (leaver->list)
		list_remove(leaver->mm, leaver->list);
	else
		interval_remove(leaver->interval);
	atomic_set(&leaver->done, 1);
	return NULL;
}

/* Whoever leaves does wait for a callout of its own. */
static void leaving_waits(void)
{
	struct gate gate = { .closed = { 1 } };
	struct mm_struct *mm = mm_new();
	struct interval_sub interval;
	struct list_sub list;
	struct leaver leavers[2] = {
		{ .mm = mm, .list = &list },
		{ .mm = mm, .interval = &interval },
	};
	pthread_t walker, thread;
	int i;

	list_add(mm, &list);
	interval_add(mm, &interval, 0, 1);
	for (i = 0; i < 2; i++) {
		atomic_set(&gate.closed, 1);
		atomic_set(&gate.arrived, 0);
		list.gate = i ? NULL : &gate;
		interval.gate = i ? &gate : NULL;
		walker = start_thread(one_range, mm);
		wait_until(atomic_read(&gate.arrived));
		thread = start_thread(leave, &leavers[i]);
		usleep(30000);
		check(!atomic_read(&leavers[i].done));
		atomic_set(&gate.closed, 0);
		join_thread(walker);
		join_thread(thread);
	}
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

const struct test register_tests[] = {
	{ "register_basic", register_basic },
	{ "register_fails", register_fails },
	{ "register_interrupted", register_interrupted },
	{ "register_waits", register_waits },
	{ "isolation", isolation },
	{ "leaving_waits", leaving_waits },
	{ }
};
