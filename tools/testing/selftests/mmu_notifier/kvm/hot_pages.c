// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that are swapped out while the guest writes to them: each vCPU counts
 * in pages of its own, many times in one before it goes to the next, and knows
 * each count. A write through a translation that should be gone ends up in a
 * page that was given away, and the count falls behind.
 */
#include "check.h"
#include "soak.h"

#define VCPUS		2
/* Of each vCPU; pages leave a CPU's cache, and can be reclaimed, by the dozen. */
#define PAGES		64
#define HITS		100
#define OUT		16		/* pages swapped out at once */
#define LIMIT_S		300

struct counts {
	uint64_t steps;
	uint64_t wrong;
	uint64_t where;
	uint64_t wanted;
	uint64_t found;
	uint64_t value[PAGES];
};

static struct counts counts[VCPUS];
static bool stop;

/* Guest. */
static void hit(struct counts *mine, unsigned int page, uint64_t gpa)
{
	uint64_t value = mine->value[page], found;
	int i;

	for (i = 0; i < HITS; i++) {
		found = READ_ONCE(*(uint64_t *)gpa);
		if (found != value && !mine->wrong++) {
			mine->where = gpa;
			mine->wanted = value;
			mine->found = found;
		}
		WRITE_ONCE(*(uint64_t *)gpa, ++value);
	}
	mine->value[page] = value;
	mine->steps++;
}

/* Guest: until it is stopped, or a count is wrong. */
static void guest_code(uint64_t nr)
{
	unsigned int page;

	GUEST_SYNC(0);
	while (!READ_ONCE(stop) && !counts[nr].wrong) {
		for (page = 0; page < PAGES; page++)
			hit(&counts[nr], page,
			    MEM_GPA + (page * VCPUS + nr) * PAGE);
	}
	GUEST_SYNC(0);
}

static int page_out(char *addr, size_t len)
{
	static __thread size_t at;

	at = (at + OUT * PAGE) % len;
	return madvise(addr + at, OUT * PAGE, MADV_PAGEOUT);
}

static unsigned long swapped_out(void)
{
	return soak_vmstat("pswpout");
}

FIXTURE(vm) {
	struct guest guest;
};

FIXTURE_SETUP(vm)
{
	const struct guest_make make = {
		.vcpus = VCPUS,
		.size = HUGE,
		.code = guest_code,
	};
	int i;

	if (!swap_is_on())
		SKIP(return, "no swap, and no zram for it");
	guest_make(&self->guest, &make);
	for (i = 0; i < VCPUS; i++) {
		job_resume(&self->guest, i);
		ASSERT_TRUE(job_wait(&self->guest, i, GUEST_PATIENCE_MS));
	}
}

FIXTURE_TEARDOWN(vm)
{
	guest_free(&self->guest);
}

/* Long enough for @until, and for something to have been swapped out. */
static void watch(const struct guest *guest, uint64_t until, unsigned long out)
{
	uint64_t limit = until + GUEST_PATIENCE_MS * MSEC;

	while (!guest->workers[0].done && !guest->workers[1].done &&
	       now_ns() < limit && (now_ns() < until || swapped_out() == out))
		sleep_ms(10);
}

static void look_at(struct __test_metadata *_metadata,
		    const struct worker *worker, const struct counts *counts)
{
	TH_LOG("%lu stretches of %u writes", (unsigned long)counts->steps,
	       HITS);
	if (worker->error)
		TH_LOG("%s", worker->last_words);
	if (counts->wrong)
		TH_LOG("page %#lx: %lu expected, %lu found",
		       (unsigned long)counts->where,
		       (unsigned long)counts->wanted,
		       (unsigned long)counts->found);
	EXPECT_EQ(0, worker->error);
	EXPECT_EQ(0UL, counts->wrong);
	EXPECT_LT(0UL, counts->steps);
}

TEST_F_TIMEOUT(vm, no_write_is_lost, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct counts *all = addr_gva2hva(guest->vm, (uintptr_t)counts);
	bool *stop_guest = addr_gva2hva(guest->vm, (uintptr_t)&stop);
	const char *text = getenv("MMU_NOTIFIER_SOAK_S");
	unsigned long ms = text ? strtoul(text, NULL, 10) * 1000 : 5000;
	unsigned long out = swapped_out();
	struct churn churn;
	int i;

	for (i = 0; i < VCPUS; i++)
		job_resume(guest, i);
	churn_start(&churn, guest->mem, VCPUS * PAGES * PAGE, page_out);
	watch(guest, now_ns() + ms * MSEC, out);
	churn_stop(&churn);
	WRITE_ONCE(*stop_guest, true);
	for (i = 0; i < VCPUS; i++) {
		ASSERT_TRUE(job_wait(guest, i, GUEST_PATIENCE_MS));
		look_at(_metadata, &guest->workers[i], &all[i]);
	}
	TH_LOG("%lu pages swapped out", swapped_out() - out);
	EXPECT_LT(out, swapped_out());
}

TEST_HARNESS_MAIN
