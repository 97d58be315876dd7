/* token_json -- what a handset says and hears when it gets a token, and when it reports a trigger
 *
 * Pure. OWNERSHIP the writer's result is the caller's; it takes over `addresses`. TRUST any octets.
 * THREADS any. SEE design.md 5
 */
#ifndef HATO_AUTHSRV_TOKEN_JSON_H
#define HATO_AUTHSRV_TOKEN_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/challenge.h"
#include "lib/rules/binding.h"
#include "lib/rules/lease.h"

#define REPORT_DATAGRAM_MAX 1024 /* octets; longer ones are no trigger of ours */

/* {"imsi"}, or {"imsi","challenge","proof"}: a bare word, or one with a SIM behind it. */
struct claim {
	char imsi[IMSI_MAX];
	bool has_proof;
	char challenge[CHALLENGE_TEXT + 1];
	uint8_t proof[PROOF_BYTES];
};
/* Null, or what is wrong (static). */
const char *claim_json_read(const char *body, size_t length, struct claim *out);

/* {"trigger"}, in base64 of either alphabet. Null, or what is wrong (static). */
const char *report_json_read(const char *body, size_t length, uint8_t datagram[REPORT_DATAGRAM_MAX],
			     size_t *datagram_length);

/* A service as the phone is to call it. */
struct service {
	uint16_t port;
	bool tls; /* from the first octet */
};
/* The one of the two that is open (0: closed), the TLS one if both are and it is wanted. */
struct service service_choose(uint16_t plain_port, uint16_t tls_port, bool want_tls);

struct token_answer {
	const char *token;
	int64_t expires_in_s;
	const char *login;
	json_t *addresses;
	const char *host; /* the address that the phone called */
	struct service pop, submission;
	uint16_t trigger_port;
	/* realm, generation, trigger key: that is not sent when the SIM derives it (proved_sqn) */
	const struct binding *binding;
};
/* From malloc; null: no memory. */
char *token_json_write(const struct token_answer *a);

#endif
