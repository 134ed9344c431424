# SPDX-License-Identifier: GPL-2.0
"""The verdict of `make run`: it is given for a good run, and for no other."""

import unittest

from harness import demo_facts
from harness.ui import Fail

GOOD = """\
[    1.000000] @@PAGING npt=Y
[    7.000000] L2| [    3.100000] @@L2 start pages=90000 memory_kb=369000 workers=2
[    8.000000] L2| [    5.100000] @@L2 done phase=final pages=90000
[    9.000000] @@FINAL t=9 current_kb=160000 out_kb=409600 in_kb=204800 zram_kb=4000
[    9.000000] @@FINAL taken=10 fixed=8 retries=2 young=5 aged=9
[    9.000000] @@FINAL callouts=start:7,end:7 phase=final pages=90000 written=90000 \
verified=270000 covered=90000 wrong=0 last=1
[    9.000000] @@CALLOUT op=0:start event=1:clear count=7
[    9.000000] @@AGE op=0:clear_young calls=9 young=5
[    9.000000] @@EXIT reason=done status=0
[    9.000000] @@DONE
"""


def verdict(text, paging="nested", expect_trace=True, guest_mb=384):
    """What is said about a run with this console."""
    facts = demo_facts.Facts()
    for line in text.splitlines():
        facts.feed(line)
    return demo_facts.judge(facts, guest_mb, paging, expect_trace)


class Verdict(unittest.TestCase):
    """One test for each reason to fail, each made from the good run."""

    def refused(self, text, words, **kwargs):
        with self.assertRaises(Fail) as caught:
            verdict(text, **kwargs)
        self.assertIn(words, str(caught.exception))

    def changed(self, old, new):
        self.assertIn(old, GOOD)
        return GOOD.replace(old, new)

    def test_good(self):
        self.assertEqual(verdict(GOOD),
                         "400 MiB swapped, 270000 pages verified, 0 wrong")

    def test_wrong_page(self):
        self.refused(self.changed("wrong=0", "wrong=1"), "1 wrong page")

    def test_wrong_page_seen_only_in_the_inner_log(self):
        self.refused(GOOD + "[ 9.5] L2| [ 6.0] @@L2 wrong kind=stale addr=0x7f00\n",
                     "kind=stale addr=0x7f00")

    def test_wrong_page_is_named_before_other_failures(self):
        text = self.changed("wrong=0", "wrong=1").replace("reason=done", "reason=limit")
        self.refused(text, "1 wrong page")

    def test_not_swapped(self):
        self.refused(self.changed("out_kb=409600", "out_kb=0"), "no memory of the guest")
        self.refused(self.changed("in_kb=204800", "in_kb=0"), "no memory of the guest")

    def test_too_few_verified(self):
        self.refused(self.changed("verified=270000", "verified=98303"), "only 98303 pages")

    def test_not_every_page_verified(self):
        self.refused(self.changed("covered=90000", "covered=89999"), "89999 of 90000")

    def test_no_callouts(self):
        text = self.changed("[    9.000000] @@CALLOUT op=0:start event=1:clear count=7\n", "")
        self.refused(text, "no callout was seen")

    def test_no_tracepoints(self):
        text = self.changed("callouts=start:7,end:7", "callouts=n/a")
        self.refused(text, "lacks the tracepoints")
        self.assertIn("0 wrong", verdict(text, expect_trace=False))

    def test_time_limit(self):
        self.refused(self.changed("reason=done", "reason=limit"), "time limit")

    def test_inner_qemu_gone(self):
        self.refused(self.changed("reason=done status=0", "reason=quit status=137"),
                     "status 137")
        self.refused(self.changed("status=0", "status=137"), "did not end by itself")

    def test_no_report(self):
        self.refused("[ 1.0] @@PAGING npt=Y\n", "without a report")

    def test_outer_machine_gave_up(self):
        self.refused("[ 1.0] @@FAIL cannot swap on zram\n" + GOOD, "cannot swap on zram")

    def test_inner_guest_gave_up(self):
        self.refused("[ 1.0] L2| [ 1.0] @@L2 failed reason=no-memory\n" + GOOD, "no-memory")

    def test_warning_in_either_log(self):
        warning = "WARNING: CPU: 0 PID: 56 at mm/rmap.c:1 x+0x1/0x2\n"
        self.refused(f"[    2.000000] {warning}" + GOOD, "outer kernel")
        self.refused(f"[    2.000000] L2| [    1.000000] {warning}" + GOOD, "inner kernel")

    def test_other_paging_than_asked(self):
        self.refused(GOOD, "did not use shadow", paging="shadow")
        self.assertIn("0 wrong", verdict(self.changed("npt=Y", "npt=N"), paging="shadow"))


if __name__ == "__main__":
    unittest.main()
