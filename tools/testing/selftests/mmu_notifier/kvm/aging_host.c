// SPDX-License-Identifier: GPL-2.0
/* Tests of aging: the host, see aging.h. */
#include "aging.h"

static void *runner_run(void *arg)
{
	struct runner *runner = arg;

	while (!runner->stop && !runner->worker->error) {
		vcpu_run_once(runner->worker);
		runner->passes++;
	}
	return NULL;
}

/**
 * runner_start() - let a vCPU make passes
 * @runner: to be filled
 * @worker: the vCPU, whose own thread has nothing to do
 */
void runner_start(struct runner *runner, struct worker *worker)
{
	memset(runner, 0, sizeof(*runner));
	runner->worker = worker;
	if (pthread_create(&runner->thread, NULL, runner_run, runner))
		abort();
}

/**
 * runner_stop() - after the pass that it is in
 * @runner: the vCPU
 */
void runner_stop(struct runner *runner)
{
	runner->stop = true;
	pthread_join(runner->thread, NULL);
}

/**
 * wait_passes() - until each vCPU has begun a pass, and ended that
 * @runners: of all vCPUs
 *
 * Return: true if it was so, false if one is stuck.
 */
bool wait_passes(struct runner *runners)
{
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;
	unsigned long goal;
	int i;

	for (i = 0; i < AGING_VCPUS; i++) {
		goal = runners[i].passes + 2;
		while (runners[i].passes < goal) {
			if (now_ns() > until || runners[i].worker->error)
				return false;
			sleep_ms(1);
		}
	}
	return true;
}

static void set_flags(struct guest *guest, uint32_t flags)
{
	vm_set_user_memory_region(guest->vm, MEM_SLOT, flags, MEM_GPA,
				  guest->size, guest->mem);
}

static void log_dirty(struct guest *guest)
{
	static unsigned long dirty[(AGING_MAX + 512) / 8 / sizeof(long)];

	set_flags(guest, KVM_MEM_LOG_DIRTY_PAGES);
	sleep_ms(1);
	kvm_vm_get_dirty_log(guest->vm, MEM_SLOT, dirty);
	sleep_ms(1);
	set_flags(guest, 0);
}

static void change_slots(struct guest *guest, char *mem)
{
	static const struct {
		uint64_t gpa;
		uint64_t size;
	} steps[] = {
		{ AGING_SLOT_GPA, HUGE },
		{ AGING_SLOT_GPA + HUGE, HUGE },
		{ AGING_SLOT_GPA + HUGE, 0 },
	};
	unsigned int i;

	for (i = 0; i < 3; i++)
		vm_set_user_memory_region(guest->vm, AGING_SLOT, 0,
					  steps[i].gpa, steps[i].size, mem);
}

static void *trouble_run(void *arg)
{
	struct trouble *trouble = arg;
	struct guest *guest = trouble->guest;
	char *beside = guest->mem + guest->size - HUGE;

	while (!trouble->stop) {
		if (trouble->kinds & PROTECT)
			do_protect(guest->mem, guest->size);
		if (trouble->kinds & LOG)
			log_dirty(guest);
		if (trouble->kinds & SLOTS)
			change_slots(guest, beside);
		if (trouble->kinds & DROP) {
			touch(beside);
			do_dontneed(beside, HUGE);
		}
		trouble->times++;
		sleep_ms(1);
	}
	return NULL;
}

/**
 * trouble_start() - do things to the memory of a guest, until trouble_stop()
 * @trouble: to be filled
 * @guest:   the VM; the last HUGE bytes of its memory may change
 * @kinds:   what is done
 */
void trouble_start(struct trouble *trouble, struct guest *guest,
		   unsigned int kinds)
{
	memset(trouble, 0, sizeof(*trouble));
	trouble->guest = guest;
	trouble->kinds = kinds;
	if (pthread_create(&trouble->thread, NULL, trouble_run, trouble))
		abort();
}

/**
 * trouble_stop() - no more
 * @trouble: the thread
 */
void trouble_stop(struct trouble *trouble)
{
	trouble->stop = true;
	pthread_join(trouble->thread, NULL);
}
