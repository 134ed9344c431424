/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the base's core needs beyond the shim of the native tests.
 *
 * A reader of SRCU counts itself and has a full barrier, in the kernel as
 * here; only that the counter belongs to the thread and not to the CPU.
 */
#ifndef BENCH_NATIVE_STOCK_H
#define BENCH_NATIVE_STOCK_H

#include <linux/mm.h>

#undef atomic_t
#define atomic_t struct shim_atomic_t

/* The header of the base's mm/ that is found beside the core. */
#define __MM_VMA_H

struct srcu_struct {
	int unused;
};

extern __thread unsigned long native_srcu_readers;

#define DEFINE_STATIC_SRCU(name)	static struct srcu_struct name

static inline int srcu_read_lock(struct srcu_struct *srcu)
{
	__atomic_store_n(&native_srcu_readers, native_srcu_readers + 1,
			 __ATOMIC_RELAXED);
	/* What is read comes after: it pairs with that of a grace period. */
	smp_mb();
	return 0;
}

static inline void srcu_read_unlock(struct srcu_struct *srcu, int index)
{
	/* What was read came before. */
	smp_mb();
	__atomic_store_n(&native_srcu_readers, native_srcu_readers - 1,
			 __ATOMIC_RELAXED);
}

/* Nobody unsubscribes while anything is measured. */
#define srcu_read_lock_held(srcu)	1
#define synchronize_srcu(srcu)		((void)(srcu))
#define srcu_barrier(srcu)		((void)(srcu))
#define call_srcu(srcu, head, fn)	((void)(srcu), (fn)(head))

#define BUG_ON(cond)			\
do {					\
	if (cond)			\
		shim_bug(#cond);	\
} while (0)
#define WARN_ON(cond)			WARN_ONCE(cond, "")
#define pr_info(...)			printf(__VA_ARGS__)
#define lockdep_is_held(lock)		1
#define wait_event(wq, condition)	\
	wait_event_cmd(wq, condition, (void)0, (void)0)

#define mm_take_all_locks(mm)		((void)(mm), 0)
#define mm_drop_all_locks(mm)		((void)(mm))

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

#define LIST_POISON1			((void *)0x100)
#define INIT_HLIST_HEAD(head)		((head)->first = NULL)
#define hlist_add_head(node, head)	hlist_add_head_rcu(node, head)
#define hlist_del(node)			hlist_del_init_rcu(node)
#define hlist_del_rcu(node)		hlist_del_init_rcu(node)

/* Some callers name the lock that they hold. */
#undef hlist_for_each_entry_rcu
#define hlist_for_each_entry_rcu(pos, head, member, ...)		\
	for (pos = shim_hlist_entry(rcu_dereference((head)->first),	\
				    typeof(*pos), member);		\
	     pos;							\
	     pos = shim_hlist_entry(rcu_dereference(pos->member.next),	\
				    typeof(*pos), member))

#define hlist_for_each_entry_safe(pos, after, head, member)		\
	for (pos = shim_hlist_entry((head)->first, typeof(*pos), member); \
	     pos && ((after) = pos->member.next, 1);			\
	     pos = shim_hlist_entry(after, typeof(*pos), member))

#endif /* BENCH_NATIVE_STOCK_H */
