/* hato mailbox show: what lies in a subscriber's mailbox, from the store itself (it is never shown
 * what it says) */
#include <stdlib.h>

#include "db/db.h"
#include "hato/command.h"
#include "lib/clock.h"
#include "lib/conf_running.h"
#include "lib/err.h"

struct asking {
	struct loop *loop;
	struct db_port *port;
	int64_t subscriber;
	struct mailbox_info info;
	int err;
};

static void on_info(void *arg, int err, const struct mailbox_info *info)
{
	struct asking *a = arg;

	a->err = err;
	if (!err)
		a->info = *info;
	loop_stop(a->loop);
}

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct asking *a = arg;

	if (err) {
		a->err = err;
		loop_stop(a->loop);
		return;
	}
	a->subscriber = s->id;
	mailbox_info(a->port, s->id, on_info, a);
}

static json_t *time_json(int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	return time_us ? json_string(clock_format(time_us, text)) : json_null();
}

static void show(const struct command_line *line, const struct asking *a)
{
	static const char *const columns[] = {
		"msisdn",          "messages",         "bytes",       "oldest",  "newest",
		"trigger_pending", "trigger_attempts", "uidvalidity", "uidnext", NULL};
	json_t *row = json_pack(
		"{s:s, s:I, s:I, s:o, s:o, s:b, s:I, s:I, s:I}", "msisdn", line->args[0],
		"messages", (json_int_t)a->info.messages, "bytes", (json_int_t)a->info.bytes,
		"oldest", time_json(a->info.oldest_us), "newest", time_json(a->info.newest_us),
		"trigger_pending", (int)a->info.trigger_pending, "trigger_attempts",
		(json_int_t)a->info.trigger_attempts, "uidvalidity",
		(json_int_t)a->info.uidvalidity, "uidnext", (json_int_t)a->info.uidnext);
	if (line->json) {
		json_print(row);
	} else {
		json_t *rows = json_pack("[O]", row);
		table_print(rows, columns);
		json_decref(rows);
	}
	json_decref(row);
}

static int ask(const struct command_line *line, const struct conf *c, struct asking *a)
{
	char *dir = conf_path(c, c->db_dir);
	struct db *db = NULL;
	int rc = dir ? loop_new(&a->loop) : E_NOMEM;

	if (!rc)
		rc = db_open(&(struct db_options){.dir = dir, .daemon = "hato"}, &db);
	if (!rc)
		rc = db_port_open(db, a->loop, &a->port);
	if (!rc) {
		subscriber_by_msisdn(a->port, line->args[0], on_subscriber, a);
		loop_run(a->loop);
		rc = a->err;
		db_port_close(a->port);
	}
	if (db)
		db_close(db);
	loop_free(a->loop);
	free(dir);
	return rc;
}

int command_mailbox_show(const struct command_line *line)
{
	struct conf *c;
	struct asking a = {0};
	char error[256];

	if (conf_load_running(line->dir, line->sets, line->set_count, &c, error))
		return command_fail("%s", error);
	int rc = ask(line, c, &a);
	conf_free(c);
	if (rc == E_NOT_FOUND)
		return command_fail("%s: no such subscriber", line->args[0]);
	if (rc)
		return command_fail("the store: %s", err_text(rc));
	show(line, &a);
	return 0;
}
