/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The range tracker: writers against a reader, by include/linux/range_tracker.h.
 *
 *	process		stands for
 *	writer		range_tracker_start(), withdrawal under the user's lock,
 *			two changes, range_tracker_end(); ROUNDS times
 *	reader		the loop in the header: range_ticket_begin(), or _try()
 *			if the scenario says TRY, reading, range_ticket_retry(),
 *			publishing, range_ticket_end()
 *	glance		range_tracker_busy() under the user's lock, reading and
 *			publishing
 *
 *	inline		stands for
 *	starts, ends	range_tracker_start(), range_tracker_end()
 *	takes_ticket	range_ticket_quick(), range_ticket_locked()
 *	judge		range_ticket_judge()
 *
 * The loads and stores without the lock, of started, nr and collided, are steps
 * of their own, in the order in which they stand in the source.  What the
 * tracker's lock protects from everybody is one step.
 *
 * What holds, by assertion:
 *	- when something changes, nothing that was read of it is published, and
 *	  what is published is as it is at that moment;
 *	- a reader waits only while a range is in flight that overlaps and began
 *	  before its ticket (writers may stop for ever between start and end in
 *	  scenario STUCK); so no wake-up is lost either;
 *	- a pass is lost without cause once at most: to more ranges than the log
 *	  holds;
 *	- pending does not fall below zero;
 * and there is no deadlock.
 *
 * Assumed: memory is sequentially consistent; that the orders (A), (B) and (C)
 * which the code asks for are enough elsewhere is argued in
 * Documentation/mm/mmu_notifier-litmus/.  Two writers of two rounds, one reader,
 * two addresses.  Sequence numbers are 3 bits wide and begin two below their
 * wrap; the log has LOG entries.  The places of ranges and the trees are taken
 * for what they are meant to be, sets.  Signals while waiting are left out.
 */
#define BIT(n)		(1 << (n))
#define WIDTH		8	/* sequence numbers */
#define BEGIN		(WIDTH - 2)
#define MINUS(a, b)	(((a) + WIDTH - (b)) % WIDTH)
#ifdef BROKEN_PLAIN_COMPARE
#define SEQ_AFTER(a, b)	((a) > (b))
#else
#define SEQ_AFTER(a, b)	(MINUS(b, a) >= WIDTH / 2)
#endif
#ifndef LOG
#define LOG		2
#endif
#define MINE		1	/* what the readers depend on: address 0 */
#define RANGE(i)	((i) == 0 -> RANGE0 : RANGE1)

/* struct range_tracker */
bit lock;
byte inflight;		/* the ranges in flight, as bits */
byte started = BEGIN;
byte nr;
byte log[LOG];
byte range_seq[2];

/* struct range_ticket, of the one reader */
byte seq, pending;
bit registered, precise, collided, idle;

bit user_lock;
bit published;
bit seen_busy;		/* published by glance */
byte entry;		/* the contents of address 0 */

/* Nobody looks at these but the assertions. */
byte due;		/* ranges that the reader may wait for */
bit met;		/* an overlapping range began since the ticket */
byte lost;		/* passes without cause */

#ifdef BROKEN_WAITS_FOR_ALL
#define CONCERNS(i)	1
#else
#define CONCERNS(i)	(RANGE(i) & MINE)
#endif
#define BUSY	((CONCERNS(0) -> inflight & 1 : 0) | (CONCERNS(1) -> inflight & 2 : 0))
#define COUNT(bits)	(((bits) & 1) + (((bits) & 2) >> 1))
#define DUE	((RANGE0 & MINE -> inflight & 1 : 0) | (RANGE1 & MINE -> inflight & 2 : 0))

inline store_started(i)
{
	d_step {
		range_seq[i] = (started + 1) % WIDTH;
		log[range_seq[i] % LOG] = RANGE(i);
		started = range_seq[i];
		met = met || (RANGE(i) & MINE)
	}
}

inline starts(i)
{
	atomic { lock == 0 -> lock = 1 }
#ifdef BROKEN_SEQ_BEFORE_NR
	store_started(i);
	nr++;
#else
	nr++;
	store_started(i);
#endif
	d_step {
		inflight = inflight | BIT(i);
#ifndef BROKEN_NOT_COLLIDED
		collided = collided || (registered && CONCERNS(i));
#endif
		lock = 0
	}
}

inline ends(i)
{
	atomic { lock == 0 -> lock = 1; nr-- }
	d_step {
		inflight = inflight & ~BIT(i);
		due = due & ~BIT(i);
		if
		:: registered && CONCERNS(i) && !SEQ_AFTER(range_seq[i], seq) ->
			assert(pending > 0);
			pending--;
#ifndef BROKEN_NO_COMPLETE
			idle = idle || pending == 0
#endif
		:: else
		fi;
		lock = 0
	}
}

inline change(i)
{
	d_step {
		assert(!((RANGE(i) & MINE) && (published || seen_busy)));
		entry = entry + (RANGE(i) & MINE)
	}
}

proctype writer(byte i)
{
	byte round;

	do
	:: round == ROUNDS -> goto out
	:: else ->
		round++;
		starts(i);
		atomic {
			user_lock == 0 ->
			published = published && !(RANGE(i) & MINE);
			seen_busy = seen_busy && !(RANGE(i) & MINE)
		}
#ifdef STUCK
		if
		:: goto end_stuck
		:: 1
		fi;
#endif
		change(i);
		change(i);
		ends(i)
	od;
end_stuck:
	false;
out:	skip
}

/* range_ticket_register() */
inline registers()
{
	seq = started;
	collided = 0;
	registered = 1;
	pending = COUNT(BUSY);
	due = DUE;
	idle = (pending == 0)
}

/* Sets good: the reader may go on.  Else waits says whether it is to wait. */
inline takes_ticket()
{
	good = 0;
	if
	:: !precise && !registered ->
		/* What is in flight and ends before nr is read is no harm. */
#ifdef BROKEN_LOADS_SWAPPED
		good = (nr == 0);
		atomic { seq = started; met = 0 }
#else
		atomic { seq = started; met = 0 }
		good = (nr == 0)
#endif
	:: else
	fi;
	if
	:: good
	:: else ->
		atomic {
			lock == 0 ->
			registered = 0;
			met = 0;
			if
			:: precise -> registers(); good = (pending == 0)
			:: else -> seq = started; good = (BUSY == 0)
			fi;
			if
			:: !good && waits && !registered -> registers()
			:: else
			fi
		}
	fi
}

/* Did an overlapping range begin since seq?  Under both locks; sets retry. */
inline judge()
{
	retry = 0;
#ifndef BROKEN_LOG_NOT_BOUNDED
	if
	:: MINUS(started, seq) > LOG ->
#ifndef BROKEN_NEVER_PRECISE
		precise = 1;
#endif
		retry = 1
	:: else
	fi;
#endif
	s = started;
	do
	:: s != seq && !retry ->
		retry = ((log[s % LOG] & MINE) != 0);
		s = MINUS(s, 1)
	:: else -> break
	od;
	s = 0
}

/* range_ticket_retry(), but for the lock that judge() needs. */
inline looks()
{
	if
	:: registered -> retry = collided; differs = 0
	:: else -> differs = (started != seq); retry = 0
	fi
}

proctype reader()
{
	byte value, s;
	bit good, retry, differs, waits;

	do
	:: if
	   :: waits = 1
#ifdef TRY
	   :: waits = 0
#endif
	   fi;
	   takes_ticket();
	   if
	   :: !good && waits ->
		if
		:: idle
		:: timeout -> assert(due != 0); goto end_stuck
		fi
	   :: !good && !waits -> goto again
	   :: else
	   fi;
	   value = entry;
#ifdef BROKEN_LOOKS_TOO_EARLY
	   atomic { looks() }
	   atomic { user_lock == 0 -> user_lock = 1 }
#else
	   atomic { user_lock == 0 -> user_lock = 1; looks() }
#endif
	   if
	   :: differs -> atomic { lock == 0 -> judge() }
	   :: else
	   fi;
	   if
	   :: !retry ->
		d_step {
			assert(value == entry);
			published = 1;
			user_lock = 0
		}
		break
	   :: else ->
		d_step {
			lost = lost + (met -> 0 : 1);
			assert(lost <= 1);
			user_lock = 0
		}
	   fi;
again:	   atomic { value = 0; retry = 0; differs = 0; good = 0; waits = 0 }
	od;
	/* range_ticket_end() */
	atomic { lock == 0 -> registered = 0; goto out }
end_stuck:
	false;
out:	skip
}

proctype glance()
{
	byte value;
	bit busy;

#ifdef BROKEN_NOT_ASKED
	atomic { user_lock == 0 -> user_lock = 1 }
#else
	atomic { user_lock == 0 -> user_lock = 1; busy = (nr != 0) }
#endif
	if
	:: busy -> atomic { lock == 0 -> busy = (BUSY != 0) }
	:: else
	fi;
	if
	:: !busy ->
		value = entry;
		d_step { assert(value == entry); seen_busy = 1 }
	:: else
	fi;
	user_lock = 0
}

init {
	atomic {
		run writer(0);
		run writer(1);
#ifdef GLANCE
		run glance();
		run glance()
#else
		run reader()
#endif
	}
}
