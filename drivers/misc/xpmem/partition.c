// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: the loopback partition.
 *
 * Where partitions of a machine share memory, an attachment may be in another
 * one, which withdraws it when a message says so, and acknowledges.  The
 * loopback partition is a thread that stands for such a one, so that all that
 * waits for a message can be had on any machine: attachments made while the
 * parameter "loopback" is set are the thread's.  It takes messages one by one.
 *
 * A message lies on its sender's stack; the thread works on a copy.  Its answer
 * finds the sender by number, or nobody, if the sender has given up.
 *
 * A partition is dead when a message has waited for partition_timeout_ms, and
 * none was answered meanwhile.  Then it is fenced: no fault inserts anything for
 * attachments that it had (they are of an older generation from then on), and
 * senders withdraw by themselves.  What it has mapped otherwise is withdrawn by
 * a worker.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "internal.h"

static bool loopback;
module_param(loopback, bool, 0644);
MODULE_PARM_DESC(loopback, "New attachments are those of the loopback partition");

static unsigned int loopback_delay_ms;
module_param(loopback_delay_ms, uint, 0644);
MODULE_PARM_DESC(loopback_delay_ms, "How long it takes to act on a message");

static unsigned int partition_timeout_ms = 10000;
module_param(partition_timeout_ms, uint, 0644);
MODULE_PARM_DESC(partition_timeout_ms, "Without an answer for so long, it is dead");

/**
 * struct xpmem_message - a request to withdraw
 * @link:     among those awaited
 * @queued:   among those that the thread has not taken
 * @number:   which one it is
 * @source:   whose memory
 * @start:    first address
 * @last:     last address
 * @done:     there is an answer, or there will be none
 * @answered: there is
 */
struct xpmem_message {
	struct list_head link;
	struct list_head queued;
	u64 number;
	struct xpmem_space *source;
	unsigned long start;
	unsigned long last;
	struct completion done;
	bool answered;
};

static void xpmem_partition_fence(struct work_struct *work);

static struct {
	spinlock_t lock;	/* protects all that follows */
	struct list_head awaited;
	struct list_head queue;
	u64 number;
	unsigned long answered;		/* when, in jiffies */
	bool silent;			/* takes no messages: loopback_dead */
	bool dead;
	unsigned int generation;
	wait_queue_head_t wait;
	struct task_struct *thread;
	struct work_struct fence;
} partition = {
	.lock = __SPIN_LOCK_UNLOCKED(partition.lock),
	.awaited = LIST_HEAD_INIT(partition.awaited),
	.queue = LIST_HEAD_INIT(partition.queue),
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(partition.wait),
	.fence = __WORK_INITIALIZER(partition.fence, xpmem_partition_fence),
};

static int loopback_dead_set(const char *text, const struct kernel_param *param)
{
	bool silent;
	int ret = kstrtobool(text, &silent);

	if (ret)
		return ret;
	spin_lock(&partition.lock);
	partition.silent = silent;
	if (!silent)
		partition.dead = false;
	spin_unlock(&partition.lock);
	wake_up(&partition.wait);
	return 0;
}

static int loopback_dead_get(char *text, const struct kernel_param *param)
{
	bool dead;

	spin_lock(&partition.lock);
	dead = partition.dead;
	spin_unlock(&partition.lock);
	return sysfs_emit(text, "%c\n", dead ? 'Y' : 'N');
}

static const struct kernel_param_ops loopback_dead_ops = {
	.set = loopback_dead_set,
	.get = loopback_dead_get,
};

module_param_cb(loopback_dead, &loopback_dead_ops, NULL, 0644);
MODULE_PARM_DESC(loopback_dead, "It answers no more; or is replaced by a new one");

/**
 * xpmem_partition_join() - on which side is a new attachment?
 * @generation: of the partition, if it is the partition's, is returned
 *
 * Return: XPMEM_LOCAL or XPMEM_REMOTE.
 */
enum xpmem_side xpmem_partition_join(unsigned int *generation)
{
	*generation = READ_ONCE(partition.generation);
	/* A parameter: whichever value it is. */
	return data_race(loopback) ? XPMEM_REMOTE : XPMEM_LOCAL;
}

/**
 * xpmem_partition_has() - is the partition that an attachment is in alive?
 * @generation: what xpmem_partition_join() has returned
 *
 * Context: Under publish of the source.
 * Return: true if so.
 */
bool xpmem_partition_has(unsigned int generation)
{
	return READ_ONCE(partition.generation) == generation;
}

static void xpmem_partition_fence(struct work_struct *work)
{
	xpmem_spaces_fence();
}

/* Nobody waits for it any longer. */
static void xpmem_partition_die(void)
{
	struct xpmem_message *message, *next;

	lockdep_assert_held(&partition.lock);
	pr_warn("xpmem: the loopback partition does not answer, and is declared dead\n");
	partition.dead = true;
	WRITE_ONCE(partition.generation, partition.generation + 1);
	list_for_each_entry_safe(message, next, &partition.awaited, link) {
		list_del(&message->link);
		list_del_init(&message->queued);
		complete(&message->done);
	}
	atomic_inc(&xpmem_counts.deaths);
	schedule_work(&partition.fence);
}

/* False if the partition is dead already. */
static bool xpmem_partition_send(struct xpmem_message *message)
{
	bool ret;

	spin_lock(&partition.lock);
	ret = !partition.dead;
	if (ret) {
		if (list_empty(&partition.awaited))
			partition.answered = jiffies;
		message->number = ++partition.number;
		list_add_tail(&message->link, &partition.awaited);
		list_add_tail(&message->queued, &partition.queue);
	}
	spin_unlock(&partition.lock);
	if (ret) {
		atomic_inc(&xpmem_counts.messages);
		wake_up(&partition.wait);
	}
	return ret;
}

/* How long from now until it is dead, if nothing is answered. */
static long xpmem_partition_patience(void)
{
	unsigned long until;
	unsigned int ms;

	lockdep_assert_held(&partition.lock);
	/* A parameter, likewise. */
	ms = data_race(partition_timeout_ms);
	until = partition.answered + msecs_to_jiffies(ms);
	return max(0L, (long)(until - jiffies));
}

/* Until there is an answer, or there will be none. */
static void xpmem_partition_await(struct xpmem_message *message)
{
	long patience;

	do {
		spin_lock(&partition.lock);
		patience = xpmem_partition_patience();
		if (!patience && !completion_done(&message->done))
			xpmem_partition_die();
		spin_unlock(&partition.lock);
	} while (!wait_for_completion_timeout(&message->done,
					      max(patience, 1L)));
}

/**
 * xpmem_partition_zap() - have the partition withdraw what it has attached
 * @source: whose memory is attached
 * @start:  first address in the source
 * @last:   last address
 *
 * Context: Sleeps until it is acknowledged, at most for partition_timeout_ms
 * since the last answer.
 */
void xpmem_partition_zap(struct xpmem_space *source, unsigned long start,
			 unsigned long last)
{
	struct xpmem_message message = {
		.source = source,
		.start = start,
		.last = last,
	};

	init_completion(&message.done);
	if (xpmem_partition_send(&message))
		xpmem_partition_await(&message);
	/* Then it is dead, or was when the message came. */
	if (!message.answered) {
		/* Behind faults that have seen the old generation. */
		down_write(&source->publish);
		up_write(&source->publish);
		xpmem_zap(source, XPMEM_REMOTE, start, last);
	}
}

/* The thread's copy of the next message, which holds the source, if it can. */
static bool xpmem_partition_take(struct xpmem_message *copy)
{
	struct xpmem_message *message;

	spin_lock(&partition.lock);
	message = list_first_entry_or_null(&partition.queue,
					   struct xpmem_message, queued);
	if (partition.silent)
		message = NULL;
	if (message) {
		list_del_init(&message->queued);
		copy->number = message->number;
		copy->source = message->source;
		/*
		 * The sender may give up meanwhile. It has no reference itself
		 * in a callout; if there is none, nothing is attached any more.
		 */
		if (!kref_get_unless_zero(&message->source->refs))
			copy->source = NULL;
		copy->start = message->start;
		copy->last = message->last;
	}
	spin_unlock(&partition.lock);
	return message;
}

static void xpmem_partition_answer(u64 number)
{
	struct xpmem_message *message;

	spin_lock(&partition.lock);
	partition.answered = jiffies;
	list_for_each_entry(message, &partition.awaited, link) {
		if (message->number != number)
			continue;
		list_del(&message->link);
		message->answered = true;
		complete(&message->done);
		break;
	}
	spin_unlock(&partition.lock);
}

/* As late as can be, so that whoever does not wait is found out. */
static void xpmem_partition_delay(void)
{
	/* A parameter, likewise. */
	unsigned int ms = data_race(loopback_delay_ms);

	if (ms)
		wait_event_timeout(partition.wait, kthread_should_stop(),
				   msecs_to_jiffies(ms));
}

static bool xpmem_partition_ready(void)
{
	bool ret;

	spin_lock(&partition.lock);
	ret = !partition.silent && !list_empty(&partition.queue);
	spin_unlock(&partition.lock);
	return ret || kthread_should_stop();
}

static void xpmem_partition_act(const struct xpmem_message *copy)
{
	xpmem_partition_delay();
	if (copy->source) {
		xpmem_zap(copy->source, XPMEM_REMOTE, copy->start, copy->last);
		xpmem_space_put(copy->source);
	}
	xpmem_partition_answer(copy->number);
}

/* Messages are answered first, and then it stops. */
static int xpmem_partition_thread(void *unused)
{
	struct xpmem_message copy;
	bool stop;

	do {
		wait_event_interruptible(partition.wait,
					 xpmem_partition_ready());
		stop = kthread_should_stop();
		while (xpmem_partition_take(&copy))
			xpmem_partition_act(&copy);
	} while (!stop);
	return 0;
}

int xpmem_partition_init(void)
{
	partition.thread = kthread_run(xpmem_partition_thread, NULL, "xpmem");
	return PTR_ERR_OR_ZERO(partition.thread);
}

void xpmem_partition_exit(void)
{
	kthread_stop(partition.thread);
	flush_work(&partition.fence);
}
