# SPDX-License-Identifier: GPL-2.0
"""Assembling, refreshing and exporting, end to end on a toy base."""

import unittest

from harness.tests.toy import CODE, Toy


class Series(unittest.TestCase):
    def setUp(self):
        self.toy = self.enterContext(Toy())
        self.good("tree")

    def good(self, *words):
        code, output = self.toy.harness(*words)
        self.assertEqual(code, 0, output)
        return output

    def bad(self, *words):
        code, output = self.toy.harness(*words)
        self.assertEqual(code, 1, output)
        self.assertNotIn("Traceback", output)
        return output

    def two_patches(self):
        self.toy.edit("mm/a.c", "line 10;", "line ten;")
        (self.toy.tree / "mm" / "ours.c").write_text("ours\n", encoding="utf-8")
        self.good("refresh", "PATCH=0001-first", "SUBJECT=mm: first")
        self.toy.edit("mm/a.c", "line 20;", "line twenty;")
        self.toy.edit("mm/b.c", "line 1;\n", "")
        self.good("refresh", "PATCH=0002-second", "SUBJECT=mm: second")

    def test_empty_series_is_the_base(self):
        self.assertEqual((self.toy.tree / "mm/a.c").read_text(encoding="utf-8"), CODE)
        self.assertTrue((self.toy.tree / "mm/link").is_symlink())
        self.assertIn("names no patch", self.bad("series"))

    def test_round_trip(self):
        self.two_patches()
        first = self.toy.get("series/0001-first.patch")
        self.assertIn("Brings: mm/ours.c\n", first)
        self.assertIn("@@ -9,3 +9,3 @@\n line 9;\n-line 10;\n+line ten;\n line 11;\n", first)
        self.assertNotIn("line 8", first)
        self.assertNotIn("diff --git a/mm/ours.c", first)
        self.good("series-check")
        commit = self.toy.commit()
        self.good("clean")
        self.assertFalse(self.toy.tree.exists())
        self.good("tree")
        self.assertEqual(self.toy.commit(), commit)
        self.assertEqual((self.toy.tree / "mm/ours.c").read_text(encoding="utf-8"), "ours\n")

    def test_exported_mail(self):
        self.two_patches()
        self.good("series")
        cover = self.toy.get("build/series/0000-cover-letter.patch")
        self.assertIn("[PATCH 0/2] toy: things", cover)
        mail = self.toy.get("build/series/0001-mm-first.patch")
        self.assertIn("Signed-off-by: A Toy <toy@example.org>", mail)
        self.assertNotIn("Brings:", mail)

    def test_edit_goes_to_an_early_patch(self):
        self.two_patches()
        self.toy.edit("mm/a.c", "line 15;", "line fifteen;")
        self.toy.edit("mm/ours.c", "ours", "changed")
        self.good("refresh", "PATCH=0001")
        self.assertIn("fifteen", self.toy.get("series/0001-first.patch"))
        self.assertNotIn("fifteen", self.toy.get("series/0002-second.patch"))
        self.assertEqual(self.toy.get("mm/ours.c"), "changed\n")
        self.good("series-check")

    def test_edit_that_does_not_carry_over(self):
        self.two_patches()
        self.toy.edit("mm/a.c", "line twenty;", "line 2 0;")
        self.assertIn("do not carry over", self.bad("refresh", "PATCH=0001-first"))
        self.assertIn("line twenty", self.toy.get("series/0002-second.patch"))

    def test_edit_without_a_patch(self):
        self.toy.edit("mm/a.c", "line 3;", "x")
        self.assertIn("PATCH=", self.bad("refresh"))

    def test_time_stamps_stay(self):
        self.two_patches()
        before = (self.toy.tree / "mm/b.c").stat().st_mtime_ns
        self.toy.put("mm/ours.c", "again\n")
        self.good("tree")
        self.assertEqual((self.toy.tree / "mm/ours.c").read_text(encoding="utf-8"), "again\n")
        self.assertEqual((self.toy.tree / "mm/b.c").stat().st_mtime_ns, before)

    def test_edits_survive_assembling(self):
        self.two_patches()
        self.toy.edit("mm/b.c", "line 9;", "nine")
        self.toy.put("mm/ours.c", "again\n")
        self.assertIn("edits that series/ has not", self.good("tree"))
        self.assertIn("nine", (self.toy.tree / "mm/b.c").read_text(encoding="utf-8"))
        self.assertIn("make refresh", self.bad("series"))
        self.good("tree", "DISCARD=1")
        self.assertNotIn("nine", (self.toy.tree / "mm/b.c").read_text(encoding="utf-8"))

    def test_both_sides_edited(self):
        self.two_patches()
        self.toy.edit("mm/ours.c", "ours", "here")
        self.toy.put("mm/ours.c", "there\n")
        self.assertIn("changed both in build/tree and in the repository", self.bad("tree"))

    def test_file_that_no_patch_brings(self):
        self.two_patches()
        self.toy.put("mm/loose.c", "loose\n")
        self.assertIn("mm/loose.c", self.bad("series-check"))

    def test_newer_base(self):
        self.two_patches()
        self.toy.base(118, record=False, **{"mm/a.c": "new line\n" * 5 + CODE})
        self.assertIn("the base is 6.12.118", self.good("tree"))
        text = (self.toy.tree / "mm/a.c").read_text(encoding="utf-8")
        self.assertIn("line ten;", text)
        self.good("series-check")

    def test_newer_base_on_which_a_hunk_fails(self):
        self.two_patches()
        self.toy.base(118, record=False,
                      **{"mm/a.c": CODE.replace("line 20;", "line XX;")})
        words = self.bad("tree")
        for part in ("0002-second.patch", "6.12.118", "@@ -19,3 +19,3 @@", "mm/a.c"):
            self.assertIn(part, words)

    def test_wrong_checksum(self):
        self.toy.base(117, record=False, **{"mm/b.c": "tampered\n"})
        self.assertIn("checksum", self.bad("tree"))

    def test_other_series_of_the_base(self):
        self.toy.base(117, record=False,
                      Makefile="VERSION = 6\nPATCHLEVEL = 13\nSUBLEVEL = 1\n")
        self.assertIn("the base is 6.13.1", self.bad("tree"))
