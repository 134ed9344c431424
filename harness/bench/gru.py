# SPDX-License-Identifier: GPL-2.0
"""What invalidations cost an emulated GRU, by three drivers.

The driver of the base is built outside of the kernel's tree, for the base's kernel,
from the commit of the series that adds the emulated chip and changes nothing else of
the driver.
"""

import shutil
import subprocess

from harness import boot, initramfs, kernel as kernels, ktap, paths, proc, tree, ui
from harness.bench import guests, parts, timing

DRIVER = "drivers/misc/sgi-gru"
EMULATION = "emulate-the-chip"
FIELDS = ("tgh", "beside", "purged", "misses", "replays", "cch", "late")
# What is measured: (name, tree of the kernel, options of the module).
DRIVERS = (("per page", "new", "per_page=1"), ("stock", "stock", ""), ("series", "new", ""))
TESTS = paths.TREE / "tools/testing/selftests/sgi-gru/coherence"
LIBRARY = paths.TREE / "tools/sgi-gru"


def _stock_sources(work):
    """The base's driver, with the seams and the emulation."""
    series = tree.patches()
    numbers = [number for number, patch in enumerate(series) if EMULATION in patch.name]
    if not numbers:
        raise ui.Fail(f"the series has no patch named ...{EMULATION}")
    with paths.lock("tree"):
        commit = tree.commits(series)[numbers[0]]
    packed = subprocess.run(["git", "-C", paths.TREE, "archive", commit, DRIVER],
                            check=True, capture_output=True).stdout
    fresh = work.with_name(work.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", fresh, "--strip-components=3"], input=packed, check=True)
    work.mkdir(parents=True, exist_ok=True)
    for path in fresh.rglob("*"):
        # Kbuild compares times: an unchanged copy is not built again.
        if path.is_file():
            target = work / path.relative_to(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            paths.write_if_changed(target, path.read_bytes())
    shutil.rmtree(fresh)
    return work


def _stock_module(built):
    work = _stock_sources(parts.OUT / "module-stock" / "sgi-gru")
    command = kernels.make(built.src, built.obj, f"M={work}", "CONFIG_SGI_GRU=m",
                           "CONFIG_SGI_GRU_EMULATION=y",
                           "KCFLAGS=-DCONFIG_SGI_GRU_EMULATION=1", "modules")
    proc.logged(command, "bench-module-gru-stock.log", env=kernels.environment())
    return work / "gru.ko"


def _program():
    """Made of the library and the test's view of the chip."""
    return parts.program("gru", "gru.c", LIBRARY / "libgru.c", TESTS / "chip.c")


def _one(built, name, module, options):
    image = initramfs.Image(f"bench-gru-{name.replace(' ', '-')}")
    image.add(module, "/modules/gru.ko", libs=False)
    image.add(_program(), "/bench/gru", libs=False)
    image.init(f"run insmod insmod /modules/gru.ko emulation=1 {options}\n"
               "run gru /bench/gru\n")
    with ui.step(f"a GRU, {name}", 30):
        result = boot.boot(built, image.build(), f"bench-gru-{name.replace(' ', '-')}",
                           cmdline=f"{guests.CMDLINE} {boot.GRU_MEMORY}", mem=guests.MEMORY, smp=1,
                           timeout=1800, cpu=guests.CPU, extra=guests.EXACT,
                           acceleration=boot.ONE_THREAD)
    for section, found in ktap.sections(result.lines).items():
        if found.rc != 0:
            raise ui.Fail(f"guest gru, {name}: {section} ended with {found.rc}: "
                          + " ".join(found.lines[-3:]))
    rows = timing.table(result.lines, "@@G", 1)
    return {key[0]: dict(zip(FIELDS, values, strict=True)) for key, values in rows.items()}


def measure(built):
    """{driver: {workload: {field: number}}}; `built` is {tree: Kernel}."""
    modules = {"stock": _stock_module(built["stock"]), "new": built["new"].module("gru")}
    return {name: _one(built[kind], name, modules[kind], options)
            for name, kind, options in DRIVERS}
