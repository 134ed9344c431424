# SPDX-License-Identifier: GPL-2.0
"""Mutants: the core broken in some way, and kernels that lack one hook each.

make mutants [ONLY=core,function,...]

The core is tried in user space, by tools/testing/mmu_notifier/mutants.py.  Then for
each function of the table "Invalidations" in mmu_notifier.rst: a kernel in
which it starts and ends no invalidation, and the operations of the matrix that
it serves, or else a test of the base.  A mutant that passes all of that is a
failure, and so is a function of the table that is neither tried here nor excused.
"""

import contextlib
import os
import re
from typing import NamedTuple

from harness import calltable, deps, git as gitlib, kconfig, kernel, paths, proc, tree, ui
from harness.check import consumers, guests, programs
from harness.check.report import FAIL

WORK = paths.BUILD / "mutant"
RST = paths.ROOT / "Documentation/mm/mmu_notifier.rst"
SPACE_GIB = 4
CALL = re.compile(rf"\b({calltable.START}_nonblock|{calltable.START}|{calltable.END})"
                  r"\(([^()]*)\)")


class Hook(NamedTuple):
    """A function of the table, and what needs it: operations, or a test of the base."""
    function: str
    operations: str
    program: str = ""


HOOKS = [
    Hook("clear_refs_write", "soft-dirty"),
    Hook("do_pagemap_scan", "pagemap-scan-wp"),
    Hook("__replace_page", "uprobe"),
    Hook("move_pages_huge_pmd", "uffd-move"),
    Hook("announced_move", "mremap-move"),
    Hook("unmap_hugepage_range", "truncate punch-hole"),
    Hook("hugetlb_wp", "cow-after-fork"),
    Hook("hugetlb_change_protection", "mprotect-none mprotect-read"),
    Hook("collapse_huge_page", "collapse khugepaged"),
    Hook("write_protect_page", "ksm-merge"),
    Hook("madvise_free_single_vma", "free"),
    Hook("copy_page_range", "cow-of-child cow-of-parent"),
    Hook("unmap_vmas", "munmap"),
    Hook("zap_page_range_single", "dontneed"),
    Hook("zap_special_single", "dontneed"),
    Hook("wp_page_copy", "cow cow-after-fork"),
    Hook("migrate_vma_collect", "to-device"),
    Hook("change_part", "mprotect-none mprotect-read"),
    Hook("move_page_tables", "mremap-move mremap-dontunmap"),
    Hook("page_vma_mkclean_one", "writeback"),
    Hook("try_to_unmap_one", "pageout swap-in"),
    Hook("try_to_migrate_one", "migrate mbind thp-split"),
    Hook("page_make_device_exclusive_one", "device-exclusive"),
    Hook("move_pages_pte", "uffd-move"),
    Hook("__split_huge_pmd", "thp-drop-half"),
    Hook("collapse_pte_mapped_thp", "thp-map-as-one"),
    Hook("hugetlb_unshare_pmds", "unshare-by-mprotect unshare-by-munmap"),
    Hook("replace_page", "ksm-join"),
    Hook("__oom_reap_task_mm", "mrelease-held"),
    Hook("remove_device_exclusive_entry", "", "hmm-tests"),
    Hook("__migrate_device_pages", "fill-on-device"),
]

# Functions of the table without a mutant, and why.
EXCUSED = {
    "__split_huge_pud": "no huge page of 1 GiB but hugetlb's in a guest",
    "retract_page_tables": "the entries are gone; this is for who walks the tables",
    "move_hugetlb_page_tables": "what shares a page table with what moves; pgtable_ops/events "
                                "and make hugetlb-proofs look at that",
    "wp_clean_pre_vma": "its only user drives a display adapter",
}


def rows():
    """(file, function) of each row of the table."""
    return list(calltable.read_tables(RST)["invalidations"])


def silence(text, function):
    """The source with a function that announces nothing."""
    stripped = calltable.strip(text)
    lines = text.split("\n")
    for name, body in calltable.functions(stripped):
        if name != function or not CALL.search(body):
            continue
        first = stripped.count("\n", 0, stripped.index(body))
        for at in range(first, first + body.count("\n") + 1):
            lines[at] = CALL.sub(lambda found: f"((void)({found[2]}), 0)", lines[at])
        return "\n".join(lines)
    raise ui.Fail(f"{function}() announces nothing")


def _worktree():
    deps.ensure("tree", "build", "boot", "check")
    tree.assemble()
    repository = tree.repository()
    commit = repository.text("rev-parse", "HEAD").strip()
    if not WORK.is_dir():
        paths.ensure_space(SPACE_GIB)
        with ui.step("writing a work tree for the mutants", 30):
            repository.text("worktree", "prune")
            repository.text("worktree", "add", "-q", "-f", "--detach", str(WORK), commit)
    gitlib.Git(WORK, repository.identity).text("checkout", "-q", "-f", "--detach", commit)


def _kernel(label):
    obj = WORK / ".obj-plain"
    obj.mkdir(exist_ok=True)
    names = kconfig.names("new", "plain")
    kernel.configure(WORK, obj, kernel.known(names, WORK), "mutant-config.log")
    with ui.step(label, 30):
        proc.logged(kernel.make(WORK, obj, "bzImage", "modules"), "mutant-build.log",
                    env=kernel.environment())
    return kernel.Kernel(obj / "arch/x86/boot/bzImage", obj, WORK)


def _results(built, hook):
    """({cell or test: Outcome}, console lines) of what needs the hook."""
    name = f"mutant-{hook.function}"
    if hook.operations:
        found, _, lines = guests.matrix(built, "plain", name, hook.operations)
        return found["matrix"], lines
    wanted = [program for program in consumers.PROGRAMS if program.name == hook.program]
    binaries = programs.build_base({program.folder: [program.binary] for program in wanted})
    found, lines = guests.consumers(built, "plain", binaries, wanted, 1, name)
    return found[hook.program], lines


def _killers(built, hook):
    """Cells or tests that fail."""
    results, lines = _results(built, hook)
    failed = [name for name, outcome in results.items() if outcome.status == FAIL]
    if failed == [""]:
        raise ui.Fail(f"nothing was run: {results[''].reason}")
    killed = [name for name in failed if name]
    if not killed and guests.complaints(lines).status == FAIL:
        killed = ["the kernel's log"]
    return killed


def _mutant(file, hook):
    source = WORK / file
    original = source.read_text(encoding="utf-8")
    source.write_text(silence(original, hook.function), encoding="utf-8")
    try:
        return _killers(_kernel(f"a kernel without the hook in {hook.function}()"), hook)
    finally:
        source.write_text(original, encoding="utf-8")


def _core():
    """Try mutants of the core: (number caught, [survivor])."""
    folder = paths.ROOT / "tools/testing/mmu_notifier"
    log = paths.LOGS / "mutants.log"
    with ui.step("mutants of the core in user space", 60), contextlib.suppress(ui.Fail):
        # Its exit status says what its lines say.
        proc.logged(["make", "-s", "-C", folder, f"KSRC={paths.BASE}", "mutants"], log.name)
    lines = log.read_text(errors="replace").splitlines()
    caught = [line.partition(" - ")[2] for line in lines if line.startswith("ok ")]
    survivors = [line.partition(" - ")[2] for line in lines if line.startswith("not ok ")]
    for name in caught:
        ui.say(f"caught  {name}")
    if not caught:
        survivors.append(f"no mutant of the core was tried: see {log}")
    return len(caught), survivors


def main(_args):
    """make mutants."""
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name]
    hooks = {hook.function: hook for hook in HOOKS}
    caught, survivors = (0, []) if wanted and "core" not in wanted else _core()
    _worktree()
    for file, function in rows():
        if function in EXCUSED or (wanted and function not in wanted):
            continue
        if function not in hooks:
            survivors.append(f"{function}(): not tried, and not excused")
            continue
        killed = _mutant(file, hooks[function])
        if killed:
            caught += 1
            ui.say(f"caught  {function}(): {len(killed)} failures, {killed[0]}")
        else:
            tests = hooks[function].operations or hooks[function].program
            survivors.append(f"{function}(): {tests} all pass")
            ui.say(f"SURVIVED  {survivors[-1]}")
    for function, why in EXCUSED.items():
        ui.say(f"excused {function}(): {why}")
    ui.say("\n".join(["", *survivors, f"{caught} passed, {len(survivors)} failed"]))
    return 1 if survivors else 0
