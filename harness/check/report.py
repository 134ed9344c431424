# SPDX-License-Identifier: GPL-2.0
"""What was tested and how it ended, and the summary of it."""

import threading
from collections import Counter
from typing import NamedTuple

PASS, FAIL, SKIP = "pass", "fail", "skip"
# Fails on the unchanged kernel in the same way, so it says nothing about ours.
SAME = "same"
LISTED = 6


class Case(NamedTuple):
    """One test; the part groups them in the summary."""
    part: str
    name: str
    status: str
    reason: str = ""


class Report:
    """Cases from several threads."""

    def __init__(self):
        self.cases = []
        self._lock = threading.Lock()

    def add(self, part, name, status, reason=""):
        """Record one case."""
        with self._lock:
            self.cases.append(Case(part, name, status, reason))

    def verdict(self, part, name, problems):
        """Record a pass, or a failure with the problems as its reason."""
        self.add(part, name, FAIL if problems else PASS, "\n".join(problems))

    def extend(self, part, results, prefix=""):
        """Record {name: ktap.Outcome}."""
        for name, outcome in results.items():
            self.add(part, prefix + name, outcome.status, outcome.reason)

    def count(self, status):
        """How many cases ended so."""
        return sum(case.status == status for case in self.cases)

    def summary(self):
        """The lines to print; the last is "N passed, N failed"."""
        lines = ["", f"{'part':<22}{'passed':>8}{'failed':>8}{'skipped':>9}{'as stock':>10}"]
        table = Counter((case.part, case.status) for case in self.cases)
        for part in dict.fromkeys(case.part for case in self.cases):
            row = [table[part, status] for status in (PASS, FAIL, SKIP, SAME)]
            lines.append(f"{part:<22}{row[0]:>8}{row[1]:>8}{row[2]:>9}{row[3]:>10}")
        lines += self._grouped(SKIP, "skipped:")
        lines += self._grouped(SAME, "failing in the same way on the unchanged kernel:")
        lines += self._failures()
        lines += ["", f"{self.count(PASS)} passed, {self.count(FAIL)} failed"]
        return lines

    def _failures(self):
        failed = [case for case in self.cases if case.status == FAIL]
        lines = ["", "failed:"] if failed else []
        for case in failed:
            lines.append(f"  {case.part}: {case.name}")
            lines += [f"      {line}" for line in case.reason.splitlines()[:40]]
        return lines

    def _grouped(self, status, title):
        """Cases that share part and reason, in one line."""
        groups = {}
        for case in self.cases:
            if case.status == status:
                groups.setdefault((case.part, case.reason or "no reason given"),
                                  []).append(case.name)
        lines = ["", title] if groups else []
        for (part, reason), names in groups.items():
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            first = reason.splitlines()[0]
            lines.append(f"  {part}: {', '.join(names[:LISTED])}{more}: {first}")
        return lines
