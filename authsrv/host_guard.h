/* host_guard -- no web page behind a phone may speak for it: the header rules of the handset side
 *
 * A page in the phone's browser reaches authsrv from the phone's own address, so the address proves
 * nothing against it. What a page cannot do: leave out Origin where it could read or change
 * something, send application/json across origins without asking first (we never allow it), or, by
 * a name of its own that resolves to us (DNS rebinding), hide that name in Host. TRUST any text.
 * THREADS any. SEE design.md 5; Fetch standard 3.2 (CORS); RFC 9110 7.2
 */
#ifndef HATO_AUTHSRV_HOST_GUARD_H
#define HATO_AUTHSRV_HOST_GUARD_H

#include <stdbool.h>

struct guarded {
	const char *host, *origin, *content_type; /* null: the header is absent */
	bool has_body;
};

/* names: host names (commas) that Host may show beside address literals and localhost. Null: let
 * in; else what is wrong (static). */
const char *host_guard_check(const char *names, const struct guarded *g);

#endif
