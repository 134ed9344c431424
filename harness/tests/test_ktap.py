# SPDX-License-Identifier: GPL-2.0
"""KTAP as kselftests, the kselftest harness and KUnit print it."""

import unittest

from harness import ktap
from harness.ktap import Outcome


class Parse(unittest.TestCase):
    def test_kselftest(self):
        lines = ["TAP version 13", "1..4", "ok 1 pairing", "not ok 2 - rollback",
                 "ok 3 # SKIP no swap", "ok 4 exit # SKIP needs root"]
        self.assertEqual(ktap.parse(lines), {
            "pairing": Outcome("pass"), "rollback": Outcome("fail"),
            "3 no swap": Outcome("skip", "no swap"),
            "exit": Outcome("skip", "needs root")})

    def test_console_noise(self):
        lines = ["[    1.2] TAP version 13\r", "[    1.2] 1..1\r", "[    1.3] eth0: up",
                 "[    1.4] ok 1 alone\r"]
        self.assertEqual(ktap.parse(lines), {"alone": Outcome("pass")})

    def test_kunit_nesting(self):
        lines = ["KTAP version 1", "1..2", "    KTAP version 1", "    # Subtest: outer",
                 "    1..2", "    ok 1 one", "    not ok 2 two", "not ok 1 outer",
                 "    KTAP version 1", "    1..1", "        ok 1 deep", "    ok 1 mid",
                 "ok 2 other"]
        self.assertEqual(ktap.parse(lines), {
            "outer/one": Outcome("pass"), "outer/two": Outcome("fail"),
            "other/mid/deep": Outcome("pass")})

    def test_group_failing_alone(self):
        lines = ["    ok 1 one", "not ok 1 outer"]
        self.assertEqual(ktap.parse(lines)["outer"], Outcome("fail"))

    def test_plan_not_met(self):
        found = ktap.parse(["1..3", "ok 1 a", "ok 2 b"])
        self.assertEqual(found["plan"].status, "fail")

    def test_expected_failure_is_no_pass(self):
        self.assertEqual(ktap.parse(["not ok 1 x # TODO later"])["x"].status, "skip")

    def test_same_name_twice(self):
        self.assertEqual(len(ktap.parse(["ok 1 x", "not ok 2 x"])), 2)


class Sections(unittest.TestCase):
    def test_markers(self):
        found = ktap.sections(["boot", "@@BEGIN a", "ok 1 x", "@@END a 0",
                               "@@BEGIN b", "died", "@@BEGIN c", "@@END c 4"])
        self.assertEqual(found["a"], (0, ["ok 1 x"]))
        self.assertIsNone(found["b"].rc)
        self.assertEqual(found["c"].rc, 4)
