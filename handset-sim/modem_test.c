#include "handset-sim/modem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/parts.h"
#include "lib/wire/sms/text.h"

#define NUMBER "818000000001"
#define IMSI   "440200000000001"
#define SENDER "81900000000"

/* What the modem said and handed up last, and how often. */
struct heard {
	unsigned said, attached, pushes, texts, taken, refused;
	enum radio_kind kind;
	uint8_t payload[RADIO_PAYLOAD_MAX];
	size_t n;
	uint16_t port;
	uint8_t push[512];
	size_t push_len;
	char from[32], text[MODEM_TEXT_MAX + 1];
	uint64_t tag;
};

struct bench {
	struct modem m;
	struct heard h;
	struct sms_reassembly *parts;
};

static void on_say(void *arg, enum radio_kind kind, const uint8_t *payload, size_t n)
{
	struct heard *h = arg;

	h->said++;
	h->kind = kind;
	if (n)
		memcpy(h->payload, payload, n);
	h->n = n;
}

static void on_attached(void *arg)
{
	((struct heard *)arg)->attached++;
}

static void on_push(void *arg, uint16_t port, const uint8_t *octets, size_t n)
{
	struct heard *h = arg;

	h->pushes++;
	h->port = port;
	memcpy(h->push, octets, n);
	h->push_len = n;
}

static void on_text(void *arg, const char *from, const char *text, size_t n)
{
	struct heard *h = arg;

	h->texts++;
	snprintf(h->from, sizeof h->from, "%s", from);
	assert_int_equal(strlen(text), n);
	memcpy(h->text, text, n + 1);
}

static void on_sent(void *arg, uint64_t tag, bool is_taken)
{
	struct heard *h = arg;

	h->tag = tag;
	h->taken += is_taken;
	h->refused += !is_taken;
}

static const struct modem_ops ops = {on_say, on_attached, on_push, on_text, on_sent};

static int setup(void **state)
{
	const struct sms_reassembly_limits limits = {16, 65536, 1000000};
	struct bench *b = calloc(1, sizeof *b);

	b->parts = sms_reassembly_new(&limits);
	modem_init(&b->m, &ops, &b->h, NUMBER, IMSI, SENDER, b->parts);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	modem_fini(&b->m);
	sms_reassembly_free(b->parts);
	free(b);
	return 0;
}

static void hear(struct bench *b, enum radio_kind kind, const uint8_t *payload, size_t n,
		 int64_t now_us)
{
	struct radio_frame f = {
		.kind = kind, .number = NUMBER, .payload = payload, .payload_len = n};

	modem_hear(&b->m, &f, now_us);
}

static void attach(struct bench *b)
{
	static const uint8_t ok = RADIO_OK;

	modem_link(&b->m, true, 0);
	modem_power(&b->m, true, 0);
	assert_int_equal(b->h.kind, RADIO_ATTACH);
	assert_memory_equal(b->h.payload, IMSI, sizeof IMSI - 1);
	hear(b, RADIO_ATTACHED, &ok, 1, 0);
	assert_int_equal(b->h.attached, 1);
}

static void hear_rp(struct bench *b, const struct rp_message *rp, int64_t now_us)
{
	uint8_t octets[RP_MESSAGE_MAX];
	size_t n;

	assert_int_equal(rp_encode(rp, octets, sizeof octets, &n), 0);
	hear(b, RADIO_RP, octets, n, now_us);
}

static void hear_deliver(struct bench *b, uint8_t reference, uint8_t pid,
			 const struct sms_data *data)
{
	struct sms_tpdu t = {.type = SMS_DELIVER, .deliver = {.pid = pid, .data = *data}};
	struct rp_message rp = {.way = RP_TO_PHONE, .type = RP_DATA, .reference = reference};
	uint8_t tpdu[SMS_TPDU_MAX];

	assert_int_equal(sms_addr_number(SENDER, &t.deliver.from), 0);
	assert_int_equal(sms_addr_number(SENDER, &rp.centre), 0);
	assert_int_equal(sms_encode(&t, tpdu, sizeof tpdu, &rp.tpdu_len), 0);
	rp.tpdu = tpdu;
	hear_rp(b, &rp, 0);
}

/* What the modem said last, as the centre reads it. */
static struct rp_message said(const struct bench *b)
{
	struct rp_message rp;

	assert_int_equal(b->h.kind, RADIO_RP);
	assert_int_equal(rp_decode(RP_TO_CENTRE, b->h.payload, b->h.n, &rp), 0);
	return rp;
}

static struct sms_tpdu said_tpdu(const struct bench *b)
{
	struct rp_message rp = said(b);
	struct sms_tpdu t;

	assert_int_equal(sms_decode(RP_TO_CENTRE, rp.type, rp.tpdu, rp.tpdu_len, &t), 0);
	return t;
}

static struct sms_data push_data(const uint8_t *octets, size_t n)
{
	struct sms_data d = {.dcs = SMS_DCS_8_BIT_CLASS1, .body_len = n};
	const struct sms_udh udh = {.has_ports = true,
				    .ports = {SMS_PORT_WSP_PUSH, SMS_PORT_WSP, false}};

	memcpy(d.body, octets, n);
	assert_int_equal(sms_udh_encode(&udh, d.udh, sizeof d.udh, &d.udh_len), 0);
	return d;
}

static void a_push_is_acknowledged_and_handed_up(void **state)
{
	struct bench *b = *state;
	const uint8_t octets[] = {1, 6, 2, 3};
	struct sms_data d = push_data(octets, sizeof octets);

	attach(b);
	hear_deliver(b, 77, 0, &d);
	assert_int_equal(said(b).type, RP_ACK);
	assert_int_equal(said(b).reference, 77);
	assert_int_equal(said_tpdu(b).type, SMS_DELIVER_REPORT);
	assert_int_equal(b->h.pushes, 1);
	assert_int_equal(b->h.port, 2948);
	assert_int_equal(b->h.push_len, sizeof octets);
	assert_memory_equal(b->h.push, octets, sizeof octets);
}

static void parts_are_put_together_in_any_order(void **state)
{
	struct bench *b = *state;
	struct sms_split how = {.dcs = SMS_DCS_8_BIT,
				.has_ports = true,
				.ports = {SMS_PORT_WSP_PUSH, SMS_PORT_WSP, false},
				.reference = 9};
	struct sms_data parts[4];
	uint8_t octets[300];
	size_t count;

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)i;
	assert_int_equal(sms_split(&how, octets, sizeof octets, parts, 4, &count), 0);
	assert_int_equal(count, 3);
	attach(b);
	hear_deliver(b, 1, 0, &parts[2]);
	hear_deliver(b, 2, 0, &parts[0]);
	hear_deliver(b, 3, 0, &parts[0]); /* the network repeats it */
	assert_int_equal(said(b).type, RP_ACK);
	assert_int_equal(b->h.pushes, 0);
	hear_deliver(b, 4, 0, &parts[1]);
	assert_int_equal(b->h.pushes, 1);
	assert_int_equal(b->h.push_len, sizeof octets);
	assert_memory_equal(b->h.push, octets, sizeof octets);
}

static void hear_text(struct bench *b, const char *text, bool ucs2)
{
	struct sms_data d = {.dcs = ucs2 ? SMS_DCS_UCS2 : SMS_DCS_GSM7};
	int rc = ucs2 ? sms_text_to_ucs2(text, strlen(text), d.body, sizeof d.body, &d.body_len)
		      : sms_text_to_septets(text, strlen(text), d.body, sizeof d.body, &d.body_len);

	assert_int_equal(rc, 0);
	hear_deliver(b, 1, 0, &d);
}

static void texts_are_read_in_both_alphabets(void **state)
{
	struct bench *b = *state;

	attach(b);
	hear_text(b, "mail [1] from a@b: 5 \xe2\x82\xac", false);
	assert_string_equal(b->h.text, "mail [1] from a@b: 5 \xe2\x82\xac");
	assert_string_equal(b->h.from, SENDER);
	hear_text(b, "\xe6\x96\xb0\xe7\x9d\x80 \xf0\x9f\x93\xac", true);
	assert_string_equal(b->h.text, "\xe6\x96\xb0\xe7\x9d\x80 \xf0\x9f\x93\xac");
	assert_int_equal(b->h.texts, 2);
}

static void a_full_memory_refuses_and_says_when_there_is_room(void **state)
{
	struct bench *b = *state;
	struct sms_data d = push_data((const uint8_t *)"x", 1);

	attach(b);
	modem_memory(&b->m, true, 0);
	hear_deliver(b, 5, 0, &d);
	assert_int_equal(said(b).type, RP_ERROR);
	assert_int_equal(said(b).cause, RP_MEMORY_EXCEEDED);
	assert_int_equal(said(b).reference, 5);
	assert_int_equal(said_tpdu(b).report.failure, SMS_FAILURE_MEMORY);
	assert_int_equal(b->h.pushes, 0);
	hear_deliver(b, 6, SMS_PID_TYPE_0, &d); /* needs no memory */
	assert_int_equal(said(b).type, RP_ACK);
	assert_int_equal(b->h.pushes, 0);
	modem_memory(&b->m, false, 100);
	assert_int_equal(said(b).type, RP_SMMA);
	struct rp_message ack = {
		.way = RP_TO_PHONE, .type = RP_ACK, .reference = said(b).reference};
	unsigned before = b->h.said;
	modem_tick(&b->m, modem_next_us(&b->m)); /* nobody answered: once more */
	assert_int_equal(b->h.said, before + 1);
	ack.reference = said(b).reference;
	hear_rp(b, &ack, 200);
	assert_int_equal(modem_next_us(&b->m), INT64_MAX);
	hear_deliver(b, 7, 0, &d);
	assert_int_equal(said(b).type, RP_ACK);
	assert_int_equal(b->h.pushes, 1);
	before = b->h.said;
	modem_memory(&b->m, true, 300);
	modem_memory(&b->m, false, 300); /* nothing was refused: nothing to say */
	assert_int_equal(b->h.said, before);
}

static void in_a_tunnel_nothing_is_heard_or_said(void **state)
{
	struct bench *b = *state;
	struct sms_data d = push_data((const uint8_t *)"x", 1);

	attach(b);
	modem_tunnel(&b->m, true, 0);
	unsigned before = b->h.said;
	hear_deliver(b, 5, 0, &d);
	modem_tick(&b->m, INT64_MAX);
	assert_int_equal(b->h.said, before); /* not even DETACH: the network does not know */
	assert_int_equal(b->h.pushes, 0);
	modem_tunnel(&b->m, false, 0);
	assert_int_equal(b->h.kind, RADIO_ATTACH);
}

static void switched_off_it_says_so_and_is_deaf(void **state)
{
	struct bench *b = *state;
	struct sms_data d = push_data((const uint8_t *)"x", 1);

	attach(b);
	modem_power(&b->m, false, 0);
	assert_int_equal(b->h.kind, RADIO_DETACH);
	hear_deliver(b, 5, 0, &d);
	assert_int_equal(b->h.pushes, 0);
	assert_int_equal(b->h.kind, RADIO_DETACH);
	modem_tunnel(&b->m, true, 0); /* switched on inside the tunnel, it is heard behind it */
	modem_power(&b->m, true, 0);
	assert_int_equal(b->h.kind, RADIO_DETACH);
	modem_tunnel(&b->m, false, 0);
	assert_int_equal(b->h.kind, RADIO_ATTACH);
}

static void attach_is_said_until_it_is_answered(void **state)
{
	struct bench *b = *state;
	const uint8_t ok = RADIO_OK, full = RADIO_FULL;

	modem_power(&b->m, true, 0);
	assert_int_equal(b->h.said, 0); /* there is no air yet */
	modem_link(&b->m, true, 0);
	assert_int_equal(b->h.said, 1);
	hear(b, RADIO_ATTACHED, &full, 1, 0);
	assert_int_equal(b->h.attached, 0);
	assert_int_equal(modem_next_us(&b->m), MODEM_ATTACH_US);
	modem_tick(&b->m, MODEM_ATTACH_US);
	assert_int_equal(b->h.said, 2);
	hear(b, RADIO_ATTACHED, &ok, 1, 0);
	hear(b, RADIO_ATTACHED, &ok, 1, 0);
	assert_int_equal(b->h.attached, 1);
	modem_link(&b->m, false, 0);
	modem_link(&b->m, true, 0);
	assert_int_equal(b->h.said, 3);
}

static void send_hello(struct bench *b, uint64_t tag)
{
	struct sms_data d = {.dcs = SMS_DCS_GSM7, .body = "hello", .body_len = 5};

	assert_int_equal(modem_send(&b->m, "818000000002", &d, tag, 0), 0);
}

static void a_text_is_sent_until_it_is_taken(void **state)
{
	struct bench *b = *state;
	struct rp_message no = {.way = RP_TO_PHONE, .type = RP_ERROR, .cause = RP_CONGESTION};
	struct rp_message ack = {.way = RP_TO_PHONE, .type = RP_ACK};

	send_hello(b, 41); /* before it is attached: it waits */
	send_hello(b, 42);
	attach(b);
	struct sms_tpdu t = said_tpdu(b);
	assert_int_equal(t.type, SMS_SUBMIT);
	assert_string_equal(t.submit.to.text, "818000000002");
	assert_string_equal(said(b).centre.text, SENDER);
	assert_false(t.submit.rejects_duplicates);
	no.reference = said(b).reference;
	hear_rp(b, &no, 0);
	assert_int_equal(b->h.refused, 0);
	modem_tick(&b->m, modem_next_us(&b->m));
	assert_true(said_tpdu(b).submit.rejects_duplicates);
	assert_int_equal(said_tpdu(b).submit.reference, t.submit.reference);
	hear_rp(b, &no, 0); /* an answer to the try before: not to this one */
	ack.reference = said(b).reference;
	assert_int_not_equal(ack.reference, no.reference);
	hear_rp(b, &ack, 0);
	assert_int_equal(b->h.taken, 1);
	assert_int_equal(b->h.tag, 41);
	assert_int_not_equal(said_tpdu(b).submit.reference, t.submit.reference); /* the next one */
	ack.reference = said(b).reference;
	hear_rp(b, &ack, 0);
	assert_int_equal(b->h.taken, 2);
	assert_int_equal(modem_next_us(&b->m), INT64_MAX);
}

static void a_duplicate_was_taken_and_a_barred_one_is_not(void **state)
{
	struct bench *b = *state;
	struct sms_tpdu report = {.type = SMS_SUBMIT_REPORT,
				  .report = {.is_error = true, .failure = SMS_FAILURE_DUPLICATE}};
	struct rp_message no = {.way = RP_TO_PHONE, .type = RP_ERROR, .cause = RP_PROTOCOL_ERROR};
	uint8_t tpdu[SMS_TPDU_MAX];

	attach(b);
	send_hello(b, 1);
	modem_tick(&b->m, modem_next_us(&b->m)); /* the answer was lost */
	no.reference = said(b).reference;
	assert_int_equal(sms_encode(&report, tpdu, sizeof tpdu, &no.tpdu_len), 0);
	no.tpdu = tpdu;
	hear_rp(b, &no, 0);
	assert_int_equal(b->h.taken, 1);
	send_hello(b, 2);
	no = (struct rp_message){.way = RP_TO_PHONE,
				 .type = RP_ERROR,
				 .cause = RP_OPERATOR_BARRING,
				 .reference = said(b).reference};
	hear_rp(b, &no, 0);
	assert_int_equal(b->h.refused, 1);
}

static void what_is_never_answered_is_given_up_and_the_queue_is_bounded(void **state)
{
	struct bench *b = *state;
	struct sms_data d = {.dcs = SMS_DCS_GSM7};

	attach(b);
	for (int i = 0; i < MODEM_QUEUE_MAX; i++)
		send_hello(b, 1);
	assert_int_equal(modem_send(&b->m, "818000000002", &d, 2, 0), E_TOO_LARGE);
	for (int i = 0; i < MODEM_TRIES_MOST; i++) {
		assert_int_equal(b->h.refused, 0);
		modem_tick(&b->m, modem_next_us(&b->m));
	}
	assert_int_equal(b->h.refused, 1);
	assert_int_equal(modem_send(&b->m, "not a number", &d, 2, 0), E_RANGE);
}

static void what_is_none_is_refused_or_passed_over(void **state)
{
	struct bench *b = *state;
	struct rp_message rp = {.way = RP_TO_PHONE,
				.type = RP_DATA,
				.reference = 3,
				.tpdu = (const uint8_t *)"\x44\xff",
				.tpdu_len = 2};

	attach(b);
	assert_int_equal(sms_addr_number(SENDER, &rp.centre), 0);
	hear_rp(b, &rp, 0);
	assert_int_equal(said(b).type, RP_ERROR);
	assert_int_equal(said(b).cause, RP_PROTOCOL_ERROR);
	unsigned before = b->h.said;
	hear(b, RADIO_RP, (const uint8_t *)"\xff\xff\xff", 3, 0);
	hear(b, RADIO_RP, NULL, 0, 0);
	assert_int_equal(b->h.said, before);
	/* A header whose element reaches over it: for nobody, but there is no use in sending it
	 * again.
	 */
	struct sms_data torn = {.dcs = SMS_DCS_8_BIT, .udh = {1, 0}, .udh_len = 2};
	hear_deliver(b, 9, 0, &torn);
	assert_int_equal(said(b).type, RP_ACK);
	assert_int_equal(b->h.pushes + b->h.texts, 0);
	assert_int_equal(b->m.counts.broken, 4);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_bench(a_push_is_acknowledged_and_handed_up),
		with_bench(parts_are_put_together_in_any_order),
		with_bench(texts_are_read_in_both_alphabets),
		with_bench(a_full_memory_refuses_and_says_when_there_is_room),
		with_bench(in_a_tunnel_nothing_is_heard_or_said),
		with_bench(switched_off_it_says_so_and_is_deaf),
		with_bench(attach_is_said_until_it_is_answered),
		with_bench(a_text_is_sent_until_it_is_taken),
		with_bench(a_duplicate_was_taken_and_a_barred_one_is_not),
		with_bench(what_is_never_answered_is_given_up_and_the_queue_is_bounded),
		with_bench(what_is_none_is_refused_or_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
