# SPDX-License-Identifier: GPL-2.0
"""An installable package of the assembled tree, by the kernel's own packaging."""

import lzma
from pathlib import Path

from harness import deps, kernel, paths, proc, tree, ui

OUT = paths.BUILD / "deb"
DEBIAN = Path("/usr/src/linux-config-6.12/config.amd64_none_amd64.xz")
# Debian's configuration names keys that only Debian has, and full debug
# information would need five times the disk.
SET = {"SYSTEM_TRUSTED_KEYS": '""', "SYSTEM_REVOCATION_KEYS": '""',
       "MODULE_SIG_KEY": '"certs/signing_key.pem"', "BUILD_SALT": '""'}
SWITCH = {"DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT": False, "DEBUG_INFO_NONE": True,
          "DEBUG_INFO_DWARF5": False, "DEBUG_INFO_DWARF4": False,
          "MODULE_SIG_ALL": False, "LOCALVERSION_AUTO": False}
PRODUCTS = ("*.deb", "*.changes", "*.buildinfo")
SUFFIX = "-mmu-notifier"
# GiB and seconds on two cores; a configuration of the user's may be any size.
SMALL, UNKNOWN, LARGE = (4, 400), (8, None), (30, 9000)


def _wanted(path):
    """(text of the configuration, how it is called, what it costs)."""
    if path:
        source = Path(path)
        if not source.is_file():
            raise ui.Fail(f"CONFIG={path} is not a file")
        return source.read_text(encoding="utf-8"), str(source), UNKNOWN
    if DEBIAN.is_file():
        return lzma.open(DEBIAN, "rt").read(), "Debian's configuration", LARGE
    plain = paths.OBJ / "new-plain" / ".config"
    if not plain.is_file():
        kernel.build("new", "plain")
    return plain.read_text(encoding="ascii"), "the plain configuration", SMALL


def _configure(src, obj, text, exact):
    (obj / ".config").write_text(text, encoding="utf-8")
    # The user's own file is taken as it is.
    if not exact:
        words = [src / "scripts" / "config", "--file", obj / ".config"]
        for name, value in SET.items():
            words += ["--set-val", name, value]
        for name, state in SWITCH.items():
            words += ["--enable" if state else "--disable", name]
        proc.output(words)
    proc.logged(kernel.make(src, obj, "olddefconfig"), "deb-config.log",
                env=kernel.environment())


def _package(src, obj):
    # A kernel to install says when and by whom it was built, and has a name
    # of its own.
    environment = kernel.environment()
    for name in kernel.STAMPS:
        environment.pop(name)
    environment.update(LOCALVERSION=SUFFIX, LC_ALL="C")
    proc.logged(kernel.make(src, obj, "bindeb-pkg"), "deb.log", env=environment)


def build(config=""):
    """Packages in build/deb, of a configuration of the user's choice."""
    deps.ensure("build", "deb-tools")
    text, called, (space, seconds) = _wanted(config)
    src = tree.assemble()
    takes = f"about {seconds // 60} minutes on two cores" if seconds else "time as it needs"
    ui.say(f"building a kernel package with {called} in {OUT.relative_to(paths.ROOT)}/ "
           f"({space} GiB, {takes})")
    paths.ensure_space(space)
    OUT.mkdir(parents=True, exist_ok=True)
    with paths.lock("deb"):
        obj = kernel.object_tree("new", "deb", src)
        _configure(src, obj, text, exact=bool(config))
        for old in OUT.glob("*.deb"):
            old.unlink()
        with ui.step(f"building packages with {called}", seconds):
            _package(src, obj)
        # The kernel's packaging leaves them beside the object tree.
        for pattern in PRODUCTS:
            for product in src.glob(pattern):
                product.rename(OUT / product.name)
    made = sorted(OUT.glob("linux-image-*.deb"))
    if not made:
        raise ui.Fail(f"bindeb-pkg ended without a linux-image package in {OUT}")
    for package in made:
        ui.say(f"install it with: apt-get install {package}")
