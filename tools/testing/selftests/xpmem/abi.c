// SPDX-License-Identifier: GPL-2.0
/*
 * The numbers and layouts that libxpmem speaks, and who may speak.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define AT(type, member, offset, size)					\
	do {								\
		EXPECT_EQ(offset, offsetof(struct type, member));	\
		EXPECT_EQ(size, sizeof(((struct type *)0)->member));	\
	} while (0)

TEST(layouts)
{
	AT(xpmem_make_args, address, 0, 8);
	AT(xpmem_make_args, size, 8, 8);
	AT(xpmem_make_args, permit_type, 16, 4);
	AT(xpmem_make_args, permit_value, 24, 8);
	AT(xpmem_make_args, segment, 32, 8);
	EXPECT_EQ(40, sizeof(struct xpmem_make_args));
	AT(xpmem_remove_args, segment, 0, 8);
	EXPECT_EQ(8, sizeof(struct xpmem_remove_args));
	AT(xpmem_get_args, segment, 0, 8);
	AT(xpmem_get_args, flags, 8, 4);
	AT(xpmem_get_args, permit_type, 12, 4);
	AT(xpmem_get_args, permit_value, 16, 8);
	AT(xpmem_get_args, access, 24, 8);
	EXPECT_EQ(32, sizeof(struct xpmem_get_args));
	AT(xpmem_release_args, access, 0, 8);
	EXPECT_EQ(8, sizeof(struct xpmem_release_args));
	AT(xpmem_attach_args, access, 0, 8);
	AT(xpmem_attach_args, offset, 8, 8);
	AT(xpmem_attach_args, size, 16, 8);
	AT(xpmem_attach_args, address, 24, 8);
	AT(xpmem_attach_args, fd, 32, 4);
	AT(xpmem_attach_args, flags, 36, 4);
	EXPECT_EQ(40, sizeof(struct xpmem_attach_args));
	AT(xpmem_detach_args, address, 0, 8);
	EXPECT_EQ(8, sizeof(struct xpmem_detach_args));
}

TEST(numbers)
{
	/* 'x' in the second byte, and neither a size nor a direction. */
	EXPECT_EQ(0x7800, XPMEM_IOC_VERSION);
	EXPECT_EQ(0x7801, XPMEM_IOC_MAKE);
	EXPECT_EQ(0x7802, XPMEM_IOC_REMOVE);
	EXPECT_EQ(0x7803, XPMEM_IOC_GET);
	EXPECT_EQ(0x7804, XPMEM_IOC_RELEASE);
	EXPECT_EQ(0x7805, XPMEM_IOC_ATTACH);
	EXPECT_EQ(0x7806, XPMEM_IOC_DETACH);
	EXPECT_EQ(0x7807, XPMEM_IOC_FORK_BEGIN);
	EXPECT_EQ(0x7808, XPMEM_IOC_FORK_END);
	EXPECT_EQ(2004, XPMEM_E_NOT_OPENED);
	EXPECT_EQ(1, XPMEM_BY_MODE);
	EXPECT_EQ(1, XPMEM_GET_READ);
	EXPECT_EQ(2, XPMEM_GET_WRITE);
}

TEST(device)
{
	struct stat stat_of;
	int fd = xp_open();

	ASSERT_EQ(0, stat(XP_DEVICE, &stat_of));
	EXPECT_TRUE(S_ISCHR(stat_of.st_mode));
	EXPECT_EQ(0666, stat_of.st_mode & 0777);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0x00027004, ioctl(fd, XPMEM_IOC_VERSION, NULL));
	EXPECT_EQ(0, ioctl(fd, XPMEM_IOC_FORK_BEGIN, NULL));
	EXPECT_EQ(0, ioctl(fd, XPMEM_IOC_FORK_END, NULL));
	EXPECT_EQ(-1, ioctl(fd, _IO('x', 9), NULL));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IOW('x', 1, struct xpmem_make_args), NULL));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, XPMEM_IOC_MAKE, NULL));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
}

/* A child that has inherited the descriptor opens its own; both go on. */
TEST(inherited)
{
	char *addr = xp_map(XP_PAGE);
	int fd = xp_open(), status;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_LT(0, xp_make(fd, addr, XP_PAGE, 0600));
	pid = fork();
	if (!pid) {
		int own;

		if (xp_make(fd, addr, XP_PAGE, 0600) != -XPMEM_E_NOT_OPENED)
			_exit(1);
		if (ioctl(fd, XPMEM_IOC_FORK_BEGIN, NULL) != -1 ||
		    errno != XPMEM_E_NOT_OPENED)
			_exit(2);
		own = xp_open();
		if (own < 0 || xp_make(own, addr, XP_PAGE, 0600) <= 0)
			_exit(3);
		/* Having opened it once, it may use either. */
		if (xp_make(fd, addr, XP_PAGE, 0600) <= 0)
			_exit(4);
		_exit(0);
	}
	ASSERT_TRUE(xp_reap(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_LT(0, xp_make(fd, addr, XP_PAGE, 0600));
	close(fd);
}

/* Threads and vfork() share an address space, and so what was opened. */
TEST(same_space)
{
	char *addr = xp_map(XP_PAGE);
	int fd = xp_open(), again = xp_open();
	int64_t segment = xp_make(fd, addr, XP_PAGE, 0600);

	ASSERT_LT(0, segment);
	EXPECT_EQ(0, xp_remove(again, segment));
	segment = xp_make(fd, addr, XP_PAGE, 0600);
	close(fd);
	EXPECT_EQ(0, xp_remove(again, segment));
	close(again);
}

TEST_HARNESS_MAIN
