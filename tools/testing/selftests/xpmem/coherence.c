// SPDX-License-Identifier: GPL-2.0
/*
 * The coherence matrix through an attachment: each operation on page tables, on
 * each kind of page, of a process whose memory this one has attached.
 *
 *	coherence [operation...]
 *
 * The operations and the target, which does them, are those of
 * ../mmu_notifier/coherence; here is another owner. It has all pages mapped by
 * an attachment, reads them while the operation runs, and afterwards:
 *
 *  - each page reads as it does in the target, or gets SIGBUS where the target
 *    has none;
 *  - what is written to the target's page is what is read here from then on, and
 *    the other way round.  An entry that was left to a frame which is not the
 *    target's any more shows in this, whatever was in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../mmu_notifier/coherence/matrix.h"
#include "xp.h"

/* A verdict that is none yet. */
#define AGAIN	(MISSING + 1)

/*
 * Where attached memory is not concerned: it is not reaped before the mm is
 * torn down, which the test wants to see done.
 */
static const char *const others[] = { "mrelease-held" };

/* What does not come about while the pages are read all the time. */
static const char *const shy[] = {
	"pageout", "swap-in", "reclaim-classic", "reclaim-mglru", "to-device",
	"back-from-device", "device-exclusive",
};

static const struct op *const families[] = {
	ops_map, ops_advice, ops_reclaim, ops_move, ops_huge, ops_file,
	ops_uffd, ops_proc, ops_device, ops_end,
};

const char *cgroup;
bool broken;

/* Of the target that is running. */
static struct share {
	int (*prepare)(struct area *area);
	int64_t segment;
} *share;

struct cell {
	const struct op *op;
	struct target target;
	int fd;
	char *there;
	size_t len;
	int memory;
	bool alone;		/* the operation needs the pages left alone */
	pthread_t watcher;
	atomic_bool stop;
	atomic_ulong looks;
	atomic_ulong odd;	/* words that nobody has written */
	unsigned int verdict;
	char why[WHY];
};

static struct cell *current;

static bool no(struct cell *cell, unsigned int verdict, const char *why, ...)
{
	va_list args;

	if (cell->verdict == PASSED) {
		cell->verdict = verdict;
		va_start(args, why);
		vsnprintf(cell->why, WHY, why, args);
		va_end(args);
	}
	return false;
}

static bool went_well(struct cell *cell, const char *what, int ret)
{
	const char *why = cell->target.area == MAP_FAILED ? "" :
			  cell->target.area->why;

	if (ret == DONE)
		return true;
	return no(cell, ret == NOT_HERE ? MISSING : FAILED, "%s: %s", what,
		  ret == NOT_HERE || *why ? why : strerror(-ret));
}

/* In the target: what the operation prepares, and then memory to attach. */
static int prepare_and_share(struct area *area)
{
	int ret = share->prepare ? share->prepare(area) : DONE, fd;

	if (ret)
		return ret;
	fd = xp_open();
	share->segment = xp_make(fd, NULL, XPMEM_WHOLE_SPACE, 0600);
	return share->segment < 0 ? (int)share->segment : DONE;
}

/* A word of a tag, of either generation, or nothing. */
static bool is_known(const struct cell *cell, uint64_t word, size_t at)
{
	return !word || word == (uintptr_t)cell->target.area->addr + at ||
	       cell->op->after == OTHER || cell->op->after == DENIED;
}

static void *watch(void *arg)
{
	struct cell *cell = arg;
	uint64_t word;
	size_t at;

	while (!cell->stop) {
		for (at = 0; at < cell->len; at += PAGE)
			if (xp_read(cell->there + at, &word) &&
			    !is_known(cell, word, at))
				cell->odd++;
		cell->looks++;
	}
	return NULL;
}

/**
 * cell_look() - wait until all translations have been used once more
 *
 * For an operation that has to keep things as they are for so long.
 */
void cell_look(void)
{
	unsigned long enough = current->looks + 2;

	while (current->looks < enough && !current->stop && !current->alone)
		sched_yield();
}

/**
 * oracle_step() - what the target does for the oracle
 * @area: the area
 * @what: the step
 *
 * Return: an error, as it does nothing: all that is looked at is here.
 */
int oracle_step(struct area *area, char what)
{
	(void)area;
	(void)what;
	return -EINVAL;
}

/* Attach it, and have a translation of each page. */
static bool begin(struct cell *cell)
{
	struct area *area = cell->target.area;
	bool write = !area->readonly;
	int64_t access;
	uint64_t word;
	char path[32];
	size_t at;

	cell->len = area->len;
	cell->fd = xp_open();
	access = xp_get(cell->fd, share->segment, XPMEM_GET_WRITE);
	cell->there = xp_attach(cell->fd, access, (uintptr_t)area->addr,
				cell->len, NULL);
	if (xp_failed(cell->there))
		return no(cell, FAILED, "attach: %s",
			  strerror(-(long)cell->there));
	for (at = 0; at < cell->len; at += PAGE)
		if (!xp_read(cell->there + at, &word) ||
		    (write && !xp_write(cell->there + at, word)))
			return no(cell, FAILED, "page %zu is not there",
				  at / PAGE);
	snprintf(path, sizeof(path), "/proc/%d/mem", cell->target.pid);
	cell->memory = open(path, O_RDWR | O_CLOEXEC);
	return true;
}

static bool operate_watched(struct cell *cell)
{
	const struct op *op = cell->op;
	int ret = DONE;

	if (!cell->alone) {
		if (pthread_create(&cell->watcher, NULL, watch, cell))
			return no(cell, FAILED, "no thread");
		while (!cell->looks)
			sched_yield();
	}
	if (op->run)
		ret = target_do(&cell->target, 'r');
	/* It is not there any more to say so. */
	if (op->after == DEAD && (ret == -EPIPE || ret == -EINTR))
		ret = DONE;
	if (ret == DONE && op->remote)
		ret = op->remote(cell->target.area, cell->target.pid);
	cell->stop = true;
	if (!cell->alone)
		pthread_join(cell->watcher, NULL);
	if (cell->odd)
		no(cell, STALE, "%lu words that nobody has written", cell->odd);
	/* Pages that are read all the time are not reclaimed, for example. */
	if (ret < 0 && !cell->alone && cell->verdict == PASSED) {
		cell->alone = true;
		return no(cell, AGAIN, "once more, alone");
	}
	return went_well(cell, op->name, ret);
}

/* The OOM killer's words are kept off the console, and read here. */
static bool operate(struct cell *cell)
{
	struct klog klog;
	const char *trouble;
	bool ret;

	if (!cell->op->loud)
		return operate_watched(cell);
	if (!klog_begin(&klog))
		return no(cell, FAILED, "the kernel's log cannot be read");
	ret = operate_watched(cell);
	trouble = klog_trouble(&klog);
	klog_end(&klog);
	return trouble ? no(cell, FAILED, "the kernel says: %.120s", trouble) :
	       ret;
}

static bool is_gone(const char *addr)
{
	uint64_t word;

	return !xp_read(addr, &word) && xp_signal() == SIGBUS;
}

/* For all of it, or not yet. */
static bool all_gone(struct cell *cell, bool wait)
{
	uint64_t until = xp_now_ms() + XP_PATIENCE_MS;
	size_t at;

	for (at = 0; at < cell->len; at += PAGE)
		while (!is_gone(cell->there + at)) {
			if (!wait || xp_now_ms() > until)
				return no(cell, STALE, "page %zu is still there",
					  at / PAGE);
			xp_sleep_ms(1);
		}
	return true;
}

/* As the target has it, by its page table if it has one there. */
static bool reads_alike(struct cell *cell, size_t at)
{
	char *addr = cell->target.area->addr + at;
	char here[PAGE], there[PAGE];
	uint64_t word;

	if (!xp_read(cell->there + at, &word))
		return true;
	memcpy(here, cell->there + at, PAGE);
	if (pread(cell->memory, there, PAGE, (uintptr_t)addr) != PAGE)
		return no(cell, STALE, "page %zu is there, and not in the target",
			  at / PAGE);
	if (memcmp(here, there, PAGE))
		return no(cell, STALE, "page %zu reads otherwise", at / PAGE);
	return true;
}

/* Each side writes, the other one reads. */
static bool writes_alike(struct cell *cell, size_t at)
{
	uintptr_t addr = (uintptr_t)cell->target.area->addr + at;
	uint64_t word = addr ^ 0x5a5a5a5a, found = 0;

	if (pwrite(cell->memory, &word, 8, addr) == 8 &&
	    xp_read(cell->there + at, &found) && found != word)
		return no(cell, STALE, "page %zu: written there, not here",
			  at / PAGE);
	word = ~word;
	if (xp_write(cell->there + at, word) &&
	    pread(cell->memory, &found, 8, addr) == 8 && found != word)
		return no(cell, STALE, "page %zu: written here, not there",
			  at / PAGE);
	return true;
}

/* Contents, where nothing but the target has to do with them. */
static bool is_right(struct cell *cell, size_t at)
{
	enum after after = cell->op->after;
	char *addr = cell->target.area->addr + at, page[PAGE];
	uint64_t word;

	if (after == OTHER || after == EITHER)
		return true;
	if (!xp_read(cell->there + at, &word))
		return no(cell, FAILED, "page %zu is gone", at / PAGE);
	memcpy(page, cell->there + at, PAGE);
	if (after == CHANGED && !tag_is(page, addr, 1))
		return no(cell, STALE, "page %zu is not the new one", at / PAGE);
	if (after == ZEROES && !page_is_zero(page))
		return no(cell, STALE, "page %zu is not empty", at / PAGE);
	return true;
}

static void compare(struct cell *cell)
{
	size_t at;

	for (at = 0; at < cell->len && cell->verdict == PASSED; at += PAGE)
		if (reads_alike(cell, at) && is_right(cell, at))
			writes_alike(cell, at);
}

static void check(struct cell *cell)
{
	if (cell->op->after == DEAD) {
		all_gone(cell, true);
		return;
	}
	if (cell->op->after == GONE || cell->op->after == DENIED)
		all_gone(cell, false);
	if (cell->op->undo)
		went_well(cell, "undo", target_do(&cell->target, 'u'));
	if (cell->op->after != GONE)
		compare(cell);
}

static struct cell run_cell(const struct op *op, enum pages kind, bool alone)
{
	struct op shared_op = *op;
	struct cell cell = {
		.op = op,
		.alone = alone,
		.target = { .to = -1, .from = -1, .area = MAP_FAILED },
		.fd = -1, .memory = -1,
		.there = (char *)-EINVAL,
	};

	current = &cell;
	shared_op.prepare = prepare_and_share;
	share->prepare = op->prepare;
	if (went_well(&cell, "making the area",
		      target_start(&cell.target, &shared_op, kind)) &&
	    begin(&cell) && operate(&cell))
		check(&cell);
	target_stop(&cell.target);
	if (!xp_failed(cell.there))
		munmap(cell.there, cell.len);
	close(cell.fd);
	close(cell.memory);
	return cell;
}

static bool is_among(const char *const *names, size_t nr, const struct op *op)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], op->name))
			return true;
	return false;
}

static void report(const struct op *op, enum pages kind)
{
	const char *page = page_kinds[kind].name;
	struct cell cell = run_cell(op, kind,
				    is_among(shy, ARRAY_SIZE(shy), op));

	if (cell.verdict == AGAIN) {
		ksft_print_msg("%s, %s: once more, alone\n", op->name, page);
		cell = run_cell(op, kind, true);
	}
	switch (cell.verdict) {
	case PASSED:
		ksft_test_result_pass("%s, %s\n", op->name, page);
		break;
	case MISSING:
		ksft_test_result_skip("%s, %s: %s\n", op->name, page, cell.why);
		break;
	default:
		printf("# %s\n", cell.why);
		ksft_test_result_fail("%s, %s\n", op->name, page);
	}
}

static bool is_wanted(char **names, const struct op *op)
{
	char **name;

	if (is_among(others, ARRAY_SIZE(others), op))
		return false;
	for (name = names; *name; name++)
		if (!strcmp(*name, op->name))
			return true;
	return !names[0];
}

static void run(char **names, void (*what)(const struct op *op, enum pages kind))
{
	const struct op *op;
	unsigned int i, kind;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (op = families[i]; op->name; op++)
			for (kind = 0; kind < NR_PAGE_KINDS; kind++)
				if (is_wanted(names, op) && op->kinds & ONLY(kind))
					what(op, kind);
}

static unsigned int planned;

static void plan(const struct op *op, enum pages kind)
{
	(void)op;
	(void)kind;
	planned++;
}

/* A process with a policy of its own gets no hints, but where it asks for. */
static void prevent_balancing(void)
{
	unsigned long both = 3;

	syscall(SYS_set_mempolicy, MPOL_BIND, &both, 8 * sizeof(both));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--after-exec"))
		return after_exec();
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (xp_open() < 0)
		ksft_exit_skip("no device\n");
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (share == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	cgroup = cgroup_make("coherence");
	prevent_balancing();
	run(argv + 1, plan);
	ksft_set_plan(planned);
	run(argv + 1, report);
	ksft_finished();
}
