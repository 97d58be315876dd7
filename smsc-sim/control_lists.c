/* control_lists -- what there is: messages, links, phones */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "smsc-sim/control_api.h"
#include "smsc-sim/link.h"
#include "smsc-sim/message_json.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
#define SCAN_MAX      200000 /* messages that one request looks at */

static bool read_limit(struct http_request *r, size_t *out)
{
	const char *text = http_query(r, "limit");
	size_t digits = text ? strspn(text, "0123456789") : 0;

	*out = LIMIT_DEFAULT;
	if (!text)
		return true;
	if (!digits || digits > 9 || text[digits] || !atoi(text)) {
		http_problem(r, 400, "malformed", "limit is a whole number from 1", 0);
		return false;
	}
	*out = (size_t)atoi(text);
	if (*out > LIMIT_MAX)
		*out = LIMIT_MAX;
	return true;
}

/* ---- messages ---- */

struct wanted {
	size_t limit;
	bool newest;
	uint64_t after; /* 0: from the beginning */
	int state;      /* -1: any */
	const char *destination, *account;
};

/* -1: any; false: there is no such state. */
static bool read_state(const char *text, int *out)
{
	*out = -1;
	if (!text || !*text)
		return true;
	for (int i = SMPP_STATE_SCHEDULED; i <= SMPP_STATE_REJECTED; i++)
		if (!strcmp(text, smpp_state_name((uint8_t)i)))
			*out = i;
	return *out >= 0;
}

static bool read_wanted(struct http_request *r, struct wanted *w)
{
	const char *after = http_query(r, "after"), *order = http_query(r, "order");
	const char *wrong = NULL;

	*w = (struct wanted){.destination = http_query(r, "destination"),
			     .account = http_query(r, "account")};
	if (!read_limit(r, &w->limit))
		return false;
	w->newest = order && !strcmp(order, "newest");
	if (w->destination && *w->destination == '+')
		w->destination++;
	if (order && !w->newest && strcmp(order, "oldest") != 0)
		wrong = "order is oldest or newest";
	else if (after && *after && !message_id_parse(after, &w->after))
		wrong = "after is a message's id";
	else if (!read_state(http_query(r, "state"), &w->state))
		wrong = "state is SCHEDULED, ENROUTE, DELIVRD, EXPIRED, DELETED, UNDELIV, ACCEPTD, "
			"UNKNOWN or REJECTD";
	if (wrong)
		http_problem(r, 400, "malformed", wrong, 0);
	return !wrong;
}

static bool is_wanted(const struct smsc *s, const struct message *m, const struct wanted *w)
{
	return (w->state < 0 || m->state == w->state) &&
	       (!w->destination ||
		!strncmp(m->destination.number, w->destination, strlen(w->destination))) &&
	       (!w->account || !strcmp(smsc_account_name(s, m), w->account));
}

static const struct message *first_of(const struct smsc *s, const struct wanted *w)
{
	const struct message *after;

	if (!w->newest)
		return spool_after(&s->spool, w->after);
	if (!w->after)
		return s->spool.last;
	after = spool_find(&s->spool, w->after);
	if (after)
		return after->order.previous;
	after = spool_after(&s->spool, w->after);
	return after ? after->order.previous : s->spool.last;
}

/* Where a list ends before there is nothing more, the header Next-After says how to go on. */
void control_messages(void *arg, struct http_request *r)
{
	const struct smsc *s = arg;
	struct wanted w;
	char id[MESSAGE_ID_MAX];
	uint64_t last = 0;

	if (!read_wanted(r, &w))
		return;
	json_t *list = json_array();
	const struct message *m = first_of(s, &w);
	for (size_t i = 0; m && i < SCAN_MAX && json_array_size(list) < w.limit; i++) {
		if (is_wanted(s, m, &w))
			json_array_append_new(list, message_json_write(s, m));
		last = m->id;
		m = w.newest ? m->order.previous : m->order.next;
	}
	if (m && last)
		http_add_header(r, "Next-After", message_id_format(last, id));
	http_reply_json(r, 200, list);
}

void control_message(void *arg, struct http_request *r)
{
	const struct smsc *s = arg;
	uint64_t id;
	const struct message *m =
		message_id_parse(http_param(r, "id"), &id) ? spool_find(&s->spool, id) : NULL;

	if (m)
		http_reply_json(r, 200, message_json_write_whole(s, m));
	else
		http_problem(r, 404, "not-found", "there is no such message, or no more", 0);
}

/* ---- links ---- */

static const char *bind_name(enum smpp_bind_state state)
{
	switch (state) {
	case SMPP_BOUND_TX:
		return "transmitter";
	case SMPP_BOUND_RX:
		return "receiver";
	case SMPP_BOUND_TRX:
		return "transceiver";
	default:
		return NULL;
	}
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *link_write(const struct link *l)
{
	char time[CLOCK_TEXT_MAX];
	json_t *json = json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)l->id, "state",
				 smpp_bind_state_name(l->state), "peer", l->peer, "outbind",
				 l->is_outbind);

	json_object_set_new(json, "account",
			    text_or_null(l->account ? l->account->conf->name : NULL));
	json_object_set_new(json, "bind", text_or_null(bind_name(l->state)));
	json_object_set_new(
		json, "bound_at",
		text_or_null(l->bound_at_us ? clock_format(l->bound_at_us, time) : NULL));
	json_object_set_new(json, "pdus_in", json_integer((json_int_t)l->pdus_in));
	json_object_set_new(json, "pdus_out", json_integer((json_int_t)l->pdus_out));
	json_object_set_new(json, "submits", json_integer((json_int_t)l->submits));
	json_object_set_new(json, "delivers", json_integer((json_int_t)l->delivers));
	json_object_set_new(json, "owed", json_integer(l->owed));
	json_object_set_new(json, "in_flight",
			    json_integer(l->window ? smpp_window_count(l->window) : 0));
	json_object_set_new(json, "paused", json_boolean(l->is_paused));
	json_object_set_new(json, "unsent", json_integer((json_int_t)conn_unsent(l->conn)));
	json_object_set_new(json, "window",
			    json_integer(l->account ? l->account->conf->window : 0));
	return json;
}

/* There are at most links_max of them. */
void control_links(void *arg, struct http_request *r)
{
	const struct smsc *s = arg;
	json_t *list = json_array();

	for (const struct link *l = s->links; l; l = l->next)
		json_array_append_new(list, link_write(l));
	http_reply_json(r, 200, list);
}

/* ---- phones ---- */

/* The `limit` smallest numbers after `after`, in their order: inboxes lie in a hash table. */
struct found {
	const struct inbox **list;
	size_t count, limit;
};

static void found_put(struct found *f, const struct inbox *i)
{
	size_t at = f->count;

	if (at == f->limit && strcmp(i->number, f->list[at - 1]->number) > 0)
		return;
	if (at == f->limit)
		at--;
	else
		f->count++;
	for (; at && strcmp(i->number, f->list[at - 1]->number) < 0; at--)
		f->list[at] = f->list[at - 1];
	f->list[at] = i;
}

static void found_fill(struct found *f, const struct inboxes *all, const char *after)
{
	for (size_t row = 0; row < all->size; row++)
		for (const struct inbox *i = all->rows[row]; i; i = i->next)
			if (strcmp(i->number, after) > 0)
				found_put(f, i);
}

static json_t *phone_write(const struct inbox *i)
{
	return json_pack("{s:s, s:b, s:I, s:b}", "msisdn", i->number, "attached", i->phone != NULL,
			 "waiting", (json_int_t)i->count, "in_flight", i->in_flight != NULL);
}

void control_phones(void *arg, struct http_request *r)
{
	const struct smsc *s = arg;
	const char *after = http_query(r, "after");
	struct found f = {0};

	if (!read_limit(r, &f.limit))
		return;
	f.list = calloc(f.limit, sizeof *f.list);
	if (!f.list) {
		http_problem(r, 503, "overloaded", "out of memory", 1);
		return;
	}
	found_fill(&f, &s->spool.inboxes, after ? after : "");
	json_t *list = json_array();
	for (size_t i = 0; i < f.count; i++)
		json_array_append_new(list, phone_write(f.list[i]));
	free(f.list);
	http_reply_json(r, 200, list);
}
