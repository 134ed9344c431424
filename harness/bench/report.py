# SPDX-License-Identifier: GPL-2.0
"""The report: one Markdown file with tables and drawings."""

from harness import paths, ui
from harness.bench import chapters, markdown, parts, plots
from harness.bench.verdicts import MISSED

RESULTS = paths.ROOT / "bench" / "results"
# What is not the whole does not replace it.
PARTIAL = parts.OUT / "partial"
HEAD = ("bar", "what", "stock", "series", "verdict")
INTRO = """<!-- SPDX-License-Identifier: GPL-2.0 -->
# The kernel with the series against the one without

Written by `make bench`. Both kernels have the same base, configuration and
compiler, and were measured in the same run. *old* and *stock* are the base, *new*
is the base with the series; a ratio is new / old.
"""
LIMITS = """## What this does not say

- Everything ran in QEMU's emulation. Instruction counts are exact, and no time:
  caches, branch prediction and contention are not in them. LOCK-prefixed
  instructions stand in for contention.
- Counted is what tasks with a user mode execute in the kernel, outside of
  interrupts; what is put off to RCU callbacks, kernel threads and softirqs is left
  out, for both kernels. Callouts of the subscribers are in a module and left out.
- Times are those of a guest with two emulated CPUs on a shared host: what takes
  milliseconds because something waits is seen, a factor of 1.3 is not.
- Nothing here covers more than two cores, NUMA, the cost of interrupts between
  processors, or a memory model weaker than x86's.
"""


def rows(verdicts):
    """The verdicts as rows of a table."""
    return [(v.bar, v.what, v.old, v.new, v.verdict) for v in verdicts]


def write(results, environment, verdicts, whole):
    """Write the report and its drawings; its path."""
    folder = RESULTS if whole else PARTIAL
    folder.mkdir(parents=True, exist_ok=True)
    with ui.step("drawing", 5):
        drawn = plots.draw(chapters.drawings(results), folder)
    text = [INTRO, "## Environment\n", markdown.table(("what", "value"), environment),
            "## Bars\n", markdown.table(HEAD, rows(verdicts)),
            *chapters.all_of(results, drawn), LIMITS]
    path = folder / "report.md"
    path.write_text("\n".join(text), encoding="utf-8")
    return path


def summary(verdicts):
    """Print the verdicts."""
    ui.say()
    ui.say(markdown.plain(HEAD, rows(verdicts)))
    missed = sum(verdict.verdict == MISSED for verdict in verdicts)
    ui.say(f"\n{len(verdicts) - missed} figures meet their bar, {missed} miss it.")
