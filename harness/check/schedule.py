# SPDX-License-Identifier: GPL-2.0
"""Runs jobs in the order given, builds and guests beside each other.

A build and a guest share the two cores: while a guest sleeps or runs on one
processor, the compiler has the rest.  When all is built, two guests do.  Jobs whose tests measure time are quiet:
they run alone.
"""

import contextlib
import os
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from harness import ui
from harness.check.report import FAIL, SKIP

BUILD, GUEST = "build", "guest"
NICE = 10


@dataclass(frozen=True)
class Job:
    """Something to do; `needs` names jobs that must have succeeded before."""
    name: str
    run: Callable
    lane: str = BUILD
    needs: tuple = ()
    quiet: bool = False
    # A guest that needs a processor of its own: builds give way, guests do not.
    sole: bool = False


class Schedule:
    """The state of a run."""

    def __init__(self, jobs, report):
        self.pending, self.report = list(jobs), report
        self.running, self.done, self.took = {}, {}, {}
        self.change = threading.Condition()

    def _may_start(self, job):
        if any(other.quiet for other in self.running.values()):
            return False
        if job.quiet:
            return not self.running
        if all(other.lane != job.lane for other in self.running.values()):
            return True
        # A second guest has the processor that builds had.
        others = (*self.pending, *self.running.values())
        return (job.lane == GUEST and len(self.running) == 1 and
                all(other.lane == GUEST for other in others) and
                not any(each.sole for each in (job, *self.running.values())))

    def _drop(self, job, failed):
        """What cannot run because of a failure is listed, not counted twice."""
        self.pending.remove(job)
        self.done[job.name] = False
        self.report.add(job.name, "all", SKIP, f"needs {failed}, which failed")

    def _start_some(self):
        for job in list(self.pending):
            failed = next((n for n in job.needs if self.done.get(n) is False), None)
            if failed:
                self._drop(job, failed)
            elif all(n in self.done for n in job.needs) and self._may_start(job):
                self.pending.remove(job)
                self.running[job.name] = job
                threading.Thread(target=self._work, args=(job,), daemon=True).start()

    def _work(self, job):
        began = time.monotonic()
        if job.lane == BUILD:
            # Of this thread and what it starts: guests have clocks to keep.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            job.run()
            fine = True
        except ui.Fail as failure:
            fine = False
            self.report.add(job.name, "all", FAIL, str(failure))
            ui.say(f"FAILED {job.name}: {failure}")
        except Exception:  # a fault of the harness must not pass for a success
            fine = False
            self.report.add(job.name, "all", FAIL, traceback.format_exc())
            ui.say(f"FAILED {job.name}: {traceback.format_exc()}")
        with self.change:
            self.took[job.name] = time.monotonic() - began
            self.done[job.name] = fine
            del self.running[job.name]
            self.change.notify()

    def run(self):
        """Until all jobs have ended."""
        try:
            with self.change:
                while self.pending or self.running:
                    before = len(self.pending)
                    self._start_some()
                    if self.running:
                        self.change.wait()
                    elif len(self.pending) == before:
                        raise ui.Fail("jobs that wait for each other: "
                                      + ", ".join(job.name for job in self.pending))
        except KeyboardInterrupt:
            end_children()
            raise


def end_children():
    """Stop the programs that this process started; a guest would live on."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            parent = status.read_text(errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                os.kill(int(status.parent.name), signal.SIGTERM)


def closure(jobs, wanted):
    """The jobs that `wanted` names, with what they need, in the given order."""
    table = {job.name: job for job in jobs}
    chosen, todo = set(), list(wanted)
    while todo:
        name = todo.pop()
        if name not in chosen:
            chosen.add(name)
            todo += table[name].needs
    return [job for job in jobs if job.name in chosen]
