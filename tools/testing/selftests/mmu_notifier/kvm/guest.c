// SPDX-License-Identifier: GPL-2.0
/* A VM, its memory, its vCPUs and what they do: see guest.h. */
#define _GNU_SOURCE
#include <signal.h>

#include "guest.h"

/* In the guest each vCPU has one of these, at the same address as here. */
static struct job jobs[MAX_VCPUS];

/* Guest: one page; true if its words were as they had to be. */
static void job_page(struct job *job, uint64_t gpa)
{
	uint64_t found, wanted, at;
	int i;

	for (i = 0; i < WORDS; i++) {
		at = gpa + i * WORD_STEP;
		found = READ_ONCE(*(uint64_t *)at);
		wanted = word_of(job->want, at);
		if (job->want != NOTHING && found != wanted && !job->wrong++) {
			job->where = at;
			job->wanted = wanted;
			job->found = found;
		}
		if (job->store != NOTHING)
			WRITE_ONCE(*(uint64_t *)at, word_of(job->store, at));
	}
}

/* Guest: what a vCPU does for ever. */
static void guest_code(uint64_t nr)
{
	struct job *job = &jobs[nr];
	uint64_t gpa, before;

	for (;;) {
		while (job->done < job->count) {
			gpa = job->gpa + job->done * job->stride;
			before = rdtsc();
			if (job->want == NOTHING && job->store != NOTHING)
				WRITE_ONCE(*(uint64_t *)gpa,
					   word_of(job->store, gpa));
			else
				(void)READ_ONCE(*(uint64_t *)gpa);
			if (job->done < MAX_TIMED)
				job->ticks[job->done] = rdtsc() - before;
			job_page(job, gpa);
			WRITE_ONCE(job->done, job->done + 1);
		}
		GUEST_SYNC(0);
	}
}

static void map_memory(struct guest *guest, const struct guest_make *make)
{
	size_t room = make->size + HUGE;
	uintptr_t map;

	map = (uintptr_t)mmap(NULL, room, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT((void *)map != MAP_FAILED, "no memory");
	guest->mem = (char *)((map + HUGE - 1) & ~(HUGE - 1));
	guest->size = make->size;
	TEST_ASSERT(!madvise(guest->mem, make->size, make->huge ?
			     MADV_HUGEPAGE : MADV_NOHUGEPAGE), "madvise()");
	guest->memfd = -1;
	if (make->flags & KVM_MEM_GUEST_MEMFD)
		guest->memfd = vm_create_guest_memfd(guest->vm, make->size, 0);
	vm_set_user_memory_region2(guest->vm, MEM_SLOT, make->flags, MEM_GPA,
				   make->size, guest->mem, guest->memfd, 0);
	virt_map_level(guest->vm, MEM_GPA, MEM_GPA, make->size,
		       make->huge ? PG_LEVEL_2M : PG_LEVEL_4K);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void open_stats(struct worker *worker)
{
	worker->stats = vcpu_get_stats_fd(worker->vcpu);
	read_stats_header(worker->stats, &worker->header);
	worker->descs = read_stats_descriptors(worker->stats, &worker->header);
}

/* Before anything else is run: why did it leave the guest? */
static void note_exit(struct worker *worker)
{
	const struct kvm_run *run = worker->vcpu->run;
	struct kvm_regs regs;

	vcpu_regs_get(worker->vcpu, &regs);
	snprintf(worker->last_words, sizeof(worker->last_words),
		 "exit %u (%s), rip %#llx, details %#x %#llx %#llx",
		 run->exit_reason, exit_reason_str(run->exit_reason), regs.rip,
		 run->internal.suberror, run->internal.data[0],
		 run->internal.data[1]);
}

/**
 * vcpu_run_once() - run a vCPU until it has something to say, or has to stop
 * @worker: the vCPU
 */
void vcpu_run_once(struct worker *worker)
{
	struct kvm_run *run = worker->vcpu->run;
	struct ucall uc;

	for (;;) {
		if (!__vcpu_run(worker->vcpu)) {
			if (run->exit_reason != KVM_EXIT_MMIO)
				break;
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
			worker->mmio++;
		} else if (errno == EFAULT && !worker->quit) {
			worker->denied++;
		} else if (errno != EINTR || worker->stop || worker->quit) {
			worker->error = errno;
			return;
		}
	}
	note_exit(worker);
	if (run->exit_reason != KVM_EXIT_IO ||
	    get_ucall(worker->vcpu, &uc) != UCALL_SYNC)
		worker->error = EPROTO;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;

	for (;;) {
		while (sem_wait(&worker->go))
			;
		if (worker->quit)
			return NULL;
		vcpu_run_once(worker);
		worker->done = true;
	}
}

static void make_worker(struct guest *guest, unsigned int i,
			struct kvm_vcpu *vcpu)
{
	struct worker *worker = &guest->workers[i];

	worker->guest = guest;
	worker->vcpu = vcpu;
	worker->done = true;
	worker->job = addr_gva2hva(guest->vm, (uintptr_t)&jobs[i]);
	vcpu_args_set(vcpu, 1, (uint64_t)i);
	open_stats(worker);
	sem_init(&worker->go, 0, 0);
	if (pthread_create(&worker->thread, NULL, worker_run, worker))
		abort();
}

/**
 * guest_make() - make a VM; ends the process if that fails
 * @guest: the VM
 * @make:  what it is made of
 *
 * All vCPUs have run once when it returns, so that code, stacks and page
 * tables are mapped already.
 */
void guest_make(struct guest *guest, const struct guest_make *make)
{
	const struct sigaction action = { .sa_handler = on_signal };
	const struct vm_shape shape = {
		.mode = VM_MODE_DEFAULT,
		.type = make->type,
	};
	struct kvm_vcpu *vcpus[MAX_VCPUS];
	unsigned int i;

	memset(guest, 0, sizeof(*guest));
	sigaction(SIGUSR1, &action, NULL);
	guest->nr = make->vcpus;
	guest->vm = __vm_create_with_vcpus(shape, make->vcpus,
					   make->size / PAGE / 256 + 512,
					   make->code ? make->code : guest_code,
					   vcpus);
	map_memory(guest, make);
	guest->began_ns = now_ns();
	guest->began_tsc = rdtsc();
	for (i = 0; i < guest->nr; i++)
		make_worker(guest, i, vcpus[i]);
	for (i = 0; !make->code && i < guest->nr; i++) {
		job_start(guest, i, (struct job) {});
		TEST_ASSERT(job_wait(guest, i, GUEST_PATIENCE_MS), "dead vCPU");
	}
}

/*
 * KVM may be built to decide each fault by counting as well. A retry that only
 * the ticket makes, and that no range in flight accounts for, is a failure of
 * whatever test it happened in.
 */
static void verify_decisions(const struct guest *guest)
{
	uint64_t unexplained = 0;

	/* Stays zero on a kernel that does not have it. */
	__vm_get_stat(guest->vm, "invalidate_unexplained", &unexplained, 1);
	TEST_ASSERT(!unexplained, "%lu retries that nothing explains",
		    (unsigned long)unexplained);
}

/**
 * guest_free() - destroy a VM; jobs that go on are stopped
 * @guest: the VM
 *
 * Ends the process if KVM retried faults without a cause.
 */
void guest_free(struct guest *guest)
{
	unsigned int i;

	if (!guest->vm)
		return;
	for (i = 0; i < guest->nr; i++) {
		guest->workers[i].quit = true;
		job_interrupt(guest, i, GUEST_PATIENCE_MS);
		sem_post(&guest->workers[i].go);
		pthread_join(guest->workers[i].thread, NULL);
		close(guest->workers[i].stats);
		free(guest->workers[i].descs);
	}
	verify_decisions(guest);
	kvm_vm_free(guest->vm);
	guest->vm = NULL;
}

/**
 * guest_host() - where the host has a page of the guest
 * @guest: the VM
 * @gpa:   an address in its memory
 *
 * Return: the address.
 */
char *guest_host(const struct guest *guest, uint64_t gpa)
{
	return guest->mem + (gpa - MEM_GPA);
}

/**
 * guest_fill() - fill memory from the host
 * @guest: the VM
 * @gpa:   where
 * @len:   how many bytes
 * @seed:  with what
 */
void guest_fill(const struct guest *guest, uint64_t gpa, size_t len,
		uint64_t seed)
{
	uint64_t end = gpa + len, at;
	int i;

	for (; gpa < end; gpa += PAGE) {
		for (i = 0; i < WORDS; i++) {
			at = gpa + i * WORD_STEP;
			WRITE_ONCE(*(uint64_t *)guest_host(guest, at),
				   word_of(seed, at));
		}
	}
}

/**
 * guest_holds() - see whether memory holds what it should, from the host
 * @guest: the VM
 * @gpa:   where
 * @len:   how many bytes
 * @seed:  what it should hold
 *
 * Return: true if it does.
 */
bool guest_holds(const struct guest *guest, uint64_t gpa, size_t len,
		 uint64_t seed)
{
	uint64_t end = gpa + len, at;
	int i;

	for (; gpa < end; gpa += PAGE) {
		for (i = 0; i < WORDS; i++) {
			at = gpa + i * WORD_STEP;
			if (READ_ONCE(*(uint64_t *)guest_host(guest, at)) !=
			    word_of(seed, at))
				return false;
		}
	}
	return true;
}
