# SPDX-License-Identifier: GPL-2.0
"""Running other programs: output to a log, failures as one sentence."""

import subprocess

from harness import paths, ui

TAIL = 15


def output(command, cwd=None, env=None, data=None):
    """Run and return stdout; the program's own words on failure."""
    result = subprocess.run([str(c) for c in command], cwd=cwd, env=env,
                            input=data, capture_output=True, check=False)
    if result.returncode:
        words = result.stderr.decode(errors="replace").strip()
        raise ui.Fail(f"{command[0]} {command[1]} failed: {words}")
    return result.stdout


def logged(command, log, cwd=None, env=None):
    """Run with everything written to `log`; quote its end on failure."""
    path = paths.LOGS / log
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as sink:
        code = subprocess.run([str(c) for c in command], cwd=cwd, env=env,
                              stdin=subprocess.DEVNULL, stdout=sink,
                              stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise ui.Fail(_sentence(command, code, path))
    return path


def _sentence(command, code, path):
    lines = path.read_text(errors="replace").splitlines()
    wrong = [l for l in lines if "error:" in l or "Error " in l or "No space" in l]
    shown = (wrong or lines)[:3] + (lines[-TAIL:] if not wrong else [])
    quoted = "\n".join("    " + line for line in shown)
    return f"{command[0]} ended with {code}; the log is {path}\n{quoted}"
