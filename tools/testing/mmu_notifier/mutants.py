#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Break the core in known ways, and see each named test notice.

Every mutant is a copy of the core with one piece of text replaced.  A text that
does not stand there exactly once is an error: the table has to follow the core.
A mutant is caught if its test fails, hangs, or a sanitizer stops it; the same
test has to pass on the core as it is.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
from typing import NamedTuple

HANG_S = 8


class Mutant(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    test: str
    build: str = "plain"


START = "mm/mmu_notifier.c"
SHARED = "mm/mmu_notifier_internal.h"
REGISTER = "mm/mmu_notifier_register.c"
SLOTLESS = "mm/mmu_notifier_slotless.c"
INTERVAL = "mm/mmu_notifier_interval.c"
FILTER = "mm/mmu_notifier_filter.c"
AGE = "mm/mmu_notifier_age.c"
BATCH = "mm/mmu_notifier_age_batch.c"
TRACKER = "mm/range_tracker.c"

MUTANTS = [
    Mutant("end leaves the note standing", START,
           "owed &= ~(left ^ rest);", ";",
           "end_is_called_once"),
    Mutant("an owner passes over who is leaving", START,
           "left = range->owed & ~range->paid & subs->ends;\n	if (unlikely",
           "left = range->owed & ~range->paid & subs->ends & subs->live;\n"
           "	if (unlikely", "leave_late"),
    Mutant("an owner does not look for what was withdrawn", START,
           "	if (unlikely(left))\n		mn_take_over(range, left);", "",
           "leave_late"),
    Mutant("an owner that takes over wakes nobody", START,
           "		wake_up_all(&subs->wq);\n		left =", "		left =",
           "leave_taken_over"),
    Mutant("a refusal counts as a callout that runs", START,
           "			rest = 0;\n			continue;",
           "			return -EAGAIN;", "leave_refused"),
    Mutant("a failed start is not taken back", START,
           "	mn_list_end(range);\n	mn_slotless_end(range, failed);",
           "	mn_lock(subs);", "rollback"),
    Mutant("the choice is not read again before a call", START,
           "*left &= todo;",
           "*left &= *left == U64_MAX ? todo : U64_MAX;",
           "pair_stress"),
    Mutant("who is called is said too late", START,
           "	mn_calling(range, *sub);\n	rcu_read_unlock();",
           "	rcu_read_unlock();\n	mn_calling(range, *sub);",
           "leave_said"),
    Mutant("(H) is no release", SHARED,
           "smp_store_release(&range->calling, sub);",
           "WRITE_ONCE(range->calling, sub);", "leave_order", "tsan"),
    Mutant("(H) is no acquire", START,
           "smp_load_acquire(&range->calling) == sub",
           "READ_ONCE(range->calling) == sub", "leave_order", "tsan"),
    Mutant("nobody wakes who waits for callouts", START,
           "if (unlikely(todo != *seen)) {", "if (0) {",
           "leave_started"),
    Mutant("nobody wakes who waits for an interval's callout", INTERVAL,
           "if (unlikely(withdrawn))", "if (0)", "leaving_waits"),
    Mutant("nobody wakes an exit that waits for batches", INTERVAL,
           "if (unlikely(subs->released))", "if (0)", "exit_batch"),
    Mutant("no grace period before 'calling' is believed", START,
           "	synchronize_rcu_expedited();\n	mn_lock(subs);", "	mn_lock(subs);",
           "leave_chosen"),
    Mutant("unpinning wakes nobody", SLOTLESS,
           "wake_up_all(&subs->wq);", ";", "leave_slotless"),
    Mutant("slotless do not wait for ranges", SLOTLESS,
           "mn_wait_ranges(subs, TASK_UNINTERRUPTIBLE);", ";", "slots_70"),
    Mutant("debts are not paid", REGISTER,
           "} else if (mn_take_debt(subs, bit, &copy)) {", "} else if (0) {",
           "debt"),
    Mutant("a slot is not withdrawn", REGISTER,
           "if (mn_slot_withdraw(subs, sub)) {", "if (0) {", "leaving_waits"),
    Mutant("callouts are not waited for", START,
           "mn_wait(subs, !mn_is_called(subs, sub));", "", "leaving_waits"),
    Mutant("no grace period for aging", REGISTER,
           "mn_unlock(subs);\n\tif (ours)\n\t\tsynchronize_rcu_expedited();",
           "mn_unlock(subs);", "young_is_waited_for"),
    Mutant("aging that sleeps takes no pin", AGE,
           "		sub->pins++;", "",
           "leaving_waits_for_its_age"),
    Mutant("aging that sleeps calls who is leaving", AGE,
           "		    sub->leaving || !mn_ages(sub, aging))",
           "		    !mn_ages(sub, aging))", "leaving_waits_for_its_age"),
    Mutant("subscribers that sleep are called under RCU", AGE,
           "sleepers = true;", "young |= mn_age_one(sub, aging);",
           "agers_come_and_go"),
    Mutant("joining does not wait", REGISTER,
           "if (subs->tracker.nr)", "if (0)", "register_waits"),
    Mutant("the last user leaves the pointer", REGISTER,
           "RCU_INIT_POINTER(mm->notifier_subscriptions, NULL);", ";",
           "register_basic"),
    Mutant("exit does not say that it is through", REGISTER,
           "done->gone = true;", ";", "exit_basic"),
    Mutant("remove does not look into batches", INTERVAL,
           "if (mn_interval_withdraw(subs, interval_sub))", "if (0)",
           "leaving_waits"),
    Mutant("the second batch begins anew", INTERVAL,
           "mn_interval(node)->id > batch->id", "1", "interval_batches"),
    Mutant("a batch that is over stays", INTERVAL,
           "range->batch = NULL;", ";", "exit_basic"),
    Mutant("a reader does not wait", INTERVAL,
           "last))\n\t\tgoto out_unlock;", "last) || 1)\n\t\tgoto out_unlock;",
           "interval_readers"),
    Mutant("a reader takes any number after the wait", INTERVAL,
           "if (!range_tracker_first(&subs->tracker, start, last))\n\t\tseq =",
           "seq =", "interval_later_range"),
    Mutant("a collision is not marked", TRACKER,
           "WRITE_ONCE(ticket->collided, true);", ";", "tracker_log"),
    Mutant("a later range is counted as waited for", TRACKER,
           "if (range_seq_after(range->seq, ticket->seq))", "if (0)",
           "tracker_model"),
    Mutant("a wrap is not allowed for", TRACKER,
           "if (range_seq_after(range->seq, ticket->seq))",
           "if (range->seq > ticket->seq)", "tracker_model"),
    Mutant("an end is not counted down", TRACKER,
           "if (!--ticket->pending)", "if (!ticket->pending)",
           "tracker_model"),
    Mutant("a range beyond the places is not found", TRACKER,
           "return to_range(interval_tree_iter_first(&tracker->active, start,\n"
           "						 last));", "return NULL;",
           "tracker_model"),
    Mutant("a place is given twice", TRACKER,
           "tracker->vacant &= tracker->vacant - 1;", ";", "tracker_model"),
    Mutant("a place is given once", TRACKER,
           "tracker->vacant |= BIT(range->place);", ";", "tracker_model"),
    Mutant("(C) is no release", TRACKER,
           "smp_store_release(&tracker->nr, tracker->nr - 1);",
           "WRITE_ONCE(tracker->nr, tracker->nr - 1);", "tracker_order",
           "tsan"),
    Mutant("(C) is no acquire", TRACKER,
           "return !smp_load_acquire(&tracker->nr);",
           "return !READ_ONCE(tracker->nr);", "tracker_order", "tsan"),
    Mutant("a lockless ticket ignores ranges in flight", TRACKER,
           "return !smp_load_acquire(&tracker->nr);", "return true;",
           "tracker_protocol"),
    Mutant("a log that is too short goes unnoticed", TRACKER,
           "> RANGE_TRACKER_LOG)", "> ~0UL)", "tracker_log"),
    Mutant("the log is not looked at", TRACKER,
           "seq != ticket->seq && !ret; seq--)", "0; seq--)", "tracker_tickets"),
    Mutant("a ticket taken under the lock ignores ranges in flight", TRACKER,
           "return !range_tracker_first(tracker, ticket->node.start,",
           "return 1 || !range_tracker_first(tracker, ticket->node.start,",
           "tracker_tickets"),
    Mutant("busy looks at nothing", TRACKER,
           "if (likely(!smp_load_acquire(&tracker->nr)))", "if (1)",
           "tracker_busy"),
    Mutant("unregister does not tell lockdep that it waits", REGISTER,
           "	might_sleep();\n	mn_waits_for_callouts();", "	might_sleep();",
           "unregister_in_start"),
    Mutant("unregister may wait for release", REGISTER,
           "	lock_map_acquire(&mn_release_map);\n	sub->ops->release(sub, mm);\n"
           "	lock_map_release(&mn_release_map);", "	sub->ops->release(sub, mm);",
           "unregister_in_release"),
    Mutant("exit calls intervals behind lockdep's back", INTERVAL,
           "		if (mn_has_intervals(range.subs))\n"
           "			mn_call_intervals(&range);",
           "		shim_self.nr_maps--;\n		mn_call_intervals(&range);\n"
           "		shim_self.nr_maps++;", "remove_in_exit"),
    Mutant("a failed registration keeps the mm", REGISTER,
           "	if (ret)\n		mmdrop(mm);", "	;", "register_fails"),
    Mutant("every event is told to all", START,
           "subs->live & subs->wants[range->event];", "subs->live;",
           "filter_events"),
    Mutant("addresses make no difference", START,
           "if (range->todo & subs->filtered)", "if (0)", "filter_basic"),
    Mutant("a slot stays filtered", REGISTER,
           "subs->filtered &= ~bit;", ";", "filter_slot"),
    Mutant("a filter that is gone is remembered", FILTER,
           "		if (sub->last_filter == &filter->node)\n			sub->last_filter = NULL;",
           "", "filter_basic"),
    Mutant("filters outlive their subscriber", REGISTER,
           "mn_filter_drop(subs, sub);", ";", "filter_after_all", "asan"),
    Mutant("a filter is looked up by its first page", FILTER,
           "interval_tree_iter_first(&sub->filters, range->start,\n"
           "					range->end - 1);",
           "interval_tree_iter_first(&sub->filters, range->start,\n"
           "					range->start);", "filter_basic"),
    Mutant("aging has no regard for addresses", AGE,
           "	return !sub->ops->filtered ||\n"
           "	       mn_in_hull(sub, aging->start, aging->end);",
           "	return true;", "age_by_address"),
    Mutant("neighbours of old pages are asked about", BATCH,
           "	    !any_young(aging->young, aging->start, aging->own_start,\n"
           "		       min(aging->own_end, aging->end)))",
           "	    0)", "neighbours"),
    Mutant("neighbours are not noted", BATCH,
           "		more(age, age->data);", "		;", "neighbours"),
    Mutant("bounds of filters have a gap for a moment", FILTER,
           "	struct rb_node *first = rb_first_cached(&sub->filters);",
           "	struct rb_node *first = rb_first_cached(&sub->filters);\n"
           "	WRITE_ONCE(sub->last_filtered, 0);",
           "age_beside_filters"),
    Mutant("bounds of filters do not grow", FILTER,
           "		interval_tree_insert(&filter->node, &subscription->filters);\n"
           "		mn_set_hull(subscription);",
           "		interval_tree_insert(&filter->node, &subscription->filters);\n"
           "		if (subscription->first_filtered == ULONG_MAX)\n"
           "			mn_set_hull(subscription);", "filter_basic"),
    Mutant("reclaim is somebody's own doing", FILTER,
           "current->flags & PF_MEMALLOC ||", "", "owner_basic"),
    Mutant("whoever changes the page table is the owner", FILTER,
           "if (scope->task != current)", "if (0)", "owner_basic"),
]


def run_test(program, mutant, args):
    """True if the test passes."""
    env = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
    done = subprocess.run([program, "-s", str(args.seed), "-t", str(HANG_S),
                           mutant.test], env=env, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def prepare(mutant, number, args):
    """A copy of the core with the one replacement; an error if not possible."""
    top = args.out / "mutants" / str(number)
    shutil.rmtree(top, ignore_errors=True)
    for folder in ("mm", "include"):
        shutil.copytree(args.top / folder, top / folder)
    source = top / mutant.file
    text = source.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"its text stands {text.count(mutant.old)} times in "
                         f"{mutant.file}, not once")
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    return top


def try_mutant(number, mutant, args):
    """None if the mutant is caught, or what is wrong."""
    if not run_test(args.out / mutant.build / "mn_test", mutant, args):
        return "its test fails on the core as it is"
    try:
        top = prepare(mutant, number, args)
    except ValueError as error:
        return str(error)
    program = top / "out" / mutant.build / "mn_test"
    built = subprocess.run(["make", "-s", f"TOP={top}", f"O={top / 'out'}",
                            f"KSRC={args.ksrc}", f"CC={args.cc}", program],
                           capture_output=True, text=True, check=False,
                           env={k: v for k, v in os.environ.items()
                                if not k.startswith("MAKE")})
    if built.returncode:
        return f"does not build: {built.stderr.strip()[-300:]}"
    if run_test(program, mutant, args):
        return "not noticed"
    shutil.rmtree(top)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ksrc", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--top", required=True, type=pathlib.Path)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.out, args.top = args.out.resolve(), args.top.resolve()

    print(f"# mutants, seed {args.seed}\nKTAP version 1\n1..{len(MUTANTS)}")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda item: try_mutant(*item, args),
                           enumerate(MUTANTS))
        for number, (mutant, wrong) in enumerate(zip(MUTANTS, results), 1):
            bad += wrong is not None
            print(f"{'not ok' if wrong else 'ok'} {number} - {mutant.name}: "
                  f"{mutant.test} ({mutant.build})", flush=True)
            if wrong:
                print(f"# {wrong}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
