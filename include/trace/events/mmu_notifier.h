/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mmu_notifier

#if !defined(_TRACE_MMU_NOTIFIER_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MMU_NOTIFIER_H

#include <linux/mmu_notifier.h>
#include <linux/mmu_notifier_age.h>
#include <linux/sched/clock.h>
#include <linux/tracepoint.h>

/* The time, if the named event is traced; zero otherwise. */
#define mn_trace_clock(event)						\
	(trace_##event##_enabled() ? local_clock() : 0)

/* How long ago was @began, in ns; zero if it was not taken. */
#define mn_trace_since(began)	((began) ? local_clock() - (began) : 0)

#define MN_TRACE_CAUSE(cause, event, name, by_address)			\
	TRACE_DEFINE_ENUM(MMU_CAUSE_##cause);
MMU_NOTIFIER_CAUSES(MN_TRACE_CAUSE)
#undef MN_TRACE_CAUSE

/* The name of a cause, from the table that defines them. */
#define MN_CAUSE_NAME(cause, event, name, by_address)			\
	{ MMU_CAUSE_##cause, name },
#define show_mmu_notifier_cause(cause)					\
	__print_symbolic(cause, MMU_NOTIFIER_CAUSES(MN_CAUSE_NAME)	\
			 { MMU_NOTIFIER_NR_CAUSES, "?" })

#define show_mmu_notifier_event(event)					\
	__print_symbolic(event,						\
		{ 0, "unmap" }, { 1, "clear" }, { 2, "protection_vma" },\
		{ 3, "protection_page" }, { 4, "soft_dirty" },		\
		{ 5, "release" }, { 6, "migrate" }, { 7, "exclusive" })

#define show_mmu_notifier_op(op)					\
	__print_symbolic(op,						\
		{ 0, "start" }, { 1, "end" }, { 2, "invalidate" },	\
		{ 3, "release" }, { 4, "secondary_tlbs" },		\
		{ 5, "clear_flush_young" }, { 6, "clear_young" },	\
		{ 7, "test_young" }, { 8, "age" })

#define show_mmu_aging_reason(reason)					\
	__print_symbolic(reason,					\
		{ 0, "other" }, { 1, "reclaim" }, { 2, "look_around" },	\
		{ 3, "walk" }, { 4, "idle" }, { 5, "damon" },		\
		{ 6, "collapse" })

TRACE_EVENT(mmu_notifier_start,

	TP_PROTO(const struct mmu_notifier_range *range, int ret),

	TP_ARGS(range, ret),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(int,		event)
		__field(int,		cause)
		__field(bool,		blockable)
		__field(int,		ret)
		__field(u64,		duration)
	),

	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->event = range->event;
		__entry->cause = range->cause;
		__entry->blockable = mmu_notifier_range_blockable(range);
		__entry->ret = ret;
		__entry->duration = mn_trace_since(range->began);
	),

	TP_printk("mm=%p range=%lx-%lx event=%s cause=%s blockable=%d ret=%d duration=%llu",
		  __entry->mm, __entry->start, __entry->end,
		  show_mmu_notifier_event(__entry->event),
		  show_mmu_notifier_cause(__entry->cause), __entry->blockable,
		  __entry->ret, __entry->duration)
);

TRACE_EVENT(mmu_notifier_end,

	TP_PROTO(const struct mmu_notifier_range *range),

	TP_ARGS(range),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(int,		event)
		__field(int,		cause)
		__field(u64,		duration)
	),

	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->event = range->event;
		__entry->cause = range->cause;
		__entry->duration = mn_trace_since(range->began);
	),

	TP_printk("mm=%p range=%lx-%lx event=%s cause=%s duration=%llu",
		  __entry->mm, __entry->start, __entry->end,
		  show_mmu_notifier_event(__entry->event),
		  show_mmu_notifier_cause(__entry->cause), __entry->duration)
);

TRACE_EVENT(mmu_notifier_callout,

	TP_PROTO(const struct mmu_notifier_range *range, int op,
		 const void *subscriber, int ret, u64 began),

	TP_ARGS(range, op, subscriber, ret, began),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(const void *,	subscriber)
		__field(int,		op)
		__field(int,		event)
		__field(int,		cause)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(int,		ret)
		__field(u64,		duration)
	),

	TP_fast_assign(
		__entry->mm = range->mm;
		__entry->subscriber = subscriber;
		__entry->op = op;
		__entry->event = range->event;
		__entry->cause = range->cause;
		__entry->start = range->start;
		__entry->end = range->end;
		__entry->ret = ret;
		__entry->duration = mn_trace_since(began);
	),

	TP_printk("mm=%p subscriber=%ps op=%s event=%s cause=%s range=%lx-%lx ret=%d duration=%llu",
		  __entry->mm, __entry->subscriber,
		  show_mmu_notifier_op(__entry->op),
		  show_mmu_notifier_event(__entry->event),
		  show_mmu_notifier_cause(__entry->cause),
		  __entry->start, __entry->end, __entry->ret,
		  __entry->duration)
);

TRACE_EVENT(mmu_notifier_age,

	TP_PROTO(const struct mmu_notifier_aging *aging, int op,
		 const void *subscriber, int young, u64 began),

	TP_ARGS(aging, op, subscriber, young, began),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(const void *,	subscriber)
		__field(int,		op)
		__field(int,		reason)
		__field(bool,		blockable)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(unsigned long,	pages)
		__field(int,		young)
		__field(u64,		duration)
	),

	TP_fast_assign(
		unsigned long nr = (aging->end - aging->start) >> PAGE_SHIFT;

		__entry->mm = aging->mm;
		__entry->subscriber = subscriber;
		__entry->op = op;
		__entry->reason = aging->reason;
		__entry->blockable = mmu_notifier_aging_blockable(aging);
		__entry->start = aging->start;
		__entry->end = aging->end;
		__entry->pages = aging->pages ?
				 bitmap_weight(aging->pages, nr) : nr;
		__entry->young = aging->young && young ?
				 bitmap_weight(aging->young, nr) : young;
		__entry->duration = mn_trace_since(began);
	),

	TP_printk("mm=%p subscriber=%ps op=%s reason=%s blockable=%d range=%lx-%lx pages=%lu young=%d duration=%llu",
		  __entry->mm, __entry->subscriber,
		  show_mmu_notifier_op(__entry->op),
		  show_mmu_aging_reason(__entry->reason), __entry->blockable,
		  __entry->start, __entry->end, __entry->pages,
		  __entry->young, __entry->duration)
);

DECLARE_EVENT_CLASS(mmu_notifier_subscription,

	TP_PROTO(struct mm_struct *mm, const void *ops, bool interval,
		 unsigned long start, unsigned long last, int ret, u64 began),

	TP_ARGS(mm, ops, interval, start, last, ret, began),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(const void *,	ops)
		__field(bool,		interval)
		__field(unsigned long,	start)
		__field(unsigned long,	last)
		__field(int,		ret)
		__field(u64,		duration)
	),

	TP_fast_assign(
		__entry->mm = mm;
		__entry->ops = ops;
		__entry->interval = interval;
		__entry->start = start;
		__entry->last = last;
		__entry->ret = ret;
		__entry->duration = mn_trace_since(began);
	),

	TP_printk("mm=%p ops=%ps kind=%s start=%lx last=%lx ret=%d duration=%llu",
		  __entry->mm, __entry->ops,
		  __entry->interval ? "interval" : "list", __entry->start,
		  __entry->last, __entry->ret, __entry->duration)
);

DEFINE_EVENT(mmu_notifier_subscription, mmu_notifier_register,
	TP_PROTO(struct mm_struct *mm, const void *ops, bool interval,
		 unsigned long start, unsigned long last, int ret, u64 began),
	TP_ARGS(mm, ops, interval, start, last, ret, began)
);

DEFINE_EVENT(mmu_notifier_subscription, mmu_notifier_unregister,
	TP_PROTO(struct mm_struct *mm, const void *ops, bool interval,
		 unsigned long start, unsigned long last, int ret, u64 began),
	TP_ARGS(mm, ops, interval, start, last, ret, began)
);

#endif /* _TRACE_MMU_NOTIFIER_H */

#include <trace/define_trace.h>
