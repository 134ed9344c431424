// SPDX-License-Identifier: GPL-2.0
/* The tracker of ranges by itself. */
#include <linux/range_tracker.h>

#include "test.h"

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

static void tracker_tickets(void)
{
	struct range_tracker tracker;
	struct tracked_range range;
	struct range_ticket ticket;

	range_tracker_init(&tracker, -2UL);
	range_ticket_init(&ticket, 10, 19);
	check(!range_ticket_begin(&tracker, &ticket));
	check(!ticket.registered && !range_ticket_retry(&tracker, &ticket));
	/* A disjoint range is told from one that overlaps, over the wrap. */
	start(&tracker, &range, 20, 29);
	check(!range_ticket_retry(&tracker, &ticket));
	check(range_ticket_try(&tracker, &ticket) && !ticket.registered);
	end(&tracker, &range);
	start(&tracker, &range, 0, 9);
	end(&tracker, &range);
	check(!range_ticket_retry(&tracker, &ticket));
	start(&tracker, &range, 19, 25);
	check(range_ticket_retry(&tracker, &ticket));
	end(&tracker, &range);
	check(range_ticket_retry(&tracker, &ticket));
	start(&tracker, &range, 0, 10);
	check(!range_ticket_try(&tracker, &ticket));
	end(&tracker, &range);
	check(!range_ticket_begin(&tracker, &ticket));
	check(!range_ticket_retry(&tracker, &ticket));
	range_ticket_end(&tracker, &ticket);
	check(!tracker.nr && !tracker.tickets.rb_root.rb_node);
}

/* What the log holds is judged; what it no longer holds costs one pass. */
static void tracker_log(void)
{
	struct range_tracker tracker;
	struct tracked_range range;
	struct range_ticket ticket;
	int pass, i;

	range_tracker_init(&tracker, -20UL);
	for (pass = 0; pass < 3; pass++) {
		range_ticket_init(&ticket, 10, 19);
		check(range_ticket_try(&tracker, &ticket));
		start(&tracker, &range, 15, 15);
		end(&tracker, &range);
		for (i = 1; i < RANGE_TRACKER_LOG; i++) {
			start(&tracker, &range, 20, 29);
			end(&tracker, &range);
		}
		check(range_ticket_retry(&tracker, &ticket) && !ticket.precise);
		check(range_ticket_try(&tracker, &ticket));
		for (i = 0; i < RANGE_TRACKER_LOG; i++) {
			start(&tracker, &range, 20, 29);
			end(&tracker, &range);
		}
		check(!range_ticket_retry(&tracker, &ticket));
		start(&tracker, &range, 20, 29);
		end(&tracker, &range);
		check(range_ticket_retry(&tracker, &ticket) && ticket.precise);
		/* Registered: any number of them. */
		check(range_ticket_try(&tracker, &ticket) && ticket.registered);
		for (i = 0; i < 3 * RANGE_TRACKER_LOG; i++) {
			start(&tracker, &range, 0, 9);
			check(!range_ticket_retry(&tracker, &ticket));
			end(&tracker, &range);
		}
		start(&tracker, &range, 19, 19);
		end(&tracker, &range);
		check(range_ticket_retry(&tracker, &ticket));
		range_ticket_end(&tracker, &ticket);
	}
	check(!tracker.nr && !tracker.tickets.rb_root.rb_node);
}

static void tracker_busy(void)
{
	struct range_tracker tracker;
	struct tracked_range range;

	range_tracker_init(&tracker, 0);
	check(!range_tracker_busy(&tracker, 0, -1UL));
	start(&tracker, &range, 10, 19);
	check(range_tracker_busy(&tracker, 19, 30));
	check(range_tracker_busy(&tracker, 0, -1UL));
	check(!range_tracker_busy(&tracker, 20, 30));
	check(!range_tracker_busy(&tracker, 0, 9));
	end(&tracker, &range);
	check(!range_tracker_busy(&tracker, 10, 19));
}

struct reader {
	struct range_tracker *tracker;
	struct range_ticket ticket;
	atomic_t done;
	struct shim_task *task;
	int ret;
};

static void *read_ticket(void *arg)
{
	struct reader *reader = arg;

	__atomic_store_n(&reader->task, current, __ATOMIC_RELEASE);
	reader->ret = range_ticket_begin(reader->tracker, &reader->ticket);
	atomic_set(&reader->done, 1);
	return NULL;
}

static bool registered(struct range_tracker *tracker)
{
	bool ret;

	spin_lock(&tracker->lock);
	ret = tracker->tickets.rb_root.rb_node;
	spin_unlock(&tracker->lock);
	return ret;
}

static void tracker_waits(void)
{
	struct tracked_range before, elsewhere, after;
	struct range_tracker tracker;
	struct reader reader = { .tracker = &tracker };
	pthread_t thread;

	range_tracker_init(&tracker, -2UL);
	range_ticket_init(&reader.ticket, 10, 19);
	start(&tracker, &before, 0, 10);
	start(&tracker, &elsewhere, 20, 20);
	thread = start_thread(read_ticket, &reader);
	wait_until(registered(&tracker));
	start(&tracker, &after, 15, 15);
	usleep(20000);
	check(!atomic_read(&reader.done));
	end(&tracker, &before);
	/* Neither the disjoint nor the later one is waited for. */
	join_thread(thread);
	check(!reader.ret && range_ticket_retry(&tracker, &reader.ticket));
	end(&tracker, &after);
	end(&tracker, &elsewhere);
	range_ticket_end(&tracker, &reader.ticket);
}

static void tracker_killed(void)
{
	struct tracked_range range;
	struct range_tracker tracker;
	struct reader reader = { .tracker = &tracker };
	pthread_t thread;

	range_tracker_init(&tracker, 0);
	range_ticket_init(&reader.ticket, 0, 0);
	start(&tracker, &range, 0, 0);
	thread = start_thread(read_ticket, &reader);
	wait_until(registered(&tracker));
	atomic_set(&__atomic_load_n(&reader.task, __ATOMIC_ACQUIRE)->signal, 1);
	join_thread(thread);
	check(reader.ret == -ERESTARTSYS);
	range_ticket_end(&tracker, &reader.ticket);
	check(!registered(&tracker));
	end(&tracker, &range);
}

static struct {
	struct range_tracker tracker;
	unsigned long data;
} ordered;

static void *write_ordered(void *arg)
{
	struct tracked_range range;

	start(&ordered.tracker, &range, 0, 0);
	ordered.data = 1;
	end(&ordered.tracker, &range);
	return NULL;
}

/*
 * The lockless ticket orders the reads that follow it after the writes of the
 * ranges that it takes for ended.  The data is plain, and the reader meets the
 * writer in nothing else, so that ThreadSanitizer reports an order that is
 * missing.
 */
static void tracker_order(void)
{
	struct range_ticket ticket;
	pthread_t thread;

	range_tracker_init(&ordered.tracker, 0);
	range_ticket_init(&ticket, 0, 0);
	thread = start_thread(write_ordered, NULL);
	wait_until(READ_ONCE(ordered.tracker.started) == 1 &&
		   !READ_ONCE(ordered.tracker.nr));
	check(!range_ticket_begin(&ordered.tracker, &ticket));
	check(!ticket.registered && ticket.seq == 1);
	check(ordered.data == 1);
	join_thread(thread);
}

#define MODEL_NR 20

struct model {
	struct range_tracker tracker;
	struct tracked_range ranges[MODEL_NR];
	struct range_ticket tickets[MODEL_NR];
	bool active[MODEL_NR];
	bool held[MODEL_NR];
	/* waits[t][r]: ticket t waits for range r */
	bool waits[MODEL_NR][MODEL_NR];
	bool collided[MODEL_NR];
};

static bool overlap(struct interval_tree_node *a, struct interval_tree_node *b)
{
	return a->start <= b->last && b->start <= a->last;
}

static void model_range(struct model *m, int r)
{
	struct interval_tree_node *node = &m->ranges[r].node;
	int t;

	if (m->active[r]) {
		range_tracker_end(&m->tracker, &m->ranges[r]);
		for (t = 0; t < MODEL_NR; t++)
			m->waits[t][r] = false;
	} else {
		node->start = test_random(64);
		node->last = node->start + test_random(8);
		range_tracker_start(&m->tracker, &m->ranges[r]);
		for (t = 0; t < MODEL_NR; t++)
			if (m->held[t] && overlap(node, &m->tickets[t].node))
				m->collided[t] = true;
	}
	m->active[r] = !m->active[r];
}

static void model_ticket(struct model *m, int t)
{
	unsigned long first = test_random(64);
	int r;

	if (m->held[t]) {
		range_ticket_unregister(&m->tracker, &m->tickets[t]);
	} else {
		range_ticket_init(&m->tickets[t], first,
				  first + test_random(8));
		range_ticket_register(&m->tracker, &m->tickets[t]);
		m->collided[t] = false;
		for (r = 0; r < MODEL_NR; r++)
			m->waits[t][r] = m->active[r] &&
				overlap(&m->ranges[r].node,
					&m->tickets[t].node);
	}
	m->held[t] = !m->held[t];
}

static void model_check(struct model *m)
{
	struct interval_tree_node probe = { .start = test_random(64) };
	unsigned int pending, nr = 0, found = 0;
	struct tracked_range *range;
	int r, t;

	probe.last = probe.start + test_random(4);
	for (r = 0; r < MODEL_NR; r++) {
		nr += m->active[r];
		found += m->active[r] && overlap(&m->ranges[r].node, &probe);
	}
	check(m->tracker.nr == nr);
	for (range = range_tracker_first(&m->tracker, probe.start, probe.last);
	     range; range = range_tracker_next(&m->tracker, range, probe.start,
					       probe.last)) {
		check(overlap(&range->node, &probe));
		found--;
	}
	check(!found);
	for (t = 0; t < MODEL_NR; t++) {
		if (!m->held[t])
			continue;
		for (pending = 0, r = 0; r < MODEL_NR; r++)
			pending += m->waits[t][r];
		check(m->tickets[t].pending == pending);
		check(m->tickets[t].idle.done == !pending);
		check(range_ticket_retry(&m->tracker, &m->tickets[t]) ==
		      m->collided[t]);
	}
}

static void tracker_model(void)
{
	static struct model m;
	int i;

	range_tracker_init(&m.tracker, -3000UL);
	spin_lock(&m.tracker.lock);
	for (i = 0; i < 30000; i++) {
		if (test_random(2))
			model_range(&m, test_random(MODEL_NR));
		else
			model_ticket(&m, test_random(MODEL_NR));
		model_check(&m);
	}
	for (i = 0; i < MODEL_NR; i++)
		if (m.active[i])
			model_range(&m, i);
	/* The next range is as cheap as the first. */
	check(m.tracker.vacant == BIT(RANGE_TRACKER_LOOSE) - 1);
	spin_unlock(&m.tracker.lock);
}

/*
 * The protocol: what is published equals the contents, at all times at which
 * user_lock is free.
 */
#define WORDS 8

static struct {
	struct range_tracker tracker;
	pthread_mutex_t user_lock;
	pthread_mutex_t writer[WORDS];
	unsigned long contents[WORDS];
	unsigned long published[WORDS];
	atomic_t stop;
} proto = { .user_lock = PTHREAD_MUTEX_INITIALIZER };

static void *proto_write(void *arg)
{
	struct tracked_range range;
	unsigned long i;

	while (!atomic_read(&proto.stop)) {
		i = test_random(WORDS);
		pthread_mutex_lock(&proto.writer[i]);
		start(&proto.tracker, &range, i, i);
		pthread_mutex_lock(&proto.user_lock);
		proto.published[i] = 0;
		pthread_mutex_unlock(&proto.user_lock);
		WRITE_ONCE(proto.contents[i], 1 + test_random(1000000));
		pthread_mutex_lock(&proto.user_lock);
		check(!proto.published[i]);
		pthread_mutex_unlock(&proto.user_lock);
		end(&proto.tracker, &range);
		pthread_mutex_unlock(&proto.writer[i]);
		if (test_random(2))
			usleep(test_random(20));
	}
	return NULL;
}

static void *proto_read(void *arg)
{
	unsigned long i, value, *published = arg;
	struct range_ticket ticket;
	bool retry;

	while (!atomic_read(&proto.stop)) {
		i = test_random(WORDS);
		range_ticket_init(&ticket, i, i);
		do {
			check(!range_ticket_begin(&proto.tracker, &ticket));
			value = READ_ONCE(proto.contents[i]);
			pthread_mutex_lock(&proto.user_lock);
			retry = range_ticket_retry(&proto.tracker, &ticket);
			if (!retry) {
				proto.published[i] = value;
				(*published)++;
			}
			pthread_mutex_unlock(&proto.user_lock);
		} while (retry);
		range_ticket_end(&proto.tracker, &ticket);
		pthread_mutex_lock(&proto.user_lock);
		value = proto.published[i];
		check(!value || value == READ_ONCE(proto.contents[i]));
		pthread_mutex_unlock(&proto.user_lock);
	}
	return NULL;
}

static void tracker_protocol(void)
{
	static unsigned long published[2];
	pthread_t threads[4];
	int i;

	range_tracker_init(&proto.tracker, -100UL);
	for (i = 0; i < WORDS; i++)
		pthread_mutex_init(&proto.writer[i], NULL);
	for (i = 0; i < 4; i++)
		threads[i] = start_thread(i < 2 ? proto_write : proto_read,
					  &published[i & 1]);
	usleep(1000000);
	atomic_set(&proto.stop, 1);
	for (i = 0; i < 4; i++)
		join_thread(threads[i]);
	check(published[0] && published[1]);
	check(!proto.tracker.nr && !registered(&proto.tracker));
}

const struct test tracker_tests[] = {
	{ "tracker_tickets", tracker_tickets },
	{ "tracker_log", tracker_log },
	{ "tracker_busy", tracker_busy },
	{ "tracker_waits", tracker_waits },
	{ "tracker_killed", tracker_killed },
	{ "tracker_order", tracker_order },
	{ "tracker_model", tracker_model },
	{ "tracker_protocol", tracker_protocol },
	{ }
};
