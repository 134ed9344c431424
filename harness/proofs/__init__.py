# SPDX-License-Identifier: GPL-2.0
"""make hugetlb-proofs: the page-table operations table changes nothing.

Everything is compared between two commits of the series: before the table, and
after the last patch that moves a call into it.
"""

import argparse
import os

from harness import deps, ui
from harness.proofs import code, events, trees

PARTS = {
    "objects": "without hugetlb, the code of all objects is the same",
    "code": "with it: which functions of ordinary memory differ, and by how much "
            "(with and without retpolines)",
    "counts": "what faults, fork, munmap, mprotect and mremap execute, by the plugin "
              "(RETPOLINES=1: with these)",
    "events": "what subscribers are told about hugetlb is the same",
    "vma": "the tests of VMAs in user space build and pass",
}


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="make hugetlb-proofs", description=__doc__,
        epilog="parts:\n" + "\n".join(f"  {name:9}{words}" for name, words in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=os.environ.get("ONLY", ""), metavar="PART,...")
    args = parser.parse_args(argv)
    args.parts = [word for word in args.only.split(",") if word] or list(PARTS)
    unknown = [name for name in args.parts if name not in PARTS]
    if unknown:
        raise ui.Fail(f"no part {', '.join(unknown)}: there are {', '.join(PARTS)}")
    return args


def _run(name):
    if name == "objects":
        return code.same_without_hugetlb()
    if name == "code":
        return code.sizes(False) + code.sizes(True)
    if name == "counts":
        return code.counts(os.environ.get("RETPOLINES", "") in ("1", "y", "yes"))
    if name == "events":
        return events.same()
    return code.vma_tests()


def main(argv):
    """Run the parts; 1 if one of them finds a difference that must not be."""
    args = _arguments(argv)
    deps.ensure("tree", "build", "boot", "proofs")
    before, after = trees.commits()
    ui.say(f"before: {before[:12]}, after: {after[:12]}")
    failed = 0
    for name in args.parts:
        lines, wrong = [], 0
        for line in _run(name):
            wrong += line.startswith("DIFFERENT")
            lines.append(f"  {line}")
        failed += wrong > 0
        ui.say("\n".join([f"{name}: {PARTS[name]}: {'NO' if wrong else 'yes'}", *lines]))
    return 1 if failed else 0
