/* lease_scope -- an event from its beginning to its rows of history */
#include "db/lease_scope.h"

#include <stdlib.h>

#include "db/lease_scope_private.h"
#include "db/nases.h"
#include "lib/clock.h"
#include "lib/err.h"

static const char *outcome_name(const struct lease_outcome *out, const struct binding *before,
				const struct binding *after)
{
	if (out->result == LEASE_ERROR && out->problem)
		return out->problem;
	if (after->state == KEY_QUARANTINED && before->state != KEY_QUARANTINED)
		return quarantine_reason_name(after->reason);
	return lease_result_name(out->result);
}

/* A key that the event named and did not touch: as it stands. */
static int look_up_own(struct lease_scope *s, size_t i)
{
	int err = lease_scope_see(s, &s->event->keys[i], &s->own[i].before);

	s->own[i].after = s->own[i].before;
	return err == E_NOT_FOUND ? 0 : err;
}

/* Its NAS is behind, and this event renewed the binding: whoever waits for that with a trigger
 * hears of it. */
static bool is_caught_up(const struct lease_scope *s, const struct binding *before,
			 const struct binding *after)
{
	struct nas_row nas = {.behind_us = s->behind_us};

	return after->state != KEY_FREE && lease_is_behind(&nas, before) &&
	       !lease_is_behind(&nas, after);
}

static int tell_own(struct lease_scope *s, size_t i)
{
	const struct binding *before = &s->own[i].before, *after = &s->own[i].after;

	if (!s->own[i].touched)
		return 0;
	return is_caught_up(s, before, after) ? binding_announce(s->engine, before, after)
					      : binding_tell(s->engine, before, after);
}

/* The event's own keys, and the event itself if it left no row yet. */
static int append_own_history(struct lease_scope *s)
{
	const struct lease_event *ev = s->event;
	struct history_entry entry = {.event = lease_kind_name(ev->kind),
				      .msisdn = *s->msisdn ? s->msisdn : ev->msisdn,
				      .imsi = ev->imsi,
				      .session_id = ev->session_id,
				      .nas_id = ev->nas_id,
				      .feeder = ev->feeder,
				      .evidence = *s->evidence ? s->evidence : s->out->detail,
				      .time_us = s->out->time_us,
				      .received_us = ev->received_us};
	int err = 0;

	for (size_t i = 0; !err && i < ev->key_count; i++) {
		const struct binding *before = &s->own[i].before, *after = &s->own[i].after;
		if (!s->own[i].touched && (err = look_up_own(s, i)))
			return err;
		entry.key = &ev->keys[i];
		entry.outcome = outcome_name(s->out, before, after);
		entry.generation = after->generation;
		entry.decides = binding_decides(before, after);
		err = history_append(s->engine, &entry);
		if (!err)
			err = tell_own(s, i);
		s->rows++;
	}
	if (err || s->rows)
		return err;
	entry.outcome = s->out->problem ? s->out->problem : lease_result_name(s->out->result);
	return history_append(s->engine, &entry);
}

/* What the history keeps of devices: what was said, and the number that they led to. */
static int explain_devices(struct lease_scope *s)
{
	const struct lease_devices *devices = s->event->devices;

	if (!devices)
		return 0;
	devices_evidence(devices, s->out->detail, s->evidence);
	if (*s->event->msisdn || !s->out->subscriber)
		return 0;
	int err = device_owner_msisdn(s->engine, s->out->subscriber, s->msisdn);
	return err == E_NOT_FOUND ? 0 : err;
}

int lease_scope_apply(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out)
{
	struct lease_scope scope;

	lease_scope_init(&scope, db, e);
	scope.event = event;
	scope.out = out;
	int err = lease_apply(&scope.store, &db->options.lease, event, out);
	if (!err)
		err = explain_devices(&scope);
	return err ? err : append_own_history(&scope);
}

int lease_scope_go_on(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out)
{
	struct lease_scope scope;

	lease_scope_init(&scope, db, e);
	scope.event = event;
	scope.out = out;
	return lease_go_on(&scope.store, &db->options.lease, event, out);
}

int lease_scope_new(const struct db *db, struct engine *e, const struct lease_voice *voice,
		    struct lease_scope **out)
{
	struct lease_scope *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	lease_scope_init(s, db, e);
	s->voice = voice;
	*out = s;
	return 0;
}

const struct lease_store *lease_scope_store(const struct lease_scope *s)
{
	return &s->store;
}

void lease_scope_free(struct lease_scope *s)
{
	free(s);
}

int lease_scope_end_all(const struct db *db, struct engine *e, int64_t subscriber,
			const char *cause)
{
	struct lease_scope scope;
	struct session_row session;
	int err;

	do {
		lease_scope_init(&scope, db, e);
		scope.cause = cause;
		err = scope.store.session_active(&scope, "", subscriber, &session);
		if (err)
			break;
		err = lease_end_session(&scope.store, &session, clock_now_us());
	} while (!err);
	return err == E_NOT_FOUND ? 0 : err;
}

int lease_scope_end_in(const struct db *db, struct engine *e, const char *realm, int64_t subscriber,
		       const char *cause)
{
	struct lease_scope scope;
	struct session_row session;

	lease_scope_init(&scope, db, e);
	scope.cause = cause;
	int err = scope.store.session_active(&scope, realm, subscriber, &session);
	if (!err)
		err = lease_end_session(&scope.store, &session, clock_now_us());
	return err == E_NOT_FOUND ? 0 : err;
}
