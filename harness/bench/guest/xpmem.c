// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: what an attachment costs, and what it costs its source.
 *
 * Lines "@@L what number ns"; the number is that of pages or of attachments.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "../../../include/uapi/linux/xpmem.h"

#define PAGE	4096UL
#define TRIES	3
#define BLOCK	(256 * PAGE)

static int device;
static volatile char sink;

static void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void tell(const char *what, unsigned long number, uint64_t ns)
{
	printf("@@L %s %lu %llu\n", what, number, (unsigned long long)ns);
}

static char *memory(size_t size)
{
	char *addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	must(addr != MAP_FAILED, "mmap");
	return addr;
}

/* Access to all of some memory of this process. */
static int64_t access_to(char *addr, size_t size)
{
	struct xpmem_make_args make = {
		.address = (uintptr_t)addr,
		.size = size,
		.permit_type = XPMEM_BY_MODE,
		.permit_value = 0600,
	};
	struct xpmem_get_args get = {
		.flags = XPMEM_GET_WRITE,
		.permit_type = XPMEM_BY_MODE,
	};

	must(!ioctl(device, XPMEM_IOC_MAKE, &make), "make");
	get.segment = make.segment;
	must(!ioctl(device, XPMEM_IOC_GET, &get), "get");
	return get.access;
}

static char *attach(int64_t access, size_t offset, size_t size)
{
	struct xpmem_attach_args args = {
		.access = access,
		.offset = offset,
		.size = size,
	};

	must(!ioctl(device, XPMEM_IOC_ATTACH, &args), "attach");
	return (char *)args.address;
}

static void detach(char *addr)
{
	struct xpmem_detach_args args = { .address = (uintptr_t)addr };

	must(!ioctl(device, XPMEM_IOC_DETACH, &args), "detach");
}

static void touch(char *addr, unsigned long pages, int write)
{
	unsigned long i;

	for (i = 0; i < pages; i++) {
		if (write)
			*(volatile char *)(addr + i * PAGE) = 1;
		else
			sink = *(volatile char *)(addr + i * PAGE);
	}
}

static void first_touch(unsigned long pages)
{
	char *addr = memory(pages * PAGE), *there;
	int64_t access = access_to(addr, pages * PAGE);
	uint64_t start, attached, end;

	start = now_ns();
	there = attach(access, 0, pages * PAGE);
	attached = now_ns();
	touch(there, pages, 0);
	end = now_ns();
	tell("attach", pages, attached - start);
	tell("first-read-per-page", pages, (end - attached) / pages);
	start = now_ns();
	detach(there);
	tell("detach", pages, now_ns() - start);
	there = attach(access, 0, pages * PAGE);
	start = now_ns();
	touch(there, pages, 1);
	tell("first-write-per-page", pages, (now_ns() - start) / pages);
	detach(there);
	munmap(addr, pages * PAGE);
}

static void bandwidth(void)
{
	char *from = memory(BLOCK), *to = memory(BLOCK);
	int64_t access = access_to(from, BLOCK);
	char *there = attach(access, 0, BLOCK), *anew;
	struct iovec here = { to, BLOCK }, remote = { from, BLOCK };
	uint64_t start;

	touch(there, BLOCK / PAGE, 0);
	start = now_ns();
	memcpy(to, from, BLOCK);
	tell("copy-memcpy", BLOCK / PAGE, now_ns() - start);
	start = now_ns();
	memcpy(to, there, BLOCK);
	tell("copy-attached", BLOCK / PAGE, now_ns() - start);
	start = now_ns();
	anew = attach(access, 0, BLOCK);
	memcpy(to, anew, BLOCK);
	detach(anew);
	tell("copy-attached-anew", BLOCK / PAGE, now_ns() - start);
	start = now_ns();
	must(process_vm_readv(getpid(), &here, 1, &remote, 1, 0) == BLOCK,
	     "process_vm_readv");
	tell("copy-readv", BLOCK / PAGE, now_ns() - start);
	detach(there);
	munmap(from, BLOCK);
	munmap(to, BLOCK);
}

/* One page is taken away, which so many have attached; or another one. */
static void invalidation(unsigned long nr)
{
	char *addr = memory(2 * PAGE);
	int64_t access = access_to(addr, 2 * PAGE);
	uint64_t start;
	char *there;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		there = attach(access, 0, PAGE);
		touch(there, 1, 0);
	}
	start = now_ns();
	must(!madvise(addr + PAGE, PAGE, MADV_DONTNEED), "madvise");
	tell("change-beside", nr, now_ns() - start);
	start = now_ns();
	must(!madvise(addr, PAGE, MADV_DONTNEED), "madvise");
	tell("change", nr, now_ns() - start);
	touch(addr, 2, 1);
	start = now_ns();
	must(!madvise(addr, PAGE, MADV_DONTNEED), "madvise");
	tell("change-untouched", nr, now_ns() - start);
	/* Of all of them, since the program would end otherwise. */
	must(!ioctl(device, XPMEM_IOC_RELEASE,
		    &(struct xpmem_release_args) { access }), "release");
	munmap(addr, 2 * PAGE);
}

int main(int argc, char **argv)
{
	unsigned long i, n;

	(void)argc;
	(void)argv;
	device = open("/dev/xpmem", O_RDWR);
	must(device >= 0, "/dev/xpmem");
	for (i = 0; i < TRIES; i++) {
		first_touch(1);
		first_touch(16);
		first_touch(1024);
		bandwidth();
		for (n = 1; n <= 10000; n *= 10)
			invalidation(n);
	}
	return 0;
}
