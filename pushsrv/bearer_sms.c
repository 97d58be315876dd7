#include "pushsrv/bearer_sms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/smpp/smpp.h"
#include "lib/wire/sms/sms.h"
#include "lib/wire/push/trigger.h"
#include "pushsrv/counters.h"
#include "pushsrv/esme.h"
#include "pushsrv/text_notice.h"

#define HELD_MAX       256  /* sendings that wait for a window's room */
#define PUSH_PORT      2948 /* WAP's; whatever the UDP port of the handsets here is */
#define SOURCE_PORT    9200
#define CLASS_1_OCTETS 0xf5 /* data coding of a push */
#define VALIDITY_MIN_S 60
#define STORE_US       CLOCK_S

struct bearer_sms {
	struct bearer_sms_options with;
	struct esme *esme;
	struct loop_timer *timer; /* the store could not be asked */
	uint32_t application_id;
	struct text_sentences sentences;
	bool is_signed, is_stopping;
	size_t first, count;
	struct trigger_out held[HELD_MAX];
};

/* One at an SMSC. */
struct submitted {
	int64_t subscriber, timestamp_s, log;
};

/* A receipt on its way into the store. */
struct receipt {
	struct bearer_sms *bearer;
	struct esme_ticket *ticket;
	enum sms_state state;
};

/* ---- a message ---- */

struct signing {
	const struct trigger_out *out;
	uint8_t key[TRIGGER_KEY_BYTES];
	bool is_valid;
};

static void lease_looked(void *arg, int err, const struct binding *b, bool behind)
{
	struct signing *s = arg;

	(void)behind;
	if (err || b->generation != s->out->generation || b->subscriber != s->out->subscriber ||
	    binding_state_at(b, clock_now_us()) != KEY_CONFIRMED)
		return;
	memcpy(s->key, b->trigger_key, sizeof s->key);
	s->is_valid = true;
}

/* A phone without a confirmed lease has no key to check a MAC by. */
static int encode(struct bearer_sms *b, const struct trigger_out *out, uint8_t octets[TRIGGER_MAX],
		  size_t *n)
{
	struct trigger push = {
		.tid = out->tid,
		.application_id = b->application_id,
		.timestamp_s = out->timestamp_s,
		.realm = out->key.realm,
		.generation = out->generation,
	};
	struct signing s = {.out = out};
	const struct key *key = &out->key;

	memcpy(push.mailbox, out->mailbox, sizeof push.mailbox);
	if (b->is_signed && out->generation)
		binding_check_all(b->with.port, &key, 1, lease_looked, &s);
	return trigger_encode(&push, s.is_valid ? s.key : NULL, sizeof s.key, octets, n);
}

static int64_t validity_s(const struct trigger_out *out)
{
	int64_t until_us = out->next_us - out->logged_us;

	if (out->next_us == INT64_MAX)
		return 0; /* the last one: the SMSC's default */
	return until_us / CLOCK_S > VALIDITY_MIN_S ? until_us / CLOCK_S : VALIDITY_MIN_S;
}

static int push_message(struct bearer_sms *b, const struct trigger_out *out,
			uint8_t octets[TRIGGER_MAX], struct esme_message *message)
{
	message->octets = octets;
	message->data_coding = CLASS_1_OCTETS;
	message->source_port = SOURCE_PORT;
	message->destination_port = PUSH_PORT;
	return encode(b, out, octets, &message->size);
}

/* For a phone that knows no EMN. */
static int text_message(struct bearer_sms *b, const struct trigger_out *out,
			struct text_notice *text, struct esme_message *message)
{
	struct notice notice;
	int err = notice_get(b->with.port, out->subscriber, out->covered_uid, &notice);

	if (!err)
		err = text_notice_write(&b->sentences, notice.sender, notice.messages, text);
	if (err)
		return err;
	message->octets = text->octets;
	message->size = text->size;
	message->data_coding = text->dcs;
	message->protocol_id = notice.replaces ? SMS_PID_REPLACE_FIRST : SMS_PID_PLAIN;
	return 0;
}

static int submit(struct bearer_sms *b, const struct trigger_out *out)
{
	uint8_t octets[TRIGGER_MAX];
	struct text_notice text;
	struct submitted *s = malloc(sizeof *s);
	struct esme_message message = {
		.destination = out->msisdn,
		.registered_delivery = SMPP_REGISTERED_FINAL,
		.validity_s = validity_s(out),
	};
	int err = !s                           ? E_NOMEM
		  : out->form == SMS_FORM_TEXT ? text_message(b, out, &text, &message)
					       : push_message(b, out, octets, &message);

	if (!err) {
		*s = (struct submitted){out->subscriber, out->timestamp_s, out->log};
		err = esme_submit(b->esme, &message, s);
	}
	if (err)
		free(s);
	return err;
}

/* ---- out ---- */

static void noted(void *arg, int err)
{
	(void)arg;
	if (err)
		counter_add(COUNT_STORE_ERRORS, 1); /* the schedule repeats what is not on record */
}

static void never_left(struct bearer_sms *b, const struct trigger_out *out, int err)
{
	counter_add(COUNT_SMS_FAILED, 1);
	log_event(LOG_WARN, "sms-not-sent", LOG_INT("subscriber", out->subscriber),
		  LOG_TEXT("why", err_text(err)), LOG_END);
	sms_failed(b->with.port, out->subscriber, out->timestamp_s, noted, b);
}

/* False: it stays where it is, for now. */
static bool try_one(struct bearer_sms *b, const struct trigger_out *out)
{
	/* Held for so long that its repeat is due: that one goes instead. */
	int err = clock_now_us() < out->next_us ? sms_check(b->with.port, out) : E_CONFLICT;

	if (err == E_CONFLICT) {
		counter_add(COUNT_SMS_MOVED, 1);
		return true;
	}
	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		loop_timer_set(b->timer, STORE_US);
		return false;
	}
	err = submit(b, out);
	if (err == E_AGAIN || err == E_CLOSED)
		return false;
	if (err)
		never_left(b, out, err);
	else
		counter_add(out->attempts > 1 ? COUNT_SMS_REPEAT : COUNT_SMS_FIRST, 1);
	return true;
}

static void try_held(struct bearer_sms *b)
{
	bool any = false;

	while (b->count > 0 && !b->is_stopping && try_one(b, &b->held[b->first])) {
		b->first = (b->first + 1) % HELD_MAX;
		b->count--;
		any = true;
	}
	if (any && b->count < HELD_MAX)
		b->with.room(b->with.arg);
}

static void store_is_back(void *arg)
{
	try_held(arg);
}

void bearer_sms_send(struct bearer_sms *b, const struct trigger_out *out)
{
	if (b->is_stopping || (b->count == 0 && try_one(b, out)))
		return;
	if (b->count == HELD_MAX)
		return; /* logged: the schedule has it */
	b->held[(b->first + b->count++) % HELD_MAX] = *out;
}

size_t bearer_sms_room(struct bearer_sms *b)
{
	if (b->is_stopping || b->count > 0 || !esme_has_room(b->esme))
		return 0;
	return HELD_MAX;
}

/* ---- what became of it ---- */

struct put_off {
	struct bearer_sms *bearer;
	int64_t retry_us;
};

static void is_put_off(void *arg, int err)
{
	struct put_off *p = arg;

	noted(p->bearer, err);
	if (!err && !p->bearer->is_stopping)
		p->bearer->with.due(p->bearer->with.arg, p->retry_us);
	free(p);
}

static void put_off(struct bearer_sms *b, const struct submitted *s, int64_t retry_us)
{
	struct put_off *p = malloc(sizeof *p);
	int64_t least_us = clock_now_us() + CLOCK_S;
	const struct trigger_unsent unsent = {.subscriber = s->subscriber,
					      .timestamp_s = s->timestamp_s,
					      .bearer = BEARER_SMS,
					      .retry_us =
						      retry_us > least_us ? retry_us : least_us};

	if (!p)
		return; /* counted as sent: the schedule repeats it */
	*p = (struct put_off){b, unsent.retry_us};
	triggers_unsent(b->with.port, &unsent, 1, is_put_off, p);
}

static void keep_id(struct bearer_sms *b, const struct submitted *s, const struct esme_result *r)
{
	struct sms_accepted sms = {.subscriber = s->subscriber,
				   .timestamp_s = s->timestamp_s,
				   .at_us = clock_now_us()};

	if (!*r->message_id || strlen(r->smsc) >= sizeof sms.smsc ||
	    strlen(r->message_id) >= sizeof sms.message_id)
		return;
	memcpy(sms.smsc, r->smsc, strlen(r->smsc) + 1);
	memcpy(sms.message_id, r->message_id, strlen(r->message_id) + 1);
	sms_accepted(b->with.port, &sms, noted, b);
}

static void submitted(void *arg, void *message, const struct esme_result *r)
{
	struct bearer_sms *b = arg;
	struct submitted *s = message;

	switch (r->outcome) {
	case ESME_ACCEPTED:
		counter_add(COUNT_SMS_ACCEPTED, 1);
		keep_id(b, s, r);
		break;
	case ESME_TEMPORARY:
		counter_add(COUNT_SMS_PUT_OFF, 1);
		put_off(b, s, r->retry_us);
		break;
	case ESME_PERMANENT:
		counter_add(COUNT_SMS_FAILED, 1);
		log_event(LOG_WARN, "sms-refused", LOG_INT("subscriber", s->subscriber),
			  LOG_TEXT("smsc", r->smsc),
			  LOG_TEXT("status", smpp_status_name(r->status)), LOG_END);
		sms_failed(b->with.port, s->subscriber, s->timestamp_s, noted, b);
		break;
	case ESME_UNKNOWN:
	default:
		counter_add(COUNT_SMS_UNKNOWN, 1);
	}
	free(s);
}

/* ---- receipts ---- */

static enum sms_state state_of(const struct smpp_receipt *r)
{
	if (r->state == SMPP_STATE_DELIVERED)
		return SMS_DELIVERED;
	return smpp_state_is_final(r->state) ? SMS_FAILED : SMS_UNDER_WAY;
}

static void receipt_kept(void *arg, int err, int64_t subscriber, int64_t accepted_us)
{
	struct receipt *r = arg;

	(void)subscriber;
	if (!err && r->state == SMS_DELIVERED)
		counter_add(COUNT_SMS_DELIVERED, 1);
	else if (!err && r->state == SMS_FAILED)
		counter_add(COUNT_SMS_UNDELIVERED, 1);
	else if (err == E_NOT_FOUND)
		counter_add(COUNT_SMS_RECEIPTS_UNKNOWN, 1);
	else if (err)
		counter_add(COUNT_STORE_ERRORS, 1);
	if (!err && accepted_us)
		counter_most(COUNT_SMS_RECEIPT_MAX_US, clock_now_us() - accepted_us);
	/* One of nobody's would come for ever. */
	esme_answer(r->ticket, err && err != E_NOT_FOUND ? ESME_LATER : ESME_TAKEN);
	free(r);
}

static void receipt(void *arg, const char *smsc, const struct smpp_receipt *what,
		    struct esme_ticket *ticket)
{
	struct bearer_sms *b = arg;
	struct receipt *r = malloc(sizeof *r);

	if (!r) {
		esme_answer(ticket, ESME_LATER);
		return;
	}
	*r = (struct receipt){.bearer = b, .ticket = ticket, .state = state_of(what)};
	sms_receipt(b->with.port, smsc, what->message_id, r->state, receipt_kept, r);
}

/* Nobody writes to us by SMS. */
static void incoming(void *arg, const char *smsc, const struct esme_incoming *message,
		     struct esme_ticket *ticket)
{
	(void)arg;
	log_event(LOG_INFO, "sms-incoming", LOG_TEXT("smsc", smsc),
		  LOG_INT("octets", message->size), LOG_END);
	counter_add(COUNT_SMS_INCOMING, 1);
	esme_answer(ticket, ESME_TAKEN);
}

static void room(void *arg)
{
	struct bearer_sms *b = arg;

	if (b->is_stopping)
		return;
	if (b->count > 0)
		try_held(b);
	else
		b->with.room(b->with.arg);
}

/* ---- */

int bearer_sms_open(const struct bearer_sms_options *options, struct bearer_sms **out,
		    char error[256])
{
	struct bearer_sms *b = calloc(1, sizeof *b);

	if (!b)
		return E_NOMEM;
	b->with = *options;
	b->is_signed = options->conf->pushsrv_trigger_mac;
	b->application_id = strcmp(options->conf->pushsrv_application_id, "spmode") == 0
				    ? WSP_APPLICATION_SPMODE
				    : WSP_APPLICATION_EMN;
	b->sentences = (struct text_sentences){options->conf->pushsrv_text,
					       options->conf->pushsrv_text_unnamed};
	const struct esme_client client = {.submitted = submitted,
					   .receipt = receipt,
					   .incoming = incoming,
					   .room = room,
					   .arg = b};
	if (text_notice_check(&b->sentences)) {
		snprintf(error, 256,
			 "pushsrv.text or pushsrv.text_unnamed: one short message "
			 "of words, {sender} (not in the second) and {count}");
		bearer_sms_close(b);
		return E_SYNTAX;
	}
	b->timer = loop_timer_new(options->loop, store_is_back, b);
	int err = b->timer ? esme_open(options->conf, options->loop, &client, &b->esme, error)
			   : E_NOMEM;
	if (err) {
		bearer_sms_close(b);
		return err;
	}
	*out = b;
	return 0;
}

void bearer_sms_stop(struct bearer_sms *b, void (*stopped)(void *arg), void *arg)
{
	b->is_stopping = true;
	loop_timer_stop(b->timer);
	esme_stop(b->esme, stopped, arg);
}

void bearer_sms_close(struct bearer_sms *b)
{
	if (!b)
		return;
	esme_close(b->esme);
	loop_timer_free(b->timer);
	free(b);
}
