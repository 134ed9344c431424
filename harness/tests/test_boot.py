# SPDX-License-Identifier: GPL-2.0
"""Every way a guest can end, played by a script in QEMU's place."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness import boot, ui

GOOD = "[    0.1] Linux version 6.12\n@@BEGIN a\n@@END a 0\n@@DONE\n"


class Boot(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(boot.paths, "LOGS", self.folder))
        self.enterContext(mock.patch.object(boot.deps, "ensure"))
        self.enterContext(mock.patch.object(boot, "LEAVE_S", 1))

    def play(self, text, after="", **options):
        script = self.folder / "qemu"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n{after}\n", encoding="ascii")
        script.chmod(0o755)
        with mock.patch.object(boot.emulator, "command", lambda: [str(script)]):
            return boot.boot("kernel", "initrd", "toy", acceleration="tcg",
                             **({"timeout": 20} | options))

    def fails(self, *args, **options):
        with self.assertRaises(ui.Fail) as caught:
            self.play(*args, **options)
        return str(caught.exception)

    def test_good(self):
        seen = []
        result = self.play(GOOD, on_line=seen.append)
        self.assertEqual(seen, result.lines)
        self.assertIn("@@DONE", result.lines)
        self.assertTrue(result.log.is_file())

    def test_done_but_hanging_at_poweroff(self):
        self.assertIn("@@DONE", self.play(GOOD, "exec sleep 30").lines)

    def test_hang(self):
        words = self.fails("last words\n", "exec sleep 30", timeout=1)
        self.assertIn("not done after 1 s", words)
        self.assertIn("last words", words)

    def test_hang_within_a_line(self):
        words = self.fails("one\n", "printf 'no newline here'; exec sleep 30", timeout=1)
        self.assertIn("no newline here", words)

    def test_early_exit(self):
        self.assertIn("ended before its work was done, QEMU with status 3",
                      self.fails("started\n", "exit 3"))

    def test_leaving_is_enough_when_asked(self):
        self.assertEqual(self.play("bye\n", done=None).lines, ["bye"])

    def test_panic(self):
        words = self.fails("[ 1.0] Kernel panic - not syncing: x\n", "exec sleep 30",
                           warnings="keep")
        self.assertIn("panicked", words)

    def test_warning(self):
        bad = "[ 1.0] WARNING: CPU: 0 PID: 1 at mm/x.c:1 f\n"
        self.assertIn("complained", self.fails(bad + GOOD))
        self.assertIn("complained", self.fails(bad, "exec sleep 30", timeout=1))
        self.assertEqual(len(self.play(bad + GOOD, warnings="keep").lines), 5)

    def test_no_qemu(self):
        with mock.patch.object(boot.emulator, "command", lambda: ["/nonexistent/qemu"]):
            with self.assertRaisesRegex(ui.Fail, "is not installed"):
                boot.boot("kernel", "initrd", "toy", acceleration="tcg")

    def test_probe(self):
        for text, after, works in (("[0.0] Linux version 6\n", "exec sleep 9", True),
                                   ("Booting from ROM\n", "exec sleep 9", False),
                                   ("no /dev/kvm\n", "exit 1", False)):
            script = self.folder / "qemu"
            script.write_text(f"#!/bin/sh\necho '{text}'\n{after}\n", encoding="ascii")
            script.chmod(0o755)
            with mock.patch.object(boot, "QEMU", str(script)), \
                    mock.patch.object(boot, "PROBE_S", 1):
                self.assertEqual(boot._probe("kernel"), works, text)

    def test_acceleration(self):
        with mock.patch.dict(os.environ, {"ACCEL": "xen"}):
            self.assertRaises(ui.Fail, boot.accel)
        with mock.patch.dict(os.environ, {"ACCEL": ""}), \
                mock.patch.object(boot, "_cpu_can_virtualise", return_value=False):
            self.assertEqual(boot.accel("kernel"), "tcg")
