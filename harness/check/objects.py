# SPDX-License-Identifier: GPL-2.0
"""sparse and W=1 on what the series adds or changes."""

import re
import subprocess

from harness import kernel, paths, tree, ui
from harness.check import users
from harness.check.report import SKIP

_PLACE = re.compile(r"^(?:\.\./)*(?P<file>[\w./-]+?):(?P<line>\d+):(?:\d+:)? "
                    r"(?P<kind>warning|error|note): ")
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.M)
# Options, beyond those of the users, that our own files depend on.
MORE = {"x86": ["users-new", "style"]}
# Not part of a kernel.
NO_KERNEL = ("tools/", "samples/", "Documentation/", "scripts/")
# Files that Kbuild leaves out on x86, and an architecture that has them.
ELSEWHERE = {"mm/mmu_notifier_pgtable.c": "s390"}
# Compiled with W=1 alone.
UNREAD = {"riscv": "sparse does not know the -march of this compiler"}
FOREIGN = {"arch/parisc/kernel/cache.c": "no cross compiler for parisc among ours"}


def added(diff):
    """{file: set of line numbers} that a diff without context adds."""
    found = {}
    for part in re.split(r"^diff --git ", diff, flags=re.M)[1:]:
        name = re.search(r"^\+\+\+ b/(.*)$", part, re.M)
        if not name:
            continue
        lines = found.setdefault(name[1], set())
        for start, count in _HUNK.findall(part):
            lines.update(range(int(start), int(start) + int(count or 1)))
    return found


def concerning(output, lines):
    """The warnings and errors at lines that are ours: {file: set of lines}."""
    found = []
    for text in output:
        place = _PLACE.match(text)
        if place and place["kind"] != "note":
            if int(place["line"]) in lines.get(place["file"], ()):
                found.append(text)
    return list(dict.fromkeys(found))


def targets(names):
    """{architecture: [object]} of the C files that the kernel is made of."""
    found = {}
    for name in sorted(names):
        if not name.endswith(".c") or name.startswith(NO_KERNEL) or name in FOREIGN:
            continue
        arch = ELSEWHERE.get(name) or (name.split("/")[1] if name.startswith("arch/")
                                       else "x86")
        found.setdefault(arch, []).append(name[:-2] + ".o")
    return found


def check(report):
    """Compile what we touch with W=1 under sparse; warnings at our lines fail."""
    src = tree.assemble()
    git = tree.repository()
    diff = git.text("diff", "-U0", "--no-renames", "--diff-filter=d",
                    tree.base_commit(), tree.ASSEMBLED)
    lines = added(diff)
    for name in sorted(set(lines) & set(FOREIGN)):
        report.add("sparse and W=1", name, SKIP, FOREIGN[name])
    heard = []
    for arch, names in targets(lines).items():
        with ui.step(f"sparse and W=1 on what we change, {arch}", 60):
            obj = users.prepare(src, arch, "new", MORE.get(arch, ["users-new"]))
            output = _compile(src, obj, arch, names)
        _report(report, names, obj, output, lines, arch not in UNREAD)
        if arch in UNREAD:
            report.add("sparse and W=1", f"sparse on {arch}", SKIP, UNREAD[arch])
        heard += output
    headers = {name: found for name, found in lines.items() if name.endswith(".h")}
    report.verdict("sparse and W=1", "headers", concerning(heard, headers))


def _compile(src, obj, arch, names):
    log = paths.LOGS / f"objects-{arch}.log"
    for name in names:
        (obj / name).unlink(missing_ok=True)
    checker = [] if arch in UNREAD else ["C=2"]
    command = users.command(src, obj, arch, "-k", "W=1", *checker, *names)
    with open(log, "wb") as sink:
        subprocess.run(command, env=kernel.environment(), stdin=subprocess.DEVNULL,
                       stdout=sink, stderr=subprocess.STDOUT, check=False)
    return log.read_text(errors="replace").splitlines()


def _report(report, names, obj, output, lines, read):
    for name in names:
        source = name[:-2] + ".c"
        problems = concerning(output, {source: lines[source]})
        if not (obj / name).is_file():
            problems += users.errors_for(source, output) or ["did not compile"]
        if read and not any(re.search(rf"\bCHECK\s+(?:\.\./)?{re.escape(source)}$", line)
                            for line in output):
            problems.append("sparse did not read it")
        report.verdict("sparse and W=1", source, problems)
