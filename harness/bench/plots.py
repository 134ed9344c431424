# SPDX-License-Identifier: GPL-2.0
"""Curves as SVG, drawn by gnuplot."""

from typing import NamedTuple

from harness import deps, proc
from harness.bench import parts


class Plot(NamedTuple):
    """A drawing: {name of a curve: [(x, y)]}, both axes logarithmic."""
    name: str
    title: str
    xlabel: str
    ylabel: str
    curves: dict


def _script(plot, target):
    drawn = ", ".join(
        f"$curve{index} using 1:2 with linespoints linewidth 2 title '{name}'"
        for index, name in enumerate(plot.curves))
    data = "".join(f"$curve{index} << end\n"
                   + "".join(f"{x} {y}\n" for x, y in points) + "end\n"
                   for index, points in enumerate(plot.curves.values()))
    return (f"set terminal svg size 720,440 background '#ffffff'\nset output '{target}'\n"
            f"set title '{plot.title}'\nset xlabel '{plot.xlabel}'\n"
            f"set ylabel '{plot.ylabel}'\nset logscale xy\nset grid\n"
            f"set key left top\n{data}plot {drawn}\n")


def _positive(curves):
    """A logarithm has no zero."""
    kept = {name: [(x, y) for x, y in points if x > 0 and y > 0]
            for name, points in curves.items()}
    return {name: points for name, points in kept.items() if points}


def licensed(svg):
    """The drawing, saying its licence in its second line."""
    first, rest = svg.split("\n", 1)
    return f"{first}\n<!-- SPDX-License-Identifier: GPL-2.0 -->\n{rest}"


def draw(plots, folder):
    """Write FOLDER/NAME.svg for each; the names."""
    deps.ensure("bench")
    drawn = []
    for plot in plots:
        plot = plot._replace(curves=_positive(plot.curves))
        if not plot.curves:
            continue
        script = parts.OUT / f"{plot.name}.gnuplot"
        script.write_text(_script(plot, folder / f"{plot.name}.svg"), encoding="utf-8")
        proc.logged(["gnuplot", script], "bench-gnuplot.log")
        target = folder / f"{plot.name}.svg"
        target.write_text(licensed(target.read_text(encoding="utf-8")), encoding="utf-8")
        drawn.append(plot.name)
    return drawn
