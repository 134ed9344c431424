# SPDX-License-Identifier: GPL-2.0
"""What the plugin counted in each section, and slopes between n and 2n."""

from typing import NamedTuple

from harness import ui
from harness.bench import symbols


class Counts(NamedTuple):
    """Executed in the kernel: all instructions, those that lock, and so on."""
    insns: float = 0
    locked: float = 0
    accesses: float = 0
    entries: float = 0

    def plus(self, other):
        """The sum."""
        return Counts(*(a + b for a, b in zip(self, other)))

    def minus(self, other):
        """The difference."""
        return Counts(*(a - b for a, b in zip(self, other)))

    def over(self, number):
        """Each divided by a number."""
        return Counts(*(value / number for value in self))


class Section(NamedTuple):
    """One section of the guest: n times op, and how many ticks it took."""
    part: str
    config: str
    op: str
    n: int
    ticks: int
    by_symbol: dict


class Slope(NamedTuple):
    """What one more op costs."""
    counts: dict
    ticks: float

    def total(self, wanted=lambda name: name != symbols.MODULE):
        """The sum over symbols; without more, over the kernel but not its modules."""
        found = Counts()
        for name, counts in self.counts.items():
            if wanted(name):
                found = found.plus(counts)
        return found


def parse_plugin(lines, names):
    """[{symbol: Counts}] of the sections, in their order."""
    found, ended = [], None
    for line in lines:
        words = line.split()
        if words[0] == "section":
            found.append({})
        elif words[0] == "end":
            ended = int(words[1])
        else:
            index, *values = map(int, words)
            found[-1][names[index]] = Counts(*values)
    if ended != len(found):
        raise ui.Fail("the plugin's output is not whole: the guest did not end by itself")
    return found


def parse_guest(lines):
    """[(part, config, op, n, ticks)] from the console."""
    found = []
    for line in lines:
        words = line.split()
        if words[:1] == ["@@M"] and len(words) == 6:
            found.append((*words[1:4], int(words[4]), int(words[5])))
    return found


def sections(plugin_lines, guest_lines, names):
    """Both, put together: the guest names sections in the order it had them."""
    counted = parse_plugin(plugin_lines, names)
    named = parse_guest(guest_lines)
    if len(counted) != len(named):
        raise ui.Fail(f"the guest names {len(named)} sections and the plugin saw "
                      f"{len(counted)}")
    return [Section(*name, by_symbol) for name, by_symbol in zip(named, counted)]


def slope(low, high):
    """The Slope between sections of n and of more operations."""
    if high.n <= low.n:
        raise ui.Fail(f"no slope between {low.n} and {high.n} of {low.op}")
    more = high.n - low.n
    names = dict.fromkeys([*high.by_symbol, *low.by_symbol])
    counts = {name: high.by_symbol.get(name, Counts()).minus(
        low.by_symbol.get(name, Counts())).over(more) for name in names}
    return Slope({name: found for name, found in counts.items() if any(found)},
                 (high.ticks - low.ticks) / more)


def slopes(found):
    """{(part, config, op): Slope}; a section without a partner stands for itself."""
    pairs = {}
    for section in found:
        pairs.setdefault(section[:3], []).append(section)
    result = {}
    for key, members in pairs.items():
        low = members[0]
        result[key] = (slope(low, members[1]) if len(members) > 1 else
                       Slope({name: counts.over(low.n)
                              for name, counts in low.by_symbol.items()},
                             low.ticks / low.n))
    return result


def differences(one, other):
    """Keys and symbols whose instruction slopes are not the same."""
    found = []
    for key in dict.fromkeys([*one, *other]):
        if key not in one or key not in other:
            found.append((key, "missing"))
            continue
        names = dict.fromkeys([*one[key].counts, *other[key].counts])
        found += [(key, name) for name in names
                  if one[key].counts.get(name) != other[key].counts.get(name)]
    return found
