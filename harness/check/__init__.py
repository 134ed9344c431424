# SPDX-License-Identifier: GPL-2.0
"""make check: everything that is tested, with a summary at the end.

Each class of check was seen to fail on a tree broken for it; the unit tests
in harness/tests/test_check_*.py hold such inputs for every parser.
"""

import os

from harness import deps, ui
from harness.check import plan, schedule
from harness.check.report import FAIL, Report

USAGE = """usage: make check [ONLY=part,part...] [KCSAN=1] [MUTANTS=1] [SEED=n]
       make check-full [ONLY=...]
       python3 -m harness check [--list] [--full] [--mutants] [--kcsan] [part...]

In full: also the KCSAN kernel and the mutants, all of the matrix on the debug
kernel, and ten minutes of stress instead of one.  Ends with a table and a last line "N passed, N failed"; 0 if none failed.
Everything below build/ is reused by the next run.  Parts:"""


def _on(name):
    return os.environ.get(name, "").lower() in ("1", "y", "yes")


def _parts(words):
    known = plan.PARTS
    wanted = words + [w for w in os.environ.get("ONLY", "").split(",") if w]
    for word in wanted:
        if word not in known:
            raise ui.Fail(f"no part {word}: there are {', '.join(known)}")
    return wanted


def _help():
    ui.say(USAGE)
    for name, part in plan.PARTS.items():
        ui.say(f"  {name:14}{part.words}")


def main(argv):
    """Run the parts asked for; the exit code."""
    options = {word for word in argv if word.startswith("-")}
    if options & {"-h", "--help", "--list"}:
        _help()
        return 0
    unknown = options - {"--mutants", "--kcsan", "--full"}
    if unknown:
        raise ui.Fail(f"no option {', '.join(sorted(unknown))}: --help lists them")
    full = "--full" in options
    mutants = full or "--mutants" in options or _on("MUTANTS")
    kcsan = "--kcsan" in options or _on("KCSAN")
    wanted = _parts([word for word in argv if not word.startswith("-")])
    deps.ensure("base", "tree", "build", "boot", "check", "proofs")
    report = Report()
    state = plan.Plan(report, mutants, full)
    jobs = state.jobs()
    names = plan.names(wanted, kcsan or (full and not wanted))
    runner = schedule.Schedule(schedule.closure(jobs, names), report)
    runner.run()
    ui.say("\n".join([*_times(runner.took), *report.summary()]))
    return 1 if report.count(FAIL) else 0


def _times(took):
    lines = ["", f"{'job':<22}{'seconds':>8}"]
    return lines + [f"{name:<22}{seconds:>8.0f}" for name, seconds in took.items()]
