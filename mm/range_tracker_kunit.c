// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of range tracking: what each call promises, a comparison with a
 * plain model over random sequences, and threads that use the protocol.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/range_tracker.h>
#include <linux/sched.h>

static void start(struct range_tracker *tracker, struct tracked_range *range,
		  unsigned long first, unsigned long last)
{
	range->node.start = first;
	range->node.last = last;
	spin_lock(&tracker->lock);
	range_tracker_start(tracker, range);
	spin_unlock(&tracker->lock);
}

static void end(struct range_tracker *tracker, struct tracked_range *range)
{
	spin_lock(&tracker->lock);
	range_tracker_end(tracker, range);
	spin_unlock(&tracker->lock);
}

static void take(struct range_tracker *tracker, struct range_ticket *ticket,
		 unsigned long first, unsigned long last)
{
	range_ticket_init(ticket, first, last);
	spin_lock(&tracker->lock);
	range_ticket_register(tracker, ticket);
	spin_unlock(&tracker->lock);
}

static void give_back(struct range_tracker *tracker,
		      struct range_ticket *ticket)
{
	spin_lock(&tracker->lock);
	range_ticket_unregister(tracker, ticket);
	spin_unlock(&tracker->lock);
}

static void idle_tracker_lets_readers_pass(struct kunit *test)
{
	struct range_tracker tracker;
	struct range_ticket ticket;

	range_tracker_init(&tracker, 0);
	range_ticket_init(&ticket, 10, 19);
	KUNIT_EXPECT_EQ(test, range_ticket_begin(&tracker, &ticket), 0);
	KUNIT_EXPECT_FALSE(test, ticket.registered);
	KUNIT_EXPECT_FALSE(test, range_ticket_retry(&tracker, &ticket));
	range_ticket_end(&tracker, &ticket);
}

static void first_finds_overlap_only(struct kunit *test)
{
	struct tracked_range low, high, *found, *other;
	struct range_tracker tracker;

	range_tracker_init(&tracker, 0);
	start(&tracker, &high, 30, 39);
	start(&tracker, &low, 10, 19);
	spin_lock(&tracker.lock);
	found = range_tracker_first(&tracker, 0, ULONG_MAX);
	other = range_tracker_next(&tracker, found, 0, ULONG_MAX);
	KUNIT_EXPECT_TRUE(test, found == &low || found == &high);
	KUNIT_EXPECT_PTR_EQ(test, other, found == &low ? &high : &low);
	KUNIT_EXPECT_NULL(test, range_tracker_next(&tracker, other, 0,
						   ULONG_MAX));
	found = range_tracker_first(&tracker, 19, 29);
	KUNIT_EXPECT_PTR_EQ(test, found, &low);
	found = range_tracker_first(&tracker, 20, 30);
	KUNIT_EXPECT_PTR_EQ(test, found, &high);
	found = range_tracker_first(&tracker, 20, 29);
	KUNIT_EXPECT_NULL(test, found);
	spin_unlock(&tracker.lock);
	end(&tracker, &low);
	end(&tracker, &high);
	KUNIT_EXPECT_EQ(test, tracker.nr, 0);
}

/* An attempt without registration may be wrong once, and never again. */
static void disjoint_range_costs_one_pass(struct kunit *test)
{
	struct range_tracker tracker;
	struct tracked_range range;
	struct range_ticket ticket;
	unsigned int i;

	range_tracker_init(&tracker, 0);
	range_ticket_init(&ticket, 10, 19);
	KUNIT_EXPECT_EQ(test, range_ticket_begin(&tracker, &ticket), 0);
	start(&tracker, &range, 20, 29);
	KUNIT_EXPECT_FALSE(test, range_ticket_retry(&tracker, &ticket));
	for (i = 0; i < RANGE_TRACKER_LOG; i++) {
		end(&tracker, &range);
		start(&tracker, &range, 20, 29);
	}
	/* More than the log holds: this once, it cannot tell. */
	KUNIT_EXPECT_TRUE(test, range_ticket_retry(&tracker, &ticket));

	/* In flight or not, begun before or after: it is of no concern. */
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, range_ticket_begin(&tracker, &ticket), 0);
		KUNIT_EXPECT_TRUE(test, ticket.registered);
		end(&tracker, &range);
		start(&tracker, &range, 0, 9);
		KUNIT_EXPECT_FALSE(test, range_ticket_retry(&tracker, &ticket));
	}
	range_ticket_end(&tracker, &ticket);
	KUNIT_EXPECT_FALSE(test, ticket.registered);
	end(&tracker, &range);
}

static void overlapping_range_is_a_collision(struct kunit *test)
{
	struct range_tracker tracker;
	struct tracked_range range;
	struct range_ticket ticket;

	range_tracker_init(&tracker, 0);
	range_ticket_init(&ticket, 10, 19);
	KUNIT_EXPECT_EQ(test, range_ticket_begin(&tracker, &ticket), 0);
	start(&tracker, &range, 19, 25);
	end(&tracker, &range);
	/* It has come and gone: still the ticket knows. */
	KUNIT_EXPECT_TRUE(test, range_ticket_retry(&tracker, &ticket));
	KUNIT_EXPECT_EQ(test, range_ticket_begin(&tracker, &ticket), 0);
	KUNIT_EXPECT_FALSE(test, range_ticket_retry(&tracker, &ticket));
	start(&tracker, &range, 0, 10);
	end(&tracker, &range);
	KUNIT_EXPECT_TRUE(test, range_ticket_retry(&tracker, &ticket));
	range_ticket_end(&tracker, &ticket);
}

/* Waited for: what overlaps and began before.  Nothing else. */
static void ticket_waits_for_earlier_overlap(struct kunit *test)
{
	struct tracked_range before, elsewhere, after;
	struct range_tracker tracker;
	struct range_ticket ticket;

	range_tracker_init(&tracker, -2UL);
	start(&tracker, &before, 15, 30);
	start(&tracker, &elsewhere, 31, 40);
	take(&tracker, &ticket, 10, 19);
	start(&tracker, &after, 0, 100);
	KUNIT_EXPECT_EQ(test, ticket.pending, 1);
	KUNIT_EXPECT_TRUE(test, ticket.collided);

	end(&tracker, &elsewhere);
	KUNIT_EXPECT_FALSE(test, completion_done(&ticket.idle));
	end(&tracker, &after);
	KUNIT_EXPECT_EQ(test, ticket.pending, 1);
	KUNIT_EXPECT_FALSE(test, completion_done(&ticket.idle));
	end(&tracker, &before);
	KUNIT_EXPECT_EQ(test, ticket.pending, 0);
	KUNIT_EXPECT_EQ(test, range_ticket_wait(&ticket, TASK_KILLABLE), 0);
	give_back(&tracker, &ticket);
}

static void sequence_wraps(struct kunit *test)
{
	static const unsigned long firsts[] = {
		0, -1UL, -2UL, LONG_MAX, LONG_MAX - 1UL, LONG_MIN,
	};
	struct tracked_range old, young;
	struct range_tracker tracker;
	struct range_ticket ticket;
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, range_seq_after(0, -1UL));
	KUNIT_EXPECT_FALSE(test, range_seq_after(-1UL, 0));
	KUNIT_EXPECT_FALSE(test, range_seq_after(7, 7));
	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		range_tracker_init(&tracker, firsts[i]);
		start(&tracker, &old, 0, 9);
		take(&tracker, &ticket, 5, 5);
		start(&tracker, &young, 0, 9);
		KUNIT_EXPECT_TRUE(test, range_seq_after(young.seq, old.seq));
		end(&tracker, &young);
		KUNIT_EXPECT_EQ(test, ticket.pending, 1);
		end(&tracker, &old);
		KUNIT_EXPECT_EQ(test, ticket.pending, 0);
		give_back(&tracker, &ticket);
	}
}

#define MODEL_RANGES	12
#define MODEL_TICKETS	8
#define MODEL_STEPS	20000
#define MODEL_SPACE	64

/* The same by exhaustive search, with time as the number of the step. */
struct model {
	struct rnd_state rnd;
	struct range_tracker tracker;
	struct tracked_range ranges[MODEL_RANGES];
	unsigned long range_time[MODEL_RANGES];
	struct range_ticket tickets[MODEL_TICKETS];
	unsigned long ticket_time[MODEL_TICKETS];
	bool collided[MODEL_TICKETS];
};

static bool model_overlap(const struct interval_tree_node *a,
			  const struct interval_tree_node *b)
{
	return a->start <= b->last && b->start <= a->last;
}

static void model_random(struct model *model, unsigned long *first,
			 unsigned long *last)
{
	unsigned long a = prandom_u32_state(&model->rnd) % MODEL_SPACE;
	unsigned long b = prandom_u32_state(&model->rnd) % MODEL_SPACE;

	*first = min(a, b);
	*last = max(a, b);
}

static void model_range(struct model *model, unsigned int i, unsigned long now)
{
	struct tracked_range *range = &model->ranges[i];
	unsigned long first, last;
	unsigned int t;

	if (model->range_time[i]) {
		end(&model->tracker, range);
		model->range_time[i] = 0;
		return;
	}
	model_random(model, &first, &last);
	start(&model->tracker, range, first, last);
	model->range_time[i] = now;
	for (t = 0; t < MODEL_TICKETS; t++)
		if (model->ticket_time[t] &&
		    model_overlap(&range->node, &model->tickets[t].node))
			model->collided[t] = true;
}

static void model_ticket(struct model *model, unsigned int t, unsigned long now)
{
	unsigned long first, last;

	if (model->ticket_time[t]) {
		give_back(&model->tracker, &model->tickets[t]);
		model->ticket_time[t] = 0;
		return;
	}
	model_random(model, &first, &last);
	take(&model->tracker, &model->tickets[t], first, last);
	model->ticket_time[t] = now;
	model->collided[t] = false;
}

static bool model_agrees(struct model *model, unsigned int t)
{
	struct range_ticket *ticket = &model->tickets[t];
	unsigned int i, pending = 0;

	if (!model->ticket_time[t])
		return true;
	for (i = 0; i < MODEL_RANGES; i++)
		if (model->range_time[i] &&
		    model->range_time[i] < model->ticket_time[t] &&
		    model_overlap(&model->ranges[i].node, &ticket->node))
			pending++;
	return ticket->pending == pending &&
	       completion_done(&ticket->idle) == !pending &&
	       range_ticket_retry(&model->tracker, ticket) ==
			model->collided[t];
}

static void agrees_with_model(struct kunit *test)
{
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned long now;
	unsigned int i, t;

	KUNIT_ASSERT_NOT_NULL(test, model);
	prandom_seed_state(&model->rnd, 4711);
	range_tracker_init(&model->tracker, -MODEL_STEPS / 2);
	for (now = 1; now <= MODEL_STEPS; now++) {
		i = prandom_u32_state(&model->rnd) %
			(MODEL_RANGES + MODEL_TICKETS);
		if (i < MODEL_RANGES)
			model_range(model, i, now);
		else
			model_ticket(model, i - MODEL_RANGES, now);
		for (t = 0; t < MODEL_TICKETS; t++)
			if (!model_agrees(model, t))
				KUNIT_FAIL_AND_ABORT(test, "step %lu, ticket %u",
						     now, t);
		if (!(now % 1024))
			cond_resched();
	}
}

#define STRESS_CELLS	8
#define STRESS_MS	300
#define STRESS_NONE	(-1L)

/*
 * Writers change cells, readers publish copies.  A published copy must be
 * that of the cell until a writer withdraws it.
 */
struct stress {
	struct range_tracker tracker;
	spinlock_t lock;	/* protects @published: the user's lock */
	long cell[STRESS_CELLS];
	long published[STRESS_CELLS];
	atomic_long_t wrong;
	atomic_long_t writes;
	atomic_long_t reads;
};

static void stress_write(struct stress *stress, struct rnd_state *rnd)
{
	unsigned long a = prandom_u32_state(rnd) % STRESS_CELLS;
	unsigned long b = min(a + prandom_u32_state(rnd) % 3,
			      STRESS_CELLS - 1UL);
	struct tracked_range range;
	unsigned long i;

	start(&stress->tracker, &range, a, b);
	spin_lock(&stress->lock);
	for (i = a; i <= b; i++) {
		/*
		 * Another writer may be changing it; then it has withdrawn
		 * the copy and nobody can have published a new one.
		 */
		if (stress->published[i] != STRESS_NONE &&
		    stress->published[i] != READ_ONCE(stress->cell[i]))
			atomic_long_inc(&stress->wrong);
		stress->published[i] = STRESS_NONE;
	}
	spin_unlock(&stress->lock);
	for (i = a; i <= b; i++)
		WRITE_ONCE(stress->cell[i], prandom_u32_state(rnd));
	end(&stress->tracker, &range);
	atomic_long_inc(&stress->writes);
}

static void stress_read(struct stress *stress, struct rnd_state *rnd)
{
	unsigned long i = prandom_u32_state(rnd) % STRESS_CELLS;
	struct range_ticket ticket;
	unsigned int tries = 0;
	bool retry;
	long copy;

	range_ticket_init(&ticket, i, i);
	do {
		if (range_ticket_begin(&stress->tracker, &ticket))
			break;
		copy = READ_ONCE(stress->cell[i]);
		spin_lock(&stress->lock);
		retry = range_ticket_retry(&stress->tracker, &ticket);
		if (!retry) {
			stress->published[i] = copy;
			atomic_long_inc(&stress->reads);
		}
		spin_unlock(&stress->lock);
	} while (retry && ++tries < 100);
	range_ticket_end(&stress->tracker, &ticket);
}

static int stress_thread(struct stress *stress, bool writer, u64 seed)
{
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed);
	while (!kthread_should_stop()) {
		if (writer)
			stress_write(stress, &rnd);
		else
			stress_read(stress, &rnd);
		cond_resched();
	}
	return 0;
}

static int stress_writer(void *arg)
{
	return stress_thread(arg, true, current->pid);
}

static int stress_reader(void *arg)
{
	return stress_thread(arg, false, current->pid);
}

static void published_copies_are_true(struct kunit *test)
{
	struct stress *stress = kunit_kzalloc(test, sizeof(*stress), GFP_KERNEL);
	struct task_struct *tasks[6];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, stress);
	range_tracker_init(&stress->tracker, -100UL);
	spin_lock_init(&stress->lock);
	for (i = 0; i < STRESS_CELLS; i++)
		stress->published[i] = STRESS_NONE;
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = kthread_run(i % 2 ? stress_writer : stress_reader,
				       stress, "range_tracker/%u", i);
	schedule_timeout_uninterruptible(msecs_to_jiffies(STRESS_MS));
	for (i = 0; i < ARRAY_SIZE(tasks); i++)
		if (!IS_ERR(tasks[i]))
			kthread_stop(tasks[i]);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&stress->wrong), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&stress->writes), 0);
	KUNIT_EXPECT_GT(test, atomic_long_read(&stress->reads), 0);
	KUNIT_EXPECT_EQ(test, stress->tracker.nr, 0);
}

static struct kunit_case range_tracker_cases[] = {
	KUNIT_CASE(idle_tracker_lets_readers_pass),
	KUNIT_CASE(first_finds_overlap_only),
	KUNIT_CASE(disjoint_range_costs_one_pass),
	KUNIT_CASE(overlapping_range_is_a_collision),
	KUNIT_CASE(ticket_waits_for_earlier_overlap),
	KUNIT_CASE(sequence_wraps),
	KUNIT_CASE(agrees_with_model),
	KUNIT_CASE(published_copies_are_true),
	{}
};

static struct kunit_suite range_tracker_suite = {
	.name = "range_tracker",
	.test_cases = range_tracker_cases,
};

kunit_test_suite(range_tracker_suite);

MODULE_DESCRIPTION("Tests of range tracking");
MODULE_LICENSE("GPL");
