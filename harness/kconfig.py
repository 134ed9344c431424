# SPDX-License-Identifier: GPL-2.0
"""Fragments in configs/ merged, and checked to have survived Kconfig."""

import re

from harness import paths, ui

PLAIN = ["base", "mm", "trace", "consumers"]
FRAGMENTS = {
    "plain": PLAIN,
    "debug": PLAIN + ["debug"],
    "kcsan": PLAIN + ["kcsan"],
    "off": ["base", "mm", "trace", "off"],
}
# Options that the series adds, so that asking stock for them is no error.
NEW_FRAGMENTS = {
    "plain": ["new"],
    "debug": ["new", "new-debug"],
    "kcsan": ["new", "new-debug"],
    "off": [],
}

_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")


def parse(text):
    """{option: value}, None for one that is explicitly off."""
    options = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line):
            options[match[1]] = match[2]
        elif match := _UNSET.fullmatch(line):
            options[match[1]] = None
        elif line and not line.startswith("#"):
            raise ui.Fail(f"not a line of a config fragment: {line}")
    return options


def names(tree, config):
    """The fragments of a configuration, in order; later ones win."""
    if config not in FRAGMENTS:
        raise ui.Fail(f"no configuration {config}: there are {', '.join(FRAGMENTS)}")
    return FRAGMENTS[config] + (NEW_FRAGMENTS[config] if tree == "new" else [])


def merged(fragments):
    """{option: value} of several fragments."""
    options = {}
    for name in fragments:
        path = paths.CONFIGS / f"{name}.config"
        options.update(parse(path.read_text(encoding="ascii")))
    return options


def render(options):
    """The text that Kconfig reads."""
    lines = [f"{name}={value}" if value is not None else f"# {name} is not set"
             for name, value in options.items()]
    return "\n".join(lines) + "\n"


def lost(asked, got):
    """Options whose value did not survive, as sentences."""
    return [f"{name} asked {value or 'off'}, got {got.get(name) or 'off'}"
            for name, value in asked.items() if got.get(name) != value]
