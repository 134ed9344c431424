# SPDX-License-Identifier: GPL-2.0
"""build/tree: the base plus the series, as commits, time stamps kept.

Commits are made through an index of their own, without touching the work
tree; the work tree is then moved to the result, so that only files whose
content changed are written and kernels rebuild only what they must.
"""

import hashlib
import re
import shutil

from harness import base, deps, git as gitlib, patches as patchlib, paths, ui

ASSEMBLED = "refs/assembled"
INPUTS = paths.BUILD / "tree.inputs"
TREE_GIB = 4

ensure_base = base.ensure_base
patches = patchlib.load


def repository():
    """Git on build/tree, signing as the series does."""
    return gitlib.Git(paths.TREE, patchlib.identity())


def _base_ref():
    return f"refs/tags/base-{base.checksum()[:16]}"


def base_commit():
    """Commit of the untouched base in build/tree's repository."""
    return repository().text("rev-parse", _base_ref() + "^{commit}")


def _create():
    """Make the repository and import the base, once per base."""
    if not (paths.TREE / ".git").is_dir():
        paths.ensure_space(TREE_GIB)
        fresh = paths.BUILD / "tree.creating"
        shutil.rmtree(fresh, ignore_errors=True)
        gitlib.init(fresh)
        # Object trees may have survived a half-made tree; sources cannot matter.
        shutil.rmtree(paths.TREE, ignore_errors=True)
        fresh.rename(paths.TREE)
    gitlib.exclude(paths.TREE)
    git = repository()
    if git.attempt("rev-parse", "-q", "--verify", _base_ref())[0] == 0:
        return
    paths.ensure_space(TREE_GIB)
    with ui.step("storing the base in git", 60):
        gitlib.import_folder(gitlib.Git(paths.TREE), paths.BASE, _base_ref(),
                             f"Linux {base.version()}\n")


def _files_below(path):
    """The files that a Brings: line names: one file, or all below a folder/."""
    full = paths.ROOT / path
    if not path.endswith("/"):
        if not full.is_file():
            raise ui.Fail(f"a patch brings {path}, which is not in the repository")
        return [path]
    there = sorted(gitlib.own_files(path))
    if not there:
        raise ui.Fail(f"a patch brings {path}, which holds no file")
    return there


def brought(patch):
    """The whole files that a patch brings."""
    return [name for path in patch.brings for name in _files_below(path)]


def _inputs(series):
    digest = hashlib.sha256(base.checksum().encode())
    digest.update(repr(patchlib.identity()).encode())
    for patch in series:
        digest.update(patch.render().encode())
        for name in brought(patch):
            full = paths.ROOT / name
            digest.update(f"{name} {full.stat().st_mode & 0o100}\n".encode())
            digest.update(full.read_bytes())
    return digest.hexdigest()


def _refusal(patch, words):
    """The sentence for hunks that git did not apply."""
    for path, line in re.findall(r"patch failed: (\S+?):(\d+)", words):
        hunk = patchlib.hunk_at(patch.diff, path, line)
        return (f"series/{patch.name} does not fit {base.version()}: hunk {hunk} of "
                f"{path}; adapt that hunk, or use the base named in series/BASE "
                f"({base.recorded()['version']})")
    return f"series/{patch.name} does not apply: {words.strip()}"


def _apply(git, patch):
    """Put one patch into the index: whole files first, then hunks."""
    records = []
    for name in brought(patch):
        full = paths.ROOT / name
        mode = "100755" if full.stat().st_mode & 0o100 else "100644"
        blob = git.text("hash-object", "-w", "--no-filters", str(full))
        records.append(f"{mode} {blob}\t{name}\n")
    git.text("update-index", "--add", "--index-info", data="".join(records))
    if patch.diff:
        code, _, words = git.attempt("apply", "--cached", "--whitespace=nowarn",
                                     "-", data=patch.diff)
        if code:
            raise ui.Fail(_refusal(patch, words))


def commits(series):
    """Ids of the commits that the patches make on the base, in order."""
    git = repository()
    index = git.with_index(paths.TREE / ".git" / "index.assembling")
    parent = base_commit()
    index.text("read-tree", parent)
    made = []
    for number, patch in enumerate(series, 1):
        _apply(index, patch)
        parent = index.commit_tree(index.text("write-tree"), parent,
                                   patch.message(git.identity), number)
        made.append(parent)
    return made


def edits(git, commit):
    """Paths in the work tree that differ from a commit, new ones included."""
    git.text("add", "-u")
    changed = git.paths("diff-index", "--cached", "--name-only", "--no-renames", "-z",
                        commit)
    fresh = git.paths("ls-files", "-z", "-o", "--exclude-standard")
    return sorted(set(changed + fresh))


def move(git, old, new):
    """Bring the work tree from one commit to another; uncommitted edits stay."""
    if old is None:
        git.text("reset", "-q", "--hard", new)
        return
    # An edit that the new commit holds as well is no edit any more.
    changed = git.paths("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
    there = [name for name in changed if (paths.TREE / name).is_file()]
    git.text("add", "-u")
    new_names = set(git.paths("ls-tree", "-r", "-z", "--name-only", new, "--", *there)
                    if there else [])
    untracked = set(git.paths("ls-files", "-z", "-o", "--", *there) if there else [])
    if untracked & new_names:
        git.text("add", "-f", "--", *sorted(untracked & new_names))
    code, _, words = git.attempt("read-tree", "-m", "-u", old, new)
    if code:
        raise ui.Fail("files were changed both in build/tree and in the repository "
                      "(make refresh keeps the former, make tree DISCARD=1 drops "
                      f"them): {words.strip()}")


def _checkout(git, new, discard):
    code, old, _ = git.attempt("rev-parse", "-q", "--verify", ASSEMBLED)
    old = old.strip() if code == 0 else None
    if discard and old:
        git.text("read-tree", "--reset", "-u", new)
        git.text("clean", "-fdq")
    elif old != new:
        if old is None:
            with ui.step("writing the source tree", 30):
                move(git, None, new)
        else:
            move(git, old, new)
    git.text("update-ref", "refs/heads/series", new)
    git.text("symbolic-ref", "HEAD", "refs/heads/series")
    git.text("update-ref", ASSEMBLED, new)


def assemble_locked(discard=False, quiet=False):
    """assemble() for a caller that holds the lock on the tree."""
    _create()
    git = repository()
    series = patches()
    inputs = _inputs(series)
    known = INPUTS.read_text(encoding="ascii") if INPUTS.exists() else ""
    if discard or known != inputs:
        made = commits(series)
        _checkout(git, made[-1] if made else base_commit(), discard)
        INPUTS.write_text(inputs, encoding="ascii")
    left = [] if quiet else edits(git, ASSEMBLED)
    if left:
        more = f" and {len(left) - 4} more" if len(left) > 4 else ""
        ui.say(f"note: build/tree has edits that series/ has not (make refresh keeps "
               f"them): {', '.join(left[:4])}{more}")
    return paths.TREE


def assemble(discard=False):
    """Path of build/tree, brought up to the base and the series."""
    deps.ensure("tree")
    ensure_base()
    with paths.lock("tree"):
        return assemble_locked(discard)
