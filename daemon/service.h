/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.h - what profd tells systemd about itself, by sd_notify(3). Without systemd every call
 * does nothing.
 */
#ifndef PROFD_SERVICE_H
#define PROFD_SERVICE_H

#include <stdint.h>

struct service {
	uint64_t watchdog_ns; /* half of WatchdogSec=; 0: nobody watches */
	uint64_t sent_mono_ns;
};

/* Finds out whether systemd expects signs of life. */
void service_init(struct service *service);

/* Sampling has begun, or goes on after a reload. */
void service_ready(unsigned int n_cpus, uint32_t frequency_hz);
/* A reload begins; service_ready() ends it, also one that was refused. `mono_ns` is
 * CLOCK_MONOTONIC, by which systemd 253 and later tell which reload is meant. */
void service_reloading(uint64_t mono_ns);
/* The line that `systemctl status` shows. Newlines in it become blanks. */
void service_status(const char *text);
/* The open bucket is being written; no sign of life is expected any more. */
void service_stopping(void);

/* From the event loop's tick: a sign of life when half of the time is over since the last. Only the
 * loop may call it, since that the loop turns is what it says. */
void service_watchdog(struct service *service, uint64_t now_mono_ns);

#endif
