/* Short messages after they left: what an SMSC made of them, and their receipts. */
#include <stdlib.h>
#include <string.h>

#include "db/freezes.h"
#include "db/mail.h"
#include "db/outbox.h"
#include "db/permits.h"
#include "lib/clock.h"
#include "lib/err.h"

/* ---- the last look before one leaves ---- */

static int check_owner(struct engine *e, const struct trigger_out *out)
{
	char msisdn[MSISDN_MAX] = "";
	int64_t frozen = 0;
	struct query q;

	query_begin(&q, e, STMT_TRIGGER_NAME);
	query_int(&q, out->subscriber);
	int err = query_first(&q);
	if (!err)
		query_get_text(&q, msisdn, sizeof msisdn);
	query_end(&q);
	if (err || strcmp(msisdn, out->msisdn) != 0)
		return err && err != E_NOT_FOUND ? err : E_CONFLICT;
	query_begin(&q, e, STMT_FREEZE_OF_SUBSCRIBER);
	query_int(&q, out->subscriber);
	err = query_run_int(&q, &frozen);
	return !err && frozen ? E_CONFLICT : err;
}

int sms_check(struct db_port *port, const struct trigger_out *out)
{
	struct outbox_row row;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (!err)
		err = check_owner(e, out);
	if (!err)
		e = port_reader(port, DB_MAIL, &err);
	if (err)
		return err;
	err = outbox_row_get(e, out->subscriber, &row);
	if (err == E_NOT_FOUND || (!err && row.timestamp_s != out->timestamp_s))
		return E_CONFLICT;
	return err;
}

/* ---- what it came to ---- */

struct sms_write {
	struct write write;
	union {
		db_done *plain;
		sms_receipt_done *receipt;
	} done;
	void *arg;
	struct sms_accepted sms;
	enum sms_state state;
};

/* The row, if it still stands for that trigger. */
static int row_of(struct engine *e, int64_t subscriber, int64_t timestamp_s, struct outbox_row *row)
{
	int err = outbox_row_get(e, subscriber, row);

	return !err && row->timestamp_s != timestamp_s ? E_NOT_FOUND : err;
}

static int set_row_state(struct engine *e, const struct sms_accepted *sms, enum sms_state state)
{
	struct outbox_row row;
	int err = row_of(e, sms->subscriber, sms->timestamp_s, &row);

	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	row.sms_state = state;
	return outbox_row_put(e, &row);
}

static void plain_done(struct write *write)
{
	struct sms_write *w = (struct sms_write *)write;

	if (w->done.plain)
		w->done.plain(w->arg, write->err);
}

static int run_accepted(struct write *write, struct engine *e)
{
	const struct sms_accepted *sms = &((struct sms_write *)write)->sms;
	struct query q;

	query_begin(&q, e, STMT_SMS_PUT);
	query_int(&q, sms->at_us);
	query_text(&q, sms->smsc);
	query_text(&q, sms->message_id);
	query_int(&q, sms->subscriber);
	query_int(&q, sms->timestamp_s);
	query_int(&q, SMS_UNDER_WAY);
	return query_run(&q);
}

static int run_failed(struct write *write, struct engine *e)
{
	return set_row_state(e, &((struct sms_write *)write)->sms, SMS_FAILED);
}

static void submit(struct db_port *port, struct sms_write *from,
		   int (*run)(struct write *, struct engine *))
{
	struct sms_write *w = write_new(sizeof *w, 0, run, plain_done);

	if (!w) {
		if (from->done.plain)
			from->done.plain(from->arg, E_NOMEM);
		return;
	}
	w->done.plain = from->done.plain;
	w->arg = from->arg;
	w->sms = from->sms;
	write_submit(port, DB_MAIL, w);
}

void sms_accepted(struct db_port *port, const struct sms_accepted *sms, db_done *done, void *arg)
{
	submit(port, &(struct sms_write){.done.plain = done, .arg = arg, .sms = *sms},
	       run_accepted);
}

void sms_failed(struct db_port *port, int64_t subscriber, int64_t timestamp_s, db_done *done,
		void *arg)
{
	submit(port,
	       &(struct sms_write){.done.plain = done,
				   .arg = arg,
				   .sms = {.subscriber = subscriber, .timestamp_s = timestamp_s}},
	       run_failed);
}

static int run_receipt(struct write *write, struct engine *e)
{
	struct sms_write *w = (struct sms_write *)write;
	enum sms_state before = SMS_NONE;
	int64_t id = 0;
	struct query q;

	query_begin(&q, e, STMT_SMS_GET);
	query_text(&q, w->sms.smsc);
	query_text(&q, w->sms.message_id);
	int err = query_first(&q);
	if (!err) {
		id = query_get_int(&q);
		w->sms.at_us = query_get_int(&q);
		w->sms.subscriber = query_get_int(&q);
		w->sms.timestamp_s = query_get_int(&q);
		before = (enum sms_state)query_get_int(&q);
	}
	query_end(&q);
	if (err || before == w->state)
		return err;
	query_begin(&q, e, STMT_SMS_SET_STATE);
	query_int(&q, id);
	query_int(&q, w->state);
	err = query_run(&q);
	return err ? err : set_row_state(e, &w->sms, w->state);
}

static void receipt_done(struct write *write)
{
	struct sms_write *w = (struct sms_write *)write;

	w->done.receipt(w->arg, write->err, w->sms.subscriber, w->sms.at_us);
}

void sms_receipt(struct db_port *port, const char *smsc, const char *message_id,
		 enum sms_state state, sms_receipt_done *done, void *arg)
{
	struct sms_write *w;

	if (strlen(smsc) >= sizeof w->sms.smsc || strlen(message_id) >= sizeof w->sms.message_id) {
		done(arg, E_NOT_FOUND, 0, 0);
		return;
	}
	w = write_new(sizeof *w, 0, run_receipt, receipt_done);
	if (!w) {
		done(arg, E_NOMEM, 0, 0);
		return;
	}
	w->done.receipt = done;
	w->arg = arg;
	w->state = state;
	memcpy(w->sms.smsc, smsc, strlen(smsc) + 1);
	memcpy(w->sms.message_id, message_id, strlen(message_id) + 1);
	write_submit(port, DB_MAIL, w);
}

/* ---- what did not leave ---- */

struct unsent_write {
	struct write write;
	db_done *done;
	void *arg;
	int64_t now_us;
	size_t count;
	struct trigger_unsent list[];
};

static int run_unsent(struct write *write, struct engine *e)
{
	const struct unsent_write *w = (struct unsent_write *)write;
	const struct schedule *s = &w->write.port->db->options.schedule;
	int err = 0;

	for (size_t i = 0; !err && i < w->count; i++) {
		const struct trigger_unsent *u = &w->list[i];
		struct outbox_row row;
		err = row_of(e, u->subscriber, u->timestamp_s, &row);
		if (err == E_NOT_FOUND) {
			err = 0;
			continue;
		}
		if (err)
			break;
		if (u->bearer == BEARER_UDP)
			schedule_refused(s, w->now_us, &row);
		else
			schedule_put_off(s, u->retry_us, &row);
		err = outbox_row_put(e, &row);
		if (!err)
			err = permits_give_back(e, s, u->subscriber, u->bearer);
	}
	return err;
}

static void unsent_done(struct write *write)
{
	struct unsent_write *w = (struct unsent_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

void triggers_unsent(struct db_port *port, const struct trigger_unsent *list, size_t n,
		     db_done *done, void *arg)
{
	struct unsent_write *w =
		write_new(sizeof *w + n * sizeof *list, 0, run_unsent, unsent_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->now_us = clock_now_us();
	w->count = n;
	memcpy(w->list, list, n * sizeof *list);
	write_submit(port, DB_MAIL, w);
}
