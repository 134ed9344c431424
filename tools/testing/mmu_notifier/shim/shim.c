// SPDX-License-Identifier: GPL-2.0
/* The kernel's environment on POSIX threads; see kernel.h. */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <linux/mmu_notifier.h>

__thread struct shim_task shim_self;
atomic_t shim_warnings;
atomic_t shim_waiting;
const char *shim_wanted;

void shim_warn(const char *file, int line, const char *what)
{
	printf("# WARNING %s:%d: %s\n", file, line, what);
	atomic_inc(&shim_warnings);
}

void shim_bug(const char *what)
{
	if (shim_wanted && !strcmp(shim_wanted, what))
		_exit(0);
	printf("# BUG: %s\n", what);
	fflush(stdout);
	_exit(1);
}

void shim_map_acquire(const char *map)
{
	int i;

	for (i = 0; i < shim_self.nr_maps; i++)
		if (!strcmp(shim_self.maps[i], map))
			shim_bug(SHIM_RECURSION);
	if (i == ARRAY_SIZE(shim_self.maps))
		shim_bug("more maps than there are");
	shim_self.maps[shim_self.nr_maps++] = map;
}

void shim_map_release(const char *map)
{
	if (!shim_self.nr_maps ||
	    strcmp(shim_self.maps[--shim_self.nr_maps], map))
		shim_bug("map released that is not the latest");
}

unsigned long shim_thread(void)
{
	return (unsigned long)&shim_self;
}

void might_sleep(void)
{
	if (shim_self.spinlocks)
		shim_bug("sleeps under a spinlock");
	if (shim_self.non_block)
		shim_bug("sleeps in a callout that must not");
	if (shim_self.rcu_nesting)
		shim_bug("sleeps in an RCU reader");
}

void spin_lock_init(spinlock_t *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->owner = 0;
}

void spin_lock(spinlock_t *lock)
{
	if (READ_ONCE(lock->owner) == shim_thread())
		shim_bug("spinlock taken twice");
	pthread_mutex_lock(&lock->mutex);
	WRITE_ONCE(lock->owner, shim_thread());
	shim_self.spinlocks++;
}

void spin_unlock(spinlock_t *lock)
{
	lockdep_assert_held(lock);
	shim_self.spinlocks--;
	WRITE_ONCE(lock->owner, 0);
	pthread_mutex_unlock(&lock->mutex);
}

void init_completion(struct completion *x)
{
	pthread_mutex_init(&x->mutex, NULL);
	pthread_cond_init(&x->cond, NULL);
	x->done = 0;
}

void complete(struct completion *x)
{
	pthread_mutex_lock(&x->mutex);
	x->done++;
	pthread_cond_broadcast(&x->cond);
	pthread_mutex_unlock(&x->mutex);
}

/*
 * A wait that admits signals polls for them.  One that does not sleeps until
 * it is woken, so that a completion that is lost shows as a hang.
 */
int wait_for_completion_state(struct completion *x, unsigned int state)
{
	bool signals = state != TASK_UNINTERRUPTIBLE;
	struct timespec until;
	int ret = 0;

	pthread_mutex_lock(&x->mutex);
	while (!x->done) {
		if (!signals) {
			pthread_cond_wait(&x->cond, &x->mutex);
			continue;
		}
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&x->cond, &x->mutex, &until);
	}
	if (!ret)
		x->done--;
	pthread_mutex_unlock(&x->mutex);
	return ret;
}

void init_waitqueue_head(wait_queue_head_t *wq)
{
	pthread_mutex_init(&wq->mutex, NULL);
	pthread_cond_init(&wq->cond, NULL);
	wq->wakeups = 0;
}

void wake_up_all(wait_queue_head_t *wq)
{
	pthread_mutex_lock(&wq->mutex);
	wq->wakeups++;
	pthread_cond_broadcast(&wq->cond);
	pthread_mutex_unlock(&wq->mutex);
}

unsigned long shim_wakeups(wait_queue_head_t *wq)
{
	unsigned long wakeups;

	pthread_mutex_lock(&wq->mutex);
	wakeups = wq->wakeups;
	pthread_mutex_unlock(&wq->mutex);
	return wakeups;
}

void shim_wait(wait_queue_head_t *wq, unsigned long wakeups)
{
	might_sleep();
	atomic_inc(&shim_waiting);
	pthread_mutex_lock(&wq->mutex);
	while (wq->wakeups == wakeups)
		pthread_cond_wait(&wq->cond, &wq->mutex);
	pthread_mutex_unlock(&wq->mutex);
	atomic_dec(&shim_waiting);
}

/*
 * A reader may load the index and be late to count itself, so that one flip
 * could miss it; the second flip waits for the counter it then went to.
 */
static atomic_t rcu_readers[2];
static atomic_t rcu_phase;
static pthread_mutex_t rcu_mutex = PTHREAD_MUTEX_INITIALIZER;

void rcu_read_lock(void)
{
	if (shim_self.rcu_nesting++)
		return;
	shim_self.rcu_index = atomic_read(&rcu_phase) & 1;
	atomic_inc(&rcu_readers[shim_self.rcu_index]);
}

void rcu_read_unlock(void)
{
	if (--shim_self.rcu_nesting)
		return;
	atomic_dec(&rcu_readers[shim_self.rcu_index]);
	shim_at(SHIM_RCU_UNLOCKED);
}

void synchronize_rcu(void)
{
	int pass, old;

	might_sleep();
	shim_at(SHIM_GRACE);
	atomic_inc(&shim_waiting);
	pthread_mutex_lock(&rcu_mutex);
	for (pass = 0; pass < 2; pass++) {
		old = (atomic_inc(&rcu_phase) - 1) & 1;
		while (atomic_add_return(0, &rcu_readers[old]))
			sched_yield();
	}
	pthread_mutex_unlock(&rcu_mutex);
	atomic_dec(&shim_waiting);
	shim_at(SHIM_GRACE_OVER);
}

static void *shim_free_later(void *arg)
{
	synchronize_rcu();
	kfree(arg);
	return NULL;
}

/* Detached, as nobody collects them; the threads are few. */
static void shim_spawn(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, fn, arg))
		shim_bug("no thread");
	pthread_attr_destroy(&attr);
}

void shim_kfree_rcu(struct rcu_head *head, void *object)
{
	head->object = object;
	shim_spawn(shim_free_later, object);
}

void *kzalloc(size_t size, int gfp)
{
	might_sleep();
	if (shim_self.fail_alloc && !--shim_self.fail_alloc)
		return NULL;
	return calloc(1, size);
}

void kfree(void *object)
{
	free(object);
}

struct workqueue_struct {
	wait_queue_head_t idle;
	atomic_t running;
};

struct shim_work {
	struct workqueue_struct *wq;
	struct work_struct *work;
};

static void *shim_do_work(void *arg)
{
	struct shim_work item = *(struct shim_work *)arg;

	free(arg);
	item.work->func(item.work);
	atomic_dec(&item.wq->running);
	wake_up_all(&item.wq->idle);
	return NULL;
}

struct workqueue_struct *alloc_workqueue(const char *name, int flags, int max)
{
	struct workqueue_struct *wq = calloc(1, sizeof(*wq));

	if (wq)
		init_waitqueue_head(&wq->idle);
	return wq;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	struct shim_work *item = malloc(sizeof(*item));

	item->wq = wq;
	item->work = work;
	atomic_inc(&wq->running);
	shim_spawn(shim_do_work, item);
	return true;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	might_sleep();
	wait_event_cmd(wq->idle, !atomic_read(&wq->running), (void)0, (void)0);
}

void mmap_write_lock(struct mm_struct *mm)
{
	might_sleep();
	pthread_rwlock_wrlock(&mm->mmap_lock);
	WRITE_ONCE(mm->writer, shim_thread());
}

void mmap_write_unlock(struct mm_struct *mm)
{
	WRITE_ONCE(mm->writer, 0);
	pthread_rwlock_unlock(&mm->mmap_lock);
}

void mmap_assert_write_locked(struct mm_struct *mm)
{
	if (READ_ONCE(mm->writer) != shim_thread())
		shim_bug("mmap_lock not held for write");
}

void mmgrab(struct mm_struct *mm)
{
	atomic_inc(&mm->mm_count);
}

void mmdrop(struct mm_struct *mm)
{
	int left = atomic_dec(&mm->mm_count);

	if (left < 0)
		shim_bug("mm dropped once too often");
	if (left)
		return;
	mmu_notifier_subscriptions_destroy(mm);
	free(mm);
}
