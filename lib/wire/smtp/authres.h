/* authres -- the words of Authentication-Results
 *
 * What a check of a mail may come to, in the words of RFC 8601 that SPF, DKIM, DMARC and iprev
 * share. Called by smtpgw/checks, which finds these results and writes them down.
 *
 * OWNERSHIP  values, nothing to free. THREADS any
 * SEE        RFC 8601 2.7
 */
#ifndef HATO_LIB_WIRE_SMTP_AUTHRES_H
#define HATO_LIB_WIRE_SMTP_AUTHRES_H

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

#endif
