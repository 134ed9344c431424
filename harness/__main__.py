# SPDX-License-Identifier: GPL-2.0
"""python3 -m harness COMMAND [KEY=VALUE...]; `make help` lists the commands."""

import importlib
import os
import re
import shutil
import signal
import sys

from harness import paths, ui

# What each command does, in the order of the help text.
COMMANDS = {
    "run": "swap a real KVM guest through the new layer (PAGING=shadow: without NPT)",
    "check": "everything that is tested (KCSAN=1: the race detector too)",
    "check-full": "the same, in full: KCSAN, mutants, long stress",
    "tree": "assemble base + series in build/tree (DISCARD=1: drop edits made there)",
    "build": "build a kernel (TREE=new|stock CONFIG=plain|debug|kcsan|off)",
    "series": "write the series as mails into build/series",
    "series-check": "prove that the mails applied to the base give the same tree",
    "refresh": "take edits of build/tree into the repository (PATCH=NNNN-name)",
    "bisect-check": "build every prefix of the series, option on and off",
    "shell": "boot the kernel and type in it (TREE=, CONFIG=, PAGING=shadow, GRU=1)",
    "deb": "an installable Debian package of the kernel (CONFIG=path)",
    "mutants": "a broken core, kernels that lack one hook: all must fail (ONLY=core,...)",
    "bench": "measure against stock (ONLY=counts,latency,... QUICK=1)",
    "hugetlb-proofs": "the page-table operations table changes nothing (ONLY=objects,...)",
    "selftest": "the unit tests of these tools",
    "clean": "remove build/ (KEEP_CACHE=1: all but the compiler's cache)",
}
LAZY = {"run": "run_demo", "check": "check", "bench": "bench", "mutants": "hooks",
        "hugetlb-proofs": "proofs"}


def _set(name, default=""):
    return os.environ.get(name) or default


def _flag(name):
    return _set(name).lower() in ("1", "y", "yes")


def _tree(_args):
    from harness import tree
    ui.say(f"{tree.assemble(discard=_flag('DISCARD')).relative_to(paths.ROOT)} is up to date")


def _build(args):
    from harness import kernel
    built = kernel.build(_set("TREE", "new"), _set("CONFIG", "plain"), args or None)
    if not args:
        ui.say(str(built.bzimage))


def _series(_args):
    from harness import export
    export.export()


def _series_check(_args):
    from harness import export
    export.check()


def _refresh(_args):
    from harness import refresh
    refresh.refresh(_set("PATCH"), _set("SUBJECT"))


def _bisect(_args):
    from harness import bisect
    bisect.check(full=_flag("FULL"))


def _shell(_args):
    from harness import shell
    return shell.shell(_set("TREE", "new"), _set("CONFIG", "plain"), _set("PAGING"),
                       _flag("GRU"))


def _deb(_args):
    from harness import deb
    deb.build(_set("CONFIG"))


def _selftest(args):
    import unittest
    from harness import deps
    deps.ensure("tree", "build", "boot")
    program = unittest.main(module=None, exit=False,
                            argv=["selftest", "discover", "-t", str(paths.ROOT),
                                  "-s", str(paths.ROOT / "harness" / "tests"), *args])
    return 0 if program.result.wasSuccessful() else 1


def _check_full(args):
    from harness import check
    return check.main(["--full", *args])


def _clean(_args):
    if not paths.BUILD.is_dir():
        return
    for path in paths.BUILD.iterdir():
        if path.name == "cache" and _flag("KEEP_CACHE"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


OWN = {"tree": _tree, "build": _build, "series": _series, "series-check": _series_check,
       "refresh": _refresh, "bisect-check": _bisect, "shell": _shell, "deb": _deb,
       "selftest": _selftest, "check-full": _check_full, "clean": _clean}


def _help():
    ui.say("usage: make COMMAND [KEY=VALUE...]   or   python3 -m harness COMMAND ...\n")
    for name, words in COMMANDS.items():
        ui.say(f"  {name:15}{words}")


def _command(name):
    if name in OWN:
        return OWN[name]
    module = f"harness.{LAZY[name]}"
    try:
        return importlib.import_module(module).main
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ui.Fail(f"{name} is not in this checkout") from None


def main(argv):
    """Run one command; its exit code."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        _help()
        return 0
    name, args = argv[0], []
    for word in argv[1:]:
        if re.fullmatch(r"[A-Z_]+=.*", word):
            os.environ.update([word.split("=", 1)])
        else:
            args.append(word)
    if name not in COMMANDS:
        raise ui.Fail(f"no command {name}: make help lists them")
    if name in OWN and {"-h", "--help"} & set(args):
        ui.say(f"{name}: {COMMANDS[name]}")
        return 0
    return _command(name)(args) or 0


def _terminated(_number, _frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    try:
        sys.exit(main(sys.argv[1:]))
    except ui.Fail as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ninterrupted; what is built is kept and used by the next run",
              file=sys.stderr)
        sys.exit(130)
