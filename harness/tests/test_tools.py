# SPDX-License-Identifier: GPL-2.0
"""Images, packages, disk space, fragments and steps."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness import deps, initramfs, kconfig, kernel, patches, paths, proc, ui


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("BUILD", "IMAGES", "LOGS"):
            self.enterContext(mock.patch.object(paths, name, self.folder))


class Images(Folder):
    def unpack(self, image):
        out = self.folder / "out"
        out.mkdir()
        with open(image.build(), "rb") as archive:
            subprocess.run(["cpio", "-id", "--quiet", "--no-preserve-owner", "bin/*", "init",
                            "etc/*", "lib*/*"], cwd=out, stdin=archive, check=True)
        return out

    def test_contents(self):
        image = initramfs.Image("toy", busybox=False).init("run a true")
        image.write("text\n", "/etc/deep/name").symlink("name", "/etc/deep/other")
        out = self.unpack(image.write(b"\0\1\2", "/bin/odd", 0o755))
        self.assertEqual((out / "etc/deep/other").read_text(encoding="ascii"), "text\n")
        self.assertEqual((out / "bin/odd").read_bytes(), b"\0\1\2")
        self.assertTrue(os.access(out / "init", os.X_OK))
        self.assertIn("run a true", (out / "init").read_text(encoding="ascii"))

    def test_libraries_come_along(self):
        image = initramfs.Image("toy", busybox=False).program("git")
        libraries = [str(path).strip("/") for path in initramfs.closure("/usr/bin/git")]
        self.assertTrue(libraries)
        self.assertLessEqual(set(libraries), set(image.entries))

    def test_missing_file(self):
        image = initramfs.Image("toy", busybox=False)
        self.assertRaises(ui.Fail, image.add, "/nonexistent", "/bin/x")
        self.assertRaisesRegex(ui.Fail, "no /init", image.build)


class Packages(Folder):
    def test_absent_and_not_installable(self):
        fake = self.folder / "apt-get"
        fake.write_text("#!/bin/sh\necho 'E: Failed to fetch'\nexit 100\n", encoding="ascii")
        fake.chmod(0o755)
        path = f"{self.folder}:{os.environ['PATH']}"
        with mock.patch.dict(deps.GROUPS, {"toy": ["no-such-package-here"]}), \
                mock.patch.dict(os.environ, {"PATH": path}), \
                mock.patch.object(ui, "say"), \
                mock.patch.object(deps, "_as_root", return_value=[]):
            with self.assertRaisesRegex(ui.Fail, "check the network"):
                deps.ensure("toy")

    def test_present(self):
        with mock.patch.dict(deps.GROUPS, {"toy": ["bash"]}), \
                mock.patch.object(deps, "_install") as install:
            deps.ensure("toy")
        install.assert_not_called()

    def test_not_debian(self):
        with mock.patch.object(deps.shutil, "which", return_value=None):
            self.assertRaisesRegex(ui.Fail, "Debian 12", deps.missing, ["bash"])


class Space(Folder):
    def test_too_little(self):
        paths.ensure_space(0)
        self.assertRaisesRegex(ui.Fail, "too little disk", paths.ensure_space, 10**6)


class Programs(Folder):
    def test_failure_quotes_the_error(self):
        script = "echo fine; echo 'x.c:1: error: bad'; exit 3"
        with self.assertRaisesRegex(ui.Fail, "ended with 3(.|\n)*error: bad"):
            proc.logged(["sh", "-c", script], "log")


class Steps(Folder):
    def test_last_duration_is_expected(self):
        store = self.folder / "durations.json"
        with mock.patch.object(ui, "DURATIONS", store), mock.patch.object(ui, "say") as say, \
                mock.patch.object(ui, "WORTH_REMEMBERING_S", 0):
            ui._remember("work", 77)
            with ui.step("work", 5):
                pass
            self.assertIn("/~77s", say.call_args_list[0].args[0])
            self.assertNotEqual(ui._remembered()["work"], 77)

    def test_failure_is_not_remembered(self):
        store = self.folder / "durations.json"
        with mock.patch.object(ui, "DURATIONS", store), mock.patch.object(ui, "say"), \
                mock.patch.object(ui, "WORTH_REMEMBERING_S", 0):
            with self.assertRaises(ui.Fail), ui.step("work"):
                raise ui.Fail("no")
            self.assertEqual(ui._remembered(), {})


class Fragments(unittest.TestCase):
    def test_all_parse(self):
        for tree in ("new", "stock"):
            for config in kconfig.FRAGMENTS:
                self.assertTrue(kconfig.merged(kconfig.names(tree, config)))

    def test_lost(self):
        asked = kconfig.parse("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\n")
        got = kconfig.parse("CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n")
        self.assertEqual(kconfig.lost(asked, got),
                         ["CONFIG_B asked off, got y", "CONFIG_C asked y, got off"])

    def test_options_that_a_prefix_has_not_got(self):
        with tempfile.TemporaryDirectory() as folder:
            mm = Path(folder) / "mm"
            mm.mkdir()
            (mm / "Kconfig").write_text("config MMU_NOTIFIER\n\tbool\n", encoding="ascii")
            options = kernel.known(["base", "new"], Path(folder))
        self.assertIn("CONFIG_MMU_NOTIFIER", options)
        self.assertNotIn("CONFIG_TEST_MMU_NOTIFIER", options)
        self.assertIn("CONFIG_SMP", options)

    def test_nonsense(self):
        self.assertRaises(ui.Fail, kconfig.parse, "CONFIG_A = y\n")
        self.assertRaises(ui.Fail, kconfig.names, "new", "fast")


class PatchFiles(unittest.TestCase):
    TEXT = (patches.SPDX + "Subject: mm: x\n\nWhy.\n\nBrings: mm/x.c\nBrings: mm/y.c\n---\n"
            "diff --git a/m b/m\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-a\n+b\n")

    def test_round_trip(self):
        patch = patches.parse("1.patch", self.TEXT)
        self.assertEqual(patch.brings, ["mm/x.c", "mm/y.c"])
        self.assertEqual(patch.render(), self.TEXT)
        self.assertEqual(patch.message(("N", "m@x")), "mm: x\n\nWhy.\n\nSigned-off-by: N <m@x>\n")

    def test_malformed(self):
        for text in ("mm: x\n---\n", "Subject: x\n\nno end\n", "Subject: x\n---\nnoise\n"):
            self.assertRaises(ui.Fail, patches.parse, "1.patch", text)
