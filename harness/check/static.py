# SPDX-License-Identifier: GPL-2.0
"""Checks that need no kernel: our tools, our scripts, the series as mails."""

import os
import re
import subprocess
import sys

from harness import export, git, ktap, paths, proc, tree, ui
from harness.bench import native as bench_native
from harness.check import compare
from harness.check.report import FAIL, PASS, SKIP

_TEST = re.compile(r"^(\w+) \(([\w.]+)\)(?:\n.*)?? \.\.\. .*?(ok|FAIL|ERROR|skipped .*)$",
                   re.M)
_TYPED = re.compile(r"^(ERROR|WARNING|CHECK):(\w+): (.*)$")

# What checkpatch may say about what ("" is anything), and why it stays.
JUSTIFIED = {
    ("", "FILE_PATH_CHANGES"): "MAINTAINERS names patterns, not each new file",
    ("include/trace/events/", "OPEN_ENDED_LINE"): "the form of every trace event",
    ("include/trace/events/", "PARENTHESIS_ALIGNMENT"): "the form of every trace event",
    ("include/trace/events/", "MACRO_ARG_REUSE"): "callers pass a local variable",
    ("mm/range_tracker.c", "MACRO_ARG_REUSE"): "an iterator, which assigns its cursor",
    ("mm/mmu_notifier_internal.h", "COMPLEX_MACRO"): "an iterator is no expression",
    ("mm/mmu_notifier_internal.h", "MACRO_ARG_REUSE"): "callers pass a local variable",
    ("include/linux/mmu_notifier_range.h", "MACRO_ARG_UNUSED"): "stubs: option off",
    ("include/linux/mmu_notifier_range.h", "MACRO_ARG_REUSE"):
        "callers pass the range's address",
    ("include/linux/mmu_notifier_cause.h", "COMPLEX_MACRO"):
        "a table, of which enumerators and cases are made",
    ("include/linux/mmu_notifier_cause.h", "MACRO_ARG_REUSE"):
        "the argument is what to make of each row",
    ("include/linux/mmu_notifier_cause.h", "MACRO_ARG_UNUSED"): "takes a row of the table",
    ("include/linux/mmu_notifier_cause.h", "SPACING"): "a label, pasted together",
    ("include/linux/mmu_notifier_cause.h", "TRAILING_SEMICOLON"): "a case of a switch",
    ("include/trace/events/", "MACRO_ARG_UNUSED"): "takes a row of the table of causes",
    ("include/trace/events/", "TRAILING_SEMICOLON"): "TRACE_DEFINE_ENUM() of each row",
    ("mm/mmu_notifier_filter.c", "MACRO_ARG_UNUSED"): "takes a row of the table of causes",
    ("mm/memory.c", "LOGICAL_CONTINUATIONS"): "a line of the base, but for one word",
    ("mm/migrate_device.c", "PARENTHESIS_ALIGNMENT"): "lines of the base, left as they are",
    ("mm/mprotect.c", "PARENTHESIS_ALIGNMENT"): "likewise; a later patch takes them away",
    ("virt/kvm/Kconfig", "EMBEDDED_FILENAME"): "the file is what it sources",
    ("sgi-gru/grukdump.c", "PARENTHESIS_ALIGNMENT"): "lines of the base, left as they are",
    **{("sgi-gru/grukservices.c", kind): "lines of the base, but for one word"
       for kind in ("EMBEDDED_FUNCTION_NAME", "LONG_LINE", "PREFER_PR_LEVEL",
                    "SPLIT_STRING")},
    ("mm/mmu_notifier_flush.c", "LINE_SPACING"): "VMA_ITERATOR() is a declaration",
    ("tools/testing/mmu_notifier/shim/", "MACRO_ARG_UNUSED"):
        "stubs of what user space has no use for",
    ("tools/testing/mmu_notifier/shim/", "MACRO_ARG_REUSE"):
        "iterators and wait loops, as in the kernel",
    ("tools/testing/mmu_notifier/shim/", "MACRO_ARG_PRECEDENCE"): "a member's name",
    ("tools/testing/mmu_notifier/shim/", "EXPORT_SYMBOL"): "defines it",
    ("tools/testing/selftests/xpmem/", "SPACING"): "FIXTURE_DATA() is a type",
    ("tools/testing/selftests/xpmem/", "MACRO_ARG_REUSE"): "a member's name",
    ("mm/Kconfig", "EMBEDDED_FILENAME"): "the line includes a file, of that name",
}


def unit_tests(report):
    """The tools' own tests."""
    with ui.step("unit tests of the tools", 20):
        run = subprocess.run([sys.executable, "-B", "-m", "harness", "selftest", "-v"],
                             cwd=paths.ROOT, capture_output=True, text=True, check=False,
                             stdin=subprocess.DEVNULL)
    words = run.stderr
    found = _TEST.findall(words)
    for name, where, outcome in found:
        status = {"ok": PASS, "FAIL": FAIL, "ERROR": FAIL}.get(outcome, SKIP)
        report.add("unit tests", f"{where.split('.')[0]}.{name}", status,
                   words[-3000:] if status == FAIL else outcome)
    ran = re.search(r"^Ran (\d+) tests?", words, re.M)
    whole = ran and int(ran[1]) == len(found) and run.returncode == 0
    report.verdict("unit tests", "all ran", [] if whole else [words[-3000:]])


def _is_shell(path):
    with open(path, "rb") as handle:
        return re.match(rb"#! ?/bin/(ba)?sh", handle.readline()) is not None


def shell_scripts():
    """Our shell files, guests' scripts included."""
    return [name for name in git.own_files()
            if name.endswith(".sh") or _is_shell(paths.ROOT / name)]


def shellcheck(report):
    """shellcheck on each."""
    for name in shell_scripts():
        run = subprocess.run(["shellcheck", name], cwd=paths.ROOT, capture_output=True,
                             text=True, check=False)
        report.verdict("shell", name, [run.stdout + run.stderr] if run.returncode else [])


def round_trip(report):
    """Base and the mails by git am give the assembled tree."""
    try:
        export.check()
        report.add("series", "base + git am = assembled tree", PASS)
    except ui.Fail as failure:
        report.add("series", "base + git am = assembled tree", FAIL, str(failure))


def complaints(output):
    """[(type, text)] of checkpatch's findings."""
    found, lines = [], output.splitlines()
    for number, line in enumerate(lines):
        if match := _TYPED.match(line):
            place = next((l for l in lines[number + 1:number + 3]
                          if l.startswith("#")), "")
            found.append((match[2], f"{match[1]} {match[2]}: {match[3]} {place}".strip()))
    return found


def unjustified(name, found):
    """The texts of those that no entry of JUSTIFIED explains."""
    return [text for kind, text in found
            if not any(kind == of and (where in name or where in text)
                       for where, of in JUSTIFIED)]


def _checkpatch(args, cwd):
    run = subprocess.run(["perl", "scripts/checkpatch.pl", "--strict", "--show-types",
                          "--no-summary", "--color=never", *args], cwd=cwd,
                         capture_output=True, text=True, check=False,
                         stdin=subprocess.DEVNULL)
    if run.returncode and not complaints(run.stdout):
        return [("BROKEN", f"checkpatch itself failed: {run.stdout}{run.stderr}")]
    return complaints(run.stdout)


def checkpatch(report):
    """checkpatch --strict on each mail, and on the files that we replace.

    A mail shows a new file whole, but of a replaced one only what changed.
    """
    src = tree.assemble()
    mails = sorted((paths.BUILD / "series").glob("*.patch"))[1:]
    if not mails:
        raise ui.Fail("build/series holds no mails: the export before this failed")
    with ui.step("checkpatch", 40):
        for mail in mails:
            found = _checkpatch([str(mail)], src)
            report.verdict("checkpatch", mail.name, unjustified(mail.name, found))
        replaced = [n for n in whole_files(".c", ".h") if (paths.BASE / n).exists()]
        for name in replaced:
            found = _checkpatch(["-f", name], src)
            report.verdict("checkpatch", name, unjustified(name, found))


def whole_files(*endings):
    """The kernel files that the series brings whole."""
    names = {name for patch in tree.patches() for name in tree.brought(patch)}
    return sorted(name for name in names if name.endswith(endings))


def calltable(report):
    """The document's table of call sites names those that the tree has."""
    module = paths.ROOT / "harness" / "calltable.py"
    if not module.is_file():
        report.add("calltable", "document against tree", SKIP, "not in this checkout")
        return
    document = paths.ROOT / "Documentation/mm/mmu_notifier.rst"
    run = subprocess.run([sys.executable, "-B", "-m", "harness.calltable",
                          str(tree.assemble()), str(document)],
                         cwd=paths.ROOT, capture_output=True, text=True, check=False)
    report.verdict("calltable", "document against tree",
                   [run.stdout + run.stderr] if run.returncode else [])


def native(report, mutants=False):
    """The core in user space: its own make runs the sanitizers and counts."""
    folder = paths.ROOT / "tools/testing/mmu_notifier"
    if not (folder / "Makefile").is_file():
        raise ui.Fail("tools/testing/mmu_notifier is not in this checkout")
    goals = ["check"] + (["mutants"] if mutants else [])
    log = paths.LOGS / "native.log"
    with ui.step("native tests", 120):
        try:
            proc.logged(["make", "-C", folder, f"KSRC={paths.BASE}",
                         f"-j{os.cpu_count() or 1}", *goals], log.name)
            problems = []
        except ui.Fail as failure:
            problems = [str(failure)]
    add_native(report, log.read_text(errors="replace").splitlines(), problems)


def cores(report):
    """What make bench times in user space builds and links."""
    problems = []
    try:
        bench_native.build()
    except ui.Fail as failure:
        problems = [str(failure)]
    report.verdict("native", "both cores side by side", problems)


def models(report):
    """The models of the core: spin sees every state, and finds what is broken."""
    folder = paths.ROOT / "tools/testing/mmu_notifier"
    log = paths.LOGS / "models.log"
    with ui.step("models", 90):
        try:
            # One at a time: compilers and guests run beside it.
            proc.logged(["make", "-s", "-C", folder, "model", "JOBS=1"], log.name)
            problems = []
        except ui.Fail as failure:
            problems = [str(failure)]
    lines = log.read_text(errors="replace").splitlines()
    results = compare.explained(ktap.parse(lines), lines)
    if not results:
        problems.append("no model reported a result")
    report.extend("native", results, "models/")
    report.verdict("native", "make model", problems)


def variants(lines):
    """{build: lines} at the lines that announce a build: "# tsan, seed 7"."""
    found, name = {}, "native"
    for line in lines:
        if match := re.match(r"# ([\w-]+), seed \d+", line):
            name = match[1]
        found.setdefault(name, []).append(line)
    return found


def add_native(report, lines, problems):
    """The native tests' lines as cases; what make says is one more."""
    reported = False
    for name, said in variants(lines).items():
        results = compare.explained(ktap.parse(said), said)
        reported = reported or bool(results)
        report.extend("native", results, f"{name}/")
    if not reported:
        problems = problems + ["no test reported a result"]
    report.verdict("native", "make", problems)
