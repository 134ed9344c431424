# SPDX-License-Identifier: GPL-2.0
"""The order and the overlap of jobs, and what a failure does to others."""

import threading
import time
import unittest
from unittest import mock

from harness import ui
from harness.check import plan, schedule
from harness.check.report import FAIL, SKIP, Report
from harness.check.schedule import BUILD, GUEST, Job


class Runs(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.object(ui, "say"))
        self.report, self.log, self.lock = Report(), [], threading.Lock()

    def job(self, name, lane=BUILD, needs=(), quiet=False, fail=None, wait=0.05):
        def run():
            with self.lock:
                self.log.append(("begin", name))
            time.sleep(wait)
            with self.lock:
                self.log.append(("end", name))
            if fail:
                raise fail
        return Job(name, run, lane, needs, quiet)

    def run_jobs(self, *jobs):
        schedule.Schedule(jobs, self.report).run()
        return self.log

    def overlap(self, one, other):
        index = {entry: number for number, entry in enumerate(self.log)}
        return (index["begin", one] < index["end", other]
                and index["begin", other] < index["end", one])

    def test_lanes_overlap_and_are_serial_within(self):
        together = threading.Barrier(2)
        self.run_jobs(Job("a", lambda: together.wait(60)), self.job("b"), self.job("c"),
                      Job("g", lambda: together.wait(60), GUEST))
        self.assertEqual(self.report.count(FAIL), 0)
        self.assertFalse(self.overlap("b", "c"))

    def test_two_guests_when_all_is_built(self):
        together = threading.Barrier(2)
        pair = [Job(name, lambda: together.wait(60), GUEST) for name in ("h1", "h2")]
        self.run_jobs(self.job("g1", GUEST), self.job("a"), self.job("b", needs=("g1",)),
                      self.job("g2", GUEST, needs=("g1",)), *pair)
        self.assertEqual(self.report.count(FAIL), 0)
        self.assertFalse(self.overlap("g1", "g2"))

    def test_a_sole_guest_has_no_other_beside_it(self):
        alone = Job("g1", self.job("g1", GUEST).run, GUEST, sole=True)
        self.run_jobs(alone, self.job("g2", GUEST), self.job("g3", GUEST))
        self.assertFalse(self.overlap("g1", "g2"))
        self.assertFalse(self.overlap("g1", "g3"))

    def test_one_guest_while_something_is_to_be_built(self):
        self.run_jobs(self.job("g1", GUEST), self.job("g2", GUEST),
                      self.job("a", needs=("g2",)))
        self.assertFalse(self.overlap("g1", "g2"))

    def test_quiet_runs_alone(self):
        self.run_jobs(self.job("a"), self.job("q", GUEST, quiet=True), self.job("b"),
                      self.job("g", GUEST))
        for other in ("a", "b", "g"):
            self.assertFalse(self.overlap("q", other))

    def test_needs_come_first(self):
        self.run_jobs(self.job("late", needs=("early",)), self.job("early"))
        self.assertEqual(self.log[0], ("begin", "early"))

    def test_failure_is_counted_once_and_stops_dependants(self):
        self.run_jobs(self.job("a", fail=ui.Fail("no disk")), self.job("b", needs=("a",)),
                      self.job("c", needs=("b",)))
        self.assertEqual([name for _, name in self.log], ["a", "a"])
        self.assertEqual(self.report.count(FAIL), 1)
        self.assertEqual(self.report.count(SKIP), 2)

    def test_fault_of_the_harness_fails(self):
        self.run_jobs(self.job("a", fail=KeyError("x")))
        self.assertIn("KeyError", self.report.cases[0].reason)

    def test_circle(self):
        with self.assertRaises(ui.Fail):
            self.run_jobs(self.job("a", needs=("b",)), self.job("b", needs=("a",)))


class Plans(unittest.TestCase):
    def test_parts_name_jobs(self):
        jobs = plan.Plan(Report()).jobs()
        known = {job.name for job in jobs}
        for part in plan.PARTS.values():
            self.assertLessEqual(set(part.jobs), known)
        for job in jobs:
            self.assertLessEqual(set(job.needs), known)

    def test_all_but_kcsan_by_default(self):
        self.assertNotIn("guest kcsan", plan.names([], False))
        self.assertIn("guest kcsan", plan.names([], True))

    def test_closure(self):
        jobs = plan.Plan(Report()).jobs()
        names = [j.name for j in schedule.closure(jobs, plan.names(["off"], False))]
        self.assertEqual(names, ["tree", "emulator", "build plain", "off", "guest off"])


if __name__ == "__main__":
    unittest.main()
