# SPDX-License-Identifier: GPL-2.0
"""build/series: the mails, and the proof that they give the assembled tree."""

import shutil
import subprocess

from harness import git as gitlib, patches as patchlib, paths, tree, ui

OUT = paths.BUILD / "series"
TRIAL = paths.BUILD / "am"
# Folders of the repository that are not part of the kernel tree.
NOT_KERNEL = ("bench/", "series/", "harness/", "configs/", ".ci/")
NOT_KERNEL_FILES = ("README.md", "Makefile", ".gitignore", "LICENSE", "COPYING")


def _cover():
    lines = patchlib.COVER.read_text(encoding="utf-8").splitlines()
    subject = next(line for line in lines if line.startswith("Subject: "))
    start = lines.index("") + 1
    return subject[len("Subject: "):], "\n".join(lines[start:]).strip()


def _check_edits():
    if tree.edits(tree.repository(), tree.ASSEMBLED):
        raise ui.Fail("build/tree has edits that series/ has not: run make refresh "
                      "(keeps them) or make tree DISCARD=1 (drops them) first")


def _format(git, base, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git.text("format-patch", "-q", "--numbered", "--cover-letter", "--signature=",
             "--no-renames", "-o", str(folder), f"{base}..{tree.ASSEMBLED}")
    subject, blurb = _cover()
    letter = folder / "0000-cover-letter.patch"
    text = letter.read_text(encoding="utf-8")
    letter.write_text(text.replace("*** SUBJECT HERE ***", subject)
                      .replace("*** BLURB HERE ***", blurb), encoding="utf-8")
    return sorted(folder.glob("*.patch"))


def export():
    """Write the mails of the assembled series; their paths, cover letter first."""
    tree.assemble()
    _check_edits()
    if not tree.patches():
        raise ui.Fail("series/series names no patch yet: there is nothing to export")
    with paths.lock("tree"):
        git = tree.repository()
        with ui.step("writing the mails", 5):
            mails = _format(git, tree.base_commit(), OUT)
    ui.say(f"{len(mails) - 1} patches and a cover letter in {OUT.relative_to(paths.ROOT)}/")
    return mails


def unclaimed(series):
    """Kernel files of the repository that no patch brings."""
    claimed = {name for patch in series for name in tree.brought(patch)}
    return [name for name in gitlib.own_files()
            if not name.startswith(NOT_KERNEL) and name not in NOT_KERNEL_FILES
            and name not in claimed]


def _apply_mails(git, mails):
    """Tree id of the base with the mails applied by git am, in a sparse checkout."""
    base = tree.base_commit()
    git.attempt("worktree", "remove", "--force", str(TRIAL))
    shutil.rmtree(TRIAL, ignore_errors=True)
    git.text("worktree", "prune")
    git.text("worktree", "add", "-q", "--detach", "--no-checkout", str(TRIAL), base)
    trial = gitlib.Git(TRIAL, git.identity)
    touched = git.text("diff-tree", "-r", "--name-only", "--no-renames", base,
                       tree.ASSEMBLED)
    # The index is whole, so the tree id is; only the files are few.
    trial.text("sparse-checkout", "set", "--no-cone", "--stdin",
               data="".join(f"/{name}\n" for name in touched.splitlines()))
    trial.text("checkout", "-q", "--detach", base)
    words = subprocess.run(["git", "am", "-q", "--keep-cr", *map(str, mails[1:])],
                           cwd=TRIAL, env=trial.env(), capture_output=True, text=True,
                           check=False)
    if words.returncode:
        raise ui.Fail(f"git am refuses the exported series: {words.stderr.strip()} "
                      f"{words.stdout.strip()}")
    found = trial.text("rev-parse", "HEAD^{tree}")
    git.text("worktree", "remove", "--force", str(TRIAL))
    return found


def check():
    """Fail unless base + git am of the export has the assembled tree's id."""
    mails = export()
    loose = unclaimed(tree.patches())
    if loose:
        raise ui.Fail(f"no patch of series/ brings {', '.join(loose)}: add a Brings: line")
    with paths.lock("tree"):
        git = tree.repository()
        wanted = git.text("rev-parse", tree.ASSEMBLED + "^{tree}")
        with ui.step("applying the mails to the base", 20):
            found = _apply_mails(git, mails)
    if found != wanted:
        raise ui.Fail(f"base + git am gives tree {found}, make tree gives {wanted}")
    ui.say(f"base + git am of {len(mails) - 1} mails = assembled tree {wanted}")
    return wanted
