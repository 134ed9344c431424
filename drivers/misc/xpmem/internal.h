/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XPMEM: a process attaches memory of another one.
 *
 * A *space* is an address space that has opened the device.  As a source it
 * makes *segments*; as a destination it gets *permits* for segments of others
 * and makes *attachments* by them.  Nothing is pinned: an attachment's entries
 * are frames of the source's pages, kept true by the MMU notifiers.
 *
 * Each attachment has a file of its own, which its VMAs hold; when they are
 * gone, so is the attachment.  The files of all attachments to one source have
 * the same address_space (two, in fact: those of the loopback partition have
 * the other), in which a page has the index of its source address.  So what has
 * to be withdrawn is found by the index, as if a file were truncated, and no
 * lock of a destination's mm is needed but the page-table lock.
 *
 * A fault publishes, a callout withdraws:
 *
 *	fault, under the destination's	callout, under locks of the source's
 *	mmap_lock			mm or its reverse maps
 *
 *	take a ticket			(the range is in flight)
 *	look the page up, hold it	take and drop source->publish for write
 *	source->publish for read	unmap_mapping_pages()
 *		alive?  retry?
 *		insert the frame
 *	drop publish, drop the page
 *
 * A fault that gets publish first has inserted before the callout unmaps; one
 * that gets it later sees that the range is in flight, and does not insert.
 * Whoever takes an attachment's right away sets a flag in place of having a
 * range in flight, and does the same.
 *
 * Who waits for whom: with the destination's mmap_lock held, nobody waits for
 * the source.  The source's mmap_lock is tried, pages are not faulted in, and
 * ranges in flight are not waited for; where that would be needed, the fault
 * drops the lock, waits, and is repeated.  Under publish nothing is allocated
 * that could reclaim.  So a callout waits for page-table locks, for publish, for
 * i_mmap_rwsem of the attachments (of a lock class of its own: nobody holds it
 * while waiting for a callout, see xpmem_may_split()), for other subscribers in
 * the destination, and for the partition, which has a time limit.
 *
 * Callouts nest, since what is withdrawn from a destination may concern its own
 * subscribers.  It does not concern XPMEM: what is attached cannot be attached
 * again.  So a task that is withdrawing skips callouts of XPMEM; that ends
 * chains, and loops, after one step.
 *
 * Documentation/misc-devices/xpmem.rst has the states and the whole argument.
 */
#ifndef _XPMEM_INTERNAL_H
#define _XPMEM_INTERNAL_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/rhashtable-types.h>
#include <linux/rwsem.h>
#include <linux/workqueue_types.h>
#include <linux/xpmem.h>

/* The address_space of attachments that are on this machine, and of others. */
enum xpmem_side {
	XPMEM_LOCAL,
	XPMEM_REMOTE,
	XPMEM_SIDES
};

/**
 * struct xpmem_space - an address space that has opened the device
 * @hash:       among the spaces, by @mm
 * @all:        among all spaces
 * @refs:       files, segments, permits; who uses it.  A callout has none
 * @free:       frees it
 * @opens:      open files of the device, under xpmem_spaces_lock
 * @mm:         held by mmgrab()
 * @lists:      protects @closed, @segments and @permits
 * @closed:     the last file has been closed: nothing is added any more
 * @segments:   &struct xpmem_segment.of_space
 * @permits:    &struct xpmem_permit.of_space
 * @mapping:    taken to map and to unmap attachments in @mm
 * @becoming:   taken to become a source, once
 * @source:     @mn is registered; set under @becoming
 * @mn:         tells of changes of the page table of @mm
 * @publish:    taken for read to insert frames of @mm elsewhere
 * @gone:       @mm is about to be torn down; set under @publish
 * @sides:      files that own the address_spaces of the attachments to @mm
 */
struct xpmem_space {
	struct hlist_node hash;
	struct list_head all;
	struct kref refs;
	struct work_struct free;
	unsigned int opens;
	struct mm_struct *mm;
	spinlock_t lists;	/* see above */
	bool closed;
	struct list_head segments;
	struct list_head permits;
	struct mutex mapping;	/* see above */
	struct mutex becoming;	/* see above */
	bool source;
	struct mmu_notifier mn;
	struct rw_semaphore publish;
	bool gone;
	struct file *sides[XPMEM_SIDES];
};

/**
 * struct xpmem_segment - memory that is shared
 * @hash:     among the segments, by @id
 * @id:       random, positive
 * @refs:     the space's, and one of each permit
 * @of_space: in &xpmem_space.segments, unless removed
 * @space:    the source
 * @start:    first address
 * @size:     in bytes, of whole pages
 * @mode:     permission bits
 * @uid:      of who made it
 * @gid:      likewise
 * @removed:  set under &xpmem_space.publish
 * @rcu:      frees it
 */
struct xpmem_segment {
	struct rhash_head hash;
	s64 id;
	struct kref refs;
	struct list_head of_space;
	struct xpmem_space *space;
	unsigned long start;
	unsigned long size;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	bool removed;
	struct rcu_head rcu;
};

/**
 * struct xpmem_permit - access that was granted
 * @hash:        among the permits, by @id
 * @id:          random, positive
 * @refs:        the space's, and one of each attachment
 * @of_space:    in &xpmem_space.permits, unless released
 * @space:       the destination, which @refs does not hold: compared only
 * @segment:     what may be attached
 * @write:       for write
 * @released:    set under the source's publish
 * @lock:        protects @attachments
 * @attachments: &struct xpmem_attachment.of_permit
 * @rcu:         frees it
 */
struct xpmem_permit {
	struct rhash_head hash;
	s64 id;
	struct kref refs;
	struct list_head of_space;
	struct xpmem_space *space;
	struct xpmem_segment *segment;
	bool write;
	bool released;
	spinlock_t lock;	/* see above */
	struct list_head attachments;
	struct rcu_head rcu;
};

/**
 * struct xpmem_attachment - a part of a segment in another address space
 * @permit:     by which it was made
 * @file:       what its VMAs hold; the attachment is its private data
 * @start:      first address in the source, page aligned
 * @size:       in bytes, of whole pages
 * @address:    where it was made in the destination
 * @of_permit:  among the permit's, under &xpmem_permit.lock
 * @vmas:       how many VMAs there are
 * @filter:     has callouts come for these addresses of the source
 * @side:       whether it is the partition's
 * @generation: of the partition, if so
 * @tables:     taken to make a page table, or a huge entry in place of one
 * @note:       protects the following
 * @noted:      the task whose fault has failed
 * @noted_at:   where
 * @noted_as:   and how
 */
struct xpmem_attachment {
	struct xpmem_permit *permit;
	struct file *file;
	unsigned long start;
	unsigned long size;
	unsigned long address;
	struct list_head of_permit;
	atomic_t vmas;
	struct mmu_notifier_filter filter;
	enum xpmem_side side;
	unsigned int generation;
	struct mutex tables;	/* see above */
	spinlock_t note;	/* see above */
	struct task_struct *noted;
	unsigned long noted_at;
	vm_fault_t noted_as;
};

/* What there is, and what has happened; in debugfs. */
struct xpmem_counts {
	atomic_t spaces;
	atomic_t segments;
	atomic_t permits;
	atomic_t attachments;
	atomic_t huge_entries;
	atomic_t refused;
	atomic_t messages;
	atomic_t deaths;
};

extern struct xpmem_counts xpmem_counts;

static inline struct xpmem_space *
xpmem_source_of(const struct xpmem_attachment *att)
{
	return att->permit->segment->space;
}

/* space.c */
struct xpmem_space *xpmem_space_open(struct mm_struct *mm);
void xpmem_space_close(struct xpmem_space *space);
int xpmem_space_add(struct xpmem_space *space, struct list_head *entry,
		    struct list_head *list);
struct xpmem_space *xpmem_space_find(struct mm_struct *mm);
void xpmem_space_put(struct xpmem_space *space);
int xpmem_space_become_source(struct xpmem_space *space);
void xpmem_spaces_fence(void);
int xpmem_spaces_init(void);
void xpmem_spaces_flush(void);
void xpmem_spaces_exit(void);

/* segment.c */
int xpmem_make(struct xpmem_space *space, struct xpmem_make_args *args);
int xpmem_remove(struct xpmem_space *space, s64 id);
void xpmem_remove_all(struct xpmem_space *space);
bool xpmem_segment_allows(const struct xpmem_segment *segment, bool write);
struct xpmem_segment *xpmem_segment_find(s64 id);
void xpmem_segment_put(struct xpmem_segment *segment);
s64 xpmem_new_id(void);
int xpmem_segments_init(void);
void xpmem_segments_exit(void);

/* permit.c */
int xpmem_get(struct xpmem_space *space, struct xpmem_get_args *args);
int xpmem_release(struct xpmem_space *space, s64 id);
void xpmem_release_all(struct xpmem_space *space);
struct xpmem_permit *xpmem_permit_find(struct xpmem_space *space, s64 id);
void xpmem_permit_put(struct xpmem_permit *permit);
int xpmem_permits_init(void);
void xpmem_permits_exit(void);

/* attach.c */
int xpmem_attach(struct xpmem_space *space, struct xpmem_attach_args *args);
int xpmem_detach(struct xpmem_space *space, unsigned long address);
void xpmem_detach_all(struct xpmem_space *space, struct xpmem_permit *permit);
void xpmem_zap_released(struct xpmem_space *space);

/* fault.c */
vm_fault_t xpmem_fault(struct vm_fault *vmf);
vm_fault_t xpmem_huge_fault(struct vm_fault *vmf, unsigned int order);
vm_fault_t xpmem_write_fault(struct vm_fault *vmf);

/* invalidate.c */
extern const struct mmu_notifier_ops xpmem_notifier_ops;
void xpmem_zap(struct xpmem_space *source, enum xpmem_side side,
	       unsigned long start, unsigned long last);
void xpmem_withdraw(struct xpmem_space *source, unsigned long start,
		    unsigned long last);
void xpmem_revoke(struct xpmem_space *source, bool *flag, unsigned long start,
		  unsigned long last);

/* partition.c */
enum xpmem_side xpmem_partition_join(unsigned int *generation);
bool xpmem_partition_has(unsigned int generation);
void xpmem_partition_zap(struct xpmem_space *source, unsigned long start,
			 unsigned long last);
int xpmem_partition_init(void);
void xpmem_partition_exit(void);

#endif /* _XPMEM_INTERNAL_H */
