# SPDX-License-Identifier: GPL-2.0
"""Tests of subscribers that nobody here wrote, and how to run them in emulation.

Sizes and iterations are chosen so that each takes at most some 20 s on an
idle emulated machine.  Left out, because they say nothing or take for ever
under emulation: set_memory_region_test (adds 32 764 slots, minutes),
rseq_test and uffd-unit-tests (hang on the unchanged kernel), the parts of
memslot_perf_test in which two processors spin on each other (they measure the
host), xapic_ipi_test (no memory in it, and it gives an IPI a second of TSC time
to come round, which a loaded host does not keep), nx_huge_pages_test (fails on
the unchanged kernel), xen_shinfo_test (on a loaded host its last part, SCHEDOP_poll
beside a thread that changes the shared page, never ended in 4 of 25 runs on the
unchanged kernel; kvm/pfncache.c of ours tests what it has to do with invalidations).
"""

from typing import NamedTuple

KVM, MM = "kvm", "mm"


class Program(NamedTuple):
    """One program with its arguments; `name` is what the summary shows."""
    name: str
    folder: str
    command: str
    ktap: bool = False
    # Worth its time on a kernel that is several times slower.
    slow_too: bool = False
    # What it tests depends on how KVM translates.
    paging: bool = True

    @property
    def binary(self):
        """Path below the folder of selftests."""
        return self.command.split()[0]


def _kvm(name, command, **more):
    return Program(name, KVM, command, **more)


def _mm(name, ktap=True, **more):
    return Program(name, MM, name, ktap=ktap, paging=False, **more)


PROGRAMS = [
    _mm("hmm-tests", slow_too=True),
    # The name of its result has the size that it took, now this and now that.
    _mm("mrelease_test", ktap=False, slow_too=True),
    _mm("mremap_test"),
    _mm("ksm_functional_tests"),
    _mm("madv_populate"),
    _mm("mkdirty"),
    _mm("soft-dirty"),
    _kvm("demand_paging", "demand_paging_test -b 64M -v 2"),
    _kvm("demand_paging-thp", "demand_paging_test -s anonymous_thp -b 64M -v 2"),
    _kvm("demand_paging-missing", "demand_paging_test -u MISSING -b 16M -v 2"),
    _kvm("demand_paging-minor", "demand_paging_test -u MINOR -s shmem -b 16M -v 2",
         slow_too=True),
    _kvm("access_tracking", "access_tracking_perf_test -b 8M -v 2"),
    _kvm("dirty_log", "dirty_log_test -i 3 -I 5"),
    _kvm("dirty_log_perf", "dirty_log_perf_test -b 32M -v 2 -i 2"),
    _kvm("dirty_log_perf-slots", "dirty_log_perf_test -b 32M -v 2 -i 2 -x 4 -e"),
    _kvm("page_splitting", "x86_64/dirty_log_page_splitting_test -b 32M"),
    _kvm("page_table", "kvm_page_table_test -b 32M -v 2"),
    _kvm("page_table-thp", "kvm_page_table_test -b 64M -v 2 -s anonymous_thp"),
    _kvm("max_guest_memory", "max_guest_memory_test -c 2 -m 1 -s 1"),
    _kvm("memslot_modification", "memslot_modification_stress_test -b 16M -v 2 -i 30",
         slow_too=True),
    _kvm("memslot_perf", "memslot_perf_test -f 2 -e 4 -l 1 -s 64"),
    _kvm("pre_fault", "pre_fault_memory_test", slow_too=True),
    _kvm("guest_memfd", "guest_memfd_test", slow_too=True),
    _kvm("private_mem-conversions", "x86_64/private_mem_conversions_test -n 2 -m 2"),
    _kvm("private_mem-exits", "x86_64/private_mem_kvm_exits_test"),
    _kvm("smm", "x86_64/smm_test"),
    _kvm("state", "x86_64/state_test"),
]


def chosen(shadow=False, slow=False):
    """The programs for a boot: shadow paging repeats only what it changes."""
    return [program for program in PROGRAMS
            if (program.paging or not shadow) and (program.slow_too or not slow)]


def binaries():
    """{folder: [program file]} of all."""
    found = {}
    for program in PROGRAMS:
        found.setdefault(program.folder, []).append(program.binary)
    return found
