# SPDX-License-Identifier: GPL-2.0
"""KTAP from a console, and the markers that a guest prints round each test."""

import re
from typing import NamedTuple

BEGIN, END, DONE = "@@BEGIN", "@@END", "@@DONE"

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|c)")
_STAMP = re.compile(r"^\[ *\d+\.\d+\](?:\[[^\]]*\])? ?")
_RESULT = re.compile(r"^(?P<indent> *)(?P<no>not )?ok (?P<number>\d+)"
                     r"(?: +-)?(?: +(?P<rest>.*))?$")
_PLAN = re.compile(r"^ *1\.\.(\d+)")
_SKIP = re.compile(r"#\s*skip\b:?\s*(?P<why>.*)", re.I)
_XFAIL = re.compile(r"#\s*(?:xfail|todo)\b", re.I)


class Outcome(NamedTuple):
    """pass, fail or skip, with the reason for a skip or a failure."""
    status: str
    reason: str = ""


def clean_console(line):
    """A line without carriage returns and what a terminal would act on."""
    return _ESCAPE.sub("", line).strip("\r\n")


def clean(line):
    """The same, without the kernel's time stamp."""
    return _STAMP.sub("", clean_console(line))


def _outcome(match):
    rest = match["rest"] or ""
    name = rest.split(" # ")[0].strip()
    if name.startswith("#"):
        name = ""
    skip = _SKIP.search(rest)
    if skip and not name:
        # kselftest's C helpers put the reason where the name belongs.
        name = f"{match['number']} {skip['why']}".strip()
    name = name or match["number"]
    if skip:
        return name, Outcome("skip", skip["why"].strip())
    if match["no"]:
        expected = _XFAIL.search(rest)
        return name, Outcome("skip", "expected to fail") if expected else Outcome("fail")
    return name, Outcome("pass")


def parse(lines):
    """{name: Outcome}; tests inside others are named outer/inner.

    The summary of a group is left out when its members are there, unless it
    failed and none of them did.  A plan that was not met is a failure.
    """
    results, waiting, planned, seen = {}, [], None, 0
    for line in map(clean, lines):
        plan = _PLAN.match(line)
        if plan and not line.startswith(" "):
            planned = (planned or 0) + int(plan[1])
        match = _RESULT.match(line)
        if not match:
            continue
        depth = len(match["indent"]) // 4
        name, outcome = _outcome(match)
        inner = [entry for entry in waiting if entry[0] > depth]
        waiting = [entry for entry in waiting if entry[0] <= depth]
        named = [(depth, f"{name}/{child}", result) for _, child, result in inner]
        hidden = outcome.status == "fail" and all(
            result.status != "fail" for _, _, result in inner)
        waiting += named if named and not hidden else named + [(depth, name, outcome)]
        seen += depth == 0
    for _, name, outcome in waiting:
        while name in results:
            name += "'"
        results[name] = outcome
    if planned is not None and seen != planned:
        results["plan"] = Outcome("fail", f"{planned} tests announced, {seen} ran")
    return results


class Section(NamedTuple):
    """What a guest printed between two markers; rc is None if it never ended."""
    rc: object
    lines: list


def sections(lines):
    """{name: Section} from @@BEGIN name ... @@END name rc."""
    found, name, kept = {}, None, []
    for line in map(clean, lines):
        words = line.split()
        if words[:1] == [BEGIN] and len(words) > 1:
            if name is not None:
                found[name] = Section(None, kept)
            name, kept = words[1], []
        elif words[:2] == [END, name] and len(words) == 3:
            found[name] = Section(int(words[2]), kept)
            name = None
        elif name is not None:
            kept.append(line)
    if name is not None:
        found[name] = Section(None, kept)
    return found
