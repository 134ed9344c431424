/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges in flight, and readers that must not overlap them.
 *
 * A writer changes what a range of addresses means, in three steps: it
 * starts the range, changes the contents, ends the range.  Any number of
 * writers may be in flight, on disjoint, overlapping or nested ranges.
 *
 * A reader derives something from the contents of a range (a translation,
 * say), under no lock, and wants to publish it only if no writer that
 * overlaps the range was in flight meanwhile.  It takes a ticket, reads, and
 * asks under its own lock whether it must retry:
 *
 *	range_ticket_init(&ticket, start, last);
 *	do {
 *		err = range_ticket_begin(tracker, &ticket);
 *		if (err)
 *			break;
 *		... read the contents ...
 *		lock(user_lock);
 *		retry = range_ticket_retry(tracker, &ticket);
 *		if (!retry)
 *			... publish ...
 *		unlock(user_lock);
 *	} while (retry);
 *	range_ticket_end(tracker, &ticket);
 *
 * The one duty of the writer's side is that between the start of a range and
 * the change of its contents, user_lock is taken and what has been published
 * for the range is withdrawn.  Then a publisher either ran before, and its
 * work is withdrawn, or runs after, and sees the start.
 *
 * A writer never waits for a reader.  A reader waits only for writers that
 * overlap its range and started before its ticket was taken, so it cannot be
 * starved by writers elsewhere, nor by later ones.  A reader that may not
 * sleep uses range_ticket_try() in place of range_ticket_begin().
 *
 * Bounds are inclusive: 'last' is the last address of a range.
 */
#ifndef _LINUX_RANGE_TRACKER_H
#define _LINUX_RANGE_TRACKER_H

#include <linux/completion.h>
#include <linux/interval_tree.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* So many starts can a ticket judge without having been registered. */
#define RANGE_TRACKER_LOG 64
/* So many ranges can be in flight before a tree is needed to find one. */
#define RANGE_TRACKER_LOOSE 8

/**
 * struct range_tracker - the ranges in flight in one address space
 * @lock:    protects everything below; nests inside all locks of the users
 * @vacant:  places of @loose that are free, as bits
 * @loose:   the first ranges in flight, in no order
 * @active:  the ranges in flight beyond these, &struct tracked_range, by address
 * @tickets: registered tickets, &struct range_ticket, by address
 * @started: number of ranges ever started; may wrap
 * @nr:      number of ranges in flight
 * @log:     bounds of the latest ranges started, each where @started says
 *
 * =======  ==============================  ===============================
 * field    written                         read
 * =======  ==============================  ===============================
 * vacant   under @lock                     under @lock
 * loose    under @lock                     under @lock
 * active   under @lock                     under @lock
 * tickets  under @lock                     under @lock
 * started  under @lock, release (B)        under @lock, or acquire (B)
 * nr       under @lock, release (C)        under @lock, or acquire (C)
 * log      under @lock                     under @lock
 * =======  ==============================  ===============================
 *
 * The user owns the memory and frees it when no range is in flight and no
 * ticket is held.
 */
struct range_tracker {
	spinlock_t lock;	/* protects all that follows */
	unsigned int vacant;
	struct tracked_range *loose[RANGE_TRACKER_LOOSE];
	struct rb_root_cached active;
	struct rb_root_cached tickets;
	unsigned long started;
	unsigned int nr;
	struct {
		unsigned long start;
		unsigned long last;
	} log[RANGE_TRACKER_LOG];
};

/**
 * struct tracked_range - one range in flight
 * @node:  bounds, and place in &range_tracker.active
 * @seq:   value of &range_tracker.started that this range made
 * @place: place in &range_tracker.loose, or -1 if it is in the tree
 *
 * Owned by the writer, usually on its stack; linked from start to end.
 */
struct tracked_range {
	struct interval_tree_node node;
	unsigned long seq;
	int place;
};

/**
 * struct range_ticket - one reader's claim on a range
 * @node:       bounds, and place in &range_tracker.tickets when registered
 * @seq:        &range_tracker.started when the ticket was taken
 * @pending:    overlapping ranges that began earlier and are still in flight
 * @registered: linked in &range_tracker.tickets
 * @precise:    too many ranges began for the log to tell; register next time
 * @collided:   an overlapping range began after the ticket was taken
 * @idle:       completed when @pending falls to zero
 *
 * Owned by the reader, on its stack.  @pending, @registered and @collided are
 * written under the tracker's lock.
 */
struct range_ticket {
	struct interval_tree_node node;
	unsigned long seq;
	unsigned int pending;
	bool registered;
	bool precise;
	bool collided;
	struct completion idle;
};

void range_tracker_init(struct range_tracker *tracker, unsigned long started);

void range_tracker_start(struct range_tracker *tracker,
			 struct tracked_range *range);
void range_tracker_end(struct range_tracker *tracker,
		       struct tracked_range *range);
struct tracked_range *range_tracker_first(struct range_tracker *tracker,
					  unsigned long start,
					  unsigned long last);
struct tracked_range *range_tracker_next(struct range_tracker *tracker,
					 struct tracked_range *range,
					 unsigned long start,
					 unsigned long last);
bool range_tracker_busy(struct range_tracker *tracker, unsigned long start,
			unsigned long last);

void range_ticket_init(struct range_ticket *ticket, unsigned long start,
		       unsigned long last);
int range_ticket_begin(struct range_tracker *tracker,
		       struct range_ticket *ticket);
bool range_ticket_try(struct range_tracker *tracker,
		      struct range_ticket *ticket);
bool range_ticket_retry(struct range_tracker *tracker,
			struct range_ticket *ticket);
void range_ticket_end(struct range_tracker *tracker,
		      struct range_ticket *ticket);

void range_ticket_register(struct range_tracker *tracker,
			   struct range_ticket *ticket);
int range_ticket_wait(struct range_ticket *ticket, unsigned int state);
void range_ticket_unregister(struct range_tracker *tracker,
			     struct range_ticket *ticket);

/* Is sequence number @a younger than @b?  Holds over a wrap. */
static inline bool range_seq_after(unsigned long a, unsigned long b)
{
	return (long)(b - a) < 0;
}

#endif /* _LINUX_RANGE_TRACKER_H */
