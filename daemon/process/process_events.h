/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_events.h - what happens to processes, told to the table in the order of time: the
 * side-band's half of process.h.
 *
 * Each event carries its time, because /proc may have been read meanwhile and then already shows
 * what it made; and the pid alone, which the kernel uses again: an event is of the life that the
 * pid had then.
 */
#ifndef PROFD_PROCESS_EVENTS_H
#define PROFD_PROCESS_EVENTS_H

#include "process/process.h"

/* A new process, with its parent's memory. */
void process_forked(struct process_table *table, uint32_t pid, uint32_t parent_pid,
		    uint64_t mono_ns);
/* It runs another program, of which nothing is mapped yet. */
void process_executed(struct process_table *table, uint32_t pid, uint64_t mono_ns);
/* An executable mapping was made; `path` as the kernel names it. */
void process_mapped(struct process_table *table, uint32_t pid, const struct mapping *mapping,
		    const char *path, uint64_t mono_ns);
/* Its first thread ended. */
void process_exited(struct process_table *table, uint32_t pid, uint64_t mono_ns);
/* Events were lost: what is known of any process may be out of date. */
void process_events_lost(struct process_table *table);

#endif
