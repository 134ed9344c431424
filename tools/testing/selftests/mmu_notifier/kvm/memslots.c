// SPDX-License-Identifier: GPL-2.0
/*
 * Memslot updates beside invalidations: none waits for a range that does not
 * concern its slot, and none is lost.
 */
#include "check.h"
#include "held.h"
#include "storm.h"

#define SIZE		HUGE
#define SLOT		(MEM_SLOT + 1)
#define SLOT_GPA	(MEM_GPA + 16 * HUGE)
#define MOVED_GPA	(SLOT_GPA + HUGE)
#define SLOT_PAGES	64UL
#define SLOT_SIZE	(SLOT_PAGES * PAGE)
#define DIRTY_PAGES	7UL
#define ROUNDS		20UL
#define SEED		31UL

/* What is done to the slot, in this order. */
enum { ADD, LOG_ON, LOG_OFF, MOVE, DELETE, NR_UPDATES };

static const char * const names[NR_UPDATES] = {
	"add", "log on", "log off", "move", "delete",
};

/* A VM with one slot that changes. */
struct slots {
	char *mem;
	struct guest guest;
};

FIXTURE(vm) {
	int fd;
	char *away;
	struct slots slots;
	struct held held[2];
	struct storm storm;
};

FIXTURE_SETUP(vm)
{
	const struct guest_make make = { .vcpus = 1, .size = SIZE };
	int i;

	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(held_subscribe(&self->held[i], self->fd,
					   MNT_OP_START));
	guest_make(&self->slots.guest, &make);
	guest_fill(&self->slots.guest, MEM_GPA, SIZE, SEED);
	virt_map(self->slots.guest.vm, SLOT_GPA, SLOT_GPA, SLOT_PAGES);
	virt_map(self->slots.guest.vm, MOVED_GPA, MOVED_GPA, SLOT_PAGES);
	self->slots.mem = map_anon(SLOT_SIZE);
	self->away = map_anon(MAX_CHURNS * SLOT_SIZE);
	ASSERT_NE(NULL, self->slots.mem);
	ASSERT_NE(NULL, self->away);
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
	guest_free(&self->slots.guest);
}

static int update_slot(const struct slots *slots, int what)
{
	uint64_t gpa = what == MOVE ? MOVED_GPA : SLOT_GPA;
	uint32_t flags = what == LOG_ON ? KVM_MEM_LOG_DIRTY_PAGES : 0;
	uint64_t size = what == DELETE ? 0 : SLOT_SIZE;

	return __vm_set_user_memory_region(slots->guest.vm, SLOT, flags, gpa,
					   size, slots->mem);
}

/* The guest walks over the slot and sees what it must. */
static bool walk_slot(struct slots *slots, uint64_t gpa, uint64_t count,
		      uint64_t want, uint64_t store)
{
	struct guest *guest = &slots->guest;

	job_start(guest, 0, (struct job) {
		.gpa = gpa,
		.stride = PAGE,
		.count = count,
		.want = want,
		.store = store,
	});
	return job_wait(guest, 0, GUEST_PATIENCE_MS) && !job_trouble(guest, 0);
}

/* Nothing is there: each access is an exit to user space, which says ~0. */
static bool slot_is_gone(struct slots *slots, uint64_t gpa)
{
	unsigned int before = slots->guest.workers[0].mmio;

	return walk_slot(slots, gpa, 1, NOTHING, NOTHING) &&
	       slots->guest.workers[0].mmio > before;
}

/* The pages that the guest has written, no more and no less. */
static bool log_is_exact(struct slots *slots)
{
	uint64_t dirty[SLOT_PAGES / 64] = {};

	kvm_vm_get_dirty_log(slots->guest.vm, SLOT, dirty);
	return dirty[0] == (1UL << DIRTY_PAGES) - 1;
}

/* The words depend on the address, so that they differ after the move. */
static bool takes_effect(struct slots *slots, int what, uint64_t seed)
{
	switch (what) {
	case ADD:
		return walk_slot(slots, SLOT_GPA, SLOT_PAGES, NOTHING, seed) &&
		       *(uint64_t *)slots->mem == word_of(seed, SLOT_GPA);
	case LOG_ON:
		return walk_slot(slots, SLOT_GPA, DIRTY_PAGES, seed, seed) &&
		       log_is_exact(slots);
	case LOG_OFF:
		return walk_slot(slots, SLOT_GPA, SLOT_PAGES, seed, seed);
	case MOVE:
		return slot_is_gone(slots, SLOT_GPA) &&
		       walk_slot(slots, MOVED_GPA, SLOT_PAGES, NOTHING, seed) &&
		       *(uint64_t *)slots->mem == word_of(seed, MOVED_GPA);
	default:
		return slot_is_gone(slots, MOVED_GPA);
	}
}

/* In a thread, because on a kernel that waits they do not come back. */
struct updates {
	const struct slots *slots;
	pthread_t thread;
	atomic_bool go;
	atomic_int done;	/* updates before this one are done */
	uint64_t ns[NR_UPDATES];
};

static void *updates_run(void *arg)
{
	struct updates *updates = arg;
	uint64_t began;
	int i;

	for (i = updates->done; i < NR_UPDATES; i++) {
		while (!wait_real(&updates->go, GUEST_HOLD_MS))
			;
		updates->go = false;
		began = now_ns();
		if (update_slot(updates->slots, i))
			break;
		updates->ns[i] = now_ns() - began;
		updates->done = i + 1;
	}
	return NULL;
}

static bool wait_done(struct updates *updates, int count)
{
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;

	while (updates->done < count && now_ns() < until)
		sleep_ms(1);
	return updates->done >= count;
}

/* True if all five came through; a late one is let through at the end. */
static int one_by_one(struct __test_metadata *_metadata,
		      struct slots *slots, struct updates *updates)
{
	int i;

	for (i = 0; i < NR_UPDATES; i++) {
		updates->go = true;
		if (!wait_done(updates, i + 1)) {
			TH_LOG("%s: not done in %u ms", names[i],
			       GUEST_PATIENCE_MS);
			break;
		}
		TH_LOG("%s: %lu us", names[i],
		       (unsigned long)updates->ns[i] / 1000);
		EXPECT_TRUE(takes_effect(slots, i, SEED));
	}
	return i;
}

static void held_updates(struct __test_metadata *_metadata,
			 struct slots *slots, struct held *held, int nr_held)
{
	struct updates updates = { .slots = slots };
	int i, late;

	ASSERT_EQ(0, pthread_create(&updates.thread, NULL, updates_run,
				    &updates));
	for (i = 0; i < nr_held; i++)
		ASSERT_TRUE(held_start(&held[i]));
	late = one_by_one(_metadata, slots, &updates);
	EXPECT_EQ(NR_UPDATES, late);
	EXPECT_TRUE(held_all_still(held, nr_held));
	held_let_go(held, nr_held);
	for (i = late; i < NR_UPDATES; i++) {
		updates.go = i > late;
		ASSERT_TRUE(wait_done(&updates, i + 1));
		TH_LOG("%s: %lu us, let go", names[i],
		       (unsigned long)updates.ns[i] / 1000);
	}
	ASSERT_EQ(0, pthread_join(updates.thread, NULL));
	EXPECT_TRUE(slot_is_gone(slots, MOVED_GPA));
}

/* A range beside guest memory. */
TEST_F_TIMEOUT(vm, a_range_elsewhere_is_not_waited_for, LIMIT_S)
{
	held_prepare(&self->held[0], self->away, SLOT_SIZE);
	held_updates(_metadata, &self->slots, self->held, 1);
}

/* One in another slot, and one in neither. */
TEST_F_TIMEOUT(vm, another_slot_is_not_waited_for, LIMIT_S)
{
	held_prepare(&self->held[0], self->slots.guest.mem, PAGE);
	held_prepare(&self->held[1], self->away, SLOT_SIZE);
	held_updates(_metadata, &self->slots, self->held, 2);
}

/*
 * The range's callout has come and gone before the slot was there, so it has
 * withdrawn nothing from it: faults in the slot have to know of the range.
 */
TEST_F_TIMEOUT(vm, a_new_slot_knows_older_ranges, LIMIT_S)
{
	struct slots *slots = &self->slots;
	struct guest *guest = &slots->guest;

	ASSERT_EQ(0, update_slot(slots, ADD));
	ASSERT_TRUE(takes_effect(slots, ADD, SEED));
	ASSERT_EQ(0, update_slot(slots, DELETE));
	held_prepare(&self->held[0], slots->mem, PAGE);
	ASSERT_TRUE(held_start(&self->held[0]));
	ASSERT_EQ(0, update_slot(slots, ADD));
	/* The page beside it is there at once. */
	EXPECT_TRUE(walk_slot(slots, SLOT_GPA + PAGE, 1, SEED, SEED));
	job_start(guest, 0, (struct job) {
		.gpa = SLOT_GPA,
		.stride = PAGE,
		.count = 1,
		.want = ZERO,
		.store = SEED + 1,
	});
	EXPECT_FALSE(job_wait(guest, 0, WATCH_MS));
	EXPECT_TRUE(held_all_still(self->held, 1));
	held_let_go(self->held, 1);
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	EXPECT_EQ(word_of(SEED + 1, SLOT_GPA), *(uint64_t *)slots->mem);
}

/* Some invalidation is in flight at almost any time. */
TEST_F_TIMEOUT(vm, updates_are_not_starved, LIMIT_S)
{
	uint64_t worst[NR_UPDATES] = {}, began, ns;
	unsigned long round;
	int i;

	ASSERT_TRUE(storm_subscribe(&self->storm, self->fd, STORM_US));
	for (i = 0; i < MAX_CHURNS; i++)
		storm_add(&self->storm, self->away + i * SLOT_SIZE, SLOT_SIZE,
			  drop_next);
	storm_go(&self->storm);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < NR_UPDATES; i++) {
			began = now_ns();
			ASSERT_EQ(0, update_slot(&self->slots, i));
			ns = now_ns() - began;
			if (ns > worst[i])
				worst[i] = ns;
			ASSERT_TRUE(takes_effect(&self->slots, i, SEED + round));
		}
	}
	EXPECT_LT(ROUNDS, storm_stop(&self->storm));
	for (i = 0; i < NR_UPDATES; i++)
		TH_LOG("%s: at most %lu us", names[i],
		       (unsigned long)worst[i] / 1000);
	for (i = 0; i < NR_UPDATES; i++)
		EXPECT_GE(GUEST_PATIENCE_MS * MSEC, worst[i]);
}

/* The slot goes while a vCPU waits for a range in that very slot. */
TEST_F_TIMEOUT(vm, a_slot_goes_under_a_waiting_vcpu, LIMIT_S)
{
	struct updates updates = {
		.slots = &self->slots,
		.done = DELETE,
	};
	struct guest *guest = &self->slots.guest;
	unsigned int mmio = guest->workers[0].mmio;

	ASSERT_EQ(0, update_slot(&self->slots, ADD));
	held_prepare(&self->held[0], self->slots.mem, PAGE);
	ASSERT_EQ(0, pthread_create(&updates.thread, NULL, updates_run,
				    &updates));
	ASSERT_TRUE(held_start(&self->held[0]));
	job_start(guest, 0, (struct job) {
		.gpa = SLOT_GPA,
		.stride = PAGE,
		.count = 1,
		.want = NOTHING,
		.store = NOTHING,
	});
	EXPECT_FALSE(job_wait(guest, 0, WATCH_MS));
	updates.go = true;
	EXPECT_TRUE(wait_done(&updates, NR_UPDATES));
	TH_LOG("%s: %lu us", names[DELETE],
	       (unsigned long)updates.ns[DELETE] / 1000);
	EXPECT_TRUE(held_all_still(self->held, 1));
	held_let_go(self->held, 1);
	ASSERT_EQ(0, pthread_join(updates.thread, NULL));
	ASSERT_TRUE(job_wait(guest, 0, GUEST_PATIENCE_MS));
	EXPECT_FINE(guest, 0);
	/* The fault came again, and found no slot. */
	EXPECT_LT(mmio, guest->workers[0].mmio);
}

TEST_HARNESS_MAIN
