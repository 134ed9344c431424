// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of the native tests' shim, for measuring instead of checking.
 *
 * A spinlock is one compare-and-exchange and one store, as in the kernel when
 * nobody else wants it.  A reader of RCU costs nothing, as there.  What only
 * registration needs is as simple as can be: one thread does it, before and
 * after.
 */
#include <unistd.h>

#include <linux/mmu_notifier.h>

__thread struct shim_task shim_self;
__thread unsigned long native_srcu_readers;
atomic_t shim_warnings;

void shim_bug(const char *what)
{
	printf("bench: %s\n", what);
	_exit(1);
}

void shim_warn(const char *file, int line, const char *what)
{
	printf("bench: %s:%d: %s\n", file, line, what);
	_exit(1);
}

unsigned long shim_thread(void)
{
	return (unsigned long)&shim_self;
}

void might_sleep(void)
{
}

/* What only lockdep wants to know. */
void shim_map_acquire(const char *map)
{
}

void shim_map_release(const char *map)
{
}

void spin_lock_init(spinlock_t *lock)
{
	lock->owner = 0;
}

void spin_lock(spinlock_t *lock)
{
	unsigned long nobody = 0;

	while (!__atomic_compare_exchange_n(&lock->owner, &nobody,
					    shim_thread(), false,
					    __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		while (READ_ONCE(lock->owner))
			__builtin_ia32_pause();
		nobody = 0;
	}
}

void spin_unlock(spinlock_t *lock)
{
	/* The next owner's acquire pairs with it. */
	smp_store_release(&lock->owner, 0);
}

void rcu_read_lock(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void rcu_read_unlock(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void synchronize_rcu(void)
{
}

void shim_kfree_rcu(struct rcu_head *head, void *object)
{
	free(object);
}

void init_completion(struct completion *x)
{
	x->done = 0;
}

void complete(struct completion *x)
{
	x->done++;
}

int wait_for_completion_state(struct completion *x, unsigned int state)
{
	shim_bug("waits");
}

void init_waitqueue_head(wait_queue_head_t *wq)
{
	wq->wakeups = 0;
}

/* Nobody ever waits here: the kernel would look whether somebody does. */
void wake_up_all(wait_queue_head_t *wq)
{
	/* Orders what the sleeper is to see before the look at its queue. */
	smp_mb();
	READ_ONCE(wq->wakeups);
}

unsigned long shim_wakeups(wait_queue_head_t *wq)
{
	return wq->wakeups;
}

void shim_wait(wait_queue_head_t *wq, unsigned long wakeups)
{
	shim_bug("waits");
}

void *kzalloc(size_t size, int gfp)
{
	return calloc(1, size);
}

void kfree(void *object)
{
	free(object);
}

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max)
{
	return calloc(1, 1);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	work->func(work);
	return true;
}

void flush_workqueue(struct workqueue_struct *wq)
{
}

void mmap_write_lock(struct mm_struct *mm)
{
}

void mmap_write_unlock(struct mm_struct *mm)
{
}

void mmap_assert_write_locked(struct mm_struct *mm)
{
}

void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

void mmdrop(struct mm_struct *mm)
{
	atomic_dec(&mm->mm_count);
}
