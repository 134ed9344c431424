/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The second part of list.pml: to register, to unregister, to put.
 */

/* mn_list_join(): from the top, as in mn_slot_join().  Under the lock. */
inline list_join(g, j)
{
	claimed = claimed & ~BIT(j);
	by_put = by_put & ~BIT(j);
	leaving = leaving & ~BIT(j);
	gone = gone & ~BIT(j);
	assert(slots[g] != ALL);
	slot_of[j] = ((slots[g] & 2) -> 0 : 1);
	slots[g] = slots[g] | BIT(slot_of[j]);
	live[g] = live[g] | BIT(slot_of[j]);
	ends[g] = ends[g] | BIT(slot_of[j]);
	SLOT(g, slot_of[j]) = j;
	list[g] = list[g] | BIT(j)
}

/* A subscriber that is there from the beginning. */
inline is_there(g, j)
{
	list_join(g, j);
	pub = g;
	generations = g + 1;
	ready = ready | BIT(g);
	users[g]++;
	gets[j] = 1;
	alive = alive | BIT(j);
	in_force = in_force | BIT(j)
}

/* mn_join(): others are there. */
inline join(g, p, j)
{
	atomic {
		lock[g] == 0 ->
		touch(g);
		list_join(g, j);
		d_step {
			k = 0;
			do
			:: k < NI && IN_FLIGHT(k, g) ->
				pend[p] = pend[p] | BIT(k); k++
			:: k < NI && !IN_FLIGHT(k, g) -> k++
			:: k == NI -> break
			od;
			k = 0
		}
	}
#ifndef BROKEN_NO_WAIT_RANGES
	if
	:: pend[p] == 0
	:: MAY_SIGNAL -> failed = 1
	fi;
#endif
	atomic { lock[g] == 0 -> touch(g); pend[p] = 0 }
}

/* mn_found() with mn_flush_untracked(): the first of the mm. */
inline found(g, j)
{
	d_step {
		g = generations;
		generations++;
		users[g] = 1;
		list_join(g, j)
	}
	pub = g;
#ifndef BROKEN_NO_FLUSH
	do
	:: !failed && bits < NI && !(sections & BIT(bits)) -> bits++
	:: MAY_SIGNAL && !failed && bits < NI -> failed = 1
	:: failed || bits == NI -> break
	od;
#endif
	bits = 0;
	if
	:: failed
	:: else -> atomic { lock[g] == 0 -> ready = ready | BIT(g) }
	fi
}

/* mmu_notifier_register(): failed says what came of it. */
inline registers(g, p, j)
{
	d_step { alive = alive | BIT(j); gets[j] = 1; failed = 0 }
	mn_hold(g, p, ready);
	if
	:: g != NONE -> join(g, p, j)
	:: else -> found(g, j)
	fi;
	if
	:: !failed -> in_force = in_force | BIT(j)
	:: else ->
		/* mn_unjoin() */
		atomic {
			lock[g] == 0 ->
			lock[g] = 1;
			touch(g);
			claimed = claimed | BIT(j);
			settle_begin(g, p, j)
		}
		settle(g, p, j);
		departs(g, p, j)
	fi
}

/*
 * Settled, with the lock: a grace period, and the use of the subscriptions is
 * given up.
 */
inline departs(g, p, j)
{
	d_step {
		wake_up_all(g);
		lock[g] = 0;
#ifndef BROKEN_NO_LAST_GRACE_PERIOD
		gp_begin(p)
#endif
	}
	GP_OVER(p);
	atomic { lock[g] == 0 -> mn_drop(g); give_back(j) }
}

/* Waits, from the first look on, until exit has done it. */
inline wait_gone(g, p, j)
{
	do
	:: atomic {
		AWAKE(g, p) ->
		touch(g);
		if
		:: gone & BIT(j) -> break
		:: else -> mn_prepare(g, p)
		fi
	   }
	od
}

/* mmu_notifier_unregister() */
inline unregisters(g, p, j)
{
	atomic {
		lock[g] == 0 ->
		touch(g);
		ours = !(claimed & BIT(j));
		claimed = claimed | BIT(j);
		if
		:: ours -> callout(j)
		:: else
		fi
	}
	if
	:: ours ->
		/* release */
		atomic {
			lock[g] == 0 ->
			lock[g] = 1;
			touch(g);
			returned(j);
			in_force = in_force & ~BIT(j);
			settle_begin(g, p, j)
		}
		settle(g, p, j);
		departs(g, p, j)
	:: else ->
		wait_gone(g, p, j);
		atomic { lock[g] == 0 -> mn_drop(g); give_back(j) }
	fi
}

/* mmu_notifier_put() */
inline puts(g, j)
{
	atomic {
		lock[g] == 0 ->
		touch(g);
		assert(gets[j] > 0);
		gets[j]--;
		if
		:: gets[j] == 0 ->
			in_force = in_force & ~BIT(j);
			if
			:: !(claimed & BIT(j)) ->
				claimed = claimed | BIT(j);
				by_put = by_put | BIT(j)
			:: else
			fi;
			queued = queued | BIT(j)
		:: else
		fi
	}
}
