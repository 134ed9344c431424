# SPDX-License-Identifier: GPL-2.0
"""A work tree that is put at the one commit and then at the other, and built."""

import shutil
from typing import NamedTuple

from harness import git as gitlib, kconfig, kernel, paths, proc, tree, ui
from harness.bench import parts

WORK = paths.BUILD / "proofs" / "tree"
KEPT = paths.BUILD / "proofs"
# The patch that brings the table, and the last that moves a call into it.
FIRST, LAST = "0091-", "0101-"
SIDES = ("before", "after")
SPACE_GIB = 8


def commits():
    """The commits that are compared."""
    tree.assemble()
    series = tree.patches()
    numbers = [number for number, patch in enumerate(series)
               if patch.name.startswith((FIRST, LAST))]
    if len(numbers) != 2:
        raise ui.Fail(f"series/series has no patches {FIRST}* and {LAST}*")
    with paths.lock("tree"):
        made = tree.commits(series)
    return made[numbers[0] - 1], made[numbers[1]]


def top():
    """The commit of the whole series."""
    tree.assemble()
    return tree.repository().text("rev-parse", tree.ASSEMBLED)


def changed():
    """The C files of the kernel that differ."""
    listed = tree.repository().text("diff", "--name-only", *commits()).splitlines()
    return [name for name in listed if name.endswith(".c")
            and not name.startswith(("tools/", "Documentation/"))]


def checkout(commit):
    """Put the work tree at a commit; its path."""
    paths.ensure_space(SPACE_GIB)
    git = tree.repository()
    known = gitlib.Git(WORK, git.identity)
    if not WORK.is_dir() or known.attempt("rev-parse", "-q", "--verify", commit)[0]:
        shutil.rmtree(WORK, ignore_errors=True)
        git.text("worktree", "prune")
        with ui.step("writing a work tree for the proofs", 30):
            git.text("worktree", "add", "-q", "-f", "--detach", str(WORK), commit)
    known.text("checkout", "-q", "-f", "--detach", commit)
    return WORK


def build(commit, fragments, name, goals):
    """Build goals at a commit, with the fragments of the plain kernel and more."""
    src = checkout(commit)
    obj = src / f".obj-{name}"
    obj.mkdir(exist_ok=True)
    names = [*kconfig.names("new", "plain"), *fragments]
    kernel.configure(src, obj, kernel.known(names, src), f"proofs-{name}-config.log")
    with ui.step(f"building {name} at {commit[:12]}", 300):
        proc.logged(kernel.make(src, obj, *goals), f"proofs-{name}.log",
                    env=kernel.environment())
    return obj


def objects(fragments, name, wanted):
    """{side: {object: copy}} of single objects."""
    found = {}
    with paths.lock("proofs"):
        for side, commit in zip(SIDES, commits()):
            obj = build(commit, fragments, name, wanted)
            found[side] = {}
            for path in wanted:
                copy = KEPT / f"{name}-{side}" / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(obj / path, copy)
                found[side][path] = copy
    return found


class Built(NamedTuple):
    """A kernel that is kept, modules for it, and where it was built."""
    kernel: kernel.Kernel
    modules: list
    tree: kernel.Kernel


def kernels(fragments, name):
    """{side: Built} of whole kernels."""
    found = {}
    with paths.lock("proofs"):
        for side, commit in zip(SIDES, commits()):
            obj = build(commit, fragments, name, ["bzImage", "modules"])
            kept = KEPT / f"{name}-{side}"
            kept.mkdir(parents=True, exist_ok=True)
            for path in ("vmlinux", "arch/x86/boot/bzImage"):
                shutil.copyfile(obj / path, kept / path.split("/")[-1])
            there = kernel.Kernel(obj / "arch/x86/boot/bzImage", obj, WORK)
            found[side] = Built(kernel.Kernel(kept / "bzImage", kept, WORK),
                                parts.modules(there, f"{name}-{side}"), there)
    return found
