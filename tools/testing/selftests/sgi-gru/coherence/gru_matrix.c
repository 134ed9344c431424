// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle of the coherence matrix, for a GRU.
 *
 * The target has a GRU, and touches each page of its area with an instruction, so
 * that the TLB has an entry of it.  What is in the TLB, the emulator compares with
 * the page table, under the chip's lock, as mirrors are compared elsewhere: at any
 * time, whatever else goes on.
 *
 * What the driver is told is not seen from here; that causes are right is shown by
 * test subscribers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libgru.h"

#include "chip.h"
#include "matrix.h"

/* It is told by its start callouts; nobody tells it of what it does not have. */
#define KIND	MNT_SECONDARY

const unsigned int oracle_kinds[] = { KIND };
const unsigned int oracle_nr_kinds = 1;

const char *const sub_names[MNT_NR_KINDS] = { [KIND] = "GRU" };

/* Of the target. */
static struct gru gru;

/**
 * oracle_missing() - is there an emulated GRU?
 *
 * Return: what there is not, or NULL.
 */
const char *oracle_missing(void)
{
	struct chip_check check;

	return chip_check(&check) ? why_no_device() : "no emulated GRU";
}

/*
 * A process of one thread gets no hints of pages that are where it runs.  With
 * test subscribers, these make a second user of it.
 */
static void *be_there(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int have_gru(struct area *area)
{
	pthread_t thread;

	if (gru_open(&gru, 1, 1024, GRU_MISS_POLL) ||
	    pthread_create(&thread, NULL, be_there, NULL))
		return failed(area, "gru_open");
	return DONE;
}

static enum gru_status touch_page(enum gru_operation operation,
				  const void *address)
{
	struct gru_instruction_words words = {
		.operation = operation,
		.element = GRU_64BIT,
		.address = address,
		.count = 1,
		.operand = 1,
	};

	gru_start(&gru, 0, &words);
	return gru_wait(&gru, 0);
}

/* Load, and for write store the same again; the number of pages that let us. */
static int touch_area(struct area *area, bool write)
{
	int filled = 0;
	size_t at;

	for (at = 0; at < area->len; at += PAGE)
		filled += touch_page(GRU_DO_LOAD, area->addr + at) ==
				GRU_FINISHED &&
			  (!write || touch_page(GRU_DO_STORE, area->addr + at) ==
				GRU_FINISHED);
	return filled;
}

static int load_word(struct area *area)
{
	if (touch_page(GRU_DO_LOAD, (void *)(uintptr_t)area->at) !=
	    GRU_FINISHED)
		return -EFAULT;
	area->word = __atomic_load_n((uint64_t *)gru_data(&gru, 0),
				     __ATOMIC_RELAXED);
	return DONE;
}

/**
 * oracle_step() - what the target does for the oracle
 * @area: the area
 * @what: 'g' have a GRU; 'l'oad or 's'tore all pages; load one 'w'ord
 *
 * Return: an error, or what was asked for.
 */
int oracle_step(struct area *area, char what)
{
	switch (what) {
	case 'g':
		return have_gru(area);
	case 'l':
		return touch_area(area, false);
	case 's':
		return touch_area(area, true);
	case 'w':
		return load_word(area);
	default:
		return -EINVAL;
	}
}

/**
 * oracle_start() - have a GRU for the target
 * @oracle: the oracle
 * @fd:     not used
 * @kind:   likewise
 * @target: the target
 *
 * Return: true if that went well.
 */
bool oracle_start(struct oracle *oracle, int fd, unsigned int kind,
		  struct target *target)
{
	*oracle = (struct oracle) {
		.fd = fd,
		.kind = kind,
		.area = target->area,
		.target = target,
	};
	return target_do(target, 'g') == DONE;
}

/**
 * oracle_fill() - have all pages of the area in the TLB
 * @oracle: the oracle
 * @write:  for write
 *
 * Return: the number of pages that are.
 */
unsigned int oracle_fill(struct oracle *oracle, bool write)
{
	int filled = target_do(oracle->target, write ? 's' : 'l');

	return filled < 0 ? 0 : filled;
}

/* A large page has one entry. */
static unsigned int pages_of(const struct oracle *oracle, unsigned long entries)
{
	return ONLY(oracle->area->kind) & HUGETLB_ANY ? entries * (HUGE / PAGE) :
							entries;
}

static struct mnt_check check(struct oracle *oracle)
{
	struct mnt_check found = { };
	struct chip_check chip;

	if (!chip_check(&chip)) {
		found.stale = 1;
		return found;
	}
	found.checked = pages_of(oracle, chip.checked);
	found.stale = chip.stale;
	if (chip.stale)
		printf("# entry: %s\n", chip.first);
	return found;
}

static void *watch(void *arg)
{
	struct oracle *oracle = arg;

	while (!oracle->stop && !oracle->found.stale) {
		oracle->found = check(oracle);
		oracle->looks++;
	}
	return NULL;
}

/**
 * oracle_watch() - compare again and again, in a thread
 * @oracle: the oracle
 */
void oracle_watch(struct oracle *oracle)
{
	if (pthread_create(&oracle->watcher, NULL, watch, oracle)) {
		oracle->found.stale = 1;
		oracle->stop = true;
		return;
	}
	while (!oracle->looks)
		sched_yield();
}

/**
 * oracle_wait_look() - wait until all has been compared once more
 * @oracle: the oracle, which watches
 */
void oracle_wait_look(const struct oracle *oracle)
{
	unsigned long enough = oracle->looks + 2;

	while (!oracle->found.stale && oracle->looks < enough)
		sched_yield();
}

/**
 * oracle_watched() - end oracle_watch()
 * @oracle: the oracle
 *
 * Return: true if nothing stale has been found.
 */
bool oracle_watched(struct oracle *oracle)
{
	if (!oracle->stop && oracle->looks) {
		oracle->stop = true;
		pthread_join(oracle->watcher, NULL);
	}
	return !oracle->found.stale;
}

/**
 * oracle_look() - compare once, when nothing goes on
 * @oracle: the oracle
 *
 * Return: what was found.
 */
struct mnt_check oracle_look(struct oracle *oracle)
{
	struct mnt_check found = check(oracle);

	if (found.stale)
		oracle->found = found;
	return found;
}

/**
 * oracle_wait_dead() - wait until the address space has gone
 * @oracle: the oracle
 *
 * Return: true if its context was taken off the chip.
 */
bool oracle_wait_dead(struct oracle *oracle)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);

	do {
		if (oracle_look(oracle).stale)
			return false;
		if (!driver_contexts())
			return true;
		sleep_ms(1);
	} while (now_ns() < until);
	return false;
}

/**
 * cause_name() - the name of a cause
 * @causes: a mask
 *
 * Return: that nobody has asked.
 */
const char *cause_name(unsigned int causes)
{
	(void)causes;
	return "unknown";
}

/**
 * oracle_expect() - the operation comes next
 * @oracle: the oracle
 *
 * If it has to be found out, lose the first flush of it.
 */
void oracle_expect(struct oracle *oracle)
{
	(void)oracle;
	if (broken)
		chip_set("lose_tgh", 1);
}

/**
 * oracle_causes() - which causes were told
 * @oracle: the oracle
 *
 * Return: all, as they are not looked at here.
 */
unsigned int oracle_causes(const struct oracle *oracle)
{
	(void)oracle;
	return ~0U;
}

/**
 * oracle_load() - read through a translation
 * @oracle: the oracle
 * @addr:   the address
 * @value:  the word that is there
 *
 * Return: false if it cannot be read.
 */
bool oracle_load(struct oracle *oracle, const char *addr, uint64_t *value)
{
	oracle->area->at = (uintptr_t)addr;
	if (target_do(oracle->target, 'w') != DONE)
		return false;
	*value = oracle->area->word;
	return true;
}

/**
 * oracle_is_paired() - did the chip find room for all entries?
 * @oracle: the oracle
 *
 * An entry that was thrown away cannot be stale.
 *
 * Return: true if so.
 */
bool oracle_is_paired(struct oracle *oracle)
{
	(void)oracle;
	return !chip_count("tlb_full");
}

/**
 * oracle_report() - say what was stale
 * @oracle: the oracle
 * @op:     what was done
 */
void oracle_report(struct oracle *oracle, const struct op *op)
{
	const struct area *area = oracle->area;

	printf("# %s, %s: %zu pages at %p, %u stale\n", op->name,
	       page_kinds[area->kind].name, area->len / PAGE, area->addr,
	       oracle->found.stale);
}

/**
 * oracle_stop() - be done
 * @oracle: the oracle
 */
void oracle_stop(struct oracle *oracle)
{
	oracle_watched(oracle);
	if (broken)
		chip_set("lose_tgh", 0);
}
