# SPDX-License-Identifier: GPL-2.0
"""Boots a kernel in QEMU, watches its console, and judges what it says."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from harness import deps, emulator, ktap, logscan, paths, ui

QEMU = "qemu-system-x86_64"
TAIL = 20
# A guest that said it is done, or panicked, has this long to leave.
LEAVE_S = 20
PROBE_S = 20
# Guests that run KVM: with a thread for each processor, emulated guests of
# guests reset now and then on a busy host, on the unchanged kernel as well.
ONE_THREAD = "tcg,thread=single"
# The guest's clock is the host's: no watchdog that a busy host could upset.
# A stall is one only if it outlasts what emulation on a loaded host can cause.
# The emulated TSC is calibrated twice, and KVM notes the first result. If the
# second differs by more than the tolerance, KVM has no TSC scaling to apply,
# takes the guest's TSC for 0, and arms its timers far in the future.
COMMON = ("console=ttyS0,115200 panic=-1 tsc=reliable "
          "kvm.tsc_tolerance_ppm=100000 rcupdate.rcu_cpu_stall_timeout=120")

# For an emulated GRU of one blade or of two.
GRU_MEMORY = "reserve_mem=512M:128M:gru"


@dataclass(frozen=True)
class Result:
    """The console lines of a guest that ended well, and where they are stored."""
    lines: list
    log: Path


def image_of(kernel):
    """The bzImage of a Kernel, or the path itself."""
    return Path(getattr(kernel, "bzimage", kernel))


def command(kernel, initrd, cmdline="", mem="2G", smp=2, cpu="max",
            acceleration="tcg", serial="stdio", extra=()):
    """QEMU's command line for a guest with a serial console."""
    kind = "tcg,thread=multi" if acceleration == "tcg" else acceleration
    program = [QEMU] if acceleration == "kvm" else emulator.command()
    return [*program, "-accel", kind, "-machine", "pc", "-cpu", cpu, "-smp", str(smp),
            "-m", str(mem), "-display", "none", "-monitor", "none", "-serial", serial,
            "-nic", "none", "-no-reboot", "-kernel", str(image_of(kernel)),
            "-initrd", str(initrd), "-append", f"{COMMON} {cmdline}".strip(), *extra]


def _cpu_can_virtualise():
    with contextlib.suppress(OSError):
        words = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        return "vmx" in words or "svm" in words
    return False


def _nests():
    for vendor in ("kvm_intel", "kvm_amd"):
        path = Path(f"/sys/module/{vendor}/parameters/nested")
        if path.exists() and path.read_text(encoding="ascii").strip() in ("Y", "1"):
            return True
    return False


def _probe(kernel):
    """Whether a guest under KVM reaches its kernel within the limit."""
    args = command(kernel, "/dev/null", acceleration="kvm", cpu="host", mem="512M", smp=1)
    with _Guest(args, None, None) as guest:
        limit = time.monotonic() + PROBE_S
        while (line := guest.line(limit)) is not None:
            if "Linux version" in line:
                return True
    return False


def _remembered_probe(kernel):
    """The probe's answer, asked again after a reboot of this machine."""
    store = paths.BUILD / "accel.json"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(store.read_text(encoding="ascii"))
        if known["boot"] == boot_id:
            return known["works"]
    with ui.step("probing hardware virtualisation", PROBE_S):
        works = _probe(kernel)
    store.write_text(json.dumps({"boot": boot_id, "works": works}), encoding="ascii")
    return works


def _wish():
    wish = os.environ.get("ACCEL", "")
    if wish not in ("", "tcg", "kvm"):
        raise ui.Fail(f"ACCEL={wish}: it may be tcg or kvm")
    return wish


def _usable():
    return _cpu_can_virtualise() and os.access("/dev/kvm", os.R_OK | os.W_OK)


def prepare():
    """Have the emulator ready if every guest will need it."""
    if _wish() == "tcg" or not (_wish() or _usable()):
        deps.ensure("boot")
        emulator.command()


def accel(kernel=None, nested=False):
    """"kvm" if hardware virtualisation proves to work here, else "tcg".

    ACCEL=tcg or ACCEL=kvm overrides.  Without a kernel to probe with, and
    without nesting where that is wanted, emulation is the answer.
    """
    wish = _wish()
    if wish:
        return wish
    if not _usable() or kernel is None or (nested and not _nests()):
        return "tcg"
    return "kvm" if _remembered_probe(kernel) else "tcg"


def accel_for_kvm(kernel):
    """The same for a guest that is to run KVM itself."""
    found = accel(kernel, nested=True)
    return ONE_THREAD if found == "tcg" else found


class _Guest:
    """A running QEMU whose console comes line by line."""

    def __init__(self, args, log, feed):
        try:
            self.process = subprocess.Popen(
                args, stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True)
        except FileNotFoundError:
            raise ui.Fail(f"{args[0]} is not installed: apt-get install "
                          "qemu-system-x86") from None
        self.log, self.partial = log, b""
        self.queue = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        sink = open(self.log, "wb") if self.log else contextlib.nullcontext()
        with sink as out:
            while chunk := os.read(self.process.stdout.fileno(), 65536):
                if out:
                    out.write(chunk)
                    out.flush()
                *whole, self.partial = (self.partial + chunk).split(b"\n")
                for line in whole:
                    self.queue.put(_decode(line))
        self.queue.put(None)

    def line(self, limit):
        """The next line, None when QEMU has gone; TimeoutError at the limit."""
        try:
            return self.queue.get(timeout=max(0.01, limit - time.monotonic()))
        except queue.Empty:
            raise TimeoutError from None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        # A probe that ran out of time has its answer.
        return kind is TimeoutError


def _decode(raw):
    return ktap.clean_console(raw.decode(errors="replace"))


def _quote(lines):
    return "\n".join("    " + line for line in lines)


def _watch(guest, lines, timeout, on_line, done):
    """Collect lines until QEMU ends; return what ended it."""
    limit = time.monotonic() + timeout
    ending = None
    try:
        while (line := guest.line(limit)) is not None:
            lines.append(line)
            if on_line:
                on_line(line)
            if ending is None and done and ktap.clean(line).strip() == done:
                ending = "done"
            elif ending is None and "Kernel panic - not syncing" in line:
                ending = "panic"
            else:
                continue
            limit = min(limit, time.monotonic() + LEAVE_S)
    except TimeoutError:
        ending = ending or "hang"
    return ending or ("left" if done else "done")


def _judge(ending, lines, log, timeout, name, status):
    """Fail with the reason if the guest did not end as it should.

    QEMU's status is 0 if the machine was reset or switched off, by itself or
    because of a triple fault, and negative if a signal ended QEMU.
    """
    end = f"the log is {log}, its last lines:\n{_quote(lines[-TAIL:])}"
    if ending == "panic":
        first = next(i for i, l in enumerate(lines) if "Kernel panic" in l)
        raise ui.Fail(f"guest {name}: the kernel panicked; the log is {log}:\n"
                      f"{_quote(lines[max(0, first - TAIL):first + TAIL])}")
    if ending == "hang":
        raise ui.Fail(f"guest {name} was not done after {timeout} s and was stopped; {end}")
    if ending == "left":
        raise ui.Fail(f"guest {name} ended before its work was done, QEMU with status "
                      f"{status}; {end}")


def check_log(lines, log, name):
    """Fail if the kernel complained."""
    trouble = logscan.report(lines)
    if trouble:
        raise ui.Fail(f"guest {name}: its kernel complained; the log is {log}:\n"
                      f"{_quote(trouble)}")


def _run(args, log, timeout, on_line, done):
    """Start QEMU and wait for its end: (how it ended, its status, console lines)."""
    lines = []
    with _Guest(args, log, None) as guest:
        ending = _watch(guest, lines, timeout, on_line, done)
        status = guest.process.wait() if ending == "left" else None
    if guest.partial:
        lines.append(_decode(guest.partial))
    return ending, status, lines


def boot(kernel, initrd, name, cmdline="", mem="2G", smp=2, timeout=600, cpu="max",
         on_line=None, extra=(), done=ktap.DONE, warnings="fail", acceleration=None):
    """Run a guest to its end and return its console.

    `done` is the line that says its work is complete (None: leaving is
    enough).  warnings="keep" leaves kernel complaints to the caller, for
    runs of a kernel that is not ours.
    """
    deps.ensure("boot")
    log = paths.LOGS / f"boot-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    acceleration = acceleration or accel(kernel)
    args = command(kernel, initrd, cmdline, mem, smp,
                   "host" if acceleration == "kvm" and cpu == "max" else cpu,
                   acceleration, extra=extra)
    ending, status, lines = _run(args, log, timeout, on_line, done)
    if status == -signal.SIGSEGV and not on_line and not logscan.report(lines):
        ui.say(f"guest {name}: QEMU itself crashed, which says nothing about the kernel; "
               "it is started once more")
        ending, status, lines = _run(args, log, timeout, on_line, done)
    if warnings == "fail":
        check_log(lines, log, name)
    _judge(ending, lines, log, timeout, name, status)
    return Result(lines, log)
