#include "db/pop_login.h"

#include <stdio.h>

#include "db/db_private.h"
#include "lib/err.h"

struct login_write {
	struct write write;
	db_done *done;
	void *arg;
	char realm[REALM_MAX];
	struct addr source;
	struct pop_login login;
};

static int run_put(struct write *write, struct engine *e)
{
	struct login_write *w = (struct login_write *)write;
	struct query q;

	query_begin(&q, e, STMT_POP_LOGIN_PUT);
	query_text(&q, w->realm);
	query_blob(&q, w->source.bytes, sizeof w->source.bytes);
	query_int(&q, w->login.subscriber);
	query_int(&q, w->login.generation);
	query_int(&q, w->login.at_us);
	return query_run(&q);
}

static void put_done(struct write *write)
{
	struct login_write *w = (struct login_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

void pop_login_put(struct db_port *port, const char *realm, const struct addr *source,
		   const struct pop_login *login, db_done *done, void *arg)
{
	struct login_write *w = write_new(sizeof *w, 200, run_put, put_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	snprintf(w->realm, sizeof w->realm, "%s", realm);
	w->source = *source;
	w->login = *login;
	write_submit(port, DB_MAIL, w);
}

void pop_login_find(struct db_port *port, const char *realm, const struct addr *source,
		    pop_login_got *got, void *arg)
{
	struct pop_login login = {0};
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (!err) {
		query_begin(&q, e, STMT_POP_LOGIN_FIND);
		query_text(&q, realm);
		query_blob(&q, source->bytes, sizeof source->bytes);
		err = query_first(&q);
		if (!err) {
			login.subscriber = query_get_int(&q);
			login.generation = (uint32_t)query_get_int(&q);
			login.at_us = query_get_int(&q);
		}
		int failed = query_end(&q);
		err = err ? err : failed;
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &login);
}
