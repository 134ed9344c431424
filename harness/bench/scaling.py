# SPDX-License-Identifier: GPL-2.0
"""Curves: cost against a number, and of which order they are."""

import math

# What rises by no more than this part is constant.
CONSTANT = 0.10
_SHAPES = {"O(log n)": lambda n: math.log2(n + 1), "O(n)": float,
           "O(n²)": lambda n: float(n) * n}


def curves(slopes, part, metric):
    """{(kind, op): [(number, value)]} of configurations named kind-number."""
    found = {}
    for (where, config, op), slope in slopes.items():
        kind, _, number = config.rpartition("-")
        if where == part and number.isdigit():
            value = getattr(slope.total(), metric)
            found.setdefault((kind, op), []).append((int(number), value))
    return {key: sorted(points) for key, points in found.items()}


def _misfit(points, shape):
    """What is left of the variance after the best a + b * shape(n), b >= 0."""
    xs = [shape(n) for n, _ in points]
    ys = [value for _, value in points]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys)) / spread
    slope = max(0.0, slope)
    return sum((y - middle_y - slope * (x - middle_x)) ** 2 for x, y in zip(xs, ys))


def order(points):
    """"O(1)", "O(log n)", "O(n)" or "O(n²)": which fits best."""
    values = [value for _, value in points]
    if len(points) < 3:
        return "too few points"
    # The first, or none, may be a case of its own: what falls does not grow.
    if max(values) - values[0] <= CONSTANT * max(values):
        return "O(1)"
    return min(_SHAPES, key=lambda name: _misfit(points, _SHAPES[name]))
