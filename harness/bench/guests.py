# SPDX-License-Identifier: GPL-2.0
"""The guests that are measured."""

from harness import boot, initramfs, ktap, paths, ui
from harness.bench import counting, parts, symbols, timing
from harness.check import consumers, programs

MEMORY = "2G"
# One instruction is one tick; nothing else moves the guest's clock, and what
# is random comes from the seed: a boot is the same each time.
EXACT = ("-icount", "shift=0,sleep=off", "-seed", "1",
         "-rtc", "base=2026-01-01T00:00:00,clock=vm")
# Repeated stores would count one by one; this way a page is 512 and not 4096.
CPU = "max,-erms,-fsrm"
# One CPU would have the LOCK prefixes patched away.
CMDLINE = ("loglevel=4 nokaslr norandmaps noreplace-smp clocksource=tsc "
           "numa_balancing=disable transparent_hugepage=never")
TRACKING = "access_tracking_perf_test"
PREPARE = """
echo 4000000 >/proc/sys/vm/max_map_count
for module in /modules/*.ko; do insmod $module || echo "@@FAIL insmod $module"; done
"""


def _image(name, modules, programs, body):
    image = initramfs.Image(name)
    for module in modules:
        image.add(module, f"/modules/{module.name}", libs=False)
    for program in programs:
        image.add(program, f"/bench/{program.name}", libs=False)
    return image.init(PREPARE + body).build()


def _check(lines, name):
    for section, found in ktap.sections(lines).items():
        if found.rc != 0:
            raise ui.Fail(f"guest {name}: {section} ended with {found.rc}: "
                          + " ".join(found.lines[-3:]))


def count(built, tree, modules, body, name, seconds):
    """Boot with the plugin; ({(part, config, op): Slope}, {(config, op): [ticks]})."""
    table = symbols.of_kernel(built)
    folder = parts.OUT / name
    paths.write_if_changed(folder / f"symbols-{tree}", table.text)
    out = folder / f"counts-{tree}"
    program = parts.program("counts", "counts.c", "ages.c", "ops.c", "vcpu.c", "subs.c",
                            "child.c")
    image = _image(f"bench-{name}-{tree}", modules, [program], body)
    plugin = f"{parts.plugin()},symbols={folder}/symbols-{tree},out={out}"
    with ui.step(f"counting {name}, {tree}", seconds):
        result = boot.boot(built, image, f"bench-{name}-{tree}", cmdline=CMDLINE, mem=MEMORY,
                           smp=1, cpu=CPU, timeout=3600, acceleration="tcg,thread=single",
                           extra=[*EXACT, "-plugin", plugin])
    _check(result.lines, name)
    with open(out, encoding="ascii") as handle:
        slopes = counting.slopes(counting.sections(handle, result.lines, table.names))
    return slopes, timing.parse_each(result.lines)


def _latency(built, tree, modules, body, name, seconds, **options):
    program = parts.program("latency", "latency.c", "latency_readers.c", "latency_vm.c",
                            "latency_faults.c", "latency_hot.c", "ops.c", "vcpu.c", "subs.c",
                            "child.c")
    image = _image(f"bench-{name}-{tree}", modules, [program], body)
    with ui.step(f"timing {name}, {tree}", seconds):
        result = boot.boot(built, image, f"bench-{name}-{tree}", cmdline=CMDLINE, mem=MEMORY,
                           cpu=CPU, timeout=1800, **options)
    _check(result.lines, name)
    return timing.parse(result.lines)


def time(built, tree, modules, body, name, seconds):
    """Boot with two CPUs, in real time; {what: {number: [values]}}."""
    return _latency(built, tree, modules, body, name, seconds, smp=2)


def time_exactly(built, tree, modules, body, name, seconds):
    """The same with one CPU, one instruction a nanosecond, and so no noise."""
    return _latency(built, tree, modules, body, name, seconds, smp=1, extra=EXACT,
                    acceleration="tcg,thread=single")


def tracking_program():
    """KVM's test of aging, the same for both kernels."""
    return programs.build_base({consumers.KVM: [TRACKING]})[consumers.KVM] / TRACKING


def tracking(program, built, tree, modules, body, name, seconds):
    """... with one instruction a nanosecond; {what: [seconds]}."""
    image = _image(f"bench-{name}-{tree}", modules, [program], body)
    with ui.step(f"timing {name}, {tree}", seconds):
        # Idle page tracking cannot read the last 64 frames if they are not 64; so
        # many are where memory goes on beyond 4 GiB.
        result = boot.boot(built, image, f"bench-{name}-{tree}", cmdline=CMDLINE, mem="4G",
                           cpu=CPU, smp=1, timeout=1800, extra=EXACT,
                           acceleration=boot.ONE_THREAD)
    _check(result.lines, name)
    return timing.labelled(result.lines)


def protect(built, tree, modules, body, name, seconds):
    """Whole system calls, one instruction a tick; {(config, size, content): [ticks]}."""
    program = parts.program("protect", "protect.c", "ops.c", "subs.c", "child.c")
    image = _image(f"bench-{name}-{tree}", modules, [program], body)
    with ui.step(f"timing {name}, {tree}", seconds):
        result = boot.boot(built, image, f"bench-{name}-{tree}", cmdline=CMDLINE, mem=MEMORY,
                           smp=1, cpu=CPU, timeout=1800, extra=EXACT,
                           acceleration=boot.ONE_THREAD)
    _check(result.lines, name)
    return timing.table(result.lines, "@@P", 3)


def balance(built, tree, modules, body, name, seconds):
    """Two nodes, and a guest whose pages get hints; {(case,): [counts]}."""
    program = parts.program("balance", "balance.c", "vcpu.c", "ops.c", "subs.c", "child.c")
    image = _image(f"bench-{name}-{tree}", modules, [program], body)
    with ui.step(f"counting {name}, {tree}", seconds):
        result = boot.boot(built, image, f"bench-{name}-{tree}", mem=MEMORY, cpu=CPU, smp=2,
                           cmdline=f"{CMDLINE} numa=fake=2U", timeout=1800,
                           acceleration=boot.ONE_THREAD)
    _check(result.lines, name)
    return timing.table(result.lines, "@@B", 1)


def xpmem(built, body, seconds):
    """Attachments, one instruction a nanosecond; {what: {number: [values]}}."""
    program = parts.program("xpmem", "xpmem.c")
    image = _image("bench-xpmem", [built.module("xpmem")], [program], body)
    with ui.step("timing xpmem", seconds):
        result = boot.boot(built, image, "bench-xpmem", cmdline=CMDLINE, mem=MEMORY, smp=1,
                           cpu=CPU, timeout=1800, extra=EXACT,
                           acceleration=boot.ONE_THREAD)
    _check(result.lines, "xpmem")
    return timing.parse(result.lines)
