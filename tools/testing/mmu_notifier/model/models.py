#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Have spin go through every state of the models, whole and broken.

A whole model has to hold in all states: no assertion fails, and nobody is left
waiting.  Each broken one leaves out one thing that the core does, and spin has
to find what that leads to: a failed assertion, or somebody who waits for ever;
which of the two is part of the table, and the other is not looked for.

Writes TAP, with the number of states and the seconds taken as comments.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MIB, DEEP_MIB = 2000, 8000
DEPTH = 100000


class Model(NamedTuple):
    name: str
    file: str
    defines: str
    finds: str = ""     # "assertion" or "wait" in what is broken
    deep: bool = False  # takes more memory and minutes


LEAVE = "-DLEAVE -DNI=1 -DROUNDS=2 -DMAY_SIGNAL=0 -DAGER"
LEAVE_ONCE = "-DLEAVE -DNI=1 -DROUNDS=1 -DMAY_SIGNAL=0 -DAGER"
STUCK = "-DSTUCK -DROUNDS=1 -DMAY_SIGNAL=0"
REPLACE = "-DREPLACE -DROUNDS=1 -DMAY_SIGNAL=1"
FIRST = "-DFIRST -DNI=1 -DROUNDS=2 -DMAY_SIGNAL=1"
EXIT = "-DEXIT -DNI=1 -DROUNDS=1 -DMAY_SIGNAL=0"
GETPUT = "-DGETPUT -DNI=1 -DROUNDS=1 -DMAY_SIGNAL=1 -DAGER"

READ = "-DINSERTS -DROUNDS=1 -DRANGE0=1 -DRANGE1=3 -DBOUNDS0=1 -DBOUNDS1=3"
APART = "-DSTUCK -DROUNDS=1 -DRANGE0=1 -DRANGE1=2 -DBOUNDS0=1 -DBOUNDS1=2"
RELEASE = "-DRELEASE -DROUNDS=1 -DRANGE0=3 -DRANGE1=3 -DBOUNDS0=1 -DBOUNDS1=3"

TRY = "-DROUNDS=2 -DRANGE0=1 -DRANGE1=3 -DTRY"
HELD = "-DROUNDS=2 -DRANGE0=1 -DRANGE1=2 -DSTUCK -DLOG=1"
BOTH = "-DROUNDS=2 -DRANGE0=1 -DRANGE1=2 -DTRY -DLOG=1"
ELSEWHERE = "-DROUNDS=2 -DRANGE0=2 -DRANGE1=2 -DLOG=1"
GLANCE = "-DROUNDS=2 -DRANGE0=1 -DRANGE1=2 -DGLANCE"

WHOLE = [
    Model("two leave", "list", LEAVE),
    Model("one leaves, the other's callouts may sleep for ever", "list", STUCK),
    Model("one leaves, another takes its slot", "list", REPLACE),
    Model("the last leaves, a first one comes", "list", FIRST),
    Model("exit, unregister and put", "list", EXIT),
    Model("get and put", "list", GETPUT),
    Model("insert, read, remove", "interval", READ),
    Model("read and remove, a callout elsewhere may sleep for ever", "interval", APART),
    Model("release and remove", "interval", RELEASE),
    Model("tickets", "tracker", TRY),
    Model("tickets and a log that is too short", "tracker", BOTH),
    Model("writers that never end", "tracker", HELD),
    Model("ranges elsewhere", "tracker", ELSEWHERE),
    Model("busy", "tracker", GLANCE),
]

# Only if asked for: some 110 million states, 7 GiB, ten minutes.
DEEP = [
    Model("two leave, two invalidators", "list",
          "-DLEAVE -DNI=2 -DROUNDS=1 -DMAY_SIGNAL=0", deep=True),
]

BROKEN = [
    Model("no grace period before calling is believed", "list",
          LEAVE_ONCE + " -DBROKEN_NO_GRACE_PERIOD", "assertion"),
    Model("calling is stored after the section", "list",
          LEAVE_ONCE + " -DBROKEN_CALLING_LATE", "assertion"),
    Model("the choice is not read again before a call", "list",
          LEAVE_ONCE + " -DBROKEN_NO_TODO_CHECK", "assertion"),
    Model("nobody wakes who waits for callouts", "list",
          LEAVE_ONCE + " -DBROKEN_NO_WAKE", "wait"),
    Model("an owner that takes over wakes nobody", "list",
          LEAVE_ONCE + " -DBROKEN_NO_TAKE_OVER_WAKE", "wait"),
    Model("an owner does not look for what was withdrawn", "list",
          LEAVE_ONCE + " -DBROKEN_NO_TAKE_OVER", "assertion"),
    Model("who leaves does not say what it pays", "list",
          LEAVE_ONCE + " -DBROKEN_NOT_PAID", "assertion"),
    Model("an owner calls ends that are paid", "list",
          REPLACE + " -DBROKEN_PAID_IGNORED", "assertion"),
    Model("later ranges still choose who leaves", "list",
          LEAVE + " -DBROKEN_STAYS_LIVE", "assertion"),
    Model("the end asks again who subscribes", "list",
          LEAVE_ONCE + " -DBROKEN_TESTS_AGAIN", "assertion"),
    Model("no grace period before unregister returns", "list",
          LEAVE_ONCE + " -DBROKEN_NO_LAST_GRACE_PERIOD", "assertion"),
    Model("freed while a range is in flight", "list",
          LEAVE_ONCE + " -DBROKEN_EARLY_FREE", "assertion"),
    Model("freed without a grace period", "list",
          LEAVE_ONCE + " -DBROKEN_FREE_NO_RCU", "assertion"),
    Model("who leaves waits for everybody's callouts", "list",
          STUCK + " -DBROKEN_WAITS_FOR_ALL", "wait"),
    Model("a later registration does not wait for ranges", "list",
          REPLACE + " -DBROKEN_NO_WAIT_RANGES", "assertion"),
    Model("the first registration drains nothing", "list",
          FIRST + " -DBROKEN_NO_FLUSH", "assertion"),
    Model("exit leaves to the worker what it does itself", "list",
          EXIT + " -DBROKEN_EXIT_SHARES", "assertion"),
    Model("no grace period in remove", "interval",
          APART + " -DBROKEN_NO_GRACE_PERIOD", "assertion"),
    Model("nobody wakes who waits for a callout", "interval",
          RELEASE + " -DBROKEN_NO_WAKE", "wait"),
    Model("remove waits for everybody's callouts", "interval",
          APART + " -DBROKEN_WAITS_FOR_ALL", "wait"),
    Model("a reader does not wait", "interval", READ + " -DBROKEN_NO_WAIT", "assertion"),
    Model("a reader takes a fresh number in any case", "interval",
          READ + " -DBROKEN_ALWAYS_FRESH", "assertion"),
    Model("all ranges have one number", "interval",
          READ + " -DBROKEN_SAME_NUMBER", "assertion"),
    Model("the number is compared before the lock is held", "interval",
          READ + " -DBROKEN_LOOKS_TOO_EARLY", "assertion"),
    Model("release does not wait for batches", "interval",
          RELEASE + " -DBROKEN_RELEASE_NO_WAIT", "assertion"),
    Model("nobody wakes a release that waits for batches", "interval",
          RELEASE + " -DBROKEN_RELEASE_NO_WAKE", "wait"),
    Model("started is stored before nr", "tracker",
          TRY + " -DBROKEN_SEQ_BEFORE_NR", "assertion"),
    Model("nr is loaded before started", "tracker",
          TRY + " -DBROKEN_LOADS_SWAPPED", "assertion"),
    Model("the log is not known to be too short", "tracker",
          BOTH + " -DBROKEN_LOG_NOT_BOUNDED", "assertion"),
    Model("a reader never registers after a lost pass", "tracker",
          ELSEWHERE + " -DBROKEN_NEVER_PRECISE", "assertion"),
    Model("numbers are compared without regard to the wrap", "tracker",
          TRY + " -DBROKEN_PLAIN_COMPARE", "assertion"),
    Model("the last range does not complete the ticket", "tracker",
          TRY + " -DBROKEN_NO_COMPLETE", "assertion"),
    Model("a ticket counts ranges elsewhere", "tracker",
          HELD + " -DBROKEN_WAITS_FOR_ALL", "assertion"),
    Model("a start does not mark tickets", "tracker",
          TRY + " -DBROKEN_NOT_COLLIDED", "assertion"),
    Model("a reader asks before it holds the lock", "tracker",
          TRY + " -DBROKEN_LOOKS_TOO_EARLY", "assertion"),
    Model("a reader does not ask whether a range is in flight", "tracker",
          GLANCE + " -DBROKEN_NOT_ASKED", "assertion"),
]
# What pan is told not to look for.
IGNORES = {"": [], "assertion": ["-E"], "wait": ["-A"]}
# What it says if it gave up for want of memory or stack.
UNFINISHED = ("max search depth too small", "reached -DMEMLIM bound", "out of memory")


def run(command, folder, limit):
    """Output and success of a command."""
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=limit,
                              stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return f"{command[0]}: not done after {limit} s", False
    return done.stdout, done.returncode == 0


def judge(model, said):
    """What is wrong with pan's answer; empty if nothing is."""
    errors = re.search(r"errors: (\d+)$", said, re.M)
    if not errors:
        return "no result"
    found = int(errors[1]) > 0
    if model.finds and found:
        return ""
    if any(words in said for words in UNFINISHED):
        return "not all states were seen"
    if model.finds:
        return "no error was found"
    return "an error was found" if found else ""


def verify(model, limit):
    """(what is wrong, states, what was said) of one model."""
    optimise = "-O0" if model.finds else "-O1"
    memory = DEEP_MIB if model.deep else MEMORY_MIB
    with tempfile.TemporaryDirectory() as folder:
        for command in (
                ["spin", *model.defines.split(), "-a", str(HERE / f"{model.file}.pml")],
                ["gcc", optimise, "-w", "-DSAFETY", "-DCOLLAPSE",
                 f"-DMEMLIM={memory}", "-o", "pan", "pan.c"]):
            said, good = run(command, folder, limit)
            if not good:
                return f"{command[0]} failed", 0, said
        said, _ = run(["./pan", f"-m{DEPTH}", "-w28" if model.deep else "-w22",
                       *IGNORES[model.finds]], folder, limit)
        wrong = judge(model, said)
        for trail in pathlib.Path(folder).glob("*.trail") if wrong else ():
            said += run(["spin", *model.defines.split(), "-p", "-k", str(trail),
                         str(HERE / f"{model.file}.pml")], folder, limit)[0]
    states = re.search(r"^ *(\d+) states, stored", said, re.M)
    return wrong, int(states[1]) if states else 0, said


def timed(model, limit):
    """verify(), and the seconds it took."""
    began = time.monotonic()
    return *verify(model, limit), time.monotonic() - began


def report(number, model, result):
    """The TAP lines of one model; true if all is well."""
    wrong, states, said, seconds = result
    what = f"broken: {model.name}: found" if model.finds else model.name
    print(f"# {model.file}: {model.name}: {states} states, {seconds:.1f} s")
    if wrong:
        print("".join(f"#   {line}\n" for line in said.splitlines()[-400:]), end="")
        print(f"# {wrong}: spin {model.defines} {model.file}.pml")
    print(f"{'not ' if wrong else ''}ok {number} - {model.file}: {what}")
    sys.stdout.flush()
    return not wrong


def main():
    """Run what was asked for; the exit code."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--limit", type=int, default=1800, help="seconds for each step")
    options.add_argument("--deep", action="store_true", help="what takes minutes, and only that")
    options.add_argument("only", nargs="?", default="", help="part of a model's name")
    args = options.parse_args()
    models = [model for model in (DEEP if args.deep else WHOLE + BROKEN)
              if args.only in f"{model.file}: {model.name}"]
    print(f"1..{len(models)}")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda model: timed(model, args.limit), models)
        good = [report(number, model, result)
                for number, (model, result) in enumerate(zip(models, results), 1)]
    return 0 if all(good) and good else 1


if __name__ == "__main__":
    sys.exit(main())
