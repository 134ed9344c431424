# SPDX-License-Identifier: GPL-2.0
"""Outcomes of programs, and of the same programs on two kernels."""

from harness import ktap
from harness.check.report import FAIL, PASS, SAME, SKIP
from harness.ktap import Outcome

KSFT_SKIP = 4
KILLED = 137
# A soak says that much before its result, and what failed is not at the end.
QUOTED = 40
STOPPED = "stopped at its time limit"


def _last(lines, count=QUOTED):
    kept = [line.strip() for line in lines if line.strip()]
    return "\n".join(kept[-count:])


def _skip_reason(lines):
    for line in lines:
        if "SKIP" in line:
            return line.partition("SKIP")[2].strip(" -:") or "no reason given"
    return "no reason given"


def _diagnostics(lines):
    """{name of a failed test: what was said before its result}."""
    found, said = {}, []
    for line in (line.strip() for line in lines):
        if line.startswith("not ok "):
            name = line.split(" # ")[0].split(" ", 3)[-1].removeprefix("- ")
            found[name] = "\n".join(said[-QUOTED:])
        if line.startswith(("ok ", "not ok ")):
            said = []
        elif line.startswith("#"):
            said.append(line)
    return found


def explained(results, lines):
    """Failures without a reason get what was said before them."""
    said = _diagnostics(lines)
    return {name: found._replace(reason=said.get(name.rsplit("/", 1)[-1], ""))
            if found.status == FAIL and not found.reason else found
            for name, found in results.items()}


def judge(section, speaks_ktap):
    """{name: Outcome} of one program; its own name is ""."""
    if section is None:
        return {"": Outcome(FAIL, "never ran: the guest ended before it")}
    if section.rc is None:
        return {"": Outcome(FAIL, "never ended: " + _last(section.lines))}
    results = {}
    if speaks_ktap:
        results = explained(ktap.parse(section.lines), section.lines)
    if section.rc == KSFT_SKIP and not results:
        return {"": Outcome(SKIP, _skip_reason(section.lines))}
    if section.rc == KILLED:
        results[""] = Outcome(FAIL, f"{STOPPED}: " + _last(section.lines))
    elif section.rc == 0 and not speaks_ktap:
        results[""] = Outcome(PASS)
    elif section.rc and all(found.status != FAIL for found in results.values()):
        results[""] = Outcome(FAIL, f"exit code {section.rc}: " + _last(section.lines))
    elif not results:
        results[""] = Outcome(FAIL, "printed no result")
    return results


def stopped(results):
    """Whether a program was stopped at its time limit."""
    return "" in results and results[""].reason.startswith(STOPPED)


def against(stock, new):
    """{name: Outcome} of the new kernel in the light of the unchanged one.

    Worse than stock is a failure, and so is a test that no longer runs;
    what fails on both is listed as such.
    """
    found = {}
    for name in dict.fromkeys([*stock, *new]):
        old, now = stock.get(name), new.get(name)
        if old and old.status == PASS and (not now or now.status != PASS):
            state = f"{now.status} here: {now.reason}" if now else "absent here"
            found[name] = Outcome(FAIL, f"passes on stock, {state}")
        elif now and now.status == FAIL and old and old.status == FAIL:
            found[name] = Outcome(SAME, now.reason)
        elif now and now.status == FAIL:
            found[name] = Outcome(FAIL, f"{old.status if old else 'absent'} on stock, "
                                        f"fails here: {now.reason}")
        elif now:
            found[name] = now
        elif old.status == FAIL:
            found[name] = Outcome(SKIP, "fails on stock, absent here")
    return found
