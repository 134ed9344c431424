// SPDX-License-Identifier: GPL-2.0
/*
 * gfn_to_pfn_cache beside invalidations, by way of Xen event channels: KVM
 * writes to the shared info and vcpu_info pages through caches, which it has
 * to refresh after each invalidation of these pages. That has to come to an
 * end whatever goes on elsewhere, the event has to arrive in the guest, and the
 * pages have to hold what they should.
 *
 * The shared info page is known by guest frame, in the memslot; or by host
 * address, where there is no memslot.
 *
 * Events are sent by a thread: on a kernel that waits, it does not come back.
 */
#include "../fixture.h"
#include "held.h"
#include "storm.h"

#define SIZE		HUGE
#define SHARED_GPA	MEM_GPA
#define INFO_GPA	(MEM_GPA + PAGE + 0x100)
#define AWAY		(16 * PAGE)
#define ROUNDS		40U
#define VECTOR		0x50

/* Where Xen has its flags, in 64-bit guests: bytes from the beginning. */
#define INFO_PENDING	0
#define INFO_SELECTED	8
#define SHARED_PENDING	2048
/* Nobody's: a word that has to survive. */
#define SHARED_FREE	4000
#define MARK		0x5eedUL

/* In the guest. */
static unsigned long events;

/* The shared info page. */
static char *shared;

struct sender {
	struct kvm_vm *vm;
	pthread_t thread;
	sem_t go;
	atomic_bool done;
	atomic_bool quit;
	unsigned int port;
	int error;
	uint64_t ns;
	uint64_t max_ns;
};

FIXTURE(xen) {
	int fd;
	char *away;
	struct guest guest;
	struct held held;
	struct storm storm;
	struct sender sender;
};

FIXTURE_VARIANT(xen) {
	bool by_hva;
};

FIXTURE_VARIANT_ADD(xen, by_frame) { };
FIXTURE_VARIANT_ADD(xen, by_address) { .by_hva = true };

static void on_event(struct ex_regs *regs)
{
	char *info = (char *)INFO_GPA;

	WRITE_ONCE(*(uint8_t *)(info + INFO_PENDING), 0);
	WRITE_ONCE(*(uint64_t *)(info + INFO_SELECTED), 0);
	WRITE_ONCE(events, events + 1);
}

/* Guest: each run lasts until one more event has come. */
static void guest_code(uint64_t nr)
{
	unsigned long seen = 0;

	asm volatile("sti");
	for (;;) {
		GUEST_SYNC(0);
		seen++;
		while (READ_ONCE(events) < seen)
			asm volatile("pause" ::: "memory");
	}
}

static void *sender_run(void *arg)
{
	struct sender *sender = arg;
	uint64_t began;

	for (;;) {
		struct kvm_irq_routing_xen_evtchn event = {
			.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
		};

		while (sem_wait(&sender->go))
			;
		if (sender->quit)
			return NULL;
		event.port = sender->port;
		began = now_ns();
		sender->error = __vm_ioctl(sender->vm, KVM_XEN_HVM_EVTCHN_SEND,
					   &event) < 0 ? errno : 0;
		sender->ns = now_ns() - began;
		if (sender->ns > sender->max_ns)
			sender->max_ns = sender->ns;
		sender->done = true;
	}
}

static void set_attr(struct kvm_vm *vm, struct kvm_xen_hvm_attr attr)
{
	vm_ioctl(vm, KVM_XEN_HVM_SET_ATTR, &attr);
}

/* Page by frame, or by an address in no memslot. */
static void share(struct guest *guest, bool by_hva)
{
	struct kvm_xen_hvm_attr attr = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO,
		.u.shared_info.gfn = SHARED_GPA / PAGE,
	};

	shared = guest_host(guest, SHARED_GPA);
	if (by_hva) {
		shared = map_anon(PAGE);
		memset(shared, 0, PAGE);
		attr.type = KVM_XEN_ATTR_TYPE_SHARED_INFO_HVA;
		attr.u.shared_info.hva = (uintptr_t)shared;
	}
	set_attr(guest->vm, attr);
}

static void make_xen(struct guest *guest, bool by_hva)
{
	struct kvm_vm *vm = guest->vm;
	struct kvm_xen_hvm_config config = {
		.flags = KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL |
			 KVM_XEN_HVM_CONFIG_EVTCHN_SEND,
		.msr = 0x40000000,
	};
	struct kvm_xen_vcpu_attr info = {
		.type = KVM_XEN_VCPU_ATTR_TYPE_VCPU_INFO,
		.u.gpa = INFO_GPA,
	};

	vm_ioctl(vm, KVM_XEN_HVM_CONFIG, &config);
	set_attr(vm, (struct kvm_xen_hvm_attr) {
		.type = KVM_XEN_ATTR_TYPE_LONG_MODE,
		.u.long_mode = 1,
	});
	share(guest, by_hva);
	set_attr(vm, (struct kvm_xen_hvm_attr) {
		.type = KVM_XEN_ATTR_TYPE_UPCALL_VECTOR,
		.u.vector = VECTOR,
	});
	vcpu_ioctl(guest->workers[0].vcpu, KVM_XEN_VCPU_SET_ATTR, &info);
	vm_install_exception_handler(vm, VECTOR, on_event);
}

FIXTURE_SETUP(xen)
{
	const struct guest_make make = {
		.vcpus = 1,
		.size = SIZE,
		.code = guest_code,
	};
	int can = kvm_check_cap(KVM_CAP_XEN_HVM);

	if (!(can & KVM_XEN_HVM_CONFIG_EVTCHN_SEND))
		SKIP(return, "KVM has no Xen event channels (CONFIG_KVM_XEN)");
	if (variant->by_hva && !(can & KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA))
		SKIP(return, "KVM takes no shared info by address");
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	ASSERT_TRUE(held_subscribe(&self->held, self->fd, MNT_OP_START));
	guest_make(&self->guest, &make);
	make_xen(&self->guest, variant->by_hva);
	self->away = map_anon(AWAY);
	ASSERT_NE(NULL, self->away);
	self->sender.vm = self->guest.vm;
	sem_init(&self->sender.go, 0, 0);
	ASSERT_EQ(0, pthread_create(&self->sender.thread, NULL, sender_run,
				    &self->sender));
	/* Interrupts are enabled when it has run once. */
	job_resume(&self->guest, 0);
	ASSERT_TRUE(job_wait(&self->guest, 0, GUEST_PATIENCE_MS));
}

FIXTURE_TEARDOWN(xen)
{
	close(self->fd);
	self->sender.quit = true;
	sem_post(&self->sender.go);
	pthread_join(self->sender.thread, NULL);
	guest_free(&self->guest);
}

static void send_event(struct sender *sender, unsigned int port)
{
	sender->port = port;
	sender->done = false;
	sem_post(&sender->go);
}

static uint64_t shared_word(unsigned int offset)
{
	return READ_ONCE(*(uint64_t *)(shared + offset));
}

/* Exactly these two ports are pending; 0 stands for none. */
static bool pending_are(unsigned int a, unsigned int b)
{
	uint64_t bits;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		bits = a && a / 64 == i ? 1UL << a % 64 : 0;
		bits |= b && b / 64 == i ? 1UL << b % 64 : 0;
		if (shared_word(SHARED_PENDING + 8 * i) != bits)
			return false;
	}
	return true;
}

static bool invalidate_one(char *page, bool drop)
{
	if (drop)
		return !do_dontneed(page, PAGE);
	return !mprotect(page, PAGE, PROT_READ) &&
	       !mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

/* The pages lose their content, or keep it, by turns. */
static bool invalidate(const struct guest *guest, bool drop)
{
	char *info = guest_host(guest, INFO_GPA & -PAGE);

	if (!drop)
		WRITE_ONCE(*(uint64_t *)(shared + SHARED_FREE), MARK);
	return invalidate_one(shared, drop) && invalidate_one(info, drop);
}

TEST_F_TIMEOUT(xen, events_arrive_in_a_storm, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct sender *sender = &self->sender;
	unsigned int round, i;
	uint64_t sum = 0;

	ASSERT_TRUE(storm_subscribe(&self->storm, self->fd, STORM_US));
	for (i = 0; i < MAX_CHURNS; i++)
		storm_add(&self->storm, self->away + i * 4 * PAGE, 4 * PAGE,
			  drop_next);
	storm_go(&self->storm);
	for (round = 0; round < ROUNDS; round++) {
		bool drop = round % 2 == 0;
		unsigned int port = 1 + 5 * round;

		ASSERT_TRUE(invalidate(guest, drop));
		send_event(sender, port);
		EXPECT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS))
			break;
		ASSERT_EQ(0, sender->error);
		sum += sender->ns;
		job_resume(guest, 0);
		ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
		ASSERT_EQ(0, guest->workers[0].error);
		ASSERT_TRUE(pending_are(port, drop ? 0 : port - 5));
		ASSERT_EQ(drop ? 0 : MARK, shared_word(SHARED_FREE));
	}
	EXPECT_LT(0UL, storm_stop(&self->storm));
	TH_LOG("%u events: mean %lu us, max %lu us", round,
	       (unsigned long)(sum / (round + !round) / 1000),
	       (unsigned long)sender->max_ns / 1000);
	ASSERT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS));
}

/* A range that is held elsewhere keeps no event back. */
TEST_F_TIMEOUT(xen, a_range_elsewhere_is_not_waited_for, LIMIT_S)
{
	struct guest *guest = &self->guest;
	struct sender *sender = &self->sender;

	held_prepare(&self->held, self->away, AWAY);
	ASSERT_TRUE(held_start(&self->held));
	ASSERT_TRUE(invalidate(guest, true));
	send_event(sender, 7);
	EXPECT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS));
	job_resume(guest, 0);
	EXPECT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_TRUE(held_all_still(&self->held, 1));
	held_let_go(&self->held, 1);
	ASSERT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	TH_LOG("event: %lu us", (unsigned long)sender->ns / 1000);
	EXPECT_EQ(0, sender->error);
	EXPECT_EQ(0, guest->workers[0].error);
	EXPECT_TRUE(pending_are(7, 0));
}

/* The wait that must be there: a range on the page itself. */
TEST_F_TIMEOUT(xen, the_page_itself_waits, LIMIT_S)
{
	struct sender *sender = &self->sender;

	/* The cache is in use. */
	send_event(sender, 7);
	ASSERT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS));
	ASSERT_TRUE(pending_are(7, 0));
	held_prepare(&self->held, shared, PAGE);
	ASSERT_TRUE(held_start(&self->held));
	send_event(sender, 70);
	EXPECT_FALSE(wait_real(&sender->done, WATCH_MS));
	EXPECT_TRUE(held_all_still(&self->held, 1));
	held_let_go(&self->held, 1);
	ASSERT_TRUE(wait_real(&sender->done, GUEST_PATIENCE_MS));
	EXPECT_EQ(0, sender->error);
	/* It is the new page, which has seen only the second event. */
	EXPECT_TRUE(pending_are(70, 0));
}

TEST_HARNESS_MAIN
