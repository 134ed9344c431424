// SPDX-License-Identifier: GPL-2.0
/*
 * KVM: guest faults beside invalidations.
 *
 * include/linux/kvm_invalidate.h says what it is for.  Why it holds:
 *
 * mmu_lock is the user's lock of the tracker's protocol.  A range of the mm is
 * in flight before KVM's start callout runs, and the callout zaps under
 * mmu_lock what is mapped by then; a fault maps under mmu_lock only if
 * kvm_ticket_retry() says that no overlapping range began since its ticket.
 *
 * The callout finds what to zap by memslot.  A fault that uses a slot which the
 * callout does not see, because it has just been added, has to see the range:
 *
 *	memslot update		fault			invalidation
 *	  publish the slot	  read the slot		  range in flight
 *				  (G) smp_mb()		  (G) smp_mb()
 *				  take the ticket	  read the slots
 *
 * If the callout missed the slot, its read of the slots came before the slot
 * was published, hence before the fault read it, and (G) on both sides makes
 * the range visible to the ticket.  So memslots change whenever they want.
 *
 * A fault cannot wait for a range where it finds out: it holds kvm->srcu and
 * more.  It goes back to the vCPU's loop, which waits holding nothing but
 * vcpu->mutex (kvm_vcpu_wait_ranges()); no invalidation needs that one.
 */
#include <linux/kvm_host.h>
#include <linux/mmu_notifier.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>

#include "invalidate.h"

/**
 * kvm_invalidate_init() - no range in flight by guest frame
 * @kvm: a VM in the making
 */
void kvm_invalidate_init(struct kvm *kvm)
{
	/* Begin shortly before the wrap, so that it is ordinary business. */
	range_tracker_init(&kvm->gfn_ranges, -100UL);
#ifdef CONFIG_KVM_INVALIDATE_SEQ
	kvm->mmu_invalidate_range_start = INVALID_GPA;
#endif
}

/*
 * So many faults of a vCPU register their tickets: its first ones, and others
 * after a range has begun between two of them, or one was lost.  More are to be
 * expected then, and a vCPU that is preempted may find that more have begun
 * than the log holds.
 */
#define KVM_EXACT_FAULTS	4096

/* Have too many ranges begun for the log to tell whether one overlaps? */
static bool kvm_ticket_lost(const struct kvm_ticket *ticket)
{
	return (ticket->by_hva && ticket->hva.precise &&
		!ticket->hva.registered) ||
	       (ticket->gfn.precise && !ticket->gfn.registered);
}

/**
 * kvm_ticket_init() - say what a fault wants to map
 * @ticket: the ticket
 * @slot:   the memslot, or NULL
 * @gfn:    the guest frame, the first one
 * @nr:     how many
 */
void kvm_ticket_init(struct kvm_ticket *ticket,
		     const struct kvm_memory_slot *slot, gfn_t gfn,
		     unsigned long nr)
{
	unsigned long hva;

	range_ticket_init(&ticket->gfn, gfn, gfn + nr - 1);
	ticket->by_hva = slot;
	if (!slot)
		return;
	hva = __gfn_to_hva_memslot(slot, gfn);
	range_ticket_init(&ticket->hva, hva, hva + (nr << PAGE_SHIFT) - 1);
}
EXPORT_SYMBOL_GPL(kvm_ticket_init);

/**
 * kvm_ticket_try() - begin to look up a page
 * @kvm:    the VM
 * @ticket: the ticket; kvm_ticket_end() is due whatever the result
 *
 * To be called after the memslot has been read, and before anything is read
 * that an invalidation withdraws: attributes, page tables.
 *
 * Context: Does not sleep.  Caller holds kvm->srcu or slots_lock.
 * Return: false if an overlapping range is in flight, so that there is no
 * point in going on.
 */
bool kvm_ticket_try(struct kvm *kvm, struct kvm_ticket *ticket)
{
	/* (G): the slot was read before; pairs with the start callout */
	smp_mb();
#ifdef CONFIG_KVM_INVALIDATE_SEQ
	ticket->mmu_seq = READ_ONCE(kvm->mmu_invalidate_seq);
	/* (I): the sequence before all that is looked up */
	smp_rmb();
#endif
	if (!range_ticket_try(&kvm->gfn_ranges, &ticket->gfn))
		return false;
	return !ticket->by_hva ||
	       range_ticket_try(kvm->hva_ranges, &ticket->hva);
}
EXPORT_SYMBOL_GPL(kvm_ticket_try);

#ifdef CONFIG_KVM_INVALIDATE_CHECK
/*
 * For tests, which cannot hit the moment between the lookup of a page and
 * mmu_lock otherwise: while it is 1, faults stop there; 2 says that one did.
 */
static unsigned int kvm_pause_faults;
module_param_named(pause_faults, kvm_pause_faults, uint, 0600);

static void kvm_pause_fault(void)
{
	might_sleep();
	if (likely(!READ_ONCE(kvm_pause_faults)))
		return;
	cmpxchg(&kvm_pause_faults, 1, 2);
	while (READ_ONCE(kvm_pause_faults) && !signal_pending(current))
		schedule_timeout_interruptible(1);
}
#else
static inline void kvm_pause_fault(void) { }
#endif

static bool kvm_ticket_collided(struct kvm *kvm, struct kvm_ticket *ticket)
{
	if (ticket->by_hva && range_ticket_retry(kvm->hva_ranges, &ticket->hva))
		return true;
	return range_ticket_retry(&kvm->gfn_ranges, &ticket->gfn);
}

/**
 * kvm_ticket_retry_unsafe() - is it pointless to go on?
 * @kvm:    the VM
 * @ticket: a ticket that kvm_ticket_try() took
 *
 * A hint that saves taking mmu_lock.
 *
 * Context: Caller holds no lock but kvm->srcu.  Does not sleep, unless a test
 * of KVM_INVALIDATE_CHECK asks for it.
 * Return: true if kvm_ticket_retry() is going to be true; false says nothing.
 */
bool kvm_ticket_retry_unsafe(struct kvm *kvm, struct kvm_ticket *ticket)
{
	if (kvm_ticket_collided(kvm, ticket))
		return true;
	kvm_pause_fault();
	return false;
}
EXPORT_SYMBOL_GPL(kvm_ticket_retry_unsafe);

/**
 * kvm_ticket_retry() - must the page that was looked up be thrown away?
 * @kvm:    the VM
 * @ticket: a ticket that kvm_ticket_try() took
 *
 * Context: Caller holds mmu_lock, for read or write, and maps the page before
 * dropping it.  Does not sleep.
 * Return: true if an invalidation of the page may have been in flight since.
 */
bool kvm_ticket_retry(struct kvm *kvm, struct kvm_ticket *ticket)
{
	bool uncounted, ret;

	lockdep_assert_held(&kvm->mmu_lock);
	uncounted = kvm_seq_uncounted(kvm);
	ret = kvm_ticket_collided(kvm, ticket);
	kvm_seq_compare(kvm, ticket, ret, uncounted);
	return ret;
}
EXPORT_SYMBOL_GPL(kvm_ticket_retry);

/**
 * kvm_ticket_end() - finish with a ticket
 * @kvm:    the VM
 * @ticket: the ticket
 *
 * Context: Does not sleep.
 */
void kvm_ticket_end(struct kvm *kvm, struct kvm_ticket *ticket)
{
	if (ticket->by_hva)
		range_ticket_end(kvm->hva_ranges, &ticket->hva);
	range_ticket_end(&kvm->gfn_ranges, &ticket->gfn);
}
EXPORT_SYMBOL_GPL(kvm_ticket_end);

/**
 * kvm_gfns_busy() - is an invalidation of these frames in flight?
 * @kvm:  the VM
 * @slot: their memslot
 * @gfn:  the first; may lie before the slot
 * @nr:   how many; may reach beyond the slot
 *
 * For what is mapped beside the frame that faulted: prefetch, and the rest of
 * a huge page.  They have no ticket; look them up after asking.
 *
 * Context: Caller holds mmu_lock from before until they are mapped.  Does not
 * sleep.
 * Return: true if so.
 */
bool kvm_gfns_busy(struct kvm *kvm, const struct kvm_memory_slot *slot,
		   gfn_t gfn, unsigned long nr)
{
	gfn_t first = max(gfn, slot->base_gfn);
	gfn_t end = min(gfn + nr, slot->base_gfn + slot->npages);
	unsigned long hva = __gfn_to_hva_memslot(slot, first);

	lockdep_assert_held(&kvm->mmu_lock);
	return range_tracker_busy(kvm->hva_ranges, hva,
				  hva + ((end - first) << PAGE_SHIFT) - 1) ||
	       range_tracker_busy(&kvm->gfn_ranges, first, end - 1);
}
EXPORT_SYMBOL_GPL(kvm_gfns_busy);

/**
 * kvm_vcpu_ticket_try() - begin to look up a page for a vCPU's fault
 * @vcpu:   the vCPU
 * @ticket: the ticket; kvm_vcpu_ticket_end() is due whatever the result
 * @slot:   the memslot, or NULL
 * @gfn:    the guest frame
 *
 * Context: As kvm_ticket_try().
 * Return: as kvm_ticket_try().
 */
bool kvm_vcpu_ticket_try(struct kvm_vcpu *vcpu, struct kvm_ticket *ticket,
			 const struct kvm_memory_slot *slot, gfn_t gfn)
{
	unsigned long started = READ_ONCE(vcpu->kvm->hva_ranges->started);

	kvm_ticket_init(ticket, slot, gfn, 1);
	if (started != vcpu->fault_seq) {
		vcpu->fault_seq = started;
		vcpu->fault_exact = KVM_EXACT_FAULTS;
	}
	ticket->hva.precise = vcpu->fault_exact;
	ticket->gfn.precise = vcpu->fault_exact;
	return kvm_ticket_try(vcpu->kvm, ticket);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_ticket_try);

/**
 * kvm_vcpu_ticket_end() - a vCPU's fault is over
 * @vcpu:   the vCPU
 * @ticket: its ticket, or one that was never taken
 * @retry:  the fault is going to come again
 *
 * If it was an invalidation that stopped it, the next kvm_vcpu_wait_ranges()
 * waits for that.
 *
 * Context: Does not sleep.
 */
void kvm_vcpu_ticket_end(struct kvm_vcpu *vcpu, struct kvm_ticket *ticket,
			 bool retry)
{
	struct kvm *kvm = vcpu->kvm;

	if (vcpu->fault_exact)
		vcpu->fault_exact--;
	if (retry && kvm_ticket_lost(ticket))
		vcpu->fault_exact = KVM_EXACT_FAULTS;
	if (retry && ticket->by_hva) {
		vcpu->fault_hva = ticket->hva.node.start;
		vcpu->fault_gfn = ticket->gfn.node.start;
		vcpu->fault_waits =
			range_tracker_busy(kvm->hva_ranges, vcpu->fault_hva,
					   ticket->hva.node.last) ||
			range_tracker_busy(&kvm->gfn_ranges, vcpu->fault_gfn,
					   vcpu->fault_gfn);
	}
	kvm_ticket_end(kvm, ticket);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_ticket_end);

/* Wait for the ranges in flight that overlap [start, last], or a signal. */
static void kvm_wait_ranges(struct range_tracker *tracker,
			    unsigned long start, unsigned long last)
{
	struct range_ticket ticket;

	range_ticket_init(&ticket, start, last);
	spin_lock(&tracker->lock);
	range_ticket_register(tracker, &ticket);
	spin_unlock(&tracker->lock);
	/* The vCPU's loop looks at signals next. */
	range_ticket_wait(&ticket, TASK_INTERRUPTIBLE);
	range_ticket_end(tracker, &ticket);
}

/**
 * kvm_vcpu_wait_ranges() - wait for what stopped the last fault
 * @vcpu: the vCPU, loaded; vcpu->fault_waits is set
 *
 * Waits for ranges that overlap the page and are in flight now, not for later
 * ones.  Any signal ends it, so that user space can stop the vCPU.
 *
 * Context: May sleep.  Caller holds vcpu->mutex, but neither kvm->srcu nor any
 * other lock.
 */
void kvm_vcpu_wait_ranges(struct kvm_vcpu *vcpu)
{
	struct kvm *kvm = vcpu->kvm;

	might_sleep();
	vcpu->fault_waits = false;
	vcpu->stat.generic.invalidate_waits++;
	kvm_wait_ranges(kvm->hva_ranges, vcpu->fault_hva,
			vcpu->fault_hva + PAGE_SIZE - 1);
	kvm_wait_ranges(&kvm->gfn_ranges, vcpu->fault_gfn, vcpu->fault_gfn);
}
EXPORT_SYMBOL_GPL(kvm_vcpu_wait_ranges);

/**
 * kvm_gfn_range_start() - withdraw guest frames: start
 * @kvm:   the VM
 * @range: on the caller's stack, or kept by it until kvm_gfn_range_end()
 * @start: first frame
 * @end:   frame after the last
 *
 * From here on faults on these frames retry.  Then zap what is mapped, under
 * mmu_lock; then change what the frames mean.
 *
 * Context: Caller holds mmu_lock for write.
 */
void kvm_gfn_range_start(struct kvm *kvm, struct tracked_range *range,
			 gfn_t start, gfn_t end)
{
	struct range_tracker *tracker = &kvm->gfn_ranges;

	lockdep_assert_held_write(&kvm->mmu_lock);
	range->node.start = start;
	range->node.last = min_t(gfn_t, end - 1, ULONG_MAX);
	spin_lock(&tracker->lock);
	range_tracker_start(tracker, range);
	spin_unlock(&tracker->lock);
	kvm_seq_begin(kvm);
	kvm_seq_add(kvm, start, end);
	kvm_seq_begun(kvm);
}
EXPORT_SYMBOL_GPL(kvm_gfn_range_start);

/**
 * kvm_gfn_range_end() - withdraw guest frames: end
 * @kvm:   the VM
 * @range: what was given to kvm_gfn_range_start()
 *
 * Context: Caller holds mmu_lock for write.
 */
void kvm_gfn_range_end(struct kvm *kvm, struct tracked_range *range)
{
	struct range_tracker *tracker = &kvm->gfn_ranges;

	lockdep_assert_held_write(&kvm->mmu_lock);
	kvm_seq_end(kvm);
	spin_lock(&tracker->lock);
	range_tracker_end(tracker, range);
	spin_unlock(&tracker->lock);
}
EXPORT_SYMBOL_GPL(kvm_gfn_range_end);

#ifdef CONFIG_KVM_INVALIDATE_SEQ
/**
 * kvm_seq_begin() - count an invalidation in
 * @kvm: the VM; mmu_lock is held for write
 */
void kvm_seq_begin(struct kvm *kvm)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	WRITE_ONCE(kvm->mmu_invalidate_in_progress,
		   kvm->mmu_invalidate_in_progress + 1);
	if (IS_ENABLED(CONFIG_KVM_INVALIDATE_CHECK))
		atomic_inc(&kvm->mmu_invalidate_beginning);
}

/**
 * kvm_seq_add() - widen the span of what is in progress
 * @kvm:   the VM; mmu_lock is held for write
 * @start: first frame
 * @end:   frame after the last
 */
void kvm_seq_add(struct kvm *kvm, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	if (kvm->mmu_invalidate_range_start == INVALID_GPA) {
		kvm->mmu_invalidate_range_start = start;
		kvm->mmu_invalidate_range_end = end;
		return;
	}
	kvm->mmu_invalidate_range_start = min(kvm->mmu_invalidate_range_start,
					      start);
	kvm->mmu_invalidate_range_end = max(kvm->mmu_invalidate_range_end, end);
}

/**
 * kvm_seq_begun() - all frames of an invalidation have been added
 * @kvm: the VM
 *
 * Between kvm_seq_begin() and the last kvm_seq_add(), mmu_lock is let go of.
 *
 * Context: Does not sleep.
 */
void kvm_seq_begun(struct kvm *kvm)
{
	if (IS_ENABLED(CONFIG_KVM_INVALIDATE_CHECK))
		atomic_dec(&kvm->mmu_invalidate_beginning);
}

/**
 * kvm_seq_end() - count an invalidation out
 * @kvm: the VM; mmu_lock is held for write
 *
 * Ranges of the mm are counted whether they touch guest memory or not, since
 * the memslots may be others by now; the sequence moves if any of those in
 * progress did.
 */
void kvm_seq_end(struct kvm *kvm)
{
	lockdep_assert_held_write(&kvm->mmu_lock);
	if (kvm->mmu_invalidate_range_start != INVALID_GPA)
		WRITE_ONCE(kvm->mmu_invalidate_seq,
			   kvm->mmu_invalidate_seq + 1);
	/* (I): pairs with mmu_invalidate_retry() */
	smp_wmb();
	WRITE_ONCE(kvm->mmu_invalidate_in_progress,
		   kvm->mmu_invalidate_in_progress - 1);
	if (!kvm->mmu_invalidate_in_progress)
		kvm->mmu_invalidate_range_start = INVALID_GPA;
	KVM_BUG_ON(kvm->mmu_invalidate_in_progress < 0, kvm);
}

/**
 * kvm_seq_uncounted() - are ranges in flight whose frames the count lacks?
 * @kvm: the VM; mmu_lock is held
 *
 * Those that have not come to KVM's callout yet, or not to its end, do not get
 * past it while mmu_lock is held; those that have left it may be out of flight
 * at any time.  Ranges of the VM itself are counted as well as those of the mm.
 *
 * Return: true if so; false where nobody asks.
 */
bool kvm_seq_uncounted(struct kvm *kvm)
{
	long counted, flying;

	if (!IS_ENABLED(CONFIG_KVM_INVALIDATE_CHECK))
		return false;
	counted = kvm->mmu_invalidate_in_progress -
		  atomic_read(&kvm->mmu_invalidate_beginning);
	flying = READ_ONCE(kvm->hva_ranges->nr) +
		 READ_ONCE(kvm->gfn_ranges.nr);
	return flying > counted;
}

/**
 * kvm_seq_compare() - would counting have decided otherwise?
 * @kvm:    the VM; mmu_lock is held
 * @ticket: a ticket
 * @retry:  what it says
 * @uncounted: kvm_seq_uncounted() before it was asked
 *
 * Counts both kinds of disagreement.  A ticket may retry where the count does
 * not if the range is in flight, but has not come to the end of KVM's callout
 * yet, or has left it: then more are in flight than the count knows, before the
 * ticket was asked or still.
 */
void kvm_seq_compare(struct kvm *kvm, const struct kvm_ticket *ticket,
		     bool retry, bool uncounted)
{
	bool old;

	if (!IS_ENABLED(CONFIG_KVM_INVALIDATE_CHECK))
		return;
	old = mmu_invalidate_retry_gfn(kvm, ticket->mmu_seq,
				       ticket->gfn.node.start);
	if (old && !retry)
		kvm->stat.generic.invalidate_saved++;
	if (old || !retry || kvm_ticket_lost(ticket))
		return;
	if (uncounted || kvm_seq_uncounted(kvm))
		kvm->stat.generic.invalidate_early++;
	else
		kvm->stat.generic.invalidate_unexplained++;
}
#endif /* CONFIG_KVM_INVALIDATE_SEQ */
