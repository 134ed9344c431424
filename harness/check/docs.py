# SPDX-License-Identifier: GPL-2.0
"""The kernel's own documentation build, judged on what concerns our files."""

import os
import subprocess

from harness import kernel, paths, tree, ui
from harness.check import static



def ours(lines, names):
    """The warnings that name one of our files."""
    return [line for line in lines
            if ("WARNING" in line or "ERROR" in line or "warning:" in line)
            and any(name in line for name in names)]


def kernel_doc(report):
    """kernel-doc comments of the files that we bring."""
    src = tree.assemble()
    for name in static.whole_files(".c", ".h"):
        run = subprocess.run(["perl", "scripts/kernel-doc", "-none", "-Wall", name],
                             cwd=src, capture_output=True, text=True, check=False)
        words = [line for line in run.stderr.splitlines() if line.strip()]
        report.verdict("kernel-doc", name,
                       words if words or run.returncode == 0 else ["kernel-doc failed"])


def build(report):
    """The folders of our documents as HTML; Debian's Sphinx, whatever else is on PATH."""
    src = tree.assemble()
    names = static.whole_files(".rst", ".c", ".h")
    documents = [name for name in names if name.endswith(".rst")]
    if not documents:
        raise ui.Fail("the series brings no document")
    folders = " ".join(sorted({os.path.relpath(os.path.dirname(name), "Documentation")
                               for name in documents}))
    obj = kernel.object_tree("new", "docs", src)
    env = dict(kernel.environment(), PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    log = paths.LOGS / "docs.log"
    # Pages that did not change would not warn again.
    for cache in obj.glob("Documentation/output/**/.doctrees/**/*.doctree"):
        cache.unlink()
    with ui.step(f"building the documents in {folders}", 90), open(log, "wb") as sink:
        code = subprocess.run(["make", "-C", src, f"O={obj}", f"SPHINXDIRS={folders}",
                               "SPHINXOPTS=-E", "htmldocs"], env=env, stdout=sink,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              check=False).returncode
    lines = log.read_text(errors="replace").splitlines()
    for name in documents:
        page = os.path.basename(name)[:-len(".rst")] + ".html"
        there = list(obj.glob(f"Documentation/output/**/{page}"))
        report.verdict("docs", name, ours(lines, [name])
                       + ([] if there else [f"{page} was not made; the log is {log}"]))
    others = [name for name in names if name not in documents]
    report.verdict("docs", "comments included by documents", ours(lines, others)
                   + ([f"make htmldocs ended with {code}"] if code else []))
