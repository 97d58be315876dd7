/* authres -- Authentication-Results: what we found out about a mail, for those who read it behind
 * us
 *
 * Writes our field, and tells which fields that came along claim to be ours: those have to go
 * before anybody believes them (authres_is_ours; smtpgw/weed takes them out). Called by
 * smtpgw/checks.
 *
 *     authres_begin(&a, "mx.hato.example", buf, sizeof buf);
 *     authres_add(&a, "spf", AUTHRES_PASS);
 *     authres_property(&a, "smtp.mailfrom", "b.example");
 *     n = authres_end(&a);
 *
 *     Authentication-Results: mx.hato.example;
 *             spf=pass smtp.mailfrom=b.example
 *
 * OWNERSHIP  values; the buffer is the caller's. THREADS any
 * TRUST      values of properties come from senders and DNS: what is no token is quoted, control
 *            characters and non-ASCII become '?', so nobody writes lines or results of his own
 * ERRORS     what does not fit is left out as a whole result, never cut
 * SEE        RFC 8601 2.2 (grammar), 2.3, 2.7, 5 (removal)
 */
#ifndef HATO_LIB_WIRE_SMTP_AUTHRES_H
#define HATO_LIB_WIRE_SMTP_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

#define AUTHRES_FIELD     "Authentication-Results"
#define AUTHRES_VALUE_MAX 320 /* octets of a property's value that are shown: an address fits */

enum authres_result {
	AUTHRES_UNCHECKED, /* nobody looked: nothing is written */
	AUTHRES_NONE,      /* there was nothing to check: no record, no signature */
	AUTHRES_PASS,
	AUTHRES_FAIL,
	AUTHRES_SOFTFAIL,  /* SPF */
	AUTHRES_NEUTRAL,   /* SPF, DKIM */
	AUTHRES_POLICY,    /* DKIM: good, but not good enough for us */
	AUTHRES_TEMPERROR, /* DNS did not answer: never a reason to refuse */
	AUTHRES_PERMERROR, /* what is published cannot be understood */
	AUTHRES_RESULTS
};

/* "none", "pass", ...; "" for UNCHECKED. */
const char *authres_word(enum authres_result result);

struct authres {
	char *buf;
	size_t size, n;
	size_t mark;  /* where the result that is written begins */
	bool is_open; /* one is; it may have properties */
	bool is_over; /* it does not fit */
	size_t results;
};

void authres_begin(struct authres *a, const char *id, char *buf, size_t size);
/* The next result. method: "spf", "dkim", ... UNCHECKED: this and its properties are left out. */
void authres_add(struct authres *a, const char *method, enum authres_result result);
/* Of the result that was added last. name: "smtp.mailfrom", "header.d", ... "" is left out. */
void authres_property(struct authres *a, const char *name, const char *value);
/* The field with its CRLF (and a NUL); 0: there is no result to tell. */
size_t authres_end(struct authres *a);

/* The value of such a field (unfolded or not): does it bear our id? One whose id cannot be read
 * does, to be safe. */
bool authres_is_ours(const char *value, size_t n, const char *id);

#endif
