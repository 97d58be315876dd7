#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/log.h"
#include "pushsrv/esme_private.h"

/* ---- what the session says ---- */

static void session_write(void *arg, const uint8_t *octets, size_t n)
{
	struct esme_leg *leg = arg;

	if (!leg->conn)
		return;
	conn_write(leg->conn, octets, n);
	/* Who does not take our answers gets to say nothing more. */
	if (!leg->is_paused && conn_unsent(leg->conn) > ESME_UNSENT_MAX) {
		leg->is_paused = true;
		conn_pause(leg->conn);
	}
}

static void session_bound(void *arg)
{
	struct esme_leg *leg = arg;

	esme_link_bound(leg->link);
}

static void session_answered(void *arg, void *message, const struct esme_answered *a)
{
	struct esme_leg *leg = arg;

	esme_sending_answered(leg->link, message, a);
}

static void session_delivered(void *arg, const struct smpp_pdu *pdu)
{
	esme_inbox_delivered(arg, pdu);
}

static void session_ended(void *arg, enum esme_end why, uint32_t status)
{
	struct esme_leg *leg = arg;

	esme_link_down(leg->link, why, status);
}

static void session_noted(void *arg, enum esme_note note, uint32_t id, uint32_t status)
{
	static const struct {
		enum esme_counter counter;
		const char *event;
		enum log_level level;
	} notes[] = {
		[ESME_NOTE_UNEXPECTED] = {ESME_COUNT_UNEXPECTED, "smsc-unexpected", LOG_DEBUG},
		[ESME_NOTE_MISMATCHED] = {ESME_COUNT_UNEXPECTED, "smsc-mismatched", LOG_DEBUG},
		[ESME_NOTE_MALFORMED] = {ESME_COUNT_MALFORMED, "smsc-malformed", LOG_WARN},
		[ESME_NOTE_REFUSED] = {ESME_COUNT_NOT_ALLOWED, "smsc-not-allowed", LOG_DEBUG},
		[ESME_NOTE_NACK] = {ESME_COUNT_NACKS, "smsc-nack", LOG_WARN},
		[ESME_NOTE_ENQUIRED] = {ESME_COUNT_ENQUIRIES, "smsc-enquired", LOG_DEBUG},
		[ESME_NOTE_ALERT] = {ESME_COUNT_ALERTS, "smsc-alert", LOG_DEBUG},
	};
	const struct esme_link *l = ((struct esme_leg *)arg)->link;

	esme_count(l->index, notes[note].counter, 1);
	log_event(notes[note].level, notes[note].event, LOG_TEXT("smsc", l->conf->name),
		  LOG_TEXT("command", smpp_command_name(id)),
		  LOG_TEXT("status", smpp_status_name(status)), LOG_END);
}

static const struct esme_session_ops session_ops = {
	.write = session_write,
	.bound = session_bound,
	.answered = session_answered,
	.delivered = session_delivered,
	.ended = session_ended,
	.noted = session_noted,
};

/* ---- the connection ---- */

int esme_leg_login(const struct esme_link *l, struct smpp_bind *out)
{
	struct smpp_bind login = {.interface_version = SMPP_VERSION};
	char *path = conf_path(l->pool->conf, l->conf->password_file), *text = NULL;
	size_t len = 0, n = 0;
	int err = path ? keyfile_read(path, &text, &len, NULL) : E_NOMEM;

	free(path);
	if (err)
		return err;
	n = strcspn(text, "\r\n");
	if (n >= sizeof login.password)
		err = E_TOO_LARGE;
	else
		memcpy(login.password, text, n);
	keyfile_wipe(text, len);
	if (err)
		return err;
	snprintf(login.system_id, sizeof login.system_id, "%s", l->conf->system_id);
	snprintf(login.system_type, sizeof login.system_type, "%s", l->conf->system_type);
	snprintf(login.address_range, sizeof login.address_range, "%s", l->conf->address_range);
	*out = login;
	return 0;
}

/* The connection is there: bind. */
static void begin(struct esme_leg *leg)
{
	const struct esme_link *l = leg->link;
	struct esme_session_options with = {
		.bind = leg->bind,
		.pdu_max = (size_t)l->pool->conf->pushsrv_smsc_pdu_max,
		.window = (uint32_t)l->conf->window,
		.is_on_probation = l->is_silent,
		.response_us = l->conf->response_us,
		.enquire_us = l->conf->enquire_us,
		.out = l->pool->out,
		.ops = &session_ops,
		.arg = leg,
	};
	int err = esme_leg_login(l, &with.login);

	if (!err)
		err = esme_session_open(&leg->session, &with, clock_mono_us());
	if (err) {
		log_event(LOG_ERROR, "smsc-login", LOG_TEXT("smsc", l->conf->name),
			  LOG_TEXT("password_file", l->conf->password_file),
			  LOG_TEXT("error", err_text(err)), LOG_END);
		esme_link_down(leg->link, ESME_END_LOGIN, SMPP_ROK);
		return;
	}
	leg->has_session = true;
	leg->serial++;
	esme_link_arm(leg->link);
}

static void connected(void *arg)
{
	struct esme_leg *leg = arg;

	if (leg->link->state != ESME_OPENING)
		return;
	if (leg->link->tls)
		conn_start_client_tls(leg->conn, leg->link->tls);
	else
		begin(leg);
}

static void secured(void *arg)
{
	struct esme_leg *leg = arg;

	if (leg->link->state == ESME_OPENING)
		begin(leg);
}

static void input(void *arg)
{
	struct esme_leg *leg = arg;
	size_t n = 0, taken = 1;

	while (leg->has_session && !leg->is_paused && taken > 0) {
		const uint8_t *octets = conn_peek(
			leg->conn, (size_t)leg->link->pool->conf->pushsrv_smsc_pdu_max, &n);

		if (!n)
			break;
		taken = esme_session_input(&leg->session, octets, n, clock_mono_us());
		conn_take(leg->conn, taken);
	}
	esme_sending_pump(leg->link);
	esme_link_arm(leg->link);
	esme_changed(leg->link->pool);
}

static void drained(void *arg)
{
	struct esme_leg *leg = arg;

	if (!leg->is_paused)
		return;
	leg->is_paused = false;
	conn_resume(leg->conn);
	esme_changed(leg->link->pool);
}

static void closed(void *arg, enum conn_end why)
{
	struct esme_leg *leg = arg;

	log_event(LOG_DEBUG, "smsc-closed", LOG_TEXT("smsc", leg->link->conf->name),
		  LOG_INT("why", why), LOG_END);
	leg->conn = NULL;
	leg->is_paused = false;
	if (leg->has_session)
		esme_session_cut(&leg->session);
	else
		esme_link_down(leg->link, why == CONN_END_TLS ? ESME_END_TLS : ESME_END_CLOSED,
			       SMPP_ROK);
	if (leg->has_session)
		esme_session_close(&leg->session);
	leg->has_session = false;
	esme_link_closed(leg->link);
}

static const struct conn_ops conn_ops = {
	.input = input,
	.drained = drained,
	.secured = secured,
	.connected = connected,
	.closed = closed,
};

int esme_leg_open(struct esme_leg *leg)
{
	const struct conf_smsc *c = leg->link->conf;
	struct addr to;
	int err = addr_parse(c->host, &to);

	return err ? err
		   : conn_connect(leg->link->pool->loop, &to, (uint16_t)c->port, &conn_ops, leg,
				  &leg->conn);
}

void esme_leg_close(struct esme_leg *leg, bool at_once)
{
	if (!leg->conn)
		return;
	if (at_once)
		conn_abort(leg->conn);
	else
		conn_close(leg->conn);
}
