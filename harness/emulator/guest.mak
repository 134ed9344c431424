# SPDX-License-Identifier: GPL-2.0
# The devices of the guests: QEMU's machine "pc" and what it will not start
# without, and the timers that the guest's kernel calibrates its clock with.
CONFIG_I440FX=y
CONFIG_FDC_ISA=y
CONFIG_HPET=y
CONFIG_PARALLEL=y
CONFIG_SERIAL_ISA=y
CONFIG_VGA_PCI=y
