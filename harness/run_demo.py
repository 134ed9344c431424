# SPDX-License-Identifier: GPL-2.0
"""`make run`: a KVM guest's memory is swapped, and every page of it verified.

Three machines are involved. This one emulates the outer machine, which runs
the kernel under test. In it, Debian's own QEMU runs the inner guest on KVM, in
a memory cgroup that is smaller than the guest, with swap on zram. The inner
guest fills its memory with pages that say who they are, and verifies them.
"""

import argparse
import os
import random
from dataclasses import dataclass

from harness import (boot, demo_facts, demo_view, deps, initramfs, kernel, paths,
                     proc, ui)

GUEST = paths.ROOT / "harness" / "guest"
QEMU = "/usr/bin/qemu-system-x86_64"
FIRMWARE = ("bios-256k.bin", "linuxboot_dma.bin", "kvmvapic.bin")
FIRMWARE_DIRS = ("/usr/share/qemu", "/usr/share/seabios")
CFLAGS = ("-static", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
OUTER_MB = 1536


@dataclass(frozen=True)
class Plan:
    """What one paging mode needs to end within about five minutes."""
    guest_mb: int
    limit_mb: int
    seconds: int        # how long the inner guest goes on, at least
    limit_s: int        # when the outer machine gives up
    expect_s: int


PLANS = {
    "nested": Plan(320, 144, 60, 600, 75),
    # Shadow page tables are charged to the cgroup as well.
    "shadow": Plan(320, 176, 60, 600, 100),
}


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="make run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paging", choices=sorted(PLANS),
                        default=os.environ.get("PAGING") or "nested",
                        help="how KVM maps the guest (make run PAGING=...)")
    parser.add_argument("--kernel", choices=("new", "stock"), default="new",
                        help="new: base with the series; stock: the base alone, "
                             "which has no tracepoints to count callouts with")
    parser.add_argument("--config", default="plain",
                        help="kernel configuration (default: plain)")
    parser.add_argument("--broken", action="store_true",
                        help="self-check: the inner guest corrupts one page behind "
                             "its own back; the run must then fail")
    parser.add_argument("--seconds", type=int,
                        help="how long the inner guest verifies, at least")
    parser.add_argument("--limit", type=int, metavar="SECONDS",
                        help="give up when the inner guest takes longer")
    parser.add_argument("--guest-mb", type=int, help="memory of the inner guest")
    parser.add_argument("--cgroup-mb", type=int, help="memory it may have at once")
    parser.add_argument("--seed", type=lambda text: int(text, 0),
                        help="seed of the pattern (default: a random one)")
    args = parser.parse_args(argv)
    plan = PLANS[args.paging]
    args.seconds = args.seconds or plan.seconds
    args.limit = args.limit or plan.limit_s
    args.guest_mb = args.guest_mb or plan.guest_mb
    args.cgroup_mb = args.cgroup_mb or plan.limit_mb
    args.expect = plan.expect_s + max(0, args.seconds - plan.seconds)
    if args.seed is None:
        args.seed = random.SystemRandom().getrandbits(32)
    if args.guest_mb <= args.cgroup_mb:
        parser.error("the guest must be larger than its cgroup, or nothing is swapped")
    return args


def _compile(program, *sources, flags=()):
    target = paths.IMAGES / "demo" / program
    target.parent.mkdir(parents=True, exist_ok=True)
    proc.logged(["gcc", *CFLAGS, *flags, "-o", target,
                 *(GUEST / source for source in sources)], f"gcc-{program}.log")
    return target


def _firmware(name):
    for folder in FIRMWARE_DIRS:
        path = paths.Path(folder) / name
        if path.exists():
            return path.resolve()
    raise ui.Fail(f"QEMU's firmware {name} is missing; reinstall it with: "
                  "apt-get install --reinstall seabios qemu-system-data")


def _inner_image():
    image = initramfs.Image("demo-inner")
    image.add(_compile("l2_init", "l2_init.c", flags=["-pthread"]), "/init", 0o755,
              libs=False)
    return image.build()


def _outer_image(bzimage):
    image = initramfs.Image("demo-outer")
    image.add(GUEST / "l1_init", "/init", 0o755, libs=False)
    image.add(_compile("l1_monitor", "l1_monitor.c", "l1_stats.c"),
              "/bin/l1_monitor", 0o755, libs=False)
    image.add(QEMU, QEMU, 0o755, libs=True)
    for name in FIRMWARE:
        image.add(_firmware(name), f"/usr/share/qemu/{name}", 0o644, libs=False)
    image.add(bzimage, "/l2/bzImage", 0o644, libs=False)
    image.add(_inner_image(), "/l2/initrd", 0o644, libs=False)
    return image.build()


def _command_line(args):
    words = ["printk.devkmsg=on"]
    if args.paging == "shadow":
        words += ["kvm_amd.npt=0", "kvm_intel.ept=0"]
    words += [f"demo_guest_mb={args.guest_mb}", f"demo_limit_mb={args.cgroup_mb}",
              f"demo_swap_mb={args.guest_mb + 128}", f"demo_seconds={args.seconds}",
              f"demo_limit_s={args.limit}", f"demo_seed={args.seed}",
              f"demo_broken={int(args.broken)}"]
    return " ".join(words)


def _watch(args, built, image, name):
    """Boot, show the live view, and return what was reported."""
    facts = demo_facts.Facts()
    view = demo_view.View(args.guest_mb, args.cgroup_mb, args.expect)

    def on_line(line):
        facts.feed(line)
        if facts.updated:
            facts.updated = False
            view.update(facts.live)

    try:
        boot.boot(built, image, name, cmdline=_command_line(args), mem=f"{OUTER_MB}M",
                  timeout=args.limit + 120, on_line=on_line, warnings="keep",
                  acceleration=boot.accel_for_kvm(built))
    except ui.Fail:
        # These explain better whatever came after them.
        demo_facts.judge_pages(facts)
        demo_facts.judge_logs(facts)
        raise
    finally:
        inner = paths.LOGS / f"boot-{name}-inner.log"
        inner.write_text("\n".join(facts.inner_log) + "\n", encoding="utf-8")
    return facts, view


def main(argv):
    """Run the main job; the exit code."""
    args = _arguments(argv)
    deps.ensure("build", "boot", "run")
    built = kernel.build(args.kernel, args.config)
    with ui.step("packing the machines", 5):
        image = _outer_image(built.bzimage)
    name = f"run-{args.kernel}-{args.config}-{args.paging}"
    ui.say(f"A guest of {args.guest_mb} MiB runs in a memory cgroup of "
           f"{args.cgroup_mb} MiB on KVM with {args.paging} paging; seed {args.seed}.")
    if args.broken:
        ui.say("Self-check: one page will be corrupted on purpose; this must fail.")
    ui.say(f"Logs: {paths.LOGS}/boot-{name}.log and boot-{name}-inner.log")
    facts, view = _watch(args, built, image, name)
    if facts.final:
        for line in demo_view.final_table(facts, args.guest_mb, args.cgroup_mb):
            ui.say(line)
    verdict = demo_facts.judge(facts, args.guest_mb, args.paging, args.kernel == "new")
    ui.say(f"\nDone in {view.elapsed():.0f}s.")
    ui.say(verdict)
    return 0
