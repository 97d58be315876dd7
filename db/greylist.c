/* Triplets of strangers: which have come, which were let in. */
#include "db/greylist.h"

#include <ctype.h>
#include <string.h>

#include "db/client_rows.h"
#include "lib/digest.h"
#include "lib/err.h"

#define TRIPLET_LEN 16 /* of a digest: two in a billion rows are not alike */

/* ---- what both tables share ---- */

struct addr client_network(const struct addr *a, uint8_t plen_v4)
{
	struct addr network = *a;

	addr_mask(&network, addr_is_v4(a) ? plen_v4 : CLIENT_PLEN_V6);
	return network;
}

int client_totals(struct engine *e, struct greylist_stats *out)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_CLIENT_TOTAL);
	int err = query_first(&q);
	if (!err) {
		out->triplets = (uint64_t)query_get_int(&q);
		out->clients = (uint64_t)query_get_int(&q);
	}
	int end = query_end(&q);
	return err ? err : end;
}

int client_evict(struct engine *e, enum statement evict, uint64_t count, uint64_t most)
{
	struct query q;

	if (count <= most)
		return 0;
	query_begin(&q, e, evict);
	query_int(&q, (int64_t)(count - most));
	return query_run(&q);
}

void greylist_stats(struct db_port *port, greylist_stats_got *got, void *arg)
{
	struct greylist_stats stats = {0};
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (e) {
		err = client_totals(e, &stats);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &stats);
}

/* ---- a triplet ---- */

static int digest_of(const struct greylist_triplet *t, uint8_t out[TRIPLET_LEN])
{
	char text[2 * ADDRESS_MAX + sizeof(struct addr) + 2];
	struct addr network = client_network(&t->client, TRIPLET_PLEN_V4);
	uint8_t digest[SHA256_LEN];
	size_t n = sizeof network;

	memcpy(text, network.bytes, sizeof network);
	for (const char *at = t->reverse_path; *at && n < sizeof text / 2; at++)
		text[n++] = (char)tolower((unsigned char)*at);
	text[n++] = '\0';
	for (const char *at = t->recipient; *at && n < sizeof text; at++)
		text[n++] = (char)tolower((unsigned char)*at);
	int err = sha256(text, n, digest);
	if (!err)
		memcpy(out, digest, TRIPLET_LEN);
	return err;
}

static int judge(struct engine *e, const uint8_t triplet[TRIPLET_LEN],
		 const struct greylist_rules *rules, int64_t now_us, struct greylist_verdict *out)
{
	struct greylist_row row = {0};
	struct query q;

	query_begin(&q, e, STMT_QUEUE_GREYLIST_GET);
	query_blob(&q, triplet, TRIPLET_LEN);
	int err = query_first(&q);
	if (!err) {
		row.first_us = query_get_int(&q);
		row.expires_us = query_get_int(&q);
		row.has_passed = query_get_int(&q) != 0;
	}
	int end = query_end(&q);
	if (err && err != E_NOT_FOUND)
		return err;
	greylist_judge(err ? NULL : &row, rules, now_us, out);
	return end;
}

struct greylist_write {
	struct write write;
	greylist_got *got;
	void *arg;
	uint8_t triplet[TRIPLET_LEN];
	struct greylist_rules rules;
	uint64_t rows_max;
	int64_t now_us;
	struct greylist_verdict verdict;
};

/* Judged anew: another worker may have seen the same triplet. */
static int run_ask(struct write *write, struct engine *e)
{
	struct greylist_write *w = (struct greylist_write *)write;
	struct greylist_stats stats;
	struct query q;
	int err = judge(e, w->triplet, &w->rules, w->now_us, &w->verdict);

	if (err || w->verdict.is_stored)
		return err;
	query_begin(&q, e, STMT_QUEUE_GREYLIST_PUT);
	query_blob(&q, w->triplet, sizeof w->triplet);
	query_int(&q, w->verdict.row.first_us);
	query_int(&q, w->verdict.row.expires_us);
	query_int(&q, w->verdict.row.has_passed);
	err = query_run(&q);
	if (!err)
		err = client_totals(e, &stats);
	return err ? err : client_evict(e, STMT_QUEUE_GREYLIST_EVICT, stats.triplets, w->rows_max);
}

static void ask_done(struct write *write)
{
	struct greylist_write *w = (struct greylist_write *)write;

	w->got(w->arg, write->err, write->err ? NULL : &w->verdict);
}

void greylist_ask(struct db_port *port, const struct greylist_triplet *t,
		  const struct greylist_rules *rules, uint64_t rows_max, int64_t now_us,
		  greylist_got *got, void *arg)
{
	struct greylist_verdict seen = {0};
	uint8_t triplet[TRIPLET_LEN];
	struct greylist_write *w = NULL;
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (e)
		err = digest_of(t, triplet);
	if (e && !err) {
		err = judge(e, triplet, rules, now_us, &seen);
		engine_assert_idle(e);
	}
	if (!err && !seen.is_stored && !(w = write_new(sizeof *w, 0, run_ask, ask_done)))
		err = E_NOMEM;
	if (!w) {
		got(arg, err, err ? NULL : &seen);
		return;
	}
	w->got = got;
	w->arg = arg;
	memcpy(w->triplet, triplet, sizeof triplet);
	w->rules = *rules;
	w->rows_max = rows_max;
	w->now_us = now_us;
	write_submit(port, DB_QUEUE, w);
}
