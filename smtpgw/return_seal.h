/* return_seal -- what an outgoing mail carries, so that a late bounce of it can be believed
 *
 * The relay seals which mail of which sender goes to whom and writes it where hosts bring it back
 * with a bounce: in ENVID, or in a field of the header (relay/job_seal). The check `returned` opens
 * it again. Who cannot seal cannot speak of a mail that was never sent.
 *
 * The text is "h1." and base64 (URL alphabet, no padding) of AES-SIV over
 *
 *     received, s since 1970    4 octets
 *     the sender, a subscriber  6
 *     the mail in the queue     6
 *     each recipient            4: of SHA-256 over the mail's six octets and his canonical address
 *
 * all big-endian. It is visible ASCII that xtext leaves as it is, at most as long as an ENVID may
 * be, and tells a reader without the key nothing but how many recipients the transaction has. The
 * same mail to the same recipients has the same seal at each attempt. 32 bits for a recipient are
 * enough: the seal cannot be changed, so a guess is one of the few that one seal has, for an
 * address that the sender writes to.
 *
 * OWNERSHIP  return_seal_free frees; texts are the caller's
 * THREADS    a struct return_seal belongs to one thread
 * ERRORS     E_RANGE: nobody, too many recipients, or a number that does not fit; E_SYNTAX: no text
 *            of ours; E_AUTH: not sealed with this key; E_NOMEM
 * TRUST      what is read comes off the network: any bytes
 * SEE        RFC 3461 4.4 (ENVID), RFC 5297 (lib/seal), docs/bounces.md
 */
#ifndef HATO_SMTPGW_RETURN_SEAL_H
#define HATO_SMTPGW_RETURN_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/seal.h"

#define RETURN_SEAL_FIELD      "Hato-Return-Seal"
#define RETURN_SEAL_RECIPIENTS 10 /* that one seal has room for */
#define RETURN_SEAL_MAX        100

struct conf;
struct return_seal;

int return_seal_new(const uint8_t key[SECRET_KEY_BYTES], struct return_seal **out);
void return_seal_free(struct return_seal *s);

/* With the key of the configuration. *out is null where nothing is to be sealed: by setting, or
 * because there is no such file, which is logged. E_*: the file is not good; error[] tells. */
int return_seal_open(const struct conf *c, struct return_seal **out, char error[256]);

struct sealed_mail {
	int64_t received_s;
	int64_t sender; /* subscriber */
	int64_t mail;
	size_t count;
	uint32_t recipients[RETURN_SEAL_RECIPIENTS]; /* see sealed_mail_has */
};

/* canonical: n addresses as the suppression list compares them; `m` needs the first three. */
int return_seal_write(struct return_seal *s, const struct sealed_mail *m,
		      const char *const *canonical, size_t n, char text[RETURN_SEAL_MAX + 1]);
int return_seal_read(struct return_seal *s, const char *text, struct sealed_mail *out);

/* Did the mail go to this address? */
bool sealed_mail_has(const struct sealed_mail *m, const char *canonical);

#endif
