/* What others than the feeds do to a binding: claims, refreshes, the end of tokens, quarantine and
 * its release; and lease events themselves. Each is a compare-and-set on the generation, in the
 * writer's transaction. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/freezes.h"
#include "db/lease_scope.h"
#include "lib/clock.h"
#include "lib/err.h"

#define EVIDENCE_MAX 256

/* ---- lease events ---- */

struct apply_job {
	binding_applied *done;
	void *arg;
	size_t n;
	struct lease_outcome *out;
	struct lease_event events[];
};

struct apply_write {
	struct write write;
	struct apply_job *job;
	size_t from;                /* the first event that is not through yet */
	struct lease_outcome begun; /* unfinished: that one is an On/Off on its way */
	size_t next;                /* the result: as `from` */
};

/* A bad event does not sink the others. Its outcome says so if it wrote nothing, or when it can be
 * undone alone; else the group is undone and comes again with savepoints. */
static int apply_one(const struct db *db, struct engine *e, const struct lease_event *event,
		     struct lease_outcome *out)
{
	int64_t before = engine_changes(e);
	int err = e->careful ? engine_savepoint(e) : 0;

	if (!err && out->unfinished)
		err = lease_scope_go_on(db, e, event, out);
	else if (!err)
		err = lease_scope_apply(db, e, event, out);
	if (!err)
		return e->careful ? engine_release(e) : 0;
	if (e->careful)
		engine_undo(e);
	else if (engine_changes(e) != before)
		return err;
	if (err != E_CONFLICT)
		return err;
	*out = (struct lease_outcome){.result = LEASE_ERROR,
				      .problem = "conflict",
				      .detail = "contradicts what is stored"};
	return 0;
}

static int run_apply(struct write *write, struct engine *e)
{
	struct apply_write *w = (struct apply_write *)write;
	struct apply_job *job = w->job;

	for (w->next = w->from; w->next < job->n; w->next++) {
		struct lease_outcome *out = &job->out[w->next];
		*out = w->next == w->from ? w->begun : (struct lease_outcome){.unfinished = false};
		int err = apply_one(write->port->db, e, &job->events[w->next], out);
		if (err || out->unfinished)
			return err;
	}
	return 0;
}

static void job_end(struct apply_job *job, int err)
{
	if (job->done)
		job->done(job->arg, err, err ? NULL : job->out, err ? 0 : job->n);
	free(job);
}

static void apply_done(struct write *write);

static void job_submit(struct db_port *port, struct apply_job *job, size_t from,
		       const struct lease_outcome *begun)
{
	size_t bytes = (job->n - from) * (sizeof *job->events + sizeof *job->out);
	struct apply_write *w = write_new(sizeof *w, bytes, run_apply, apply_done);

	if (!w) {
		job_end(job, E_NOMEM);
		return;
	}
	w->job = job;
	w->from = from;
	w->begun = *begun;
	write_submit(port, DB_BINDINGS, w);
}

/* An On/Off that has more to end stands in line again, behind what came meanwhile. */
static void apply_done(struct write *write)
{
	struct apply_write *w = (struct apply_write *)write;

	if (!write->err && w->next < w->job->n)
		job_submit(write->port, w->job, w->next, &w->job->out[w->next]);
	else
		job_end(w->job, write->err);
}

void binding_apply(struct db_port *port, const struct lease_event *events, size_t n,
		   binding_applied *done, void *arg)
{
	size_t size = sizeof(struct apply_job) + n * sizeof *events;
	struct apply_job *job = malloc(size + n * sizeof *job->out);

	if (!job) {
		done(arg, E_NOMEM, NULL, 0);
		return;
	}
	job->done = done;
	job->arg = arg;
	job->n = n;
	memcpy(job->events, events, n * sizeof *events);
	job->out = (struct lease_outcome *)(void *)((char *)job + size);
	job_submit(port, job, 0, &(struct lease_outcome){.unfinished = false});
}

/* ---- one key ---- */

struct key_write {
	struct write write;
	union {
		binding_claimed *claimed;
		db_done *plain;
	} done;
	void *arg;
	struct key key;
	uint32_t generation;
	int64_t subscriber;
	int64_t reprove_us;
	struct addr from; /* the claimant's */
	int64_t sqn;      /* of a proof; and what it derives: */
	uint8_t trigger_key[TRIGGER_KEY_BYTES];
	enum quarantine_reason reason;
	char evidence[EVIDENCE_MAX];
	char feeder[FEEDER_MAX];
	enum claim_answer answer;
	struct binding now;
};

static struct key_write *key_write_new(const struct key *k, uint32_t generation, void *arg,
				       int (*run)(struct write *, struct engine *),
				       void (*done)(struct write *))
{
	struct key_write *w = write_new(sizeof *w, 0, run, done);

	if (w) {
		w->key = *k;
		w->generation = generation;
		w->arg = arg;
	}
	return w;
}

/* The row, if the generation did not move meanwhile. */
static int get_unmoved(struct engine *e, const struct key_write *w, struct binding *b)
{
	int err = binding_row_get(e, &w->key, b);

	if (err)
		return err == E_NOT_FOUND ? E_CONFLICT : err;
	return b->generation == w->generation ? binding_contain_row(e, b) : E_CONFLICT;
}

static void plain_done(struct write *write)
{
	struct key_write *w = (struct key_write *)write;

	if (w->done.plain)
		w->done.plain(w->arg, write->err);
}

static void claimed_done(struct write *write)
{
	struct key_write *w = (struct key_write *)write;

	if (w->done.claimed)
		w->done.claimed(w->arg, write->err, w->answer, write->err ? NULL : &w->now);
}

/* ---- claims ---- */

static int has_sim_key(struct engine *e, int64_t subscriber, bool *has)
{
	struct query q;
	int64_t value = 0;

	query_begin(&q, e, STMT_SUBSCRIBER_HAS_SIM_KEY);
	query_int(&q, subscriber);
	int err = query_run_int(&q, &value);
	*has = value != 0;
	return err == E_NOT_FOUND ? 0 : err;
}

static int make_trigger_key(struct binding *b)
{
	static const uint8_t none[TRIGGER_KEY_BYTES];

	if (b->state != KEY_CONFIRMED || memcmp(b->trigger_key, none, sizeof none) != 0)
		return 0;
	return RAND_bytes(b->trigger_key, sizeof b->trigger_key) == 1 ? 0 : E_IO;
}

/* Only a change of state is worth a row of history: a claim may be repeated as often as a phone
 * likes. `by`: "claim" or "proof". */
static int put_claimed(const struct db *db, struct engine *e, const struct binding *before,
		       const struct binding *after, const char *by)
{
	struct history_entry entry = {.event = key_state_name(after->state), .outcome = by};

	if (memcmp(before, after, sizeof *before) == 0)
		return 0;
	return binding_change(db, e, before, after, before->state != after->state ? &entry : NULL);
}

static int run_claim(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	struct binding before;
	bool proof = false;
	int err = get_unmoved(e, w, &before);

	if (err)
		return err;
	w->now = before;
	w->answer = binding_claim_bare(&w->now, w->subscriber, clock_now_us());
	if (w->answer == CLAIM_ACCEPTED)
		err = has_sim_key(e, w->subscriber, &proof);
	if (proof) {
		w->answer = CLAIM_PROOF_REQUIRED;
		w->now = before;
	}
	if (w->answer == CLAIM_ACCEPTED)
		w->now.host = w->from;
	if (!err)
		err = make_trigger_key(&w->now);
	return err ? err : put_claimed(write->port->db, e, &before, &w->now, "claim");
}

void binding_claim(struct db_port *port, const struct key *k, uint32_t generation,
		   int64_t claimed_subscriber, const struct addr *from, binding_claimed *done,
		   void *arg)
{
	struct key_write *w = key_write_new(k, generation, arg, run_claim, claimed_done);

	if (!w) {
		done(arg, E_NOMEM, CLAIM_NO_BINDING, NULL);
		return;
	}
	w->done.claimed = done;
	w->subscriber = claimed_subscriber;
	w->from = *from;
	write_submit(port, DB_BINDINGS, w);
}

static int run_refresh(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	struct binding before;
	int err = get_unmoved(e, w, &before);

	if (err)
		return err;
	w->now = before;
	w->answer = binding_renew(&w->now, clock_now_us(), w->reprove_us);
	if (w->answer == CLAIM_ACCEPTED)
		w->now.host = w->from;
	return put_claimed(write->port->db, e, &before, &w->now, "claim");
}

void binding_refresh(struct db_port *port, const struct key *k, uint32_t generation,
		     int64_t reprove_us, const struct addr *from, binding_claimed *done, void *arg)
{
	struct key_write *w = key_write_new(k, generation, arg, run_refresh, claimed_done);

	if (!w) {
		done(arg, E_NOMEM, CLAIM_NO_BINDING, NULL);
		return;
	}
	w->done.claimed = done;
	w->reprove_us = reprove_us;
	w->from = *from;
	write_submit(port, DB_BINDINGS, w);
}

static int run_prove(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	struct binding before;
	int err = get_unmoved(e, w, &before);

	if (err)
		return err;
	w->now = before;
	w->answer = binding_claim_proof(&w->now, w->subscriber, w->sqn, clock_now_us());
	if (w->answer == CLAIM_ACCEPTED) {
		w->now.host = w->from;
		memcpy(w->now.trigger_key, w->trigger_key, sizeof w->now.trigger_key);
	}
	return put_claimed(write->port->db, e, &before, &w->now, "proof");
}

static void proved_done(struct write *write)
{
	struct key_write *w = (struct key_write *)write;

	claimed_done(write);
	explicit_bzero(w->trigger_key, sizeof w->trigger_key);
}

void binding_prove(struct db_port *port, const struct key *k, uint32_t generation,
		   const struct binding_proof *proof, const struct addr *from,
		   binding_claimed *done, void *arg)
{
	struct key_write *w = key_write_new(k, generation, arg, run_prove, proved_done);

	if (!w) {
		done(arg, E_NOMEM, CLAIM_NO_BINDING, NULL);
		return;
	}
	w->done.claimed = done;
	w->subscriber = proof->subscriber;
	w->sqn = proof->sqn;
	memcpy(w->trigger_key, proof->trigger_key, sizeof w->trigger_key);
	w->from = *from;
	write_submit(port, DB_BINDINGS, w);
}

/* ---- the end of tokens, quarantine, release ---- */

static int run_end_tokens(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	int err = get_unmoved(e, w, &w->now);
	struct binding before = w->now;

	if (err)
		return err;
	binding_restart(&w->now);
	return binding_change(
		write->port->db, e, &before, &w->now,
		&(struct history_entry){.event = "tokens-ended", .outcome = "applied"});
}

void binding_end_tokens(struct db_port *port, const struct key *k, uint32_t generation,
			db_done *done, void *arg)
{
	struct key_write *w = key_write_new(k, generation, arg, run_end_tokens, plain_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	write_submit(port, DB_BINDINGS, w);
}

static int run_quarantine(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	int err = get_unmoved(e, w, &w->now);
	struct binding before = w->now;

	if (err)
		return err;
	if (!binding_quarantine_apply(&w->now, w->reason))
		return before.state == KEY_QUARANTINED ? 0
						       : E_CONFLICT; /* nobody holds it any more */
	return binding_change(write->port->db, e, &before, &w->now,
			      &(struct history_entry){.event = "quarantined",
						      .outcome = quarantine_reason_name(w->reason),
						      .evidence = w->evidence});
}

void binding_quarantine(struct db_port *port, const struct key *k, uint32_t generation,
			enum quarantine_reason reason, const char *evidence, db_done *done,
			void *arg)
{
	struct key_write *w = key_write_new(k, generation, arg, run_quarantine, plain_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	w->reason = reason;
	snprintf(w->evidence, sizeof w->evidence, "%s", evidence ? evidence : "");
	write_submit(port, DB_BINDINGS, w);
}

static int run_release(struct write *write, struct engine *e)
{
	struct key_write *w = (struct key_write *)write;
	int err = binding_row_get(e, &w->key, &w->now);
	struct binding before = w->now;

	if (err)
		return err;
	if (!binding_release_apply(&w->now))
		return E_NOT_FOUND;
	return binding_change(
		write->port->db, e, &before, &w->now,
		&(struct history_entry){.event = "released",
					.outcome = quarantine_reason_name(before.reason),
					.feeder = w->feeder});
}

void binding_release(struct db_port *port, const struct key *k, const char *feeder, db_done *done,
		     void *arg)
{
	struct key_write *w = key_write_new(k, 0, arg, run_release, plain_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	snprintf(w->feeder, sizeof w->feeder, "%s", feeder ? feeder : "");
	write_submit(port, DB_BINDINGS, w);
}
