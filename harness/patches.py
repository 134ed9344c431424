# SPDX-License-Identifier: GPL-2.0
"""The patch files of series/: parsing, writing, hunks with little context."""

import re
from dataclasses import dataclass, field, replace

from harness import paths, ui

SERIES_FILE = paths.SERIES / "series"
COVER = paths.SERIES / "cover-letter.txt"
SPDX = "# SPDX-License-Identifier: GPL-2.0\n"
_BRINGS = re.compile(r"^Brings: *(\S+)\n?", re.M)
_IDENTITY = re.compile(r"^From: *(.+?) *<(\S+)>$", re.M)
_HUNK = re.compile(r"^(@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@).*$", re.M)


@dataclass(frozen=True)
class Patch:
    """One commit of the series."""
    name: str
    subject: str
    body: str
    brings: list = field(default_factory=list)
    diff: str = ""

    def message(self, identity):
        """The commit message, signed off."""
        name, mail = identity
        body = self.body.strip()
        parts = [self.subject] + ([body] if body else [])
        signature = f"Signed-off-by: {name} <{mail}>"
        joint = "\n" if re.search(r"^[A-Z][\w-]+: \S[^\n]*\Z", body, re.M) else "\n\n"
        return "\n\n".join(parts) + joint + signature + "\n"

    def render(self):
        """The text of its file in series/."""
        brings = "".join(f"Brings: {path}\n" for path in self.brings)
        body = self.body.strip()
        parts = [f"Subject: {self.subject}\n"]
        parts += [f"\n{body}\n"] if body else []
        parts += [f"\n{brings}"] if brings else []
        return SPDX + "".join(parts) + "---\n" + self.diff


def parse(name, text):
    """A Patch from its text."""
    lines = text.splitlines(keepends=True)
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        lines.pop(0)
    if not lines or not lines[0].startswith("Subject: "):
        raise ui.Fail(f"series/{name}: the first line must be a Subject:")
    rest = "".join(lines[1:])
    head, mark, diff = ("\n" + rest).partition("\n---\n")
    if not mark:
        raise ui.Fail(f"series/{name}: no line --- ends the message")
    brings = _BRINGS.findall(head)
    body = _BRINGS.sub("", head).strip()
    if diff.strip() and "diff --git " not in diff:
        raise ui.Fail(f"series/{name}: what follows --- is not a git diff")
    return Patch(name, lines[0][len("Subject: "):].strip(), body, brings,
                 diff if diff.strip() else "")


def order():
    """Names in series/series, in order."""
    try:
        text = SERIES_FILE.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def load():
    """All patches of the series, in order."""
    found = []
    for name in order():
        path = paths.SERIES / name
        if not path.is_file():
            raise ui.Fail(f"series/series names {name}, which is not in series/")
        found.append(parse(name, path.read_text(encoding="utf-8")))
    return found


def store(patch):
    """Write a patch's file, if it changed; append it to the order when new."""
    changed = paths.write_if_changed(paths.SERIES / patch.name, patch.render())
    if patch.name not in order():
        old = SERIES_FILE.read_text(encoding="utf-8") if SERIES_FILE.exists() else SPDX
        paths.write_if_changed(SERIES_FILE, old + patch.name + "\n")
        changed = True
    return changed


def with_diff(patch, diff):
    """The same patch with other hunks."""
    return replace(patch, diff=diff)


def identity():
    """Name and mail address of the series, from the cover letter."""
    match = _IDENTITY.search(COVER.read_text(encoding="utf-8"))
    if not match:
        raise ui.Fail("series/cover-letter.txt has no line From: name <address>")
    return match[1], match[2]


def lean(diff):
    """A diff without object ids and without the base's text after @@."""
    kept = [line for line in diff.split("\n") if not line.startswith("index ")]
    return _HUNK.sub(r"\1", "\n".join(kept))


def hunk_at(diff, path, line):
    """The @@ header of the hunk of `path` that starts at `line`."""
    current = None
    for text in diff.splitlines():
        if text.startswith("+++ b/"):
            current = text[len("+++ b/"):]
        if current == path and re.match(rf"@@ -{line}[, ]", text):
            return _HUNK.sub(r"\1", text)
    return f"at line {line}"
