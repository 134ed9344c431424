# SPDX-License-Identifier: GPL-2.0
"""What make check reads out of checkers, compilers and objects."""

import tempfile
import unittest
from pathlib import Path

from harness.check import docs, objects, off, static, users
from harness.check.report import FAIL, Report

CHECKPATCH = """WARNING:LINE_SPACING: Missing a blank line after declarations
#84: FILE: mm/mmu_notifier_flush.c:84:
+\tfor_each_vma(vmi, vma) {

CHECK:OPEN_ENDED_LINE: Lines should not end with a '('
#12: FILE: mm/other.c:12:
+f(
"""
DIFF = """diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -1,0 +2,3 @@ context
+1
@@ -9 +12 @@
-x
+y
diff --git a/include/b.h b/include/b.h
--- /dev/null
+++ b/include/b.h
@@ -0,0 +1,2 @@
"""


class Checkpatch(unittest.TestCase):
    def test_findings(self):
        found = static.complaints(CHECKPATCH)
        self.assertEqual([kind for kind, _ in found], ["LINE_SPACING", "OPEN_ENDED_LINE"])
        self.assertIn("mm/mmu_notifier_flush.c:84", found[0][1])

    def test_exceptions_hold_for_their_file_only(self):
        left = static.unjustified("0003-x.patch", static.complaints(CHECKPATCH))
        self.assertEqual(len(left), 1)
        self.assertIn("mm/other.c", left[0])

    def test_every_exception_has_a_reason(self):
        self.assertTrue(all(static.JUSTIFIED.values()))

    def test_unit_test_lines(self):
        words = ("test_a (mod.Class.test_a) ... ok\n"
                 "test_b (mod.Class.test_b)\nWhat it does. ... FAIL\n"
                 "test_c (mod.Class.test_c) ... skipped 'no gcc'\n")
        self.assertEqual([m[2] for m in static._TEST.findall(words)],
                         ["ok", "FAIL", "skipped 'no gcc'"])


class Lines(unittest.TestCase):
    def test_added(self):
        self.assertEqual(objects.added(DIFF),
                         {"mm/a.c": {2, 3, 4, 12}, "include/b.h": {1, 2}})

    def test_only_our_lines_count(self):
        output = ["../mm/a.c:3:6: warning: context imbalance in 'f'",
                  "../mm/a.c:7:6: warning: theirs", "mm/a.c:12:1: error: ours",
                  "../mm/a.c:2:1: note: see above", "  CC      mm/a.o"]
        found = objects.concerning(output, objects.added(DIFF))
        self.assertEqual(len(found), 2)
        self.assertIn("imbalance", found[0])

    def test_targets(self):
        names = ["mm/a.c", "mm/a.h", "tools/testing/t.c", "mm/mmu_notifier_pgtable.c",
                 "arch/parisc/kernel/cache.c", "arch/arm64/mm/x.c"]
        self.assertEqual(objects.targets(names), {
            "x86": ["mm/a.o"], "s390": ["mm/mmu_notifier_pgtable.o"],
            "arm64": ["arch/arm64/mm/x.o"]})


class Users(unittest.TestCase):
    def test_source_of(self):
        self.assertEqual(users.source_of("arch/x86/kvm/../../../virt/kvm/pfncache.o"),
                         "virt/kvm/pfncache.c")

    def test_a_new_user_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "drivers" / "new"
            place.mkdir(parents=True)
            (place / "user.c").write_text("mmu_notifier_register(&x, mm);\n")
            (place / "other.c").write_text("/* mmu notifiers are nice */\n")
            found = users.using(Path(folder))
        self.assertEqual(found, ["drivers/new/user.c"])
        self.assertEqual(users.uncovered([*found, "virt/kvm/kvm_main.c"]), found)

    def test_compiler_errors(self):
        lines = ["../a/svm.c:3:1: error: no", "../a/x.c:3:1: error: no"]
        self.assertEqual(users.errors_for("svm.c", lines), lines[:1])


class Off(unittest.TestCase):
    def test_traces(self):
        data = b"\x7fELF\0__mmu_notifier_release\0memcpy\0mmu_interval_read_begin\0"
        self.assertEqual(off.traces(data),
                         ["__mmu_notifier_release", "mmu_interval_read_begin"])
        self.assertEqual(off.traces(b"\x7fELF\0handle_mm_fault\0"), [])


class Docs(unittest.TestCase):
    def test_only_our_warnings(self):
        lines = ["Documentation/mm/mmu_notifier.rst:3: WARNING: bad",
                 "Documentation/mm/index.rst:5: WARNING: undefined label",
                 "reading mmu_notifier.rst"]
        self.assertEqual(docs.ours(lines, ["Documentation/mm/mmu_notifier.rst"]),
                         lines[:1])


class Native(unittest.TestCase):
    def test_builds_are_told_apart(self):
        report = Report()
        static.add_native(report, ["# asan, seed 7", "1..1", "ok 1 - rollback",
                                   "# tsan, seed 7", "1..1", "# race in f()",
                                   "not ok 1 - rollback"], [])
        self.assertEqual([case.name for case in report.cases],
                         ["asan/rollback", "tsan/rollback", "make"])
        self.assertEqual(report.cases[1].status, FAIL)
        self.assertIn("race in f()", report.cases[1].reason)

    def test_silence_fails(self):
        report = Report()
        static.add_native(report, ["compiling"], [])
        self.assertEqual(report.summary()[-1], "0 passed, 1 failed")


if __name__ == "__main__":
    unittest.main()
