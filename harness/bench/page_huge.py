# SPDX-License-Identifier: GPL-2.0
"""Memory that is read before it is written to: by a device, hugetlb, and THP."""

from harness import boot, initramfs, ktap, ui
from harness.bench import guests, parts, timing

# 1 GiB in the pool, the page of zeroes, and as much beside for transparent pages.
MEMORY, POOL = "3G", 560
KINDS = ("page-huge", "hugetlb", "thp", "small")


def measure(built):
    """{(kind, workload): (MiB mapped, instructions, KiB used)}."""
    image = initramfs.Image("bench-page-huge")
    image.add(parts.program("page_huge", "page_huge.c"), "/bench/page_huge", libs=False)
    image.init("echo madvise >/sys/kernel/mm/transparent_hugepage/enabled\n"
               + "\n".join(f"run {kind} /bench/page_huge {kind}" for kind in KINDS))
    cmdline = guests.CMDLINE.replace("transparent_hugepage=never", "")
    with ui.step("huge pages that are read first", 60):
        result = boot.boot(built, image.build(), "bench-page-huge", mem=MEMORY, smp=1,
                           cmdline=f"{cmdline} hugepagesz=2M hugepages={POOL}",
                           timeout=1800, cpu=guests.CPU, extra=guests.EXACT,
                           acceleration=boot.ONE_THREAD)
    for section, found in ktap.sections(result.lines).items():
        if found.rc != 0:
            raise ui.Fail(f"guest page-huge: {section} ended with {found.rc}: "
                          + " ".join(found.lines[-3:]))
    return {key: tuple(values) for key, values in timing.table(result.lines, "@@Z", 2).items()}
