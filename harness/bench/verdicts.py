# SPDX-License-Identifier: GPL-2.0
"""The bars of the design, met or missed."""

from typing import NamedTuple

from harness.bench import symbols, timing

MET, MISSED = "met", "MISSED"
# Instruction counts are equal if they differ by no more: what is left of the
# scheduler and the allocators in them moves that much.
EQUAL = 0.001
UNREGISTER_NS = 20e6
SECOND_NS = 0.1e6
SECOND_VMAS = 30000
READERS = 8
WAIT_NS = 5e6
HELD = 1.02
KVM_INSNS = 0.6
KVM_WRITES = 0.5
COUNTS = (1, 8, 64)
# The figure of 2008 for callouts by range, as compared with callouts by page.
GRU_SAVES = 7
# A page of zeroes for 512: what is left is a fault for each, and page tables.
PAGE_HUGE_READS = 0.05
# KVM's callouts for the age of pages, in stock and in the series.
AGING = ("kvm_mmu_notifier_clear_flush_young", "kvm_mmu_notifier_clear_young",
         "kvm_mmu_notifier_test_young", "kvm_mmu_notifier_age")


class Verdict(NamedTuple):
    """One bar."""
    bar: str
    what: str
    old: str
    new: str
    verdict: str


def _judge(good):
    return MET if good else MISSED


def without_noise(built):
    """A function: the instructions of a Slope, allocators and scheduler left out."""
    left_out = symbols.noisy(built) | {symbols.MODULE}
    return lambda slope: slope.total(lambda name: name not in left_out).insns


def _percent(value):
    return f"{100 * value:+.2f} %"


def equal(old, new):
    """Whether a count is that of stock, or less."""
    return new <= old * (1 + EQUAL)


def untouched(counts, total):
    """P1: without subscribers the costs are those of stock, also after the last.

    {(config, op): (stock without subscribers, stock, new)}.
    """
    old, new = counts["stock"], counts["new"]
    return {key[1:]: (total(old["ops", "none", key[2]]), total(old[key]), total(new[key]))
            for key in new if key[1] == "none" or key[1].startswith("after-")}


def idle(figures):
    """P1 in short: the worst operation of each configuration."""
    found = []
    for config in dict.fromkeys(config for config, _ in figures):
        more = {op: (now / base - 1, base, then, now)
                for (where, op), (base, then, now) in figures.items() if where == config}
        worst = max(more, key=more.get)
        change, _, then, now = more[worst]
        dearer = [op for op, values in more.items() if not equal(values[1], values[3])]
        words = "never subscribed" if config == "none" else f"{config}, unsubscribed"
        found.append(Verdict("P1", f"{words}: instructions of {worst}, the worst of "
                             f"{len(more)}; {len(dearer)} cost more than in stock without "
                             "subscribers", f"{then:.0f}",
                             f"{now:.0f} ({_percent(change)})", _judge(not dearer)))
    return found


def isolation(times):
    """P4: no wait for another mm's callout.

    The host is shared, which can only add to a time; the table has the longest.
    """
    found = []
    for what in ("unregister", "remove", "exit"):
        old, new = (timing.median(times[tree][what][0]) for tree in ("stock", "new"))
        found.append(Verdict("P4", f"{what} while another mm's callout sleeps 2 s, median",
                             _ms(old), _ms(new), _judge(new <= UNREGISTER_NS)))
    return found


def _ms(ns):
    return f"{ns / 1e6:.2f} ms" if ns >= 1e5 else f"{ns / 1e3:.1f} µs"


def registration(times):
    """P5: registration after the first does not depend on the VMAs."""
    if SECOND_VMAS not in times["new"]["second"]:
        return []
    old, new = (timing.median(times[tree]["second"][SECOND_VMAS])
                for tree in ("stock", "new"))
    return [Verdict("P5", f"second registration at {SECOND_VMAS} VMAs, median", _ms(old),
                    _ms(new), _judge(new <= SECOND_NS))]


def readers(times):
    """P6: readers wait only for what overlaps."""
    old, new = (times[tree]["wait"][READERS] for tree in ("stock", "new"))
    false = [sum(times[tree]["false-retries"][READERS]) for tree in ("stock", "new")]
    return [Verdict("P6", f"reader against {READERS} disjoint invalidators, longest wait",
                    _ms(max(old)), _ms(max(new)), _judge(max(new) <= WAIT_NS)),
            Verdict("P6", "the same, false retries", str(false[0]), str(false[1]),
                    _judge(false[1] == 0))]


def _held(times):
    (number, undisturbed), = times["undisturbed"].items()
    return timing.median(times["held"][number]) / timing.median(undisturbed)


def _false_retries(times):
    """Per fault, of the largest number of invalidators."""
    number = max(times["kvm-faults-taken"])
    taken = times["kvm-faults-taken"][number]
    needed = times["kvm-faults-needed"][number][0]
    return number, sum(taken) / (len(taken) * needed) - 1


def faults(times):
    """P6: KVM's faults are retried only for what overlaps."""
    held = {tree: _held(times[tree]) for tree in times}
    number, false = _false_retries(times["new"])
    return [Verdict("P6", "KVM faults while a range is held at each end, against undisturbed",
                    f"{held['stock']:.3f} ×", f"{held['new']:.3f} ×",
                    _judge(held["new"] <= HELD)),
            Verdict("P6", f"false retries per KVM fault, {number} disjoint invalidators",
                    f"{_false_retries(times['stock'])[1]:.3f}", f"{false:.3f}",
                    _judge(false <= 0))]


def subscribers(scaling):
    """P8: the core alone with trivial subscribers."""
    found = []
    for kind in ("list", "interval"):
        for count in COUNTS:
            key = ("subs", f"{kind}-{count}", "invalidation")
            old, new = scaling["stock"][key].total(), scaling["new"][key].total()
            for metric, words in (("insns", "instructions"), ("locked", "locked instructions")):
                then, now = getattr(old, metric), getattr(new, metric)
                found.append(Verdict("P8", f"invalidation, {count} {kind} subscriber"
                                     f"{'s' if count > 1 else ''}: {words}",
                                     f"{then:.1f}", f"{now:.1f} ({now / then:.2f} ×)",
                                     _judge(now <= then)))
    return found


def vm(scaling):
    """P8: the core and KVM."""
    found = []
    for config, words in (("vm", "in its memory"), ("vmoutside", "outside of its memory")):
        key = ("subs", config, "invalidation")
        old, new = (scaling[tree][key] for tree in ("stock", "new"))
        then, now = old.total().insns, new.total().insns
        found.append(Verdict("P8", f"invalidation with a VM, {words}: instructions",
                             f"{then:.1f}", f"{now:.1f} ({now / then:.2f} ×)",
                             _judge(now <= KVM_INSNS * then)))
        then, now = (writes(slope) for slope in (old, new))
        found.append(Verdict("P8", f"invalidation with a VM, {words}: mmu_lock for write",
                             f"{then:.2f}", f"{now:.2f}", _judge(now <= KVM_WRITES * then)))
    return found


def ages(slopes):
    """P9: a callout for a folio, and no mmu_lock for write."""
    found = []
    for key in (key for key in slopes["new"] if key[2] == "folio"):
        old, new = (slopes[tree][key] for tree in ("stock", "new"))
        words = f"a folio of a guest is aged, {key[1].removeprefix('age-').replace('-', ' ')}"
        for what, metric, bar in (("callouts", aging_callouts, 1),
                                  ("mmu_lock for write", writes, 0)):
            found.append(Verdict("P9", f"{words}: {what}", f"{metric(old):.0f}",
                                 f"{metric(new):.0f}", _judge(metric(new) <= bar)))
    return found


def aging_callouts(slope):
    """How often KVM was asked for the age of pages."""
    return slope.total(lambda name: name in AGING).entries


def writes(slope):
    """How often a reader-writer spinlock is taken for write; KVM's is the only one."""
    return slope.total(lambda name: name == "_raw_write_lock").entries


def _sum(workloads, field):
    return sum(row[field] for row in workloads.values())


def gru(found):
    """The GRU: callouts by range save TLB operations, and so does what is not there."""
    page, old, new = (_sum(found[name], "tgh") for name in ("per page", "stock", "series"))
    more = [name for name, row in found["series"].items()
            if row["tgh"] > found["stock"][name]["tgh"]]
    late = _sum(found["series"], "late")
    return [Verdict("GRU", "TLB operations, all workloads; stock is callouts by page",
                    str(page), f"{new} (1/{page / max(new, 1):.1f})",
                    _judge(page >= GRU_SAVES * new)),
            Verdict("GRU", "the same, stock is 6.12's driver; workloads with more: "
                    f"{', '.join(more) or 'none'}", str(old), str(new), _judge(not more)),
            Verdict("GRU", "TLB operations after release; stock is callouts by page, released "
                    "late", str(_sum(found["per page"], "late")), str(late), _judge(not late))]


def page_huge(found):
    """The device: what is only read takes neither time nor memory; what is written to
    takes as much as it does with hugetlb."""
    rows = []
    for workload, bar in (("read", PAGE_HUGE_READS), ("write", 1 + EQUAL)):
        (_, old, old_kib), (_, new, new_kib) = (found[kind, workload]
                                                for kind in ("hugetlb", "page-huge"))
        for what, one, other in (("instructions", old, new), ("KiB", old_kib, new_kib)):
            rows.append(Verdict("huge", f"first {workload} of 1 GiB by /dev/page-huge, {what}; "
                                "stock is MAP_HUGETLB", str(one),
                                f"{other} ({other / one:.3f} ×)", _judge(other <= bar * one)))
    return rows
