/* SIMs: what opens them, who has them, and how one finds its owner. */
#include "db/sims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/freezes.h"
#include "lib/clock.h"
#include "lib/err.h"

#define SEALED_KEY    (SIM_KEY_BYTES + SIV_TAG_BYTES)
#define LABEL_K       "k"
#define LABEL_OPC     "opc"
#define LABEL_SIM_K   "sim-k"
#define LABEL_SIM_OPC "sim-opc"

struct sealed {
	uint8_t k[SEALED_KEY], opc[SEALED_KEY];
};

/* ---- sealing ---- */

/* The IMSI as a number, a 1 before it: those that differ in leading zeros are two. */
static int64_t imsi_number(const char *imsi)
{
	char text[IMSI_MAX + 1];

	snprintf(text, sizeof text, "1%s", imsi);
	return strtoll(text, NULL, 10);
}

static int seal_pair(const struct db *db, bool is_subscribers, int64_t owner,
		     const struct sim_key *key, struct sealed *out)
{
	if (!db->has_secret)
		return E_IO;
	int err = secret_seal(db->secret, is_subscribers ? LABEL_K : LABEL_SIM_K, owner, key->k,
			      sizeof key->k, out->k);
	return err ? err
		   : secret_seal(db->secret, is_subscribers ? LABEL_OPC : LABEL_SIM_OPC, owner,
				 key->opc, sizeof key->opc, out->opc);
}

/* Reads two columns. A blob that does not open was written under another secret key. */
static int open_pair(const struct db *db, bool is_subscribers, int64_t owner, struct query *q,
		     struct sim_key *out)
{
	size_t k_len, opc_len;
	const uint8_t *k = query_get_blob(q, &k_len);
	int err = E_IO;

	if (db->has_secret && k_len == SEALED_KEY)
		err = secret_open(db->secret, is_subscribers ? LABEL_K : LABEL_SIM_K, owner, k,
				  k_len, out->k);
	if (err)
		return E_IO;
	const uint8_t *opc = query_get_blob(q, &opc_len);
	if (opc_len != SEALED_KEY)
		return E_IO;
	err = secret_open(db->secret, is_subscribers ? LABEL_OPC : LABEL_SIM_OPC, owner, opc,
			  opc_len, out->opc);
	return err ? E_IO : 0;
}

static int read_secret(const struct db *db, struct engine *e, const char *imsi,
		       struct sim_secret *out)
{
	struct query q;

	query_begin(&q, e, STMT_SIM_BY_IMSI);
	query_text(&q, imsi);
	int err = query_first(&q);
	if (!err) {
		out->owner = query_get_int(&q);
		err = open_pair(db, out->owner != 0, out->owner ? out->owner : imsi_number(imsi),
				&q, &out->key);
		out->seq_dif = query_get_int(&q);
	}
	query_end(&q);
	return err;
}

void sim_secret_get(struct db_port *port, const char *imsi, sim_secret_got *got, void *arg)
{
	struct sim_secret secret = {0};
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = read_secret(port->db, e, imsi, &secret);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &secret);
	explicit_bzero(&secret, sizeof secret);
}

/* ---- the parts of a SIM change (sims.h) ---- */

int sim_take(const struct db *db, struct engine *e, const char *imsi, struct sim_taken *sim)
{
	struct query q;

	query_begin(&q, e, STMT_SIM_GET);
	query_text(&q, imsi);
	int err = query_first(&q);
	if (!err && !sim->given) {
		err = open_pair(db, false, imsi_number(imsi), &q, &sim->key);
		sim->seq_dif = query_get_int(&q);
		sim->given = err == 0;
	}
	query_end(&q);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	query_begin(&q, e, STMT_SIM_DELETE);
	query_text(&q, imsi);
	return query_run(&q);
}

int sim_set_imsi(struct engine *e, int64_t subscriber, const char *imsi)
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_SET_IMSI);
	query_int(&q, subscriber);
	query_text_or_null(&q, imsi);
	return query_run(&q);
}

/* Sealing is deterministic: equal octets are an equal key. */
static int has_sealed(struct engine *e, int64_t subscriber, const struct sealed *sealed, bool *same)
{
	size_t k_len = 0, opc_len = 0;
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_GET_SIM_KEY);
	query_int(&q, subscriber);
	int err = query_first(&q);
	*same = false;
	if (!err) {
		const void *k = query_get_blob(&q, &k_len);
		bool same_k = k_len == SEALED_KEY && memcmp(k, sealed->k, k_len) == 0;
		const void *opc = query_get_blob(&q, &opc_len);
		*same = same_k && opc_len == SEALED_KEY && memcmp(opc, sealed->opc, opc_len) == 0;
	}
	query_end(&q);
	return err == E_NOT_FOUND ? 0 : err;
}

int sim_set_key(const struct db *db, struct engine *e, int64_t subscriber,
		const struct sim_taken *sim, bool *changed)
{
	struct sealed sealed;
	struct query q;
	bool same = false;
	int err = seal_pair(db, true, subscriber, &sim->key, &sealed);

	if (!err)
		err = has_sealed(e, subscriber, &sealed, &same);
	*changed = !same;
	if (err || same)
		return err;
	query_begin(&q, e, STMT_SUBSCRIBER_SET_SIM_KEY);
	query_int(&q, subscriber);
	query_blob(&q, sealed.k, sizeof sealed.k);
	query_blob(&q, sealed.opc, sizeof sealed.opc);
	query_int(&q, sim->seq_dif);
	return query_run(&q);
}

int sim_set_no_key(struct engine *e, int64_t subscriber)
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_SET_SIM_KEY);
	query_int(&q, subscriber);
	query_null(&q);
	query_null(&q);
	query_int(&q, 0);
	return query_run(&q);
}

int sim_changed(const struct db *db, struct engine *e, int64_t subscriber, const char *outcome)
{
	struct binding held[SUBSCRIBER_BINDINGS];
	size_t n;
	int err = bindings_of(e, "", subscriber, held, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct binding now = held[i];
		binding_restart(&now);
		err = binding_change(
			db, e, &held[i], &now,
			&(struct history_entry){.event = "sim-change", .outcome = outcome});
	}
	return err;
}

/* ---- writes ---- */

struct sim_write {
	struct write write;
	union {
		db_done *plain;
		binding_claimed *claimed;
	} done;
	void *arg;
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
	struct sim_key key_of_sim;
	int64_t seq_dif, until_us, sqn;
	struct key key;
	uint32_t generation;
	enum claim_answer answer;
	struct binding now;
};

static void plain_done(struct write *write)
{
	struct sim_write *w = (struct sim_write *)write;

	explicit_bzero(&w->key_of_sim, sizeof w->key_of_sim);
	if (w->done.plain)
		w->done.plain(w->arg, write->err);
}

static void submit(struct db_port *port, const struct sim_write *args,
		   int (*run)(struct write *, struct engine *))
{
	struct sim_write *w = write_new(sizeof *w, 0, run, plain_done);

	if (!w) {
		args->done.plain(args->arg, E_NOMEM);
		return;
	}
	struct write head = w->write;
	*w = *args;
	w->write = head;
	write_submit(port, DB_BINDINGS, w);
}

static int id_by(struct engine *e, enum statement statement, const char *text, int64_t *id)
{
	struct query q;

	query_begin(&q, e, statement);
	query_text(&q, text);
	return query_run_int(&q, id);
}

static int set_seq_dif(struct engine *e, enum statement statement, const struct sim_write *w)
{
	struct query q;

	query_begin(&q, e, statement);
	query_text(&q, w->imsi);
	query_int(&q, w->seq_dif);
	int err = query_run(&q);
	return err ? err : engine_affected(e) ? 0 : E_NOT_FOUND;
}

static int run_resync(struct write *write, struct engine *e)
{
	const struct sim_write *w = (const struct sim_write *)write;
	int err = set_seq_dif(e, STMT_SUBSCRIBER_SET_SEQ_DIF, w);

	return err == E_NOT_FOUND ? set_seq_dif(e, STMT_SIM_SET_SEQ_DIF, w) : err;
}

void sim_resync(struct db_port *port, const char *imsi, int64_t seq_dif, db_done *done, void *arg)
{
	struct sim_write w = {.done.plain = done, .arg = arg, .seq_dif = seq_dif};

	snprintf(w.imsi, sizeof w.imsi, "%s", imsi);
	submit(port, &w, run_resync);
}

static int run_sim_put(struct write *write, struct engine *e)
{
	const struct sim_write *w = (const struct sim_write *)write;
	struct sealed sealed;
	struct query q;
	int64_t owner;
	int err = id_by(e, STMT_SUBSCRIBER_ID_BY_IMSI, w->imsi, &owner);

	if (err != E_NOT_FOUND)
		return err ? err : E_CONFLICT;
	err = seal_pair(write->port->db, false, imsi_number(w->imsi), &w->key_of_sim, &sealed);
	if (err)
		return err;
	query_begin(&q, e, STMT_SIM_PUT);
	query_text(&q, w->imsi);
	query_blob(&q, sealed.k, sizeof sealed.k);
	query_blob(&q, sealed.opc, sizeof sealed.opc);
	return query_run(&q);
}

void sim_put(struct db_port *port, const char *imsi, const struct sim_key *key, db_done *done,
	     void *arg)
{
	struct sim_write w = {.done.plain = done, .arg = arg, .key_of_sim = *key};

	snprintf(w.imsi, sizeof w.imsi, "%s", imsi);
	submit(port, &w, run_sim_put);
	explicit_bzero(&w.key_of_sim, sizeof w.key_of_sim);
}

static int run_sim_remove(struct write *write, struct engine *e)
{
	const struct sim_write *w = (const struct sim_write *)write;
	struct query q;

	query_begin(&q, e, STMT_SIM_DELETE);
	query_text(&q, w->imsi);
	int err = query_run(&q);
	return err ? err : engine_affected(e) ? 0 : E_NOT_FOUND;
}

void sim_remove(struct db_port *port, const char *imsi, db_done *done, void *arg)
{
	struct sim_write w = {.done.plain = done, .arg = arg};

	snprintf(w.imsi, sizeof w.imsi, "%s", imsi);
	submit(port, &w, run_sim_remove);
}

/* ---- sign-up ---- */

static int run_allow(struct write *write, struct engine *e)
{
	const struct sim_write *w = (const struct sim_write *)write;
	int64_t id, owner;
	struct query q;
	int err = id_by(e, STMT_SUBSCRIBER_ID_BY_MSISDN, w->msisdn, &id);

	if (err)
		return err;
	err = *w->imsi ? id_by(e, STMT_SUBSCRIBER_ID_BY_IMSI, w->imsi, &owner) : E_NOT_FOUND;
	if (err != E_NOT_FOUND)
		return err ? err : E_CONFLICT;
	query_begin(&q, e, STMT_SIM_CHANGE_PUT);
	query_int(&q, id);
	query_text(&q, w->imsi);
	query_int(&q, w->until_us);
	return query_run(&q);
}

void sim_change_allow(struct db_port *port, const char *msisdn, const char *imsi, int64_t until_us,
		      db_done *done, void *arg)
{
	struct sim_write w = {.done.plain = done, .arg = arg, .until_us = until_us};

	snprintf(w.msisdn, sizeof w.msisdn, "%s", msisdn);
	snprintf(w.imsi, sizeof w.imsi, "%s", imsi);
	submit(port, &w, run_allow);
}

static int is_allowed(struct engine *e, int64_t subscriber, const char *imsi)
{
	struct query q;
	int64_t one;

	query_begin(&q, e, STMT_SIM_CHANGE_GET);
	query_int(&q, subscriber);
	query_text(&q, imsi);
	query_int(&q, clock_now_us());
	return query_run_int(&q, &one);
}

void sim_change_check(struct db_port *port, int64_t subscriber, const char *imsi, db_done *done,
		      void *arg)
{
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = is_allowed(e, subscriber, imsi);
		engine_assert_idle(e);
	}
	done(arg, err);
}

/* The SIM goes to the bound subscriber; all his tokens end. */
static int hand_over(const struct db *db, struct engine *e, const struct sim_write *w)
{
	struct sim_taken sim = {.given = false};
	struct query q;
	bool changed;
	int err = sim_take(db, e, w->imsi, &sim);

	if (!err)
		err = sim_set_imsi(e, w->now.subscriber, w->imsi);
	if (!err)
		err = sim_set_key(db, e, w->now.subscriber, &sim, &changed);
	explicit_bzero(&sim, sizeof sim);
	if (err)
		return err;
	query_begin(&q, e, STMT_SIM_CHANGE_DELETE);
	query_int(&q, w->now.subscriber);
	err = query_run(&q);
	return err ? err : sim_changed(db, e, w->now.subscriber, "sign-up");
}

/* A valid proof of another subscriber's SIM. */
static int accuse(const struct db *db, struct engine *e, struct sim_write *w, int64_t owner)
{
	struct binding before = w->now;

	w->answer = binding_claim_proof(&w->now, owner, w->sqn, clock_now_us());
	if (w->now.state == before.state)
		return 0;
	return binding_change(
		db, e, &before, &w->now,
		&(struct history_entry){.event = "quarantined",
					.outcome = quarantine_reason_name(w->now.reason),
					.evidence =
						"a proof of another subscriber's SIM at sign-up"});
}

static int run_sign_up(struct write *write, struct engine *e)
{
	struct sim_write *w = (struct sim_write *)write;
	const struct db *db = write->port->db;
	struct sim_secret secret = {0};
	int err = binding_row_get(e, &w->key, &w->now);

	if (err || w->now.generation != w->generation)
		return !err || err == E_NOT_FOUND ? E_CONFLICT : err;
	err = binding_contain_row(e, &w->now);
	if (err)
		return err;
	w->answer = CLAIM_MISMATCH;
	err = read_secret(db, e, w->imsi, &secret);
	explicit_bzero(&secret.key, sizeof secret.key);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	if (secret.owner && secret.owner != w->now.subscriber)
		return accuse(db, e, w, secret.owner);
	if (!binding_allows(&w->now, USE_TOKEN_BARE, clock_now_us())) {
		struct binding kept = w->now;
		w->answer = binding_claim_bare(&kept, w->now.subscriber, clock_now_us());
		return 0;
	}
	err = secret.owner ? E_NOT_FOUND : is_allowed(e, w->now.subscriber, w->imsi);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	w->answer = CLAIM_ACCEPTED;
	err = hand_over(db, e, w);
	return err ? err : binding_row_get(e, &w->key, &w->now);
}

static void sign_up_done(struct write *write)
{
	struct sim_write *w = (struct sim_write *)write;

	w->done.claimed(w->arg, write->err, w->answer, write->err ? NULL : &w->now);
}

void sim_sign_up(struct db_port *port, const struct key *k, uint32_t generation, const char *imsi,
		 int64_t sqn, binding_claimed *done, void *arg)
{
	struct sim_write *w = write_new(sizeof *w, 0, run_sign_up, sign_up_done);

	if (!w) {
		done(arg, E_NOMEM, CLAIM_NO_BINDING, NULL);
		return;
	}
	w->done.claimed = done;
	w->arg = arg;
	w->key = *k;
	w->generation = generation;
	w->sqn = sqn;
	snprintf(w->imsi, sizeof w->imsi, "%s", imsi);
	write_submit(port, DB_BINDINGS, w);
}
