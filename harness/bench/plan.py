# SPDX-License-Identifier: GPL-2.0
"""What is measured: the parts, and what the guests run for each."""

from typing import NamedTuple


class Size(NamedTuple):
    """How much of it."""
    configs: tuple
    vmas: tuple
    readers: tuple
    tries: int
    hold_ms: int
    shares: tuple


FULL = Size(("none", "after-list-1", "after-interval-1", "after-both-8", "after-vm",
             "list-1", "list-8", "list-64", "interval-1", "interval-8", "interval-64",
             "both-1", "both-8", "both-64", "vm", "vmoutside"),
            (100, 1000, 10000, 30000, 100000), (1, 2, 4, 8, 16), 5, 200, (4, 16))
QUICK = Size(("none", "after-list-1", "list-1", "list-8", "interval-8", "vm"),
             (100, 1000, 10000, 30000), (1, 8), 2, 100, (8,))
# Measured twice, to see whether the result is the same.
REPEATED = ("none", "list-1", "list-8")

PARTS = {
    "counts": "operations with subscribers of each kind: plugin counts, icount times",
    "scaling": "an invalidation against subscribers and ranges in flight, "
               "registration against VMAs",
    "latency": "unregister, registration, interval readers, life of a VM",
    "kvm": "KVM faults while other ranges are held or invalidated",
    "aging": "a guest's memory: aged, reclaimed, hot and cold",
    "protection": "mprotect() of much and of little; a guest under NUMA balancing",
    "gru": "an emulated SGI GRU: TLB operations, entries lost, misses",
    "xpmem": "attachments: what they cost, and what they cost their source",
    "page_huge": "huge pages that are read before they are written to",
    "native": "the two cores in user space, by turns, 1 and 2 threads",
    "repeat": "the tool itself: the same twice, and does it see a cost",
}


def _numbers(values):
    return " ".join(map(str, values))


def counts(size):
    """The guest's commands for the operations."""
    return f"run ops /bench/counts ops {' '.join(size.configs)}\n"


def repeat():
    """The same for a few of them."""
    return f"run ops /bench/counts ops {' '.join(REPEATED)}\n"


def scaling(size):
    """... for the curves."""
    return ("run subs /bench/counts subs\nrun flight /bench/counts flight\n"
            f"run vmas /bench/counts vmas {_numbers(size.vmas)}\n")


def latency(size):
    """... for times."""
    return (f"run isolation /bench/latency isolation {size.tries}\n"
            f"run registration /bench/latency registration {_numbers(size.vmas)}\n"
            f"run readers /bench/latency readers {_numbers(size.readers)}\n"
            "run vm /bench/latency vm 100 10000\n")


def held(size):
    """... for the faults of a vCPU while ranges are held."""
    return f"run held /bench/latency held {size.hold_ms}\n"


def disturbed():
    """... and while others are invalidated."""
    return "run disturbed /bench/latency disturbed 0 1 2 4\n"


def ages():
    """... for a guest's memory that is aged and reclaimed."""
    return "run ages /bench/counts ages\n"


def hot(size):
    """... and for what a guest uses while it is reclaimed.

    With half a dozen of them in one boot the classic LRU ends up evicting next to
    nothing, on either kernel.
    """
    return f"run hot /bench/latency hot {_numbers(size.shares)}\n"


def tracking():
    """... and for KVM's own test, with one vCPU."""
    return "run tracking /bench/access_tracking_perf_test -b 32M -v 1\n"


def protect():
    """... for changes of protection."""
    return "run protect /bench/protect none list vm\n"


def balance(size):
    """... and for those that NUMA balancing makes; as long as shows them."""
    return f"run balance /bench/balance {6 * size.tries} all hot pinned shared\n"


def xpmem():
    """... for attachments, in the new kernel alone."""
    return "run xpmem /bench/xpmem\n"
