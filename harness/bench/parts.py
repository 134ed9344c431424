# SPDX-License-Identifier: GPL-2.0
"""What a measurement is made of: the plugin, the guests' programs and modules."""

import re
import shutil
import threading

from harness import emulator, kernel as kernels, paths, proc, ui

HERE = paths.ROOT / "harness" / "bench"
OUT = paths.BUILD / "bench"
SELFTESTS = paths.ROOT / "tools/testing/selftests/mmu_notifier"
TEST_MODULE = paths.ROOT / "lib" / "test_mmu_notifier"
CFLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
# The plugin's declarations are those of this version; QEMU 9 has others.
QEMU_VERSION = "7.2"

_compiling = threading.Lock()
_compiled = set()


def qemu_version():
    """QEMU's own words on its version."""
    match = re.search(r"version (\S+)", emulator.version())
    return match[1] if match else "unknown"


def check_qemu():
    """Fail unless this QEMU has the plugin interface that ours was written for."""
    version = qemu_version()
    if not version.startswith(QEMU_VERSION + "."):
        raise ui.Fail(f"{emulator.command()[0]} is {version}; the plugin that counts was written for the "
                      f"plugin interface of QEMU {QEMU_VERSION}, as in Debian 12")


def _compile(target, *words):
    """Compile once in a run; guests that start together want the same."""
    with _compiling:
        if target not in _compiled:
            target.parent.mkdir(parents=True, exist_ok=True)
            proc.logged(["gcc", *CFLAGS, *words, "-o", target], f"bench-{target.name}.log")
            _compiled.add(target)
    return target


def plugin():
    """The compiled plugin."""
    check_qemu()
    return _compile(OUT / "plugin.so", "-shared", "-fPIC", "-fvisibility=hidden",
                    "-Wno-unused-parameter", HERE / "plugin.c")


def program(name, *sources):
    """A static program for the guests, with what our selftests share."""
    return _compile(OUT / "programs" / name, "-static", "-pthread", "-Wno-unused-parameter",
                    *(HERE / "guest" / source for source in sources), SELFTESTS / "util.c")


def module(built, tree, source):
    """A module built outside of the kernel's tree, for this kernel."""
    work = OUT / f"module-{tree}" / source.name
    work.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        # Kbuild compares times: an unchanged copy is not built again.
        paths.write_if_changed(work / path.name, path.read_bytes())
    log = f"bench-module-{source.name}-{tree}.log"
    command = kernels.make(built.src, built.obj, f"M={work}", "CONFIG_TEST_MMU_NOTIFIER=m",
                           "modules")
    try:
        proc.logged(command, log, env=kernels.environment())
    except ui.Fail:
        # Left by a kernel that was configured otherwise.
        shutil.rmtree(work)
        raise
    return next(work.glob("*.ko"))


def modules(built, tree):
    """The test subscribers and the trivial ones."""
    return [module(built, tree, TEST_MODULE), module(built, tree, HERE / "guest" / "module")]
