# SPDX-License-Identifier: GPL-2.0
"""The checker of the document's tables: it passes when right, fails when not."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from harness import calltable

SOURCE = """
/* mmu_notifier_invalidate_range_start() in a comment is no call */
static int helper(int a)
{
	return a;
}

static int __must_hold(lock)
change_things(struct mm_struct *mm,
	      int b)
{
	mmu_notifier_range_init_cause(&range, MMU_CAUSE_KSM, mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	pr_debug("mmu_notifier_test_young() in a string");
	mmu_notifier_invalidate_range_end(&range);
	return 0;
}

int reap(struct mm_struct *mm)
{
	mmu_notifier_range_init_cause(&range, choose(flags), mm, 0, 1);
	return mmu_notifier_invalidate_range_start_nonblock(&range);
}

void reaped(void)
{
	mmu_notifier_invalidate_range_end(&range);
}

void try_to_unmap_one(struct folio *folio)
{
	mmu_notifier_range_init_cause(&range, ttu_cause(flags, MMU_CAUSE_KSM),
				      mm, 0, 1);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

void split(struct folio *folio)
{
	try_to_unmap(folio, TTU_CAUSE(OOM));
}

bool age(struct vm_area_struct *vma)
{
	mmu_age_begin(&batch, vma->vm_mm, MMU_AGING_CLEAR, MMU_AGING_FOR_IDLE);
	return mmu_age_deliver(&batch);
}

void flush(struct mm_struct *mm)
{
	mmu_notifier_arch_invalidate_secondary_tlbs(mm, 0, -1UL);
}

void leave(struct mm_struct *mm)
{
	mmu_notifier_release(mm);
}

static const struct mmu_notifier_ops my_ops = {
	.release = my_release,
	.invalidate_range_start = my_start,
};
"""

CAUSES = """
#define MMU_NOTIFIER_CAUSES(_)			\\
	_(KSM,	CLEAR,	"ksm",	true)	\\
	_(OOM,	UNMAP,	"oom",	false)
"""

CHOOSER = """
static inline enum mmu_notifier_cause choose(int flags)
{
	return MMU_CAUSE_OOM;
}
"""

RST = """
.. calltable: causes

===== ===== =====
Cause Event Owner
===== ===== =====
KSM   CLEAR yes
OOM   UNMAP no
===== ===== =====

.. calltable: invalidations

====== ================== ======= =========== ====== =====
File   Function           Cause   Event       Blocks Range
====== ================== ======= =========== ====== =====
mm/a.c change_things()    KSM     CLEAR       yes    a
                                                     page
mm/a.c reap()             OOM     UNMAP       no     VMA; ends in reaped()
mm/a.c try_to_unmap_one() KSM OOM CLEAR UNMAP yes    part
====== ================== ======= =========== ====== =====

.. calltable: secondary-tlbs

====== ========
File   Function
====== ========
mm/a.c flush()
====== ========

.. calltable: aging

====== ======== ===== ====== ======
File   Function Asks  Reason Clears
====== ======== ===== ====== ======
mm/a.c age()    later IDLE   yes
====== ======== ===== ====== ======

.. calltable: others

====== ======== ====================
File   Function Calls
====== ======== ====================
mm/a.c leave()  mmu_notifier_release
====== ======== ====================

.. calltable: subscribers

====== ====== ==== ======================
File   Ops    Kind Callouts
====== ====== ==== ======================
mm/a.c my_ops list release
                   invalidate_range_start
====== ====== ==== ======================
"""


class CallTable(unittest.TestCase):
    def check(self, rst=RST, source=SOURCE):
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            (tree / "mm").mkdir()
            (tree / "mm" / "a.c").write_text(source)
            (tree / "mm" / "internal.h").write_text(CHOOSER)
            (tree / "include" / "linux").mkdir(parents=True)
            (tree / calltable.CAUSE_HEADER).write_text(CAUSES)
            (tree / ".obj-plain").mkdir()
            (tree / ".obj-plain" / "copy.c").write_text(SOURCE)
            (tree / "doc.rst").write_text(rst)
            output = io.StringIO()
            with contextlib.redirect_stdout(output), \
                    contextlib.redirect_stderr(output):
                status = calltable.main([folder, str(tree / "doc.rst")])
            return status, output.getvalue()

    def test_agreement(self):
        self.assertEqual(self.check(), (0, "9 rows in 6 tables agree with the source\n"))

    def test_every_row_is_needed(self):
        rows = [line for line in RST.split("\n") if line.startswith("mm/a.c")]
        self.assertEqual(len(rows), 7)
        for row in rows:
            status, said = self.check(RST.replace(row + "\n", ""))
            self.assertEqual(status, 1, row)
            self.assertIn("is in the source, not in the table", said)

    def test_row_too_many(self):
        status, said = self.check(source=SOURCE.replace("int reap(", "int harvest("))
        self.assertEqual(status, 1)
        self.assertIn("mm/a.c reap is in the table, not in the source", said)

    def test_wrong_cells(self):
        for old, new in (("CLEAR       yes", "UNMAP       yes"),
                         ("KSM     CLEAR", "OOM     CLEAR"),
                         ("KSM OOM CLEAR", "KSM     CLEAR"),
                         ("KSM   CLEAR yes", "KSM   UNMAP yes"),
                         ("KSM   CLEAR yes", "KSM   CLEAR no "),
                         ("OOM   UNMAP no", ""),
                         ("UNMAP       no ", "UNMAP       yes"),
                         ("later IDLE   yes", "now   IDLE   yes"),
                         ("later IDLE   yes", "later DAMON  yes"),
                         ("later IDLE   yes", "later IDLE   no"),
                         ("my_ops list", "my_ops rbtr"),
                         ("                   invalidate_range_start\n", "")):
            self.assertIn(old, RST)
            self.assertEqual(self.check(RST.replace(old, new))[0], 1, old)

    def test_table_missing(self):
        status, said = self.check(RST.replace("calltable: aging", "calltable: ageing"))
        self.assertEqual(status, 1)
        self.assertIn("no table 'aging'", said)

    def test_start_without_an_end(self):
        end = "\tmmu_notifier_invalidate_range_end(&range);\n\treturn"
        status, said = self.check(source=SOURCE.replace(end, "\treturn"))
        self.assertEqual(status, 1)
        self.assertIn("change_things starts a range and does not end it", said)

    def test_end_without_a_start(self):
        status, said = self.check(RST.replace("ends in reaped()", "ended"))
        self.assertEqual(status, 1)
        self.assertIn("reap starts a range and does not end it", said)
        self.assertIn("reaped ends a range that it did not start", said)

    def test_call_outside_a_function(self):
        stray = "#define DO_IT(mm) mmu_notifier_release(mm)\n"
        status, said = self.check(source=SOURCE + stray)
        self.assertEqual(status, 1)
        self.assertIn("outside any function", said)

    def test_not_a_tree(self):
        self.assertEqual(self.check(source="int a;\n")[0], 2)


if __name__ == "__main__":
    unittest.main()
