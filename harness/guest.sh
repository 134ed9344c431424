#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What every guest does first, and the markers that the host reads.
# shellcheck disable=SC2317
PATH=/bin:/sbin:/usr/bin:/usr/sbin
HOME=/root
export PATH HOME

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm /dev/hugepages
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t hugetlbfs hugetlbfs /dev/hugepages 2>/dev/null
ln -sf /proc/self/fd /dev/fd

# run NAME COMMAND...: one test between markers.
run()
{
	run_name=$1
	shift
	echo "@@BEGIN $run_name"
	"$@"
	# The command may have ended in the middle of a line.
	printf '\n@@END %s %d\n' "$run_name" $?
}

finish()
{
	echo "@@DONE"
	poweroff -f
}
