# SPDX-License-Identifier: GPL-2.0
"""The runner of the models and the checker of the litmus tests: both can fail."""

import importlib.util
import re
import unittest

from harness import litmus, paths

MODELS = paths.ROOT / "tools/testing/mmu_notifier/model"
TESTS = paths.ROOT / "Documentation/mm/mmu_notifier-litmus"
DOCUMENTS = ("Documentation/mm/mmu_notifier.rst", "Documentation/virt/kvm/invalidation.rst")


def _runner():
    spec = importlib.util.spec_from_file_location("models", MODELS / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Models(unittest.TestCase):
    def setUp(self):
        self.models = _runner()
        self.whole = self.models.WHOLE[0]
        self.broken = self.models.BROKEN[0]

    def test_a_whole_model_must_hold(self):
        judge = self.models.judge
        self.assertEqual(judge(self.whole, "State-vector 9 byte, errors: 0\n"), "")
        self.assertTrue(judge(self.whole, "State-vector 9 byte, errors: 1\n"))
        self.assertTrue(judge(self.whole, "error: max search depth too small\nerrors: 0\n"))
        self.assertTrue(judge(self.whole, "pan: reached -DMEMLIM bound\nerrors: 0\n"))
        self.assertTrue(judge(self.whole, "Segmentation fault"))

    def test_a_broken_model_must_be_found(self):
        judge = self.models.judge
        self.assertEqual(judge(self.broken, "errors: 1\n"), "")
        self.assertTrue(judge(self.broken, "errors: 0\n"))
        self.assertTrue(judge(self.broken, "killed"))

    def test_each_switch_is_in_its_model_and_each_is_used(self):
        used = set()
        for model in self.models.BROKEN:
            switch = re.search(r"-D(BROKEN_\w+)$", model.defines)[1]
            texts = [MODELS / f"{model.file}.pml", MODELS / "machine.pml",
                     MODELS / "register.pml", MODELS / "scenarios.pml"]
            self.assertIn(switch, " ".join(text.read_text() for text in texts))
            used.add(switch)
        there = set()
        for path in MODELS.glob("*.pml"):
            there |= set(re.findall(r"\bBROKEN_\w+", path.read_text()))
        self.assertEqual(there, used)

    def test_names_are_told_apart(self):
        names = [(m.file, m.name) for m in self.models.WHOLE + self.models.BROKEN]
        self.assertEqual(len(names), len(set(names)))


class Litmus(unittest.TestCase):
    def setUp(self):
        self.texts = {path.stem: path.read_text() for path in TESTS.glob("*.litmus")}
        self.passing = self.texts["B-range-start+ticket"]

    def test_all_are_in_order(self):
        for name, text in self.texts.items():
            with self.subTest(name):
                self.assertEqual(litmus.problems(text), [])
                self.assertTrue(text.startswith(f"C {name}\n"))

    def test_each_letter_has_one_and_the_documents_name_all(self):
        self.assertEqual({name[0] for name in self.texts}, set("ABCDEFGH"))
        words = (paths.ROOT / DOCUMENTS[0]).read_text()
        for name in self.texts:
            self.assertIn(name, words)
        self.assertIn("G-memslot+fault+start", (paths.ROOT / DOCUMENTS[1]).read_text())

    def _complains(self, old, new, about):
        self.assertEqual(self.passing.count(old), 1)
        found = litmus.problems(self.passing.replace(old, new))
        self.assertTrue(found and about in found[0], found)

    def test_complaints(self):
        self._complains("1:r1=0", "1:r2=0", "nobody loads")
        self._complains("1:r1=0", "2:r1=0", "nobody loads")
        self._complains("\tint r1;\n", "", "not declared")
        self._complains("load_acquire(nr)", "load_acquire(no)", "no argument")
        self._complains("WRITE_ONCE(*nr, 1);", "nr = 1;", "not understood")
        self._complains("1:r1=0", "1:r1=1", "although all is in order")
        self._complains("1:r1=0", "1:r1=2", "cannot come about")
        self._complains("Result: Never", "Result: Sometimes", "Result: Never")

    def test_locks_and_sections_keep_order(self):
        text = self.texts["A-range-started+publish"]
        self.assertIn("although all", litmus.problems(
            text.replace("\tspin_lock(user);\n", "").replace("\tspin_unlock(user);\n", ""))[0])
        text = self.texts["H-choice+grace-period"]
        self.assertIn("although all", litmus.problems(
            text.replace("\tsynchronize_rcu();\n", ""))[0])


if __name__ == "__main__":
    unittest.main()
