/* dkim_canon -- what DKIM hashes of a field and of a body: simple and relaxed canonicalisation
 *
 * Octets go in as they come, however they are cut; what is to be hashed comes out at a sink. Memory
 * is a small buffer, whatever the content: lines that may turn out to be the empty end of a body
 * are counted, not kept. Only CR LF ends a line, as everywhere here.
 *
 * OWNERSHIP  values; the sink is borrowed. THREADS any; a struct belongs to one
 * TRUST      any octets. Linear time
 * SEE        RFC 6376 3.4
 */
#ifndef HATO_LIB_WIRE_SMTP_DKIM_CANON_H
#define HATO_LIB_WIRE_SMTP_DKIM_CANON_H

#include "lib/wire/smtp/dkim_signature.h"

struct dkim_sink {
	void (*put)(void *arg, const void *octets, size_t n);
	void *arg;
};

/* One field: raw, from its name to its line end; without one it gets one. */
void dkim_canon_field(enum dkim_form form, const char *raw, size_t n, const struct dkim_sink *sink);
/* The signature's own: without its line end, and b= without its value. */
void dkim_canon_signature(enum dkim_form form, const char *raw, size_t n,
			  const struct dkim_sink *sink);

struct dkim_body {
	struct dkim_sink sink;
	enum dkim_form form;
	uint64_t lines; /* line ends that wait for text behind them */
	bool has_cr, has_blank, has_text;
	size_t held;
	char hold[256];
};

void dkim_body_init(struct dkim_body *b, enum dkim_form form, const struct dkim_sink *sink);
void dkim_body_feed(struct dkim_body *b, const uint8_t *octets, size_t n);
void dkim_body_finish(struct dkim_body *b);

#endif
