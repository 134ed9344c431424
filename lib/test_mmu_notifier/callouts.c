// SPDX-License-Identifier: GPL-2.0
/*
 * The callouts of the test subscribers: they count, they log, and they do
 * what the rules of user space say.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "internal.h"

#ifdef MMU_NOTIFIER_CAUSES
static_assert((int)MNT_NR_CAUSES == (int)MMU_NOTIFIER_NR_CAUSES);
static_assert((int)MNT_EXCLUSIVE == (int)MMU_CAUSE_EXCLUSIVE);
static_assert((int)MNT_PROTECT == (int)MMU_CAUSE_PROTECT);

static unsigned int cause_of(const struct mmu_notifier_range *range)
{
	return range->cause;
}

static bool event_fits(const struct mnt_call *call)
{
	return call->cause == MMU_CAUSE_UNKNOWN ||
	       call->event == mmu_notifier_event_of(call->cause);
}
#else
static unsigned int cause_of(const struct mmu_notifier_range *range)
{
	return MNT_UNKNOWN;
}

static bool event_fits(const struct mnt_call *call)
{
	return true;
}
#endif

static struct mnt_call call_of(enum mnt_op op,
			       const struct mmu_notifier_range *range)
{
	return (struct mnt_call) {
		.op = op,
		.start = range->start,
		.end = range->end,
		.event = range->event,
		.cause = cause_of(range),
		.owner = range->owner,
		.may_block = mmu_notifier_range_blockable(range),
	};
}

static bool mnt_is_start(const struct mnt_call *call)
{
	return call->op == MNT_OP_START || call->op == MNT_OP_INVALIDATE;
}

static void mnt_log_call(struct mnt_sub *sub, const struct mnt_call *call)
{
	struct mnt_record *record = &sub->log[sub->logged++ % MNT_LOG_SIZE];

	*record = (struct mnt_record) {
		.op = call->op,
		.event = call->event,
		.blockable = call->may_block,
		.cause = call->cause,
		.owner = !call->owner ? MNT_NOBODY :
			 call->owner == sub ? MNT_SELF : MNT_SOMEBODY,
		.pages = call->pages,
		.start = call->start,
		.end = call->end,
	};
}

/* Count a callout that comes, and find the rule for it. */
static struct mnt_rule mnt_enter(struct mnt_sub *sub,
				 const struct mnt_call *call,
				 unsigned int *rule_seq)
{
	struct mnt_stats *stats = &sub->stats;
	struct mnt_rule rule;

	spin_lock(&sub->lock);
	stats->calls[call->op]++;
	if (sub->ended)
		stats->after_del++;
	if (sub->released && call->op != MNT_OP_END)
		stats->after_release++;
	if (mnt_is_start(call)) {
		if (call->event < MNT_NR_EVENTS)
			stats->events[call->event]++;
		if (call->cause < MNT_NR_CAUSES)
			stats->causes[call->cause]++;
		stats->mismatched += !event_fits(call);
		if (!call->may_block)
			stats->nonblock++;
	}
	if (call->op == MNT_OP_END) {
		if (stats->open)
			stats->open--;
		else
			stats->stray++;
	}
	mnt_log_call(sub, call);
	rule = sub->rules[call->op];
	*rule_seq = sub->rule_seq;
	if (call->end <= rule.start || (rule.end && call->start >= rule.end))
		memset(&rule, 0, sizeof(rule));
	/* Whom it holds, if any, is not let go by this. */
	if (rule.flags & MNT_ONCE)
		memset(&sub->rules[call->op], 0, sizeof(rule));
	spin_unlock(&sub->lock);
	return rule;
}

static bool mnt_rule_changed(struct mnt_sub *sub, unsigned int rule_seq)
{
	return READ_ONCE(sub->rule_seq) != rule_seq;
}

/* Block or sleep as the rule says, in a context that allows it. */
static void mnt_pause(struct mnt_sub *sub, const struct mnt_rule *rule,
		      unsigned int rule_seq)
{
	long left = msecs_to_jiffies(rule->hold_ms);

	if (rule->delay_us)
		fsleep(rule->delay_us);
	if (!rule->hold_ms)
		return;
	spin_lock(&sub->lock);
	sub->stats.held++;
	spin_unlock(&sub->lock);
	if (rule->flags & MNT_UNKILLABLE)
		left = wait_event_timeout(sub->wq,
					  mnt_rule_changed(sub, rule_seq),
					  left);
	else
		left = wait_event_killable_timeout(sub->wq,
						   mnt_rule_changed(sub,
								    rule_seq),
						   left);
	spin_lock(&sub->lock);
	sub->stats.held--;
	if (!left)
		sub->stats.expired++;
	spin_unlock(&sub->lock);
}

/* MNT_PUT; the file has a reference, so that the memory stays. */
static void mnt_put_inside(struct mnt_sub *sub, enum mnt_op op)
{
	bool put;

	spin_lock(&sub->lock);
	put = sub->rules[op].flags & MNT_PUT;
	sub->rules[op].flags &= ~MNT_PUT;
	sub->puts += put;
	spin_unlock(&sub->lock);
	if (put)
		mmu_notifier_put(&sub->mn);
}

/**
 * mnt_call() - a callout that cannot fail
 * @sub:  the subscription
 * @call: the callout
 *
 * Context: Sleeps if @call->may_block and the rule says so.
 * Return: the rule that it goes by.
 */
struct mnt_rule mnt_call(struct mnt_sub *sub, const struct mnt_call *call)
{
	unsigned int rule_seq;
	struct mnt_rule rule = mnt_enter(sub, call, &rule_seq);

	if (call->may_block)
		mnt_pause(sub, &rule, rule_seq);
	if (rule.flags & MNT_PUT)
		mnt_put_inside(sub, call->op);
	return rule;
}

/* What every subscriber is for; the lock is held. */
static void mnt_withdraw(struct mnt_sub *sub, const struct mnt_call *call,
			 const struct mnt_rule *rule)
{
	if (!(rule->flags & MNT_KEEP))
		mnt_mirror_drop(sub, call->start, call->end);
}

/* A start of any kind, with the lock held; false if it is refused. */
static bool mnt_admit(struct mnt_sub *sub, const struct mnt_call *call,
		      const struct mnt_rule *rule)
{
	lockdep_assert_held(&sub->lock);
	if (rule->answer && !call->may_block) {
		sub->stats.refused++;
		return false;
	}
	if (sub->kind == MNT_LIST || sub->kind == MNT_GET ||
	    sub->kind == MNT_FILTERED)
		sub->stats.open++;
	mnt_withdraw(sub, call, rule);
	return true;
}

static int mnt_start(struct mmu_notifier *mn,
		     const struct mmu_notifier_range *range)
{
	struct mnt_call call = call_of(MNT_OP_START, range);
	struct mnt_sub *sub = to_sub(mn);
	struct mnt_rule rule = mnt_call(sub, &call);
	bool admitted;

	spin_lock(&sub->lock);
	admitted = mnt_admit(sub, &call, &rule);
	spin_unlock(&sub->lock);
	return admitted ? 0 : -EAGAIN;
}

static void mnt_end(struct mmu_notifier *mn,
		    const struct mmu_notifier_range *range)
{
	struct mnt_call call = call_of(MNT_OP_END, range);

	mnt_call(to_sub(mn), &call);
}

static bool mnt_invalidate(struct mmu_interval_notifier *interval,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq)
{
	struct mnt_sub *sub = container_of(interval, struct mnt_sub, interval);
	struct mnt_call call = call_of(MNT_OP_INVALIDATE, range);
	struct mnt_rule rule = mnt_call(sub, &call);
	bool admitted;

	spin_lock(&sub->lock);
	admitted = mnt_admit(sub, &call, &rule);
	if (admitted) {
		mmu_interval_set_seq(interval, cur_seq);
		/* An interval has no other release. */
		if (range->event == MMU_NOTIFY_RELEASE)
			sub->released = true;
	}
	spin_unlock(&sub->lock);
	return admitted;
}

/**
 * mnt_release() - the release callout
 * @mn: of the subscription
 * @mm: its mm
 */
void mnt_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct mnt_sub *sub = to_sub(mn);
	const struct mnt_call call = {
		.op = MNT_OP_RELEASE,
		.end = ULONG_MAX,
		.may_block = true,
	};
	struct mnt_rule rule = mnt_call(sub, &call);

	spin_lock(&sub->lock);
	sub->released = true;
	mnt_withdraw(sub, &call, &rule);
	spin_unlock(&sub->lock);
}

static int mnt_nonsleeping(struct mmu_notifier *mn, enum mnt_op op,
			   unsigned long start, unsigned long end)
{
	const struct mnt_call call = {
		.op = op,
		.start = start,
		.end = end,
	};
	struct mnt_sub *sub = to_sub(mn);
	int answer = mnt_call(sub, &call).answer;

	return answer | mnt_take_accessed(sub, start, end,
					  op != MNT_OP_TEST_YOUNG);
}

static int mnt_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
				 unsigned long start, unsigned long end)
{
	return mnt_nonsleeping(mn, MNT_OP_CLEAR_FLUSH_YOUNG, start, end);
}

static int mnt_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
			   unsigned long start, unsigned long end)
{
	return mnt_nonsleeping(mn, MNT_OP_CLEAR_YOUNG, start, end);
}

static int mnt_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
			  unsigned long address)
{
	return mnt_nonsleeping(mn, MNT_OP_TEST_YOUNG, address,
			       address + PAGE_SIZE);
}

static void mnt_secondary(struct mmu_notifier *mn, struct mm_struct *mm,
			  unsigned long start, unsigned long end)
{
	const struct mnt_call call = {
		.op = MNT_OP_SECONDARY,
		.start = start,
		.end = end,
	};
	struct mnt_sub *sub = to_sub(mn);
	struct mnt_rule rule = mnt_call(sub, &call);

	spin_lock(&sub->lock);
	mnt_withdraw(sub, &call, &rule);
	spin_unlock(&sub->lock);
}

static struct mmu_notifier *mnt_alloc_notifier(struct mm_struct *mm)
{
	struct mnt_sub *sub = mnt_alloc(MNT_GET);

	return sub ? &sub->mn : ERR_PTR(-ENOMEM);
}

static void mnt_free_notifier(struct mmu_notifier *mn)
{
	struct mnt_sub *sub = to_sub(mn);

	mnt_note_ended(sub);
	spin_lock(&sub->lock);
	sub->stats.frees++;
	spin_unlock(&sub->lock);
	mnt_put(sub);
}

/**
 * mnt_note_ended() - no callout may come from now on
 * @sub: the subscription
 */
void mnt_note_ended(struct mnt_sub *sub)
{
	spin_lock(&sub->lock);
	sub->ended = true;
	sub->stats.open_at_del = sub->stats.open;
	spin_unlock(&sub->lock);
}

/**
 * mnt_set_rule() - change how callouts of one op behave
 * @sub:  the subscription
 * @rule: the rule, with a valid op
 */
void mnt_set_rule(struct mnt_sub *sub, const struct mnt_rule *rule)
{
	spin_lock(&sub->lock);
	sub->rules[rule->op] = *rule;
	WRITE_ONCE(sub->rule_seq, sub->rule_seq + 1);
	spin_unlock(&sub->lock);
	wake_up_all(&sub->wq);
}

/**
 * mnt_let_go() - forget the rules and let all held callouts go
 * @sub: the subscription
 */
void mnt_let_go(struct mnt_sub *sub)
{
	spin_lock(&sub->lock);
	memset(sub->rules, 0, sizeof(sub->rules));
	WRITE_ONCE(sub->rule_seq, sub->rule_seq + 1);
	spin_unlock(&sub->lock);
	wake_up_all(&sub->wq);
}

#define MNT_AGING_OPS						\
	.release = mnt_release,					\
	.clear_flush_young = mnt_clear_flush_young,		\
	.clear_young = mnt_clear_young,				\
	.test_young = mnt_test_young

const struct mmu_notifier_ops mnt_ops[MNT_NR_KINDS] = {
	[MNT_LIST] = {
		MNT_AGING_OPS,
		.invalidate_range_start = mnt_start,
		.invalidate_range_end = mnt_end,
	},
	[MNT_LIST_START] = {
		.release = mnt_release,
		.invalidate_range_start = mnt_start,
	},
	[MNT_SECONDARY] = {
		.release = mnt_release,
		.arch_invalidate_secondary_tlbs = mnt_secondary,
	},
	[MNT_AGING] = {
		MNT_AGING_OPS,
	},
	[MNT_GET] = {
		MNT_AGING_OPS,
		.invalidate_range_start = mnt_start,
		.invalidate_range_end = mnt_end,
		.alloc_notifier = mnt_alloc_notifier,
		.free_notifier = mnt_free_notifier,
	},
	[MNT_FILTERED] = {
		MNT_AGING_OPS,
		.invalidate_range_start = mnt_start,
		.invalidate_range_end = mnt_end,
#ifdef MMU_NOTIFIER_CAUSES
		.filtered = true,
#endif
	},
};

/* Of MNT_UNMAPS_ONLY. */
const struct mmu_notifier_ops mnt_unmap_ops = {
	MNT_AGING_OPS,
	.invalidate_range_start = mnt_start,
	.invalidate_range_end = mnt_end,
#ifdef MMU_NOTIFIER_CAUSES
	.events = MMU_NOTIFY_BIT(UNMAP),
#endif
};

const struct mmu_interval_notifier_ops mnt_interval_ops = {
	.invalidate = mnt_invalidate,
};

const struct mmu_interval_notifier_ops mnt_interval_unmap_ops = {
	.invalidate = mnt_invalidate,
#ifdef MMU_NOTIFIER_CAUSES
	.events = MMU_NOTIFY_BIT(UNMAP),
#endif
};
