# SPDX-License-Identifier: GPL-2.0
"""What was measured with what."""

import hashlib
import os
import subprocess

from harness import base, git, paths
from harness.bench import guests, parts


def _line(*command):
    said = subprocess.run(command, capture_output=True, text=True, check=False,
                          cwd=paths.ROOT).stdout
    return said.splitlines()[0].strip() if said.strip() else "unknown"


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _commit():
    # Results are written there by the run itself.
    changed = _line("git", "status", "--porcelain", "--", ".", ":!bench/results")
    return _line("git", "rev-parse", "HEAD") + (" with edits" if changed != "unknown" else "")


def rows(kernels, seconds):
    """[(what, value)] for the report."""
    return [
        ("base", f"Linux {base.version()}, sha256 of the archive {base.checksum()[:16]}"),
        ("series", f"commit {_commit()}"),
        ("QEMU", f"{parts.qemu_version()}, TCG, plugin interface 1; this is no hardware"),
        ("guest that is counted", f"1 vCPU, {guests.CPU}, {' '.join(guests.EXACT)}"),
        ("guest that is timed", "2 vCPUs, multi-threaded TCG"),
        ("compiler", _line("gcc", "--version")),
        ("configuration", "; ".join(f"{tree}: sha256 {_hash(kernel.obj / '.config')}"
                                    for tree, kernel in kernels.items())),
        ("host", f"{os.cpu_count()} cores, {_processor()}"),
        ("time it took", f"{seconds:.0f} s"),
    ]


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as handle:
        for line in handle:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown processor"
