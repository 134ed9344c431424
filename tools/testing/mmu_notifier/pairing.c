// SPDX-License-Identifier: GPL-2.0
/* Each successful start has one end, whoever comes, goes or refuses. */
#include "test.h"

static void pair_basic(void)
{
	struct mmu_notifier_range a, b;
	struct mm_struct *mm = mm_new();
	struct interval_sub interval;
	struct list_sub list, late;

	/* Without subscribers nothing is tracked, and an end is no end. */
	range_begin(mm, &a, 0, 4);
	list_add(mm, &list);
	interval_add(mm, &interval, 2, 2);
	range_finish(&a);
	check(!atomic_read(&list.starts) && !atomic_read(&list.ends));

	range_begin(mm, &a, 0, 3);
	range_begin(mm, &b, 4, 1);
	check(atomic_read(&list.starts) == 2 && !atomic_read(&list.ends));
	check(atomic_read(&interval.calls) == 1);
	range_finish(&a);
	range_finish(&b);
	check(atomic_read(&list.ends) == 2);

	list_add(mm, &late);
	list_remove(mm, &list);
	interval_remove(&interval);
	list_remove(mm, &late);
	mm_exit(mm);
}

static void rollback(void)
{
	struct list_sub first, refuses, last;
	struct mmu_notifier_range range;
	struct mm_struct *mm = mm_new();
	struct interval_sub interval;

	/* Called in the reverse order of registration. */
	list_add(mm, &last);
	list_add(mm, &refuses);
	list_add(mm, &first);
	interval_add(mm, &interval, 0, 8);
	refuses.refuse = 1;

	check(range_begin_nonblock(mm, &range, 0, 8) == -EAGAIN);
	check(atomic_read(&interval.calls) == 1);
	check(atomic_read(&first.starts) == 1);
	check(atomic_read(&first.ends) == 1);
	check(atomic_read(&refuses.ends) == 0);
	check(atomic_read(&last.starts) == 0 && atomic_read(&last.ends) == 0);
	/* Hangs if something is left in flight. */
	mmu_interval_read_begin(&interval.n);

	/* An interval that refuses comes before every list subscriber. */
	refuses.refuse = 0;
	interval.refuse = 1;
	check(range_begin_nonblock(mm, &range, 0, 8) == -EAGAIN);
	check(atomic_read(&first.starts) == 1);
	mmu_interval_read_begin(&interval.n);
	interval.refuse = 0;
	check(!range_begin_nonblock(mm, &range, 0, 8));
	range_finish(&range);
	check(atomic_read(&last.ends) == 1);

	interval_remove(&interval);
	list_remove(mm, &first);
	list_remove(mm, &refuses);
	list_remove(mm, &last);
	mm_exit(mm);
}

static void debt(void)
{
	struct mmu_notifier_range a, b, c;
	struct mm_struct *mm = mm_new();
	struct list_sub sub, stays;

	list_add(mm, &sub);
	list_add(mm, &stays);
	range_begin(mm, &a, 0, 1);
	range_begin(mm, &b, 0, 1);
	list_remove(mm, &sub);
	check(atomic_read(&sub.ends) == 2);
	range_begin(mm, &c, 0, 1);
	range_finish(&b);
	range_finish(&a);
	range_finish(&c);
	check(atomic_read(&sub.ends) == 2 && atomic_read(&stays.ends) == 3);
	list_remove(mm, &stays);
	mm_exit(mm);
}

struct leaver {
	struct mm_struct *mm;
	struct list_sub *sub;
	atomic_t done;
};

static void *leave(void *arg)
{
	struct leaver *leaver = arg;

	list_remove(leaver->mm, leaver->sub);
	atomic_set(&leaver->done, 1);
	return NULL;
}

static void *one_range(void *arg)
{
	struct mmu_notifier_range range;

	range_begin(arg, &range, 4, 1);
	range_finish(&range);
	return NULL;
}

/* An owner ends its range while unregistration waits for another callout. */
static void debt_owner_ends_first(void)
{
	struct gate gate = { .closed = { 1 } };
	struct mmu_notifier_range open;
	struct mm_struct *mm = mm_new();
	struct list_sub sub;
	struct leaver leaver = { .mm = mm, .sub = &sub };
	pthread_t walker, thread;

	list_add(mm, &sub);
	range_begin(mm, &open, 0, 1);
	sub.gate = &gate;
	walker = start_thread(one_range, mm);
	wait_until(atomic_read(&gate.arrived));
	thread = start_thread(leave, &leaver);
	wait_until(READ_ONCE(sub.n.leaving));
	range_finish(&open);
	check(!atomic_read(&leaver.done));
	atomic_set(&gate.closed, 0);
	join_thread(walker);
	join_thread(thread);
	check(atomic_read(&sub.ends) == 2);
	mm_exit(mm);
}

/* The owner has called an end, but is not through with the others yet. */
static void end_is_called_once(void)
{
	struct gate gate = { .closed = { 1 } };
	struct mm_struct *mm = mm_new();
	struct list_sub slow, quick;
	pthread_t walker;

	list_add(mm, &slow);
	list_add(mm, &quick);
	slow.end_gate = &gate;
	walker = start_thread(one_range, mm);
	wait_until(atomic_read(&gate.arrived));
	check(atomic_read(&quick.ends) == 1);
	list_remove(mm, &quick);
	check(atomic_read(&quick.ends) == 1);
	atomic_set(&gate.closed, 0);
	join_thread(walker);
	list_remove(mm, &slow);
	mm_exit(mm);
}

#define NR_SLOTLESS 70

static void slots_70(void)
{
	static struct list_sub subs[NR_SLOTLESS], more[10];
	struct leaver leaver = { .sub = &subs[NR_SLOTLESS - 1] };
	struct mmu_notifier_range range, after;
	struct mm_struct *mm = mm_new();
	pthread_t thread;
	int i;

	for (i = 0; i < NR_SLOTLESS; i++)
		list_add(mm, &subs[i]);
	range_begin(mm, &range, 0, 1);
	/* The last to come has no slot: it goes when the range is over. */
	leaver.mm = mm;
	thread = start_thread(leave, &leaver);
	wait_until(READ_ONCE(leaver.sub->n.leaving));
	range_begin(mm, &after, 0, 1);
	usleep(20000);
	check(!atomic_read(&leaver.done));
	for (i = 0; i < 10; i++)
		list_remove(mm, &subs[i]);
	range_finish(&range);
	range_finish(&after);
	join_thread(thread);
	check(atomic_read(&leaver.sub->ends) == 1);

	for (i = 0; i < 10; i++)
		list_add(mm, &more[i]);
	subs[64].refuse = 1;
	check(range_begin_nonblock(mm, &range, 0, 1) == -EAGAIN);
	for (i = 10; i < NR_SLOTLESS - 1; i++) {
		check(!atomic_read(&subs[i].open));
		check(atomic_read(&subs[i].ends) == (i == 64 ? 2 : 3));
		list_remove(mm, &subs[i]);
	}
	for (i = 0; i < 10; i++)
		list_remove(mm, &more[i]);
	mm_exit(mm);
}

/* A slot that is taken over must not bring the old holder's ends with it. */
static void slot_reuse(void)
{
	struct mmu_notifier_range old, range;
	struct mm_struct *mm = mm_new();
	struct list_sub sub, next, stays;
	struct leaver leaver = { .mm = mm, .sub = &sub };
	int slot;

	list_add(mm, &stays);
	list_add(mm, &sub);
	slot = sub.n.slot;
	range_begin(mm, &old, 0, 1);
	leave(&leaver);
	list_sub_init(&next);
	/* Registration waits for @old; a signal makes it give up. */
	atomic_set(&current->signal, 1);
	check(mmu_notifier_register(&next.n, mm) == -EINTR);
	atomic_set(&current->signal, 0);
	check(next.n.slot == slot);
	range_finish(&old);
	check(!atomic_read(&next.ends) && atomic_read(&sub.ends) == 1);
	list_add(mm, &next);
	check(next.n.slot == slot);
	range_begin(mm, &range, 0, 1);
	range_finish(&range);
	list_remove(mm, &next);
	list_remove(mm, &stays);
	mm_exit(mm);
}

static atomic_t stop;

static void *invalidate_at_random(void *arg)
{
	struct mmu_notifier_range a, b;
	bool nested;

	while (!atomic_read(&stop)) {
		range_begin(arg, &a, test_random(16), 1 + test_random(16));
		nested = !range_begin_nonblock(arg, &b, test_random(16), 4);
		if (!test_random(8))
			usleep(test_random(50));
		/* In either order. */
		if (nested && test_random(2)) {
			range_finish(&b);
			nested = false;
		}
		range_finish(&a);
		if (nested)
			range_finish(&b);
	}
	return NULL;
}

static void *come_and_go(void *arg)
{
	struct list_sub *sub = malloc(sizeof(*sub));
	struct interval_sub *interval = malloc(sizeof(*interval));

	while (!atomic_read(&stop)) {
		list_sub_init(sub);
		sub->refuse = test_random(4);
		check(!mmu_notifier_register(&sub->n, arg));
		interval_add(arg, interval, test_random(16), 4);
		usleep(test_random(100));
		if (test_random(2)) {
			list_remove(arg, sub);
			interval_remove(interval);
		} else {
			interval_remove(interval);
			list_remove(arg, sub);
		}
		/* So that a late callout is seen by AddressSanitizer. */
		free(sub);
		free(interval);
		sub = malloc(sizeof(*sub));
		interval = malloc(sizeof(*interval));
	}
	free(sub);
	free(interval);
	return NULL;
}

static void pair_stress(void)
{
	struct mm_struct *mm = mm_new();
	struct list_sub steady;
	pthread_t threads[6];
	int i;

	list_add(mm, &steady);
	for (i = 0; i < 6; i++)
		threads[i] = start_thread(i < 3 ? invalidate_at_random :
					  come_and_go, mm);
	usleep(1500000);
	atomic_set(&stop, 1);
	for (i = 0; i < 6; i++)
		join_thread(threads[i]);
	check(atomic_read(&steady.starts) > 10);
	list_remove(mm, &steady);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

const struct test pairing_tests[] = {
	{ "pair_basic", pair_basic },
	{ "rollback", rollback },
	{ "debt", debt },
	{ "debt_owner_ends_first", debt_owner_ends_first },
	{ "end_is_called_once", end_is_called_once },
	{ "slots_70", slots_70 },
	{ "slot_reuse", slot_reuse },
	{ "pair_stress", pair_stress },
	{ }
};
