# SPDX-License-Identifier: GPL-2.0
"""A checkout of these tools with a base of a few files, for end-to-end tests."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HARNESS = Path(__file__).resolve().parent.parent
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = {}\n"
CODE = "".join(f"line {n};\n" for n in range(1, 31))


class Toy:
    """A temporary repository; use as a context manager."""

    def __init__(self):
        self.top = Path(tempfile.mkdtemp(prefix="toy-"))
        self.tree = self.top / "build" / "tree"
        self.env = {key: value for key, value in os.environ.items()
                    if key not in ("PATCH", "SUBJECT", "DISCARD", "CONFIG")}
        shutil.copytree(HARNESS, self.top / "harness",
                        ignore=shutil.ignore_patterns("__pycache__"))
        (self.top / "series").mkdir()
        self.put("series/cover-letter.txt",
                 "From: A Toy <toy@example.org>\nSubject: toy: things\n\nWords.\n")
        self.put(".gitignore", "/build/\n/source/\n__pycache__/\n")
        subprocess.run(["git", "init", "-q", self.top], check=True)
        self.base(117)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def put(self, name, text):
        """Write a file below the checkout."""
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def get(self, name):
        """Text of a file below the checkout."""
        return (self.top / name).read_text(encoding="utf-8")

    def base(self, sublevel, record=True, **files):
        """Make a base archive; record it in series/BASE unless told not to."""
        everything = {"Makefile": MAKEFILE.format(sublevel), "mm/a.c": CODE,
                      "mm/b.c": CODE, "mm/Kconfig": "config A\n\tbool\n"} | files
        folder = self.top / "source" / "linux-source-6.12"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in everything.items():
            self.put(f"source/linux-source-6.12/{name}", text)
        (folder / "mm" / "link").symlink_to("a.c")
        archive = self.top / "source" / f"base-{sublevel}.tar.xz"
        with tarfile.open(archive, "w:xz") as out:
            out.add(folder, folder.name)
        shutil.rmtree(folder)
        self.env["BASE_TARBALL"] = str(archive)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if record:
            self.put("series/BASE", f"package linux-source-6.12\nversion 6.12.{sublevel}\n"
                                    f"sha256 {digest}\n")

    def harness(self, *words):
        """(code, all output) of a command."""
        done = subprocess.run([sys.executable, "-B", "-m", "harness", *words],
                              cwd=self.top, env=self.env, capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def commit(self):
        """Id of the assembled commit."""
        return subprocess.run(["git", "-C", self.tree, "rev-parse", "series"], check=True,
                              capture_output=True, text=True).stdout.strip()

    def edit(self, name, old, new):
        """Replace text in a file of build/tree."""
        path = self.tree / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")
