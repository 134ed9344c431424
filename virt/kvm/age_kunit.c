// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of which pages a question is about, and which become young: entries
 * of any size, at any place, against a bitmap that is looked at bit by bit.
 */
#include <kunit/test.h>
#include <linux/kvm_host.h>
#include <linux/prandom.h>

#define PAGES	700
#define BASE	5000	/* the frame of bit 0 */
#define ROUNDS	2000

struct question {
	DECLARE_BITMAP(pages, PAGES);
	DECLARE_BITMAP(young, PAGES);
	struct kvm_age_range range;
};

/* Some frames of a slot that begins somewhere among the pages. */
static void choose(struct question *question, struct rnd_state *rnd, bool all)
{
	struct kvm_age_range *range = &question->range;
	unsigned int i;

	bitmap_zero(question->pages, PAGES);
	bitmap_zero(question->young, PAGES);
	for (i = 0; i < PAGES; i++)
		if (!(prandom_u32_state(rnd) % 16))
			__set_bit(i, question->pages);
	range->first = prandom_u32_state(rnd) % (PAGES - 1);
	range->start = BASE + range->first;
	range->end = range->start + 1 +
		     prandom_u32_state(rnd) % (PAGES - range->first);
	range->pages = all ? NULL : question->pages;
	range->young = question->young;
}

/* A frame that is asked about. */
static bool is_asked(const struct question *question, gfn_t gfn)
{
	return gfn >= question->range.start && gfn < question->range.end &&
	       (!question->range.pages ||
		test_bit(gfn - BASE, question->pages));
}

static void check(struct kunit *test, struct question *question, gfn_t gfn,
		  gfn_t nr)
{
	bool wanted = false;
	unsigned int i;

	for (i = 0; i < nr; i++)
		wanted |= is_asked(question, gfn + i);
	KUNIT_EXPECT_EQ(test, wanted,
			kvm_age_wanted(&question->range, gfn, nr));
	if (!wanted)
		return;
	kvm_age_note(&question->range, gfn, nr);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, test_bit(i, question->young),
				BASE + i >= gfn && BASE + i < gfn + nr &&
				is_asked(question, BASE + i));
}

static void age_which_pages(struct kunit *test)
{
	static const unsigned int sizes[] = { 1, 16, 512 };
	struct question *question;
	struct rnd_state rnd;
	unsigned int i;
	gfn_t gfn, nr;

	question = kunit_kzalloc(test, sizeof(*question), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, question);
	prandom_seed_state(&rnd, 1);
	for (i = 0; i < ROUNDS; i++) {
		choose(question, &rnd, i % 2);
		nr = sizes[prandom_u32_state(&rnd) % ARRAY_SIZE(sizes)];
		/* An entry that overlaps the range, as the walks find them. */
		gfn = question->range.start + prandom_u32_state(&rnd) %
		      (question->range.end - question->range.start);
		check(test, question, round_down(gfn, nr), nr);
	}
}

static void age_enough(struct kunit *test)
{
	unsigned long young;
	struct kvm_age_range range = { };

	KUNIT_EXPECT_TRUE(test, kvm_age_enough(&range));
	range.clear = true;
	KUNIT_EXPECT_FALSE(test, kvm_age_enough(&range));
	range.clear = false;
	range.young = &young;
	KUNIT_EXPECT_FALSE(test, kvm_age_enough(&range));
}

static struct kunit_case age_cases[] = {
	KUNIT_CASE(age_which_pages),
	KUNIT_CASE(age_enough),
	{ }
};

static struct kunit_suite age_suite = {
	.name = "kvm_age",
	.test_cases = age_cases,
};

kunit_test_suite(age_suite);
