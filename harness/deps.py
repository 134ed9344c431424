# SPDX-License-Identifier: GPL-2.0
"""Debian packages that a command needs, installed when missing."""

import os
import shutil
import subprocess

from harness import proc, ui

GROUPS = {
    "base": ["linux-source-6.12"],
    "tree": ["xz-utils", "tar", "git"],
    "build": ["gcc", "libc6-dev", "make", "bc", "bison", "flex", "libelf-dev", "libssl-dev",
              "ccache", "cpio", "rsync", "kmod", "python3", "perl"],
    "boot": ["qemu-system-x86", "busybox-static"],
    "emulator": ["dpkg-dev", "patch", "ninja-build", "meson", "pkg-config", "zlib1g-dev",
                 "libglib2.0-dev", "libpixman-1-dev", "libfdt-dev", "python3-distutils"],
    "bench": ["gnuplot-nox"],
    # The guest in the guest needs QEMU's own firmware and nothing else.
    "run": ["seabios"],
    "check": ["sparse", "libasan8", "libubsan1", "libtsan2", "g++",
              # The models, and a file system for guests.
              "spin", "e2fsprogs",
              "python3-sphinx", "shellcheck", "libcap-dev", "libnuma-dev",
              # The API's users are compiled for every architecture that has some.
              "gcc-aarch64-linux-gnu", "gcc-powerpc64le-linux-gnu",
              "gcc-riscv64-linux-gnu", "gcc-s390x-linux-gnu"],
    # The tests of VMAs in user space.
    "proofs": ["liburcu-dev"],
    "deb-tools": ["dpkg-dev", "debhelper", "fakeroot", "lsb-release", "dwarves"],
}


def _installed(package):
    query = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package],
                           capture_output=True, text=True, check=False)
    return query.stdout == "installed"


def missing(packages):
    """Those of the packages that are not installed."""
    if not shutil.which("dpkg-query"):
        raise ui.Fail("this needs Debian 12 or a derivative (no dpkg-query here): "
                      "use such a machine, a container or a virtual one")
    return [package for package in packages if not _installed(package)]


def _as_root():
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo"]
    raise ui.Fail("packages are missing and there is neither root nor sudo")


def _install(packages, root):
    env_set = ["env", "DEBIAN_FRONTEND=noninteractive"]
    apt = root + env_set + ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    install = apt + ["install", "--no-install-recommends"] + packages
    try:
        proc.logged(install, "apt-install.log")
    except ui.Fail:
        # Package lists may be absent or older than the archive.
        proc.logged(apt + ["update"], "apt-update.log")
        proc.logged(install, "apt-install.log")


def ensure(*groups):
    """Install what the groups need and is not there; say so first."""
    wanted = [package for group in groups for package in GROUPS[group]]
    lacking = missing(dict.fromkeys(wanted))
    if not lacking:
        return
    names = " ".join(lacking)
    try:
        root = _as_root()
        ui.say(f"installing Debian packages{' with sudo' if root else ''}: {names}")
        with ui.step("installing packages", 60):
            _install(lacking, root)
    except ui.Fail as error:
        raise ui.Fail(f"could not install {names}: check the network and the "
                      f"package sources, or run as root: apt-get install {names}\n"
                      f"{error}") from None
    still = missing(lacking)
    if still:
        raise ui.Fail(f"still not installed after apt-get: {' '.join(still)}")
