/* dsn_words -- what a notice says to people, in English and Japanese
 *
 * Sentences without addresses and numbers: what a notice is about, and why a mail was not taken, as
 * far as the enhanced code tells. Japanese comes twice: in UTF-8 for notices that need it anyway,
 * and in ISO-2022-JP, which is 7-bit and which phones of every age can show. '\n' ends a line. For
 * dsn_write.
 *
 * OWNERSHIP  constants. THREADS any
 * SEE        RFC 1468 (ISO-2022-JP), 3463 (enhanced codes)
 */
#ifndef HATO_LIB_WIRE_SMTP_DSN_WORDS_H
#define HATO_LIB_WIRE_SMTP_DSN_WORDS_H

#include "lib/wire/smtp/dsn.h"

enum dsn_word {
#define SENTENCE(name, english, utf8, jis) DSN_WORD_##name,
#include "lib/wire/smtp/dsn_words.def"
#undef SENTENCE
	DSN_WORDS
};

struct dsn_sentence {
	const char *english;
	const char *utf8;
	const char *jis; /* the same */
};

extern const struct dsn_sentence dsn_words[DSN_WORDS];

enum dsn_word dsn_subject(enum dsn_action action);
enum dsn_word dsn_lead(enum dsn_action action);
/* By an enhanced code, whatever its class. */
enum dsn_word dsn_reason(const char *status);

#endif
