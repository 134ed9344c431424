/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interval subscribers, those who invalidate them, and their readers.
 *
 *	process		stands for
 *	inv		start and end of an invalidation, with two changes of
 *			the page table between them; it may not block, and then
 *			be refused
 *	release		mn_intervals_release(), whose range is number 1
 *	reader		mmu_interval_notifier_insert(), a user's loop from
 *			mmu_interval_read_begin() to its publishing under its
 *			own lock, mmu_interval_notifier_remove()
 *	remover		mmu_interval_notifier_remove()
 *
 *	inline		stands for
 *	gather		mn_gather(), mn_gather_more()
 *	call_batches	mn_call_batches(), mn_call_batch(), mn_next_interval()
 *	removes		mmu_interval_notifier_remove(),
 *			mn_interval_withdraw()
 *	read_begin	mmu_interval_read_begin()
 *
 * What holds, by assertion:
 *	- when an entry of the page table changes, no subscriber to its address
 *	  has a translation of it, and none is published that is outdated;
 *	- no callout runs on a subscriber, or begins, after remove has returned;
 *	- after release nobody is called any more;
 *	- the subscriptions are not touched once they may be freed;
 * and, since nothing may be left waiting at the end:
 *	- no deadlock and no lost wake-up;
 *	- in scenario STUCK a callout on subscriber 1 may sleep for ever; yet
 *	  readers and remove of subscriber 0 finish.
 *
 * Assumed: memory is sequentially consistent.  There are two addresses, two
 * ranges, and two subscribers, ordered by their numbers as the tree is.  A batch
 * holds one subscriber, so that two make two batches; going on within a batch
 * is the same without the lock between.  List subscribers are left out, and that
 * the counter of numbers wraps.
 */
#define TRACKED(i, g)	num[i] = 0; if \
	:: (tree & BIT(0)) && (bounds[0] & RANGE(i)) -> gather(i, 0); number(i) \
	:: !((tree & BIT(0)) && (bounds[0] & RANGE(i))) && \
	   (tree & BIT(1)) && (bounds[1] & RANGE(i)) -> gather(i, 1); number(i) \
	:: else \
	fi
#define RANGE(i)	((i) == 0 -> RANGE0 : RANGE1)
#include "machine.pml"

/* struct mmu_notifier_subscriptions */
byte tree;		/* subscribers, as bits */
byte last_num;		/* seq */
bit released;

/* struct mmu_interval_notifier */
byte bounds[2];		/* addresses, as bits */
byte sub_num[2];	/* invalidate_seq */

/* struct mmu_notifier_range, and its batch */
byte num[NI];		/* the range's number */
byte batches;		/* ranges whose ->batch is set, as bits */
byte batch[NI];		/* batch->sub[0], or NONE */
bit more[NI];

byte entry[2];		/* the page table: what each address means */
bit user_lock[2];
bit published[2];

/* Nobody looks at this but an assertion: release has returned. */
bit over;

#ifdef STUCK
#define STUCK_HERE(sub)	if :: sub == 1 -> goto end_stuck :: 1 fi;
#else
#define STUCK_HERE(sub)
#endif

/* Under the lock: from subscriber j on, which overlaps. */
inline gather(i, j)
{
	if
	:: !released ->
		batch[i] = j;
		batches = batches | BIT(i);
		more[i] = (j == 0 && (tree & BIT(1)) && (bounds[1] & RANGE(i)))
	:: else
	fi
}

inline number(i)
{
#ifdef BROKEN_SAME_NUMBER
	num[i] = 99
#else
	last_num++;
	num[i] = last_num
#endif
}

/* The first batch is there.  Sets refused. */
inline call_batches(i, g)
{
	do
	:: !(batches & BIT(i)) -> break
	:: else ->
	   d_step { rcu_enter(i); sub = batch[i] }
	   atomic {
		calling[i] = sub;
		rcu_exit(i);
		if
		:: sub != NONE -> callout(sub); assert(!over)
		:: else
		fi
	   }
	   if
	   :: sub != NONE ->
		STUCK_HERE(sub)
		if
		:: atomic {
			user_lock[sub] == 0 ->
			sub_num[sub] = num[i];
			published[sub] = 0;
			returned(sub)
		   }
		:: d_step { !blocking -> refused = 1; returned(sub) }
		fi
	   :: else
	   fi;
	   d_step { rcu_enter(i); withdrawn = (batch[i] == NONE) }
	   atomic { calling[i] = NONE; rcu_exit(i) }
	   if
#ifndef BROKEN_NO_WAKE
	   :: d_step { withdrawn -> wake_up_all(g) }
#endif
	   :: else
	   fi;
	   atomic {
		lock[g] == 0 ->
		touch(g);
		if
		:: refused || !more[i] || released ->
			batches = batches & ~BIT(i);
			if
#ifndef BROKEN_RELEASE_NO_WAKE
			:: released -> wake_up_all(g)
#endif
			:: else
			fi
		:: else ->
			/* It may be gone, or have come, since it was seen. */
			if
			:: tree & BIT(1) -> gather(i, 1)
			:: else -> batches = batches & ~BIT(i)
			fi
		fi;
		sub = 0; withdrawn = 0
	   }
	od
}

/* An entry changes: nobody may have a translation of it. */
inline change(i)
{
	atomic {
		assert(!(published[0] && (bounds[0] & RANGE(i))));
		assert(!(published[1] && (bounds[1] & RANGE(i))));
		entry[0] = entry[0] + (RANGE(i) & 1);
		entry[1] = entry[1] + ((RANGE(i) & 2) >> 1)
	}
}

proctype inv(byte i)
{
	byte g, sub, round;
	bit blocking, refused, withdrawn;

	do
	:: round == ROUNDS -> goto out
	:: else ->
		round++;
		if
		:: blocking = 1
		:: blocking = 0
		fi;
		mn_track(i, g);
		if
		:: g != NONE -> call_batches(i, g)
		:: else
		fi;
		if
		:: !refused -> change(i); change(i)
		:: else
		fi;
		if
		:: g != NONE -> atomic { lock[g] == 0 -> mn_untrack(i, g) }
		:: else
		fi;
		d_step { refused = 0; blocking = 0; g = 0 }
	od;
end_stuck:
	false;
out:	skip
}

#define MY	1	/* number of the range of release */

proctype release()
{
	byte g, sub;
	bit blocking, refused, withdrawn;

	blocking = 1;
	mn_track(MY, g);
	if
	:: g == NONE -> goto out
	:: else -> call_batches(MY, g)
	fi;
	do
	:: atomic {
		AWAKE(g, MY) ->
		touch(g);
		released = 1;
		if
#ifndef BROKEN_RELEASE_NO_WAIT
		:: batches != 0 -> mn_prepare(g, MY)
#endif
		:: else -> mn_untrack(MY, g); over = 1; break
		fi
	   }
	od;
end_stuck:
out:	skip
}

inline removes(g, p, j)
{
	atomic {
		lock[g] == 0 ->
		touch(g);
		tree = tree & ~BIT(j);
		k = 0;
		do
		:: k < NI && IN_FLIGHT(k, g) && (batches & BIT(k)) &&
		   batch[k] == j ->
			batch[k] = NONE; hit = 1; k++
		:: k < NI && !(IN_FLIGHT(k, g) && (batches & BIT(k)) &&
			       batch[k] == j) -> k++
		:: k == NI -> break
		od;
		k = 0;
		if
		:: hit -> mn_wait_begin(g, p)
		:: else -> mn_drop(g); give_back(j)
		fi
	}
	if
	:: hit ->
		mn_wait_called(g, p, j, hit);
		atomic { mn_drop(g); give_back(j) }
	:: else
	fi
}

/* The ranges in flight that overlap subscriber j. */
#ifdef BROKEN_WAITS_FOR_ALL
#define OVERLAPS(i, j)	(inflight & BIT(i))
#else
#define OVERLAPS(i, j)	((bounds[j] & RANGE(i)) -> (inflight & BIT(i)) : 0)
#endif
#define BUSY(j)		(OVERLAPS(0, j) | OVERLAPS(1, j))

inline read_begin(g, p, j)
{
	atomic {
		lock[g] == 0 ->
		touch(g);
		seen = sub_num[j];
#ifndef BROKEN_NO_WAIT
		pend[p] = BUSY(j);
#endif
		hit = (pend[p] != 0)
	}
	if
	:: hit ->
		pend[p] == 0;
		atomic {
			lock[g] == 0 ->
			touch(g);
			hit = 0;
			if
#ifdef BROKEN_ALWAYS_FRESH
			:: 1 -> seen = sub_num[j]
#else
			:: BUSY(j) == 0 -> seen = sub_num[j]
			:: else
#endif
			fi
		}
	:: else
	fi
}

/* Reads address a, which the subscription covers. */
proctype reader(byte me; byte j; byte a)
{
	byte g, seen, value;
	bit hit, same;

#ifdef INSERTS
	mn_hold(g, me, 1);
	atomic {
		lock[g] == 0 ->
		touch(g);
		alive = alive | BIT(j);
		last_num++;
		sub_num[j] = last_num;
		tree = tree | BIT(j)
	}
#endif
	do
	:: read_begin(g, me, j);
	   value = entry[a];
#ifdef BROKEN_LOOKS_TOO_EARLY
	   same = (sub_num[j] == seen);
#endif
	   atomic {
		user_lock[j] == 0 ->
#ifndef BROKEN_LOOKS_TOO_EARLY
		same = (sub_num[j] == seen);
#endif
		if
		:: same ->
			assert(value == entry[a]);
			published[j] = 1;
			break
		:: else -> seen = 0; value = 0
		fi
	   }
	od;
	atomic { same = 0; seen = 0; value = 0 }
	/* The user drops its translations before it removes. */
	published[j] = 0;
	removes(g, me, j)
}

proctype remover(byte me; byte j)
{
	byte g;
	bit hit;

	removes(g, me, j)
}

/* A subscriber that is there from the beginning. */
#define is_there(j)	tree = tree | BIT(j); alive = alive | BIT(j); users[0]++; \
			last_num++; sub_num[j] = last_num

init {
	atomic {
		pub = 0;
		bounds[0] = BOUNDS0;
		bounds[1] = BOUNDS1;
		is_there(1);
#ifndef INSERTS
		is_there(0);
#endif
#ifdef RELEASE
		run release();
		run remover(NI, 0);
		run remover(NI + 1, 1);
#else
		run reader(NI, 0, 0);
#ifndef STUCK
		run remover(NI + 1, 1);
		users[0]++;
#endif
		run inv(1);
#endif
		run inv(0)
	}
}
