// SPDX-License-Identifier: GPL-2.0
/*
 * The coherence soak. Each kind of disturbance by itself for a while, and all
 * of them together for longer: MMU_NOTIFIER_SOAK_S seconds, 30 by default; a
 * tenth of that for each by itself.
 *
 * A failure names the page, what should have been there, and what was.
 */
#include "check.h"
#include "soak.h"

#define ALL		((1U << SOAK_KINDS) - 1)
#define SOAK_LIMIT_S	1200
/*
 * For each kind to have been of some effect, and for the guest to get through
 * its pages, many of them swapped out: minutes, where all is slow.
 */
#define SOAK_PATIENCE_MS	300000

FIXTURE(soak) {
	struct soak soak;
};

FIXTURE_VARIANT(soak) {
	unsigned int mask;
};

FIXTURE_VARIANT_ADD(soak, swap) { .mask = 1U << SOAK_SWAP };
FIXTURE_VARIANT_ADD(soak, memcg) { .mask = 1U << SOAK_MEMCG };
FIXTURE_VARIANT_ADD(soak, ksm) { .mask = 1U << SOAK_KSM };

FIXTURE_VARIANT_ADD(soak, thp) {
	.mask = 1U << SOAK_SPLIT | 1U << SOAK_COLLAPSE,
};

FIXTURE_VARIANT_ADD(soak, migrate) { .mask = 1U << SOAK_MIGRATE };
FIXTURE_VARIANT_ADD(soak, balance) { .mask = 1U << SOAK_BALANCE };
FIXTURE_VARIANT_ADD(soak, fork) { .mask = 1U << SOAK_FORK };
FIXTURE_VARIANT_ADD(soak, drop) { .mask = 1U << SOAK_DROP };
FIXTURE_VARIANT_ADD(soak, protect) { .mask = 1U << SOAK_PROTECT };
FIXTURE_VARIANT_ADD(soak, log) { .mask = 1U << SOAK_LOG };
FIXTURE_VARIANT_ADD(soak, all) { .mask = ALL };

/* What cannot be had is left out of many, and is no test by itself. */
static const char *choose(struct __test_metadata *_metadata, struct soak *soak,
			  unsigned int mask)
{
	const char *why = NULL;
	unsigned int i;

	for (i = 0; i < SOAK_KINDS; i++) {
		if (!(mask & 1U << i))
			continue;
		why = soak_why_not(i);
		if (!why)
			soak->mask |= 1U << i;
		else if (mask == ALL)
			TH_LOG("left out: %s: %s", soak_name(i), why);
		else
			return why;
	}
	return NULL;
}

FIXTURE_SETUP(soak)
{
	const struct guest_make make = {
		.vcpus = SOAK_VCPUS,
		.size = SOAK_SIZE,
		.huge = true,
		.code = soak_guest_code,
	};
	const char *why = choose(_metadata, &self->soak, variant->mask);
	struct guest *guest = &self->soak.guest;
	int i;

	if (why)
		SKIP(return, "%s", why);
	soak_prepare(&self->soak);
	guest_make(guest, &make);
	soak_guest_find(&self->soak);
	for (i = 0; i < SOAK_VCPUS; i++) {
		job_resume(guest, i);
		ASSERT_TRUE(job_wait(guest, i, SOAK_PATIENCE_MS));
		ASSERT_EQ(0, guest->workers[i].error);
	}
}

FIXTURE_TEARDOWN(soak)
{
	guest_free(&self->soak.guest);
	soak_restore(&self->soak);
}

static unsigned int how_long_ms(unsigned int mask)
{
	const char *text = getenv("MMU_NOTIFIER_SOAK_S");
	unsigned int seconds = text ? strtoul(text, NULL, 10) : 30;

	return seconds * (mask == ALL ? 1000 : 100);
}

static bool all_had_effect(const struct soak *soak)
{
	unsigned int i;

	for (i = 0; i < SOAK_KINDS; i++) {
		if (soak->mask & 1U << i && !soak_effect(soak, i))
			return false;
	}
	return true;
}

/*
 * For as long as asked for, and until each kind was of some effect, which may
 * take longer on a busy machine. At once if a vCPU has stopped, which it does
 * if something is wrong.
 */
static void watch(const struct soak *soak, unsigned int ms)
{
	const struct worker *workers = soak->guest.workers;
	uint64_t until = now_ns() + ms * MSEC;
	uint64_t limit = until + SOAK_PATIENCE_MS * MSEC;

	while (!workers[0].done && !workers[1].done && now_ns() < limit &&
	       (now_ns() < until || !all_had_effect(soak)))
		sleep_ms(10);
}

static void look_at(struct __test_metadata *_metadata, struct soak *soak,
		    unsigned int vcpu)
{
	const struct soak_result *result = &soak->results[vcpu];

	TH_LOG("vCPU %u: %lu pages verified, %lu written, %lu zero, %u denied",
	       vcpu, (unsigned long)result->steps,
	       (unsigned long)result->writes, (unsigned long)result->zeroes,
	       soak->guest.workers[vcpu].denied);
	if (result->wrong)
		TH_LOG("page %#lx, generation %lu: %lx expected at %#lx, %lx found",
		       (unsigned long)(result->where & ~(PAGE - 1)),
		       (unsigned long)result->generation,
		       (unsigned long)result->wanted,
		       (unsigned long)result->where,
		       (unsigned long)result->found);
	if (soak->guest.workers[vcpu].error)
		TH_LOG("%s", soak->guest.workers[vcpu].last_words);
	EXPECT_EQ(0UL, result->wrong);
	EXPECT_LT(0UL, result->steps);
	EXPECT_EQ(0, soak->guest.workers[vcpu].error);
}

/* What a vCPU does that does not come to an end. */
static void log_stuck(struct __test_metadata *_metadata,
		      const struct soak *soak, unsigned int vcpu)
{
	const struct worker *worker = &soak->guest.workers[vcpu];
	unsigned long steps = soak->results[vcpu].steps;

	TH_LOG("vCPU %u goes on: %lu pages verified, %u denied, %u no memory",
	       vcpu, steps, worker->denied, worker->mmio);
	TH_LOG("%lu waits, %lu retries",
	       (unsigned long)vcpu_stat(&soak->guest, vcpu,
					"invalidate_waits"),
	       (unsigned long)vcpu_retries(&soak->guest, vcpu));
}

TEST_F_TIMEOUT(soak, memory_is_what_the_guest_made_it, SOAK_LIMIT_S)
{
	struct soak *soak = &self->soak;
	unsigned long effect;
	unsigned int i;

	for (i = 0; i < SOAK_VCPUS; i++)
		job_resume(&soak->guest, i);
	soak_disturb(soak);
	watch(soak, how_long_ms(variant->mask));
	soak_calm(soak);
	WRITE_ONCE(*soak->stop_guest, true);
	for (i = 0; i < SOAK_VCPUS; i++) {
		ASSERT_TRUE(job_wait(&soak->guest, i, SOAK_PATIENCE_MS))
			log_stuck(_metadata, soak, i);
		look_at(_metadata, soak, i);
	}
	for (i = 0; i < SOAK_KINDS; i++) {
		if (!(soak->mask & 1U << i))
			continue;
		effect = soak_effect(soak, i);
		TH_LOG("%s: %lu times, effect %lu", soak_name(i),
		       (unsigned long)soak->done[i], effect);
		EXPECT_LT(0UL, effect);
	}
}

TEST_HARNESS_MAIN
