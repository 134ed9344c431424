# SPDX-License-Identifier: GPL-2.0
"""Which emulator guests get."""

import os
import unittest
from unittest import mock

from harness import boot, emulator, ui


class Emulator(unittest.TestCase):
    def setUp(self):
        emulator.command.cache_clear()
        self.addCleanup(emulator.command.cache_clear)

    def test_named(self):
        with mock.patch.dict(os.environ, {"EMULATOR": "/bin/true"}):
            self.assertEqual(emulator.command()[0], "/bin/true")
            self.assertEqual(boot.command("kernel", "initrd")[0], "/bin/true")

    def test_named_and_not_there(self):
        with mock.patch.dict(os.environ, {"EMULATOR": "/nonexistent/qemu"}):
            self.assertRaisesRegex(ui.Fail, "cannot be run", emulator.command)

    def test_hardware_takes_what_debian_has(self):
        with mock.patch.object(emulator, "_build", side_effect=AssertionError):
            self.assertEqual(boot.command("kernel", "initrd", acceleration="kvm")[0],
                             boot.QEMU)

    def test_built_once(self):
        with mock.patch.object(emulator, "_build") as build, \
                mock.patch.dict(os.environ, {"EMULATOR": ""}):
            emulator.command()
            emulator.command()
        build.assert_called_once()

    def test_ready_beforehand_only_if_needed_for_sure(self):
        for wish, usable, wanted in (("", False, 1), ("tcg", True, 1), ("", True, 0),
                                     ("kvm", False, 0)):
            with mock.patch.dict(os.environ, {"ACCEL": wish}), \
                    mock.patch.object(boot, "_usable", return_value=usable), \
                    mock.patch.object(boot.deps, "ensure"), \
                    mock.patch.object(emulator, "command") as command:
                boot.prepare()
            self.assertEqual(command.call_count, wanted)

    def test_another_fix_is_another_build(self):
        with mock.patch.object(emulator, "_version", return_value="1"):
            before = emulator._wanted()
            with mock.patch.object(emulator, "_patches", return_value=[]):
                self.assertNotEqual(emulator._wanted(), before)

    def test_kvm_in_emulation_has_one_thread(self):
        for found, wanted in (("tcg", boot.ONE_THREAD), ("kvm", "kvm")):
            with mock.patch.object(boot, "accel", return_value=found):
                self.assertEqual(boot.accel_for_kvm("kernel"), wanted)


if __name__ == "__main__":
    unittest.main()
