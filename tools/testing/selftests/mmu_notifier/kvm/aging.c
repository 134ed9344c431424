// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages has the guest accessed? A vCPU reads or writes pages that were
 * chosen at random, and the kernel is asked.
 *
 * While the guest stands still, the answer has to be exact. While it runs, no
 * page that was accessed between two questions may be called idle, whatever
 * else is done to the guest's memory.
 */
#include "aging.h"
#include "check.h"
#include "idle.h"

#define SMALL_PAGES	256U
#define HUGE_PAGES	AGING_MAX
/* As many as the soak test has seconds, but two where all is slow. */
#define ROUNDS		30

/* A guest, what it is told, and what the kernel knows. */
struct watch {
	struct guest guest;
	struct idle idle;
	uint8_t *todo;
	uint64_t seed;
};

FIXTURE(vm) {
	struct watch watch;
};

FIXTURE_VARIANT(vm) {
	bool huge;
	bool nested;		/* the first vCPU works in a guest of its own */
	unsigned int kinds;
};

FIXTURE_VARIANT_ADD(vm, small) { };
FIXTURE_VARIANT_ADD(vm, huge) { .huge = true };
FIXTURE_VARIANT_ADD(vm, nested) { .nested = true };
FIXTURE_VARIANT_ADD(vm, protect) { .kinds = PROTECT };
FIXTURE_VARIANT_ADD(vm, log) { .kinds = LOG };
FIXTURE_VARIANT_ADD(vm, slots) { .kinds = SLOTS };
FIXTURE_VARIANT_ADD(vm, drop) { .kinds = DROP };
FIXTURE_VARIANT_ADD(vm, all) { .kinds = ANYTHING };
FIXTURE_VARIANT_ADD(vm, huge_all) { .huge = true, .kinds = ANYTHING };
FIXTURE_VARIANT_ADD(vm, nested_all) { .nested = true, .kinds = ANYTHING };

static bool run_once(struct guest *guest, unsigned int vcpu)
{
	job_resume(guest, vcpu);
	return job_wait(guest, vcpu, GUEST_PATIENCE_MS) &&
	       !guest->workers[vcpu].error;
}

FIXTURE_SETUP(vm)
{
	struct watch *watch = &self->watch;
	struct guest *guest = &watch->guest;
	unsigned int nr = variant->huge ? HUGE_PAGES : SMALL_PAGES;
	const struct guest_make make = {
		.vcpus = AGING_VCPUS,
		.size = nr * PAGE + HUGE,
		.huge = variant->huge,
		.code = aging_guest_code,
	};
	const char *why = idle_why_not();
	unsigned int i;

	if (why)
		SKIP(return, "%s", why);
	guest_make(guest, &make);
	why = variant->nested ? aging_nest(guest) : NULL;
	if (why)
		SKIP(return, "%s", why);
	watch->todo = aging_todo(guest, nr);
	/* All of it is there and writable, and mapped as it will stay. */
	guest_fill(guest, MEM_GPA, make.size, 1);
	memset(watch->todo, WRITE, AGING_VCPUS * AGING_MAX);
	for (i = 0; i < AGING_VCPUS; i++)
		ASSERT_TRUE(run_once(guest, i))
			TH_LOG("%s", guest->workers[i].last_words);
	idle_open(&watch->idle, guest->mem, nr, variant->huge ? 512 : 1);
	ASSERT_LE(0, watch->idle.pagemap);
	ASSERT_LE(0, watch->idle.bitmap);
	watch->seed = 88172645463325252ULL;
}

FIXTURE_TEARDOWN(vm)
{
	idle_close(&self->watch.idle);
	guest_free(&self->watch.guest);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of each vCPU few pages, or of some huge pages one. */
static void choose(struct watch *watch)
{
	unsigned int vcpu, i, rare = watch->idle.step > 1 ? 700 : 4;
	uint64_t dice;

	for (vcpu = 0; vcpu < AGING_VCPUS; vcpu++) {
		for (i = 0; i < watch->idle.nr; i++) {
			dice = next_random(&watch->seed) >> 8;
			WRITE_ONCE(watch->todo[vcpu * AGING_MAX + i],
				   dice % rare ? LEAVE : READ + dice / rare % 2);
		}
	}
}

/* Has a vCPU been told to use this page, or this huge page? */
static bool is_chosen(const struct watch *watch, unsigned int page)
{
	unsigned int i;

	for (i = page; i < page + watch->idle.step; i++)
		if (watch->todo[i] || watch->todo[AGING_MAX + i])
			return true;
	return false;
}

static void expect_mapped_as(struct __test_metadata *_metadata,
			     const struct watch *watch)
{
	uint64_t large = vm_get_stat(watch->guest.vm, "pages_2m");

	if (watch->idle.step > 1)
		EXPECT_LE(watch->idle.nr / watch->idle.step, large);
}

/* Counts those that the kernel does not tell as they are. */
static void compare(struct __test_metadata *_metadata,
		    const struct watch *watch, unsigned long *young,
		    unsigned long *idle)
{
	unsigned int page, missed = 0, imagined = 0;
	enum idle_state state;

	for (page = 0; page < watch->idle.nr; page += watch->idle.step) {
		state = idle_get(&watch->idle, page);
		EXPECT_NE(MOVED, state);
		missed += is_chosen(watch, page) && state == IDLE;
		imagined += !is_chosen(watch, page) && state == YOUNG;
		*young += state == YOUNG;
		*idle += state == IDLE;
	}
	EXPECT_EQ(0, missed);
	EXPECT_EQ(0, imagined);
}

static unsigned int rounds(void)
{
	const char *given = getenv("MMU_NOTIFIER_SOAK_S");

	return !given ? ROUNDS : atoi(given) < ROUNDS ? 2 : atoi(given);
}

TEST_F_TIMEOUT(vm, what_was_accessed_while_it_stands_still, LIMIT_S)
{
	struct watch *watch = &self->watch;
	unsigned long young = 0, idle = 0;
	unsigned int i;

	if (variant->kinds)
		SKIP(return, "nothing is done meanwhile");
	expect_mapped_as(_metadata, watch);
	for (i = 0; i < rounds() && __test_passed(_metadata); i++) {
		ASSERT_TRUE(idle_set_all(&watch->idle));
		choose(watch);
		ASSERT_TRUE(run_once(&watch->guest, 0));
		ASSERT_TRUE(run_once(&watch->guest, 1));
		compare(_metadata, watch, &young, &idle);
	}
	TH_LOG("%lu times young, %lu times idle", young, idle);
	EXPECT_LT(0UL, young);
	EXPECT_LT(0UL, idle);
}

/*
 * Who unmaps a page that was accessed tells so to the page itself, shortly
 * after it was taken out of the guest's page table. So look again.
 */
static bool is_missed(const struct idle *idle, unsigned int page,
		      unsigned long *late)
{
	if (idle_get(idle, page) != IDLE)
		return false;
	sleep_ms(20);
	if (idle_get(idle, page) == IDLE)
		return true;
	++*late;
	return false;
}

struct tally {
	unsigned long missed;
	unsigned long late;
	unsigned long checked;
	unsigned long idle;
};

static void look(const struct watch *watch, struct tally *tally)
{
	unsigned int page;

	for (page = 0; page < watch->idle.nr; page += watch->idle.step) {
		if (is_chosen(watch, page)) {
			tally->missed += is_missed(&watch->idle, page,
						   &tally->late);
			tally->checked++;
		} else {
			tally->idle += idle_get(&watch->idle, page) == IDLE;
		}
	}
}

TEST_F_TIMEOUT(vm, no_access_is_missed_while_it_runs, LIMIT_S)
{
	struct watch *watch = &self->watch;
	struct guest *guest = &watch->guest;
	struct trouble trouble;
	struct runner runners[AGING_VCPUS];
	struct tally tally = { };
	unsigned int i, round;

	/* A minute each, where checkers are on. */
	if (rounds() < ROUNDS && variant->kinds != ANYTHING)
		SKIP(return, "a part of all, and this kernel is slow");
	for (i = 0; i < AGING_VCPUS; i++)
		runner_start(&runners[i], &guest->workers[i]);
	trouble_start(&trouble, guest, variant->kinds);
	for (round = 0; round < rounds() && !tally.missed; round++) {
		choose(watch);
		EXPECT_TRUE(wait_passes(runners))
			break;
		EXPECT_TRUE(idle_set(&watch->idle));
		EXPECT_TRUE(wait_passes(runners))
			break;
		look(watch, &tally);
	}
	trouble_stop(&trouble);
	for (i = 0; i < AGING_VCPUS; i++)
		runner_stop(&runners[i]);
	TH_LOG("%u rounds, trouble %lu times: %lu found young, %lu late, %lu idle",
	       round, (unsigned long)trouble.times, tally.checked, tally.late,
	       tally.idle);
	EXPECT_EQ(0UL, tally.missed);
	EXPECT_LT(0UL, tally.checked);
	if (!variant->kinds)
		EXPECT_LT(0UL, tally.idle);
	for (i = 0; i < AGING_VCPUS; i++)
		EXPECT_EQ(0, guest->workers[i].error);
}

TEST_HARNESS_MAIN
