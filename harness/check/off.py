# SPDX-License-Identifier: GPL-2.0
"""A kernel without MMU_NOTIFIER: it boots, and mm/ has no trace of the option."""

import re
import subprocess

from harness import kernel, paths

TRACE = re.compile(rb"mmu_notifier|mmu_interval|range_tracker|notifier_subscriptions")
# Compiles only if mm_struct has the member.
PROBE = """// SPDX-License-Identifier: GPL-2.0
#include <linux/mm_types.h>

unsigned long probe(struct mm_struct *mm);
unsigned long probe(struct mm_struct *mm)
{
	return (unsigned long)&mm->notifier_subscriptions;
}
"""


def traces(data):
    """Names of the notifiers in the bytes of an object: symbols, strings, sections."""
    words = re.findall(rb"[\w.$-]*(?:%s)[\w.$-]*" % TRACE.pattern, data)
    return sorted({word.decode(errors="replace") for word in words})


def objects(obj):
    """The objects of mm/, not the lists that link them."""
    return [path for path in sorted((obj / "mm").rglob("*.o"))
            if path.read_bytes()[:4] == b"\x7fELF"]


def has_member(built):
    """Whether mm_struct of a built kernel has a member for the notifiers."""
    folder = paths.BUILD / "probe"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probe.c").write_text(PROBE, encoding="ascii")
    (folder / "Makefile").write_text("obj-m := probe.o\n", encoding="ascii")
    (folder / "probe.o").unlink(missing_ok=True)
    run = subprocess.run([str(w) for w in kernel.make(built.src, built.obj,
                                                      f"M={folder}", "probe.o")],
                         capture_output=True, text=True, check=False,
                         env=kernel.environment())
    if run.returncode and "no member named" not in run.stderr:
        return [run.stderr[-2000:]]
    return not run.returncode


def check(report, plain):
    """Objects and mm_struct without the option; `plain` proves that both can see."""
    built = kernel.build("new", "off")
    options = built.options()
    report.verdict("off", "configuration", ["something selects CONFIG_MMU_NOTIFIER"]
                   if options.get("CONFIG_MMU_NOTIFIER") else [])
    found = [f"{path.relative_to(built.obj)}: {', '.join(names[:5])}"
             for path in objects(built.obj) if (names := traces(path.read_bytes()))]
    report.verdict("off", "objects of mm/", found)
    member = has_member(built)
    report.verdict("off", "mm_struct", [f"has a member for the notifiers: {member}"]
                   if member else [])
    _control(report, plain)
    return built


def _control(report, plain):
    """The same two looks at a kernel with the option must find it."""
    seen = any(traces(path.read_bytes()) for path in objects(plain.obj))
    lines = [] if seen else ["no trace found in a kernel with the option: blind"]
    if has_member(plain) is not True:
        lines.append("the probe of mm_struct does not see the member where it is")
    report.verdict("off", "the same looks at a kernel with the option", lines)
