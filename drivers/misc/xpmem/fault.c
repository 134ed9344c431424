// SPDX-License-Identifier: GPL-2.0
/*
 * XPMEM: faults in attachments.
 *
 * First as far as it goes without waiting for the source: mmap_lock is tried,
 * pages are taken if they are there.  Else the page is faulted in, in the
 * source, with no lock of the destination's held, and the fault is repeated.
 * What came of that cannot be returned then; an error is noted for the task's
 * next fault at the same place.
 */
#include <linux/file.h>
#include <linux/pfn_t.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "internal.h"

/* A fault maps as many pages at once, if they are there: an aligned block. */
#define XPMEM_AROUND	16

#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && \
	defined(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)
#define XPMEM_HUGE	1
#else
#define XPMEM_HUGE	0
#endif
#define XPMEM_HUGE_NR	(PMD_SIZE >> PAGE_SHIFT)

/**
 * struct xpmem_lookup - pages of the source, and whether they still are
 * @att:    the attachment
 * @source: its source, whose mm is held
 * @ticket: on the source's ranges, for all of @nr pages
 * @start:  first address in the source
 * @nr:     how many pages are wanted
 * @got:    how many of them are held, from the first
 * @write:  wanted for write
 * @again:  there is an entry for read, which this one replaces
 * @pages:  room for @nr
 */
struct xpmem_lookup {
	struct xpmem_attachment *att;
	struct xpmem_space *source;
	struct range_ticket ticket;
	unsigned long start;
	unsigned long nr;
	long got;
	bool write;
	bool again;
	struct page **pages;
};

static struct range_tracker *xpmem_tracker(const struct xpmem_lookup *look)
{
	return mmu_notifier_ranges(&look->source->mn);
}

/* False if the source has gone; else xpmem_lookup_end() is due. */
static bool xpmem_lookup_begin(struct xpmem_lookup *look,
			       struct xpmem_attachment *att,
			       unsigned long start, unsigned long nr,
			       bool write)
{
	look->att = att;
	look->source = xpmem_source_of(att);
	look->start = start;
	look->nr = nr;
	look->got = 0;
	look->write = write;
	range_ticket_init(&look->ticket, start, start + nr * PAGE_SIZE - 1);
	return mmget_not_zero(look->source->mm);
}

static void xpmem_lookup_drop(struct xpmem_lookup *look)
{
	long i;

	for (i = 0; i < look->got; i++)
		put_page(look->pages[i]);
	look->got = 0;
}

static void xpmem_lookup_end(struct xpmem_lookup *look)
{
	xpmem_lookup_drop(look);
	range_ticket_end(xpmem_tracker(look), &look->ticket);
	/* The last one tears an mm down, which is not for a fault to do. */
	mmput_async(look->source->mm);
}

/* Can there be a page, by what the source has mapped there? */
static bool xpmem_may_be_there(const struct xpmem_lookup *look)
{
	struct vm_area_struct *vma;

	mmap_assert_locked(look->source->mm);
	vma = vma_lookup(look->source->mm, look->start);
	return vma && !(vma->vm_flags & (VM_IO | VM_PFNMAP)) &&
	       vma->vm_flags & (look->write ? VM_WRITE : VM_READ);
}

/**
 * xpmem_lookup_try() - find pages without waiting
 * @look: the lookup, begun
 *
 * Context: Under the destination's mmap_lock.
 * Return: 0 if there is at least the first, -EAGAIN if one has to wait for it,
 * -EFAULT if there cannot be one.
 */
static int xpmem_lookup_try(struct xpmem_lookup *look)
{
	struct mm_struct *mm = look->source->mm;
	unsigned int flags = FOLL_NOFAULT | (look->write ? FOLL_WRITE : 0);
	int ret = 0;

	if (!range_ticket_try(xpmem_tracker(look), &look->ticket) ||
	    !mmap_read_trylock(mm))
		return -EAGAIN;
	look->got = get_user_pages_remote(mm, look->start, look->nr, flags,
					  look->pages, NULL);
	if (look->got <= 0) {
		look->got = 0;
		ret = xpmem_may_be_there(look) ? -EAGAIN : -EFAULT;
	}
	mmap_read_unlock(mm);
	return ret;
}

/* Have the first page faulted in.  Under no lock. */
static int xpmem_lookup_wait(struct xpmem_lookup *look, bool interruptible)
{
	struct mm_struct *mm = look->source->mm;
	unsigned int flags = (look->write ? FOLL_WRITE : 0) |
			     (interruptible ? FOLL_INTERRUPTIBLE : 0);
	struct page *page;
	int locked = 1;
	long got;

	if (range_ticket_begin(xpmem_tracker(look), &look->ticket) ||
	    mmap_read_lock_killable(mm))
		return -EINTR;
	got = get_user_pages_remote(mm, look->start, 1, flags, &page, &locked);
	if (locked)
		mmap_read_unlock(mm);
	if (got == 1)
		put_page(page);
	return got == 1 ? 0 : got ?: -EFAULT;
}

static bool xpmem_is_alive(const struct xpmem_attachment *att)
{
	const struct xpmem_permit *permit = att->permit;

	lockdep_assert_held(&xpmem_source_of(att)->publish);
	return !permit->released && !permit->segment->removed &&
	       !permit->segment->space->gone &&
	       (att->side == XPMEM_LOCAL ||
		xpmem_partition_has(att->generation));
}

/*
 * Begin to insert what was looked up: 0 with publish held, or -EFAULT if that is
 * not permitted any more, -EAGAIN if it is being withdrawn.
 */
static int xpmem_publish_begin(struct xpmem_lookup *look)
{
	int ret = 0;

	down_read(&look->source->publish);
	if (!xpmem_is_alive(look->att))
		ret = -EFAULT;
	else if (range_ticket_retry(xpmem_tracker(look), &look->ticket))
		ret = -EAGAIN;
	if (ret)
		up_read(&look->source->publish);
	return ret;
}

static void xpmem_publish_end(struct xpmem_lookup *look)
{
	up_read(&look->source->publish);
}

/*
 * Have a page table, so that none is allocated under publish.  False if there
 * is none, or a huge entry instead.
 */
static bool xpmem_make_table(struct vm_fault *vmf, struct xpmem_attachment *att)
{
	struct vm_area_struct *vma = vmf->vma;
	int ret = 0;

	/* A huge entry must not come in between. */
	mutex_lock(&att->tables);
	if (pmd_none(pmdp_get_lockless(vmf->pmd)))
		ret = apply_to_page_range(vma->vm_mm, vmf->address & PAGE_MASK,
					  PAGE_SIZE, NULL, NULL);
	if (!ret && pmd_leaf(pmdp_get_lockless(vmf->pmd)))
		ret = -EEXIST;
	mutex_unlock(&att->tables);
	return !ret;
}

/* Those of an aligned block that follow, and lie in the VMA. */
static unsigned long xpmem_around(struct vm_fault *vmf)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long end = ALIGN(addr + 1, XPMEM_AROUND * PAGE_SIZE);

	return (min(end, vmf->vma->vm_end) - addr) >> PAGE_SHIFT;
}

static vm_fault_t xpmem_insert(struct vm_fault *vmf, struct xpmem_lookup *look)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PAGE_MASK;
	vm_fault_t ret = VM_FAULT_NOPAGE;
	pgprot_t prot;
	long i;

	lockdep_assert_held_read(&look->source->publish);
	/* What the VMA has is for read, as there is a handler of write faults. */
	prot = look->write ? vm_get_page_prot(vma->vm_flags) :
			     vma->vm_page_prot;
	for (i = 0; i < look->got && ret == VM_FAULT_NOPAGE; i++)
		ret = vmf_insert_pfn_prot(vma, addr + i * PAGE_SIZE,
					  page_to_pfn(look->pages[i]), prot);
	return ret;
}

/* Insert small pages: 0 if done, or as xpmem_publish_begin(). */
static int xpmem_map_small(struct vm_fault *vmf, struct xpmem_lookup *look,
			   vm_fault_t *fault)
{
	int ret;

	ret = xpmem_lookup_try(look);
	if (ret)
		return ret;
	*fault = VM_FAULT_NOPAGE;
	if (!xpmem_make_table(vmf, look->att))
		return 0;
	/* Not under publish, as it makes callouts. */
	if (look->again)
		zap_vma_ptes(vmf->vma, vmf->address & PAGE_MASK, PAGE_SIZE);
	ret = xpmem_publish_begin(look);
	if (ret)
		return ret;
	*fault = xpmem_insert(vmf, look);
	xpmem_publish_end(look);
	return 0;
}

static unsigned long xpmem_source_address(const struct vm_fault *vmf,
					  unsigned long addr)
{
	const struct vm_area_struct *vma = vmf->vma;

	return (vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
}

static vm_fault_t xpmem_fault_of(int err)
{
	switch (err) {
	case 0:
	case -EINTR:
	case -EAGAIN:
		return 0;
	case -ENOMEM:
		return VM_FAULT_OOM;
	case -EHWPOISON:
		return VM_FAULT_HWPOISON;
	default:
		return VM_FAULT_SIGBUS;
	}
}

/*
 * What this task's next fault returns; or nothing, also not what is left of an
 * earlier one, or of a task that had the same address.
 */
static void xpmem_note(struct xpmem_attachment *att, unsigned long addr,
		       vm_fault_t fault)
{
	spin_lock(&att->note);
	if (fault) {
		att->noted = current;
		att->noted_at = addr;
		att->noted_as = fault;
	} else if (att->noted == current) {
		att->noted = NULL;
	}
	spin_unlock(&att->note);
}

/* What the fault before this one could not return. */
static vm_fault_t xpmem_noted(const struct vm_fault *vmf,
			      struct xpmem_attachment *att)
{
	vm_fault_t ret = 0;

	if (!(vmf->flags & FAULT_FLAG_TRIED))
		return 0;
	spin_lock(&att->note);
	if (att->noted == current && att->noted_at == vmf->address) {
		ret = att->noted_as;
		att->noted = NULL;
	}
	spin_unlock(&att->note);
	return ret;
}

/* Wait for the source, with no lock held; then the fault comes again. */
static vm_fault_t xpmem_fault_later(struct vm_fault *vmf,
				    struct xpmem_attachment *att, bool write)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	bool user = vmf->flags & FAULT_FLAG_USER &&
		    vmf->flags & FAULT_FLAG_INTERRUPTIBLE;
	struct xpmem_lookup look = { };
	struct file *file;
	vm_fault_t fault;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return VM_FAULT_SIGBUS;
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;
	if (!xpmem_lookup_begin(&look, att, xpmem_source_address(vmf, addr), 1,
				write))
		return VM_FAULT_SIGBUS;
	/* The VMA may go as soon as the lock is dropped. */
	file = get_file(att->file);
	addr = vmf->address;
	release_fault_lock(vmf);

	fault = xpmem_fault_of(xpmem_lookup_wait(&look, user));
	xpmem_note(att, addr, fault);
	xpmem_lookup_end(&look);
	fput(file);
	return VM_FAULT_RETRY;
}

static vm_fault_t xpmem_fault_small(struct vm_fault *vmf, unsigned long nr,
				    bool write, bool again)
{
	struct xpmem_attachment *att = vmf->vma->vm_file->private_data;
	unsigned long addr = vmf->address & PAGE_MASK;
	struct page *pages[XPMEM_AROUND];
	struct xpmem_lookup look = { .pages = pages, .again = again };
	vm_fault_t fault = xpmem_noted(vmf, att);
	int ret;

	if (fault)
		return fault;
	if (!xpmem_lookup_begin(&look, att, xpmem_source_address(vmf, addr),
				nr, write))
		return VM_FAULT_SIGBUS;
	ret = xpmem_map_small(vmf, &look, &fault);
	xpmem_lookup_end(&look);
	if (ret == -EAGAIN)
		return xpmem_fault_later(vmf, att, write);
	return ret ? VM_FAULT_SIGBUS : fault;
}

/**
 * xpmem_fault() - nothing is mapped there
 * @vmf: the fault
 *
 * Context: Under the destination's mmap_lock; may drop it.
 * Return: what a fault handler returns.
 */
vm_fault_t xpmem_fault(struct vm_fault *vmf)
{
	return xpmem_fault_small(vmf, xpmem_around(vmf),
				 vmf->flags & FAULT_FLAG_WRITE, false);
}

/**
 * xpmem_write_fault() - a page is mapped for read, and written to
 * @vmf: the fault
 *
 * It has to be looked up anew, since the source may have to copy it first.  The
 * entry is replaced here: if it were only withdrawn, an instruction that reads
 * and writes the page would have it mapped for read again, and never end.
 *
 * Context: Under the destination's mmap_lock; may drop it.
 * Return: what a fault handler returns, with VM_FAULT_NOPAGE, or the caller
 * would make the entry writable.
 */
vm_fault_t xpmem_write_fault(struct vm_fault *vmf)
{
	return xpmem_fault_small(vmf, 1, true, true) | VM_FAULT_NOPAGE;
}

/* Is it one huge page, and at its place? */
static bool xpmem_is_huge(const struct xpmem_lookup *look)
{
	unsigned long pfn = page_to_pfn(look->pages[0]);
	long i;

	if (look->got != XPMEM_HUGE_NR || pfn & (XPMEM_HUGE_NR - 1))
		return false;
	for (i = 1; i < look->got; i++)
		if (page_to_pfn(look->pages[i]) != pfn + i)
			return false;
	return true;
}

/* With the tables locked: a page table that is there must stay. */
static vm_fault_t xpmem_insert_huge(struct vm_fault *vmf,
				    struct xpmem_lookup *look)
{
	pmd_t pmd = pmdp_get_lockless(vmf->pmd);
	unsigned long pfn = page_to_pfn(look->pages[0]);
	vm_fault_t ret = VM_FAULT_FALLBACK;

	lockdep_assert_held(&look->att->tables);
	if (!pmd_none(pmd) && !pmd_leaf(pmd))
		return VM_FAULT_FALLBACK;
	if (xpmem_publish_begin(look))
		return VM_FAULT_FALLBACK;
	ret = vmf_insert_pfn_pmd(vmf, pfn_to_pfn_t(pfn), look->write);
	xpmem_publish_end(look);
	if (ret == VM_FAULT_NOPAGE)
		atomic_inc(&xpmem_counts.huge_entries);
	return ret;
}

static vm_fault_t xpmem_map_huge(struct vm_fault *vmf,
				 struct xpmem_lookup *look)
{
	vm_fault_t ret = VM_FAULT_FALLBACK;

	/* Mostly it is not huge, and then that is seen at the first page. */
	look->nr = 1;
	if (xpmem_lookup_try(look) ||
	    folio_nr_pages(page_folio(look->pages[0])) < XPMEM_HUGE_NR)
		return VM_FAULT_FALLBACK;
	xpmem_lookup_drop(look);
	look->nr = XPMEM_HUGE_NR;
	if (xpmem_lookup_try(look) || !xpmem_is_huge(look))
		return VM_FAULT_FALLBACK;
	mutex_lock(&look->att->tables);
	ret = xpmem_insert_huge(vmf, look);
	mutex_unlock(&look->att->tables);
	return ret;
}

/**
 * xpmem_huge_fault() - a huge page could be mapped there, or be written to
 * @vmf:   the fault
 * @order: its size
 *
 * It is if both sides have room for it in the same place, and the source has
 * one huge page there, all of it mapped in one permission.
 *
 * Context: Under the destination's mmap_lock, or the VMA's; may drop the latter.
 * Return: what a fault handler returns; VM_FAULT_FALLBACK for small pages.
 */
vm_fault_t xpmem_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vm_area_struct *vma = vmf->vma;
	struct xpmem_attachment *att = vma->vm_file->private_data;
	unsigned long addr = vmf->address & PMD_MASK;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	struct xpmem_lookup look = { };
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (!XPMEM_HUGE || order != PMD_ORDER || addr < vma->vm_start ||
	    vma->vm_end - addr < PMD_SIZE ||
	    xpmem_source_address(vmf, addr) & ~PMD_MASK)
		return VM_FAULT_FALLBACK;
	/* xpmem_may_split() relies on mmap_lock. */
	if (vmf->flags & FAULT_FLAG_VMA_LOCK) {
		vma_end_read(vma);
		return VM_FAULT_RETRY;
	}
	look.pages = kmalloc_array(XPMEM_HUGE_NR, sizeof(*look.pages),
				   GFP_KERNEL);
	if (!look.pages)
		return VM_FAULT_FALLBACK;
	if (xpmem_lookup_begin(&look, att, xpmem_source_address(vmf, addr),
			       XPMEM_HUGE_NR, write)) {
		ret = xpmem_map_huge(vmf, &look);
		xpmem_lookup_end(&look);
	}
	kfree(look.pages);
	return ret;
}
