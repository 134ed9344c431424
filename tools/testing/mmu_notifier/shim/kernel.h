/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's environment as the notifier core needs, on POSIX
 * threads.  Every header in shim/linux/ includes this one file.
 *
 * What the kernel expresses by barriers is mapped to the compiler's atomics,
 * so that ThreadSanitizer judges the core by the orderings it really asks for:
 * READ_ONCE() gives none, a lock gives its own and no more.
 */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;

#define U64_MAX	(~0ULL)
#define noinline	__attribute_noinline__

/* For sparse only. */
#define __acquire(lock)			((void)0)
#define __release(lock)			((void)0)

#define CONFIG_MMU_NOTIFIER		1
#define CONFIG_MMU_NOTIFIER_DEBUG	1

/* 1 if the option is defined as 1, or else 0. */
#define SHIM_COMMA_1			0,
#define SHIM_SECOND(a, b, ...)		b
#define SHIM_PICK(x)			SHIM_SECOND(x 1, 0, 0)
#define SHIM_PASTE(x)			SHIM_PICK(SHIM_COMMA_##x)
#define IS_ENABLED(CONFIG_any)	SHIM_PASTE(CONFIG_any)

#define ERESTARTSYS	512
#define PAGE_SIZE	4096UL
#define PAGE_SHIFT	12
#define PTRS_PER_PTE	512
#define PMD_SIZE	(PTRS_PER_PTE * PAGE_SIZE)
#define PMD_MASK	(~(PMD_SIZE - 1))

#define __rcu
#define __acquires(lock)
#define __releases(lock)
#define __init
#define __uninitialized
#define __must_check	__attribute__((warn_unused_result))
#define __noreturn	noreturn
#ifndef __always_inline
#define __always_inline	inline
#endif
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_GPL(sym)
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define BIT(nr)		(1UL << (nr))
#define BIT_ULL(nr)	(1ULL << (nr))
#define __ffs64(x)	__builtin_ctzll(x)
#define __ffs(x)	__builtin_ctzl(x)
#define fls64(x)	((x) ? 64 - __builtin_clzll(x) : 0)
#define check_add_overflow(a, b, sum) __builtin_add_overflow(a, b, sum)

#define __same_type(a, b) __builtin_types_compatible_p(typeof(a), typeof(b))
#define container_of(ptr, type, member)					\
	((type *)((char *)(ptr) - offsetof(type, member)))

#define core_initcall(fn)						\
	static void __attribute__((constructor)) fn##_at_start(void)	\
	{								\
		if (fn())						\
			abort();					\
	}

#define min(a, b)	((a) < (b) ? (a) : (b))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define ALIGN(x, to)		(((x) + (to) - 1) & ~((to) - 1))
#define ALIGN_DOWN(x, to)	((x) & ~((to) - 1))

/* Bitmaps, one bit after the other. */
#define SHIM_BITS	(8 * sizeof(unsigned long))
#define DECLARE_BITMAP(name, bits)					\
	unsigned long name[((bits) + SHIM_BITS - 1) / SHIM_BITS]

static inline bool test_bit(unsigned long bit, const unsigned long *map)
{
	return map[bit / SHIM_BITS] >> bit % SHIM_BITS & 1;
}

static inline void __set_bit(unsigned long bit, unsigned long *map)
{
	map[bit / SHIM_BITS] |= BIT(bit % SHIM_BITS);
}

static inline bool __test_and_clear_bit(unsigned long bit, unsigned long *map)
{
	bool was = test_bit(bit, map);

	map[bit / SHIM_BITS] &= ~BIT(bit % SHIM_BITS);
	return was;
}

static inline unsigned long shim_find(const unsigned long *map,
				      unsigned long size, unsigned long bit,
				      bool set)
{
	while (bit < size && test_bit(bit, map) != set)
		bit++;
	return min(bit, size);
}

#define find_next_bit(map, size, from)		shim_find(map, size, from, true)
#define find_next_zero_bit(map, size, from)	shim_find(map, size, from, false)
#define find_first_zero_bit(map, size)		shim_find(map, size, 0, false)

static inline void bitmap_zero(unsigned long *map, unsigned long size)
{
	memset(map, 0, size / 8);
}

static inline void bitmap_set(unsigned long *map, unsigned long bit,
			      unsigned long bits)
{
	for (; bits; bits--)
		__set_bit(bit++, map);
}

static inline unsigned int bitmap_weight(const unsigned long *map,
					 unsigned long size)
{
	unsigned int weight = 0;

	while (size--)
		weight += test_bit(size, map);
	return weight;
}

static inline bool bitmap_subset(const unsigned long *part,
				 const unsigned long *map, unsigned long size)
{
	while (size--)
		if (test_bit(size, part) && !test_bit(size, map))
			return false;
	return true;
}

/* Memory order. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
/* The partner of a release, as the compiler's atomics know it. */
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
/* The partner of an acquire. */
#define smp_store_release(p, v)						\
do {									\
	shim_at(SHIM_RELEASE);						\
	__atomic_store_n(p, v, __ATOMIC_RELEASE);			\
	shim_at(SHIM_RELEASED);						\
} while (0)
/* Full; ThreadSanitizer does not model it and does not need it here. */
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

struct shim_atomic_t {
	int counter;
};

#define atomic_t struct shim_atomic_t

#define atomic_set(a, v)	\
	__atomic_store_n(&(a)->counter, v, __ATOMIC_SEQ_CST)
#define atomic_read(a)		\
	__atomic_load_n(&(a)->counter, __ATOMIC_SEQ_CST)
#define atomic_add_return(v, a)	\
	__atomic_add_fetch(&(a)->counter, v, __ATOMIC_SEQ_CST)
#define atomic_inc(a)		atomic_add_return(1, a)
#define atomic_dec(a)		atomic_add_return(-1, a)

/* Errors as pointers. */
#define SHIM_MAX_ERR	4095UL

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= -SHIM_MAX_ERR;
}

/* Where a test can have something done in the middle of the core. */
enum shim_point {
	SHIM_RELEASE,		/* before a store that releases */
	SHIM_RELEASED,		/* after it */
	SHIM_RCU_UNLOCKED,	/* after an RCU read-side section */
	SHIM_GRACE,		/* before a grace period */
	SHIM_GRACE_OVER,	/* after it */
};

/* What a thread may do at the moment, and what is pending for it. */
struct shim_task {
	void (*hook)(enum shim_point point);
	int spinlocks;
	int non_block;
	int rcu_nesting;
	int rcu_index;
	int fail_alloc;
	unsigned int flags;
	atomic_t signal;
	const char *maps[4];
	int nr_maps;
};

extern __thread struct shim_task shim_self;
extern atomic_t shim_warnings;
/* Threads that wait for others: for a wake-up, or for readers. */
extern atomic_t shim_waiting;

static inline void shim_at(enum shim_point point)
{
	if (shim_self.hook && !shim_self.spinlocks)
		shim_self.hook(point);
}

void shim_warn(const char *file, int line, const char *what);
void __noreturn shim_bug(const char *what);
/* A test that wants this very bug ends by it, and well. */
extern const char *shim_wanted;
#define SHIM_RECURSION	"waits for callouts inside of one"
void shim_map_acquire(const char *map);
void shim_map_release(const char *map);
void might_sleep(void);

#define task_struct		shim_task
#define current			(&shim_self)
#define PF_MEMALLOC		0x1
#define signal_pending(task)	(atomic_read(&(task)->signal) != 0)
#define preempt_count()		(shim_self.spinlocks)
#define preempt_count_set(n)	(shim_self.spinlocks = (n))
#define non_block_start()	(shim_self.non_block++)
#define non_block_end()		(shim_self.non_block--)
#define might_lock(lock)	do { } while (0)
#define cond_resched()		might_sleep()

#define WARN_ONCE(cond, fmt, ...)					\
({									\
	bool shim_cond = !!(cond);					\
									\
	if (shim_cond)							\
		shim_warn(__FILE__, __LINE__, #cond);			\
	shim_cond;							\
})
#define WARN_ON_ONCE(cond)	WARN_ONCE(cond, "")

/* Of lockdep's maps only that none is taken twice; locks have no classes. */
#define lock_map_acquire(map)	shim_map_acquire(#map)
#define lock_map_release(map)	shim_map_release(#map)

struct shim_spinlock_t {
	pthread_mutex_t mutex;
	unsigned long owner;
};

#define spinlock_t struct shim_spinlock_t

unsigned long shim_thread(void);
void spin_lock_init(spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
#define lockdep_assert_held(lock)					\
do {									\
	if (READ_ONCE((lock)->owner) != shim_thread())			\
		shim_bug("lock not held");				\
} while (0)

/* Tasks that wait. */
#define TASK_INTERRUPTIBLE	1
#define TASK_UNINTERRUPTIBLE	2
#define TASK_KILLABLE		4

struct completion {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned int done;
};

void init_completion(struct completion *x);
void complete(struct completion *x);
int wait_for_completion_state(struct completion *x, unsigned int state);

struct shim_wait_queue_head_t {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned long wakeups;
};

#define wait_queue_head_t struct shim_wait_queue_head_t

void init_waitqueue_head(wait_queue_head_t *wq);
void wake_up_all(wait_queue_head_t *wq);
unsigned long shim_wakeups(wait_queue_head_t *wq);
void shim_wait(wait_queue_head_t *wq, unsigned long wakeups);

/* Sleeps until woken, and never looks again by itself: a lost wake-up hangs. */
#define wait_event_cmd(wq, condition, before, after)			\
do {									\
	unsigned long shim_seen = shim_wakeups(&(wq));			\
									\
	if (condition)							\
		break;							\
	before;								\
	shim_wait(&(wq), shim_seen);					\
	after;								\
} while (1)

/* RCU: readers count themselves in one of two counters. */
struct rcu_head {
	struct rcu_head *next;
	void *object;
};

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
void shim_kfree_rcu(struct rcu_head *head, void *object);
#define synchronize_rcu_expedited()	synchronize_rcu()
#define kfree_rcu(ptr, member)		shim_kfree_rcu(&(ptr)->member, ptr)
#define rcu_dereference(p)		__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_raw(p)		rcu_dereference(p)
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	READ_ONCE(p)
/* Pairs with rcu_dereference(). */
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

static inline void hlist_add_head_rcu(struct hlist_node *node,
				      struct hlist_head *head)
{
	struct hlist_node *old = head->first;

	node->pprev = &head->first;
	node->next = old;
	/* Pairs with rcu_dereference() of an iterator. */
	smp_store_release(&head->first, node);
	if (old)
		old->pprev = &node->next;
}

#define hlist_add_head	hlist_add_head_rcu

static inline void hlist_del(struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
}

static inline void hlist_del_init_rcu(struct hlist_node *node)
{
	if (!node->pprev)
		return;
	WRITE_ONCE(*node->pprev, node->next);
	if (node->next)
		node->next->pprev = node->pprev;
	node->pprev = NULL;
}

#define hlist_entry(node, type, member) container_of(node, type, member)
#define shim_hlist_entry(node, type, member)				\
({									\
	struct hlist_node *shim_node = (node);				\
									\
	shim_node ? container_of(shim_node, type, member) : NULL;	\
})
#define hlist_for_each_entry_rcu(pos, head, member)			\
	for (pos = shim_hlist_entry(rcu_dereference((head)->first),	\
				    typeof(*pos), member);		\
	     pos;							\
	     pos = shim_hlist_entry(rcu_dereference(pos->member.next),	\
				    typeof(*pos), member))
#define hlist_for_each_entry(pos, head, member)				\
	hlist_for_each_entry_rcu(pos, head, member)
#define hlist_for_each_entry_safe(pos, n, head, member)			\
	for (pos = shim_hlist_entry((head)->first, typeof(*pos), member); \
	     pos && (n = pos->member.next, 1);				\
	     pos = shim_hlist_entry(n, typeof(*pos), member))
#define INIT_HLIST_HEAD(head)	((head)->first = NULL)

/* Memory; the calling thread's next allocations can be made to fail. */
#define GFP_KERNEL	0
void *kzalloc(size_t size, int gfp);
void kfree(void *object);

/* Work: a thread for each item. */
struct work_struct {
	void (*func)(struct work_struct *work);
};

#define WQ_UNBOUND	0
#define INIT_WORK(work, fn)	((work)->func = (fn))
struct workqueue_struct;
struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void flush_workqueue(struct workqueue_struct *wq);

/* Address spaces. */
struct mm_struct {
	atomic_t mm_users;
	atomic_t mm_count;
	pthread_rwlock_t mmap_lock;
	unsigned long writer;
	struct mmu_notifier_subscriptions *notifier_subscriptions;
};

struct vm_area_struct {
	struct mm_struct *vm_mm;
};

void mmap_write_lock(struct mm_struct *mm);
void mmap_write_unlock(struct mm_struct *mm);
void mmap_assert_write_locked(struct mm_struct *mm);
void mmgrab(struct mm_struct *mm);
void mmdrop(struct mm_struct *mm);

#endif
