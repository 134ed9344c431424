// SPDX-License-Identifier: GPL-2.0
/*
 * The emulated chip, as its debugfs files show it; and the driver's counters.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chip.h"

#define DRIVER	"/proc/sgi_uv/gru/"

/* All of a small file, as a string. */
static bool slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (len < size - 1 &&
	       (got = read(fd, text + len, size - 1 - len)) > 0)
		len += got;
	close(fd);
	text[len] = 0;
	return true;
}

static bool spit(const char *path, unsigned long value)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && dprintf(fd, "%lu\n", value) > 0;

	close(fd);
	return ok;
}

/**
 * chip_check() - compare all entries with the page tables
 * @check: what was found
 *
 * Return: false if there is no emulated chip.
 */
bool chip_check(struct chip_check *check)
{
	char text[512], *first;

	memset(check, 0, sizeof(*check));
	if (!slurp(CHIP "oracle", text, sizeof(text)) ||
	    sscanf(text, "checked %lu stale %lu", &check->checked,
		   &check->stale) != 2)
		return false;
	first = strstr(text, "first");
	if (first)
		snprintf(check->first, sizeof(check->first), "%s", first);
	for (first = check->first; *first; first++)
		if (*first == '\n')
			*first = ' ';
	return true;
}

/**
 * chip_count() - how often something happened
 * @name: a line of "counters"
 *
 * Return: the number; that of something unknown is the largest there is.
 */
unsigned long chip_count(const char *name)
{
	char text[4096], word[64];
	unsigned long value;
	const char *line;

	if (!slurp(CHIP "counters", text, sizeof(text)))
		return -1UL;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%63s %lu", word, &value) == 2 &&
		    !strcmp(word, name))
			return value;
	return -1UL;
}

/**
 * chip_set() - turn a knob
 * @knob:  its name
 * @value: a number, or 0 and 1
 *
 * Return: false if there is none.
 */
bool chip_set(const char *knob, unsigned long value)
{
	char path[160];

	snprintf(path, sizeof(path), CHIP "%s", knob);
	return spit(path, value);
}

/**
 * chip_get() - what a knob, or a number, is
 * @knob: its name
 *
 * Return: the number.
 */
unsigned long chip_get(const char *knob)
{
	char path[160], text[64];

	snprintf(path, sizeof(path), CHIP "%s", knob);
	return slurp(path, text, sizeof(text)) ? strtoul(text, NULL, 0) : -1UL;
}

/**
 * driver_statistics() - have the driver count
 * @on: or not
 *
 * Return: false if there is no driver.
 */
bool driver_statistics(bool on)
{
	return spit(DRIVER "debug_options", on ? 2 : 0);
}

/**
 * driver_count() - what the driver has counted
 * @name: a line of its statistics
 *
 * Return: the number; that of something unknown is the largest there is.
 */
unsigned long driver_count(const char *name)
{
	char text[8192], word[64];
	unsigned long value;
	const char *line;

	if (!slurp(DRIVER "statistics", text, sizeof(text)))
		return -1UL;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%lu %63s", &value, word) == 2 &&
		    !strcmp(word, name))
			return value;
	return -1UL;
}

/**
 * driver_contexts() - how many contexts of processes are loaded
 *
 * Those of the kernel stay once they have been used.
 *
 * Return: the number.
 */
unsigned int driver_contexts(void)
{
	unsigned int nr = 0;
	char text[16384];
	const char *line;
	int pid;

	if (!slurp(DRIVER "cch_status", text, sizeof(text)))
		return -1U;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		nr += sscanf(line, "%*d %*d %*d %*d %d", &pid) == 1 && pid;
	return nr;
}
