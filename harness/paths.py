# SPDX-License-Identifier: GPL-2.0
"""Where things lie, and locks on them."""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path

from harness import ui

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
SERIES = ROOT / "series"
CONFIGS = ROOT / "configs"
BASE = BUILD / "base"
TREE = BUILD / "tree"
OBJ = BUILD / "obj"
IMAGES = BUILD / "images"
LOGS = BUILD / "logs"
CCACHE = BUILD / "cache" / "ccache"


def ensure_space(gib):
    """Fail early and clearly instead of in the middle of a link."""
    BUILD.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(BUILD).free / 2**30
    if free < gib:
        raise ui.Fail(f"too little disk: {BUILD} has {free:.1f} GiB free and "
                      f"this step needs {gib} GiB; free some and run again")


@contextlib.contextmanager
def lock(name):
    """One run at a time for what `name` stands for; others wait."""
    folder = BUILD / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ui.say(f"waiting: another run is using {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_if_changed(path, data):
    """Write bytes or text and leave the time stamp alone when nothing changed."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        if path.read_bytes() == raw:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(raw)
    os.replace(temporary, path)
    return True
