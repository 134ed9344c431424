# SPDX-License-Identifier: GPL-2.0
"""The programs that guests run: the base's selftests and ours, linked statically."""

import os
from pathlib import Path

from harness import kernel, paths, proc, ui

OUT = paths.BUILD / "selftests"
OURS = "tools/testing/selftests/mmu_notifier"
OURS_KVM = f"{OURS}/kvm"
OURS_COHERENCE = f"{OURS}/coherence"
OURS_STRESS = f"{OURS}/stress"
OURS_GRU = "tools/testing/selftests/sgi-gru"
OURS_GRU_COHERENCE = f"{OURS_GRU}/coherence"
OURS_XPMEM = "tools/testing/selftests/xpmem"
OURS_PGTABLE_OPS = "tools/testing/selftests/pgtable_ops"
OURS_PAGE_HUGE = "tools/testing/selftests/page_huge"
PATIENCE = paths.ROOT / "harness" / "guest" / "patience.c"


def headers(src, config):
    """User space headers of a tree, as a compiler option."""
    obj = kernel.object_tree(_name(src), config, src)
    proc.logged(kernel.make(src, obj, "headers"), f"headers-{_name(src)}.log",
                env=kernel.environment())
    return f"-isystem {obj}/usr/include"


def _name(src):
    return "stock" if src == paths.BASE else "new"


def _make(folder, out, options, targets, log, link=""):
    out.mkdir(parents=True, exist_ok=True)
    command = ["make", "-s", "-C", folder, f"OUTPUT={out}", f"-j{(os.cpu_count() or 1) + 1}",
               "CC=ccache gcc", f"KHDR_INCLUDES={options}", f"LDFLAGS=-static {link}", *targets]
    proc.logged(command, log, env=kernel.environment())


def _patience():
    """What to link so that a program's own time limits fit the guest."""
    OUT.mkdir(parents=True, exist_ok=True)
    built = OUT / "patience.o"
    proc.logged(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-c", "-o", built, PATIENCE],
                "gcc-patience.log")
    return f"-Wl,--wrap=alarm {built}"


def _set(src, options, folder, names):
    """Build some programs of one selftest folder; their directory."""
    out = OUT / _name(src) / folder
    _make(src / "tools/testing/selftests" / folder, out, options,
          [out / name for name in dict.fromkeys(names)], f"selftests-{folder}.log",
          _patience())
    return out


def build_base(names):
    """Programs of the base, {folder: [name]}; the same binaries run on both kernels."""
    src = kernel.source("stock")
    # More than one job asks; headers are not made twice at the same time.
    with paths.lock("selftests-stock"), ui.step("building the base's selftests", 40):
        options = headers(src, "plain")
        return {folder: _set(src, options, folder, wanted)
                for folder, wanted in names.items()}


def _ours(folder, config):
    src = kernel.source("new")
    if not (src / folder).is_dir():
        raise ui.Fail(f"the series brings no {folder}")
    name = folder.removeprefix("tools/testing/selftests/").replace("/", "-")
    with paths.lock("selftests-new"), ui.step(f"building our kselftests {name}", 20):
        out = OUT / "new" / name
        _make(src / folder, out, headers(src, config), [], f"selftests-{name}.log")
    return _programs(out)


def build_ours(config):
    """Our kselftests: {name: program}; `config` names a built kernel."""
    return _ours(OURS, config)


def build_ours_kvm(config):
    """The same, of those that are linked with the library of KVM's selftests."""
    return _ours(OURS_KVM, config)


def build_matrix(config):
    """The program that runs the coherence matrix."""
    return _ours(OURS_COHERENCE, config)["matrix"]


def build_stress(config):
    """The program that does everything at once."""
    return _ours(OURS_STRESS, config)["stress"]


def build_gru(config):
    """The programs that use an emulated GRU."""
    return _ours(OURS_GRU, config)


def build_gru_coherence(config):
    """The programs that invalidate what a GRU translates."""
    return _ours(OURS_GRU_COHERENCE, config)


def build_gru_tour():
    """The example of its library."""
    src, out = kernel.source("new"), OUT / "new" / "gru-tour"
    out.mkdir(parents=True, exist_ok=True)
    proc.logged(["make", "-s", "-C", src / "tools/sgi-gru", f"OUTPUT={out}",
                 "CC=ccache gcc", "LDFLAGS=-static"], "gru-tour.log",
                env=kernel.environment())
    return out / "gru-tour"


def build_xpmem(config):
    """The tests of XPMEM; one more, if libxpmem is installed."""
    return _ours(OURS_XPMEM, config)


def build_pgtable_ops(config):
    """The tests of hugetlb's page tables."""
    return _ours(OURS_PGTABLE_OPS, config)


def build_page_huge(config):
    """The tests of /dev/page-huge."""
    return _ours(OURS_PAGE_HUGE, config)


def module_for(built, tree):
    """Our module of test subscribers for a kernel without the series."""
    work = OUT / f"module-{tree}"
    for path in (paths.ROOT / "lib" / "test_mmu_notifier").iterdir():
        # Kbuild compares times: an unchanged copy is not built again.
        paths.write_if_changed(work / path.name, path.read_bytes())
    command = kernel.make(built.src, built.obj, f"M={work}",
                          "CONFIG_TEST_MMU_NOTIFIER=m", "modules")
    proc.logged(command, f"module-{tree}.log", env=kernel.environment())
    return work / "test_mmu_notifier.ko"


def _programs(out):
    """What a selftest folder built: executables, not objects."""
    found = {path.name: path for path in sorted(Path(out).iterdir())
             if path.is_file() and os.access(path, os.X_OK) and not path.suffix}
    if not found:
        raise ui.Fail(f"{out} holds no program after the build of our kselftests")
    return found
