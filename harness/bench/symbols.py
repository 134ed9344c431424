# SPDX-License-Identifier: GPL-2.0
"""The kernel's symbols, as the plugin wants them, and which belong together."""

import re
import subprocess
from typing import NamedTuple

# Where modules are loaded without address randomisation.
MODULES = 0xffffffffa0000000
MODULE = "[modules]"
ELSEWHERE = "[elsewhere]"
# What the plugin has to know: see there.
_KINDS = ((re.compile(r"asm_(sysvec_\w+|common_interrupt|spurious_interrupt)"), "i"),
          (re.compile(r"asm_exc_page_fault"), "f"),
          (re.compile(r"entry_SYSCALL_64_safe_stack"), "s"),
          (re.compile(r"finish_task_switch(\.\w+)*"), "t"),
          (re.compile(r"ret_from_fork_asm"), "b"))
_CODE = re.compile(r"([0-9a-f]{16}) [tTwW] (\S+)")
# What these do depends on what happens to be free, cached or runnable.
_NOISY = ("mm/page_alloc.o", "mm/slub.o", "mm/percpu*.o", "mm/vmstat.o", "kernel/sched/*.o",
          "kernel/rseq.o", "lib/find_bit.o", "lib/radix-tree.o", "drivers/char/random.o",
          "lib/crypto/*.o")


class Table(NamedTuple):
    """Names by index, and the text of the file for the plugin."""
    names: list
    text: str


def _kind(name):
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), ".")


def table(lines):
    """The Table of what `nm -n vmlinux` prints."""
    found = {}
    inside = False
    for line in lines:
        match = _CODE.fullmatch(line.strip())
        if line.rstrip().endswith(" _text"):
            inside = True
        if line.rstrip().endswith(" _etext"):
            break
        if inside and match:
            # Of several names of one address, one that says something.
            found.setdefault(int(match[1], 16), []).append(match[2])
    rows = [(address, _best(names)) for address, names in sorted(found.items())]
    last = rows[-1][0]
    rows += [(last + 0x100000, ELSEWHERE), (MODULES, MODULE)]
    names = [name for _, name in rows]
    return Table(names, "".join(f"{address:x} {_kind(name)}\n" for address, name in rows))


def _best(names):
    chosen = [name for name in names if _kind(name) != "."]
    return (chosen or sorted(names))[0]


def _nm(*files):
    return subprocess.run(["nm", "-n", *map(str, files)], capture_output=True, text=True,
                          check=False).stdout.splitlines()


def of_kernel(built):
    """The Table of a built kernel."""
    return table(_nm(built.obj / "vmlinux"))


def noisy(built):
    """Symbols of allocators, scheduler and random numbers."""
    objects = [path for pattern in _NOISY for path in built.obj.glob(pattern)]
    found = (_CODE.fullmatch(line.strip()) for line in _nm(*objects))
    return {match[2] for match in found if match}
