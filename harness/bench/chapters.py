# SPDX-License-Identifier: GPL-2.0
"""The chapters of the report, one for each part that was measured."""

from harness.bench import counting, markdown, scaling, symbols, timing, verdicts
from harness.bench.plots import Plot

OLD_NEW = ("old", "new", "ratio")
METRICS = (("insns", "instructions"), ("locked", "LOCK"), ("accesses", "memory accesses"))
AXES = {"subs": "subscribers", "flight": "ranges in flight", "vmas": "VMAs"}
MOST_SYMBOLS = 8
WORTH_SAYING = 2


def _figure(drawn, name):
    return f"![{name}]({name}.svg)\n" if name in drawn else ""


def _counts(results, _drawn):
    old, new = (results["counts"][tree] for tree in ("stock", "new"))
    yield "## Operations\n"
    yield ("Per operation, slope between n and 2n. The ticks are those of single "
           "operations with one tick per instruction, user mode and interrupts included: "
           "medians, and the median of the ratios at the same index.\n")
    head = ["subscribers", *(f"{words} {cell}" for _, words in METRICS for cell in OLD_NEW),
            *(f"ticks {cell}" for cell in OLD_NEW)]
    for op in dict.fromkeys(op for _, _, op in new):
        yield f"### {op}\n"
        rows = []
        for key in (key for key in new if key[2] == op):
            then, now = old[key].total(), new[key].total()
            cells = [cell for metric, _ in METRICS
                     for cell in markdown.trio(getattr(then, metric), getattr(now, metric))]
            each = [results["ticks"][tree][key[1:]] for tree in ("stock", "new")]
            a, b, share = timing.paired(*each)
            rows.append([key[1], *cells, markdown.number(a), markdown.number(b),
                         f"{share:.3f}"])
        yield markdown.table(head, rows)
    yield from _symbols(old, new)


def _idle(results, _drawn):
    yield "## Without subscribers\n"
    yield ("Instructions; what allocators, scheduler and random numbers execute is left out "
           "here. *never* is stock before anybody subscribed; *more* is the new kernel "
           "against that.\n")
    rows = [(config, op, *map(markdown.number, (base, then, now)), f"{now - base:+.1f}",
             "equal" if verdicts.equal(base, now) else f"{now / base - 1:+.2%}")
            for (config, op), (base, then, now) in results["idle"].items()]
    yield markdown.table(("subscribers", "operation", "never", "old", "new", "more", ""), rows)


def _symbols(old, new):
    """Of each operation without subscribers, and of some with."""
    yield "### Where the difference is\n"
    zero = counting.Counts()
    for key in new:
        if key[1] not in ("none", "list-8", "interval-8", "vm"):
            continue
        then, now = old[key].counts, new[key].counts
        more = {name: now.get(name, zero).insns - then.get(name, zero).insns
                for name in dict.fromkeys([*then, *now]) if name != symbols.MODULE}
        most = sorted(more, key=lambda name: -abs(more[name]))[:MOST_SYMBOLS]
        yield f"{key[2]}, {key[1]}, instructions:\n"
        yield markdown.table(("symbol", "old", "new", "more"), [
            (f"`{name}`", markdown.number(then.get(name, zero).insns),
             markdown.number(now.get(name, zero).insns), f"{more[name]:+.1f}")
            for name in most if abs(more[name]) >= WORTH_SAYING])


def _curves(results, part, metric):
    both = {tree: scaling.curves(results["scaling"][tree], part, metric)
            for tree in ("stock", "new")}
    return {key: (both["stock"][key], both["new"][key]) for key in both["new"]}


def _scaling(results, drawn):
    yield "## Scaling\n"
    yield ("*order* is which of constant, log n, n and n² fits best (least squares); "
           f"constant if it rises by no more than {scaling.CONSTANT:.0%}.\n")
    for part, words in AXES.items():
        yield f"### Against {words}\n"
        rows, orders = [], []
        for (kind, op), (old, new) in _curves(results, part, "insns").items():
            orders.append((kind, op, scaling.order(old), scaling.order(new)))
            locked = _curves(results, part, "locked")[kind, op]
            for (n, then), (_, now), (_, lock), (_, locks) in zip(old, new, *locked):
                rows.append((kind, op, n, *markdown.trio(then, now),
                             *markdown.trio(lock, locks)))
        yield markdown.table(("kind", "operation", "order old", "order new"), orders)
        yield markdown.table(("kind", "operation", words,
                              *(f"instructions {cell}" for cell in OLD_NEW),
                              *(f"LOCK {cell}" for cell in OLD_NEW)), rows)
        yield _figure(drawn, f"scaling-{part}")


def _times(results, part, title, words, drawn):
    old, new = (results[part][tree] for tree in ("stock", "new"))
    yield f"## {title}\n"
    yield words
    rows = []
    for what in new:
        for number, values in new[what].items():
            then = old[what][number]
            cells = [value for measure in (timing.median, _p99, max)
                     for value in (measure(then), measure(values))]
            rows.append((what, number, len(values), *map(markdown.number, cells)))
    yield markdown.table(("what", "number", "values", "median old", "median new", "p99 old",
                          "p99 new", "max old", "max new"), rows)
    yield _figure(drawn, part)


def _p99(values):
    return timing.percentile(values, 99)


def _latency(results, drawn):
    return _times(results, "latency", "Latencies", (
        "In ns. *unregister*, *remove* (of an interval) and *exit* happen while a callout "
        "of another mm sleeps for 2 s. The number of *first*, *second* and *vm* is that of "
        "VMAs; that of *wait*, how long a reader waits, and of *false-retries* is that of "
        "disjoint invalidators, each with a callout of 1 ms.\n"), drawn)


def _kvm(results, drawn):
    return _times(results, "kvm", "KVM faults", (
        "In ns. *undisturbed* and *held* are 256 faults on the middle of a guest's memory, "
        "in a guest in which one instruction is one ns; held means that a range is in "
        "flight at each end, for so many ms at most, and *held-to-the-end* that both were "
        "so until the last fault was done. The others are in real time; the number is that "
        "of threads that invalidate pages at the ends. *taken* minus *needed* are the "
        "faults that were retried, of 256.\n"), drawn)


def _ages(results, _drawn):
    slopes, hot = results["ages"], results["hot"]
    yield "## The age of a guest's pages\n"
    yield ("Per folio that is marked idle, and per page that is reclaimed from the guest's "
           "cgroup by the classic LRU and by MGLRU; slope between n and 2n, instructions of "
           "the whole kernel.\n")
    measures = (("callouts", verdicts.aging_callouts), ("mmu_lock for write", verdicts.writes),
                ("flushes", _flushes), ("instructions", lambda slope: slope.total().insns),
                ("LOCK", lambda slope: slope.total().locked))
    yield markdown.table(("what", *(f"{words} {side}" for words, _ in measures
                                    for side in ("old", "new"))), [
        (f"{key[1]}, {key[2]}", *(markdown.number(measure(slopes[tree][key]))
                                  for _, measure in measures for tree in ("stock", "new")))
        for key in slopes["new"]])
    yield ("A guest goes round in one of so many pages, twice, then a 32nd of its memory is "
           "reclaimed; that 16 times. How many pages were evicted, and how many of the hot ones "
           "came back from swap; one instruction is a nanosecond, nothing else runs, and still "
           "it is one order of events out of many.\n")
    yield markdown.table(("what", "one in", "old", "new"), [
        (what.replace("-", " "), share, *(hot[tree][what][share][0] for tree in ("stock", "new")))
        for what in hot["new"] for share in hot["new"][what]])
    yield from _tracking(results)


def _tracking(results):
    yield ("KVM's access_tracking_perf_test, one vCPU on 32 MiB, one instruction a "
           "nanosecond; ms. The test waits by spinning on the same processor, so that "
           "a part of each is the waiting.\n")
    old, new = (results["tracking"][tree] for tree in ("stock", "new"))
    yield markdown.table(("what", *OLD_NEW), [
        (what, *markdown.trio(1e3 * timing.median(old[what]), 1e3 * timing.median(new[what])))
        for what in new])


def _protection(results, _drawn):
    yield "## Changes of protection\n"
    yield ("Whole system calls, one instruction a tick: there (to read-only) and back. "
           "*none* has no subscriber, *vm* a VM on all of the memory.\n")
    old, new = (results["protect"][tree] for tree in ("stock", "new"))
    yield markdown.table(("subscribers", "range", "holds", *(f"there {cell}" for cell in OLD_NEW),
                          *(f"back {cell}" for cell in OLD_NEW)), [
        (*key, *markdown.trio(old[key][0], new[key][0]),
         *markdown.trio(old[key][1], new[key][1])) for key in new])
    yield ("A guest under NUMA balancing, for the same time on both; scans come as the "
           "scheduler has it, so small numbers say little. In *all* it uses all of its "
           "memory, in *hot* a sixteenth; *pinned* is pinned, *shared* is shared with a "
           "child.\n")
    old, new = (results["balance"][tree] for tree in ("stock", "new"))
    what = ("callouts", "guest pages announced", "flushes asked for", "hints", "faults")
    yield markdown.table(("case", *(f"{words} {side}" for words in what
                                    for side in ("old", "new"))), [
        (*key, *(side[key][index] for index in range(len(what)) for side in (old, new)))
        for key in new])


def _xpmem(results, _drawn):
    yield "## XPMEM\n"
    yield ("The new kernel alone, in a guest in which one instruction is one ns: medians. The "
           "number is that of pages; for *change*, that of attachments, all of the same page: "
           "of MADV_DONTNEED of that page when all have touched it, of the same when none has "
           "(*untouched*), and of the page *beside* it, which they have not attached. "
           "*copy* is of 1 MiB, by memcpy() or process_vm_readv(); *anew* is attached, copied "
           "and detached.\n")
    yield markdown.table(("what", "number", "values", "median", "max"), [
        (what, number, len(values), markdown.number(timing.median(values)),
         markdown.number(max(values)))
        for what, numbers in results["xpmem"].items() for number, values in numbers.items()])


def _flushes(slope):
    """How often all vCPUs are told to flush."""
    return slope.total(lambda name: name == "kvm_flush_remote_tlbs").entries


def _repeat(results, _drawn):
    found = results["repeat"]
    yield "## The tool itself\n"
    yield markdown.table(("check", "result"), found)


def _instructions(results, config):
    """The ratio that the plugin found for the same subscribers, if it was asked."""
    key = ("subs", config, "invalidation")
    if "scaling" not in results:
        return None
    old, new = (results["scaling"][tree][key].total().insns for tree in ("stock", "new"))
    return new / old


def native_chapter(results, _drawn):
    """Times of user space beside counts of the kernel."""
    yield "## In user space\n"
    yield ("Both cores compiled against the same shim of the kernel's environment: "
           "spinlocks and SRCU as cheap as the kernel's, RCU for nothing. A comparison of "
           "paths, no time of a kernel. Nanoseconds per invalidation, medians of runs by "
           "turns. A difference is called one only if the instructions agree in sign.\n")
    rows = []
    for threads, config, old, new, share in results["native"]:
        counted = _instructions(results, config)
        agree = ("–" if counted is None else
                 "yes" if (counted > 1) == (float(share) > 1) else "NO")
        rows.append((threads, config, old, new, share,
                     "–" if counted is None else f"{counted:.2f}", agree))
    yield markdown.table(("threads", "subscribers", *OLD_NEW, "instructions ratio", "agree"),
                         rows)


def _gru(results, _drawn):
    yield "## A GRU\n"
    yield ("Three drivers on the same emulated chip, the driver against a model of it: "
           "*per page* flushes page by page, as when each page had a callout, and at exit; "
           "*stock* is the driver of 6.12 on the kernel of 6.12; *series* is this one's. "
           "*beside* are entries that went though nobody had named their page, *misses* "
           "what the program had to have resolved, *replays* instructions that started "
           "over, *cch* operations on contexts, *late* TLB operations between exit and the "
           "end of the address space.\n")
    rows = [(workload, name, *row.values())
            for workload in results["gru"]["series"]
            for name, row in ((name, found[workload])
                              for name, found in results["gru"].items())]
    yield markdown.table(("workload", "driver", "TLB operations", "beside", "purged", "misses",
                          "replays", "cch", "late"), rows)


def _page_huge(results, _drawn):
    yield "## Huge pages that are read first\n"
    yield ("1 GiB, the new kernel alone, first touches in instructions, user mode included: "
           "*read* of each small page, *write* the same, *sparse* one read of each 2 MiB and "
           "then a write to every 16th. Memory is what is gone from the pool and from free "
           "memory, page tables included. To clear a page is counted by its stores, which "
           "hardware does faster. *page-huge* is the device, *small* are ordinary pages.\n")
    yield markdown.table(("memory", "workload", "instructions", "KiB"), [
        (*key, markdown.number(ticks), kib)
        for key, (_, ticks, kib) in sorted(results["page_huge"].items(),
                                           key=lambda row: row[0][1])])


_CHAPTERS = {"idle": _idle, "counts": _counts, "scaling": _scaling, "latency": _latency,
             "kvm": _kvm, "ages": _ages, "gru": _gru, "protect": _protection,
             "xpmem": _xpmem, "page_huge": _page_huge, "native": native_chapter, "repeat": _repeat}


def all_of(results, drawn):
    """The text of all chapters that there are results for."""
    for name, chapter in _CHAPTERS.items():
        if name in results:
            yield from chapter(results, drawn)


def drawings(results):
    """The Plots that there are results for."""
    found = []
    for part in AXES if "scaling" in results else ():
        curves = {}
        for (kind, op), both in _curves(results, part, "insns").items():
            name = op if part == "vmas" else kind
            curves |= {f"{name}, {side}": points
                       for side, points in zip(("old", "new"), both)}
        found.append(Plot(f"scaling-{part}", f"Cost against {AXES[part]}", AXES[part],
                          "instructions", curves))
    if "latency" in results:
        found.append(_waits(results["latency"]))
    return found


def _waits(times):
    curves = {f"{words}, {side}": [(number, measure(values) / 1e6)
                                   for number, values in times[tree]["wait"].items()]
              for tree, side in (("stock", "old"), ("new", "new"))
              for words, measure in (("median", timing.median), ("longest", max))}
    return Plot("latency", "Interval reader against disjoint invalidators", "invalidators",
                "wait (ms)", curves)
