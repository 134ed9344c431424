# SPDX-License-Identifier: GPL-2.0
"""What the user sees: steps with elapsed and expected time, clear failures."""

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

DURATIONS = Path(__file__).resolve().parent.parent / "build" / "durations.json"
HEARTBEAT_S = 30
# Shorter steps say nothing about the time that the next one will take.
WORTH_REMEMBERING_S = 3

_print_lock = threading.Lock()


class Fail(Exception):
    """One clear sentence, with what to do about it; ends the command with 1."""


def say(text=""):
    """Print one line, whole even when threads print at the same time."""
    with _print_lock:
        print(text, flush=True)


def _remembered():
    try:
        return json.loads(DURATIONS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _remember(title, seconds):
    known = _remembered()
    known[title] = round(seconds)
    try:
        DURATIONS.parent.mkdir(parents=True, exist_ok=True)
        DURATIONS.write_text(json.dumps(known, indent=1, sort_keys=True),
                             encoding="utf-8")
    except OSError:
        pass


def _stamp(elapsed, expect_s):
    expected = f"/~{expect_s:.0f}s" if expect_s else ""
    return f"[{elapsed:4.0f}s{expected}]"


class _Ticker(threading.Thread):
    """Shows that a step is alive: in place on a terminal, rarely in a log."""

    def __init__(self, title, expect_s):
        super().__init__(daemon=True)
        self.title, self.expect_s = title, expect_s
        self.started = time.monotonic()
        self.tty = sys.stdout.isatty()
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(1 if self.tty else HEARTBEAT_S):
            elapsed = time.monotonic() - self.started
            line = f"{_stamp(elapsed, self.expect_s)} {self.title}"
            with _print_lock:
                if self.tty:
                    print(f"\r\033[K{line}", end="", flush=True)
                else:
                    print(f"{line} ...", flush=True)

    def finish(self, outcome):
        """Stop, print the final line, and return the seconds it took."""
        self.over.set()
        self.join()
        elapsed = time.monotonic() - self.started
        clear = "\r\033[K" if self.tty else ""
        say(f"{clear}{_stamp(elapsed, self.expect_s)} {self.title}: {outcome}")
        return elapsed


@contextlib.contextmanager
def step(title, expect_s=None):
    """Show a step while it runs; the next time its last duration is expected."""
    expect_s = _remembered().get(title, expect_s)
    say(f"{_stamp(0, expect_s)} {title}")
    ticker = _Ticker(title, expect_s)
    ticker.start()
    try:
        yield
    except BaseException as error:
        outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        ticker.finish(outcome)
        raise
    elapsed = ticker.finish("done")
    if elapsed >= WORTH_REMEMBERING_S:
        _remember(title, elapsed)
