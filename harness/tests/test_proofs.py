# SPDX-License-Identifier: GPL-2.0
"""What the proofs read and how they judge, on inputs that differ and that do not."""

import unittest

from harness.bench.counting import Counts, Slope
from harness.proofs import code, events

OBJECT = """
mm/x.o:     file format elf64-x86-64


Disassembly of section .text:

<first>:
	mov    0x20(%rdi),%rax
	call   <first+0x9>
			R_X86_64_PLT32	other-0x4
	ret
	cs nopw 0x0(%rax,%rax,1)
	nop

<second.isra.0>:
	xor    %eax,%eax
	ret
""".splitlines()


class Code(unittest.TestCase):
    def test_functions_without_padding(self):
        found = code.functions(OBJECT)
        self.assertEqual(list(found), ["first (.text)", "second.isra.0 (.text)"])
        self.assertEqual(found["first (.text)"][-1], "ret")
        self.assertEqual(len(found["first (.text)"]), 4)

    def test_another_callee_is_a_difference(self):
        one = code.functions(OBJECT)
        other = code.functions([line.replace("other", "another") for line in OBJECT])
        self.assertEqual(code.differing(one, one), [])
        self.assertEqual(code.differing(one, other), ["first (.text)"])

    def test_a_function_more_is_a_difference(self):
        one = code.functions(OBJECT)
        other = {name: body for name, body in one.items() if "first" in name}
        self.assertEqual(code.differing(one, other), ["second.isra.0 (.text)"])
        self.assertEqual(code.differing(other, one), ["second.isra.0 (.text)"])

    def test_counts(self):
        def slopes(insns):
            return {("ops", "none", "fault"): Slope({"f": Counts(insns), "noise": Counts(9)},
                                                    0)}
        def total(slope):
            return slope.total(lambda name: name == "f").insns
        def lines(now):
            return list(code.compare(slopes(1000), slopes(now), total))
        self.assertFalse(lines(1000)[0].startswith("DIFFERENT"))
        self.assertFalse(lines(990)[0].startswith("DIFFERENT"))
        self.assertTrue(lines(1002)[0].startswith("DIFFERENT"))


LOG = """# log: move shared-tables: start event 0 cause 2 +0M +8M blockable 1
# log: move shared-tables: start event 1 cause 15 +0M +1024M blockable 1
[    1.234567] something else
# log: munmap private: start event 0 cause 1 +0M +8M blockable 1
ok 1 munmap private""".splitlines()


class Events(unittest.TestCase):
    def test_parse(self):
        found = events.parse(LOG)
        self.assertEqual(list(found), ["move shared-tables", "munmap private"])
        self.assertEqual(len(found["move shared-tables"]), 2)

    def differences(self, before, after):
        return [line for line in events.compare(events.parse(before), events.parse(after))
                if line.startswith("DIFFERENT")]

    def test_only_what_is_meant_may_be_in_another_order(self):
        swapped = [LOG[1], LOG[0], *LOG[2:]]
        self.assertEqual(self.differences(LOG, LOG), [])
        self.assertEqual(self.differences(LOG, swapped), [])
        other = [line.replace("move", "munmap-part") for line in LOG]
        self.assertEqual(len(self.differences(other, [other[1], other[0], *other[2:]])), 1)

    def test_another_event_or_none_is_a_difference(self):
        self.assertEqual(len(self.differences(LOG, LOG[:3])), 1)
        wrong = [line.replace("event 0 cause 1", "event 1 cause 5") for line in LOG]
        self.assertEqual(len(self.differences(LOG, wrong)), 1)
        self.assertEqual(len(self.differences(LOG, LOG[1:])), 1)


if __name__ == "__main__":
    unittest.main()
