# SPDX-License-Identifier: GPL-2.0
"""Builds every prefix of the series, with the option on and off.

A prefix is compiled as the objects of mm/, /proc, fork.o, the architecture's mm,
KVM and drivers/misc, which is where the series reaches; FULL=1 links a kernel for each, and
the last one is always linked.
"""

import shutil

from harness import deps, git as gitlib, kconfig, kernel, paths, proc, tree, ui

WORK = paths.BUILD / "bisect"
PARTS = {
    "plain": ["mm/", "fs/proc/", "kernel/fork.o", "virt/", "arch/x86/mm/", "arch/x86/kvm/",
              "lib/test_hmm.o", "drivers/misc/"],
    "off": ["mm/", "fs/proc/", "kernel/fork.o", "arch/x86/mm/"],
}
# What built before, by commit: a commit's id says everything that it is made of.
DONE = paths.BUILD / "bisect.done"
SPACE_GIB = 6


def _worktree(git, commit):
    """A second work tree of build/tree's repository, at this commit."""
    known = gitlib.Git(WORK, git.identity)
    if not WORK.is_dir() or known.attempt("rev-parse", "-q", "--verify", commit)[0]:
        shutil.rmtree(WORK, ignore_errors=True)
        git.text("worktree", "prune")
        with ui.step("writing a work tree for the prefixes", 30):
            git.text("worktree", "add", "-q", "-f", "--detach", str(WORK), commit)
    known.text("checkout", "-q", "-f", "--detach", commit)


def _build(config, goals, label):
    obj = WORK / f".obj-{config}"
    obj.mkdir(exist_ok=True)
    names = kconfig.names("new", config)
    kernel.configure(WORK, obj, kernel.known(names, WORK), f"bisect-{config}-config.log")
    with ui.step(f"{label}, {config}: {' '.join(goals)}"):
        proc.logged(kernel.make(WORK, obj, *goals), f"bisect-{config}.log",
                    env=kernel.environment())


def _known():
    return set(DONE.read_text(encoding="ascii").splitlines()) if DONE.exists() else set()


def _prefix(git, commit, config, goals, label):
    entry = f"{commit} {config} {' '.join(goals)}"
    if entry in _known():
        ui.say(f"{label}, {config}: built before")
        return
    _worktree(git, commit)
    _build(config, goals, label)
    with open(DONE, "a", encoding="ascii") as done:
        done.write(entry + "\n")


def check(full=False):
    """Fail naming the first prefix and configuration that does not build."""
    deps.ensure("tree", "build")
    paths.ensure_space(SPACE_GIB)
    tree.assemble()
    series = tree.patches()
    if not series:
        raise ui.Fail("series/series names no patch yet: there is nothing to build")
    with paths.lock("bisect"):
        git = tree.repository()
        with paths.lock("tree"):
            commits = tree.commits(series)
        for number, (patch, commit) in enumerate(zip(series, commits), 1):
            last = number == len(series)
            for config, parts in PARTS.items():
                goals = ["vmlinux", "modules"] if full or last else parts
                label = f"prefix {number}/{len(series)} {patch.name.removesuffix('.patch')}"
                try:
                    _prefix(git, commit, config, goals, label)
                except ui.Fail as error:
                    raise ui.Fail(f"the series does not build up to {patch.name} with "
                                  f"configuration {config}: {error}") from None
    ui.say(f"all {len(series)} prefixes build, option on and off "
           f"({'linked' if full else 'objects; the last one linked'})")
