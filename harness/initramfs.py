# SPDX-License-Identifier: GPL-2.0
"""Images for guests: a cpio archive written here, with busybox and libraries."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from harness import deps, paths, ui

BUSYBOX = Path("/bin/busybox")
PRELUDE = Path(__file__).resolve().parent / "guest.sh"
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def closure(program):
    """The shared libraries that a program needs, with its loader."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True,
                            check=False)
    if "not found" in listed.stdout:
        raise ui.Fail(f"{program} lacks libraries:\n{listed.stdout}")
    return [Path(found) for found in _LIBRARY.findall(listed.stdout)]


def _is_elf(path):
    with open(path, "rb") as handle:
        return handle.read(4) == b"\x7fELF"


class Image:
    """An initial file system under construction."""

    def __init__(self, name, busybox=True):
        self.name = name
        self.entries = {}
        for folder in ("dev", "proc", "sys", "tmp", "root", "etc", "run"):
            self._entry(folder, stat.S_IFDIR | 0o755, b"")
        # The kernel opens it before devtmpfs is mounted.
        self._entry("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1))
        if busybox:
            self._busybox()

    def _entry(self, dst, mode, data, device=(0, 0)):
        dst = dst.strip("/")
        parent = os.path.dirname(dst)
        if parent and parent not in self.entries:
            self._entry(parent, stat.S_IFDIR | 0o755, b"")
        self.entries[dst] = (mode, data, device)

    def _busybox(self):
        if not BUSYBOX.is_file() or closure(BUSYBOX):
            deps.ensure("boot")
        self.add(BUSYBOX, "/bin/busybox", libs=False)
        applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True,
                                 check=True).stdout.split()
        for applet in applets:
            if applet != "busybox":
                self.symlink("/bin/busybox", f"/bin/{applet}")

    def add(self, src, dst, mode=0o755, libs=True):
        """A file, or a folder with all below it; programs bring their libraries."""
        src = Path(src)
        if src.is_dir():
            for path in sorted(src.rglob("*")):
                if not path.is_dir():
                    self.add(path, f"{dst}/{path.relative_to(src)}", mode, libs)
            return self
        if not src.is_file():
            raise ui.Fail(f"{src} is wanted in image {self.name} and does not exist")
        self._entry(dst, stat.S_IFREG | mode, src)
        if libs and _is_elf(src):
            for library in closure(src):
                if str(library).strip("/") not in self.entries:
                    self._entry(str(library), stat.S_IFREG | 0o755, library)
        return self

    def program(self, name, dst=None):
        """A program of this machine, found on PATH, with its libraries."""
        found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if not found:
            raise ui.Fail(f"{name} is not installed")
        return self.add(found, dst or f"/bin/{name}")

    def write(self, text, dst, mode=0o644):
        """A file with this text."""
        data = text.encode() if isinstance(text, str) else text
        self._entry(dst, stat.S_IFREG | mode, data)
        return self

    def symlink(self, target, dst):
        """A symbolic link at `dst`."""
        self._entry(dst, stat.S_IFLNK | 0o777, target.encode())
        return self

    def init(self, body):
        """/init: mounts, then `body` (shell, with run NAME COMMAND), then power off."""
        prelude = PRELUDE.read_text(encoding="ascii")
        return self.write(f"{prelude}\n{body}\nfinish\n", "/init", 0o755)

    def build(self):
        """Write build/images/NAME.cpio and return its path."""
        if "init" not in self.entries:
            raise ui.Fail(f"image {self.name} has no /init")
        path = paths.IMAGES / f"{self.name}.cpio"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with open(temporary, "wb") as out:
            for number, (name, entry) in enumerate(self.entries.items(), 1):
                _record(out, number, name, *entry)
            _record(out, 0, "TRAILER!!!", 0, b"", (0, 0))
        os.replace(temporary, path)
        return path


def _record(out, number, name, mode, data, device):
    if isinstance(data, Path):
        data = data.read_bytes()
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    out.write(b"070701" + b"".join(b"%08x" % value for value in fields))
    out.write(encoded + b"\0" * (-(110 + len(encoded)) % 4))
    out.write(data + b"\0" * (-len(data) % 4))
