# SPDX-License-Identifier: GPL-2.0
"""Takes edits of build/tree back into the repository.

Files that a patch brings whole are copied back.  Edits to files of the base
become hunks of the named patch; later patches are carried over them, so that
the top of the series is what was edited.
"""

import shutil
from dataclasses import replace

from harness import patches as patchlib, paths, tree, ui


def _worktree_id(git):
    """Tree id of the work tree as it lies there, new files included."""
    git.text("add", "-A")
    return git.text("write-tree")


def _copy_back(names):
    for name in names:
        target = paths.ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (paths.TREE / name).is_file():
            raise ui.Fail(f"{name} is brought by a patch and gone from build/tree: remove "
                          "it from the repository and its Brings: line by hand")
        shutil.copyfile(paths.TREE / name, target)
        shutil.copymode(paths.TREE / name, target)


def _subset(git, start, names, source):
    """Tree `start` with `names` taken from tree `source`."""
    index = git.with_index(paths.TREE / ".git" / "index.refreshing")
    index.text("read-tree", start)
    listed = index.raw("ls-tree", "-r", "-z", source, "--", *names).decode() if names else ""
    there = {entry.split("\t", 1)[1]: entry for entry in listed.split("\0") if entry}
    records = [there.get(name, f"0 {'0' * 40}\t{name}") for name in names]
    index.text("update-index", "-z", "--add", "--index-info",
               data="".join(record + "\0" for record in records))
    return index.text("write-tree")


def _merge(git, ancestor, ours, theirs, name):
    """Tree id of a three-way merge of trees."""
    if ancestor == ours:
        return theirs
    root = git.commit_tree(ancestor, None, "ancestor", 0)
    sides = [git.commit_tree(side, root, "side", 0) for side in (ours, theirs)]
    code, words, errors = git.attempt("merge-tree", "--write-tree", *sides)
    if code:
        raise ui.Fail(f"the edits do not carry over from the top of the series to "
                      f"{name}: {(words + errors).strip()}")
    return words.split()[0]


def hunks(git, before, after, whole):
    """The lean diff of two trees, without the files that are brought whole."""
    names = git.paths("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
    names = [name for name in names if name not in whole]
    if not names:
        return ""
    shown = git.raw("diff-tree", "-r", "-p", "-U1", "--no-renames", "--minimal",
                    "--no-color", before, after, "--", *names).decode()
    return patchlib.lean(shown)


def _tree_ids(git, made):
    base = git.text("rev-parse", tree.base_commit() + "^{tree}")
    return [base] + [git.text("rev-parse", commit + "^{tree}") for commit in made]


def _edited_trees(git, series, ids, target, hunked, edited):
    """The tree after each patch, with the edits in `target` and all later ones."""
    names = [patch.name for patch in series]
    if target is None or not hunked:
        return ids
    if target not in names:
        return ids + [_subset(git, ids[-1], hunked, edited)]
    top = _subset(git, ids[-1], hunked, edited)
    first = names.index(target) + 1
    return ids[:first] + [_merge(git, ids[-1], ids[k], top, names[k - 1])
                          for k in range(first, len(ids))]


def _new_patch(name, subject):
    if "/" in name or not name.endswith(".patch"):
        raise ui.Fail(f"PATCH={name}: a new patch is named like 0007-what-it-does.patch")
    return patchlib.Patch(name, subject or "mm: describe the change here",
                          "Describe the change, then the invariant that makes it right.")


def _sort(edited, ours, in_base):
    """Edited paths as (brought whole, hunks of the base, new files)."""
    whole = [name for name in edited if name in ours]
    base = [name for name in edited if name in in_base and name not in ours]
    fresh = [name for name in edited if name not in in_base and name not in ours]
    return whole, base, fresh


def _target_name(wish, series):
    if not wish:
        return None
    names = [patch.name for patch in series]
    found = [name for name in names if name.startswith(wish)]
    if wish not in names and len(found) == 1:
        return found[0]
    return wish if wish.endswith(".patch") else wish + ".patch"


def refresh(wish="", subject=""):
    """Regenerate series/ from build/tree; edits of the base go to patch `wish`."""
    tree.ensure_base()
    with paths.lock("tree"):
        tree.assemble_locked(quiet=True)
        git = tree.repository()
        series = tree.patches()
        target = _target_name(wish, series)
        edited = tree.edits(git, tree.ASSEMBLED)
        ours = {name for patch in series for name in tree.brought(patch)}
        in_base = set(git.paths("ls-tree", "-r", "-z", "--name-only", tree.base_commit()))
        whole, hunked, fresh = _sort(edited, ours, in_base)
        if (hunked or fresh) and target is None:
            raise ui.Fail(f"edits need a patch to go to (make refresh PATCH=NNNN-name): "
                          f"{', '.join(hunked + fresh)}")
        result = _worktree_id(git)
        ids = _tree_ids(git, tree.commits(series))
        if target and target not in [patch.name for patch in series]:
            new = [_new_patch(target, subject)]
        else:
            new = []
        ids = _edited_trees(git, series, ids, target, hunked, result)
        if new and len(ids) == len(series) + 1:
            ids.append(ids[-1])
        _copy_back(whole + fresh)
        _store(git, series + new, ids, target, fresh)
        tree.assemble_locked(quiet=True)
        left = git.text("rev-parse", tree.ASSEMBLED + "^{tree}")
        if left != result:
            raise ui.Fail("the refreshed series does not give the edited tree; "
                          f"see git -C build/tree diff {left} {result}")
    ui.say(f"{len(whole)} whole files copied back, {len(fresh)} new ones, edits of "
           f"{len(hunked)} base files now in {target or 'no patch'}")


def _store(git, series, ids, target, fresh):
    for number, patch in enumerate(series):
        if patch.name == target and fresh:
            patch = replace(patch, brings=patch.brings + fresh)
        whole = set(tree.brought(patch))
        diff = hunks(git, ids[number], ids[number + 1], whole)
        if patchlib.store(replace(patch, diff=diff)):
            ui.say(f"series/{patch.name} written")
