/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * XPMEM: a process attaches memory of another one.
 *
 * The device is /dev/xpmem.  Its numbers and layouts are those that libxpmem
 * speaks, on 64-bit machines.  What each request means, and which errors there
 * are, is in Documentation/misc-devices/xpmem.rst.
 */
#ifndef _UAPI_LINUX_XPMEM_H
#define _UAPI_LINUX_XPMEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* What XPMEM_IOC_VERSION returns: one byte and a half each, 2.7.4. */
#define XPMEM_ABI_VERSION	0x00027004

/* An errno: this process has inherited the descriptor, and has to open its own. */
#define XPMEM_E_NOT_OPENED	2004

/* How an access is permitted: by permission bits, as of a file. */
#define XPMEM_BY_MODE		1

/* Of xpmem_get_args.flags, one of these. */
#define XPMEM_GET_READ		1
#define XPMEM_GET_WRITE		2

/* With address 0: all of the address space. */
#define XPMEM_WHOLE_SPACE	(~0ULL)

/* Share memory. */
struct xpmem_make_args {
	__u64 address;		/* page aligned */
	__u64 size;		/* likewise, or XPMEM_WHOLE_SPACE */
	__s32 permit_type;	/* XPMEM_BY_MODE */
	__u64 permit_value;	/* mode, 0 to 0777 */
	__s64 segment;		/* returned */
};

/* Share it no longer. */
struct xpmem_remove_args {
	__s64 segment;
};

/* Ask for access to a segment. */
struct xpmem_get_args {
	__s64 segment;
	__s32 flags;		/* XPMEM_GET_* */
	__s32 permit_type;	/* XPMEM_BY_MODE */
	__u64 permit_value;	/* 0 */
	__s64 access;		/* returned */
};

/* Give access back, with all that is attached by it. */
struct xpmem_release_args {
	__s64 access;
};

/* Attach a part of a segment. */
struct xpmem_attach_args {
	__s64 access;
	__s64 offset;		/* in the segment */
	__u64 size;
	__u64 address;		/* where, or 0; returned */
	__s32 fd;		/* not used */
	__s32 flags;		/* 0 */
};

/* Detach what is attached there. */
struct xpmem_detach_args {
	__u64 address;
};

#define XPMEM_IOC_VERSION	_IO('x', 0)
#define XPMEM_IOC_MAKE		_IO('x', 1)
#define XPMEM_IOC_REMOVE	_IO('x', 2)
#define XPMEM_IOC_GET		_IO('x', 3)
#define XPMEM_IOC_RELEASE	_IO('x', 4)
#define XPMEM_IOC_ATTACH	_IO('x', 5)
#define XPMEM_IOC_DETACH	_IO('x', 6)
#define XPMEM_IOC_FORK_BEGIN	_IO('x', 7)
#define XPMEM_IOC_FORK_END	_IO('x', 8)

#endif /* _UAPI_LINUX_XPMEM_H */
