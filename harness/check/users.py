# SPDX-License-Identifier: GPL-2.0
"""Every file of the kernel that uses the notifier API, compiled on the new tree.

The list is made by reading the tree: a file that uses the API and is compiled
for no architecture, and has no reason in EXEMPT, is a failure.
"""

import os
import re
import subprocess

from harness import kconfig, kernel, paths, proc, ui

USES = re.compile(r"\b(?:mmu_notifier_(?:ops|get|put|register|unregister|synchronize|"
                  r"range_blockable|invalidate_range|arch_invalidate)|hmm_range_fault|"
                  r"mmu_interval_(?:notifier|read|set_seq|check)|struct mmu_notifier\b)")
# mm/ is compiled by the kernels that are booted, with the option on and off.
FOLDERS = ["arch", "block", "crypto", "drivers", "fs", "init", "io_uring", "ipc",
           "kernel", "lib", "net", "security", "sound", "virt"]
_VIRT = "../../../virt/kvm"
CROSS = {"x86": "x86_64", "arm64": "aarch64", "powerpc": "powerpc64le",
         "riscv": "riscv64", "s390": "s390x"}
OBJECTS = {
    "x86": """
        arch/x86/kernel/cpu/sgx/driver.o arch/x86/kernel/cpu/sgx/encl.o
        arch/x86/mm/tlb.o arch/x86/kvm/mmu/mmu.o arch/x86/kvm/mmu/tdp_mmu.o
        arch/x86/kvm/vmx/vmx.o arch/x86/kvm/{virt}/kvm_main.o
        arch/x86/kvm/{virt}/pfncache.o
        drivers/dma-buf/dma-fence.o drivers/dma-buf/dma-resv.o
        drivers/gpu/drm/amd/amdgpu/amdgpu_amdkfd_gpuvm.o
        drivers/gpu/drm/amd/amdgpu/amdgpu_drv.o
        drivers/gpu/drm/amd/amdgpu/amdgpu_hmm.o
        drivers/gpu/drm/amd/amdgpu/../amdkfd/kfd_process.o
        drivers/gpu/drm/amd/amdgpu/../amdkfd/kfd_svm.o
        drivers/gpu/drm/i915/gem/i915_gem_userptr.o
        drivers/gpu/drm/nouveau/nouveau_drm.o drivers/gpu/drm/nouveau/nouveau_svm.o
        drivers/gpu/drm/radeon/radeon_drv.o drivers/gpu/drm/radeon/radeon_mn.o
        drivers/gpu/drm/xe/xe_hmm.o drivers/gpu/drm/xe/xe_pt.o
        drivers/gpu/drm/xe/xe_vm.o
        drivers/infiniband/core/umem_odp.o drivers/infiniband/core/uverbs_main.o
        drivers/infiniband/hw/hfi1/mmu_rb.o
        drivers/infiniband/hw/hfi1/user_exp_rcv.o drivers/infiniband/hw/mlx5/odp.o
        drivers/iommu/amd/pasid.o drivers/iommu/intel/svm.o
        drivers/misc/sgi-gru/gru_invalidate.o drivers/misc/sgi-gru/gru_release.o
        drivers/misc/sgi-gru/grufile.o drivers/misc/sgi-gru/grutlbpurge.o
        drivers/xen/gntdev.o fs/proc/task_mmu.o kernel/events/uprobes.o
        lib/test_hmm.o""",
    "arm64": """
        arch/arm64/kvm/mmu.o arch/arm64/kvm/{virt}/kvm_main.o
        drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-sva.o""",
    "powerpc": """
        arch/powerpc/kvm/book3s_64_mmu_radix.o arch/powerpc/kvm/book3s_64_mmu_hv.o
        arch/powerpc/kvm/{virt}/kvm_main.o arch/powerpc/mm/book3s64/radix_tlb.o
        arch/powerpc/mm/book3s64/radix_hugetlbpage.o drivers/misc/ocxl/link.o
        mm/pgtable-generic.o""",
    "riscv": """
        arch/riscv/kvm/mmu.o arch/riscv/kvm/{virt}/kvm_main.o
        arch/riscv/mm/tlbflush.o""",
    "s390": """
        arch/s390/kvm/kvm-s390.o arch/s390/kvm/pv.o arch/s390/kvm/{virt}/kvm_main.o
        mm/pgtable-generic.o""",
}
# What the series adds: for architectures whose TLB flush makes no callout, and for KVM.
OWN = {
    "x86": ["arch/x86/kvm/mmu/age.o", f"arch/x86/kvm/{_VIRT}/age.o"],
    "arm64": [f"arch/arm64/kvm/{_VIRT}/age.o"],
    "powerpc": ["mm/mmu_notifier_pgtable.o", f"arch/powerpc/kvm/{_VIRT}/age.o"],
    "riscv": [f"arch/riscv/kvm/{_VIRT}/age.o"],
    "s390": ["mm/mmu_notifier_pgtable.o"],
}
# Files that use the API and are compiled elsewhere or nowhere: why.
EXEMPT = {
    "drivers/misc/xpmem/": "ours; built with the kernels that are booted",
    "lib/test_mmu_notifier/": "ours; built with the kernels that are booted",
}


def objects(arch, tree="stock"):
    """The objects to make for an architecture, as Kbuild names them."""
    own = OWN.get(arch, []) if tree == "new" else []
    return OBJECTS[arch].format(virt=_VIRT).split() + own


def source_of(name):
    """The source file of an object."""
    return os.path.normpath(name)[:-len(".o")] + ".c"


def using(src):
    """Files below `src` that use the API."""
    found = set()
    for folder in FOLDERS:
        for place, folders, files in os.walk(src / folder):
            folders.sort()
            for name in files:
                path = os.path.join(place, name)
                if name.endswith(".c") and _uses(path):
                    found.add(os.path.relpath(path, src))
    return sorted(found)


def _uses(path):
    with open(path, encoding="utf-8", errors="replace") as handle:
        return USES.search(handle.read()) is not None


def uncovered(names):
    """Users that no architecture compiles and that nothing excuses."""
    compiled = {source_of(o) for arch in OBJECTS
                for o in (*objects(arch), *OWN.get(arch, ()))}
    return [name for name in names if name not in compiled
            and not name.startswith(tuple(EXEMPT))]


def command(src, obj, arch, *targets):
    """make for an architecture, with its cross compiler."""
    base = [str(word) for word in kernel.make(src, obj, *targets)]
    if arch == "x86":
        return base
    prefix = f"{CROSS[arch]}-linux-gnu-"
    return [f"CC=ccache {prefix}gcc" if word.startswith("CC=") else word
            for word in base] + [f"ARCH={arch}", f"CROSS_COMPILE={prefix}"]


def prepare(src, arch, tree, more=()):
    """Configure, check that every option survived, and make what objects need."""
    obj = kernel.object_tree(tree, f"users-{arch}", src)
    options = kconfig.merged([f"users-{arch}", *more])
    fragment = obj / "harness.config"
    paths.write_if_changed(fragment, kconfig.render(options))
    name = f"users-{tree}-{arch}"
    proc.logged(command(src, obj, arch, f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig"),
                f"{name}-config.log", env=kernel.environment())
    lost = kconfig.lost(options, kconfig.parse((obj / ".config").read_text("ascii")))
    if lost:
        raise ui.Fail(f"options of users-{arch} that Kconfig did not accept: "
                      + "; ".join(lost))
    proc.logged(command(src, obj, arch, "prepare", "modules_prepare"),
                f"{name}-prepare.log", env=kernel.environment())
    return obj


def _compile(src, obj, arch, tree, log):
    names = objects(arch, tree)
    for name in names:
        (obj / name).unlink(missing_ok=True)
    with open(log, "wb") as sink:
        subprocess.run([str(w) for w in command(src, obj, arch, "-k", *names)],
                       stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                       env=kernel.environment(), check=False)
    return names


def errors_for(source, lines):
    """What the compiler said while it compiled a file, first lines."""
    return [line for line in lines if source in line and "error" in line][:3]


def check(report, tree="new"):
    """Compile all; one case for each object, one for the list being complete."""
    src = kernel.source(tree)
    missing = uncovered(using(src))
    report.verdict("users", "every user of the API is compiled", [
        f"{name} uses the notifier API, and no architecture of "
        "harness/check/users.py compiles it" for name in missing])
    for arch in OBJECTS:
        with ui.step(f"compiling the users of {arch}", 150 if arch == "x86" else 40):
            obj = prepare(src, arch, tree, ["users-new"] if tree == "new" else [])
            log = paths.LOGS / f"users-{tree}-{arch}.log"
            names = _compile(src, obj, arch, tree, log)
        lines = log.read_text(errors="replace").splitlines()
        for name in names:
            source = source_of(name)
            lost = [] if (obj / name).is_file() else (
                errors_for(os.path.basename(source), lines)
                or [f"not compiled; the log is {log}"])
            report.verdict("users", f"{arch} {source}", lost)
