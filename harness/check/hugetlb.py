# SPDX-License-Identifier: GPL-2.0
"""Tests of hugetlb's page tables: the base's, and ours of what these leave out.

The base's run on both kernels, and are compared.  hugetlb_fault_after_madv has ten
thousand rounds, which take six minutes in emulation, on either kernel: it runs for a
part of them, and fails if it dies before.  Left out of the base's: uffd-unit-tests (see
consumers), charge_reserved_hugetlb.sh and hugetlb_reparenting_test.sh (want
a whole user space), hugepage-vmemmap (the optimisation is off).  libhugetlbfs has
more, which Debian 12 packages without its tests.
"""

from harness.check.consumers import MM, Program

# Pages of 2 MiB: what map_hugetlb and hugepage-shm need, and some more.
PAGES = 160
CMDLINE = f"hugepagesz=2M hugepages={PAGES}"
# This wants a pool of one page.
LONELY = {"hugetlb_madv_vs_map": "lonely", "hugetlb_fault_after_madv": "lonely_in_part"}
PART_S = 15
FUNCTIONS = f"""
lonely()
{{
	echo 1 >/proc/sys/vm/nr_hugepages
	limited "$@"
	code=$?
	echo {PAGES} >/proc/sys/vm/nr_hugepages
	return $code
}}

# Killed at the end of its share ($1 is what a whole run would have) is a pass.
lonely_in_part()
{{
	shift
	lonely {PART_S} "$@"
	code=$?
	[ $code = 137 ] && code=0
	return $code
}}
"""
MEMORY = "3G"
# Two pages of 1 GiB as well; the host gives what is touched, two of these.
GIGANTIC_MEMORY, GIGANTIC_CMDLINE = "7G", f"{CMDLINE} hugepagesz=1G hugepages=2"


def _mm(name, ktap=False, slow_too=True):
    return Program(name, MM, name, ktap=ktap, slow_too=slow_too)


PROGRAMS = [
    _mm("hugepage-mmap"),
    _mm("hugepage-shm"),
    _mm("hugepage-mremap"),
    _mm("map_hugetlb"),
    _mm("hugetlb-madvise"),
    _mm("hugetlb_madv_vs_map"),
    _mm("hugetlb_fault_after_madv", slow_too=False),
    _mm("hugetlb_dio", ktap=True),
    _mm("hugetlb-read-hwpoison", slow_too=False),
    _mm("hugetlb-soft-offline", slow_too=False),
    _mm("thuge-gen"),
    _mm("cow", ktap=True, slow_too=False),
]


def chosen(config):
    """The base's programs for a boot; fewer where everything is slow.

    None where data races are looked for: what they do is done by ours as well.
    """
    if config == "kcsan":
        return []
    return [program for program in PROGRAMS if config == "plain" or program.slow_too]


def binaries():
    """{folder: [program file]} of the base's."""
    return {MM: [program.binary for program in PROGRAMS]}
