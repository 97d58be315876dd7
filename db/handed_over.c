#include "db/handed_over.h"

#include "db/db_private.h"
#include "lib/err.h"

int handed_over_find(struct engine *e, const char *xid, int64_t subscriber, bool *has_it)
{
	struct query q;
	int64_t one;

	query_begin(&q, e, STMT_HANDED_OVER_FIND);
	query_text(&q, xid);
	query_int(&q, subscriber);
	int err = query_run_int(&q, &one);
	*has_it = !err;
	return err == E_NOT_FOUND ? 0 : err;
}

int handed_over_put(struct engine *e, const char *xid, int64_t subscriber, int64_t at_us)
{
	struct query q;

	query_begin(&q, e, STMT_HANDED_OVER_PUT);
	query_text(&q, xid);
	query_int(&q, subscriber);
	query_int(&q, at_us);
	return query_run(&q);
}

bool handed_over_has(struct db_port *port, const char *xid, int64_t subscriber)
{
	bool has_it = false;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (!e || handed_over_find(e, xid, subscriber, &has_it) != 0)
		has_it = false;
	if (e)
		engine_assert_idle(e);
	return has_it;
}
