# SPDX-License-Identifier: GPL-2.0
"""The emulator: QEMU from Debian's source, with the fixes that lie beside this file.

Debian's own binary delivers interrupts twice in the guests of an emulated KVM;
the patches say how.  It stays in use with hardware virtualisation, and in the
guest that "make run" starts on the KVM under test.
"""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from harness import deps, paths, proc, ui

HERE = Path(__file__).resolve().parent
WORK = paths.BUILD / "emulator"
STAMP = WORK / "stamp"
PROGRAM = WORK / "build" / "qemu-system-x86_64"
# What it would find next to itself if it were installed.
FIRMWARE = ["-L", "/usr/share/seabios", "-L", "/usr/share/qemu"]
# Of its devices only those that the guests have, for a shorter build.
DEVICES = HERE / "guest.mak"
FEATURES = ["--target-list=x86_64-softmmu", "--without-default-features",
            "--without-default-devices", f"--with-devices-x86_64={DEVICES.stem}",
            "--enable-system", "--enable-tcg", "--enable-plugins", "--disable-docs",
            "--disable-debug-info", "--disable-werror", "--meson=/usr/bin/meson"]
NEEDS_GIB = 3
SECONDS = 120


def _patches():
    return sorted(HERE.glob("*.patch"))


def _wanted():
    """What a build depends on: the package's version, our files, the features."""
    digest = hashlib.sha256(" ".join(FEATURES).encode())
    for path in [DEVICES, *_patches()]:
        digest.update(path.read_bytes())
    return f"{_version()} {digest.hexdigest()}"


def _version():
    """The source version of the installed QEMU."""
    found = proc.output(["dpkg-query", "-W", "-f=${source:Version}", "qemu-system-x86"])
    return found.decode().strip()


def _apt_options():
    """Options that keep source packages' lists apart from the machine's."""
    sites = proc.output(["apt-get", "indextargets", "--format",
                         "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"])
    lines = sorted({f"deb-src {line}" for line in sites.decode().splitlines()})
    for folder in ("lists/partial", "archives/partial", "source"):
        (WORK / folder).mkdir(parents=True, exist_ok=True)
    (WORK / "sources.list").write_text("\n".join(lines) + "\n", encoding="ascii")
    return ["-q", "-o", f"Dir::Etc::sourcelist={WORK}/sources.list",
            "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={WORK}/lists",
            "-o", f"Dir::Cache={WORK}", "-o", "APT::Sandbox::User="]


def _fetch(version):
    """Download the source package; its description file."""
    options = _apt_options()
    try:
        proc.logged(["apt-get", *options, "update"], "emulator-lists.log")
        proc.logged(["apt-get", *options, "source", "--download-only",
                     f"qemu={version}"], "emulator-source.log", cwd=WORK / "source")
    except ui.Fail as error:
        raise ui.Fail(f"could not fetch the source of qemu {version}: check the network "
                      "and the package sources, upgrade qemu-system-x86 if they have a "
                      "newer one, or name a fixed emulator with EMULATOR=/path\n"
                      f"{error}") from None
    # File names have no epoch.
    return WORK / "source" / f"qemu_{version.rpartition(':')[2]}.dsc"


def _unpack(description):
    source = WORK / "qemu"
    shutil.rmtree(source, ignore_errors=True)
    proc.logged(["dpkg-source", "--no-check", "-x", description, source],
                "emulator-unpack.log")
    for patch in _patches():
        try:
            proc.logged(["patch", "-p1", "-d", source, "-i", patch], "emulator-patch.log")
        except ui.Fail as error:
            raise ui.Fail(f"{patch.name} does not fit qemu {_version()}\n{error}") from None
    shutil.copy(DEVICES, source / "configs" / "devices" / "x86_64-softmmu")
    return source


def _environment():
    """Debian's own tools, and a folder in which nothing else is found."""
    scratch = WORK / "tmp"
    scratch.mkdir(exist_ok=True)
    return dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR=str(scratch),
                CCACHE_DIR=str(paths.CCACHE))


def _compile(source):
    folder = PROGRAM.parent
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    proc.logged([source / "configure", "--cc=ccache gcc", *FEATURES],
                "emulator-configure.log", cwd=folder, env=_environment())
    proc.logged(["ninja", f"-j{os.cpu_count()}", PROGRAM.name],
                "emulator-build.log", cwd=folder, env=_environment())


def _build():
    """Build it unless it is there; after an interruption ccache has what was done."""
    with paths.lock("emulator"):
        wanted = _wanted()
        if PROGRAM.is_file() and STAMP.is_file() and STAMP.read_text("ascii") == wanted:
            return
        deps.ensure("build", "emulator")
        paths.ensure_space(NEEDS_GIB)
        STAMP.unlink(missing_ok=True)
        with ui.step("building the emulator", SECONDS):
            _compile(_unpack(_fetch(_version())))
        STAMP.write_text(wanted, encoding="ascii")


@functools.cache
def command():
    """The emulator and its first options; EMULATOR=/path names another one."""
    named = os.environ.get("EMULATOR")
    if not named:
        _build()
        return [str(PROGRAM), *FIRMWARE]
    if not os.access(named, os.X_OK):
        raise ui.Fail(f"EMULATOR names {named}, which cannot be run")
    return [named, *FIRMWARE]


def version():
    """Its own words on its version."""
    said = subprocess.run([command()[0], "--version"], capture_output=True, text=True,
                          check=False).stdout
    return said.splitlines()[0] if said else "an emulator without a version"
