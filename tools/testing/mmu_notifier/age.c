// SPDX-License-Identifier: GPL-2.0
/*
 * Aging that sleeps: who leaves waits for the callouts on itself, and for
 * nobody else's; none comes after that.
 */
#include <linux/mmu_notifier_age.h>

#include "test.h"

#define PAGES	(3 * MMU_AGE_WINDOW)

/* A subscriber that counts how it is asked, and may be held inside. */
struct ager {
	struct mmu_notifier n;
	struct gate gate;
	atomic_t alive;
	atomic_t calls;
	atomic_t slept;
	atomic_t releases;
};

static atomic_t stop;

static int on_age(struct mmu_notifier *n,
		  const struct mmu_notifier_aging *aging)
{
	struct ager *ager = container_of(n, struct ager, n);
	unsigned long start, end = aging->start;

	check(atomic_read(&ager->alive));
	atomic_inc(&ager->calls);
	if (mmu_notifier_aging_blockable(aging)) {
		check(n->ops->age_may_sleep);
		might_sleep();
		/* Kept by a pin, not by RCU. */
		check(!shim_self.rcu_nesting);
		atomic_inc(&ager->slept);
		gate_pass(&ager->gate);
	} else {
		check(shim_self.rcu_nesting && shim_self.non_block);
	}
	while (mmu_notifier_aging_run(aging, &start, &end))
		mmu_notifier_aging_found(aging, start, start + PAGE_SIZE);
	check(atomic_read(&ager->alive));
	return 1;
}

static void on_release(struct mmu_notifier *n, struct mm_struct *mm)
{
	check(atomic_inc(&container_of(n, struct ager, n)->releases) == 1);
}

static const struct mmu_notifier_ops sleeping_ops = {
	.release = on_release,
	.age = on_age,
	.age_may_sleep = true,
};

static const struct mmu_notifier_ops age_ops = {
	.release = on_release,
	.age = on_age,
};

static void ager_add(struct mm_struct *mm, struct ager *ager,
		     const struct mmu_notifier_ops *ops)
{
	memset(ager, 0, sizeof(*ager));
	ager->n.ops = ops;
	atomic_set(&ager->alive, 1);
	check(!mmu_notifier_register(&ager->n, mm));
}

static void ager_del(struct ager *ager)
{
	mmu_notifier_unregister(&ager->n, ager->n.mm);
	atomic_set(&ager->alive, 0);
	check(atomic_read(&ager->releases) == 1);
}

static void *leave(void *ager)
{
	ager_del(ager);
	return NULL;
}

static unsigned int age_pages(struct mm_struct *mm, unsigned long first,
			      unsigned long pages, unsigned int flags)
{
	struct mmu_age_batch age;

	memset(&age, 0xa5, sizeof(age));
	mmu_age_begin(&age, mm, flags, MMU_AGING_FOR_OTHER);
	for (; pages; pages--, first++)
		mmu_age_add(&age, first * PAGE_SIZE, PAGE_SIZE);
	return mmu_age_deliver(&age);
}

static void *age_once(void *mm)
{
	age_pages(mm, 0, 4, MMU_AGING_CLEAR | MMU_AGING_BLOCKABLE);
	return NULL;
}

/* The leaver waits for its own callout; two others come and go meanwhile. */
static void leaving_waits_for_its_age(void)
{
	struct mm_struct *mm = mm_new();
	struct ager held, sleeping, other;
	pthread_t walk, leaver;

	ager_add(mm, &sleeping, &sleeping_ops);
	ager_add(mm, &other, &age_ops);
	/* The youngest is called first. */
	ager_add(mm, &held, &sleeping_ops);
	atomic_set(&held.gate.closed, 1);
	walk = start_thread(age_once, mm);
	wait_until(atomic_read(&held.gate.arrived));
	ager_del(&sleeping);
	ager_del(&other);
	ager_add(mm, &other, &sleeping_ops);
	leaver = start_thread(leave, &held);
	usleep(30000);
	check(atomic_read(&held.alive));
	/* It is leaving: no other callout begins. */
	age_pages(mm, 0, 1, MMU_AGING_CLEAR);
	age_pages(mm, 0, 1, MMU_AGING_CLEAR | MMU_AGING_BLOCKABLE);
	check(atomic_read(&held.calls) == 1);
	check(atomic_read(&other.slept) == 1);
	atomic_set(&held.gate.closed, 0);
	join_thread(walk);
	join_thread(leaver);
	check(!atomic_read(&sleeping.calls));
	check(mm_has_notifiers(mm));
	ager_del(&other);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

static void *exit_mm(void *mm)
{
	atomic_set(&((struct mm_struct *)mm)->mm_users, 0);
	mmu_notifier_release(mm);
	atomic_set(&stop, 1);
	return NULL;
}

/* The exit of the mm waits for it as well, and for no walk that comes later. */
static void exit_waits_for_age(void)
{
	struct mm_struct *mm = mm_new();
	pthread_t walk, exiting;
	struct ager held;

	ager_add(mm, &held, &sleeping_ops);
	atomic_set(&held.gate.closed, 1);
	walk = start_thread(age_once, mm);
	wait_until(atomic_read(&held.gate.arrived));
	exiting = start_thread(exit_mm, mm);
	usleep(30000);
	check(!atomic_read(&stop));
	atomic_set(&held.gate.closed, 0);
	join_thread(exiting);
	join_thread(walk);
	age_once(mm);
	check(atomic_read(&held.calls) == 1);
	ager_del(&held);
	mm_exit(mm);
}

static unsigned int age_at(struct ager *ager, unsigned long first,
			   unsigned int flags)
{
	int before = atomic_read(&ager->calls);

	age_pages(ager->n.mm, first, 1, MMU_AGING_CLEAR | flags);
	return atomic_read(&ager->calls) - before;
}

static void filter_page(struct ager *ager, struct mmu_notifier_filter *filter,
			unsigned long page)
{
	memset(filter, 0, sizeof(*filter));
	mmu_notifier_filter_add(&ager->n, filter, page * PAGE_SIZE, PAGE_SIZE);
}

/* Nobody is asked about pages below or above all of its filters. */
static void age_by_address(void)
{
	static const unsigned int how[] = { 0, MMU_AGING_BLOCKABLE };
	struct mmu_notifier_ops ops = sleeping_ops;
	struct mmu_notifier_filter low, high;
	struct mm_struct *mm = mm_new();
	struct ager ager, all;
	size_t i;

	ops.filtered = true;
	ager_add(mm, &ager, &ops);
	ager_add(mm, &all, &age_ops);
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		check(!age_at(&ager, 5, how[i]));
		filter_page(&ager, &high, 7);
		check(!age_at(&ager, 6, how[i]) && age_at(&ager, 7, how[i]));
		check(!age_at(&ager, 8, how[i]));
		filter_page(&ager, &low, 3);
		check(!age_at(&ager, 2, how[i]) && age_at(&ager, 3, how[i]));
		check(!age_at(&ager, 8, how[i]) && age_at(&ager, 7, how[i]));
		mmu_notifier_filter_remove(&high);
		check(!age_at(&ager, 7, how[i]) && age_at(&ager, 3, how[i]));
		mmu_notifier_filter_remove(&low);
		check(!age_at(&ager, 3, how[i]));
	}
	check(atomic_read(&all.calls) == 2 * 11);
	ager_del(&ager);
	ager_del(&all);
	mm_exit(mm);
}

/* A subscriber that knows which pages are young. */
struct knower {
	struct mmu_notifier n;
	unsigned long young;
	int calls;
};

#define OWN	5
#define AROUND	16

static int report(struct knower *knower, const struct mmu_notifier_aging *aging)
{
	unsigned long start, end = aging->start, addr;
	int young = 0;

	while (mmu_notifier_aging_run(aging, &start, &end))
		for (addr = start; addr < end; addr += PAGE_SIZE) {
			if (!(knower->young & BIT(addr / PAGE_SIZE)))
				continue;
			knower->young &= ~BIT(addr / PAGE_SIZE);
			mmu_notifier_aging_found(aging, addr, addr + PAGE_SIZE);
			young = 1;
		}
	return young;
}

static int on_know(struct mmu_notifier *n,
		   const struct mmu_notifier_aging *aging)
{
	struct knower *knower = container_of(n, struct knower, n);
	int young;

	knower->calls++;
	young = report(knower, aging);
	if (mmu_notifier_aging_more(aging))
		young |= report(knower, aging);
	return young;
}

static int on_clear(struct mmu_notifier *n, struct mm_struct *mm,
		    unsigned long start, unsigned long end)
{
	struct knower *knower = container_of(n, struct knower, n);
	bool young = knower->young & BIT(start / PAGE_SIZE);

	check(end == start + PAGE_SIZE);
	knower->calls++;
	knower->young &= ~BIT(start / PAGE_SIZE);
	return young;
}

static const struct mmu_notifier_ops knower_ops = { .age = on_know };
static const struct mmu_notifier_ops old_ops = { .clear_young = on_clear };

static void knower_add(struct mm_struct *mm, struct knower *knower,
		       const struct mmu_notifier_ops *ops)
{
	memset(knower, 0, sizeof(*knower));
	knower->n.ops = ops;
	check(!mmu_notifier_register(&knower->n, mm));
}

static void note_neighbours(struct mmu_age_batch *age, const void *data)
{
	int page;

	++*(int *)data;
	for (page = 0; page < AROUND; page++)
		if (page != OWN)
			mmu_age_note(age, page * PAGE_SIZE);
}

/* Bits: what is found young; returns how often neighbours were noted. */
static int look_around(struct mm_struct *mm, bool primary, unsigned long *found)
{
	struct mmu_age_batch age;
	int noted = 0, page;
	bool own;

	memset(&age, 0xa5, sizeof(age));
	mmu_age_begin(&age, mm, MMU_AGING_CLEAR, MMU_AGING_FOR_OTHER);
	mmu_age_begin_around(&age, OWN * PAGE_SIZE, (OWN + 1) * PAGE_SIZE, 0,
			     AROUND * PAGE_SIZE, note_neighbours, &noted);
	mmu_age_note(&age, OWN * PAGE_SIZE);
	if (primary)
		mmu_age_set(&age, OWN * PAGE_SIZE);
	mmu_age_ask(&age, MMU_AGING_FOR_LOOK_AROUND);
	own = mmu_age_own_young(&age);
	*found = 0;
	for (page = 0; page < AROUND; page++)
		if (mmu_age_take(&age, page * PAGE_SIZE))
			*found |= BIT(page);
	check(own == !!(*found & BIT(OWN)));
	return noted;
}

/* Neighbours are asked about only if it is known that the page is young. */
static void neighbours(void)
{
	struct mm_struct *mm = mm_new();
	struct knower sub, other;
	unsigned long found;

	knower_add(mm, &sub, &knower_ops);
	sub.young = BIT(3);
	check(look_around(mm, false, &found) == 0 && !found);
	check(sub.calls == 1 && sub.young == BIT(3));
	sub.young = BIT(3) | BIT(OWN) | BIT(AROUND);
	check(look_around(mm, false, &found) == 1);
	check(found == (BIT(3) | BIT(OWN)));
	check(sub.calls == 2 && sub.young == BIT(AROUND));
	sub.young = BIT(AROUND - 1);
	check(look_around(mm, true, &found) == 1);
	check(found == (BIT(AROUND - 1) | BIT(OWN)) && sub.calls == 3);

	/* The youngest is called first, and does not know yet. */
	knower_add(mm, &other, &knower_ops);
	sub.young = BIT(OWN) | BIT(2);
	other.young = BIT(1);
	check(look_around(mm, false, &found) == 1);
	check(found == (BIT(2) | BIT(OWN)) && other.young == BIT(1));
	other.young = BIT(OWN);
	sub.young = BIT(1);
	check(look_around(mm, false, &found) == 1);
	check(found == (BIT(1) | BIT(OWN)));
	mmu_notifier_unregister(&other.n, mm);
	mmu_notifier_unregister(&sub.n, mm);
	mm_exit(mm);
}

/* Each page is a callout for these. */
static void neighbours_of_old_subscribers(void)
{
	struct mm_struct *mm = mm_new();
	unsigned long found;
	struct knower sub;

	knower_add(mm, &sub, &old_ops);
	sub.young = BIT(3);
	check(look_around(mm, false, &found) == 0 && !found);
	check(sub.calls == 1);
	sub.young = BIT(3) | BIT(OWN);
	check(look_around(mm, false, &found) == 1);
	check(found == (BIT(3) | BIT(OWN)) && sub.calls == 1 + AROUND);
	mmu_notifier_unregister(&sub.n, mm);
	mm_exit(mm);
}

struct mover {
	struct ager *ager;
	unsigned long page;
};

/* A filter that comes and goes, of one page. */
static void *move_filter(void *arg)
{
	struct mmu_notifier_filter filter;
	struct mover *mover = arg;

	while (!atomic_read(&stop)) {
		filter_page(mover->ager, &filter, mover->page);
		if (test_random(2))
			sched_yield();
		mmu_notifier_filter_remove(&filter);
	}
	return NULL;
}

/* What a filter has that stays is asked about, whatever others come and go. */
static void age_beside_filters(void)
{
	struct mmu_notifier_ops ops = age_ops;
	struct mmu_notifier_filter filter;
	struct mm_struct *mm = mm_new();
	struct mover movers[2] = { { .page = 2 }, { .page = 12 } };
	pthread_t threads[2];
	struct ager ager;
	size_t i;

	ops.filtered = true;
	ager_add(mm, &ager, &ops);
	filter_page(&ager, &filter, 7);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		movers[i].ager = &ager;
		threads[i] = start_thread(move_filter, &movers[i]);
	}
	for (i = 0; i < 20000; i++)
		check(age_at(&ager, 7, 0));
	atomic_set(&stop, 1);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		join_thread(threads[i]);
	check(!age_at(&ager, 6, 0) && !age_at(&ager, 8, 0));
	ager_del(&ager);
	mm_exit(mm);
}

static void *age_always(void *mm)
{
	while (!atomic_read(&stop)) {
		age_pages(mm, test_random(PAGES), test_random(PAGES),
			  MMU_AGING_CLEAR |
			  (test_random(2) ? MMU_AGING_BLOCKABLE : 0));
		age_pages(mm, test_random(PAGES), 1, MMU_AGING_BLOCKABLE);
	}
	return NULL;
}

static void *come_and_go(void *mm)
{
	struct ager ager;

	while (!atomic_read(&stop)) {
		ager_add(mm, &ager, test_random(2) ? &sleeping_ops : &age_ops);
		if (test_random(2))
			sched_yield();
		ager_del(&ager);
	}
	return NULL;
}

static void agers_come_and_go(void)
{
	struct mm_struct *mm = mm_new();
	pthread_t threads[5];
	struct ager stays;
	size_t i;

	ager_add(mm, &stays, &sleeping_ops);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = start_thread(i < 2 ? age_always : come_and_go,
					  mm);
	usleep(400000);
	atomic_set(&stop, 1);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		join_thread(threads[i]);
	check(atomic_read(&stays.slept));
	check(atomic_read(&stays.slept) < atomic_read(&stays.calls));
	ager_del(&stays);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

/* The last subscriber leaves while a walk has the subscriptions. */
static void last_leaves_during_age(void)
{
	struct mm_struct *mm = mm_new();
	pthread_t walk, leaver;
	struct ager held;

	ager_add(mm, &held, &sleeping_ops);
	atomic_set(&held.gate.closed, 1);
	walk = start_thread(age_once, mm);
	wait_until(atomic_read(&held.gate.arrived));
	leaver = start_thread(leave, &held);
	usleep(10000);
	check(mm_has_notifiers(mm));
	atomic_set(&held.gate.closed, 0);
	join_thread(leaver);
	join_thread(walk);
	check(!mm_has_notifiers(mm));
	mm_exit(mm);
}

static int leave_inside(struct mmu_notifier *n,
			const struct mmu_notifier_aging *aging)
{
	if (mmu_notifier_aging_blockable(aging))
		mmu_notifier_unregister(n, n->mm);
	return 0;
}

/* It would wait for itself; lockdep says so first. */
static void unregister_in_age(void)
{
	static const struct mmu_notifier_ops ops = {
		.age = leave_inside,
		.age_may_sleep = true,
	};
	static struct ager ager;
	struct mm_struct *mm = mm_new();

	ager_add(mm, &ager, &ops);
	shim_wanted = SHIM_RECURSION;
	age_once(mm);
	check(false);
}

const struct test age_tests[] = {
	{ "leaving_waits_for_its_age", leaving_waits_for_its_age },
	{ "exit_waits_for_age", exit_waits_for_age },
	{ "agers_come_and_go", agers_come_and_go },
	{ "age_by_address", age_by_address },
	{ "age_beside_filters", age_beside_filters },
	{ "neighbours", neighbours },
	{ "neighbours_of_old_subscribers", neighbours_of_old_subscribers },
	{ "last_leaves_during_age", last_leaves_during_age },
	{ "unregister_in_age", unregister_in_age },
	{ }
};
