/* wsp -- the connectionless Push PDU of WAP, which carries a trigger
 *
 * TID | 0x06 | length of the headers | content type | headers | body. Only what a trigger needs is
 * written: the content type in its general form (a code over 0x7f has no shorter one), the
 * application id as the first header (handsets look there), textual headers, the body. Reading
 * takes what other servers may send as well: content types with parameters or as text, application
 * ids as text, headers that mean nothing to us (skipped); but a field that reaches over its bounds,
 * a code page shift or an application id twice is refused.
 *
 * OWNERSHIP  all pointers of a decoded push go into the PDU; encoding borrows.
 * THREADS    any. TRUST the PDU comes off the network: any length, any octets
 * ERRORS     E_SYNTAX
 *            E_TOO_LARGE: does not fit `size`, or over WSP_HEADERS_MAX
 *            E_RANGE: a push of another kind (session mode)
 * SEE        WAP-230 WSP 8.2.4.1, 8.4.1.2, 8.4.2.24, 8.4.2.54; WAP-235 PushOTA; protocols 1.4
 */
#ifndef HATO_LIB_WIRE_WSP_H
#define HATO_LIB_WIRE_WSP_H

#include <stddef.h>
#include <stdint.h>

#define WSP_CONTENT_EMN 0x030A /* application/vnd.wap.emn+wbxml */

#define WSP_APPLICATION_ANY    0x0000 /* "*", and what a push without an application id is for */
#define WSP_APPLICATION_EMN    0x0009 /* x-wap-application:emn.ua */
#define WSP_APPLICATION_SPMODE 0x905C /* x-oma-docomo:xmd.mail.ua, sp mode mail's */

#define WSP_UNKNOWN     0xFFFFFFFF /* a text that we do not know (decoded only) */
#define WSP_HEADERS_MAX 4

struct wsp_header {
	const char *name; /* a token, lower case by habit */
	const char *value;
};

struct wsp_push {
	uint8_t tid;
	uint32_t content_type;
	uint32_t application_id;
	struct wsp_header headers[WSP_HEADERS_MAX]; /* the textual ones, in order */
	size_t header_count;
	const uint8_t *body;
	size_t body_len;
};

/* E_RANGE also: a code over 0xffff. E_SYNTAX: a header's name or value that is no such text. */
int wsp_push_encode(const struct wsp_push *push, uint8_t *out, size_t size, size_t *len);
int wsp_push_decode(const uint8_t *pdu, size_t len, struct wsp_push *out);

#endif
