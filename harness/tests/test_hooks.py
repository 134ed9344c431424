# SPDX-License-Identifier: GPL-2.0
"""Kernels without a hook: the source is changed where it is meant to be."""

import unittest

from harness import hooks, ui

SOURCE = """\
/* Calls before(range) and more. */
static int one(struct vm_area_struct *vma)
{
	mmu_notifier_invalidate_range_start(&range);
	/* mmu_notifier_invalidate_range_end() is below. */
	mmu_notifier_invalidate_range_end(&range);
}

static int other(void)
{
	if (mmu_notifier_invalidate_range_start_nonblock(&range))
		return 1;
	mmu_notifier_invalidate_range_end(&range);
}
"""


class Hooks(unittest.TestCase):
    def test_one_function_is_silenced(self):
        lines = hooks.silence(SOURCE, "one").split("\n")
        self.assertEqual("\t((void)(&range), 0);", lines[3])
        self.assertEqual("\t((void)(&range), 0);", lines[5])
        self.assertEqual(SOURCE.split("\n")[6:], lines[6:])

    def test_what_must_not_block(self):
        text = hooks.silence(SOURCE, "other")
        self.assertIn("if (((void)(&range), 0))", text)

    def test_no_call(self):
        with self.assertRaises(ui.Fail):
            hooks.silence(SOURCE, "third")

    def test_each_row_is_tried_or_excused(self):
        tried = {hook.function for hook in hooks.HOOKS}
        self.assertEqual({function for _, function in hooks.rows()},
                         tried | set(hooks.EXCUSED))
        self.assertFalse(tried & set(hooks.EXCUSED))


if __name__ == "__main__":
    unittest.main()
