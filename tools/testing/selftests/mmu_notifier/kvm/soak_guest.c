// SPDX-License-Identifier: GPL-2.0
/*
 * The coherence soak: the guest. Each page belongs to one vCPU, which knows
 * its generation and what the host had dropped when it was written.
 *
 * Drops of a page are numbered. With D and B, the numbers of those that had
 * ended before a write and begun after it, and d and b, those that had ended
 * before a read and begun after it:
 *
 *	d > B	a drop has begun after the write, and ended before the read:
 *		all words are zero
 *	b = D	none has begun since before the write: no word is
 *	else	each word is either
 */
#include "soak.h"

/* Of one page, on the side of the guest. */
struct known {
	uint64_t generation;
	uint64_t ended;		/* D */
	uint64_t begun;		/* B */
};

static struct known known[SOAK_PAGES];
static struct soak_drops drops[SOAK_PAGES];
static struct soak_result results[SOAK_VCPUS];
static bool stop;

static uint64_t page_word(uint64_t gpa, uint64_t generation)
{
	if (gpa >= SAME_GPA && gpa < DROP_GPA)
		return word_of(1 + generation % 2, gpa % PAGE);
	return word_of(1 + generation, gpa);
}

static void write_page(struct known *page, struct soak_drops *drop,
		       uint64_t gpa)
{
	uint64_t at;
	int i;

	page->ended = READ_ONCE(drop->ended);
	page->generation++;
	for (i = 0; i < WORDS; i++) {
		at = gpa + i * WORD_STEP;
		WRITE_ONCE(*(uint64_t *)at, page_word(at, page->generation));
	}
	/* The writes are done before the host's number is read. */
	asm volatile("mfence" ::: "memory");
	page->begun = READ_ONCE(drop->begun);
}

static void complain(struct soak_result *result, uint64_t at, uint64_t wanted,
		     uint64_t found, uint64_t generation)
{
	if (result->wrong++)
		return;
	result->where = at;
	result->wanted = wanted;
	result->found = found;
	result->generation = generation;
}

static void verify_page(struct known *page, struct soak_drops *drop,
			uint64_t gpa, struct soak_result *result)
{
	bool zero = READ_ONCE(drop->ended) > page->begun, intact;
	uint64_t at, found[WORDS], wanted;
	int i;

	/* x86 keeps the order of loads. */
	for (i = 0; i < WORDS; i++)
		found[i] = READ_ONCE(*(uint64_t *)(gpa + i * WORD_STEP));
	intact = READ_ONCE(drop->begun) == page->ended;
	for (i = 0; i < WORDS; i++) {
		at = gpa + i * WORD_STEP;
		wanted = zero ? 0 : page_word(at, page->generation);
		if (found[i] == wanted || (!found[i] && !intact))
			continue;
		complain(result, at, wanted, found[i], page->generation);
	}
	result->zeroes += zero;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/**
 * soak_guest_code() - what a vCPU does
 * @nr: its number
 *
 * The first run fills its pages; the second one lasts until it is stopped, or
 * something is wrong.
 */
void soak_guest_code(uint64_t nr)
{
	struct soak_result *result = &results[nr];
	uint64_t state = 88172645463325252ULL + nr, page, gpa, dice;

	for (page = nr; page < SOAK_PAGES; page += SOAK_VCPUS)
		write_page(&known[page], &drops[page], MEM_GPA + page * PAGE);
	GUEST_SYNC(0);
	while (!READ_ONCE(stop) && !result->wrong) {
		dice = next_random(&state);
		page = dice / 16 % (SOAK_PAGES / SOAK_VCPUS) * SOAK_VCPUS + nr;
		gpa = MEM_GPA + page * PAGE;
		verify_page(&known[page], &drops[page], gpa, result);
		if (dice % 16 < 5) {
			write_page(&known[page], &drops[page], gpa);
			result->writes++;
		}
		result->steps++;
	}
	/* Each page once more, now that all is quiet. */
	for (page = nr; page < SOAK_PAGES; page += SOAK_VCPUS)
		verify_page(&known[page], &drops[page], MEM_GPA + page * PAGE,
			    result);
	GUEST_SYNC(0);
}

/**
 * soak_guest_find() - where the host finds what it shares with the guest
 * @soak: the soak, with a VM
 */
void soak_guest_find(struct soak *soak)
{
	struct kvm_vm *vm = soak->guest.vm;

	soak->drops = addr_gva2hva(vm, (uintptr_t)drops);
	soak->results = addr_gva2hva(vm, (uintptr_t)results);
	soak->stop_guest = addr_gva2hva(vm, (uintptr_t)&stop);
}
