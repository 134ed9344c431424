# SPDX-License-Identifier: GPL-2.0
"""make bench: the kernel with the series against the one without."""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from harness import deps, kernel as kernels, paths, ui
from harness.bench import counting, environment, gru, guests, native, page_huge, parts, \
    plan, report, verdicts

TREES = ("stock", "new")
EPILOG = "parts:\n" + "\n".join(f"  {name:10}{words}" for name, words in plan.PARTS.items())


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__ + "  It writes one report into "
        "bench/results/ and prints a summary. A bar that is missed is reported, and is no "
        "failure of the run.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), metavar="PART,...",
                        help="measure these parts (make bench ONLY=...)")
    parser.add_argument("--quick", action="store_true",
                        default=os.environ.get("QUICK", "") in ("1", "y", "yes"),
                        help="fewer configurations (make bench QUICK=1)")
    args = parser.parse_args(argv)
    args.parts = args.only.split(",") if args.only else list(plan.PARTS)
    unknown = [name for name in args.parts if name not in plan.PARTS]
    if unknown:
        raise ui.Fail(f"no part {', '.join(unknown)}: there are {', '.join(plan.PARTS)}")
    args.whole = not args.only and not args.quick
    return args


class Run:
    """The kernels and what was measured on them."""

    def __init__(self, size):
        self.size, self.results = size, {}
        self.kernels = {tree: kernels.build(tree, "plain") for tree in TREES}
        with ui.step("building modules", 15):
            self.modules = {tree: parts.modules(self.kernels[tree], tree) for tree in TREES}

    def _one(self, how, tree, *rest):
        return how(self.kernels[tree], tree, self.modules[tree], *rest)

    def _time(self, *rest):
        return {tree: self._one(guests.time, tree, *rest) for tree in TREES}

    def _both(self, how, *rest):
        """At the same time: to what is counted it makes no difference."""
        with ThreadPoolExecutor() as pool:
            started = {tree: pool.submit(self._one, how, tree, *rest) for tree in TREES}
            return {tree: job.result() for tree, job in started.items()}

    def counts(self):
        """The operations."""
        found = self._both(guests.count, plan.counts(self.size), "counts", 60)
        self.results["counts"] = {tree: pair[0] for tree, pair in found.items()}
        self.results["ticks"] = {tree: pair[1] for tree, pair in found.items()}

    def scaling(self):
        """The curves."""
        found = self._both(guests.count, plan.scaling(self.size), "scaling", 60)
        self.results["scaling"] = {tree: pair[0] for tree, pair in found.items()}

    def latency(self):
        """Times."""
        self.results["latency"] = self._time(plan.latency(self.size), "latency", 60)

    def kvm(self):
        """Faults of a vCPU."""
        held = self._both(guests.time_exactly, plan.held(self.size), "held", 30)
        disturbed = self._time(plan.disturbed(), "disturbed", 30)
        self.results["kvm"] = {tree: held[tree] | disturbed[tree] for tree in TREES}

    def aging(self):
        """What a guest has used."""
        found = self._both(guests.count, plan.ages(), "ages", 60)
        self.results["ages"] = {tree: pair[0] for tree, pair in found.items()}
        tracking = partial(guests.tracking, guests.tracking_program())
        self.results["tracking"] = self._both(tracking, plan.tracking(), "tracking", 60)
        self.results["hot"] = self._both(guests.time_exactly, plan.hot(self.size), "hot", 120)

    def protection(self):
        """Changes of protection."""
        self.results["protect"] = self._both(guests.protect, plan.protect(), "protect", 30)
        self.results["balance"] = {tree: self._one(guests.balance, tree,
                                                   plan.balance(self.size), "balance", 150)
                                   for tree in TREES}

    def gru(self):
        """A device with a TLB of its own."""
        self.results["gru"] = gru.measure(self.kernels)

    def xpmem(self):
        """Attachments."""
        self.results["xpmem"] = guests.xpmem(self.kernels["new"], plan.xpmem(), 60)

    def page_huge(self):
        """A device with a huge page of zeroes."""
        self.results["page_huge"] = page_huge.measure(self.kernels["new"])

    def repeat(self):
        """The same boot twice: equal slopes, and a subscriber more is seen."""
        one, two = (self._one(guests.count, "new", plan.repeat(), f"repeat-{number}", 25)[0]
                    for number in (1, 2))
        unequal = counting.differences(one, two)
        few, many = (one["ops", config, "dontneed"].total().insns
                     for config in ("list-1", "list-8"))
        self.results["repeat"] = [
            ("slopes of symbols that two boots do not have in common",
             f"{len(unequal)} of {sum(len(slope.counts) for slope in one.values())}"),
            ("instructions of MADV_DONTNEED with 1 and with 8 list subscribers",
             f"{few:.1f}, {many:.1f}: {many - few:+.1f}")]

    def native(self):
        """User space."""
        self.results["native"] = native.measure()

    def verdicts(self):
        """All bars that there are results for."""
        found = []
        results = self.results
        if "counts" in results:
            results["idle"] = verdicts.untouched(
                results["counts"], verdicts.without_noise(self.kernels["new"]))
            found += verdicts.idle(results["idle"])
        if "latency" in results:
            found += verdicts.isolation(results["latency"])
            found += verdicts.registration(results["latency"])
            found += verdicts.readers(results["latency"])
        if "kvm" in results:
            found += verdicts.faults(results["kvm"])
        if "scaling" in results:
            found += verdicts.subscribers(results["scaling"]) + verdicts.vm(results["scaling"])
        if "gru" in results:
            found += verdicts.gru(results["gru"])
        if "page_huge" in results:
            found += verdicts.page_huge(results["page_huge"])
        if "ages" in results:
            found += verdicts.ages(results["ages"])
        return found


def main(argv):
    """Measure, write the report, print the summary; 0 if the measurement ran."""
    args = _arguments(argv)
    deps.ensure("build", "boot", "bench")
    parts.check_qemu()
    began = time.monotonic()
    run = Run(plan.QUICK if args.quick else plan.FULL)
    for name in plan.PARTS:
        if name in args.parts:
            getattr(run, name)()
    bars = run.verdicts()
    described = environment.rows(run.kernels, time.monotonic() - began)
    path = report.write(run.results, described, bars, args.whole)
    report.summary(bars)
    ui.say(f"The report: {path.relative_to(paths.ROOT)}")
    return 0
