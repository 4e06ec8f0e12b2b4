// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * service.c - see service.h.
 */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#define STATUS_MAX 256

void service_init(struct service *service)
{
	uint64_t timeout_us = 0;

	*service = (struct service){};
	if (sd_watchdog_enabled(0, &timeout_us) > 0)
		service->watchdog_ns = timeout_us > UINT64_MAX / 1000 ? 0 : timeout_us * 1000 / 2;
}

void service_ready(unsigned int n_cpus, uint32_t frequency_hz)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=Sampling %u CPUs at %" PRIu32 " Hz", n_cpus,
			 frequency_hz);
}

void service_reloading(uint64_t mono_ns)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading profd.conf",
			 mono_ns / 1000);
}

void service_status(const char *text)
{
	char line[STATUS_MAX];

	(void)snprintf(line, sizeof(line), "STATUS=%s", text);
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = ' ';
	(void)sd_notify(0, line);
}

void service_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Writing the open bucket");
}

void service_watchdog(struct service *service, uint64_t now_mono_ns)
{
	if (!service->watchdog_ns ||
	    (service->sent_mono_ns && now_mono_ns - service->sent_mono_ns < service->watchdog_ns))
		return;
	if (sd_notify(0, "WATCHDOG=1") > 0)
		service->sent_mono_ns = now_mono_ns;
}
