#include "smsc-sim/message.h"

#include <stdlib.h>
#include <string.h>

#define NEVER_US INT64_MAX

static const struct {
	const char *name;
	uint16_t error; /* MAP's, as SMSCs show it */
	bool is_temporary;
} outcomes[OUTCOMES] = {
	[OUTCOME_DELIVERED] = {"delivered", 0, false}, [OUTCOME_ABSENT] = {"absent", 27, true},
	[OUTCOME_FULL] = {"memory-full", 32, true},    [OUTCOME_BUSY] = {"busy", 31, true},
	[OUTCOME_NO_ANSWER] = {"no-answer", 34, true}, [OUTCOME_REFUSED] = {"refused", 36, false},
};

const char *outcome_name(enum outcome how)
{
	return outcomes[how].name;
}

uint16_t outcome_error(enum outcome how)
{
	return outcomes[how].error;
}

/* ---- making ---- */

static bool copy(uint8_t **at, size_t *length, const void *from, size_t n)
{
	if (!n)
		return true;
	*at = malloc(n);
	if (!*at)
		return false;
	memcpy(*at, from, n);
	*length = n;
	return true;
}

struct message *message_new(const void *octets, size_t length, const void *tlvs, size_t tlvs_length)
{
	struct message *m = calloc(1, sizeof *m);

	if (m && copy(&m->octets, &m->length, octets, length) &&
	    copy(&m->tlvs, &m->tlvs_length, tlvs, tlvs_length)) {
		m->account = MESSAGE_NOBODY;
		return m;
	}
	message_free(m);
	return NULL;
}

void message_free(struct message *m)
{
	if (!m)
		return;
	free(m->octets);
	free(m->tlvs);
	free(m);
}

/* ---- its life ---- */

bool message_is_final(const struct message *m)
{
	return m->state != SMPP_STATE_ENROUTE && m->state != SMPP_STATE_SCHEDULED;
}

bool message_is_single_shot(const struct message *m)
{
	unsigned mode = m->esm_class & SMPP_ESM_MODE;

	return mode == SMPP_ESM_DATAGRAM || mode == SMPP_ESM_TRANSACTION;
}

static void set_times(struct message *m, const struct message_policy *p, int64_t now_us)
{
	int64_t from_us = m->schedule_us > now_us ? m->schedule_us : now_us;

	if (!m->expires_us)
		m->expires_us = from_us + p->validity_us;
	if (m->expires_us > now_us + p->validity_most_us)
		m->expires_us = now_us + p->validity_most_us;
	m->state = m->schedule_us > now_us ? SMPP_STATE_SCHEDULED : SMPP_STATE_ENROUTE;
	m->next_us = m->state == SMPP_STATE_SCHEDULED ? m->schedule_us : now_us;
	if (m->next_us > m->expires_us)
		m->next_us = m->expires_us;
}

void message_begin(struct message *m, const struct message_policy *p, int64_t now_us)
{
	m->submitted_us = now_us;
	set_times(m, p, now_us);
}

void message_finish(struct message *m, enum smpp_state state, int64_t now_us)
{
	m->state = (uint8_t)state;
	m->done_us = now_us;
	m->next_us = NEVER_US;
	m->in_flight = false;
}

enum message_step message_step(struct message *m, int64_t now_us, bool hint)
{
	if (message_is_final(m) || m->in_flight || m->is_landing)
		return MESSAGE_WAITS;
	if (now_us >= m->expires_us) {
		message_finish(m, SMPP_STATE_EXPIRED, now_us);
		return MESSAGE_IS_FINAL;
	}
	if (now_us < m->next_us && (!hint || m->state == SMPP_STATE_SCHEDULED))
		return MESSAGE_WAITS;
	m->state = SMPP_STATE_ENROUTE;
	m->in_flight = true;
	m->next_us = NEVER_US;
	return MESSAGE_ATTEMPT;
}

/* The last wait repeats. */
static int64_t retry_wait_us(const struct message *m, const struct message_policy *p)
{
	size_t i = m->attempts ? (size_t)m->attempts - 1 : 0;

	return p->retry_us[i < p->retry_count ? i : p->retry_count - 1];
}

enum message_step message_outcome(struct message *m, const struct message_policy *p,
				  enum outcome how, uint16_t error, int64_t now_us)
{
	m->in_flight = m->was_delayed = false;
	m->last_outcome = (uint8_t)how;
	if (m->attempts < UINT16_MAX)
		m->attempts++;
	m->error = how == OUTCOME_DELIVERED ? 0 : error ? error : outcome_error(how);
	if (how == OUTCOME_DELIVERED)
		message_finish(m, SMPP_STATE_DELIVERED, now_us);
	else if (!outcomes[how].is_temporary || message_is_single_shot(m))
		message_finish(m, SMPP_STATE_UNDELIVERABLE, now_us);
	else if (now_us >= m->expires_us)
		message_finish(m, SMPP_STATE_EXPIRED, now_us);
	if (message_is_final(m))
		return MESSAGE_IS_FINAL;
	m->next_us = now_us + retry_wait_us(m, p);
	if (m->next_us > m->expires_us)
		m->next_us = m->expires_us;
	return MESSAGE_WAITS;
}

bool message_cancel(struct message *m, int64_t now_us)
{
	if (message_is_final(m) || m->in_flight || m->is_landing || m->part > 0)
		return false;
	message_finish(m, SMPP_STATE_DELETED, now_us);
	return true;
}

bool message_replace(struct message *m, uint8_t *octets, size_t length, int64_t schedule_us,
		     int64_t expires_us, uint8_t registered, const struct message_policy *p,
		     int64_t now_us)
{
	if (message_is_final(m) || m->in_flight || m->is_landing || m->part > 0)
		return false;
	free(m->octets);
	m->octets = octets;
	m->length = length;
	m->registered = registered;
	if (schedule_us || expires_us) {
		m->schedule_us = schedule_us ? schedule_us : m->schedule_us;
		m->expires_us = expires_us ? expires_us : m->expires_us;
		set_times(m, p, now_us);
	}
	return true;
}

/* ---- notices ---- */

static enum notice final_notice(const struct message *m)
{
	bool delivered = m->state == SMPP_STATE_DELIVERED || m->state == SMPP_STATE_ACCEPTED;

	switch (m->registered & SMPP_REGISTERED_RECEIPT) {
	case SMPP_REGISTERED_NONE:
		return NOTICE_NONE;
	case SMPP_REGISTERED_FINAL:
		return NOTICE_RECEIPT;
	case SMPP_REGISTERED_FAILURE:
		return delivered ? NOTICE_NONE : NOTICE_RECEIPT;
	default: /* 3: reserved in 3.4, "on success" in 5.0 */
		return delivered ? NOTICE_RECEIPT : NOTICE_NONE;
	}
}

/* An intermediate one tells each reason once. */
enum notice message_notice(struct message *m)
{
	if (message_is_final(m))
		return final_notice(m);
	if (!(m->registered & SMPP_REGISTERED_INTERMEDIATE) || m->attempts == 0 ||
	    m->told & 1U << m->last_outcome)
		return NOTICE_NONE;
	m->told = (uint8_t)(m->told | 1U << m->last_outcome);
	return NOTICE_INTERMEDIATE;
}

/* ---- ids ---- */

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";

const char *message_id_format(uint64_t id, char text[MESSAGE_ID_MAX])
{
	text[MESSAGE_ID_MAX - 1] = 0;
	for (int i = MESSAGE_ID_MAX - 2; i >= 0; i--) {
		text[i] = letters[id % 36];
		id /= 36;
	}
	return text;
}

bool message_id_parse(const char *text, uint64_t *id)
{
	uint64_t n = 0;

	if (strlen(text) != MESSAGE_ID_MAX - 1)
		return false;
	for (; *text; text++) {
		const char *letter = strchr(letters, *text);
		if (!letter)
			return false;
		n = n * 36 + (uint64_t)(letter - letters);
	}
	*id = n;
	return true;
}
