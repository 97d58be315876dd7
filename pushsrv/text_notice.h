/* text_notice -- "You have mail from ...": the text of a short message, for phones that know no EMN
 *
 * The operator's sentence with what is known put in: {sender}, {count} (unread messages). It is one
 * short message always, in the 7-bit alphabet if that can say it, else in UCS-2; a sender too long
 * for it is cut and ends in "...".
 *
 * The sender is the envelope's (MAIL FROM), the one that SMTP has looked at; the header's From is
 * whatever its writer liked. It is a stranger's text all the same: what is no letter or digit of
 * an address (spaces, quotes, brackets, controls, what turns the direction of writing or cannot be
 * seen) is shown as `?`. A mail from nobody (<>), or a subscriber who wants no names, gets the
 * other sentence.
 *
 * OWNERSHIP  values. THREADS any. TRUST sender: any text
 * ERRORS     text_notice_check: E_SYNTAX: not UTF-8, a control, a word in braces that is none;
 *            E_TOO_LARGE: one short message does not hold it. A checked sentence cannot fail.
 * SEE        TS 23.038 6.2; docs/sms.md, "What a subscriber may choose"
 */
#ifndef HATO_PUSHSRV_TEXT_NOTICE_H
#define HATO_PUSHSRV_TEXT_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/data.h"

struct text_sentences {
	const char *named;   /* may have {sender} */
	const char *unnamed; /* may not */
};

struct text_notice {
	uint8_t dcs; /* SMS_DCS_GSM7 or SMS_DCS_UCS2 */
	size_t size;
	uint8_t octets[SMS_DATA_SEPTETS_MAX]; /* septets, one an octet, or octets */
};

int text_notice_check(const struct text_sentences *sentences);

/* sender: "" if there is none to be shown. */
int text_notice_write(const struct text_sentences *sentences, const char *sender, uint32_t count,
		      struct text_notice *out);

#endif
