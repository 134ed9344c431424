// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/page-huge: private huge pages that cost nothing as long as they are only
 * read.
 *
 * A mapping of the device is a private mapping of hugetlb, of a file of its own
 * that nobody else can open.  All that hugetlb does is done to it: reservation,
 * NUMA policy, cgroups, fork(), mremap(), mprotect(), memory failure.  What is
 * different is a read of a page that was never written to: it maps a page of
 * zeroes, of which there is one for each size, read-only.  The first write finds
 * a page that is not the mapping's own, and copies it, as after fork().
 *
 * The page of zeroes is a page of hugetlb that looks like one of a file: it is
 * not anonymous, so that a write is answered from the mapping's reservation, and
 * fork() and unmapping count it as they count pages of files.  It has no file,
 * is not on the list of pages in use, and not marked as one that can be migrated,
 * so that neither migration nor reclaim of the pool ever takes it.
 *
 * It is made when it is first wanted, from the pool, and given back when the
 * device is closed while nobody maps it.  If its memory fails, another is made.
 *
 * See Documentation/admin-guide/mm/page-huge.rst.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/log2.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/rmap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "internal.h"
#include "page_huge.h"

/* What mm.h has in the upper half, beyond what architectures have first. */
static_assert(!(VM_PAGE_HUGE & (VM_UFFD_MINOR | VM_ALLOW_ANY_UNCACHED |
				VM_DROPPABLE | VM_SEALED)));
static_assert(ilog2(VM_PAGE_HUGE) > 37);

/*
 * Mapped more often than this, the page is mapped no more.  The other half is
 * for those who have it for a moment, and for pins.
 */
#define ZERO_MAX_REFS	(INT_MAX / 2)

/**
 * struct page_huge - the device of one page size
 * @misc: how user space finds it
 * @h:    the pool
 * @zero: the page of zeroes, or NULL
 * @copies: references to @zero that forks under way may take
 * @lock: protects @zero: taking a reference to it, and giving up the last one;
 *        and @copies
 */
struct page_huge {
	struct miscdevice misc;
	struct hstate *h;
	struct folio *zero;
	unsigned long copies;
	spinlock_t lock;	/* @zero, @copies */
};

static struct page_huge devices[HUGE_MAX_HSTATE];

static struct page_huge *device_of(const struct file *file)
{
	return container_of(file->private_data, struct page_huge, misc);
}

/* May the page get so many references more? */
static bool zero_has_room(struct page_huge *dev, unsigned long more)
{
	lockdep_assert_held(&dev->lock);
	return !dev->zero || folio_ref_count(dev->zero) + dev->copies + more <=
			     ZERO_MAX_REFS;
}

/*
 * Take the page away from the device, if nobody has it mapped or if its memory
 * has failed: who has it mapped keeps it, and nobody else gets it.  References
 * come from here, under the lock, or from entries that have one; so the last
 * one stays the last.  Who looks at pages by their frames may have one for a
 * moment: then the page stays.
 */
static struct folio *zero_detach(struct page_huge *dev, bool unused)
{
	struct folio *folio = dev->zero;

	lockdep_assert_held(&dev->lock);
	if (!folio || (!folio_test_hwpoison(folio) &&
		       !(unused && folio_ref_count(folio) == 1)))
		return NULL;
	dev->zero = NULL;
	return folio;
}

/* A reference to the page, if it is there and has not got too many. */
static struct folio *zero_try_get(struct page_huge *dev)
{
	struct folio *folio, *failed;

	spin_lock(&dev->lock);
	failed = zero_detach(dev, false);
	folio = dev->zero;
	if (!zero_has_room(dev, 1))
		folio = ERR_PTR(-EBUSY);
	else if (folio)
		folio_get(folio);
	spin_unlock(&dev->lock);
	if (failed)
		folio_put(failed);
	return folio;
}

/*
 * From the pool, as far as nobody has reserved it; else from the buddies.  As
 * for a pin that lasts, from memory that never has to be emptied by migration.
 */
static struct folio *zero_make(struct hstate *h)
{
	unsigned int pin = memalloc_pin_save();
	struct folio *folio;

	folio = alloc_hugetlb_folio_nodemask(h, numa_mem_id(), NULL,
					     htlb_alloc_mask(h), true);
	memalloc_pin_restore(pin);
	if (!folio)
		return NULL;
	folio_zero_user(folio, 0);
	/* The contents before the mark, which those who map it rely on. */
	__folio_mark_uptodate(folio);
	return folio;
}

/*
 * The page of zeroes, with a reference, or NULL if there is none to be had: then
 * the mapping gets a page of its own.  Sleeps.
 */
static struct folio *zero_get(struct page_huge *dev)
{
	struct folio *folio = zero_try_get(dev), *made;

	if (folio)
		return IS_ERR(folio) ? NULL : folio;
	made = zero_make(dev->h);
	if (!made)
		return NULL;
	spin_lock(&dev->lock);
	if (!dev->zero)
		dev->zero = made;
	folio = dev->zero;
	folio_get(folio);
	spin_unlock(&dev->lock);
	if (folio != made)
		folio_put(made);
	return folio;
}

/* Give the page up if nobody has it mapped. */
static void zero_give_up(struct page_huge *dev)
{
	struct folio *folio;

	spin_lock(&dev->lock);
	folio = zero_detach(dev, true);
	spin_unlock(&dev->lock);
	if (folio)
		folio_put(folio);
}

/*
 * Under the lock of the page table: false if something is mapped already; or if
 * pages of the VMA were taken away, which must not read as zeroes then.
 */
static bool map_zero_locked(struct vm_area_struct *vma, unsigned long addr,
			    pte_t *ptep, struct hstate *h, struct folio *folio)
{
	struct mm_struct *mm = vma->vm_mm;
	pte_t entry;

	if (!huge_pte_none(huge_ptep_get(mm, addr, ptep)) ||
	    hugetlb_vma_lost_pages(vma))
		return false;
	entry = mk_huge_pte(&folio->page, vma->vm_page_prot);
	entry = pte_mkyoung(huge_pte_wrprotect(entry));
	entry = arch_make_huge_pte(entry, huge_page_shift(h), vma->vm_flags);
	hugetlb_add_file_rmap(folio);
	set_huge_pte_at(mm, addr, ptep, entry, huge_page_size(h));
	hugetlb_count_add(pages_per_huge_page(h), mm);
	return true;
}

/* 0 with something mapped, or VM_FAULT_FALLBACK if hugetlb has to see to it. */
static vm_fault_t map_zero(struct vm_area_struct *vma, unsigned long addr)
{
	struct hstate *h = hstate_vma(vma);
	struct folio *folio;
	spinlock_t *ptl;	/* of the page table */
	bool mapped;
	pte_t *ptep;

	folio = zero_get(&devices[hstate_index(h)]);
	if (!folio)
		return VM_FAULT_FALLBACK;
	hugetlb_vma_lock_read(vma);
	ptep = huge_pte_alloc(vma->vm_mm, vma, addr, huge_page_size(h));
	if (!ptep) {
		hugetlb_vma_unlock_read(vma);
		folio_put(folio);
		return VM_FAULT_OOM;
	}
	ptl = huge_pte_lock(h, vma->vm_mm, ptep);
	mapped = map_zero_locked(vma, addr, ptep, h, folio);
	spin_unlock(ptl);
	hugetlb_vma_unlock_read(vma);
	if (mapped)
		return 0;
	folio_put(folio);
	return VM_FAULT_FALLBACK;
}

/**
 * page_huge_fault() - resolve a fault in a mapping of the device
 * @vma:   the mapping
 * @addr:  the address
 * @flags: of the fault
 *
 * Reads of what is not there map the page of zeroes.  Everything else is
 * hugetlb's: writes, entries that are there or stand for something, and all
 * faults where userfaultfd wants to know of them.
 *
 * Context: as hugetlb_fault(): under mmap_lock for read or the VMA's lock, of
 * which hugetlb gives up what the flags allow.  Sleeps.
 * Return: as handle_mm_fault().
 */
vm_fault_t page_huge_fault(struct vm_area_struct *vma, unsigned long addr,
			   unsigned int flags)
{
	vm_fault_t ret = VM_FAULT_FALLBACK;

	if (!(flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) &&
	    !userfaultfd_armed(vma))
		ret = map_zero(vma, addr & huge_page_mask(hstate_vma(vma)));
	if (ret & VM_FAULT_FALLBACK)
		ret = hugetlb_fault(vma->vm_mm, vma, addr, flags);
	return ret;
}

/**
 * page_huge_copy() - fork() of a mapping of the device
 * @dst: the child's
 * @src: the parent's
 *
 * As hugetlb does it, but for this: each entry of the page of zeroes takes one
 * more reference to it, of which there must not be too many.
 *
 * Context: mmap_lock of the parent held for write.  Sleeps.
 * Return: 0 or -ENOMEM.
 */
int page_huge_copy(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	struct hstate *h = hstate_vma(src);
	struct page_huge *dev = &devices[hstate_index(h)];
	unsigned long pages = vma_pages(src) >> huge_page_order(h);
	bool room;
	int ret;

	mmap_assert_write_locked(src->vm_mm);
	spin_lock(&dev->lock);
	room = zero_has_room(dev, pages);
	if (room)
		dev->copies += pages;
	spin_unlock(&dev->lock);
	if (!room)
		return -ENOMEM;
	ret = copy_hugetlb_page_range(dst->vm_mm, src->vm_mm, dst, src);
	spin_lock(&dev->lock);
	dev->copies -= pages;
	spin_unlock(&dev->lock);
	return ret;
}

static int page_huge_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct hstate *h = device_of(file)->h;
	unsigned long size = vma->vm_end - vma->vm_start;
	struct file *pages;
	int ret;

	if (vma->vm_flags & VM_MAYSHARE || vma->vm_pgoff)
		return -EINVAL;
	if ((vma->vm_start | vma->vm_end) & ~huge_page_mask(h))
		return -EINVAL;
	/* What it reserves it reserves for the VMA, below. */
	pages = hugetlb_file_setup("page-huge", size, VM_NORESERVE,
				   HUGETLB_ANONHUGE_INODE, huge_page_shift(h));
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	vma_set_file(vma, pages);
	/* Before anyone can find the VMA, and for as long as it exists. */
	vm_flags_set(vma, VM_PAGE_HUGE);
	ret = pages->f_op->mmap(pages, vma);
	fput(pages);
	return ret;
}

/* Some place that is large enough, and the first multiple of the size in it. */
static unsigned long page_huge_area(struct file *file, unsigned long addr,
				    unsigned long len, unsigned long pgoff,
				    unsigned long flags)
{
	unsigned long size = huge_page_size(device_of(file)->h);

	if (len & (size - 1) || !len)
		return -EINVAL;
	if (len > TASK_SIZE - size)
		return -ENOMEM;
	if (flags & MAP_FIXED)
		return addr & (size - 1) ? -EINVAL : addr;
	addr = mm_get_unmapped_area(current->mm, NULL, ALIGN(addr, size),
				    len + size, 0, flags);
	return IS_ERR_VALUE(addr) ? addr : ALIGN(addr, size);
}

static int page_huge_release(struct inode *inode, struct file *file)
{
	zero_give_up(device_of(file));
	return 0;
}

static const struct file_operations page_huge_fops = {
	.owner			= THIS_MODULE,
	.mmap			= page_huge_mmap,
	.get_unmapped_area	= page_huge_area,
	.release		= page_huge_release,
	.llseek			= noop_llseek,
};

static int __init page_huge_register(struct hstate *h)
{
	struct page_huge *dev = &devices[hstate_index(h)];

	dev->h = h;
	spin_lock_init(&dev->lock);
	dev->misc.minor = MISC_DYNAMIC_MINOR;
	dev->misc.mode = 0666;
	dev->misc.fops = &page_huge_fops;
	dev->misc.name = h == &default_hstate ? "page-huge" :
			 kasprintf(GFP_KERNEL, "page-huge-%lukB",
				   huge_page_size(h) >> 10);
	if (!dev->misc.name)
		return -ENOMEM;
	return misc_register(&dev->misc);
}

static int __init page_huge_init(void)
{
	struct hstate *h;
	int ret;

	for_each_hstate(h) {
		ret = page_huge_register(h);
		if (ret)
			pr_err("page-huge: no device for pages of %lu KiB: %d\n",
			       huge_page_size(h) >> 10, ret);
	}
	return 0;
}
late_initcall(page_huge_init);
