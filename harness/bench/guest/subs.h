/* SPDX-License-Identifier: GPL-2.0 */
/* Subscribers of all sorts for the mm of the caller. */
#ifndef _BENCH_SUBS_H
#define _BENCH_SUBS_H

#include <stddef.h>

#include "child.h"
#include "module/uapi.h"

/* /dev/notifier_bench, ready for nb_loop() and nb_hold(). */
int nb_open(void);
void nb_subscribe(int fd, unsigned int kind, unsigned int count, char *start,
		  size_t length, size_t stride);
void nb_unsubscribe(int fd);
void nb_hold(int fd, unsigned int count, char *start, size_t length,
	     size_t stride);
void nb_let_go(int fd);
void nb_loop(int fd, unsigned int count, char *start, size_t length);

/* A VM with one memory slot over [start, start + length). */
int vm_open(void);
int vm_create(int kvm, char *start, size_t length);

#endif /* _BENCH_SUBS_H */
