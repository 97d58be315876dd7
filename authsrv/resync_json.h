/* resync_json -- the body of POST /v1/nas/{nas_id}/resync, read a few sessions at a time
 *
 *   {"time": RFC 3339, "sessions": [{"ip", "ipv6_prefix", "port_range", "msisdn", "imsi",
 *    "session_id", "started", "lease_seconds"}, ...]}
 *
 * A list may have 100,000 sessions: it never becomes one JSON tree, and between two pieces the loop
 * has its turn. Each session is read like a Start (lease_json.h); what is wrong with one refuses
 * that one. Unknown members are passed over. OWNERSHIP the text is borrowed until resync_json_free;
 * entries and their texts are the reader's. TRUST any octets. THREADS any. SEE docs/resync.md
 */
#ifndef HATO_AUTHSRV_RESYNC_JSON_H
#define HATO_AUTHSRV_RESYNC_JSON_H

#include "authsrv/lease_json.h"
#include "lib/rules/resync.h"

#define RESYNC_VALUE_MAX 16384 /* octets of one session, or of another member's value */
#define RESYNC_DEPTH_MAX 64

struct resync_text; /* session ids */

struct resync_json {
	const char *text;
	size_t length, at;
	size_t max; /* sessions */
	struct lease_context context;
	enum { RESYNC_BEGIN, RESYNC_MEMBERS, RESYNC_SESSIONS, RESYNC_END } where;
	bool first, has_time, has_sessions;
	/* The result. */
	int64_t time_us;
	struct resync_entry *entries;
	size_t count, room;
	struct resync_text *texts;
	const char *wrong; /* with E_SYNTAX: what; static */
};

void resync_json_init(struct resync_json *j, const char *text, size_t length, size_t max,
		      const struct lease_context *context);
/* Reads up to `n` sessions. E_AGAIN: there is more. 0: all of it is read. E_SYNTAX; E_TOO_LARGE:
 * over `max`; E_NOMEM. */
int resync_json_read(struct resync_json *j, size_t n);
void resync_json_free(struct resync_json *j);

#endif
