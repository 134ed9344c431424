# SPDX-License-Identifier: GPL-2.0
"""Configures and builds kernels, with ccache and reusable object trees."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness import base, deps, kconfig, paths, proc, tree as trees, ui

# Free space needed and seconds expected on two cores with an empty cache.
NEEDS = {"plain": (3, 320), "debug": (5, 700), "kcsan": (5, 700), "off": (3, 240)}
# Where options of the series are defined.
SERIES_KCONFIG = ("mm/Kconfig*", "lib/Kconfig*", "drivers/misc/Kconfig",
                  "drivers/misc/xpmem/Kconfig", "virt/kvm/Kconfig*")
# Fixed, so that equal sources give equal objects and ccache hits.
STAMPS = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 2026",
    "KBUILD_BUILD_USER": "mmu",
    "KBUILD_BUILD_HOST": "notifier",
    "KBUILD_BUILD_VERSION": "1",
    "LOCALVERSION": "",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Kernel:
    """A built kernel: its image, object tree and source."""
    bzimage: Path
    obj: Path
    src: Path

    def module(self, name):
        """Path of a module built with it."""
        found = sorted(self.obj.rglob(f"{name}.ko"))
        if not found:
            raise ui.Fail(f"the kernel in {self.obj} has no module {name}")
        return found[0]

    def options(self):
        """{option: value} of its configuration."""
        return kconfig.parse((self.obj / ".config").read_text(encoding="ascii"))


def source(tree):
    """The source of a tree, brought up to date."""
    if tree == "stock":
        return base.ensure_base()
    if tree == "new":
        return trees.assemble()
    raise ui.Fail(f"no tree {tree}: there are new and stock")


def environment():
    """What every make of a kernel runs with."""
    env = dict(os.environ, **STAMPS)
    env.setdefault("CCACHE_DIR", str(paths.CCACHE))
    env.setdefault("CCACHE_MAXSIZE", "12G")
    # No debug info names a directory, so objects do not depend on it.
    env["CCACHE_NOHASHDIR"] = "1"
    # Kbuild has the compiler write what a file includes: no need to find
    # that out beforehand, by preprocessing each file once more.
    env["CCACHE_DEPEND"] = "1"
    # The variables of the make that called us are not meant for Kbuild.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "CONFIG"):
        env.pop(name, None)
    return env


def make(src, obj, *targets):
    """The command that runs Kbuild for these targets."""
    return ["make", "-C", src, f"O={obj}", "CC=ccache gcc", "HOSTCC=ccache gcc",
            f"-j{(os.cpu_count() or 1) + 1}", *targets]


def object_tree(tree, config, src):
    """The object directory, reachable as build/obj/<tree>-<config>.

    It lies directly below its source, because Kbuild then uses relative
    paths: the compiler sees the same text for stock and new, and ccache
    shares what the series does not touch.
    """
    obj = src / f".obj-{config}"
    obj.mkdir(exist_ok=True)
    paths.OBJ.mkdir(parents=True, exist_ok=True)
    link = paths.OBJ / f"{tree}-{config}"
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(obj, paths.OBJ))
    return obj


def configure(src, obj, options, log):
    """Write obj/.config and fail when an asked option did not survive."""
    fragment = obj / "harness.config"
    paths.write_if_changed(fragment, kconfig.render(options))
    proc.logged(make(src, obj, f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig"),
                log, env=environment())
    got = kconfig.parse((obj / ".config").read_text(encoding="ascii"))
    missing = kconfig.lost(options, got)
    if missing:
        raise ui.Fail("options of configs/ that Kconfig did not accept: "
                      + "; ".join(missing))


def known(names, src, absent_note=False):
    """The merged options of fragments that this source has at all.

    Only those that the series adds may be missing: a prefix of it, or an
    empty one, has not got them yet.
    """
    ours = kconfig.merged(name for name in names if name.startswith("new"))
    files = [path for pattern in SERIES_KCONFIG for path in src.glob(pattern)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    absent = [name for name in ours
              if not re.search(rf"^\s*config {name.removeprefix('CONFIG_')}$", text, re.M)]
    if absent and absent_note:
        ui.say(f"note: the series does not define {', '.join(absent)} (configs/)")
    return {name: value for name, value in kconfig.merged(names).items()
            if name not in absent}


def build(tree="new", config="plain", targets=None):
    """Build (only what changed) and return the Kernel."""
    deps.ensure("build")
    space, seconds = NEEDS.get(config, (3, None))
    src = source(tree)
    with paths.lock(f"{tree}-{config}"):
        obj = object_tree(tree, config, src)
        if not (obj / "vmlinux").exists():
            paths.ensure_space(space)
        configure(src, obj, known(kconfig.names(tree, config), src, True),
                  f"config-{tree}-{config}.log")
        goals = list(targets) if targets else ["bzImage", "modules"]
        what = f"building {tree}-{config}" + (f" {' '.join(targets)}" if targets else "")
        with ui.step(what, None if targets else seconds):
            proc.logged(make(src, obj, *goals), f"build-{tree}-{config}.log",
                        env=environment())
    return Kernel(obj / "arch/x86/boot/bzImage", obj, src)
