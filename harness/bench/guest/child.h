/* SPDX-License-Identifier: GPL-2.0 */
/* Work in a process, and so an mm, of its own; and what must not fail. */
#ifndef _BENCH_CHILD_H
#define _BENCH_CHILD_H

void must(int ok, const char *what);
void in_child(void (*fn)(const char *name, const void *arg), const char *name,
	      const void *arg);

#endif /* _BENCH_CHILD_H */
