/* return_path -- takes Return-Path fields out of a message on its way in
 *
 * Final delivery writes exactly one Return-Path, so those that came along go (RFC 5321 4.4). A
 * filter over runs of octets; how they are cut changes nothing in the result. Only the header is
 * looked at: what comes before the first empty line. All other octets pass unchanged. The content
 * is CRLF lines; what has bare line ends is refused elsewhere.
 *
 * OWNERSHIP  a value, nothing to free; zeroed is the initial state.
 * THREADS    one.
 * TRUST      any octets
 */
#ifndef HATO_PUSHSRV_RETURN_PATH_H
#define HATO_PUSHSRV_RETURN_PATH_H

#include "lib/wire/smtp/data.h"

#define RETURN_PATH_NAME "return-path:"

struct return_path {
	enum { RETURN_PATH_NAMING, RETURN_PATH_KEEP, RETURN_PATH_DROP, RETURN_PATH_BODY } state;
	bool is_dropping; /* the field before this line was one: its continuation lines go too */
	uint8_t matched;  /* octets of the name so far */
	uint8_t held[sizeof RETURN_PATH_NAME - 1];
};

void return_path_feed(struct return_path *f, const uint8_t *in, size_t n, smtp_sink sink,
		      void *arg);
/* After the last octet: gives out what was held back. */
void return_path_finish(struct return_path *f, smtp_sink sink, void *arg);

#endif
