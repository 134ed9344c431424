/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Invalidations, and list subscribers that come and go.
 *
 *	process		stands for
 *	inv		mmu_notifier_invalidate_range_start(), a change of the
 *			page table, mmu_notifier_invalidate_range_end(), under
 *			a lock of the reverse map, as often as ROUNDS says;
 *			blocking, or not and then possibly refused
 *	ager		a callout that must not sleep (mmu_notifier_young.c)
 *	user		what SCENARIO says: mmu_notifier_register(),
 *			_unregister(), _get(), _put()
 *	worker		mn_put_work()
 *	exit_mm		__mmu_notifier_release()
 *	final		nobody; looks at what is left when all have stopped
 *
 * inline		stands for
 *	mn_next		the same, in three steps: section and load of todo; load
 *			of the slot, store of calling and end of the section;
 *			wake-up
 *	list_start	mn_list_start()
 *	call_ends	mn_call_ends()
 *	list_end	mn_list_end(), mn_take_over(), mn_untrack()
 *	withdraw	mn_slot_withdraw()
 *	take_debt	mn_take_debt()
 *	settle_begin	mn_settle(), up to the first time that it unlocks
 *	settle_turn	one pass of the loop in mn_slot_settle()
 *	settle		the rest of them
 *
 * What holds, by assertion:
 *	- each start that succeeded gets one end (owes, and list_end);
 *	- no callout runs on a subscriber, or begins, after unregister has
 *	  returned, registration has failed, or free_notifier was called;
 *	- when the page table changes, each subscriber in force was called;
 *	- the subscriptions are not touched once they may be freed; they are
 *	  freed once, and none is left over;
 * and, since nothing may be left waiting at the end (spin's invalid end state):
 *	- there is no deadlock and no lost wake-up;
 *	- who leaves waits for no callout but its own: in scenario STUCK those of
 *	  subscriber 1 may sleep for ever, and that is the only valid end that
 *	  is not the end of a process.
 *
 * Assumed: memory is sequentially consistent (the orders that the code has to
 * ask for are in Documentation/mm/mmu_notifier-litmus/).  All ranges overlap.
 * models.py says how many invalidators and rounds each scenario has.
 * Every subscriber has a start, an end and a slot; there are two slots, and
 * three subscribers at most.  Registration's sequence numbers, mmgrab() and
 * slotless subscribers are left out.  That something happens at last is not
 * shown: an owner and a leaver that cross each other (mn_take_over()) can do so
 * any number of times, as far as fairness goes.
 */
#define NSLOT		2
#define SLOT(g, s)	slot[(g) * NSLOT + (s)]
#define ALL		3	/* all slots */

/* mn_track() */
#define TRACKED(i, g)	todo[i] = live[g]; owed[i] = 0; paid[i] = 0; \
			calling[i] = NONE
#include "machine.pml"

/* struct mmu_notifier_subscriptions */
byte live[NG], ends[NG], slots[NG];
byte slot[NG * NSLOT] = 15;
byte list[NG];		/* subscribers on the list, as bits */
byte ready;		/* generations */
byte generations;

/* struct mmu_notifier_range */
byte todo[NI], owed[NI], paid[NI];

/* struct mmu_notifier: subscribers, as bits, but for the slot */
byte claimed, by_put, leaving, gone;
byte slot_of[NS];
byte gets[NS];		/* sub->users */

bit mmap_lock;
byte sections;		/* invalidators in a section, each under its own lock */
byte queued;		/* subscribers for the worker */
bit exiting;

/* Nobody looks at these but the assertions. */
byte in_force;		/* registered, and not yet told to drop everything */
byte called[NI];	/* who was called by the start of this range */
byte owes[NI];		/* starts that succeeded and had no end yet */

#ifdef STUCK
#define STUCK_HERE(sub)	if :: sub == 1 -> goto end_stuck :: 1 fi;
#else
#define STUCK_HERE(sub)
#endif

#define LOWEST(bits)	((bits) & 1 -> 0 : 1)

inline mn_next(i, g, left, seen, now, sub)
{
	atomic {
#ifndef BROKEN_CALLING_LATE
		rcu_enter(i);
#endif
		now = todo[i];
#ifndef BROKEN_NO_TODO_CHECK
		left = left & now
#endif
	}
	atomic {
		if
		:: left != 0 ->
			sub = SLOT(g, LOWEST(left));
			assert(sub != NONE);
			callout(sub)
		:: else -> sub = NONE
		fi;
		calling[i] = sub;
		rcu_exit(i)
	}
	if
#ifndef BROKEN_NO_WAKE
	:: d_step { now != seen -> seen = now; wake_up_all(g) }
#endif
	:: else
	fi
}

/* Take a bit from left, and put it to the account or take it from there. */
#define noted(i, bits)	owed[i] = bits; left = left & (left - 1)

inline list_start(i, g)
{
	atomic { left = ALL; seen = todo[i] }
	do
	:: mn_next(i, g, left, seen, now, sub);
	   if
	   :: left == 0 -> break
	   :: else
	   fi;
	   STUCK_HERE(sub)
	   if
	   :: d_step {
		returned(sub);
		called[i] = called[i] | BIT(sub);
		assert(!(owes[i] & BIT(sub)));
		owes[i] = owes[i] | BIT(sub);
		noted(i, owed[i] | BIT(LOWEST(left)))
	      }
	   :: d_step { !blocking -> returned(sub); refused = 1; left = 0 }
	   fi
	od
}

inline call_ends(i, g)
{
	seen = todo[i];
	do
	:: mn_next(i, g, left, seen, now, sub);
	   if
	   :: left == 0 -> break
	   :: else
	   fi;
	   STUCK_HERE(sub)
	   d_step {
		returned(sub);
		assert(owes[i] & BIT(sub));
		owes[i] = owes[i] & ~BIT(sub);
		noted(i, owed[i] & ~BIT(LOWEST(left)))
	   }
	od
}

inline list_end(i, g)
{
	again = 0;
#ifdef BROKEN_TESTS_AGAIN
	left = live[g] & ends[g];
#else
	left = owed[i] & ends[g];
#endif
	do
	:: left != 0 -> call_ends(i, g)
	:: else ->
		atomic {
			lock[g] == 0 ->
			lock[g] = 1;
			touch(g);
			if
#ifndef BROKEN_NO_TAKE_OVER_WAKE
			:: again -> wake_up_all(g)
#endif
			:: else
			fi;
#ifdef BROKEN_NO_TAKE_OVER
			left = 0;
#elif defined(BROKEN_PAID_IGNORED)
			left = owed[i] & ends[g];
#else
			left = owed[i] & ~paid[i] & ends[g];
#endif
			if
			:: left == 0 -> break
			:: else -> todo[i] = left; again = 1; lock[g] = 0
			fi
		}
	od;
	atomic {
		assert(owes[i] == 0);
		called[i] = 0;
		again = 0; left = 0; seen = 0; now = 0; sub = 0
	}
	mn_untrack(i, g)
}

/* The page table changes: who has translations has been called. */
#define change(i)	assert((in_force & ~called[i]) == 0)

proctype inv(byte i)
{
	byte g, left, seen, now, sub, round;
	bit blocking, refused, again;

	do
	:: round == ROUNDS -> goto out
	:: else ->
		round++;
		if
		:: blocking = 1
#ifndef ALL_BLOCK
		:: blocking = 0
#endif
		fi;
		sections = sections | BIT(i);
		mn_track(i, g);
		if
		:: g != NONE -> list_start(i, g)
		:: else
		fi;
		if
		:: !refused -> change(i); change(i)
		:: else
		fi;
		if
		:: g != NONE -> list_end(i, g)
		:: else
		fi;
		d_step {
			sections = sections & ~BIT(i);
			blocking = 0; refused = 0; g = 0
		}
	od;
end_stuck:
	false;
out:	skip
}

#ifdef AGER
proctype ager(byte me)
{
	byte g, j;
	bit hit;

	d_step { rcu_enter(me); g = pub }
	do
	:: g == NONE || j == NS -> break
	:: else ->
		atomic {
			touch(g);
			if
			:: (list[g] & ~leaving & BIT(j)) -> callout(j); hit = 1
			:: else
			fi
		}
		if
		:: d_step { hit -> returned(j); hit = 0 }
		:: else
		fi;
		j++
	od;
	atomic { rcu_exit(me) }
}
#endif

inline withdraw(g, bits)
{
	k = 0;
	hit = 0;
	do
	:: k < NI && IN_FLIGHT(k, g) && (todo[k] & bits) ->
		todo[k] = todo[k] & ~bits;
		hit = 1;
		k++
	:: k < NI && !(IN_FLIGHT(k, g) && (todo[k] & bits)) -> k++
	:: k == NI -> break
	od;
	k = 0
}

#ifdef BROKEN_NOT_PAID
#define MARKS(bits)	0
#else
#define MARKS(bits)	(bits)
#endif

inline take_debt(g, j, bits)
{
	k = 0;
	debt = 0;
	do
	:: k < NI && !debt && IN_FLIGHT(k, g) && !(paid[k] & bits) ->
		paid[k] = paid[k] | MARKS(bits);
		if
		:: owed[k] & bits ->
			debt = 1;
			/* From here on the end is certain to come. */
			assert(owes[k] & BIT(j));
			owes[k] = owes[k] & ~BIT(j)
		:: else
		fi;
		k++
	:: k < NI && !debt && !(IN_FLIGHT(k, g) && !(paid[k] & bits)) -> k++
	:: k == NI || debt -> break
	od;
	k = 0
}

/*
 * Once round the loop of mn_slot_settle(), under the lock.  It is kept if there
 * is nothing more to do; else it is dropped, and hit says that callouts have to
 * be waited for, debt that an end is being called.
 */
inline settle_turn(g, p, j)
{
	bits = BIT(slot_of[j]);
	debt = 0;
	withdraw(g, bits);
	if
	:: hit -> mn_wait_begin(g, p)
	:: else ->
		take_debt(g, j, bits);
		if
		:: debt -> lock[g] = 0; callout(j)
		:: else ->
			SLOT(g, slot_of[j]) = NONE;
			ends[g] = ends[g] & ~bits;
			slots[g] = slots[g] & ~bits;
			list[g] = list[g] & ~BIT(j)
		fi
	fi;
	bits = 0
}

/* mn_settle() up to there. */
inline settle_begin(g, p, j)
{
	leaving = leaving | BIT(j);
#ifndef BROKEN_STAYS_LIVE
	live[g] = live[g] & ~BIT(slot_of[j]);
#endif
	settle_turn(g, p, j)
}

/* The rest. */
inline settle(g, p, j)
{
	do
	:: hit ->
		mn_wait_called(g, p, j, hit);
		atomic { settle_turn(g, p, j) }
	:: debt ->
		atomic {
			lock[g] == 0 ->
			lock[g] = 1;
			touch(g);
			returned(j);
			settle_turn(g, p, j)
		}
	:: !hit && !debt -> break
	od
}

#include "register.pml"
#include "scenarios.pml"
