// SPDX-License-Identifier: GPL-2.0
/*
 * libgru - programs that use an SGI GRU, or an emulated one
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libgru.h"

/* Where things are in a segment. */
#define BLOCK_STRIDE	256
#define DATA_BASE	0x20000

/* Word 0 of a control block. */
#define START		1ULL
#define UNMAPPED	(2ULL << 1)
#define ELEMENT_SHIFT	8
#define OPERATION_SHIFT	16
#define VARIANT_SHIFT	24
#define DATA_SHIFT	32
#define STATUS_SHIFT	56
#define SUBSTATUS_SHIFT	58

/* How often gru_wait() looks before it lets others run. */
#define SPINS		200

/* What the driver takes, as it lays them out. */
struct create_args {
	unsigned long	segment;
	unsigned int	data_bytes;
	unsigned int	blocks;
	unsigned int	threads;
	unsigned int	options;
	unsigned char	preload;
};

struct option_args {
	unsigned long	segment;
	int		option;
	int		first;
	long		second;
};

struct flush_args {
	unsigned long	segment;
	unsigned long	address;
	size_t		bytes;
};

struct exception_args {
	unsigned long	block;
	int		operation;
	int		cause;
	int		variant;
	long		detail;
	int		detail2;
	int		state;
	int		executed;
};

enum { OPTION_OWNER, OPTION_SLICE, OPTION_PLACE };

#define IOCTL_CREATE	_IOWR('G', 1, void *)
#define IOCTL_OPTION	_IOWR('G', 4, void *)
#define IOCTL_EXCEPTION	_IOWR('G', 6, void *)
#define IOCTL_ASK	_IOWR('G', 8, void *)
#define IOCTL_UNLOAD	_IOWR('G', 9, void *)
#define IOCTL_FLUSH	_IOWR('G', 50, void *)

static uint64_t *block_words(struct gru *gru, unsigned int block)
{
	return (uint64_t *)(gru->segment + block * BLOCK_STRIDE);
}

/* A mapping that begins where a segment may. */
static char *map_segment(int fd)
{
	char *room, *at;

	room = mmap(NULL, 2 * GRU_SEGMENT_BYTES, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	at = (char *)(((uintptr_t)room + GRU_SEGMENT_BYTES - 1) &
		      -(uintptr_t)GRU_SEGMENT_BYTES);
	munmap(room, 2 * GRU_SEGMENT_BYTES);
	at = mmap(at, GRU_SEGMENT_BYTES, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

static int create(struct gru *gru, enum gru_miss_mode mode, unsigned int pages)
{
	struct create_args args = {
		.segment	= (unsigned long)gru->segment,
		.data_bytes	= gru->data_bytes,
		.blocks		= gru->blocks,
		.threads	= 1,
		.options	= mode,
		.preload	= pages,
	};
	struct option_args option = {
		.segment	= args.segment,
		.option		= OPTION_OWNER,
	};

	if (ioctl(gru->fd, IOCTL_CREATE, &args))
		return -1;
	return ioctl(gru->fd, IOCTL_OPTION, &option);
}

/*
 * gru_open - have a segment
 *
 * The data segment is made of units of 1 KiB. -1 and errno if there is none.
 */
int gru_open(struct gru *gru, unsigned int blocks, unsigned int data_bytes,
	     enum gru_miss_mode mode)
{
	return gru_open_preloading(gru, blocks, data_bytes, mode, 0);
}

/* gru_open_preloading - the same; a copy's misses bring so many pages more */
int gru_open_preloading(struct gru *gru, unsigned int blocks,
			unsigned int data_bytes, enum gru_miss_mode mode,
			unsigned int pages)
{
	int code;

	memset(gru, 0, sizeof(*gru));
	gru->blocks = blocks;
	gru->data_bytes = data_bytes;
	gru->fd = open(GRU_DEVICE, O_RDWR | O_CLOEXEC);
	if (gru->fd < 0)
		return -1;
	gru->segment = map_segment(gru->fd);
	if (gru->segment && !create(gru, mode, pages))
		return 0;
	code = errno;
	gru_close(gru);
	errno = code;
	return -1;
}

/* gru_place - where the segment is to be; -1 for anywhere */
int gru_place(struct gru *gru, int blade, int chiplet)
{
	struct option_args option = {
		.segment	= (unsigned long)gru->segment,
		.option		= OPTION_PLACE,
		.first		= chiplet,
		.second		= blade,
	};

	return ioctl(gru->fd, IOCTL_OPTION, &option);
}

/* gru_unload - take the segment off the chip; the next access loads it again */
int gru_unload(struct gru *gru)
{
	unsigned long segment = (unsigned long)gru->segment;

	return ioctl(gru->fd, IOCTL_UNLOAD, &segment);
}

/* gru_flush - have the chip forget translations */
int gru_flush(struct gru *gru, const void *address, size_t bytes)
{
	struct flush_args args = {
		.segment	= (unsigned long)gru->segment,
		.address	= (unsigned long)address,
		.bytes		= bytes,
	};

	return ioctl(gru->fd, IOCTL_FLUSH, &args);
}

/* gru_close - give it back */
void gru_close(struct gru *gru)
{
	if (gru->segment)
		munmap(gru->segment, GRU_SEGMENT_BYTES);
	if (gru->fd >= 0)
		close(gru->fd);
	gru->segment = NULL;
	gru->fd = -1;
}

/* gru_data - a place in the data segment */
void *gru_data(struct gru *gru, unsigned int offset)
{
	return gru->segment + DATA_BASE + offset;
}

/*
 * gru_start - begin an instruction
 *
 * The chip may look at any time: so the word with the start bit comes last.
 * Hardware is told by the line's leaving the cache.
 */
void gru_start(struct gru *gru, unsigned int block,
	       const struct gru_instruction_words *words)
{
	uint64_t *word = block_words(gru, block);

	word[1] = words->data2;
	word[2] = (uint64_t)(uintptr_t)words->address;
	word[3] = words->count;
	word[4] = words->operand;
	word[5] = words->operand2;
	__atomic_store_n(&word[0], START |
			 (words->unmapped ? UNMAPPED : 0) |
			 (uint64_t)words->element << ELEMENT_SHIFT |
			 (uint64_t)words->operation << OPERATION_SHIFT |
			 (uint64_t)words->variant << VARIANT_SHIFT |
			 (uint64_t)words->data << DATA_SHIFT |
			 (uint64_t)GRU_ACTIVE << STATUS_SHIFT,
			 __ATOMIC_SEQ_CST);
#ifdef __x86_64__
	__builtin_ia32_clflush(word);
#endif
}

/* gru_status - how an instruction is, as the chip says */
enum gru_status gru_status(struct gru *gru, unsigned int block)
{
	uint64_t word = __atomic_load_n(block_words(gru, block),
					__ATOMIC_ACQUIRE);

	return word >> STATUS_SHIFT & 3;
}

/* gru_ask_kernel - have a TLB miss answered; -1 and EAGAIN: look again */
int gru_ask_kernel(struct gru *gru, unsigned int block)
{
	return ioctl(gru->fd, IOCTL_ASK, block_words(gru, block));
}

/* gru_poll - look once, and ask the kernel if that is needed */
enum gru_status gru_poll(struct gru *gru, unsigned int block)
{
	enum gru_status status = gru_status(gru, block);

	if (status != GRU_NEEDS_KERNEL)
		return status;
	/* If that fails, the chip says so: with an exception, or as before. */
	gru_ask_kernel(gru, block);
	return GRU_ACTIVE;
}

/* gru_wait - until an instruction is finished, or there was an exception */
enum gru_status gru_wait(struct gru *gru, unsigned int block)
{
	enum gru_status status;
	unsigned int spins = 0;

	while ((status = gru_poll(gru, block)) == GRU_ACTIVE) {
		if (++spins % SPINS == 0)
			sched_yield();
	}
	return status;
}

/* gru_value - what an atomic operation found */
uint64_t gru_value(struct gru *gru, unsigned int block)
{
	return __atomic_load_n(block_words(gru, block) + 7, __ATOMIC_RELAXED);
}

/* gru_substatus - why a message was not sent */
unsigned int gru_substatus(struct gru *gru, unsigned int block)
{
	return __atomic_load_n(block_words(gru, block), __ATOMIC_RELAXED) >>
	       SUBSTATUS_SHIFT & 7;
}

/* gru_cause - bits of gru_cause_bits of the last exception; -1 and errno */
int gru_cause(struct gru *gru, unsigned int block)
{
	struct exception_args args = {
		.block	= (unsigned long)block_words(gru, block),
	};

	if (ioctl(gru->fd, IOCTL_EXCEPTION, &args))
		return -1;
	return args.cause;
}

static int run(struct gru *gru, unsigned int block,
	       const struct gru_instruction_words *words)
{
	gru_start(gru, block, words);
	return gru_wait(gru, block);
}

/* gru_copy - memcpy(), by way of the whole data segment */
int gru_copy(struct gru *gru, unsigned int block, void *to, const void *from,
	     size_t bytes)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_COPY,
		.element	= GRU_8BIT,
		.data2		= gru->data_bytes / GRU_LINE_BYTES,
		.address	= from,
		.count		= bytes,
		.operand2	= (uintptr_t)to,
	};

	return run(gru, block, &words);
}

/* gru_fill - the same 64 bits again and again */
int gru_fill(struct gru *gru, unsigned int block, void *to, uint64_t value,
	     size_t count)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_FILL,
		.element	= GRU_64BIT,
		.address	= to,
		.count		= count,
		.operand	= 1,
		.operand2	= value,
	};

	return run(gru, block, &words);
}

/* Indices are at the start of the data segment, elements come after them. */
static struct gru_instruction_words indexed(struct gru *gru,
					    enum gru_operation operation,
					    const void *base,
					    const uint64_t *index,
					    unsigned int count)
{
	memcpy(gru_data(gru, 0), index, count * sizeof(*index));
	return (struct gru_instruction_words) {
		.operation	= operation,
		.element	= GRU_64BIT,
		.data		= count * sizeof(*index),
		.data2		= 0,
		.address	= base,
		.count		= count,
	};
}

/*
 * gru_gather - to[i] = base[index[i]], of 64 bits each
 *
 * Twice count * 8 bytes of data segment are used.
 */
int gru_gather(struct gru *gru, unsigned int block, void *to, const void *base,
	       const uint64_t *index, unsigned int count)
{
	struct gru_instruction_words words;
	int ret;

	words = indexed(gru, GRU_DO_GATHER, base, index, count);
	ret = run(gru, block, &words);
	if (!ret)
		memcpy(to, gru_data(gru, words.data), count * sizeof(*index));
	return ret;
}

/* gru_scatter - base[index[i]] = from[i], likewise */
int gru_scatter(struct gru *gru, unsigned int block, void *base,
		const uint64_t *index, const void *from, unsigned int count)
{
	struct gru_instruction_words words;

	words = indexed(gru, GRU_DO_SCATTER, base, index, count);
	memcpy(gru_data(gru, words.data), from, count * sizeof(*index));
	return run(gru, block, &words);
}

static int atomic(struct gru *gru, unsigned int block,
		  const struct gru_instruction_words *words, uint64_t *old)
{
	int ret = run(gru, block, words);

	if (!ret && old)
		*old = gru_value(gru, block);
	return ret;
}

/* gru_atomic - an atomic operation without operands */
int gru_atomic(struct gru *gru, unsigned int block, enum gru_atomic what,
	       uint64_t *word, uint64_t *old)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_ATOMIC,
		.variant	= what,
		.element	= GRU_64BIT,
		.address	= word,
	};

	return atomic(gru, block, &words, old);
}

/* gru_atomic_with - one with operands */
int gru_atomic_with(struct gru *gru, unsigned int block,
		    enum gru_atomic_with what, uint64_t *word,
		    uint64_t operand, uint64_t operand2, uint64_t *old)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_ATOMIC_WITH,
		.variant	= what,
		.element	= GRU_64BIT,
		.address	= word,
		.operand	= operand,
		.operand2	= operand2,
	};

	return atomic(gru, block, &words, old);
}

/*
 * A queue's first word says which line the chip fills next (low half), and
 * where it stops.  A line's first word is 0 until a message is there.  When
 * all lines have been received, the receiver has the chip begin again: until
 * then it refuses, so nobody fills a line that has not been emptied.
 */
static uint64_t queue_head(unsigned int line)
{
	return line | (uint64_t)(GRU_QUEUE_MESSAGES + 1) << 32;
}

/* gru_queue_init - make a queue of a page, which is overwritten */
void gru_queue_init(struct gru_queue *queue, void *page)
{
	memset(page, 0, (GRU_QUEUE_MESSAGES + 1) * GRU_LINE_BYTES);
	queue->lines = page;
	queue->next = 1;
	__atomic_store_n((uint64_t *)page, queue_head(1), __ATOMIC_RELEASE);
}

/*
 * gru_send - put a message into a queue
 *
 * The first line of the data segment is used.  -1 and EAGAIN if the queue is
 * full until the receiver has emptied it.
 */
int gru_send(struct gru *gru, unsigned int block, struct gru_queue *queue,
	     const void *message, unsigned int bytes)
{
	struct gru_instruction_words words = {
		.operation	= GRU_DO_SEND,
		.element	= GRU_LINE,
		.address	= queue->lines,
		.count		= 1,
	};
	char *line = gru_data(gru, 0);

	if (bytes > GRU_MESSAGE_BYTES) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(line, 0, GRU_LINE_BYTES);
	*(uint64_t *)line = 1;
	memcpy(line + 8, message, bytes);
	if (run(gru, block, &words) == GRU_FINISHED)
		return 0;
	errno = gru_substatus(gru, block) == GRU_QUEUE_FULL ? EAGAIN : EIO;
	return -1;
}

/* gru_receive - take the next message, if there is one */
bool gru_receive(struct gru_queue *queue, void *message, unsigned int bytes)
{
	char *line = queue->lines + queue->next * GRU_LINE_BYTES;

	if (!__atomic_load_n((uint64_t *)line, __ATOMIC_ACQUIRE))
		return false;
	memcpy(message, line + 8,
	       bytes < GRU_MESSAGE_BYTES ? bytes : GRU_MESSAGE_BYTES);
	__atomic_store_n((uint64_t *)line, 0, __ATOMIC_RELEASE);
	if (++queue->next > GRU_QUEUE_MESSAGES) {
		queue->next = 1;
		__atomic_store_n((uint64_t *)queue->lines, queue_head(1),
				 __ATOMIC_RELEASE);
	}
	return true;
}
