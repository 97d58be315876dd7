/* corpus -- the messages that are sent: *.eml below a folder, or a few of our own
 *
 * A message is taken with CRLF line ends (SMTP carries no others) and a final CRLF; one with a NUL
 * or a line over 64 KiB is left out: no MX takes it. OWNERSHIP corpus_free frees all.
 */
#ifndef HATO_HANDSET_SIM_CORPUS_H
#define HATO_HANDSET_SIM_CORPUS_H

#include <stddef.h>
#include <stdint.h>

struct corpus_message {
	uint8_t *octets; /* as it is sent */
	size_t size;
	uint8_t *delivered; /* as it must arrive: final delivery takes old Return-Path fields out
			       (RFC 5321 4.4) */
	size_t delivered_size;
};

struct corpus {
	struct corpus_message *messages;
	size_t count, left_out;
};

/* folder null, absent or without a message: our own few. E_NOMEM. */
int corpus_load(const char *folder, struct corpus *out);
void corpus_free(struct corpus *c);

/* Any line ends -> CRLF. The caller frees *out. E_SYNTAX: cannot be mailed. */
int corpus_normalise(const uint8_t *in, size_t n, struct corpus_message *out);

#endif
