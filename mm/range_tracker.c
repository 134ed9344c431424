// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges in flight, and readers that must not overlap them.
 *
 * include/linux/range_tracker.h gives the protocol.  This is why it holds.
 *
 * Registered tickets.  Registration and the start of a range are both done
 * under tracker->lock, so one comes first.  If the range came first, the
 * ticket counts it in 'pending' and waits for its end.  If the ticket came
 * first, the range sets 'collided' before its writer goes on to withdraw
 * what was published under user_lock.  The publisher tests 'collided' under
 * user_lock.  Had the withdrawal already run, user_lock makes the mark
 * visible (A); had it not, it will find what is being published.
 *
 * Unregistered tickets are the same with the roles of 'pending' and
 * 'collided' played by 'nr' and 'started', for all ranges instead of the
 * overlapping ones, and without the lock:
 *
 *	range_tracker_start()			range_ticket_begin()
 *	  nr = nr + 1
 *	  started = started + 1  (B, release)	  seq = started   (B, acquire)
 *	  ... withdraw, change ...		  nr == 0 ?       (C, acquire)
 *	range_tracker_end()			  ... read ...
 *	  nr = nr - 1            (C, release)
 *
 * (B): every range that 'seq' counts has its increment of 'nr' visible.  So
 * nr == 0 says that all of these have ended, and (C) that what they wrote is
 * visible to the reads that follow.  A range that 'seq' does not count makes
 * 'started' differ from 'seq', which the publisher sees under user_lock as in
 * (A).  The lock carries (C) over from one writer to the next, so that a zero
 * stored by the last of them speaks for all.
 *
 * If nr is not zero, the reader takes 'seq' under the lock and looks for an
 * overlapping range; if there is none, those that 'seq' counts and that do
 * overlap have ended, under the same lock.
 *
 * If 'started' differs, the publisher takes the lock and looks up, in a log of
 * the latest starts, what it is that 'seq' does not count.  The answer is
 * exact, unless more began than the log holds: then the pass is lost, and the
 * next one registers.  So ranges elsewhere cost a reader one pass at most.
 */
#include <linux/export.h>
#include <linux/range_tracker.h>
#include <linux/sched.h>

/**
 * range_tracker_init() - make a tracker ready, with no range in flight
 * @tracker: the tracker
 * @started: first value of the sequence; any will do
 */
void range_tracker_init(struct range_tracker *tracker, unsigned long started)
{
	spin_lock_init(&tracker->lock);
	tracker->vacant = BIT(RANGE_TRACKER_LOOSE) - 1;
	memset(tracker->loose, 0, sizeof(tracker->loose));
	tracker->active = RB_ROOT_CACHED;
	tracker->tickets = RB_ROOT_CACHED;
	tracker->started = started;
	tracker->nr = 0;
	memset(tracker->log, 0, sizeof(tracker->log));
}
EXPORT_SYMBOL_GPL(range_tracker_init);

static struct range_ticket *to_ticket(struct interval_tree_node *node)
{
	return node ? container_of(node, struct range_ticket, node) : NULL;
}

#define for_each_overlapping_ticket(ticket, tracker, first, end)	\
	for (ticket = to_ticket(interval_tree_iter_first(		\
			&(tracker)->tickets, first, end));		\
	     ticket;							\
	     ticket = to_ticket(interval_tree_iter_next(		\
			&ticket->node, first, end)))

/* Most address spaces never see more ranges at a time than these places. */
static void range_place(struct range_tracker *tracker,
			struct tracked_range *range)
{
	range->place = __ffs(tracker->vacant);
	tracker->vacant &= tracker->vacant - 1;
	tracker->loose[range->place] = range;
}

static void range_unplace(struct range_tracker *tracker,
			  struct tracked_range *range)
{
	tracker->loose[range->place] = NULL;
	tracker->vacant |= BIT(range->place);
}

/* The rest of a start, if there are many ranges, or readers that wait. */
static noinline void range_start_slow(struct range_tracker *tracker,
				      struct tracked_range *range)
{
	struct interval_tree_node *node = &range->node;
	struct range_ticket *ticket;

	if (tracker->vacant) {
		range_place(tracker, range);
	} else {
		range->place = -1;
		interval_tree_insert(node, &tracker->active);
	}
	/* (A): the user's lock makes this visible to range_ticket_retry() */
	for_each_overlapping_ticket(ticket, tracker, node->start, node->last)
		WRITE_ONCE(ticket->collided, true);
}

/* The rest of an end, likewise. */
static noinline void range_end_slow(struct range_tracker *tracker,
				    struct tracked_range *range)
{
	struct interval_tree_node *node = &range->node;
	struct range_ticket *ticket;

	if (range->place >= 0)
		range_unplace(tracker, range);
	else
		interval_tree_remove(node, &tracker->active);

	for_each_overlapping_ticket(ticket, tracker, node->start, node->last) {
		if (range_seq_after(range->seq, ticket->seq))
			continue;
		if (!--ticket->pending)
			complete(&ticket->idle);
	}
}

/**
 * range_tracker_start() - put a range in flight
 * @tracker: the tracker
 * @range:   bounds set in @range->node by the caller, who keeps it in place
 *           until range_tracker_end()
 *
 * Cannot fail and never waits for a reader.
 *
 * Context: Caller holds @tracker->lock.
 */
void range_tracker_start(struct range_tracker *tracker,
			 struct tracked_range *range)
{
	struct interval_tree_node *node = &range->node;
	unsigned long seq = tracker->started + 1;

	lockdep_assert_held(&tracker->lock);
	WRITE_ONCE(tracker->nr, tracker->nr + 1);
	range->seq = seq;
	tracker->log[seq % RANGE_TRACKER_LOG].start = node->start;
	tracker->log[seq % RANGE_TRACKER_LOG].last = node->last;
	/* (B): pairs with range_ticket_begin() */
	smp_store_release(&tracker->started, seq);

	if (likely(tracker->vacant &&
		   RB_EMPTY_ROOT(&tracker->tickets.rb_root)))
		range_place(tracker, range);
	else
		range_start_slow(tracker, range);
}
EXPORT_SYMBOL_GPL(range_tracker_start);

/**
 * range_tracker_end() - take a range out of flight
 * @tracker: the tracker
 * @range:   the range given to range_tracker_start(); free for reuse on return
 *
 * Wakes the readers for whom this was the last range to wait for.
 *
 * Context: Caller holds @tracker->lock.
 */
void range_tracker_end(struct range_tracker *tracker,
		       struct tracked_range *range)
{
	lockdep_assert_held(&tracker->lock);
	/* (C): pairs with range_ticket_begin() */
	smp_store_release(&tracker->nr, tracker->nr - 1);

	if (likely(range->place >= 0 &&
		   RB_EMPTY_ROOT(&tracker->tickets.rb_root)))
		range_unplace(tracker, range);
	else
		range_end_slow(tracker, range);
}
EXPORT_SYMBOL_GPL(range_tracker_end);

static struct tracked_range *to_range(struct interval_tree_node *node)
{
	return node ? container_of(node, struct tracked_range, node) : NULL;
}

/* The first overlapping range from this place on, then in the tree. */
static struct tracked_range *range_find(struct range_tracker *tracker,
					unsigned int place,
					unsigned long start,
					unsigned long last)
{
	struct tracked_range *range;

	for (; place < RANGE_TRACKER_LOOSE; place++) {
		range = tracker->loose[place];
		if (range && range->node.start <= last &&
		    range->node.last >= start)
			return range;
	}
	return to_range(interval_tree_iter_first(&tracker->active, start,
						 last));
}

/**
 * range_tracker_first() - find a range in flight
 * @tracker: the tracker
 * @start:   first address of interest
 * @last:    last address of interest
 *
 * Context: Caller holds @tracker->lock, which also keeps the result in flight.
 * Return: an overlapping range, or NULL.
 */
struct tracked_range *range_tracker_first(struct range_tracker *tracker,
					  unsigned long start,
					  unsigned long last)
{
	lockdep_assert_held(&tracker->lock);
	return range_find(tracker, 0, start, last);
}
EXPORT_SYMBOL_GPL(range_tracker_first);

/**
 * range_tracker_next() - find another range in flight
 * @tracker: the tracker
 * @range:   the one found before
 * @start:   first address of interest
 * @last:    last address of interest
 *
 * Context: Caller has held @tracker->lock since range_tracker_first().
 * Return: an overlapping range that was not found yet, or NULL.
 */
struct tracked_range *range_tracker_next(struct range_tracker *tracker,
					 struct tracked_range *range,
					 unsigned long start,
					 unsigned long last)
{
	lockdep_assert_held(&tracker->lock);
	if (range->place >= 0)
		return range_find(tracker, range->place + 1, start, last);
	return to_range(interval_tree_iter_next(&range->node, start, last));
}

/**
 * range_tracker_busy() - is an overlapping range in flight?
 * @tracker: the tracker
 * @start:   first address of interest
 * @last:    last address of interest
 *
 * What the caller reads next is not older than the ends of the ranges that
 * the answer no longer counts.
 *
 * Context: Caller holds the lock under which writers withdraw, so that those
 * who start later have that before them.  Does not sleep.
 * Return: true if so.
 */
bool range_tracker_busy(struct range_tracker *tracker, unsigned long start,
			unsigned long last)
{
	bool ret;

	/* (C): pairs with range_tracker_end() */
	if (likely(!smp_load_acquire(&tracker->nr)))
		return false;
	spin_lock(&tracker->lock);
	ret = range_tracker_first(tracker, start, last);
	spin_unlock(&tracker->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(range_tracker_busy);

/**
 * range_ticket_init() - prepare a ticket
 * @ticket: the ticket
 * @start:  first address the reader depends on
 * @last:   last address the reader depends on
 */
void range_ticket_init(struct range_ticket *ticket, unsigned long start,
		       unsigned long last)
{
	ticket->node.start = start;
	ticket->node.last = last;
	ticket->registered = false;
	ticket->precise = false;
}
EXPORT_SYMBOL_GPL(range_ticket_init);

/**
 * range_ticket_register() - take a ticket that is exact
 * @tracker: the tracker
 * @ticket:  an initialised ticket that is not registered
 *
 * On return @ticket->pending says how many overlapping ranges are in flight;
 * range_ticket_wait() waits for these, and for no other.
 *
 * Context: Caller holds @tracker->lock.
 */
void range_ticket_register(struct range_tracker *tracker,
			   struct range_ticket *ticket)
{
	unsigned long start = ticket->node.start, last = ticket->node.last;
	struct tracked_range *range;

	lockdep_assert_held(&tracker->lock);
	ticket->seq = tracker->started;
	ticket->collided = false;
	ticket->registered = true;
	ticket->pending = 0;
	init_completion(&ticket->idle);
	for (range = range_tracker_first(tracker, start, last); range;
	     range = range_tracker_next(tracker, range, start, last))
		ticket->pending++;
	if (!ticket->pending)
		complete(&ticket->idle);
	interval_tree_insert(&ticket->node, &tracker->tickets);
}
EXPORT_SYMBOL_GPL(range_ticket_register);

/**
 * range_ticket_unregister() - give a registered ticket back
 * @tracker: the tracker
 * @ticket:  the ticket
 *
 * Context: Caller holds @tracker->lock.
 */
void range_ticket_unregister(struct range_tracker *tracker,
			     struct range_ticket *ticket)
{
	lockdep_assert_held(&tracker->lock);
	interval_tree_remove(&ticket->node, &tracker->tickets);
	ticket->registered = false;
}
EXPORT_SYMBOL_GPL(range_ticket_unregister);

/**
 * range_ticket_wait() - wait for the ranges that began before the ticket
 * @ticket: a registered ticket
 * @state:  TASK_UNINTERRUPTIBLE, TASK_INTERRUPTIBLE or TASK_KILLABLE
 *
 * The ticket stays registered whatever the result.
 *
 * Context: May sleep, for as long as the overlapping ranges take.
 * Return: 0, or -ERESTARTSYS if a signal that @state admits came first.
 */
int range_ticket_wait(struct range_ticket *ticket, unsigned int state)
{
	might_sleep();
	return wait_for_completion_state(&ticket->idle, state);
}
EXPORT_SYMBOL_GPL(range_ticket_wait);

/* Take the ticket with no lock, if nothing is in flight. */
static bool range_ticket_quick(struct range_tracker *tracker,
			       struct range_ticket *ticket)
{
	if (ticket->precise || ticket->registered)
		return false;
	/* (B): pairs with range_tracker_start() */
	ticket->seq = smp_load_acquire(&tracker->started);
	/* (C): after (B); pairs with range_tracker_end() */
	return !smp_load_acquire(&tracker->nr);
}

/* Take it under the lock.  Is no overlapping range in flight? */
static bool range_ticket_locked(struct range_tracker *tracker,
				struct range_ticket *ticket)
{
	if (ticket->registered)
		range_ticket_unregister(tracker, ticket);
	if (!ticket->precise) {
		ticket->seq = tracker->started;
		return !range_tracker_first(tracker, ticket->node.start,
					    ticket->node.last);
	}
	range_ticket_register(tracker, ticket);
	return !ticket->pending;
}

/**
 * range_ticket_begin() - begin to read
 * @tracker: the tracker
 * @ticket:  an initialised ticket
 *
 * The first pass takes no lock if nothing is in flight.
 *
 * Context: May sleep.  Caller must hold no lock that a writer needs before it
 * can end its range.
 * Return: 0, or -ERESTARTSYS if a fatal signal came while waiting; then
 * range_ticket_end() is still due.
 */
int range_ticket_begin(struct range_tracker *tracker,
		       struct range_ticket *ticket)
{
	might_sleep();
	if (range_ticket_quick(tracker, ticket))
		return 0;

	spin_lock(&tracker->lock);
	if (range_ticket_locked(tracker, ticket)) {
		spin_unlock(&tracker->lock);
		return 0;
	}
	if (!ticket->registered)
		range_ticket_register(tracker, ticket);
	spin_unlock(&tracker->lock);

	return range_ticket_wait(ticket, TASK_KILLABLE);
}
EXPORT_SYMBOL_GPL(range_ticket_begin);

/**
 * range_ticket_try() - begin to read, or learn that it is of no use yet
 * @tracker: the tracker
 * @ticket:  an initialised ticket
 *
 * For those who hold something that a writer may need, and so must not wait
 * here.  range_ticket_end() is due whatever the result.
 *
 * Context: Does not sleep.
 * Return: true if the reader may go on; false if an overlapping range is in
 * flight; then the ticket is good for nothing but another try.
 */
bool range_ticket_try(struct range_tracker *tracker,
		      struct range_ticket *ticket)
{
	bool ret;

	if (range_ticket_quick(tracker, ticket))
		return true;
	spin_lock(&tracker->lock);
	ret = range_ticket_locked(tracker, ticket);
	spin_unlock(&tracker->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(range_ticket_try);

/* Did an overlapping range begin since @ticket->seq?  Go by the log. */
static bool range_ticket_judge(struct range_tracker *tracker,
			       struct range_ticket *ticket)
{
	unsigned long seq;
	bool ret = false;

	spin_lock(&tracker->lock);
	if (tracker->started - ticket->seq > RANGE_TRACKER_LOG) {
		ticket->precise = true;
		ret = true;
	}
	for (seq = tracker->started; seq != ticket->seq && !ret; seq--)
		ret = tracker->log[seq % RANGE_TRACKER_LOG].start <=
			ticket->node.last &&
		      tracker->log[seq % RANGE_TRACKER_LOG].last >=
			ticket->node.start;
	spin_unlock(&tracker->lock);
	return ret;
}

/**
 * range_ticket_retry() - must what was read be thrown away?
 * @tracker: the tracker
 * @ticket:  the ticket that range_ticket_begin() or _try() took
 *
 * Exact, but for one pass in which more than RANGE_TRACKER_LOG ranges began.
 *
 * Context: Caller holds the lock under which writers withdraw what readers
 * have published; without it, false means nothing.  Does not sleep.  Takes no
 * lock if the ticket is registered.
 * Return: true if a range that overlaps may have been in flight meanwhile.
 */
bool range_ticket_retry(struct range_tracker *tracker,
			struct range_ticket *ticket)
{
	if (ticket->registered)
		return READ_ONCE(ticket->collided);
	if (likely(READ_ONCE(tracker->started) == ticket->seq))
		return false;
	return range_ticket_judge(tracker, ticket);
}
EXPORT_SYMBOL_GPL(range_ticket_retry);

/**
 * range_ticket_end() - finish with a ticket
 * @tracker: the tracker
 * @ticket:  the ticket, after any number of range_ticket_begin()
 *
 * Context: Does not sleep.
 */
void range_ticket_end(struct range_tracker *tracker,
		      struct range_ticket *ticket)
{
	if (!ticket->registered)
		return;
	spin_lock(&tracker->lock);
	range_ticket_unregister(tracker, ticket);
	spin_unlock(&tracker->lock);
}
EXPORT_SYMBOL_GPL(range_ticket_end);
