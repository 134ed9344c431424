/* SPDX-License-Identifier: GPL-2.0 */
/* What the harness of the tests has to say about jobs of vCPUs. */
#ifndef _MMU_NOTIFIER_KVM_CHECK_H
#define _MMU_NOTIFIER_KVM_CHECK_H

#include "../fixture.h"
#include "guest.h"

/* True if all was as it had to be; else it is said what was not. */
static inline bool job_is_fine(struct __test_metadata *_metadata,
			       const struct guest *guest, unsigned int vcpu)
{
	const char *trouble = job_trouble(guest, vcpu);

	if (trouble)
		TH_LOG("vCPU %u: %s", vcpu, trouble);
	return !trouble;
}

#define EXPECT_FINE(guest, vcpu) \
	EXPECT_TRUE(job_is_fine(_metadata, guest, vcpu))

/* Time and retries of a job; returns those since there were @before. */
static inline uint64_t job_report(struct __test_metadata *_metadata,
				  const struct guest *guest, unsigned int vcpu,
				  uint64_t before)
{
	uint64_t retries = vcpu_retries(guest, vcpu) - before;
	char text[80];

	job_times(guest, vcpu, text, sizeof(text));
	TH_LOG("vCPU %u: %lu pages, %lu retries, %s", vcpu,
	       (unsigned long)guest->workers[vcpu].job->done,
	       (unsigned long)retries, text);
	return retries;
}

#endif /* _MMU_NOTIFIER_KVM_CHECK_H */
