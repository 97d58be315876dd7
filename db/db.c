#include "db/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "db/migrate.h"
#include "lib/err.h"

#define QUEUE_MAX_DEFAULT   10000
#define GROUP_MAX_DEFAULT   512
#define GROUP_BYTES_DEFAULT ((size_t)4 << 20)
#define KEEP_DEFAULT_US     (90 * DAY_US)
#define MAX_SKEW_DEFAULT_US (5 * INT64_C(1000000))
#define MAX_AGE_DEFAULT_US  INT64_C(2592000000000) /* 30 days */
#define LAG_DEFAULT_US      (30 * INT64_C(1000000))

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int copy_options(struct db *db, const struct db_options *o)
{
	db->options = *o;
	db->options.dir = db->dir = copy(o->dir);
	db->options.hint_dir = db->hint_dir = copy(o->hint_dir);
	db->options.daemon = db->daemon = copy(o->daemon ? o->daemon : "hato");
	if (!db->dir || !db->daemon || (o->hint_dir && !db->hint_dir))
		return E_NOMEM;
	db->has_secret = o->secret_key != NULL;
	if (db->has_secret)
		memcpy(db->secret, o->secret_key, sizeof db->secret);
	db->options.secret_key = NULL;

	struct db_options *n = &db->options;
	n->files = n->files ? n->files : DB_FILE(DB_BINDINGS) | DB_FILE(DB_MAIL);
	n->queue_max = n->queue_max ? n->queue_max : QUEUE_MAX_DEFAULT;
	n->group_max = n->group_max ? n->group_max : GROUP_MAX_DEFAULT;
	n->group_bytes = n->group_bytes ? n->group_bytes : GROUP_BYTES_DEFAULT;
	n->history_keep_us = n->history_keep_us ? n->history_keep_us : KEEP_DEFAULT_US;
	n->tombstone_us = n->tombstone_us ? n->tombstone_us : KEEP_DEFAULT_US;
	n->lease.max_skew_us = n->lease.max_skew_us ? n->lease.max_skew_us : MAX_SKEW_DEFAULT_US;
	n->lease.max_age_us = n->lease.max_age_us ? n->lease.max_age_us : MAX_AGE_DEFAULT_US;
	n->lease.lag_us = n->lease.lag_us ? n->lease.lag_us : LAG_DEFAULT_US;
	n->lease.ends_max = n->lease.ends_max ? n->lease.ends_max : ON_OFF_PIECE;
	return 0;
}

static int make_files(const struct db *db)
{
	if (mkdir(db->dir, 0700) && errno != EEXIST)
		return E_IO;
	for (int i = 0; i < DB_FILES; i++) {
		struct engine *e;
		if (!(db->options.files & DB_FILE(i)))
			continue;
		int err = engine_open(db->dir, (enum db_file)i, ENGINE_KEEPER, &e);
		if (!err) {
			err = migrate(db->dir, (enum db_file)i, e);
			engine_close(e);
		}
		if (err)
			return err;
	}
	return 0;
}

static void db_free(struct db *db)
{
	while (db->ports) {
		struct db_port *port = db->ports;
		db->ports = port->next;
		pthread_mutex_destroy(&port->lock);
		pthread_cond_destroy(&port->drained);
		free(port);
	}
	pthread_mutex_destroy(&db->lock);
	pthread_mutex_destroy(&db->prompt_lock);
	explicit_bzero(db->secret, sizeof db->secret);
	free(db->dir);
	free(db->hint_dir);
	free(db->daemon);
	free(db);
}

int db_open(const struct db_options *options, struct db **out)
{
	struct db *db = calloc(1, sizeof *db);

	if (!db)
		return E_NOMEM;
	pthread_mutex_init(&db->lock, NULL);
	pthread_mutex_init(&db->prompt_lock, NULL);
	int err = engine_init();
	if (!err)
		err = copy_options(db, options);
	if (!err)
		err = make_files(db);
	if (!err)
		err = checkpointer_open(db, &db->checkpointer);
	if (!err)
		err = feed_open(db, &db->feed);
	if (err) {
		checkpointer_close(db->checkpointer);
		db_free(db);
		return err;
	}
	for (int i = 0; i < DB_FILES; i++)
		writer_init(&db->writers[i], db, (enum db_file)i);
	*out = db;
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (int i = 0; i < DB_FILES; i++)
		writer_fini(&db->writers[i]);
	feed_close(db->feed);
	checkpointer_close(db->checkpointer);
	db_free(db);
}

void db_stats_read(const struct db *db, struct db_stats *out)
{
	*out = (struct db_stats){0};
	for (int i = 0; i < DB_FILES; i++) {
		const struct writer *w = &db->writers[i];
		out->commits += w->commits;
		out->operations += w->operations;
		out->wal_bytes[i] = w->wal_bytes;
		out->queue_depth += w->waiting;
		if (w->last_group_us > out->last_group_us)
			out->last_group_us = w->last_group_us;
		if (w->worst_group_us > out->worst_group_us)
			out->worst_group_us = w->worst_group_us;
	}
}
