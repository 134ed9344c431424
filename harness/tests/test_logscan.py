# SPDX-License-Identifier: GPL-2.0
"""One healthy log, and one line of each class of trouble."""

import unittest

from harness import logscan

# (class, line) in the words of the kernel's own printk formats.
OFFENDING = [
    ("bug", "[    1.0] BUG: kernel NULL pointer dereference, address: 0000000000000008"),
    ("bug", "[    1.0] kernel BUG at mm/x.c:12!"),
    ("warning", "[    1.0] WARNING: CPU: 1 PID: 7 at mm/x.c:3 f+0x1/0x2"),
    ("oops", "[    1.0] Oops: general protection fault, probably for non-canonical"),
    ("panic", "[    1.0] Kernel panic - not syncing: Attempted to kill init!"),
    ("hung task", "[  300.0] INFO: task reader:77 blocked for more than 122 seconds."),
    ("lockup", "[   44.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:1]"),
    ("rcu stall", "[   60.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"),
    ("rcu stall", "[   60.0] rcu: INFO: rcu_sched self-detected stall on CPU"),
    ("lockdep", "[    1.0] WARNING: possible circular locking dependency detected"),
    ("lockdep", "[    1.0] INFO: trying to register non-static key."),
    ("lockdep", "[    1.0] [ BUG: Invalid wait context ]"),
    ("rcu usage", "[    1.0] mm/x.c:12 suspicious RCU usage!"),
    ("sleep", "[    1.0] BUG: sleeping function called from invalid context at mm/x.c:4"),
    ("sleep", "[    1.0] BUG: scheduling while atomic: x/12/0x00000002"),
    ("sanitizer", "[    1.0] BUG: KASAN: slab-use-after-free in f+0x1/0x2"),
    ("sanitizer", "[    1.0] BUG: KCSAN: data-race in f / g"),
    ("sanitizer", "[    1.0] UBSAN: shift-out-of-bounds in mm/x.c:4:2"),
    ("objects", "[    1.0] ODEBUG: free active (active state 0) object: 0 object type: t"),
    ("list", "[    1.0] list_del corruption. prev->next should be 0, but was 1."),
    ("memory", "[    1.0] BUG: Bad page state in process x  pfn:00001"),
    ("memory", "[    1.0] BUG: Bad rss-counter state mm:00 type:MM_ANONPAGES val:1"),
    ("memory", "[    1.0] refcount_t: underflow; use-after-free."),
    ("trace", "[    1.0] Call Trace:"),
]

HEALTHY = """\
[    0.000000] Linux version 6.12.117 (mmu@notifier) #1 SMP
[    0.000000] kasan: KernelAddressSanitizer initialized
[    0.000000] rcu: Preemptible hierarchical RCU implementation.
[    0.000000] rcu: \tRCU lockdep checking is enabled.
[    0.012345] kcsan: strict mode configured
[    0.012345] kcsan: enabled early
[    0.012345] kcsan: selftest: 3/3 tests passed
[    0.020000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
[    0.100000] Spectre V2 : Vulnerable
[    0.200000] kvm_amd: Nested Paging enabled
[    1.500000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)
[    1.500000] Memory cgroup out of memory: Killed process 99 (x) total-vm:4kB
ok 1 rollback of a start that fails half way
""".splitlines()


class Scan(unittest.TestCase):
    def test_each_class_is_caught(self):
        for kind, line in OFFENDING:
            with self.subTest(kind=kind, line=line):
                self.assertEqual(logscan.scan(["before", line, "after"]), [line])

    def test_every_class_has_an_example(self):
        self.assertEqual({kind for kind, _ in OFFENDING}, set(logscan.TROUBLE))

    def test_healthy_log(self):
        self.assertEqual(logscan.scan(HEALTHY), [])

    def test_report_starts_at_the_trouble(self):
        lines = HEALTHY + ["[ 2.0] BUG: x", "[ 2.0] RIP: y"]
        self.assertEqual(logscan.report(lines), ["[ 2.0] BUG: x", "[ 2.0] RIP: y"])
