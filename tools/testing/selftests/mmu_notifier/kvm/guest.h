/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM whose vCPUs do jobs: each walks over pages of one stretch of memory,
 * verifies what it finds there and stores something new, and notes how long
 * the first access to each page took. Every vCPU has a thread, which is made
 * with the VM: while an invalidation is held nobody can make threads, map
 * memory, or allocate much.
 */
#ifndef _MMU_NOTIFIER_KVM_GUEST_H
#define _MMU_NOTIFIER_KVM_GUEST_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "kvm_util.h"
#include "processor.h"

#include "../util.h"

/* The memory that tests play with, by guest address, virtual and physical. */
#define MEM_GPA		0x40000000UL
#define MEM_SLOT	10
#define HUGE		(2UL << 20)
#define MAX_VCPUS	4
#define MAX_TIMED	4096

/*
 * How long something may take that must happen, on the slowest of machines;
 * how long a hold lasts at most; and how long something is watched that must
 * not happen. A hold outlasts everything that is done under it.
 */
#define GUEST_PATIENCE_MS	25000
#define GUEST_HOLD_MS		60000
#define WATCH_MS		400

/* In place of a seed: do not verify, or do not store. */
#define NOTHING		(~0ULL)
/* The seed of pages that are all zero. */
#define ZERO		0ULL

/**
 * struct job - what a vCPU is to do, and how it went; lies in guest memory
 * @gpa:    first page
 * @stride: bytes from page to page
 * @count:  how many pages
 * @want:   seed of what has to be there, or NOTHING
 * @store:  seed of what is stored then, or NOTHING
 * @done:   pages done so far
 * @wrong:  words that were not as they had to be
 * @where:  address of the first of these
 * @wanted: what should have been there
 * @found:  what was there
 * @ticks:  of the first access to each page
 */
struct job {
	uint64_t gpa;
	uint64_t stride;
	uint64_t count;
	uint64_t want;
	uint64_t store;
	uint64_t done;
	uint64_t wrong;
	uint64_t where;
	uint64_t wanted;
	uint64_t found;
	uint32_t ticks[MAX_TIMED];
};

/* A vCPU with its thread; the counters are of all jobs since the VM exists. */
struct worker {
	struct guest *guest;
	struct kvm_vcpu *vcpu;
	struct job *job;
	pthread_t thread;
	sem_t go;
	atomic_bool done;
	atomic_bool stop;	/* a signal ends the job early */
	atomic_bool quit;
	atomic_int error;	/* of KVM_RUN: EINTR if stopped, EPROTO if dead */
	char last_words[160];	/* of a vCPU that ended otherwise */
	atomic_uint mmio;	/* exits because there was no memory */
	atomic_uint denied;	/* exits because the host could not write */
	int stats;
	struct kvm_stats_header header;
	struct kvm_stats_desc *descs;
};

/* What a VM is made of. */
struct guest_make {
	unsigned int vcpus;
	size_t size;		/* of the memory */
	bool huge;		/* backed by huge pages, mapped by such */
	unsigned long type;	/* KVM_X86_*_VM */
	uint32_t flags;		/* KVM_MEM_* */
	void *code;		/* of vCPUs; NULL: jobs */
};

struct guest {
	struct kvm_vm *vm;
	unsigned int nr;
	char *mem;
	size_t size;
	int memfd;		/* guest_memfd, or -1 */
	uint64_t began_ns;
	uint64_t began_tsc;
	struct worker workers[MAX_VCPUS];
};

/* The content of a word, by its address and a seed; the same on both sides. */
static inline uint64_t word_of(uint64_t seed, uint64_t gpa)
{
	return seed ? seed * 0x9e3779b97f4a7c15ULL ^ gpa : 0;
}

#define WORDS		4
#define WORD_STEP	1360	/* the last one ends at 4088 */

void guest_make(struct guest *guest, const struct guest_make *make);
void guest_free(struct guest *guest);
char *guest_host(const struct guest *guest, uint64_t gpa);
void guest_fill(const struct guest *guest, uint64_t gpa, size_t len,
		uint64_t seed);
bool guest_holds(const struct guest *guest, uint64_t gpa, size_t len,
		 uint64_t seed);

bool wait_real(atomic_bool *flag, unsigned int ms);
void job_start(struct guest *guest, unsigned int vcpu, struct job job);
void job_resume(struct guest *guest, unsigned int vcpu);
bool job_wait(struct guest *guest, unsigned int vcpu, unsigned int ms);
bool job_interrupt(struct guest *guest, unsigned int vcpu, unsigned int ms);
const char *job_trouble(const struct guest *guest, unsigned int vcpu);
void job_times(const struct guest *guest, unsigned int vcpu, char *text,
	       size_t size);
uint64_t vcpu_stat(const struct guest *guest, unsigned int vcpu,
		   const char *name);
uint64_t vcpu_retries(const struct guest *guest, unsigned int vcpu);
void vcpu_run_once(struct worker *worker);

#endif /* _MMU_NOTIFIER_KVM_GUEST_H */
