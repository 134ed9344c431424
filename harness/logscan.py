# SPDX-License-Identifier: GPL-2.0
"""Finds what a healthy kernel never prints in a console log."""

import re

# Each class of trouble, one pattern, with a name for the tests.
TROUBLE = {
    "bug": r"\bBUG:|kernel BUG at|\binternal error\b: Oops",
    "warning": r"\bWARNING:",
    "oops": r"\bOops\b|general protection fault|unable to handle (?:kernel|page)|"
            r"stack segment: |invalid opcode: \d|divide error: \d",
    "panic": r"Kernel panic - not syncing",
    "hung task": r"INFO: task \S+ blocked for more than",
    "lockup": r"soft lockup|hard LOCKUP|watchdog: BUG",
    "rcu stall": r"rcu: INFO: \S+ (?:self-)?detected|detected stalls? on CPU|"
                 r"rcu\S* kthread starved",
    "lockdep": r"possible (?:circular|recursive|irq lock)|inconsistent lock state|"
               r"INFO: trying to register non-static key|held lock freed|"
               r"possible irq lock inversion|bad unlock balance|"
               r"INFO: possible|lock held when returning to user space|"
               r"lockdep is turned off|BUG: MAX_LOCK|Invalid wait context",
    "rcu usage": r"suspicious RCU usage",
    "sleep": r"sleeping function called from invalid context|"
             r"scheduling while atomic",
    "sanitizer": r"KASAN: |KCSAN: |UBSAN: |KFENCE: ",
    "objects": r"ODEBUG: ",
    "list": r"list_(?:add|del) corruption",
    "memory": r"Bad page (?:state|map)|bad: scheduling|Bad rss-counter|"
              r"cache .*: Objects remaining|page dumped because|"
              r"refcount_t: |mm_struct.* still has",
    "trace": r"\bCall Trace:",
}

# Lines that match above and yet name no problem, each with the reason.
ALLOWED = {
    r"KASAN: .*KernelAddressSanitizer initialized|kasan: KernelAddress":
        "KASAN says that it is on",
    r"kcsan: (?:enabled|strict mode|non-strict|selftest: \d+/\d+ tests passed)":
        "KCSAN says that it is on",
    r"unable to handle .* is disabled by":
        "a boot option was turned off",
}

_TROUBLE = re.compile("|".join(f"(?:{pattern})" for pattern in TROUBLE.values()))
_ALLOWED = re.compile("|".join(f"(?:{pattern})" for pattern in ALLOWED))


def offends(line):
    """Whether one console line names a problem."""
    return bool(_TROUBLE.search(line)) and not _ALLOWED.search(line)


def scan(lines):
    """The offending lines, in order."""
    return [line for line in lines if offends(line)]


def report(lines, context=25, limit=60):
    """The first offending line with what follows it, for a message."""
    for number, line in enumerate(lines):
        if offends(line):
            return lines[number:number + min(context, limit)]
    return []
