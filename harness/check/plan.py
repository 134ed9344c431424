# SPDX-License-Identifier: GPL-2.0
"""Which jobs there are, in which order, and what each adds to the report."""

import os
from typing import NamedTuple

from harness import boot, paths, tree, ui
from harness.check import compare, consumers, docs, guests, hugetlb, objects, off, \
    programs, static, stock, users
from harness.check.schedule import GUEST, Job
from harness.proofs import code


class Part(NamedTuple):
    """What ONLY= may name: its jobs and a line for the help."""
    jobs: tuple
    words: str


PARTS = {
    "static": Part(("static", "style"), "unit tests, shellcheck, git am round trip, "
                                        "checkpatch, kernel-doc, call-site table"),
    "objects": Part(("objects",), "sparse and W=1 on what the series changes"),
    "docs": Part(("docs",), "the documentation build"),
    "native": Part(("native",), "the core in user space under sanitizers, "
                                "and its models in spin"),
    "users": Part(("users",), "objects of all in-tree users, five architectures"),
    "off": Part(("off", "guest off"), "a kernel without the option"),
    "plain": Part(("guest plain",), "KUnit and our kselftests, plain kernel"),
    "debug": Part(("guest debug", "kvm debug", "consumers debug"),
                  "the same and consumers, debug kernel"),
    "matrix": Part(("matrix plain", "matrix debug"),
                   "the coherence matrix: operations, pages, subscribers"),
    "stress": Part(("stress plain", "stress debug"),
                   "all at once, with subscribers that come and go (SEED=n: again)"),
    "gru": Part(("gru plain", "gru debug", "gru coherence plain", "gru coherence debug"),
                "the SGI GRU's driver, on an emulated chip"),
    "xpmem": Part(("xpmem plain", "xpmem debug"),
                  "XPMEM: its requests, both sides, the matrix through an attachment"),
    "hugetlb": Part(("hugetlb plain", "hugetlb gigantic", "hugetlb debug", "hugetlb proofs"),
                    "page tables of hugetlb, /dev/page-huge: ours, and the base's against stock; "
                    "the same code without hugetlb"),
    "npt": Part(("kvm npt", "compare npt"), "our KVM selftests; hmm-tests, mm and KVM "
                                            "selftests against stock"),
    "shadow": Part(("kvm shadow", "compare shadow"), "KVM selftests, shadow paging"),
    "kcsan": Part(("guest kcsan", "consumers kcsan", "matrix kcsan", "stress kcsan",
                   "gru kcsan", "gru coherence kcsan", "xpmem kcsan", "hugetlb kcsan"),
                  "the same, part of the matrix, stress under KCSAN (only with KCSAN=1)"),
    "kvm-stock": Part(("kvm stock-npt", "kvm stock-shadow"),
                      "what our KVM selftests find in stock (only if named)"),
}
# Asked for by name or not at all.
EXTRA = ("kcsan", "kvm-stock")

# Of the stress test; the other is that of a check in full.
STRESS_S, LONG_STRESS_S = 60, 600


def names(wanted, kcsan):
    """The jobs that parts stand for; without parts, all but the extra ones."""
    chosen = wanted or [name for name in PARTS if name not in EXTRA]
    if kcsan:
        chosen = [*chosen, "kcsan"]
    return [job for name in chosen for job in PARTS[name].jobs]


class Plan:
    """The jobs of one run and what they hand to each other."""

    def __init__(self, report, mutants=False, full=False):
        self.report, self.mutants, self.full = report, mutants, full
        self.kernels, self.binaries, self.outcomes = {}, {}, {}

    def jobs(self):
        """All jobs, in the order that leaves neither lane without work."""
        return [
            Job("tree", self._tree),
            # In the lane of the guests, which would wait for it anyway.
            Job("emulator", boot.prepare, GUEST, ("tree",)),
            Job("static", self._static),
            Job("native", self._native, needs=("tree",)),
            Job("build stock", self._build("stock", "plain"), needs=("tree",)),
            Job("programs", self._programs, needs=("build stock",)),
            Job("build plain", self._build("new", "plain"), needs=("tree",)),
            *self._consumer_jobs(),
            # Its guests take longest: before what no guest waits for.
            Job("build debug", self._build("new", "debug"), needs=("tree",)),
            self._guest("consumers debug", self._consumers_slow("debug"),
                        "build debug", "programs", "stock npt"),
            self._guest("kvm debug", self._own_kvm("debug", "debug", 1), "build debug",
                        sole=True),
            self._guest("guest debug", self._own("debug"), "build debug"),
            self._guest("matrix plain", self._matrix("plain"), "build plain"),
            self._guest("matrix debug", self._matrix("debug"), "build debug"),
            self._guest("stress plain", self._stress("plain"), "build plain"),
            self._guest("xpmem plain", self._xpmem("plain"), "build plain"),
            self._guest("xpmem debug", self._xpmem("debug"), "build debug"),
            self._guest("stress debug", self._stress("debug"), "build debug"),
            self._guest("gru plain", self._gru("plain"), "build plain"),
            self._guest("gru debug", self._gru("debug"), "build debug"),
            self._guest("gru coherence plain", self._gru_coherence("plain"), "build plain"),
            self._guest("gru coherence debug", self._gru_coherence("debug"), "build debug"),
            self._guest("hugetlb stock", self._hugetlb("stock", "plain"), "build stock"),
            self._guest("hugetlb plain", self._hugetlb("new", "plain"), "build plain",
                        "hugetlb stock"),
            self._guest("hugetlb debug", self._hugetlb("new", "debug"), "build debug",
                        "hugetlb stock"),
            self._guest("hugetlb gigantic", self._hugetlb_gigantic, "build plain"),
            # Another object tree, but as many compilers.
            Job("hugetlb proofs", self._hugetlb_proofs, needs=("build plain",)),
            Job("style", self._style, needs=("static",)),
            Job("users", lambda: users.check(self.report), needs=("tree",)),
            # The same object tree as the users.
            Job("objects", lambda: objects.check(self.report), needs=("tree",)),
            Job("off", self._off, needs=("build plain",)),
            self._guest("guest off", self._smoke, "off"),
            Job("docs", lambda: docs.build(self.report), needs=("tree",)),
            Job("build kcsan", self._build("new", "kcsan"), needs=("tree",)),
            self._guest("guest kcsan", self._own("kcsan"), "build kcsan"),
            self._guest("consumers kcsan", self._consumers_slow("kcsan"),
                        "build kcsan", "programs", "stock npt"),
            self._guest("matrix kcsan", self._matrix("kcsan"), "build kcsan"),
            self._guest("stress kcsan", self._stress("kcsan"), "build kcsan"),
            self._guest("gru kcsan", self._gru("kcsan"), "build kcsan"),
            self._guest("gru coherence kcsan", self._gru_coherence("kcsan"), "build kcsan"),
            self._guest("xpmem kcsan", self._xpmem("kcsan"), "build kcsan"),
            self._guest("hugetlb kcsan", self._hugetlb("new", "kcsan"), "build kcsan"),
            # Bounds on time mean something only when nothing else runs.
            self._guest("guest plain", self._own("plain"), "build plain", quiet=True),
        ]

    @staticmethod
    def _guest(name, run, *needs, quiet=False, sole=False):
        return Job(name, run, GUEST, ("emulator", *needs), quiet, sole)

    def _consumer_jobs(self):
        """For each way of paging: stock, new, comparison."""
        for paging in ("npt", "shadow"):
            for tree_name, build in (("stock", "build stock"), ("new", "build plain")):
                yield self._guest(f"{tree_name} {paging}",
                                  self._consumers(tree_name, paging), build, "programs")
            yield self._guest(f"compare {paging}", self._compare(paging),
                              f"stock {paging}", f"new {paging}")
            npt = int(paging == "npt")
            yield self._guest(f"kvm {paging}", self._own_kvm(paging, "plain", npt),
                              "build plain")
            yield self._guest(f"kvm stock-{paging}", self._stock_kvm(paging, npt),
                              "build plain", "build stock")

    def _tree(self):
        tree.assemble()
        if not tree.patches():
            raise ui.Fail("series/series names no patch: there is nothing to check")

    def _static(self):
        static.unit_tests(self.report)
        static.shellcheck(self.report)
        static.round_trip(self.report)

    def _style(self):
        static.checkpatch(self.report)
        static.calltable(self.report)
        docs.kernel_doc(self.report)

    def _native(self):
        static.native(self.report, self.mutants)
        static.cores(self.report)
        static.models(self.report)

    def _build(self, tree_name, config):
        def run():
            self.kernels[tree_name, config] = guests.kernel_of(tree_name, config)
        return run

    def _programs(self):
        self.binaries = programs.build_base(consumers.binaries())

    def _log(self, part, name, lines):
        outcome = guests.complaints(lines)
        self.report.add(part, f"kernel log of guest {name}", *outcome)

    def _consumers(self, tree_name, paging):
        def run():
            shadow = paging == "shadow"
            name = f"{tree_name}-{paging}"
            found, lines = guests.consumers(
                self.kernels[tree_name, "plain"], "plain", self.binaries,
                consumers.chosen(shadow=shadow), 0 if shadow else 1, name)
            self.outcomes[tree_name, paging] = found
            if tree_name == "new":
                self._log(paging, name, lines)
            elif guests.complaints(lines).status != "pass":
                ui.say(f"note: the unchanged kernel complains in guest {name}:\n"
                       + guests.complaints(lines).reason)
        return run

    def _compare(self, paging):
        def run():
            stock, new = self.outcomes["stock", paging], self.outcomes["new", paging]
            self._again(paging, "plain", 0 if paging == "shadow" else 1, stock, new)
            self._add_compared(paging, stock, new)
        return run

    def _again(self, part, config, npt, stock, new):
        """Repeat alone what only the new kernel did not finish in time.

        Nested virtualisation in software, beside a compiler, is stopped at a
        limit now and then on the unchanged kernel too.  A hang that is ours
        comes again; a wrong result is never asked for twice.
        """
        slow = [program for program in consumers.PROGRAMS if program.name in new
                and compare.stopped(new[program.name])
                and not compare.stopped(stock.get(program.name, {}))]
        if not slow:
            return
        ui.say("once more, since stopped at the time limit: "
               + ", ".join(program.name for program in slow))
        name = f"new-{part}-again"
        found, lines = guests.consumers(self.kernels["new", config], config,
                                        self.binaries, slow, npt, name)
        self._log(part, name, lines)
        new.update(found)

    def _add_compared(self, part, stock, new):
        for program in new:
            found = compare.against(stock.get(program, {}), new[program])
            self.report.extend(part, guests.flat({program: found}))

    def _consumers_slow(self, config):
        def run():
            name = f"new-{config}-consumers"
            found, lines = guests.consumers(
                self.kernels["new", config], config, self.binaries,
                consumers.chosen(slow=True), 1, name)
            self._log(config, name, lines)
            self._again(config, config, 1, self.outcomes["stock", "npt"], found)
            self._add_compared(config, self.outcomes["stock", "npt"], found)
        return run

    def _own(self, config):
        def run():
            name = f"new-{config}-own"
            found, lines = guests.own(self.kernels["new", config], config, name)
            self._log(config, name, lines)
            self.report.extend(config, guests.flat(found))
        return run

    def _matrix(self, config):
        def run():
            name = f"new-{config}-matrix"
            found, tables, lines = guests.matrix(self.kernels["new", config], config, name,
                                                 full=self.full)
            self._log("matrix", name, lines)
            paths.write_if_changed(paths.BUILD / f"matrix-{config}.txt",
                                   "\n".join(tables) + "\n")
            self.report.extend(f"matrix, {config}", guests.flat(found))
        return run

    def _stress(self, config):
        def run():
            name = f"new-{config}-stress"
            found, lines = guests.stress(self.kernels["new", config], config, name,
                                         LONG_STRESS_S if self.full else STRESS_S,
                                         os.environ.get("SEED"))
            self._log("stress", name, lines)
            self.report.extend(f"stress, {config}", guests.flat(found))
        return run

    def _gru(self, config):
        def run():
            name = f"new-{config}-gru"
            found, lines = guests.gru(self.kernels["new", config], config, name)
            self._log("gru", name, lines)
            self.report.extend(f"gru, {config}", guests.flat(found))
        return run

    def _gru_coherence(self, config):
        def run():
            name = f"new-{config}-gru-coherence"
            found, lines = guests.gru_coherence(self.kernels["new", config], config, name,
                                                self.full)
            self._log("gru coherence", name, lines)
            self.report.extend(f"gru coherence, {config}", guests.flat(found))
        return run

    def _xpmem(self, config):
        def run():
            name = f"new-{config}-xpmem"
            found, lines = guests.xpmem(self.kernels["new", config], config, name,
                                        os.environ.get("SEED"), self.full)
            self._log("xpmem", name, lines)
            self.report.extend(f"xpmem, {config}", guests.flat(found))
        return run

    def _hugetlb(self, tree_name, config):
        def run():
            name = f"{tree_name}-{config}-hugetlb"
            built = self.kernels[tree_name, config]
            module = built.module("test_mmu_notifier") if tree_name == "new" else None
            found, lines = guests.hugetlb(built, config, name,
                                          programs.build_base(hugetlb.binaries()), module)
            self.outcomes[tree_name, "hugetlb", config] = found
            if tree_name == "stock":
                return
            self._log("hugetlb", name, lines)
            then = self.outcomes.get(("stock", "hugetlb", "plain"), {})
            base = {program.name for program in hugetlb.chosen(config)}
            judged = {program: compare.against(then[program], tests)
                      if program in base else tests for program, tests in found.items()}
            self.report.extend(f"hugetlb, {config}", guests.flat(judged))
        return run

    def _hugetlb_proofs(self):
        """Those that need neither a guest nor a whole kernel."""
        for name, run in (("objects", code.same_without_hugetlb), ("vma", code.vma_tests)):
            lines = list(run())
            self.report.verdict("hugetlb, proofs", name,
                                [line for line in lines if line.startswith("DIFFERENT")])

    def _hugetlb_gigantic(self):
        name = "new-plain-hugetlb-gigantic"
        found, lines = guests.hugetlb_gigantic(self.kernels["new", "plain"], name)
        self._log("hugetlb", name, lines)
        self.report.extend("hugetlb, plain", guests.flat(found))

    def _off(self):
        self.kernels["new", "off"] = off.check(self.report, self.kernels["new", "plain"])

    def _own_kvm(self, part, config, npt):
        def run():
            name = f"new-{part}-kvm"
            built = self.kernels["new", config]
            found, lines = guests.own_kvm(built, config, npt, name,
                                          programs.build_ours_kvm(config),
                                          built.module("test_mmu_notifier"))
            self._log(part, name, lines)
            self.report.extend(part, guests.flat(found))
        return run

    def _stock_kvm(self, paging, npt):
        def run():
            built = self.kernels["stock", "plain"]
            found, _ = guests.own_kvm(built, "plain", npt, f"stock-{paging}-kvm",
                                      programs.build_ours_kvm("plain"),
                                      programs.module_for(built, "stock"), limit=900)
            self.report.extend(f"kvm on stock, {paging}", stock.judge(guests.flat(found)))
        return run

    def _smoke(self):
        found, lines = guests.smoke(self.kernels["new", "off"], "off", "new-off")
        self._log("off", "new-off", lines)
        self.report.extend("off", guests.flat(found))
