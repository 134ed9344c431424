# SPDX-License-Identifier: GPL-2.0
"""Times that a guest measured, and what is said about them."""

import re
import statistics

_LABELLED = re.compile(r"(\S.*?)\s*: (\d+\.\d+)s$")


def parse(lines):
    """{what: {number: [values]}} of lines "@@L what number value"."""
    found = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["@@L"] and len(words) == 4:
            numbers = found.setdefault(words[1], {})
            numbers.setdefault(int(words[2]), []).append(int(words[3]))
    return found


def parse_each(lines):
    """{(config, op): [ticks]} of lines "@@T config op ticks...", in their order."""
    found = {}
    for line in lines:
        words = line.split()
        if words[:1] == ["@@T"] and len(words) > 3:
            found[words[1], words[2]] = [int(word) for word in words[3:]]
    return found


def table(lines, mark, keys):
    """{(key, ...): [numbers]} of lines "MARK key... number..."."""
    found = {}
    for line in lines:
        words = line.split()
        if words[:1] == [mark]:
            found[tuple(words[1:1 + keys])] = [int(word) for word in words[1 + keys:]]
    return found


def labelled(lines):
    """{what: [seconds]} of lines "what   : 1.234s"."""
    found = {}
    for line in lines:
        match = _LABELLED.match(line)
        if match:
            found.setdefault(match[1], []).append(float(match[2]))
    return found


def paired(old, new):
    """(median of old, of new, of the ratios at the same index)."""
    ratios = [b / a for a, b in zip(old, new, strict=True)]
    return statistics.median(old), statistics.median(new), statistics.median(ratios)


def percentile(values, percent):
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def median(values):
    """The one in the middle, or between the two there."""
    return statistics.median(values)
