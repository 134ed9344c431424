/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The third part of list.pml: who comes and goes, and together with whom.
 */

#if defined(EXIT) || defined(GETPUT)
/* mn_put_work().  It is not run at all if nobody puts. */
proctype worker(byte me; byte j)
{
	byte g, bits;
	bit hit, debt, ours;

	atomic {
		(queued & BIT(j)) && lock[g] == 0 ->
		touch(g);
		ours = (by_put & BIT(j)) != 0;
		if
		:: ours -> lock[g] = 1; settle_begin(g, me, j)
		:: else
		fi
	}
	if
	:: ours ->
		settle(g, me, j);
		/* free_notifier before mn_drop() is the same here. */
		departs(g, me, j)
	:: else ->
		wait_gone(g, me, j);
		atomic { lock[g] == 0 -> mn_drop(g); give_back(j) }
	fi
}
#endif

/* mn_claim_for_exit(): sets j, or NONE.  Under the lock. */
#ifdef BROKEN_EXIT_SHARES
#define TAKES_OVER
#else
#define TAKES_OVER	by_put = by_put & ~BIT(j);
#endif
#define MAY_CLAIM(g, j)	((list[g] & BIT(j)) && (!(claimed & BIT(j)) || \
			 ((by_put & BIT(j)) && !(leaving & BIT(j)))))
inline claim_for_exit(g, j, releases)
{
	j = (MAY_CLAIM(g, 1) -> 1 : (MAY_CLAIM(g, 0) -> 0 : NONE));
	if
	:: j != NONE ->
		releases = !(claimed & BIT(j));
		claimed = claimed | BIT(j);
		TAKES_OVER
		if
		:: releases -> lock[g] = 0; callout(j)
		:: else -> settle_begin(g, me, j)
		fi
	:: else -> lock[g] = 0
	fi
}

#if defined(EXIT)
/* __mmu_notifier_release(): the mm has no user left, so nobody registers. */
proctype exit_mm(byte me)
{
	byte g, j, bits, done;
	bit hit, debt, releases;

	mn_hold(g, me, ready);
	if
	:: g == NONE -> goto out
	:: else
	fi;
	mn_lock(g);
	do
	:: atomic { claim_for_exit(g, j, releases) }
	   if
	   :: j == NONE -> break
	   :: j != NONE && releases ->
		atomic {
			lock[g] == 0 ->
			lock[g] = 1;
			touch(g);
			returned(j);
			in_force = in_force & ~BIT(j);
			settle_begin(g, me, j)
		}
	   :: else
	   fi;
	   settle(g, me, j);
	   done = done | BIT(j)
	od;
	do
	:: atomic {
		AWAKE(g, me) ->
		touch(g);
		if
		:: list[g] == 0 -> gp_begin(me); break
		:: else -> mn_prepare(g, me)
		fi
	   }
	od;
	GP_OVER(me);
	atomic {
		lock[g] == 0 ->
		gone = gone | done;
		wake_up_all(g);
		mn_drop(g)
	}
	assert(in_force == 0);
out:	skip
}
#endif

#if !defined(REPLACE) && !defined(GETPUT)
proctype unregister(byte me; byte j)
{
	byte g, bits;
	bit hit, debt, ours;

	unregisters(g, me, j)
}
#endif

#if defined(REPLACE)
/* One leaves, and another comes, for whom the slot may be the same. */
proctype replace(byte me; byte j; byte next)
{
	byte g, bits;
	bit hit, debt, ours, failed;

	unregisters(g, me, j);
	registers(g, me, next)
}
#endif

#if defined(FIRST)
/* One comes and goes, perhaps in an mm that has none (any more). */
proctype come_and_go(byte me; byte j)
{
	byte g, bits;
	bit hit, debt, ours, failed;

	registers(g, me, j);
	if
	:: failed
	:: else -> unregisters(g, me, j)
	fi
}
#endif

#if defined(EXIT) || defined(GETPUT)
proctype put(byte j)
{
	byte g;

	puts(g, j)
}

#ifdef GETPUT
/* mmu_notifier_get() and _put(): finds subscriber j, or makes another. */
proctype get(byte me; byte j; byte next)
{
	byte g, bits, got;
	bit hit, debt, failed;

	mn_hold(g, me, ready);
	if
	:: g != NONE ->
		mn_lock(g);
		if
		:: d_step {
			(list[g] & BIT(j)) && !(claimed & BIT(j)) ->
			gets[j]++; got = j
		   }
		:: else -> got = next
		fi;
		mn_drop(g)
	:: else -> got = next
	fi;
	if
	:: got == j ->
		/* It is ours to use now. */
		assert(alive & BIT(j));
		puts(g, j)
	:: else -> registers(g, me, next)
	fi
}
#endif
#endif

/* When all have stopped: nothing is left over but what is still in use. */
#define SETTLED(g)	(users[g] == 0 -> (generations <= g || \
			 (freeing & BIT(g))) : pub == (g))
proctype final()
{
	timeout;
#ifndef STUCK
	assert(inflight == 0 && rcu == 0);
	assert(SETTLED(0) && SETTLED(1))
#endif
}

#define USER	NI

init {
	atomic {
#if defined(LEAVE) || defined(STUCK)
		/* Subscriber 0 leaves; so does 1, unless it may be stuck. */
		is_there(0, 0);
		is_there(0, 1);
		run unregister(USER, 0);
#ifdef LEAVE
		run unregister(USER + 1, 1);
#endif
#endif
#ifdef REPLACE
		users[0]++;
		is_there(0, 0);
		run replace(USER, 0, 2);
#endif
#ifdef FIRST
		is_there(0, 0);
		run unregister(USER, 0);
		run come_and_go(USER + 1, 2);
#endif
#ifdef EXIT
		is_there(0, 0);
		is_there(0, 1);
		run exit_mm(USER);
		run unregister(USER + 1, 0);
		run worker(USER + 2, 1);
		run put(1);
#endif
#ifdef GETPUT
		is_there(0, 0);
		run put(0);
		run worker(USER + 1, 0);
		run get(USER, 0, 2);
#endif
#ifdef AGER
		run ager(NP - 1);
#endif
		run inv(0);
#if NI > 1
		run inv(1);
#endif
		run final()
	}
}
