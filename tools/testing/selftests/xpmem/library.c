// SPDX-License-Identifier: GPL-2.0
/*
 * A program that knows nothing but libxpmem's public header.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xpmem.h>

#include "../kselftest_harness.h"

#define SIZE	(64 * 4096UL)

static char *shared_memory(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST(version)
{
	EXPECT_EQ(0x00027004, xpmem_version());
}

/* As MPI libraries do it: all of the address space, attached part by part. */
static int reads_and_writes(xpmem_segid_t segid, char *where)
{
	struct xpmem_addr addr = { .offset = (uintptr_t)where };
	char *there;

	/* The descriptor is the parent's, so the library opens the device anew. */
	addr.apid = xpmem_get(segid, XPMEM_RDWR, XPMEM_PERMIT_MODE, (void *)0600);
	if (addr.apid < 0)
		return 1;
	there = xpmem_attach(addr, SIZE, NULL);
	if (there == (void *)-1)
		return 2;
	if (strcmp(there, "from the parent"))
		return 3;
	memcpy(there + SIZE - 64, "from the child", 15);
	if (xpmem_detach(there))
		return 4;
	if (xpmem_release(addr.apid))
		return 5;
	return xpmem_release(addr.apid) == -1 ? 0 : 6;
}

TEST(whole_space)
{
	char *memory = shared_memory();
	xpmem_segid_t segid;
	int status;
	pid_t pid;

	memcpy(memory, "from the parent", 16);
	segid = xpmem_make(0, XPMEM_MAXADDR_SIZE, XPMEM_PERMIT_MODE, (void *)0600);
	ASSERT_LT(0, segid);
	pid = fork();
	if (!pid)
		_exit(reads_and_writes(segid, memory));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, strcmp(memory + SIZE - 64, "from the child"));
	EXPECT_EQ(0, xpmem_remove(segid));
	EXPECT_EQ(-1, xpmem_remove(segid));
}

TEST(a_part)
{
	char *memory = shared_memory(), *there;
	struct xpmem_addr addr = { .offset = 4096 + 17 };
	xpmem_segid_t segid;

	segid = xpmem_make(memory, SIZE, XPMEM_PERMIT_MODE, (void *)0644);
	ASSERT_LT(0, segid);
	addr.apid = xpmem_get(segid, XPMEM_RDONLY, XPMEM_PERMIT_MODE, NULL);
	ASSERT_LT(0, addr.apid);
	there = xpmem_attach(addr, 100, NULL);
	ASSERT_NE((void *)-1, there);
	memory[4096 + 17] = 42;
	EXPECT_EQ(42, *there);
	addr.offset = SIZE;
	EXPECT_EQ((void *)-1, xpmem_attach(addr, 1, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, xpmem_detach(there));
	EXPECT_EQ(0, xpmem_release(addr.apid));
	EXPECT_EQ(0, xpmem_remove(segid));
	EXPECT_EQ(-1, xpmem_get(segid, XPMEM_RDONLY, XPMEM_PERMIT_MODE, NULL));
}

TEST_HARNESS_MAIN
