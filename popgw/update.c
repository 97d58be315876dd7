#include <stdlib.h>

#include "lib/err.h"
#include "lib/log.h"
#include "popgw/session.h"

/* QUIT. What was marked is deleted in one transaction of the store, which looks at the binding
 * itself; "+OK" follows its commit. A session that deletes nothing waits for nothing: what it read
 * and listed goes to the store on its own time. */

struct uids {
	uint32_t *all; /* deleted first, then read */
	size_t deleted, read;
};

static int collect(const struct session *s, bool with_deleted, struct uids *out)
{
	size_t count = s->drop->count;
	uint32_t *all = malloc((2 * count + 1) * sizeof(*all));
	size_t deleted = 0, read = 0;

	if (!all)
		return E_NOMEM;
	for (size_t i = 0; with_deleted && i < count; i++)
		if (s->marks[i] & MARK_DELETED)
			all[deleted++] = s->drop->messages[i].uid;
	for (size_t i = 0; i < count; i++)
		if (s->marks[i] & MARK_READ)
			all[deleted + read++] = s->drop->messages[i].uid;
	*out = (struct uids){.all = all, .deleted = deleted, .read = read};
	return 0;
}

static int submit(struct session *s, bool is_quit, db_done *done)
{
	struct uids u;
	int err = collect(s, is_quit, &u);

	if (err)
		return err;
	struct maildrop_update update = {
		.via = {.key = s->who.key,
			.generation = s->who.generation,
			.subscriber = s->who.subscriber},
		.deleted = u.all,
		.deleted_count = u.deleted,
		.read = u.all + u.deleted,
		.read_count = u.read,
		.listed_uid = is_quit ? s->listed_uid : 0,
		.seen = &s->seen,
	};
	session_ask(s);
	maildrop_update(s->worker->db, &update, done, s);
	free(u.all);
	return 0;
}

static void on_recorded(void *arg, int err)
{
	struct session *s = arg;

	/* E_CONFLICT: the binding moved; then there is nothing to clear. */
	if (err && err != E_CONFLICT)
		log_event(LOG_ERROR, "record-failed", LOG_INT("session", s->id),
			  LOG_TEXT("account", s->who.msisdn), LOG_TEXT("error", err_text(err)),
			  LOG_END);
	session_back(s);
}

static void store_refused(struct session *s, int err)
{
	log_event(LOG_ERROR, "update-failed", LOG_INT("session", s->id),
		  LOG_TEXT("account", s->who.msisdn), LOG_TEXT("error", err_text(err)), LOG_END);
	SESSION_SAY(s, "-ERR [SYS/TEMP] nothing was deleted, try later");
	session_end(s, CLOSE_UPDATE);
}

static void on_updated(void *arg, int err)
{
	struct session *s = arg;
	size_t deleted = s->drop->count - s->left_count;

	s->updating = false;
	if (!err) {
		s->deleted_count = deleted;
		count(COUNT_DELETED, (int64_t)deleted);
	}
	session_unlock(s); /* before "+OK": who reads that may log in again at once */
	if (!session_back(s))
		return;
	if (err == E_CONFLICT) {
		session_cut_moved(s, NULL);
	} else if (err) {
		store_refused(s, err);
	} else {
		SESSION_SAY(s, "+OK bye");
		session_end(s, CLOSE_QUIT);
	}
}

void update_quit(struct session *s)
{
	int err = 0;

	if (s->state == POP_TRANSACTION && s->left_count < s->drop->count) {
		session_enter(s, POP_UPDATE);
		s->updating = true;
		err = submit(s, true, on_updated);
		if (err) {
			s->updating = false;
			store_refused(s, err);
		}
		return;
	}
	if (s->state == POP_TRANSACTION && (s->listed_uid || s->read_count))
		err = submit(s, true, on_recorded);
	if (err)
		log_event(LOG_ERROR, "record-failed", LOG_INT("session", s->id),
			  LOG_TEXT("error", err_text(err)), LOG_END);
	SESSION_SAY(s, "+OK bye");
	session_end(s, CLOSE_QUIT);
}

void update_abandon(struct session *s)
{
	if (s->read_count)
		(void)submit(s, false, on_recorded);
}
