# SPDX-License-Identifier: GPL-2.0
"""Litmus tests: read them, and see what they come to in two simple memories.

This is no memory model of the kernel (herd7 has that).  It says two things of a
test.  If each process does one thing after the other and all see one memory, the
outcome that `exists` names must not come about; else the test is wrong whatever the
barriers do.  If nothing keeps the order within a process, it must; else the test
asks for nothing.

    python3 -m harness.litmus file...
"""

import re
import sys
from typing import NamedTuple

from harness import ui

_HEAD = re.compile(r"C ([\w+-]+)\n")
_COMMENT = re.compile(r"\(\*.*?\*\)", re.S)
_PROCESS = re.compile(r"^P(\d+)\(([^)]*)\)\n\{\n(.*?)^\}$", re.M | re.S)
_EXISTS = re.compile(r"^exists \((.*)\)\s*\Z", re.M | re.S)
_TERM = re.compile(r"(\d+):(\w+)=(\d+)")
_STATEMENTS = (
    ("local", re.compile(r"int (\w+);")),
    ("load", re.compile(r"(\w+) = (?:READ_ONCE\(\*(\w+)\)|smp_load_acquire\((\w+)\));")),
    ("store", re.compile(r"(?:WRITE_ONCE\(\*(\w+)|smp_store_release\((\w+)), (\d+)\);")),
    ("lock", re.compile(r"spin_lock\((\w+)\);")),
    ("unlock", re.compile(r"spin_unlock\((\w+)\);")),
    ("fence", re.compile(r"smp_mb\(\);")),
    ("enter", re.compile(r"rcu_read_lock\(\);")),
    ("leave", re.compile(r"rcu_read_unlock\(\);")),
    ("grace", re.compile(r"synchronize_rcu\(\);")),
)
_IF = re.compile(r"if \((!?)(\w+)\)")
_ORDERS = ("lock", "unlock", "fence", "enter", "leave", "grace")


class Step(NamedTuple):
    """A statement: what it does, to what, with which value or register, and when."""
    kind: str
    where: str = ""
    what: str = ""
    when: tuple = ()    # (register, wanted truth) of an if


class Test(NamedTuple):
    """A litmus test."""
    name: str
    memory: dict
    processes: list     # of lists of steps
    exists: str


def _step(line, name, when):
    for kind, form in _STATEMENTS:
        match = form.fullmatch(line)
        if not match:
            continue
        words = [word for word in match.groups() if word is not None]
        if kind == "load":
            return Step(kind, words[1], words[0], when)
        if kind == "store":
            return Step(kind, words[0], words[1], when)
        return Step(kind, words[0] if words else "", "", when)
    raise ui.Fail(f"{name}: not understood: {line}")


def _process(name, arguments, body):
    """The steps of a process, its declarations checked and left out."""
    known = set(re.findall(r"\*(\w+)", arguments))
    steps, registers, when = [], set(), ()
    for line in filter(None, map(str.strip, body.split("\n"))):
        if match := _IF.fullmatch(line):
            when = (match[2], not match[1])
            continue
        step = _step(line, name, when)
        when = ()
        if step.kind == "local":
            registers.add(step.where)
            continue
        if step.where and step.where not in known:
            raise ui.Fail(f"{name}: {step.where} is no argument")
        used = [step.what] if step.kind == "load" else []
        if not registers.issuperset(used + list(step.when[:1])):
            raise ui.Fail(f"{name}: a register is not declared: {line}")
        steps.append(step)
    return steps


def parse(text):
    """A Test from its text, or a failure that says what is wrong."""
    head, exists = _HEAD.match(text), _EXISTS.search(text)
    if not head or not exists or "Result: Never" not in text:
        raise ui.Fail("a litmus test has a first line C name, Result: Never, and exists")
    name, plain = head[1], _COMMENT.sub("", text)
    start = re.search(r"^\{(.*?)\}$", plain, re.M)
    found = _PROCESS.findall(plain)
    if not start or [int(number) for number, _, _ in found] != list(range(len(found))):
        raise ui.Fail(f"{name}: no initial values, or processes not in order")
    memory = {place: int(value) for place, value in re.findall(r"(\w+)=(\d+);", start[1])}
    processes = [_process(name, arguments, body) for _, arguments, body in found]
    for number, register, _ in _TERM.findall(exists[1]):
        if int(number) >= len(processes) or not any(
                step.kind == "load" and step.what == register
                for step in processes[int(number)]):
            raise ui.Fail(f"{name}: exists names {number}:{register}, which nobody loads")
    if set(_TERM.sub("", exists[1])) - set(" ()/\\\n"):
        raise ui.Fail(f"{name}: exists is not understood: {exists[1]}")
    return Test(name, memory, processes, exists[1])


def holds(exists, registers):
    """Is this the outcome?  registers is {(process, name): value}."""
    words = _TERM.sub(lambda m: str(registers.get((int(m[1]), m[2]), 0) == int(m[3])), exists)
    # Nothing but truth values, parentheses and these two is left.
    return eval(words.replace("/\\", " and ").replace("\\/", " or "))  # pylint: disable=eval-used


def _blocked(step, me, state):
    """Must the step wait?  Locks are held by somebody, sections by their process."""
    memory = dict(state)
    if step.kind == "lock":
        return memory.get(("lock", step.where), 0)
    if step.kind == "grace":
        return any(key[0] == "section" and value and key[1] != me
                   for key, value in memory.items())
    return False


def _do(step, me, state):
    """The state after a step."""
    memory = dict(state)
    if step.when and bool(memory.get((me, step.when[0]), 0)) != step.when[1]:
        return state
    if step.kind == "load":
        memory[me, step.what] = memory.get(("at", step.where), 0)
    elif step.kind == "store":
        memory["at", step.where] = int(step.what)
    elif step.kind in ("lock", "unlock"):
        memory["lock", step.where] = int(step.kind == "lock")
    elif step.kind in ("enter", "leave"):
        memory["section", me] = int(step.kind == "enter")
    return frozenset(memory.items())


def reachable(test, ordered):
    """Does the outcome come about, with all order kept or with none?"""
    processes = test.processes if ordered else [
        [step for step in steps if step.kind not in _ORDERS] for steps in test.processes]
    begin = frozenset((("at", place), value) for place, value in test.memory.items())
    todo = [(tuple(frozenset(range(len(steps))) for steps in processes), begin)]
    seen = set(todo)
    while todo:
        left, state = todo.pop()
        if not any(left) and holds(test.exists, {
                key: value for key, value in state if isinstance(key[0], int)}):
            return True
        for me, mine in enumerate(left):
            for number in ([min(mine)] if mine and ordered else mine):
                step = processes[me][number]
                if _blocked(step, me, state):
                    continue
                after = (left[:me] + (mine - {number},) + left[me + 1:],
                         _do(step, me, state))
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
    return False


def problems(text):
    """What is wrong with a test; empty if nothing is."""
    try:
        test = parse(text)
    except ui.Fail as failure:
        return [str(failure)]
    found = []
    if reachable(test, ordered=True):
        found.append(f"{test.name}: comes about although all is in order")
    if not reachable(test, ordered=False):
        found.append(f"{test.name}: cannot come about whatever the order")
    return found


def main(names):
    """Check each file; the exit code."""
    bad = 0
    for name in names:
        with open(name, encoding="utf-8") as handle:
            found = problems(handle.read())
        bad += bool(found)
        ui.say("\n".join(found) or f"{name}: in order")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
