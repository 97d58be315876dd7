/* emn -- "you have mail": OMA E-Mail Notification 1.0 as WBXML
 *
 * One element, two attributes: whose mailbox (`mailat:` and the address, kept byte for byte) and
 * the time of its newest mail. Handsets compare both as they stand, so one address has one
 * encoding: mailbox first, one inline string, a final .com, .edu, .net or .org as its token, no
 * string table, the time as BCD in UTC without its trailing zero octets.
 *
 * Reading takes either order, WBXML 1.2 and 1.3, suffix tokens anywhere in the address, times
 * padded or not, `mailbox=` with the scheme spelled out. Nothing may follow the element.
 *
 * OWNERSHIP  values; nothing to free. THREADS any. TRUST a body comes off the network: any octets.
 *            An EMN is a hint: it holds no secret and must not choose a server.
 * ERRORS     E_SYNTAX; E_TOO_LARGE: the address is over EMN_MAILBOX_MAX, or the buffer too small;
 *            E_RANGE: no such time, or a mailbox that is not `mailat:`
 * SEE        OMA-Push-EMN-V1_0; WAP-192 WBXML 5; WAP-167 8.2.2 (time); protocols 1.1 to 1.3
 */
#ifndef HATO_LIB_WIRE_EMN_H
#define HATO_LIB_WIRE_EMN_H

#include <stddef.h>
#include <stdint.h>

#define EMN_MAILBOX_MAX 80 /* octets of the address */
#define EMN_MAX         (EMN_MAILBOX_MAX + 19)
#define EMN_TIME_MAX_S  INT64_C(253402300799) /* the end of the year 9999 */

struct emn {
	char mailbox[EMN_MAILBOX_MAX + 1]; /* without `mailat:`; printable UTF-8, not empty */
	int64_t timestamp_s;               /* Unix seconds, 0..EMN_TIME_MAX_S */
};

int emn_encode(const struct emn *emn, uint8_t *out, size_t size, size_t *len);
int emn_decode(const uint8_t *body, size_t len, struct emn *out);

#endif
