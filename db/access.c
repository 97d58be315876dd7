/* The access record: which uids went through which key and generation. */
#include <stdlib.h>

#include "db/mail.h"
#include "lib/err.h"

static const char *const kind_names[] = {
	[ACCESS_READ] = "read", [ACCESS_DELETED] = "deleted", [ACCESS_TRIGGERED] = "triggered"};

int access_append(struct engine *e, const struct access_via *via, enum access_kind what,
		  const uint32_t *uids, size_t n, int64_t at_us)
{
	struct query q;
	uint8_t *packed = malloc(n * 4 + 1);

	if (!packed)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		packed[i * 4] = (uint8_t)(uids[i] >> 24);
		packed[i * 4 + 1] = (uint8_t)(uids[i] >> 16);
		packed[i * 4 + 2] = (uint8_t)(uids[i] >> 8);
		packed[i * 4 + 3] = (uint8_t)uids[i];
	}
	query_begin(&q, e, STMT_ACCESS_APPEND);
	query_int(&q, at_us);
	query_text(&q, kind_names[what]);
	query_key(&q, &via->key);
	query_int(&q, via->generation);
	query_int(&q, via->subscriber);
	query_blob(&q, packed, n * 4);
	int err = query_run(&q);
	free(packed);
	return err;
}
