#include "lib/wire/smtp/dsn_words.h"

#include <string.h>

const struct dsn_sentence dsn_words[DSN_WORDS] = {
#define SENTENCE(name, english, utf8, jis) {english, utf8, jis},
#include "lib/wire/smtp/dsn_words.def"
#undef SENTENCE
};

static const struct {
	enum dsn_word subject, lead;
} actions[DSN_ACTIONS] = {
	[DSN_FAILED] = {DSN_WORD_SUBJECT_FAILED, DSN_WORD_LEAD_FAILED},
	[DSN_DELAYED] = {DSN_WORD_SUBJECT_DELAYED, DSN_WORD_LEAD_DELAYED},
	[DSN_DELIVERED] = {DSN_WORD_SUBJECT_DELIVERED, DSN_WORD_LEAD_DELIVERED},
	[DSN_RELAYED] = {DSN_WORD_SUBJECT_RELAYED, DSN_WORD_LEAD_RELAYED},
	[DSN_EXPANDED] = {DSN_WORD_SUBJECT_DELIVERED, DSN_WORD_LEAD_DELIVERED},
};

enum dsn_word dsn_subject(enum dsn_action action)
{
	return actions[action].subject;
}

enum dsn_word dsn_lead(enum dsn_action action)
{
	return actions[action].lead;
}

/* The first row that the code begins with, its class aside. */
static const struct {
	const char *detail;
	enum dsn_word reason;
} reasons[] = {
	{".1.10", DSN_WORD_REASON_NULL_MX},    {".1.1", DSN_WORD_REASON_NO_MAILBOX},
	{".1.2", DSN_WORD_REASON_NO_DOMAIN},   {".1.3", DSN_WORD_REASON_BAD_ADDRESS},
	{".1.6", DSN_WORD_REASON_NO_MAILBOX},  {".2.1", DSN_WORD_REASON_DISABLED},
	{".2.2", DSN_WORD_REASON_FULL},        {".2.3", DSN_WORD_REASON_TOO_LARGE},
	{".3.4", DSN_WORD_REASON_TOO_LARGE},   {".4.1", DSN_WORD_REASON_UNREACHABLE},
	{".4.2", DSN_WORD_REASON_UNREACHABLE}, {".4.3", DSN_WORD_REASON_UNREACHABLE},
	{".4.4", DSN_WORD_REASON_NO_DOMAIN},   {".4.6", DSN_WORD_REASON_LOOP},
	{".4.7", DSN_WORD_REASON_UNREACHABLE}, {".6.7", DSN_WORD_REASON_UTF8},
	{".6.", DSN_WORD_REASON_CONTENT},      {".7.", DSN_WORD_REASON_REFUSED},
};

static bool begins_with(const char *code, const char *detail)
{
	size_t n = strlen(detail);
	bool is_whole = detail[n - 1] != '.';

	return strncmp(code, detail, n) == 0 && (!is_whole || code[n] == '\0');
}

enum dsn_word dsn_reason(const char *status)
{
	for (size_t i = 0; *status && i < sizeof reasons / sizeof reasons[0]; i++)
		if (begins_with(status + 1, reasons[i].detail))
			return reasons[i].reason;
	return DSN_WORD_REASON_OTHER;
}
