# SPDX-License-Identifier: GPL-2.0
"""What subscribers are told about hugetlb, before and after."""

import re

from harness import boot, initramfs, ktap, ui
from harness.check import programs
from harness.proofs import trees

_LOG = re.compile(r"# log: (\S+ \S+): (.*)$")
# Of these the order is another, on purpose: the move is started first.
REORDERED = {"move shared-tables", "move-part shared-tables"}


def parse(lines):
    """{operation and pages: [what was said, in order]} of the program's output."""
    found = {}
    for line in lines:
        if match := _LOG.search(ktap.clean(line)):
            found.setdefault(match[1], []).append(match[2])
    return found


def compare(before, after):
    """A line for each operation; DIFFERENT if it should not be."""
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name, []), after.get(name, [])
        if one == other:
            yield f"{name}: {len(one)} callouts, the same"
        elif name in REORDERED and sorted(one) == sorted(other):
            yield f"{name}: {len(one)} callouts, the same in another order, as intended"
        else:
            yield f"DIFFERENT {name}: {one}, now {other}"


def record(built, name):
    """Boot a kernel and have the operations' callouts logged."""
    image = initramfs.Image(f"proofs-{name}")
    module = next(path for path in built.modules if path.stem == "test_mmu_notifier")
    image.add(module, "/t/test_mmu_notifier.ko", libs=False)
    image.add(programs.build_pgtable_ops("plain")["events"], "/t/events", libs=False)
    image.init("run insmod insmod /t/test_mmu_notifier.ko\nrun events /t/events")
    with ui.step(f"guest proofs-{name}", 30):
        result = boot.boot(built.kernel, image.build(), f"proofs-{name}", mem="3G", timeout=900,
                           cmdline="loglevel=5 hugepagesz=2M hugepages=64 norandmaps")
    if ktap.sections(result.lines)["events"].rc:
        raise ui.Fail(f"not every operation could be done: {result.log}")
    found = parse(result.lines)
    if not found:
        raise ui.Fail(f"nothing was logged: {result.log}")
    return found


def same():
    """Both kernels, compared."""
    built = trees.kernels([], "kernel-plain")
    before, after = (record(built[side], f"events-{side}") for side in trees.SIDES)
    return list(compare(before, after))
