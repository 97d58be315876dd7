/* json_field -- members of a JSON object from outside, by type and bounds
 *
 * A member that is absent or null is absent; one that is there is good, or bad: of another type,
 * too long, outside its bounds. Only a good one touches the result. Objects may be read with
 * JSON_ALLOW_NUL: a text with a NUL in it is bad. TRUST   any JSON THREADS any
 */
#ifndef HATO_AUTHSRV_JSON_FIELD_H
#define HATO_AUTHSRV_JSON_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rules/lease.h"

#define FIELD_OCTETS_MAX 64 /* of field_hex and field_base64 */

enum field { FIELD_ABSENT, FIELD_GOOD, FIELD_BAD };

#define MSISDN_DIGITS_MIN 3
#define IMSI_DIGITS_MIN   6

/* 1 to size - 1 octets, no control character. */
enum field field_text(const json_t *object, const char *name, char *out, size_t size);
/* A whole number (1e3 and 60.0 are whole numbers too). */
enum field field_whole(const json_t *object, const char *name, int64_t least, int64_t most,
		       int64_t *out);
/* RFC 3339, of 1970 to 9999; never 0. */
enum field field_time(const json_t *object, const char *name, int64_t *out);
/* E.164 without its `+`, which may be written. */
enum field field_msisdn(const json_t *object, char out[MSISDN_MAX]);
enum field field_imsi(const json_t *object, char out[IMSI_MAX]);

/* `bytes` octets as twice as many hexadecimal digits. */
enum field field_hex(const json_t *object, const char *name, uint8_t *out, size_t bytes);
/* `bytes` octets in base64url without padding. */
enum field field_base64(const json_t *object, const char *name, uint8_t *out, size_t bytes);

/* The same of a text: false, and `out` untouched, if it is none. */
bool msisdn_read(const char *text, char out[MSISDN_MAX]);
bool imsi_read(const char *text, char out[IMSI_MAX]);

/* A request's body -> object or array; null: not JSON. Integers come as reals, so that one that is
 * too large spoils its own member and not the whole body. The caller owns it. */
json_t *body_read(const char *body, size_t length);

#endif
