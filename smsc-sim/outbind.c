#include "smsc-sim/outbind.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "smsc-sim/link.h"

/* "127.0.0.1:2777", "[::1]:2777", "::1:2777" */
static bool read_place(const char *text, struct addr *addr, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_MAX + 2];
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n == 0 || n >= sizeof host)
		return false;
	if (*text == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	*port = (uint16_t)atoi(colon + 1);
	return addr_parse(host, addr) == 0;
}

bool outbind_is_place(const char *text)
{
	struct addr addr;
	uint16_t port;

	return read_place(text, &addr, &port);
}

static void call(struct smsc *s, const struct account *a)
{
	struct smpp_pdu pdu = {.id = SMPP_OUTBIND, .sequence = 1};
	struct addr addr;
	uint16_t port;

	strncpy(pdu.outbind.system_id, s->conf->smsc_sim_system_id,
		sizeof pdu.outbind.system_id - 1);
	memcpy(pdu.outbind.password, a->password, sizeof pdu.outbind.password);
	bool called = read_place(a->conf->outbind, &addr, &port) &&
		      link_connect(s, &addr, port, &pdu) != NULL;
	log_event(called ? LOG_INFO : LOG_WARN, called ? "outbind" : "outbind-failed",
		  LOG_TEXT("account", a->conf->name), LOG_TEXT("to", a->conf->outbind), LOG_END);
}

void outbind_tick(struct smsc *s, int64_t now_us)
{
	if (s->is_stopping)
		return;
	for (size_t i = 0; i < s->accounts.count; i++) {
		struct account *a = &s->accounts.rows[i];
		if (!*a->conf->outbind || !a->queue.first || a->receiver_count ||
		    now_us < a->outbind_us)
			continue;
		a->outbind_us = now_us + s->conf->smsc_sim_outbind_seconds * CLOCK_S;
		call(s, a);
	}
}
