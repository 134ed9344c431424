/* SPDX-License-Identifier: GPL-2.0 */
/* What each of the two libraries offers. */
#ifndef BENCH_NATIVE_H
#define BENCH_NATIVE_H

/* An address space with so many subscribers of both kinds; never freed. */
void *native_mm(unsigned int list, unsigned int intervals);
/* So many invalidations of one page, which no other thread invalidates. */
void native_run(void *mm, unsigned int thread, unsigned long count);

#endif /* BENCH_NATIVE_H */
