// SPDX-License-Identifier: GPL-2.0
/* Interval subscribers and their readers. */
#include "test.h"
#include "mmu_notifier_internal.h"

struct reader {
	struct interval_sub *sub;
	unsigned long seq;
	atomic_t done;
};

static void *read_interval(void *arg)
{
	struct reader *reader = arg;

	reader->seq = mmu_interval_read_begin(&reader->sub->n);
	atomic_set(&reader->done, 1);
	return NULL;
}

static void interval_readers(void)
{
	struct mmu_notifier_range range, elsewhere;
	struct mm_struct *mm = mm_new();
	struct interval_sub sub, late;
	struct reader reader = { .sub = &sub };
	unsigned long seq;
	pthread_t thread;

	interval_add(mm, &sub, 4, 4);
	range_begin(mm, &elsewhere, 0, 4);
	/* Takes effect at once, though a range is in flight. */
	interval_add(mm, &late, 8, 2);
	seq = mmu_interval_read_begin(&sub.n);
	check(!mmu_interval_read_retry(&sub.n, seq));
	range_begin(mm, &range, 7, 2);
	check(atomic_read(&late.calls) == 1);
	check(mmu_interval_read_retry(&sub.n, seq));
	thread = start_thread(read_interval, &reader);
	usleep(30000);
	check(!atomic_read(&reader.done));
	range_finish(&range);
	join_thread(thread);
	/* What was waited for is no reason to retry. */
	check(!mmu_interval_read_retry(&sub.n, reader.seq));
	range_finish(&elsewhere);
	interval_remove(&late);
	interval_remove(&sub);
	mm_exit(mm);
}

#define NR_BATCHED 200

struct batched {
	struct mm_struct *mm;
	struct mmu_notifier_range range;
};

static void *begin_batched(void *arg)
{
	struct batched *batched = arg;

	range_begin(batched->mm, &batched->range, 0, 1000);
	return NULL;
}

/* Many share a first page; some reach far. */
static void add_batched(struct mm_struct *mm, struct interval_sub *subs)
{
	int i;

	for (i = 0; i < NR_BATCHED; i++)
		interval_add(mm, &subs[i], i / 90, i % 7 ? 1 : 500);
}

/* More than one batch: each is called once, and goes without the others. */
static void interval_batches(void)
{
	static struct interval_sub subs[NR_BATCHED];
	struct gate gate = { .closed = { 1 } };
	struct batched batched = { .mm = mm_new() };
	struct mmu_notifier_range range;
	pthread_t thread;
	int i;

	add_batched(batched.mm, subs);
	range_begin(batched.mm, &range, 0, 1000);
	for (i = 0; i < NR_BATCHED; i++)
		check(atomic_read(&subs[i].calls) == 1);
	range_finish(&range);
	range_begin(batched.mm, &range, 2, 1000);
	for (i = 0; i < NR_BATCHED; i++)
		check(atomic_read(&subs[i].calls) ==
		      (i / 90 >= 2 || !(i % 7) ? 2 : 1));
	/* Its batch is over, though it is still in flight. */
	interval_remove(&subs[0]);
	range_finish(&range);

	subs[100].gate = &gate;
	thread = start_thread(begin_batched, &batched);
	wait_until(atomic_read(&gate.arrived));
	/* Of all batches, the one under way among them, none waits. */
	for (i = 1; i < NR_BATCHED; i++)
		if (i != 100)
			interval_remove(&subs[i]);
	check(atomic_read(&subs[101].calls) == 1);
	check(atomic_read(&subs[99].calls) == 2);
	atomic_set(&gate.closed, 0);
	join_thread(thread);
	range_finish(&batched.range);
	interval_remove(&subs[100]);
	mm_exit(batched.mm);
}

static bool reader_waits(struct mm_struct *mm)
{
	struct mmu_notifier_subscriptions *subs = mn_of(mm);
	bool ret;

	mn_lock(subs);
	ret = subs->tracker.tickets.rb_root.rb_node;
	mn_unlock(subs);
	return ret;
}

/*
 * What began during the wait has called the subscriber already, and has yet to
 * change the page table: the reader must not take its number for new.
 */
static void interval_later_range(void)
{
	struct mmu_notifier_range first, second;
	struct mm_struct *mm = mm_new();
	struct interval_sub sub;
	struct reader reader = { .sub = &sub };
	pthread_t thread;

	interval_add(mm, &sub, 0, 4);
	range_begin(mm, &first, 0, 1);
	thread = start_thread(read_interval, &reader);
	wait_until(reader_waits(mm));
	range_begin(mm, &second, 1, 1);
	range_finish(&first);
	join_thread(thread);
	check(mmu_interval_read_retry(&sub.n, reader.seq));
	range_finish(&second);
	interval_remove(&sub);
	mm_exit(mm);
}

static atomic_t stop;

static bool sleepy_invalidate(struct mmu_interval_notifier *n,
			      const struct mmu_notifier_range *range,
			      unsigned long seq)
{
	mmu_interval_set_seq(n, seq);
	usleep(1000);
	return true;
}

static const struct mmu_interval_notifier_ops sleepy_ops = {
	.invalidate = sleepy_invalidate,
};

static void *invalidate_one(void *arg)
{
	struct mmu_interval_notifier *n = arg;
	struct mmu_notifier_range range;

	while (!atomic_read(&stop)) {
		range_begin(n->mm, &range, n->interval_tree.start / PAGE_SIZE,
			    1);
		range_finish(&range);
	}
	return NULL;
}

/* The limit has room for sanitizers; waiting for idleness takes seconds. */
static void interval_not_starved(void)
{
	struct mmu_interval_notifier busy[8];
	unsigned long began, us, worst = 0;
	struct mm_struct *mm = mm_new();
	struct interval_sub sub;
	pthread_t threads[8];
	int i;

	interval_add(mm, &sub, 100, 1);
	for (i = 0; i < 8; i++) {
		check(!mmu_interval_notifier_insert(&busy[i], mm,
						    i * PAGE_SIZE, PAGE_SIZE,
						    &sleepy_ops));
		threads[i] = start_thread(invalidate_one, &busy[i]);
	}
	for (i = 0; i < 300; i++) {
		began = now_us();
		mmu_interval_read_begin(&sub.n);
		us = now_us() - began;
		worst = us > worst ? us : worst;
		usleep(1000);
	}
	printf("# longest wait %lu us\n", worst);
	check(worst < 200000);
	atomic_set(&stop, 1);
	for (i = 0; i < 8; i++) {
		join_thread(threads[i]);
		mmu_interval_notifier_remove(&busy[i]);
	}
	interval_remove(&sub);
	mm_exit(mm);
}

/*
 * A page table of eight entries and a mirror of it.  Under the lock of the
 * mirror, an entry of it is either empty or right.
 */
#define ENTRIES 8

static struct mirror {
	struct mmu_interval_notifier interval;
	pthread_mutex_t lock;
	unsigned long copy[ENTRIES];
	unsigned long filled;
} mirror = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned long table[ENTRIES];
static pthread_mutex_t table_lock[ENTRIES];

static void mirror_drop(const struct mmu_notifier_range *range)
{
	unsigned long i;

	for (i = 0; i < ENTRIES; i++)
		if (i * PAGE_SIZE >= range->start && i * PAGE_SIZE < range->end)
			mirror.copy[i] = 0;
}

static bool mirror_invalidate(struct mmu_interval_notifier *n,
			      const struct mmu_notifier_range *range,
			      unsigned long seq)
{
	if (test_random(4) == 0)
		usleep(test_random(30));
	pthread_mutex_lock(&mirror.lock);
	mmu_interval_set_seq(n, seq);
	mirror_drop(range);
	pthread_mutex_unlock(&mirror.lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

static void *mirror_read(void *arg)
{
	unsigned long seq, i, value;
	bool retry;

	while (!atomic_read(&stop)) {
		i = test_random(ENTRIES);
		do {
			seq = mmu_interval_read_begin(&mirror.interval);
			value = READ_ONCE(table[i]);
			pthread_mutex_lock(&mirror.lock);
			retry = mmu_interval_read_retry(&mirror.interval, seq);
			if (!retry) {
				mirror.copy[i] = value;
				mirror.filled++;
			}
			value = mirror.copy[i];
			check(!value || value == READ_ONCE(table[i]));
			pthread_mutex_unlock(&mirror.lock);
		} while (retry && !atomic_read(&stop));
	}
	return NULL;
}

static void *table_write(void *arg)
{
	struct mmu_notifier_range range;
	unsigned long i;

	while (!atomic_read(&stop)) {
		i = test_random(ENTRIES);
		pthread_mutex_lock(&table_lock[i]);
		range_begin(arg, &range, i, 1);
		WRITE_ONCE(table[i], 1 + test_random(1000000));
		pthread_mutex_lock(&mirror.lock);
		check(!mirror.copy[i]);
		pthread_mutex_unlock(&mirror.lock);
		range_finish(&range);
		pthread_mutex_unlock(&table_lock[i]);
		usleep(test_random(200));
	}
	return NULL;
}

static void interval_sound(void)
{
	struct mm_struct *mm = mm_new();
	pthread_t threads[5];
	int i;

	for (i = 0; i < ENTRIES; i++)
		pthread_mutex_init(&table_lock[i], NULL);
	check(!mmu_interval_notifier_insert(&mirror.interval, mm, 0,
					    ENTRIES * PAGE_SIZE, &mirror_ops));
	for (i = 0; i < 5; i++)
		threads[i] = start_thread(i < 3 ? table_write : mirror_read,
					  mm);
	usleep(1500000);
	atomic_set(&stop, 1);
	for (i = 0; i < 5; i++)
		join_thread(threads[i]);
	check(mirror.filled);
	mmu_interval_notifier_remove(&mirror.interval);
	mm_exit(mm);
}

const struct test interval_tests[] = {
	{ "interval_readers", interval_readers },
	{ "interval_batches", interval_batches },
	{ "interval_later_range", interval_later_range },
	{ "interval_not_starved", interval_not_starved },
	{ "interval_sound", interval_sound },
	{ }
};
