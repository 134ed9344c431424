# SPDX-License-Identifier: GPL-2.0
"""make bench: what is read, slopes, orders of curves, and verdicts."""

import unittest

from harness import ui
from harness.bench import chapters, counting, markdown, native, scaling, symbols, timing, \
    verdicts
from harness.bench.counting import Counts, Section, Slope

NAMES = ["alpha", "beta", symbols.MODULE]


def section(n, insns, config="none", op="cow", ticks=0):
    """A Section in which two symbols executed something."""
    return Section("ops", config, op, n, ticks,
                   {"alpha": Counts(insns, n, 2 * n, n), symbols.MODULE: Counts(7 * n)})


def slope_of(insns, locked=0):
    """A Slope of one symbol."""
    return Slope({"alpha": Counts(insns, locked)}, 0)


class Plugin(unittest.TestCase):
    def test_sections(self):
        lines = ["section 0", "0 10 1 4 2", "2 5 0 0 1", "section 1", "1 3 0 1 1", "end 2"]
        first, second = counting.parse_plugin(lines, NAMES)
        self.assertEqual(first, {"alpha": Counts(10, 1, 4, 2),
                                 symbols.MODULE: Counts(5, 0, 0, 1)})
        self.assertEqual(list(second), ["beta"])

    def test_cut_off(self):
        with self.assertRaises(ui.Fail):
            counting.parse_plugin(["section 0", "0 10 1 4 2"], NAMES)
        with self.assertRaises(ui.Fail):
            counting.parse_plugin(["section 0", "0 10 1 4 2", "end 2"], NAMES)

    def test_guest_and_plugin_must_agree(self):
        guest = ["noise", "@@M ops none cow 4 99"]
        found = counting.sections(["section 0", "0 8 0 0 1", "end 1"], guest, NAMES)
        self.assertEqual(found[0][:5], ("ops", "none", "cow", 4, 99))
        with self.assertRaises(ui.Fail):
            counting.sections(["end 0"], guest, NAMES)


class Slopes(unittest.TestCase):
    def test_fixed_cost_is_gone(self):
        found = counting.slopes([section(4, 100 + 4 * 25, ticks=50),
                                 section(8, 100 + 8 * 25, ticks=90)])
        slope = found["ops", "none", "cow"]
        self.assertEqual(slope.counts["alpha"], Counts(25, 1, 2, 1))
        self.assertEqual(slope.ticks, 10)

    def test_modules_are_no_kernel(self):
        found = counting.slopes([section(4, 100), section(8, 200)])
        self.assertEqual(found["ops", "none", "cow"].total().insns, 25)

    def test_alone(self):
        found = counting.slopes([section(2, 100)])
        self.assertEqual(found["ops", "none", "cow"].total().insns, 50)

    def test_no_slope_between_equals(self):
        with self.assertRaises(ui.Fail):
            counting.slope(section(4, 100), section(4, 200))

    def test_differences(self):
        key = ("ops", "none", "cow")
        one, two = {key: slope_of(5)}, {key: slope_of(6)}
        self.assertEqual(counting.differences(one, one), [])
        self.assertEqual(counting.differences(one, two), [(key, "alpha")])
        self.assertEqual(counting.differences(one, {}), [(key, "missing")])


class Symbols(unittest.TestCase):
    LINES = ["ffffffff80000000 A elsewhere", "ffffffff81000000 T _text",
             "ffffffff81000100 t asm_exc_page_fault",
             "ffffffff81000200 t finish_task_switch.isra.0",
             "ffffffff81000300 t zeta", "ffffffff81000300 T eta",
             "ffffffff81000400 T _etext", "ffffffff82000000 T later"]

    def test_table(self):
        table = symbols.table(self.LINES)
        self.assertEqual(table.names, ["_text", "asm_exc_page_fault",
                                       "finish_task_switch.isra.0", "eta",
                                       symbols.ELSEWHERE, symbols.MODULE])
        kinds = [line.split()[1] for line in table.text.splitlines()]
        self.assertEqual(kinds, [".", "f", "t", ".", ".", "."])
        self.assertTrue(table.text.endswith("ffffffffa0000000 .\n"))


class Times(unittest.TestCase):
    def test_parse(self):
        found = timing.parse(["@@L wait 8 5", "@@L wait 8 7", "@@L wait 16 9", "@@L broken"])
        self.assertEqual(found, {"wait": {8: [5, 7], 16: [9]}})

    def test_table_of_lines(self):
        lines = ["noise", "@@P vm 4KiB dense 7 8", "@@B all 1 2 3"]
        self.assertEqual(timing.table(lines, "@@P", 3), {("vm", "4KiB", "dense"): [7, 8]})
        self.assertEqual(timing.table(lines, "@@B", 1), {("all",): [1, 2, 3]})

    def test_labelled(self):
        found = timing.labelled(["Mark memory idle              : 0.25s", "so: s",
                                 "Mark memory idle   : 0.75s"])
        self.assertEqual(found, {"Mark memory idle": [0.25, 0.75]})

    def test_paired(self):
        found = timing.parse_each(["@@T none cow 10 20 40"])
        self.assertEqual(found, {("none", "cow"): [10, 20, 40]})
        self.assertEqual(timing.paired([10, 20, 40], [20, 20, 20]), (20, 20, 1))
        with self.assertRaises(ValueError):
            timing.paired([1, 2], [1])

    def test_percentile(self):
        self.assertEqual(timing.percentile(range(1, 201), 99), 199)
        self.assertEqual(timing.percentile([3], 99), 3)

    def test_native(self):
        found = native.parse(["@@N old list 8 1 10.0", "@@N new list 8 1 20.0"])
        self.assertEqual(list(native.rows(found)), [(1, "list-8", "10", "20", "2.00")])


class Orders(unittest.TestCase):
    NUMBERS = (1, 4, 16, 64, 256)

    def order(self, function):
        """The order found for a function of the number."""
        return scaling.order([(n, function(n)) for n in self.NUMBERS])

    def test_orders(self):
        self.assertEqual(self.order(lambda n: 100 + n % 3), "O(1)")
        self.assertEqual(self.order(lambda n: 100 + 40 * (n.bit_length() - 1)), "O(log n)")
        self.assertEqual(self.order(lambda n: 300 + 11 * n), "O(n)")
        self.assertEqual(self.order(lambda n: 300 + n * n), "O(n²)")
        self.assertEqual(scaling.order([(0, 279), (1, 201), (64, 201)]), "O(1)")
        self.assertEqual(scaling.order([(1, 5), (2, 9)]), "too few points")

    def test_curves(self):
        slopes = {("subs", "list-8", "x"): slope_of(20), ("subs", "list-1", "x"): slope_of(5),
                  ("subs", "vm", "x"): slope_of(1), ("ops", "list-1", "x"): slope_of(1)}
        self.assertEqual(scaling.curves(slopes, "subs", "insns"),
                         {("list", "x"): [(1, 5), (8, 20)]})


class Verdicts(unittest.TestCase):
    def idle(self, now):
        """The verdicts on a never subscribed mm and one that was."""
        key, gone = ("ops", "none", "cow"), ("ops", "after-list-1", "cow")
        counts = {"stock": {key: slope_of(1000), gone: slope_of(1500)},
                  "new": {key: slope_of(1000), gone: slope_of(now)}}
        figures = verdicts.untouched(counts, lambda slope: slope.total().insns)
        return [found.verdict for found in verdicts.idle(figures)]

    def test_idle(self):
        self.assertEqual(self.idle(1000), [verdicts.MET, verdicts.MET])
        # Less than stock with a former subscriber is not enough.
        self.assertEqual(self.idle(1100), [verdicts.MET, verdicts.MISSED])

    def test_isolation(self):
        slow = {"unregister": {0: [2e9]}, "remove": {0: [1]}, "exit": {0: [1, 30e6, 31e6]}}
        found = verdicts.isolation({"stock": slow, "new": slow})
        self.assertEqual([one.verdict for one in found],
                         [verdicts.MISSED, verdicts.MET, verdicts.MISSED])

    def test_faults(self):
        times = {"undisturbed": {9: [100]}, "held": {9: [101]},
                 "kvm-faults-taken": {0: [256], 4: [256, 300]},
                 "kvm-faults-needed": {0: [256], 4: [256]}}
        held, false = verdicts.faults({"stock": times, "new": times})
        self.assertEqual(held.verdict, verdicts.MET)
        self.assertEqual((false.verdict, false.new), (verdicts.MISSED, "0.086"))

    def test_ages(self):
        def asked(name, times, writes):
            return {("ages", "age-2M-by-ptes", "folio"): Slope(
                {name: Counts(9, 0, 0, times), "_raw_write_lock": Counts(3, 1, 0, writes)}, 0)}
        old = asked("kvm_mmu_notifier_clear_young", 512, 512)
        for new, words in ((asked("kvm_mmu_notifier_age", 1, 0), "met"),
                           (asked("kvm_mmu_notifier_age", 2, 1), "MISSED")):
            found = verdicts.ages({"stock": old, "new": new})
            self.assertEqual([(bar.old, bar.verdict) for bar in found], [("512", words)] * 2)

    def test_vm(self):
        def one(insns, writes):
            return {("subs", config, "invalidation"):
                    Slope({"alpha": Counts(insns), "_raw_write_lock": Counts(0, 0, 0, writes)}, 0)
                    for config in ("vm", "vmoutside")}
        found = verdicts.vm({"stock": one(100, 2), "new": one(61, 1)})
        self.assertEqual([each.verdict for each in found[:2]],
                         [verdicts.MISSED, verdicts.MET])


class Report(unittest.TestCase):
    def test_table(self):
        self.assertEqual(markdown.table(("a", "b"), [("x", 1)]),
                         "| a | b |\n|---|---:|\n| x | 1 |\n")

    def test_native_signs(self):
        def one(insns):
            return {("subs", "list-1", "invalidation"): slope_of(insns)}
        results = {"native": [(1, "list-1", "10", "20", "2.00")],
                   "scaling": {"stock": one(100), "new": one(50)}}
        text = "".join(chapters.native_chapter(results, []))
        self.assertIn("| NO |", text)
