# SPDX-License-Identifier: GPL-2.0
"""What our selftests of KVM find in the unchanged kernel: one table.

That these fail there proves that they can.  A run on stock is asked for by
`make check ONLY=kvm-stock`; it fails if stock does better or worse than this.
"""

from harness.check.report import FAIL, PASS
from harness.ktap import Outcome

# Faults wait for ranges elsewhere: one hull, one sequence for the whole VM.
_HULL = ("the_middle_completes", "pages_between_complete",
         "huge_pages_elsewhere_complete")
FAILS = {
    *(f"held_ranges/vm.{variant}.{test}"
      for variant in ("start", "end", "start_huge") for test in _HULL),
    # Over the page that is held lies a huge one.
    "held_ranges/vm.start_huge.the_page_itself_waits",
    # The hull grows by the change of attributes, and stays.
    "attributes/vm.a_change_beside_a_held_range",
    "prefault/vm.ranges_elsewhere_are_not_waited_for",
    # Updates wait until no range of the mm is in flight.
    "memslots/vm.a_range_elsewhere_is_not_waited_for",
    "memslots/vm.another_slot_is_not_waited_for",
    "memslots/vm.a_new_slot_knows_older_ranges",
    "memslots/vm.a_slot_goes_under_a_waiting_vcpu",
    # So does the refresh of a cache.
    "pfncache/xen.a_range_elsewhere_is_not_waited_for",
    # Destruction waits for callouts of others, by srcu.
    *(f"lifetime/vm.destroyed_{when}"
      for when in ("after_its_start", "before_its_start", "before_its_end")),
}


def judge(found):
    """{test: Outcome} on stock as a verdict on the table."""
    judged = {}
    for name, outcome in found.items():
        if name in FAILS and outcome.status == PASS:
            judged[name] = Outcome(FAIL, "passes on stock, against the table")
        elif name in FAILS and outcome.status == FAIL:
            judged[name] = Outcome(PASS)
        else:
            judged[name] = outcome
    return judged
