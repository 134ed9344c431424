# SPDX-License-Identifier: GPL-2.0
# Everything is done by the Python package in harness/; make help lists it.

# Variables given to make reach the tools through the environment.
HARNESS = python3 -B -m harness

COMMANDS = check check-full tree build series series-check refresh bisect-check shell deb \
	   bench mutants hugetlb-proofs selftest clean

help:
	@$(HARNESS) help

run:
	@$(HARNESS) run $(if $(PAGING),--paging $(PAGING)) $(ARGS)

$(COMMANDS):
	@$(HARNESS) $@ $(ARGS)

.PHONY: help run $(COMMANDS)
.NOTPARALLEL:
