# SPDX-License-Identifier: GPL-2.0
"""Git as plumbing for build/tree, deaf to the user's own configuration."""

import os
import stat
import subprocess

from harness import paths, proc, ui

# A commit's identity must depend on its content alone.
EPOCH = 1767225600
SETTINGS = {"gc.auto": "0", "core.autocrlf": "false", "core.compression": "1",
            "core.fileMode": "true", "checkout.workers": "0",
            "core.looseCompression": "0", "diff.algorithm": "myers"}


class Git:
    """Commands on one repository; `index` names an index file other than its own."""

    def __init__(self, top, identity=("nobody", "nobody@localhost"), index=None):
        self.top, self.identity, self.index = top, identity, index

    def env(self, when=0):
        """The environment of every command; `when` numbers the commit."""
        env = {key: value for key, value in os.environ.items()
               if not key.startswith("GIT_")}
        env.update(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null", LC_ALL="C")
        # A checkout may belong to another user than the one who runs this.
        env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory",
                   GIT_CONFIG_VALUE_0="*")
        for role in ("AUTHOR", "COMMITTER"):
            env[f"GIT_{role}_NAME"], env[f"GIT_{role}_EMAIL"] = self.identity
            env[f"GIT_{role}_DATE"] = f"{EPOCH + when} +0000"
        if self.index:
            env["GIT_INDEX_FILE"] = str(self.index)
        return env

    def raw(self, *args, data=None, when=0):
        """stdout as bytes; Fail with git's words."""
        text = data.encode() if isinstance(data, str) else data
        return proc.output(["git", *args], cwd=self.top, env=self.env(when), data=text)

    def text(self, *args, data=None, when=0):
        """stdout, stripped."""
        return self.raw(*args, data=data, when=when).decode(errors="replace").strip()

    def attempt(self, *args, data=None):
        """(code, stdout, stderr) of a command that may fail."""
        text = data.encode() if isinstance(data, str) else data
        result = subprocess.run(["git", *args], cwd=self.top, env=self.env(),
                                input=text, capture_output=True, check=False)
        return (result.returncode, result.stdout.decode(errors="replace"),
                result.stderr.decode(errors="replace"))

    def paths(self, *args, data=None):
        """The NUL-separated paths that a command lists."""
        found = self.raw(*args, data=data).decode(errors="surrogateescape")
        return [path for path in found.split("\0") if path]

    def with_index(self, index):
        """The same repository through another index."""
        return Git(self.top, self.identity, index)

    def commit_tree(self, tree, parent, message, when):
        """Id of a commit made of ids."""
        parents = ["-p", parent] if parent else []
        return self.text("commit-tree", tree, *parents, "-F", "-", data=message, when=when)


def init(top):
    """A new repository with the settings that the assembled tree needs."""
    top.mkdir(parents=True, exist_ok=True)
    git = Git(top)
    git.text("init", "-q", "-b", "series")
    for key, value in SETTINGS.items():
        git.text("config", key, value)
    exclude(top)
    return git


def exclude(top):
    """What builds leave in a source tree is no edit of it."""
    path = top / ".git" / "info" / "exclude"
    paths.write_if_changed(path, "/.obj-*\n/*.deb\n/*.changes\n/*.buildinfo\n")


def _file_record(top, path):
    full = top / path
    if full.is_symlink():
        return "120000", os.readlink(full).encode()
    executable = full.stat().st_mode & stat.S_IXUSR
    return ("100755" if executable else "100644"), full.read_bytes()


def _walk(top):
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith(".obj-"))
        links = [f for f in folders if os.path.islink(os.path.join(folder, f))]
        for name in sorted(files + links):
            yield os.path.relpath(os.path.join(folder, name), top)


def import_folder(git, folder, ref, message):
    """One commit holding every file of a folder, without an ancestor."""
    feed = subprocess.Popen(
        ["git", "-c", "pack.compression=1", "fast-import", "--quiet", "--depth=0",
         "--force"], cwd=git.top, env=git.env(), stdin=subprocess.PIPE)
    out = feed.stdin
    name, mail = git.identity
    words = message.encode()
    out.write(f"commit {ref}\ncommitter {name} <{mail}> {EPOCH} +0000\n"
              f"data {len(words)}\n".encode() + words + b"\n")
    for path in _walk(folder):
        mode, data = _file_record(folder, path)
        out.write(f"M {mode} inline {path}\ndata {len(data)}\n".encode())
        out.write(data)
        out.write(b"\n")
    out.close()
    if feed.wait():
        raise ui.Fail(f"git could not store the base in {git.top}: is the disk full?")
    return git.text("rev-parse", ref)


def _without_git(below):
    """The same for a checkout that is no repository, such as an archive of one."""
    ignored = (".o", ".ko", ".pyc")
    for path in sorted((paths.ROOT / below).rglob("*")):
        name = path.relative_to(paths.ROOT).as_posix()
        if not name.startswith("build/") and not name.endswith(ignored):
            yield name


def own_files(below="."):
    """Regular files of the repository that are not ignored, tracked or not."""
    if (paths.ROOT / ".git").exists():
        known = Git(paths.ROOT).paths("ls-files", "-z", "-co", "--exclude-standard",
                                      "--", below)
    else:
        known = _without_git(below)
    return [name for name in known
            if (paths.ROOT / name).is_file() and not (paths.ROOT / name).is_symlink()]
