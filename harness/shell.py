# SPDX-License-Identifier: GPL-2.0
"""A guest to type in: busybox on the serial console, tracefs and debugfs there."""

import subprocess
import sys

from harness import boot, deps, initramfs, kernel, ui
from harness.check import programs

GRU_HINT = """
An emulated GRU: insmod /modules/gru.ko emulation=1; gru-tour
"""

INIT = """
echo 1 > /proc/sys/kernel/printk
cat <<END

Linux $(uname -r): tracing in /sys/kernel/tracing, debugfs in /sys/kernel/debug,
kernel modules in /modules. Leave with: exit (or Ctrl-A, then X).
@HINT@
END
cd /root || exit
setsid cttyhack sh -i
"""


def image(built, gru=False):
    """The image: busybox, the kernel's modules, a shell as its only job."""
    made = initramfs.Image("shell").init(INIT.replace("@HINT@", GRU_HINT if gru else ""))
    if gru:
        made.add(programs.build_gru_tour(), "/bin/gru-tour", libs=False)
    for module in sorted(built.obj.rglob("*.ko")):
        made.add(module, f"/modules/{module.name}", 0o644, libs=False)
    return made.build()


def shell(tree="new", config="plain", paging="", gru=False):
    """Boot and hand over the terminal; QEMU's exit code."""
    if not sys.stdin.isatty():
        ui.say("note: the input is not a terminal; the guest reads it as typed text")
    deps.ensure("build", "boot")
    if paging not in ("", "nested", "shadow"):
        raise ui.Fail(f"PAGING={paging}: it may be nested or shadow")
    built = kernel.build(tree, config)
    cmdline = "quiet kvm_amd.npt=0 kvm_intel.ept=0" if paging == "shadow" else "quiet"
    cmdline += f" {boot.GRU_MEMORY}" if gru else ""
    acceleration = boot.accel_for_kvm(built)
    args = boot.command(built, image(built, gru), cmdline, serial="mon:stdio",
                        cpu="host" if acceleration == "kvm" else "max",
                        acceleration=acceleration)
    # One option, one owner: the monitor shares the terminal here.
    position = args.index("-monitor")
    del args[position:position + 2]
    return subprocess.run(args, check=False).returncode
