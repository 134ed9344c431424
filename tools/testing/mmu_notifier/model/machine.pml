/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What list.pml and interval.pml share: the lock, RCU, wait queues, tickets,
 * lifetimes.  One memory for all, and each statement here is one step.
 *
 * Names and their counterparts:
 *
 *	mn_lock, mn_unlock	the same.  Taking it asserts that the memory it
 *				lies in is not freed yet.
 *	rcu_enter, rcu_exit	rcu_read_lock(), rcu_read_unlock()
 *	gp_begin, GP_OVER	the two halves of synchronize_rcu() and
 *				synchronize_rcu_expedited().  A grace period is
 *				over when each section that was open at its
 *				beginning has ended, and no sooner nor later.
 *	kfree_rcu		the same.  From the moment when the grace period
 *				is over any touch is an error, which is the
 *				earliest that the kernel may free it.
 *	mn_prepare, AWAKE	prepare_to_wait(); schedule() with the lock
 *				dropped before and taken again after it
 *	wake_up_all		the same
 *	pend[p]			the ranges for which the registered ticket of
 *				process p waits
 *
 * Steps.  Sections are entered together with the first load in them, left together
 * with the last store, and a grace period begins together with the unlock
 * before it.  In all three the grace period is as short as it can be, so
 * nothing that it allows is lost.  A walk over the ranges in flight is one
 * step: each owner touches its own range only and cannot get the lock, so what
 * the owners do meanwhile can as well have been done before or after.  For the
 * same reason a callout begins together with the store of 'calling' and returns
 * together with the note of what is owed: it runs longer than in truth, so
 * nobody can mistake it for over who did not before.
 *
 * Processes are numbered: invalidators from 0, then the others, ME each.
 */
#define BIT(n)		(1 << (n))
#define NONE		15	/* no subscriber, no generation */

#ifndef NI
#define NI		2	/* invalidators */
#endif
#define NP		6	/* processes that read or wait under RCU */
#define NG		2	/* generations of the subscriptions of one mm */
#define NS		3	/* subscribers */
#define FREES(g)	(NP + (g))	/* who waits in kfree_rcu() */

/* struct mmu_notifier_subscriptions, by generation */
byte pub = NONE;	/* mm->notifier_subscriptions */
bit lock[NG];
byte users[NG];
byte asleep[NG];	/* processes on the wait queue, as bits */

/* struct mmu_notifier_range, by invalidator */
byte inflight;		/* the ranges in flight, as bits */
byte gen[NI];		/* range->subs */
byte calling[NI] = NONE;
byte pend[NP];

/* RCU: who is in a section, and who waits for that section to end */
byte rcu;
byte hold[NP];
byte freeing;		/* generations given to kfree_rcu() */

/* Nobody looks at these but the assertions. */
byte alive;		/* subscribers that the core may touch, as bits */
byte running[NS];	/* callouts running on each */
hidden byte k;

#define HELD		(hold[0] | hold[1] | hold[2] | hold[3] | hold[4] | hold[5])
#define GP_OVER(p)	((HELD & BIT(p)) == 0)
#define FREED(g)	((freeing & BIT(g)) && GP_OVER(FREES(g)))
#define IN_FLIGHT(r, g)	((inflight & BIT(r)) && gen[r] == (g))
#define ANY_IN_FLIGHT(g) (IN_FLIGHT(0, g) || IN_FLIGHT(NI - 1, g))

#define touch(g)	assert(!FREED(g))
#define mn_lock(g)	atomic { lock[g] == 0 -> lock[g] = 1; touch(g) }
#define mn_unlock(g)	lock[g] = 0

/* Within d_step, as part of another step. */
#define rcu_enter(p)	rcu = rcu | BIT(p)
#define rcu_exit(p)	rcu = rcu & ~BIT(p); hold[p] = 0

inline gp_begin(p)
{
	k = 0;
	do
	:: k < NP && (rcu & BIT(k)) -> hold[k] = hold[k] | BIT(p); k++
	:: k < NP && !(rcu & BIT(k)) -> k++
	:: k == NP -> break
	od;
	k = 0
}

inline kfree_rcu(g)
{
	/* Once, and nobody waits who would never be woken. */
	assert(!(freeing & BIT(g)) && asleep[g] == 0);
	freeing = freeing | BIT(g);
#ifndef BROKEN_FREE_NO_RCU
	gp_begin(FREES(g))
#endif
}

/* Unlocks as well. */
inline mn_maybe_free(g)
{
	lock[g] = 0;
	if
#ifdef BROKEN_EARLY_FREE
	:: users[g] == 0 && !(freeing & BIT(g)) -> kfree_rcu(g)
#else
	:: users[g] == 0 && !ANY_IN_FLIGHT(g) -> kfree_rcu(g)
#endif
	:: else
	fi
}

/* Entered with the lock. */
inline mn_drop(g)
{
	d_step {
		touch(g);
		users[g]--;
		if
		:: users[g] == 0 -> pub = NONE
		:: else
		fi;
		mn_maybe_free(g)
	}
}

/* wait_event_cmd(): "mn_prepare; look", until it is mn_awake with what it wants. */
#define mn_prepare(g, p)	asleep[g] = asleep[g] | BIT(p)
#define mn_awake(g, p)		asleep[g] = asleep[g] & ~BIT(p)
#define AWAKE(g, p)		(!(asleep[g] & BIT(p)) && lock[g] == 0)
#define wake_up_all(g)		touch(g); asleep[g] = 0

/*
 * mn_track(): sets g, or NONE.  What the model's TRACKED() adds is done under
 * the same hold of the lock, which is dropped on return.
 */
inline mn_track(i, g)
{
	d_step { rcu_enter(i); g = pub }
	if
	:: g != NONE ->
		atomic {
			lock[g] == 0 ->
			touch(g);
			if
			:: users[g] > 0 ->
				inflight = inflight | BIT(i);
				gen[i] = g;
				TRACKED(i, g)
			:: else -> g = NONE
			fi;
			rcu_exit(i)
		}
	:: d_step { g == NONE -> rcu_exit(i) }
	fi
}

/* mn_untrack(): completes the tickets that waited for this range. */
inline mn_untrack(i, g)
{
	d_step {
		touch(g);
		inflight = inflight & ~BIT(i);
		pend[NI] = pend[NI] & ~BIT(i);
		pend[NI + 1] = pend[NI + 1] & ~BIT(i);
		pend[NP - 1] = pend[NP - 1] & ~BIT(i);
		mn_maybe_free(g)
	}
}

/* mn_hold(): one more user of generation g, or NONE. */
inline mn_hold(g, p, isready)
{
	d_step { rcu_enter(p); g = pub }
	if
	:: g != NONE ->
		atomic {
			lock[g] == 0 ->
			touch(g);
			if
			:: users[g] > 0 && (isready & BIT(g)) -> users[g]++
			:: else -> g = NONE
			fi;
			rcu_exit(p)
		}
	:: d_step { g == NONE -> rcu_exit(p) }
	fi
}

/* mn_is_called(): sets hit. */
inline mn_is_called(g, sub, hit)
{
	k = 0;
	do
	:: k < NI ->
#ifdef BROKEN_WAITS_FOR_ALL
		hit = hit || (IN_FLIGHT(k, g) && calling[k] != NONE);
#else
		hit = hit || (IN_FLIGHT(k, g) && calling[k] == sub);
#endif
		k++
	:: k == NI -> break
	od;
	k = 0
}

/* mn_wait_called(), first half: unlocks. */
inline mn_wait_begin(g, p)
{
	lock[g] = 0;
#ifndef BROKEN_NO_GRACE_PERIOD
	gp_begin(p)
#endif
}

/* The second: entered without the lock; with it when hit is false. */
inline mn_wait_called(g, p, sub, hit)
{
	do
	:: atomic {
		GP_OVER(p) && AWAKE(g, p) ->
		touch(g);
		mn_prepare(g, p);
		hit = 0;
		mn_is_called(g, sub, hit);
		if
		:: hit
		:: else -> mn_awake(g, p); lock[g] = 1; break
		fi
	   }
	od
}

/* A callout comes; it goes, having done what it does. */
#define callout(sub)	assert(alive & BIT(sub)); running[sub]++
#define returned(sub)	running[sub]--
/* The memory of a subscriber is its owner's again. */
#define give_back(sub)	assert(running[sub] == 0); alive = alive & ~BIT(sub)
