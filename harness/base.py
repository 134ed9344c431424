# SPDX-License-Identifier: GPL-2.0
"""The untouched source in build/base, from Debian's package."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from harness import deps, paths, ui

STAMP = paths.BUILD / "base.stamp"
UNPACKED_GIB = 4


def recorded():
    """What series/BASE says: package, version, sha256."""
    text = (paths.SERIES / "BASE").read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines()]
    return {words[0]: words[1] for words in lines if words and words[0] != "#"}


def tarball():
    """The base's archive: BASE_TARBALL, or the one that the package installs."""
    named = os.environ.get("BASE_TARBALL")
    if named:
        path = Path(named)
        if not path.is_file():
            raise ui.Fail(f"BASE_TARBALL names {named}, which is not a file")
        return path
    path = Path("/usr/src") / (recorded()["package"] + ".tar.xz")
    if not path.is_file():
        deps.ensure("base")
    if not path.is_file():
        raise ui.Fail(f"{path} is missing although its package is installed: "
                      f"apt-get install --reinstall {recorded()['package']}")
    return path


def _identity(path):
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _stamp():
    try:
        return json.loads(STAMP.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}


def version(source=paths.BASE):
    """6.12.y as the Makefile in `source` has it."""
    head = (source / "Makefile").read_text(encoding="utf-8")[:400]
    part = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)", head, re.M))
    return ".".join(part[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))


def judge(found_version, found_sha256, wanted):
    """None if this is the recorded base, a note if it may do, or Fail."""
    if found_sha256 == wanted["sha256"]:
        return None
    if found_version == wanted["version"]:
        raise ui.Fail(f"the base says it is {found_version} but its checksum is not "
                      f"the one in series/BASE: reinstall {wanted['package']}")
    series_of = wanted["version"].rsplit(".", 1)[0]
    if found_version.rsplit(".", 1)[0] != series_of:
        raise ui.Fail(f"the base is {found_version}, the series needs "
                      f"{series_of}.y: install {wanted['package']}")
    return (f"note: the base is {found_version}, the series was made on "
            f"{wanted['version']}; a hunk that does not fit will be named")


def _unpack(archive, digest):
    paths.ensure_space(UNPACKED_GIB)
    fresh = paths.BUILD / "base.unpacking"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with ui.step("unpacking the base", 15):
        code = subprocess.run(["tar", "-xJf", archive, "-C", fresh,
                               "--strip-components=1"], check=False).returncode
    if code:
        raise ui.Fail(f"{archive} does not unpack: reinstall its package")
    note = judge(version(fresh), digest, recorded())
    shutil.rmtree(paths.BASE, ignore_errors=True)
    fresh.rename(paths.BASE)
    STAMP.write_text(json.dumps({"archive": _identity(archive), "sha256": digest,
                                 "note": note}), encoding="ascii")


def ensure_base():
    """Path of the unpacked base, unpacking it when needed."""
    with paths.lock("base"):
        archive = tarball()
        stamp = _stamp()
        if stamp.get("archive") != _identity(archive) or not paths.BASE.is_dir():
            _unpack(archive, _sha256(archive))
        else:
            judge(version(), stamp["sha256"], recorded())
        if _stamp().get("note"):
            ui.say(_stamp()["note"])
    return paths.BASE


def checksum():
    """The checksum of the archive that build/base came from."""
    return _stamp()["sha256"]
