# SPDX-License-Identifier: GPL-2.0
"""Both cores in user space, against the shim of the native tests, by turns."""

from harness import kernel, paths, proc, ui
from harness.bench import markdown, parts, timing

HERE = parts.HERE / "side_by_side"
SHIM = paths.ROOT / "tools/testing/mmu_notifier/shim"
ROUNDS, COUNT = 15, 1000000
# The shim is no kernel: prototypes are missing and variables are unused.
CFLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-O2", "-pthread", "-fPIC", "-fvisibility=hidden",
          "-Wall", "-Wno-unused", "-Wno-format", "-Werror=implicit-function-declaration")


def _library(name, *words):
    target = parts.OUT / "native" / f"{name}.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    base = kernel.source("stock")
    sources = [HERE / source for source in (f"core_{name}.c", "driver.c", "fast.c")]
    sources += [base / "lib" / source for source in ("rbtree.c", "interval_tree.c")]
    # The shim comes first: it has stand-ins for headers of the series, too.
    proc.logged(["gcc", *CFLAGS, "-shared", "-Wl,-z,defs", "-o", target, f"-I{SHIM}",
                 *words, *sources, "-idirafter", base / "include"],
                f"bench-native-{name}.log")
    return target


def build():
    """The program, and both cores as libraries; a symbol that is missing is an error."""
    base = kernel.source("stock")
    old = _library("stock", "-include", HERE / "stock.h", f"-I{HERE}/include",
                   "-iquote", base)
    new = _library("new", f"-I{paths.ROOT}/include", f"-I{paths.ROOT}/mm",
                   "-iquote", paths.ROOT)
    program = parts.OUT / "native" / "native"
    proc.logged(["gcc", *parts.CFLAGS, "-D_GNU_SOURCE", "-pthread", "-o", program,
                 HERE / "main.c", "-ldl"], "bench-native.log")
    return program, old, new


def parse(lines):
    """{(kind, number, threads): {core: [ns]}} of lines "@@N core kind number ..."."""
    found = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["@@N"] and len(words) == 6:
            key = words[2], int(words[3]), int(words[4])
            found.setdefault(key, {}).setdefault(words[1], []).append(float(words[5]))
    return found


def rows(found):
    """For the report: medians, and the median of the ratios of neighbours."""
    for (kind, number, threads), times in sorted(found.items(), key=lambda item: item[0][::-1]):
        old, new, share = timing.paired(times["old"], times["new"])
        yield (threads, f"{kind}-{number}", markdown.number(old), markdown.number(new),
               f"{share:.2f}")


def measure():
    """Build both, run, and return the rows of the report."""
    with ui.step("timing both cores in user space", 15):
        program, old, new = build()
        said = proc.output([program, old, new, str(ROUNDS), str(COUNT)]).decode()
    return list(rows(parse(said.splitlines())))
