/* given_token -- what the answer to a token request gives a phone: the token, for whom, and the key
 * of the triggers that will be sent under it
 *
 * Callers: phone, live_phone. The answer is authsrv's (POST /v1/token, /v1/token/refresh); what is
 * missing or too long makes it none. OWNERSHIP values. THREADS any. ERRORS E_SYNTAX
 */
#ifndef HATO_HANDSET_SIM_GIVEN_TOKEN_H
#define HATO_HANDSET_SIM_GIVEN_TOKEN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct given_token {
	char text[64], login[32], realm[32];
	uint8_t key[64]; /* of its triggers */
	size_t key_size; /* 0: none was sent: none is used, or both sides have it from the SIM */
	uint32_t generation;
};

int given_token_read(const json_t *answer, struct given_token *out);

#endif
