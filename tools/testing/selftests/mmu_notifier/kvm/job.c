// SPDX-License-Identifier: GPL-2.0
/* Jobs of vCPUs, and what the statistics say of them: see guest.h. */
#define _GNU_SOURCE
#include <signal.h>

#include "guest.h"

/**
 * wait_real() - wait for a flag
 * @flag: the flag
 * @ms:   how long at most
 *
 * By the clock: where vCPUs spin, a short sleep may take very long.
 *
 * Return: true if it is set.
 */
bool wait_real(atomic_bool *flag, unsigned int ms)
{
	uint64_t until = now_ns() + ms * MSEC;

	while (!*flag && now_ns() < until)
		sleep_ms(1);
	return *flag;
}

/**
 * job_start() - let a vCPU do something
 * @guest: the VM
 * @vcpu:  which; it has nothing to do
 * @job:   what
 */
void job_start(struct guest *guest, unsigned int vcpu, struct job job)
{
	struct worker *worker = &guest->workers[vcpu];

	job.done = 0;
	job.wrong = 0;
	/* Its times are not worth copying, and not read before they are set. */
	memcpy(worker->job, &job, offsetof(struct job, ticks));
	job_resume(guest, vcpu);
}

/**
 * job_resume() - go on with a job that was interrupted
 * @guest: the VM
 * @vcpu:  which
 */
void job_resume(struct guest *guest, unsigned int vcpu)
{
	struct worker *worker = &guest->workers[vcpu];

	worker->error = 0;
	worker->stop = false;
	worker->done = false;
	sem_post(&worker->go);
}

/**
 * job_wait() - wait until a vCPU has done its job
 * @guest: the VM
 * @vcpu:  which
 * @ms:    how long at most
 *
 * Return: true if it has.
 */
bool job_wait(struct guest *guest, unsigned int vcpu, unsigned int ms)
{
	return wait_real(&guest->workers[vcpu].done, ms);
}

/**
 * job_interrupt() - stop a job by a signal to its vCPU's thread
 * @guest: the VM
 * @vcpu:  which
 * @ms:    how long that may take
 *
 * The signal may come before the thread is in KVM_RUN, so there are many.
 *
 * Return: true if KVM_RUN has returned.
 */
bool job_interrupt(struct guest *guest, unsigned int vcpu, unsigned int ms)
{
	struct worker *worker = &guest->workers[vcpu];
	uint64_t until = now_ns() + ms * MSEC;

	worker->stop = true;
	while (!worker->done && now_ns() < until) {
		pthread_kill(worker->thread, SIGUSR1);
		wait_real(&worker->done, 20);
	}
	return worker->done;
}

/**
 * job_trouble() - what went wrong with a job that is done
 * @guest: the VM
 * @vcpu:  which
 *
 * Return: NULL if nothing did, else a sentence, valid until the next call.
 */
const char *job_trouble(const struct guest *guest, unsigned int vcpu)
{
	const struct worker *worker = &guest->workers[vcpu];
	const struct job *job = worker->job;
	static char text[240];

	if (worker->error)
		snprintf(text, sizeof(text), "KVM_RUN: %s; %s",
			 strerror(worker->error), worker->last_words);
	else if (job->wrong)
		snprintf(text, sizeof(text),
			 "page %#lx: %lx expected at %#lx, %lx found; %lu wrong",
			 job->where & ~(PAGE - 1), job->wanted, job->where,
			 job->found, job->wrong);
	else if (job->done != job->count)
		snprintf(text, sizeof(text), "%lu pages of %lu done",
			 job->done, job->count);
	else
		return NULL;
	return text;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/**
 * job_times() - how long the first accesses of a job took
 * @guest: the VM
 * @vcpu:  which
 * @text:  median, 99th percentile and maximum, in words
 * @size:  of @text
 */
void job_times(const struct guest *guest, unsigned int vcpu, char *text,
	       size_t size)
{
	static uint32_t ticks[MAX_TIMED];
	const struct job *job = guest->workers[vcpu].job;
	size_t nr = job->done < MAX_TIMED ? job->done : MAX_TIMED;
	double us;

	us = (now_ns() - guest->began_ns) / 1000.0 /
	     (rdtsc() - guest->began_tsc);
	memcpy(ticks, job->ticks, nr * sizeof(*ticks));
	qsort(ticks, nr, sizeof(*ticks), by_size);
	if (!nr) {
		snprintf(text, size, "none");
		return;
	}
	snprintf(text, size, "p50 %.0f us, p99 %.0f us, max %.0f us",
		 ticks[nr / 2] * us, ticks[nr * 99 / 100] * us,
		 ticks[nr - 1] * us);
}

/**
 * vcpu_stat() - read a counter of a vCPU
 * @guest: the VM
 * @vcpu:  which
 * @name:  name of the counter
 *
 * Return: its value, 0 if this kernel has no such counter.
 */
uint64_t vcpu_stat(const struct guest *guest, unsigned int vcpu,
		   const char *name)
{
	const struct worker *worker = &guest->workers[vcpu];
	struct kvm_stats_header header = worker->header;
	struct kvm_stats_desc *desc;
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < header.num_desc; i++) {
		desc = get_stats_descriptor(worker->descs, i, &header);
		if (!strcmp(desc->name, name)) {
			read_stat_data(worker->stats, &header, desc, &value, 1);
			break;
		}
	}
	return value;
}

/**
 * vcpu_retries() - faults that were thrown away and came again
 * @guest: the VM
 * @vcpu:  which
 *
 * Return: faults that ended in none of the other ways. Other causes than an
 * invalidation exist: another vCPU that changes the same entry.
 */
uint64_t vcpu_retries(const struct guest *guest, unsigned int vcpu)
{
	return vcpu_stat(guest, vcpu, "pf_taken") -
	       vcpu_stat(guest, vcpu, "pf_fixed") -
	       vcpu_stat(guest, vcpu, "pf_emulate") -
	       vcpu_stat(guest, vcpu, "pf_spurious");
}
