# SPDX-License-Identifier: GPL-2.0
"""What the machines of `make run` report, and the verdict on it.

The guests only report (harness/guest/l1_monitor.c lists the lines); every
judgement is made here, so that it can be tested without a boot.
"""

import re

from harness import logscan
from harness.ui import Fail

PAGE_KB = 4
STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[[^]]*\])? ")

EARLY = "check the log, and try `make run` again"
BUG = "this is a bug in the kernel under test or in its notifier layer"


def key_values(text):
    """The k=v words of a report."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


class Facts:
    """Collects what the console says, line by line."""

    def __init__(self):
        self.live = {}          # the latest counters
        self.final = {}         # those at the end
        self.callouts = []      # (op, event, count)
        self.aging = []         # (op, calls, young)
        self.inner_log = []     # the inner guest's console
        self.outer_log = []     # everything else
        self.wrong = []         # descriptions of wrong pages
        self.start = {}         # what the inner guest said at its beginning
        self.paging = {}        # npt / ept as the module has it
        self.events = ""        # memory.events of the cgroup
        self.exit = {}
        self.failure = None     # a reason given by one of the machines
        self.updated = False    # a complete set of counters has come in

    def feed(self, raw):
        """Take one line of the outer machine's console."""
        line = STAMP.sub("", raw.rstrip("\r\n"))
        if line.startswith("L2| "):
            self.inner_log.append(line[4:])
            self._inner(STAMP.sub("", line[4:]))
            return
        self.outer_log.append(raw.rstrip("\r\n"))
        if line.startswith("@@"):
            word, _, rest = line[2:].partition(" ")
            self._outer(word, rest)

    def _outer(self, word, rest):
        if word in ("LIVE", "FINAL"):
            values = key_values(rest)
            self.live.update(values)
            if word == "FINAL":
                self.final.update(values)
            self.updated = self.updated or "last" in values
        elif word == "CALLOUT":
            v = key_values(rest)
            self.callouts.append((_name(v["op"]), _name(v["event"]), int(v["count"])))
        elif word == "AGE":
            v = key_values(rest)
            self.aging.append((_name(v["op"]), int(v["calls"]), int(v["young"])))
        elif word == "PAGING":
            self.paging.update(key_values(rest))
        elif word == "EVENTS":
            self.events = rest.strip()
        elif word == "EXIT":
            self.exit = key_values(rest)
        elif word == "FAIL":
            self.failure = rest

    def _inner(self, line):
        if not line.startswith("@@L2 "):
            return
        word, _, rest = line[5:].partition(" ")
        if word == "start":
            self.start = key_values(rest)
        elif word in ("wrong", "found"):
            self.wrong.append(rest)
        elif word == "failed":
            self.failure = f"the inner guest gave up: {key_values(rest).get('reason')}"

    def number(self, key):
        """A final counter; 0 when it was never reported."""
        return int(self.final.get(key, 0))

    def traced(self):
        """Whether the outer kernel has our tracepoints."""
        return "n/a" not in (self.final.get("callouts", "n/a"),
                             self.final.get("aged", "n/a"))


def _name(value):
    """"3:clear" is clear; a value without a name stays a number."""
    number, _, name = value.partition(":")
    return name or number


def judge(facts, guest_mb, paging, expect_trace):
    """The verdict line, or Fail with the one reason that matters most."""
    judge_pages(facts)
    _judge_course(facts)
    judge_logs(facts)
    _judge_paging(facts, paging)
    _judge_amounts(facts, guest_mb)
    _judge_callouts(facts, expect_trace)
    return (f"{facts.number('out_kb') // 1024} MiB swapped, "
            f"{facts.number('verified')} pages verified, 0 wrong")


def judge_pages(facts):
    count = int(facts.live.get("wrong", 0))
    if count or facts.wrong:
        first = "; ".join(facts.wrong[:2]) or "not described"
        raise Fail(f"{max(count, 1)} wrong page(s) in the inner guest; {BUG}: {first}")


def _judge_course(facts):
    if facts.failure:
        raise Fail(f"the test could not run: {facts.failure}; {EARLY}")
    reason = facts.exit.get("reason")
    if reason == "limit":
        raise Fail("the inner guest did not finish within its time limit (it was in "
                   f"phase {facts.live.get('phase', 'boot')}); close other programs "
                   "or raise the limit with --limit, and run again")
    if reason == "quit":
        last = facts.inner_log[-1] if facts.inner_log else "nothing"
        raise Fail("the inner QEMU ended before its guest had finished (status "
                   f"{facts.exit.get('status')}, {facts.events or 'no memory events'}); "
                   f"the guest's last line: {last}")
    if reason != "done" or not facts.final:
        raise Fail(f"the outer machine ended without a report; {EARLY}")
    if facts.exit.get("status") != "0":
        raise Fail("the inner QEMU did not end by itself after its guest had "
                   f"(status {facts.exit.get('status')}); {BUG}")


def judge_logs(facts):
    for name, log in (("inner", facts.inner_log), ("outer", facts.outer_log)):
        bad = logscan.report(log)
        if bad:
            quoted = "\n".join("    " + line for line in bad)
            raise Fail(f"the {name} kernel reports a problem; {BUG}:\n{quoted}")


def _judge_paging(facts, paging):
    wanted = "Y" if paging == "nested" else "N"
    found = set(facts.paging.values())
    if wanted not in found:
        raise Fail(f"KVM did not use {paging} paging (it says {facts.paging}); "
                   "the emulated CPU does not offer it")


def _judge_amounts(facts, guest_mb):
    if not facts.number("out_kb") or not facts.number("in_kb"):
        raise Fail("no memory of the guest was swapped out and in; the guest must "
                   "be larger than its cgroup")
    pages, verified = facts.number("pages"), facts.number("verified")
    if facts.number("covered") < pages or not pages:
        raise Fail(f"only {facts.number('covered')} of {pages} pages were verified "
                   "in the final pass")
    if verified < guest_mb * 1024 // PAGE_KB:
        raise Fail(f"only {verified} pages were verified, fewer than the guest's "
                   f"{guest_mb * 1024 // PAGE_KB}; give it more time with --seconds")


def _judge_callouts(facts, expect_trace):
    if not expect_trace:
        return
    if not facts.traced():
        raise Fail("the kernel lacks the tracepoints of the notifier layer "
                   "(mmu_notifier_callout, mmu_notifier_age); is the series applied?")
    if not sum(count for _, _, count in facts.callouts):
        raise Fail(f"memory was swapped but no callout was seen; {BUG}")
