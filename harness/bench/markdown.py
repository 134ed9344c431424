# SPDX-License-Identifier: GPL-2.0
"""Tables, for a report and for a terminal."""


def _is_number(text):
    return bool(text) and (text[0] in "0123456789.-+" or text == "–")


def table(head, rows):
    """A Markdown table; columns of numbers are set to the right."""
    rows = [[str(cell) for cell in row] for row in rows]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows)
             for i in range(len(head))]
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---:" if flag else "---" for flag in right) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def plain(head, rows):
    """The same for a terminal."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def number(value):
    """Short, and exact enough."""
    if value is None:
        return "–"
    if abs(value) >= 1000 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(old, new):
    """new / old."""
    return f"{new / old:.3f}" if old else "–"


def trio(old, new):
    """The three cells old, new, ratio."""
    return [number(old), number(new), ratio(old, new)]
