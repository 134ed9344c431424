# SPDX-License-Identifier: GPL-2.0
"""Do the tables in mmu_notifier.rst list exactly the callers and subscribers?

python3 -m harness.calltable TREE RST

Each table stands after a comment ".. calltable: NAME".  A row is identified by
its file and function (or ops); the columns that can be read off the source are
compared too: causes, events, whether the start may block, which callouts are made or
implemented.  Anything missing, left over or different is named.  A function
that starts an invalidation must end it too, or its row must say where it ends:
a range that is never ended stays linked in a dead stack frame.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# The core itself, and subscribers and callers that exist to test it.
OWN = re.compile(r"include/linux/mmu_notifier(_age)?\.h"
                 r"|mm/mmu_notifier(_age|_age_batch|_flush|_interval|_register|_young|_kunit)?\.c"
                 r"|mm/(mmu_notifier|range_tracker)\w*(test|kunit)\w*\.[ch]"
                 r"|lib/test_mmu_notifier.*|tools/.*|Documentation/.*")

START = "mmu_notifier_invalidate_range_start"
END = "mmu_notifier_invalidate_range_end"
# Callouts in a function, by the table that lists them.
CALLS = {
    "invalidations": {START: "yes", START + "_nonblock": "no"},
    "secondary-tlbs": {"mmu_notifier_arch_invalidate_secondary_tlbs": ""},
    "aging": {
        "mmu_age_begin": "later",
        "mmu_age_ask": "now",
        "mmu_age_now": "now",
        "mmu_notifier_clear_flush_young": "now",
        "mmu_notifier_clear_young": "now",
        "mmu_notifier_test_young": "now",
        "ptep_clear_flush_young_notify": "now",
        "pmdp_clear_flush_young_notify": "now",
        "ptep_clear_young_notify": "now",
        "pmdp_clear_young_notify": "now",
    },
    "others": {
        "mmu_notifier_release": "mmu_notifier_release",
        "mmu_notifier_subscriptions_init": "mmu_notifier_subscriptions_init",
        "mmu_notifier_subscriptions_destroy": "mmu_notifier_subscriptions_destroy",
        "mm_has_notifiers": "mm_has_notifiers",
    },
}
NAMES = sorted({name for table in CALLS.values() for name in table}, key=len,
               reverse=True)
END_CALL = re.compile(rf"(?<![\w.>]){END}\s*\(")
ENDS_IN = re.compile(r"ends in (\w+)\(\)")
CALL = re.compile(r"(?<![\w.>])(" + "|".join(NAMES) + r")\s*\(")
EVENT = re.compile(r"\bMMU_NOTIFY_(\w+)")
# A cause where it is given, in the table that defines them, and handed down.
CAUSE = re.compile(r"\bMMU_CAUSE_(\w+)")
CAUSE_ROW = re.compile(r"_\((\w+),\s*(\w+),\s*\"\w+\",\s*(true|false)\)")
CAUSE_HANDED = re.compile(r"\bTTU_CAUSE\((\w+)\)")
CAUSE_HEADER = "include/linux/mmu_notifier_cause.h"
# Functions that choose a cause are in these; those that get one from a caller.
CAUSE_CHOOSERS = ("mm/internal.h",)
CAUSE_TAKERS = {"try_to_unmap": "try_to_unmap_one",
                "try_to_migrate": "try_to_migrate_one"}
REASON = re.compile(r"\bMMU_AGING_FOR_(\w+)")
# mmu_age_ask() is told of pages whose primary entries have been aged.
CLEARS = re.compile(r"\bMMU_AGING_CLEAR\b|\bmmu_age_ask\(|clear_(flush_)?young(_notify)?\(")
OPS = re.compile(r"struct mmu_(interval_)?notifier_ops\s+(\w+)\s*=\s*\{(.*?)\n\}",
                 re.S)
# Members of ops that say what to call for.
NOT_CALLOUTS = {"events", "filtered"}
MEMBER = re.compile(r"\.(\w+)\s*=")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)
# What may stand before a function's name and looks like a call.
NOT_NAMES = {"__attribute__", "__printf", "__acquires", "__releases",
             "__must_hold", "__aligned", "__section", "__no_sanitize"}
# The column that is compared, by table.
COMPARED = {"causes": ("Event", "Owner"),
            "invalidations": ("Cause", "Event", "Blocks"), "aging": ("Asks", "Reason", "Clears"),
            "secondary-tlbs": (), "others": ("Calls",),
            "subscribers": ("Kind", "Callouts")}


def strip(text):
    """Blank out comments and strings; line breaks stay where they are."""
    return COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)


def function_name(head):
    """The function that a definition's text before its brace defines."""
    for name in re.findall(r"(\w+)\s*\(", head):
        if name not in NOT_NAMES:
            return name
    return "?"


def functions(text):
    """Yield (name, body) of each definition in kernel style: braces in column 0."""
    lines = text.split("\n")
    head, body, name = [], [], None
    for line in lines:
        if name is None:
            if line.startswith("{"):
                name, body = function_name("\n".join(head)), []
            elif not line.strip() or line[0] in "#}" or line.rstrip().endswith(";"):
                head = []
            else:
                head.append(line)
        elif line.startswith("}"):
            yield name, "\n".join(body)
            head, name = [], None
        else:
            body.append(line)


def candidates(tree):
    """Files of a kernel tree that mention what the tables are about."""
    words = "|".join([*NAMES, END, "TTU_CAUSE", "struct mmu_(interval_)?notifier_ops"])
    found = subprocess.run(
        # Object trees lie in the tree under hidden names, some with copies.
        ["grep", "-rlE", "--include=*.[ch]", "--exclude-dir=.?*", words, "."],
        cwd=tree, stdout=subprocess.PIPE, text=True, check=False)
    names = (name.removeprefix("./") for name in found.stdout.split("\n") if name)
    return sorted(name for name in names if not OWN.fullmatch(name))


class Causes:
    """What the source says of causes: which event each is, who gives which."""

    def __init__(self, tree, texts):
        tree = Path(tree)
        header = tree / CAUSE_HEADER
        rows = CAUSE_ROW.findall(header.read_text()) if header.exists() else []
        self.events = {cause: event for cause, event, _ in rows}
        self.rows = {("", cause): {"Event": {event},
                                   "Owner": {"yes" if by == "true" else "no"}}
                     for cause, event, by in rows}
        self.chosen = {name: set(CAUSE.findall(body))
                       for file in CAUSE_CHOOSERS if (tree / file).exists()
                       for name, body in functions(strip((tree / file).read_text()))
                       if CAUSE.search(body)}
        self.handed = defaultdict(set)
        for text in texts.values():
            for _, body in functions(text):
                for call, taker in CAUSE_TAKERS.items():
                    if re.search(rf"\b{call}\s*\(", body):
                        self.handed[taker] |= set(CAUSE_HANDED.findall(body))

    def of(self, function, body):
        """The causes of the ranges that a function starts."""
        found = set(CAUSE.findall(body)) | self.handed[function]
        for name, causes in self.chosen.items():
            if re.search(rf"\b{name}\s*\(", body):
                found |= causes
        return found


def calls_of(function, body, table, causes):
    """What one function's body does that the table lists; columns to values."""
    made = {CALLS[table][found[1]] for found in CALL.finditer(body)
            if found[1] in CALLS[table]}
    if not made:
        return None
    if table == "invalidations":
        why = causes.of(function, body)
        events = {name.upper() for name in EVENT.findall(body)}
        return {"Cause": why, "Blocks": made,
                "Event": events | {causes.events.get(cause, "?") for cause in why}}
    if table == "aging":
        return {"Asks": made, "Reason": set(REASON.findall(body)) or {"OTHER"},
                "Clears": {"yes" if CLEARS.search(body) else "no"}}
    return {column: made for column in COMPARED[table]}


def scan(tree):
    """Read off the source what the tables should hold."""
    found = defaultdict(dict)
    texts = {name: strip((Path(tree) / name).read_text(errors="replace"))
             for name in candidates(tree)}
    causes = Causes(tree, texts)
    if causes.rows:
        found["causes"] = causes.rows
    for name, text in texts.items():
        inside = 0
        for function, body in functions(text):
            inside += len(CALL.findall(body))
            if END_CALL.search(body):
                found["ends"][name, function] = True
            for table in CALLS:
                values = calls_of(function, body, table, causes)
                if values is not None:
                    found[table][name, function] = values
        for interval, ops, members in OPS.findall(text):
            found["subscribers"][name, ops] = {
                "Kind": {"interval" if interval else "list"},
                "Callouts": set(MEMBER.findall(members)) - NOT_CALLOUTS}
        if inside != len(CALL.findall(text)):
            found["stray"][name] = len(CALL.findall(text)) - inside
    return found


def split_row(line, edges):
    return [line[start:end].strip() for start, end in edges]


def simple_table(lines):
    """Parse a reStructuredText simple table; returns a list of dicts."""
    rules = [index for index, line in enumerate(lines)
             if line.strip() and set(line.strip()) <= {"=", " "}]
    if len(rules) < 3:
        return []
    starts = [found.start() for found in re.finditer("=+", lines[rules[0]])]
    edges = list(zip(starts, starts[1:] + [None]))
    columns = split_row(lines[rules[0] + 1], edges)
    rows = []
    for line in lines[rules[1] + 1:rules[2]]:
        cells = split_row(line, edges)
        if cells[0]:
            rows.append(cells)
        elif rows:
            rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells)]
    return [dict(zip(columns, row)) for row in rows]


def words(cell):
    return {word.strip("`,;()") for word in cell.split()} - {""}


def read_tables(rst):
    """The tables of the document: table -> (file, function) -> columns."""
    lines = Path(rst).read_text(encoding="utf-8").split("\n")
    tables = {}
    for index, line in enumerate(lines):
        mark = re.match(r"\.\. calltable: (\S+)", line)
        if not mark:
            continue
        rows = {}
        for row in simple_table(lines[index + 1:]):
            second = row.get("Function") or row.get("Ops") or row.get("Cause") or "?"
            rows[row.get("File", ""), second.strip("`()")] = {
                column: words(row.get(column, ""))
                for column in COMPARED.get(mark[1], ())}
            ending = ENDS_IN.search(" ".join(row.values()))
            if ending:
                tables.setdefault("elsewhere", {})[
                    row.get("File", ""), second.strip("`()")] = ending[1]
        tables[mark[1]] = rows
    return tables


def unpaired(source, tables):
    """Sentences about starts that are not ended, and ends without a start."""
    starts, ends = source.get("invalidations", {}), source.get("ends", {})
    elsewhere = tables.get("elsewhere", {})
    named = {(name, other) for (name, _), other in elsewhere.items()}
    for key in sorted(starts.keys() - ends.keys()):
        if (key[0], elsewhere.get(key)) not in ends:
            yield f"{key[0]} {key[1]} starts a range and does not end it"
    for key in sorted(ends.keys() - starts.keys() - named):
        yield f"{key[0]} {key[1]} ends a range that it did not start"


def compare(source, tables):
    """Sentences about every difference."""
    for name, number in sorted(source.get("stray", {}).items()):
        yield f"{name}: {number} calls outside any function that could be parsed"
    yield from unpaired(source, tables)
    for table in COMPARED:
        if table not in tables:
            yield f"the document has no table '{table}'"
            continue
        have, want = tables[table], source.get(table, {})
        for key in sorted(want.keys() - have.keys()):
            yield f"{table}: {key[0]} {key[1]} is in the source, not in the table"
        for key in sorted(have.keys() - want.keys()):
            yield f"{table}: {key[0]} {key[1]} is in the table, not in the source"
        for key in sorted(have.keys() & want.keys()):
            for column in COMPARED[table]:
                if have[key][column] != want[key][column]:
                    yield (f"{table}: {key[0]} {key[1]}: {column} is "
                           f"{' '.join(sorted(want[key][column]))} in the source, "
                           f"{' '.join(sorted(have[key][column]))} in the table")


def main(argv):
    """Check the tables; 0 if they are right."""
    if len(argv) != 2:
        print("usage: calltable TREE RST", file=sys.stderr)
        return 2
    source = scan(argv[0])
    if not source.keys() - {"causes"}:
        print(f"no caller of the MMU notifiers found in {argv[0]}: "
              "is it a kernel tree?", file=sys.stderr)
        return 2
    differences = list(compare(source, read_tables(argv[1])))
    for line in differences:
        print(line)
    rows = sum(len(source.get(table, ())) for table in COMPARED)
    if not differences:
        print(f"{rows} rows in {len(COMPARED)} tables agree with the source")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
