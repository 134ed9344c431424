# SPDX-License-Identifier: GPL-2.0
"""The guests that tests run in: images, boots, and what the console told."""

from harness import boot, initramfs, kernel as kernels, ktap, logscan, ui
from harness.check import compare, hugetlb as hugetlb_tests, programs
from harness.ktap import Outcome

MEMORY = "3G"
# Notices would fall between the results; warnings and worse are shown.
# mremap_test trips over its own mappings where randomisation puts them badly.
CMDLINE = "loglevel=5 hugepagesz=2M hugepages=64 norandmaps"
# Emulated, checked and sharing its host, a guest is this much slower.
SLOWNESS = {"plain": 1, "off": 1, "debug": 4, "kcsan": 6}
# Seconds of the guest's clock; each kind goes on until it has had an effect,
# which is what takes longer there.
SOAK_S = 30

# Output is shown when a program has ended, so that no message of the kernel
# splits a line of it; the rest of a killed program's children goes with it.
FUNCTIONS = r"""
limited()
{
	seconds=$1
	shift
	setsid timeout -s KILL "$seconds" "$@" </dev/null >/tmp/out 2>&1
	code=$?
	cat /tmp/out
	return $code
}

kunit()
{
	echo "KTAP version 1"
	for file in /sys/kernel/debug/kunit/*/results; do
		[ -f "$file" ] && cat "$file"
	done
	return 0
}
"""


def _limit(seconds, config):
    return seconds * SLOWNESS[config]


def consumers(kernel, config, binaries, wanted, npt, name):
    """Boot with the wanted programs: ({program: {test: Outcome}}, console lines)."""
    image = initramfs.Image(name)
    # Twice as long, for a host that has something else to do as well.
    body = [FUNCTIONS, f"export PATIENCE={_limit(2, config)}"]
    for program in wanted:
        there = f"/t/{program.folder}/{program.binary}"
        image.add(binaries[program.folder] / program.binary, there, libs=False)
        command = f"/t/{program.folder}/{program.command}"
        body.append(f"run {program.name} limited {_limit(120, config)} {command}")
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 150 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=MEMORY, warnings="keep",
                           cmdline=f"{CMDLINE} kvm_amd.npt={npt}",
                           timeout=_limit(1500, config),
                           acceleration=boot.accel_for_kvm(kernel))
    sections = ktap.sections(result.lines)
    return ({program.name: compare.judge(sections.get(program.name), program.ktap)
             for program in wanted}, result.lines)


def own(kernel, config, name):
    """Boot with KUnit and our kselftests: ({group: {test: Outcome}}, lines)."""
    image = initramfs.Image(name)
    image.add(kernel.module("test_mmu_notifier"), "/t/test_mmu_notifier.ko", libs=False)
    body = [FUNCTIONS, "run kunit kunit", "run insmod insmod /t/test_mmu_notifier.ko"]
    tests = programs.build_ours(config)
    for test, path in tests.items():
        image.add(path, f"/t/{test}", libs=False)
        body.append(f"run {test} limited {_limit(150, config)} /t/{test}")
    body.append("run rmmod rmmod test_mmu_notifier")
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 120 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=MEMORY, warnings="keep",
                           cmdline=f"{CMDLINE} numa=fake=2U kunit.enable=1",
                           timeout=_limit(1200, config))
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True) for test in tests}
    found["kunit"] = compare.judge(sections.get("kunit"), True)
    for step in ("insmod", "rmmod"):
        found[step] = compare.judge(sections.get(step), False)
    return found, result.lines


def own_kvm(kernel, config, npt, name, tests, module, limit=300):
    """Boot with our selftests of KVM: ({program: {test: Outcome}}, lines)."""
    image = initramfs.Image(name)
    image.add(module, "/t/test_mmu_notifier.ko", libs=False)
    body = [FUNCTIONS, f"export MMU_NOTIFIER_SOAK_S={SOAK_S // SLOWNESS[config]}",
            "run insmod insmod /t/test_mmu_notifier.ko"]
    for test, path in tests.items():
        image.add(path, f"/t/{test}", libs=False)
        body.append(f"run {test} limited {_limit(limit, config)} /t/{test}")
    body.append("run rmmod rmmod test_mmu_notifier")
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 120 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=MEMORY, warnings="keep",
                           cmdline=f"{CMDLINE} numa=fake=2U kvm_amd.npt={npt}",
                           timeout=_limit(4 * limit, config),
                           acceleration=boot.accel_for_kvm(kernel))
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True) for test in tests}
    for step in ("insmod", "rmmod"):
        found[step] = compare.judge(sections.get(step), False)
    return found, result.lines


# A disk in memory, for files that are written back; and khugepaged asleep.
FILES = r"""
disk=/dev/zram$(cat /sys/class/zram-control/hot_add)
echo 64M >/sys/block/"${disk##*/}"/disksize
/t/mke2fs -q -t ext4 "$disk" && mkdir /files && mount -t ext4 "$disk" /files
export MMU_NOTIFIER_FILES=/files
echo 1000000 >/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
"""
# Memory that comes later, in one block, and can go.
ONE_MORE_SLOT = ",slots=1,maxmem=4G"
DIMM = ("-object", "memory-backend-ram,id=later,size=128M",
        "-device", "pc-dimm,memdev=later")
# What shows that a subscriber which drops nothing would be found out.
BROKEN = "munmap mprotect-none cow-of-parent dontneed swap-in migrate truncate exec exit"

# Where everything is slow; one of each kind.
FEW = ("munmap mremap-move mprotect-half cow-of-parent dontneed swap-in migrate "
       "thp-split truncate uffd-wp exec exit")


def matrix(kernel, config, name, operations="", full=False):
    """Boot with the coherence matrix: ({group: {cell: Outcome}}, its tables, lines).

    Where everything is slow, all subscribers share a cell, and few operations
    are tried, unless in full.  With `operations`, only these, and not how broken
    subscribers fare.
    """
    image = initramfs.Image(name)
    image.add(kernel.module("test_mmu_notifier"), "/t/test_mmu_notifier.ko", libs=False)
    image.add(programs.build_matrix(config), "/t/matrix", libs=False)
    image.program("mke2fs", "/t/mke2fs")
    program = "limited 1200 /t/matrix"
    program += "" if config == "plain" else " -t"
    few = FEW if config != "plain" and not full else ""
    runs = {"matrix": f"{program} {operations or few}"}
    if not operations and config == "plain":
        runs["broken"] = f"{program} -b {BROKEN}"
    image.init("\n".join([
        FUNCTIONS, "run insmod insmod /t/test_mmu_notifier.ko", FILES,
        *(f"run {test} {command}" for test, command in runs.items()),
        "run rmmod rmmod test_mmu_notifier"]))
    with ui.step(f"guest {name}", 20 if operations else 150):
        result = boot.boot(kernel, image.build(), name, mem=f"{MEMORY}{ONE_MORE_SLOT}",
                           warnings="keep", extra=DIMM, timeout=2700,
                           cmdline=f"{CMDLINE} numa=fake=2U memhp_default_state=offline")
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True) for test in runs}
    for step in ("insmod", "rmmod"):
        found[step] = compare.judge(sections.get(step), False)
    tables = [line.removeprefix("# ") for line in map(ktap.clean, result.lines)
              if line.startswith(("# table: ", "# column "))]
    return found, tables, result.lines


def stress(kernel, config, name, seconds, seed):
    """Boot with the stress test: ({group: {test: Outcome}}, console lines).

    First with subscribers that are broken, which has to be found out; then for
    as long as asked, with the operations of a seed or of one that it chooses.
    """
    image = initramfs.Image(name)
    image.add(kernel.module("test_mmu_notifier"), "/t/test_mmu_notifier.ko", libs=False)
    image.add(programs.build_stress(config), "/t/stress", libs=False)
    image.program("mke2fs", "/t/mke2fs")
    again = f"-s {seed}" if seed else ""
    limit = 4 * seconds + _limit(120, config)
    image.init("\n".join([
        FUNCTIONS, "run insmod insmod /t/test_mmu_notifier.ko", FILES,
        f"run broken limited {limit} /t/stress -b -t {seconds}",
        f"run stress limited {limit} /t/stress -t {seconds} {again}",
        "run rmmod rmmod test_mmu_notifier"]))
    with ui.step(f"guest {name}", 30 + seconds):
        result = boot.boot(kernel, image.build(), name, mem=MEMORY, warnings="keep",
                           cmdline=f"{CMDLINE} numa=fake=2U",
                           timeout=2 * limit + _limit(60, config))
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True)
             for test in ("broken", "stress")}
    for step in ("insmod", "rmmod"):
        found[step] = compare.judge(sections.get(step), False)
    return found, result.lines


# Unless asked for there is no GRU, and with parameters that do not fit none either.
GRU_REFUSALS = r"""
inactive()
{
	insmod /t/gru.ko || return 1
	! test -e /dev/gru || return 1
	rmmod gru
}

refused()
{
	for wrong in emulation_blades=3 emulation_blades=0 emulation_max_asid=100 \
		     emulation_max_asid=17000000; do
		! insmod /t/gru.ko emulation=1 $wrong || return 1
		dmesg | tail -1 | grep -q "gru: no emulation: ${wrong%=*}" || return 1
		! test -e /proc/sgi_uv || return 1
	done
}
"""


def gru(kernel, config, name):
    """Boot with an emulated GRU: ({group: {test: Outcome}}, console lines).

    The module is loaded three times: with the chip as it is, with so few ASIDs
    that they are used again and again, and with two blades.
    """
    image = initramfs.Image(name)
    image.add(kernel.module("gru"), "/t/gru.ko", libs=False)
    tests = programs.build_gru(config)
    for test, path in tests.items():
        image.add(path, f"/t/{test}", libs=False)
    image.add(programs.build_gru_tour(), "/t/gru-tour", libs=False)
    loads = {"": "", "few-asids": "emulation_max_asid=144",
             "two-blades": "emulation_blades=2"}
    body, ran = [FUNCTIONS, GRU_REFUSALS], {"inactive": "inactive", "refused": "refused"}
    for load, options in loads.items():
        suffix = f"-{load}" if load else ""
        ran[f"insmod-gru{suffix}"] = f"insmod /t/gru.ko emulation=1 gru_options=2 {options}"
        for test in tests if not load else ("contexts",):
            ran[f"{test}{suffix}"] = f"limited {_limit(150, config)} /t/{test}"
        ran[f"gru-tour{suffix}"] = f"limited {_limit(60, config)} /t/gru-tour 1"
        ran[f"rmmod-gru{suffix}"] = "rmmod gru"
    body += [f"run {what} {command}" for what, command in ran.items()]
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 60 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=MEMORY, warnings="keep",
                           cmdline=f"{CMDLINE} {boot.GRU_MEMORY} numa=fake=2U",
                           timeout=_limit(900, config))
    sections = ktap.sections(result.lines)
    return ({what: compare.judge(sections.get(what), "limited" in command and "tour" not in what)
             for what, command in ran.items()}, result.lines)


# What shows that a TLB operation which is lost would be found out.
GRU_BROKEN = "munmap mprotect-none cow-of-parent dontneed swap-in migrate truncate"
# Where everything is slow; its instructions are run by a thread that polls.
GRU_FEW = "munmap cow-of-parent swap-in migrate thp-split truncate exit"


def gru_coherence(kernel, config, name, full=False):
    """Boot with an emulated GRU whose memory is taken away: ({group: {test: Outcome}}, lines).

    ASIDs are few, so that they are used again and again.  Where everything is slow,
    the matrix has few operations, unless in full.
    """
    image = initramfs.Image(name)
    image.add(kernel.module("gru"), "/t/gru.ko", libs=False)
    image.add(kernel.module("test_mmu_notifier"), "/t/test_mmu_notifier.ko", libs=False)
    image.program("mke2fs", "/t/mke2fs")
    for test, path in programs.build_gru_coherence(config).items():
        image.add(path, f"/t/{test}", libs=False)
    few = GRU_FEW if config != "plain" and not full else ""
    limit = _limit(400, config)
    runs = {test: f"limited {limit} /t/{test}"
            for test in ("gru_flush", "gru_miss", "gru_context")}
    runs["gru_matrix"] = f"limited {4 * limit} /t/gru_matrix {few}"
    if config == "plain":
        runs["broken"] = f"limited {limit} /t/gru_matrix -b {GRU_BROKEN}"
    image.init("\n".join([
        FUNCTIONS, "run insmod insmod /t/test_mmu_notifier.ko",
        "run insmod-gru insmod /t/gru.ko emulation=1 gru_options=2 emulation_max_asid=784",
        FILES, *(f"run {test} {command}" for test, command in runs.items()),
        "run rmmod-gru rmmod gru"]))
    with ui.step(f"guest {name}", 300 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=f"{MEMORY}{ONE_MORE_SLOT}",
                           warnings="keep", extra=DIMM, timeout=8 * limit,
                           cmdline=f"{CMDLINE} {boot.GRU_MEMORY} numa=fake=2U "
                                   "memhp_default_state=offline")
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True) for test in runs}
    for step in ("insmod", "insmod-gru", "rmmod-gru"):
        found[step] = compare.judge(sections.get(step), False)
    return found, result.lines


# Of XPMEM's tests: how long, where it is not the test that decides.
XPMEM_S = {"plain": 15, "debug": 25, "kcsan": 40}


def xpmem(kernel, config, name, seed=None, full=False):
    """Boot with the tests of XPMEM: ({program: {test: Outcome}}, console lines).

    Where everything is slow, few operations of the matrix are tried, unless in full.
    """
    image = initramfs.Image(name)
    for module in ("test_mmu_notifier", "xpmem"):
        image.add(kernel.module(module), f"/t/{module}.ko", libs=False)
    image.program("mke2fs", "/t/mke2fs")
    tests = programs.build_xpmem(config)
    random = f"-t {XPMEM_S[config]}" + (f" -s {seed}" if seed else "")
    words = {"fuzz": random, "stress": random,
             "coherence": FEW if config != "plain" and not full else ""}
    body = [FUNCTIONS, "insmod /t/test_mmu_notifier.ko", FILES,
            "run insmod insmod /t/xpmem.ko"]
    if config != "plain" and not full:
        body.append("export XP_FEW=1")
    for test, path in tests.items():
        image.add(path, f"/t/{test}", libs=False)
        limit = 1200 if test == "coherence" else _limit(300, config)
        body.append(f"run {test} limited {limit} /t/{test} {words.get(test, '')}")
    # A file is closed behind the back of the last one who had it.
    body += ["sleep 1", "run rmmod rmmod xpmem"]
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 400 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=f"{MEMORY}{ONE_MORE_SLOT}",
                           warnings="keep", extra=DIMM, timeout=_limit(2400, config),
                           cmdline=f"{CMDLINE} numa=fake=2U memhp_default_state=offline")
    sections = ktap.sections(result.lines)
    found = {test: compare.judge(sections.get(test), True) for test in tests}
    for step in ("insmod", "rmmod"):
        found[step] = compare.judge(sections.get(step), False)
    return found, result.lines


def hugetlb(kernel, config, name, binaries, module=None):
    """Boot with tests of hugetlb: ({program: {test: Outcome}}, console lines).

    The base's programs, then ours.  On the unchanged kernel there is neither the
    module of test subscribers nor /dev/page-huge.
    """
    image = initramfs.Image(name)
    body = [FUNCTIONS, hugetlb_tests.FUNCTIONS, f"export PATIENCE={_limit(2, config)}"]
    wanted = hugetlb_tests.chosen(config)
    for program in wanted:
        there = f"/t/base/{program.binary}"
        image.add(binaries[program.folder] / program.binary, there, libs=False)
        how = hugetlb_tests.LONELY.get(program.name, "limited")
        body.append(f"run {program.name} {how} {_limit(200, config)} {there}")
    if module:
        image.add(module, "/t/test_mmu_notifier.ko", libs=False)
        body.append("run insmod insmod /t/test_mmu_notifier.ko")
    tests = programs.build_pgtable_ops(config)
    if module:
        tests |= programs.build_page_huge(config)
    for test, path in tests.items():
        image.add(path, f"/t/{test}", libs=False)
        body.append(f"run {test} limited {_limit(200, config)} /t/{test}")
    image.init("\n".join(body))
    with ui.step(f"guest {name}", 120 * SLOWNESS[config]):
        result = boot.boot(kernel, image.build(), name, mem=hugetlb_tests.MEMORY,
                           warnings="keep", timeout=_limit(1800, config),
                           cmdline=f"loglevel=5 norandmaps numa=fake=2U "
                                   f"{hugetlb_tests.CMDLINE}")
    sections = ktap.sections(result.lines)
    found = {program.name: compare.judge(sections.get(program.name), program.ktap)
             for program in wanted}
    return found | {test: compare.judge(sections.get(test), True)
                    for test in tests}, result.lines


def hugetlb_gigantic(kernel, name):
    """Boot with pages of 1 GiB: ({program: {test: Outcome}}, console lines).

    Without what clears and copies memory byte by byte, where it is emulated.
    """
    image = initramfs.Image(name)
    image.add(programs.build_page_huge("plain")["limits"], "/t/limits", libs=False)
    image.init(f"{FUNCTIONS}\nrun gigantic limited {_limit(400, 'plain')} "
               "/t/limits -t gigantic")
    with ui.step(f"guest {name}", 30):
        result = boot.boot(kernel, image.build(), name, mem=hugetlb_tests.GIGANTIC_MEMORY,
                           warnings="keep", timeout=_limit(500, "plain"),
                           cpu="max,-erms,-fsrm", cmdline="loglevel=5 norandmaps "
                                   f"{hugetlb_tests.GIGANTIC_CMDLINE}")
    found = compare.judge(ktap.sections(result.lines).get("gigantic"), True)
    return {"gigantic": found}, result.lines


def smoke(kernel, config, name):
    """Boot to user space and work a little with memory; console lines."""
    image = initramfs.Image(name)
    work = ("run memory sh -c 'dd if=/dev/zero of=/tmp/a bs=1M count=64 && "
            "cp /tmp/a /tmp/b && cmp /tmp/a /tmp/b && echo 1 >/proc/sys/vm/compact_memory "
            "&& echo 3 >/proc/sys/vm/drop_caches'")
    image.init(work)
    with ui.step(f"guest {name}", 10):
        result = boot.boot(kernel, image.build(), name, mem="1G", warnings="keep",
                           timeout=_limit(120, config))
    return ({"memory": compare.judge(ktap.sections(result.lines).get("memory"), False)},
            result.lines)


def complaints(lines):
    """{"kernel log": Outcome}: a pass if the kernel had nothing to complain about."""
    found = logscan.report(lines)
    return Outcome("fail", "\n".join(found)) if found else Outcome("pass")


def flat(groups):
    """{group: {test: Outcome}} as {"group/test": Outcome}."""
    return {f"{group}/{test}" if test else group: outcome
            for group, tests in groups.items() for test, outcome in tests.items()}


def kernel_of(tree, config):
    """Build a kernel; incremental."""
    return kernels.build(tree, config)
