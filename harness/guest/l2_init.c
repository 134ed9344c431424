// SPDX-License-Identifier: GPL-2.0
/*
 * /init of the inner guest of "make run".
 *
 * It fills almost all memory of the guest with pages that say who they are,
 * and then verifies and rewrites them for as long as it is told to, while the
 * host underneath swaps the guest's memory out and in.  What each page must
 * contain is never read back from the page: it is computed from the page
 * number, the seed and a table of generations.  So a page that comes back with
 * an older content of its own, with the content of another page, or torn, is
 * found, and the report says which of the three it was.
 *
 * Every word depends on page and generation, so that no part of a page can be
 * stale unseen.  Neighbouring words differ in their low bits only: the host's
 * compressed swap then costs little, which matters under emulation.
 *
 * Reports go to /dev/kmsg: one write there is one line on the serial console,
 * whatever else the kernel is printing at that moment.
 *
 * Parameters come from the kernel command line, as environment variables:
 * demo_seed, demo_seconds, demo_broken.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SIZE	4096UL
#define WORDS		(PAGE_SIZE / sizeof(unsigned long))
#define HEADER_WORDS	3	/* page, generation, seed */
#define WORKERS		2
#define RESERVE_KB	(20 * 1024UL)	/* left to the guest's kernel */
#define MIN_MIX_OPS	4096	/* per worker, however short the time */
#define REPORT_LIMIT	8	/* wrong pages described one by one */
#define REPORT_SECONDS	2

enum phase { FILL, SWEEP, MIX, FINAL, PHASES };

static const char * const phase_name[PHASES] = {
	"fill", "sweep", "mix", "final",
};

struct worker {
	pthread_t	thread;
	unsigned int	id;
	unsigned long	random;
};

static unsigned long *memory;
static unsigned int *generation;	/* what each page must hold, by page number */
static unsigned long nr_pages;
static unsigned long seed = 1;
static time_t mix_until;
static bool broken;
static int kmsg = -1;
static pthread_barrier_t barrier;
static atomic_int phase;
static atomic_ulong written, verified, covered, wrong;
static atomic_bool finished;

/* One write is one line; a macro, so that the compiler checks the format. */
#define report(...)						\
	do {							\
		char line_[512];				\
								\
		snprintf(line_, sizeof(line_), __VA_ARGS__);	\
		report_line(line_);				\
	} while (0)

static void report_line(const char *text)
{
	char line[600];
	int len = snprintf(line, sizeof(line), "<5>@@L2 %s", text);

	if (write(kmsg, line, len) != len)
		perror("kmsg");
}

static noreturn void leave(void)
{
	/* The host reads KVM's counters before this machine is gone. */
	sleep(3);
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* The finalizer of splitmix64: any change of the input changes every bit. */
static unsigned long scramble(unsigned long x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static unsigned long page_key(unsigned long page, unsigned long gen)
{
	return scramble(scramble(seed + page) ^ gen);
}

static unsigned long *page_words(unsigned long page)
{
	return memory + page * WORDS;
}

static unsigned long checksum(const unsigned long *w)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < WORDS - 1; i++)
		sum += w[i];
	return sum;
}

static void compose(unsigned long *w, unsigned long page, unsigned long gen)
{
	unsigned long key = page_key(page, gen);
	size_t i;

	w[0] = page;
	w[1] = gen;
	w[2] = seed;
	for (i = HEADER_WORDS; i < WORDS - 1; i++)
		w[i] = key ^ i;
	w[WORDS - 1] = checksum(w);
}

static void write_page(unsigned long page, unsigned int gen)
{
	compose(page_words(page), page, gen);
	generation[page] = gen;
	atomic_fetch_add(&written, 1);
}

/* The frame that backs an address, 0 if the kernel does not tell. */
static unsigned long frame_of(const void *addr)
{
	unsigned long entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry),
		  (unsigned long)addr / PAGE_SIZE * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry & ((1UL << 55) - 1);
}

static const char *classify(const unsigned long *found, unsigned long page, unsigned long gen)
{
	unsigned long copy[WORDS];

	compose(copy, found[0], found[1]);
	if (memcmp(copy, found, PAGE_SIZE))
		return "torn";
	if (found[0] != page)
		return "other-page";
	return found[1] < gen ? "stale" : "wrong";
}

static void describe_wrong(unsigned long page, const unsigned long *found,
			   const unsigned long *expected)
{
	size_t i = 0;

	while (i < WORDS - 1 && found[i] == expected[i])
		i++;
	report("wrong kind=%s phase=%s addr=%p gfn=0x%lx page=%lu generation=%u",
	       classify(found, page, generation[page]),
	       phase_name[atomic_load(&phase)], (void *)(page_words(page) + i),
	       frame_of(page_words(page)), page, generation[page]);
	report("found word=%zu expected=0x%016lx found=0x%016lx page=%lu generation=%lu",
	       i, expected[i], found[i], found[0], found[1]);
}

static void verify_page(unsigned long page)
{
	unsigned long expected[WORDS], found[WORDS];

	compose(expected, page, generation[page]);
	/* One look at the page: what is compared is what is reported. */
	memcpy(found, page_words(page), PAGE_SIZE);
	atomic_fetch_add(&verified, 1);
	if (!memcmp(expected, found, PAGE_SIZE))
		return;
	if (atomic_fetch_add(&wrong, 1) < REPORT_LIMIT)
		describe_wrong(page, found, expected);
	/* Count one fault once: the page starts afresh. */
	write_page(page, generation[page] + 1);
}

static unsigned long next_random(struct worker *w)
{
	w->random = scramble(w->random);
	return w->random;
}

/* Workers own every WORKERS-th page, so that they meet in the same tables. */
static unsigned long pick_page(struct worker *w)
{
	unsigned long own = nr_pages / WORKERS;
	unsigned long r = next_random(w);

	/* Three of four accesses go to an eighth of memory: young pages. */
	if (r & 3)
		own /= 8;
	return (r >> 8) % own * WORKERS + w->id;
}

static void fill(struct worker *w)
{
	unsigned long page;

	for (page = w->id; page < nr_pages; page += WORKERS)
		write_page(page, 1);
}

static void sweep(struct worker *w, bool last)
{
	unsigned long page;

	for (page = w->id; page < nr_pages; page += WORKERS) {
		verify_page(page);
		if (last)
			atomic_fetch_add(&covered, 1);
	}
}

static void mix(struct worker *w)
{
	unsigned long ops;

	for (ops = 0; ops < MIN_MIX_OPS || now() < mix_until; ops++) {
		unsigned long page = pick_page(w);

		verify_page(page);
		if (ops % 4 == 0)
			write_page(page, generation[page] + 1);
	}
}

static void next_phase(struct worker *w, enum phase next)
{
	pthread_barrier_wait(&barrier);
	if (!w->id)
		atomic_store(&phase, next);
	pthread_barrier_wait(&barrier);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	fill(w);
	next_phase(w, SWEEP);
	if (broken && !w->id)
		page_words(nr_pages / 2 / WORKERS * WORKERS)[100] ^= 1;
	sweep(w, false);
	next_phase(w, MIX);
	mix(w);
	next_phase(w, FINAL);
	sweep(w, true);
	pthread_barrier_wait(&barrier);
	if (!w->id)
		atomic_store(&finished, true);
	return NULL;
}

static void report_progress(const char *what)
{
	report("%s phase=%s pages=%lu written=%lu verified=%lu covered=%lu wrong=%lu",
	       what, phase_name[atomic_load(&phase)], nr_pages,
	       atomic_load(&written), atomic_load(&verified),
	       atomic_load(&covered), atomic_load(&wrong));
}

static noreturn void give_up(const char *why)
{
	report("failed reason=%s", why);
	leave();
}

static unsigned long meminfo_kb(const char *key)
{
	char line[128];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	if (!f)
		give_up("no-meminfo");
	while (!kb && fgets(line, sizeof(line), f)) {
		size_t len = strlen(key);

		if (!strncmp(line, key, len) && line[len] == ':')
			kb = strtoul(line + len + 1, NULL, 10);
	}
	fclose(f);
	return kb;
}

static unsigned long parameter(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

static void set_up(void)
{
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	kmsg = open("/dev/kmsg", O_WRONLY);
	if (kmsg < 0)
		leave();
	seed = parameter("demo_seed", 1);
	broken = parameter("demo_broken", 0);
	mix_until = now() + (time_t)parameter("demo_seconds", 60);
}

static void take_memory(void)
{
	unsigned long available = meminfo_kb("MemAvailable");

	if (available < 4 * RESERVE_KB)
		give_up("guest-too-small");
	nr_pages = (available - RESERVE_KB) * 1024 / (PAGE_SIZE + 4);
	nr_pages -= nr_pages % WORKERS;
	memory = mmap(NULL, nr_pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	generation = calloc(nr_pages, sizeof(*generation));
	if (memory == MAP_FAILED || !generation)
		give_up("no-memory");
	report("start pages=%lu memory_kb=%lu workers=%d seed=%lu broken=%d",
	       nr_pages,
	       meminfo_kb("MemTotal"), WORKERS,
	       seed, broken);
}

int main(void)
{
	static struct worker workers[WORKERS];
	unsigned int i;

	set_up();
	take_memory();
	pthread_barrier_init(&barrier, NULL, WORKERS);
	for (i = 0; i < WORKERS; i++) {
		workers[i].id = i;
		workers[i].random = scramble(seed ^ i);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			give_up("no-thread");
	}
	for (i = 0; !atomic_load(&finished); i++) {
		if (i % REPORT_SECONDS == 0)
			report_progress("progress");
		sleep(1);
	}
	report_progress("done");
	leave();
}
