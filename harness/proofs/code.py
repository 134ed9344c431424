# SPDX-License-Identifier: GPL-2.0
"""Compares code: of objects, of functions, and as it is executed."""

import re
import subprocess

from harness import paths, proc
from harness.bench import guests, verdicts
from harness.proofs import trees

_FUNCTION = re.compile(r"^<(\S+)>:$")
_SECTION = re.compile(r"^Disassembly of section (\S+):$")
# What the compiler adds to names when it clones a function.
_CLONE = re.compile(r"\.(?:isra|constprop|part|cold)(?:\.\d+)?")
# Files that must not differ where there is no hugetlb, although none was edited.
BESIDE = ("mm/gup.o", "mm/madvise.o", "mm/mmap.o", "mm/rmap.o", "mm/userfaultfd.o",
          "kernel/fork.o")
# Where ordinary memory comes by; all else in the files that differ is named, too.
NORMAL = ("handle_mm_fault", "__handle_mm_fault", "copy_page_range", "unmap_vmas",
          "unmap_single_vma", "unmap_page_range", "zap_page_range_single", "free_pgtables",
          "change_protection", "move_page_tables", "__split_vma",
          # New: what these do to VMAs that are not ordinary.
          "zap_special_single")
# The operations of the plugin's guest, and how many instructions more are none.
OPS = ("fault", "fork+exit", "munmap+mmap", "mprotect", "dontneed", "mremap")
EQUAL = 0.001


def disassemble(path):
    """{function: [instruction and relocation lines]} of an object."""
    shown = subprocess.run(["objdump", "-dr", "--no-addresses", "--no-show-raw-insn",
                            str(path)], capture_output=True, text=True, check=True).stdout
    return functions(shown.splitlines())


def functions(lines):
    """The same of objdump's output; without the padding between functions."""
    found, section, body = {}, "", None
    for line in lines:
        if match := _SECTION.match(line):
            section = match[1]
        elif section.startswith(".altinstr"):
            # Relative to labels that are numbered; what they patch is compared.
            continue
        elif match := _FUNCTION.match(line):
            body = found.setdefault(f"{match[1]} ({section})", [])
        elif body is not None and line.strip():
            body.append(" ".join(line.split()))
    for body in found.values():
        while body and re.match(r"(?:data16 |cs )*nop|int3|xchg %ax,%ax", body[-1]):
            body.pop()
    return found


def differing(one, other):
    """Names of functions that are not the same, or not in both."""
    return [name for name in dict.fromkeys([*one, *other])
            if one.get(name) != other.get(name)]


def _instructions(body):
    return sum(1 for line in body or () if not line.startswith("R_X86_64"))


def same_without_hugetlb():
    """One line for each object: same code, or the functions that differ."""
    wanted = [name[:-2] + ".o" for name in trees.changed()
              if not name.startswith(("mm/hugetlb", "mm/pgtable_ops"))] + list(BESIDE)
    found = trees.objects(["nohugetlb"], "nohugetlb", wanted)
    for path in wanted:
        one, other = (disassemble(found[side][path]) for side in trees.SIDES)
        names = differing(one, other)
        if not one:
            yield f"DIFFERENT {path}: nothing was disassembled"
        elif names:
            yield f"DIFFERENT {path}: {', '.join(names)}"
        else:
            yield f"{path}: {len(one)} functions, all the same"


def sizes(retpolines):
    """One line for each function on the way of ordinary memory that differs."""
    fragments = ["retpoline"] if retpolines else []
    label = "retpolines" if retpolines else "plain"
    wanted = [name[:-2] + ".o" for name in trees.changed()
              if not name.startswith(("mm/hugetlb", "mm/pgtable_ops"))]
    found = trees.objects(fragments, f"code-{label}", wanted)
    rows = []
    for path in wanted:
        one, other = (disassemble(found[side][path]) for side in trees.SIDES)
        for name in differing(one, other):
            plain = _CLONE.sub("", name.split()[0])
            before, after = _instructions(one.get(name)), _instructions(other.get(name))
            mark = "" if plain in NORMAL else " (not on the list of those that may)"
            rows.append(f"{'DIFFERENT ' if mark else ''}{label}: {path} {name}: {before} "
                        f"instructions, now {after}{mark}")
    return rows or [f"{label}: no function differs"]


def compare(before, after, total):
    """A line for each operation: instructions before and after, by a function of a Slope."""
    for key in before:
        if key[2] not in OPS:
            continue
        old, new = total(before[key]), total(after[key])
        verdict = "" if new <= old * (1 + EQUAL) else "DIFFERENT "
        yield f"{verdict}{key[2]}: {old:.1f} instructions, now {new:.1f} ({new - old:+.1f})"


def counts(retpolines):
    """What one more operation on ordinary memory executes in the kernel."""
    label = "retpolines" if retpolines else "plain"
    built = trees.kernels(["retpoline"] if retpolines else [], f"kernel-{label}")
    found = {side: guests.count(built[side].kernel, side, built[side].modules,
                                "run ops /bench/counts ops none\n", f"proofs-{label}", 120)[0]
             for side in trees.SIDES}
    total = verdicts.without_noise(built["after"].tree)
    return list(compare(found["before"], found["after"], total))


def vma_tests():
    """Builds and runs tools/testing/vma, of the whole series."""
    with paths.lock("proofs"):
        src = trees.checkout(trees.top())
        folder = src / "tools/testing/vma"
        proc.logged(["make", "-s", "-C", folder], "proofs-vma-build.log")
        log = proc.logged([folder / "vma"], "proofs-vma.log", cwd=folder)
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    passed = words and re.search(r"\b0 failed", words[-1])
    return [("" if passed else "DIFFERENT ") + (words[-1] if words else "no output")]
