# SPDX-License-Identifier: GPL-2.0
"""Outcomes of guest programs, their comparison with stock, and the summary."""

import unittest

from harness.check import compare, consumers, guests
from harness.check.report import FAIL, PASS, SAME, SKIP, Report
from harness.ktap import Outcome, Section


class Judge(unittest.TestCase):
    def test_plain_program(self):
        self.assertEqual(compare.judge(Section(0, ["fine"]), False), {"": Outcome(PASS)})
        failed = compare.judge(Section(254, ["==== Test Assertion Failure ===="]), False)
        self.assertEqual(failed[""].status, FAIL)
        self.assertIn("exit code 254", failed[""].reason)
        self.assertIn("Assertion", failed[""].reason)

    def test_skip_with_reason(self):
        lines = ["Random seed: 0x1", "1..0 # SKIP - Requirement not met: cap"]
        self.assertEqual(compare.judge(Section(4, lines), False),
                         {"": Outcome(SKIP, "Requirement not met: cap")})

    def test_time_limit(self):
        found = compare.judge(Section(137, ["last words"]), False)
        self.assertEqual(found[""].status, FAIL)
        self.assertIn("time limit", found[""].reason)

    def test_time_limit_after_results(self):
        found = compare.judge(Section(137, ["1..2", "ok 1 one"]), True)
        self.assertEqual(found["one"].status, PASS)
        self.assertEqual(found[""].status, FAIL)

    def test_never_ran_or_ended(self):
        self.assertEqual(compare.judge(None, True)[""].status, FAIL)
        self.assertEqual(compare.judge(Section(None, []), True)[""].status, FAIL)

    def test_silent_ktap_program_is_no_success(self):
        self.assertEqual(compare.judge(Section(0, []), True)[""].status, FAIL)

    def test_failing_code_with_passing_tests(self):
        found = compare.judge(Section(139, ["1..1", "ok 1 one"]), True)
        self.assertEqual(found[""].status, FAIL)

    def test_named_failure_is_not_counted_twice(self):
        found = compare.judge(Section(1, ["1..2", "ok 1 one", "not ok 2 two"]), True)
        self.assertEqual({name: o.status for name, o in found.items()},
                         {"one": PASS, "two": FAIL})

    def test_failure_is_explained(self):
        lines = ["1..2", "# a.c:1:one:fine", "ok 1 one", "# a.c:3:two:Expected 0 == 1",
                 "# two: Test failed", "not ok 2 mm.two"]
        found = compare.judge(Section(1, lines), True)["mm.two"]
        self.assertIn("Expected 0 == 1", found.reason)
        self.assertNotIn("fine", found.reason)


class Against(unittest.TestCase):
    STOCK = {"a": Outcome(PASS), "b": Outcome(FAIL, "old"), "c": Outcome(SKIP, "no")}

    def status(self, new, stock=None):
        found = compare.against(self.STOCK if stock is None else stock, new)
        return {name: outcome.status for name, outcome in found.items()}

    def test_equal(self):
        self.assertEqual(self.status(self.STOCK), {"a": PASS, "b": SAME, "c": SKIP})

    def test_regression(self):
        new = dict(self.STOCK, a=Outcome(FAIL, "stale page"))
        found = compare.against(self.STOCK, new)["a"]
        self.assertEqual(found.status, FAIL)
        self.assertIn("stale page", found.reason)

    def test_lost_coverage_is_a_regression(self):
        self.assertEqual(self.status(dict(self.STOCK, a=Outcome(SKIP, "x")))["a"], FAIL)
        absent = {name: o for name, o in self.STOCK.items() if name != "a"}
        self.assertEqual(self.status(absent)["a"], FAIL)

    def test_better_than_stock(self):
        self.assertEqual(self.status(dict(self.STOCK, b=Outcome(PASS)))["b"], PASS)

    def test_failure_where_stock_skips(self):
        self.assertEqual(self.status(dict(self.STOCK, c=Outcome(FAIL)))["c"], FAIL)

    def test_unknown_to_stock(self):
        self.assertEqual(self.status({"d": Outcome(FAIL), "e": Outcome(PASS)}, {}),
                         {"d": FAIL, "e": PASS})


class Summary(unittest.TestCase):
    def lines(self):
        report = Report()
        report.add("npt", "a", PASS)
        report.add("npt", "b", FAIL, "stale\npage")
        report.extend("npt", {f"s{n}": Outcome(SKIP, "no memory") for n in range(9)})
        report.add("npt", "old", SAME, "as ever")
        report.verdict("off", "objects", [])
        report.verdict("off", "member", ["there"])
        return report, report.summary()

    def test_last_line(self):
        report, lines = self.lines()
        self.assertEqual(lines[-1], "2 passed, 2 failed")
        self.assertEqual(report.count(FAIL), 2)

    def test_reasons_come_before(self):
        text = "\n".join(self.lines()[1][:-1])
        for words in ("no memory", "and 3 more", "stale\n", "as ever", "off: member"):
            self.assertIn(words, text)

    def test_nothing_ran(self):
        self.assertEqual(Report().summary()[-1], "0 passed, 0 failed")


class Programs(unittest.TestCase):
    def test_names_are_unique(self):
        names = [program.name for program in consumers.PROGRAMS]
        self.assertEqual(len(names), len(set(names)))

    def test_shadow_repeats_only_kvm(self):
        self.assertEqual({p.folder for p in consumers.chosen(shadow=True)},
                         {consumers.KVM})
        self.assertTrue({p.folder for p in consumers.chosen(slow=True)}
                        == {consumers.KVM, consumers.MM})

    def test_kernel_log(self):
        self.assertEqual(guests.complaints(["all is well"]).status, PASS)
        bad = guests.complaints(["[ 1.0] BUG: KASAN: slab-use-after-free in x"])
        self.assertEqual(bad.status, FAIL)
        self.assertIn("use-after-free", bad.reason)

    def test_flat(self):
        self.assertEqual(guests.flat({"g": {"": 1, "t": 2}}), {"g": 1, "g/t": 2})


if __name__ == "__main__":
    unittest.main()
