# SPDX-License-Identifier: GPL-2.0
"""How `make run` shows what is going on: a live view and a final table."""

import shutil
import sys
import time

PLAIN_EVERY_S = 15
RETRIES_NOTE = ("retries: faults taken that were neither fixed, nor found fixed, "
                "emulated or passed\nto the guest; the vCPU was sent back to fault "
                "again. A vCPU that asynchronous page faults put to sleep counts too.")


def _mib(kb):
    return f"{int(kb) // 1024} MiB"


def _callouts(text):
    """"start:5,end:5,release:0" as words; what never happened is left out."""
    if text == "n/a":
        return "n/a (no tracepoints in this kernel)"
    parts = (part.partition(":") for part in text.split(","))
    return "   ".join(f"{count} {name or '?'}" for name, _, count in parts
                      if count not in ("", "0")) or "none"


def live_rows(live, guest_mb, limit_mb):
    """(label, value) pairs for the counters in `live`."""
    get = lambda key: live.get(key, "0")
    return [
        ("guest memory", f"{guest_mb} MiB in a memory cgroup of {limit_mb} MiB"),
        ("resident", f"{_mib(get('current_kb'))}   in swap {_mib(get('swap_kb'))} "
                     f"(compressed to {_mib(get('zram_kb'))})"),
        ("swapped", f"out {_mib(get('out_kb'))}   in {_mib(get('in_kb'))}"),
        ("callouts", _callouts(live.get("callouts", "n/a"))),
        ("aging", f"{live.get('aged', 'n/a')} asked   {live.get('young', 'n/a')} young"),
        ("KVM faults", f"{get('taken')} taken   {get('fixed')} fixed   "
                       f"{get('retries')} retries"),
        ("guest pages", f"{get('written')} written   {get('verified')} verified   "
                        f"{get('wrong')} wrong"),
    ]


class View:
    """Redraws a block in place on a terminal; prints lines elsewhere."""

    def __init__(self, guest_mb, limit_mb, expect_s, out=sys.stdout):
        self.guest_mb, self.limit_mb, self.expect_s = guest_mb, limit_mb, expect_s
        self.out = out
        self.tty = out.isatty()
        self.started = time.monotonic()
        self.drawn = 0
        self.last_plain = -PLAIN_EVERY_S

    def elapsed(self):
        """Seconds since the view was opened."""
        return time.monotonic() - self.started

    def _stamp(self):
        return f"[{self.elapsed():4.0f}s/~{self.expect_s}s]"

    def update(self, live):
        """Show a new set of counters."""
        phase = f"{self._stamp()} inner guest: {live.get('phase', 'booting')}"
        rows = live_rows(live, self.guest_mb, self.limit_mb)
        if self.tty:
            self._redraw([phase] + [f"  {name:<13} {value}" for name, value in rows])
        elif self.elapsed() - self.last_plain >= PLAIN_EVERY_S:
            self.last_plain = self.elapsed()
            print(phase + "; " + "; ".join(f"{name}: {value}" for name, value in rows[1:]),
                  file=self.out, flush=True)

    def _redraw(self, lines):
        # A line that wraps would put the next redraw in the wrong place.
        width = shutil.get_terminal_size().columns - 1
        up = f"\033[{self.drawn}A" if self.drawn else ""
        print(up + "".join(f"\r\033[K{line[:width]}\n" for line in lines),
              end="", file=self.out, flush=True)
        self.drawn = len(lines)


def _matrix(callouts):
    """Callouts by kind: a row for each cause, a column for each op."""
    ops = sorted({op for op, _, _ in callouts})
    events = sorted({event for _, event, _ in callouts})
    counts = {(op, event): count for op, event, count in callouts}
    yield "  callouts by cause" + "".join(f"{op:>16}" for op in ops)
    for event in events:
        yield (f"    {event:<15}" +
               "".join(f"{counts.get((op, event), 0):>16}" for op in ops))


def final_table(facts, guest_mb, limit_mb):
    """The lines of the table at the end."""
    final = facts.final
    yield ""
    for name, value in live_rows(final, guest_mb, limit_mb):
        yield f"  {name:<13} {value}"
    yield (f"  {'':<13} {final.get('spurious', 0)} found fixed   "
           f"{final.get('emulate', 0)} emulated   {final.get('guest', 0)} to the guest")
    if facts.callouts:
        yield from _matrix(facts.callouts)
    for op, calls, young in facts.aging:
        yield f"  aging by {op}: {calls} calls, {young} found the page young"
    if facts.events:
        yield f"  cgroup events: {facts.events}"
    yield RETRIES_NOTE
