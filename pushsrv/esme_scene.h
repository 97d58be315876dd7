/* esme_scene -- one SMPP session from memory: what it writes and tells is kept for the test, time
 * is given. For the tests of esme_session.h.
 */
#ifndef HATO_PUSHSRV_ESME_SCENE_H
#define HATO_PUSHSRV_ESME_SCENE_H

#include "pushsrv/esme_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"

#define START    (500 * CLOCK_S)
#define RESPONSE (10 * CLOCK_S)
#define ENQUIRE  (30 * CLOCK_S)
#define WINDOW   4
#define MESSAGES 16

struct scene {
	struct esme_session session;
	int64_t now_us;
	uint8_t out[SMPP_PDU_MAX];

	uint8_t sent[65536]; /* what the session wrote and the test has not looked at */
	size_t sent_len;
	int bound, ended;
	enum esme_end why;
	uint32_t end_status;
	struct {
		int how, times;
		uint32_t status;
		char message_id[SMPP_MESSAGE_ID_SIZE];
	} messages[MESSAGES];
	uint32_t delivered_sequence, delivered_id;
	int delivered;
	int notes[ESME_NOTE_ALERT + 1];
	bool submits_again; /* from inside `answered` */
};

/* ---- what the session says ---- */

static inline void write_out(void *arg, const uint8_t *octets, size_t n)
{
	struct scene *s = arg;

	assert_true(s->sent_len + n <= sizeof s->sent);
	memcpy(s->sent + s->sent_len, octets, n);
	s->sent_len += n;
}

static inline void bound(void *arg)
{
	((struct scene *)arg)->bound++;
}

static inline int submit(struct scene *s, size_t message);

static inline void answered(void *arg, void *message, const struct esme_answered *a)
{
	struct scene *s = arg;
	size_t i = (size_t)(uintptr_t)message;

	assert_in_range(i, 0, MESSAGES - 1);
	assert_int_equal(s->ended, 0);
	s->messages[i].how = (int)a->how;
	s->messages[i].times++;
	s->messages[i].status = a->status;
	if (a->how == ESME_ANSWERED)
		snprintf(s->messages[i].message_id, sizeof s->messages[i].message_id, "%s",
			 a->message_id);
	if (s->submits_again) {
		s->submits_again = false;
		submit(s, i + 1);
	}
}

static inline void delivered(void *arg, const struct smpp_pdu *pdu)
{
	struct scene *s = arg;

	s->delivered++;
	s->delivered_sequence = pdu->sequence;
	s->delivered_id = pdu->id;
}

static inline void ended(void *arg, enum esme_end why, uint32_t status)
{
	struct scene *s = arg;

	s->ended++;
	s->why = why;
	s->end_status = status;
}

static inline void noted(void *arg, enum esme_note note, uint32_t id, uint32_t status)
{
	(void)id;
	(void)status;
	((struct scene *)arg)->notes[note]++;
}

static const struct esme_session_ops ops = {
	.write = write_out,
	.bound = bound,
	.answered = answered,
	.delivered = delivered,
	.ended = ended,
	.noted = noted,
};

/* ---- the other side ---- */

/* The next PDU that the session wrote. */
static inline struct smpp_pdu next(struct scene *s)
{
	struct smpp_pdu pdu;
	struct smpp_header refusal;
	size_t len;
	static uint8_t octets[SMPP_PDU_MAX];

	assert_int_equal(smpp_frame(s->sent, s->sent_len, SMPP_PDU_MAX, &len), 0);
	memcpy(octets, s->sent, len);
	memmove(s->sent, s->sent + len, s->sent_len - len);
	s->sent_len -= len;
	assert_int_equal(smpp_decode(octets, len, &pdu, &refusal), 0);
	return pdu;
}

static inline void raw(struct scene *s, const void *octets, size_t n)
{
	assert_int_equal(esme_session_input(&s->session, octets, n, s->now_us), n);
}

static inline void say(struct scene *s, const struct smpp_pdu *pdu)
{
	uint8_t octets[1024];
	size_t n;

	assert_int_equal(smpp_encode(pdu, octets, sizeof octets, &n), 0);
	raw(s, octets, n);
}

static inline void header(struct scene *s, uint32_t id, uint32_t status, uint32_t sequence)
{
	const struct smpp_pdu pdu = {.id = id, .status = status, .sequence = sequence};

	say(s, &pdu);
}

static inline void accept(struct scene *s, uint32_t sequence, const char *message_id)
{
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM_RESP, .sequence = sequence};

	snprintf(pdu.message_resp.message_id, sizeof pdu.message_resp.message_id, "%s", message_id);
	say(s, &pdu);
}

static inline void at(struct scene *s, int64_t after_us)
{
	s->now_us = START + after_us;
	esme_session_tick(&s->session, s->now_us);
}

static inline int submit(struct scene *s, size_t message)
{
	static const uint8_t octets[] = {1, 2, 3};
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM};

	strcpy(pdu.message.destination.number, "819012345678");
	pdu.message.short_message = (struct smpp_span){octets, sizeof octets};
	return esme_session_submit(&s->session, &pdu, (void *)(uintptr_t)message, s->now_us);
}

/* Submits and looks at what was written: its sequence number. */
static inline uint32_t submitted(struct scene *s, size_t message)
{
	assert_int_equal(submit(s, message), 0);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_SUBMIT_SM);
	return pdu.sequence;
}

static inline void open_as(struct scene *s, uint32_t bind, bool is_on_probation)
{
	const struct esme_session_options with = {
		.bind = bind,
		.login = {.system_id = "hato",
			  .password = "secret12",
			  .interface_version = SMPP_VERSION},
		.pdu_max = 4096,
		.window = WINDOW,
		.is_on_probation = is_on_probation,
		.response_us = RESPONSE,
		.enquire_us = ENQUIRE,
		.out = s->out,
		.ops = &ops,
		.arg = s,
	};

	s->now_us = START;
	assert_int_equal(esme_session_open(&s->session, &with, s->now_us), 0);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, bind);
	assert_string_equal(pdu.bind.system_id, "hato");
	assert_string_equal(pdu.bind.password, "secret12");
	assert_int_equal(pdu.bind.interface_version, 0x34);
	assert_int_equal(pdu.sequence, 1);
}

static inline int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	open_as(s, SMPP_BIND_TRANSCEIVER, false);
	*state = s;
	return 0;
}

static inline int set_up_bound(void **state)
{
	set_up(state);
	header(*state, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(((struct scene *)*state)->bound, 1);
	return 0;
}

static inline int tear_down(void **state)
{
	struct scene *s = *state;

	assert_int_equal(s->sent_len, 0); /* the test has seen all that was said */
	esme_session_close(&s->session);
	esme_session_close(&s->session);
	free(s);
	return 0;
}

static inline void expect_end(struct scene *s, enum esme_end why, uint32_t status)
{
	assert_int_equal(s->ended, 1);
	assert_int_equal(s->why, why);
	assert_int_equal(s->end_status, status);
	assert_int_equal(submit(s, 0), E_AGAIN);
	assert_true(esme_session_due_us(&s->session) == INT64_MAX);
}

#define BOUND(test) cmocka_unit_test_setup_teardown(test, set_up_bound, tear_down)
#define OPEN(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
