#include "lib/wire/smtp/command.h"
#include "lib/wire/utf8.h"
#include "lib/wire/smtp/xtext.h"
#include "lib/err.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct reader {
	const char *at, *end;
	const struct smtp_dialect *dialect;
};

struct word {
	const char *at;
	size_t len;
};

static int fail(struct smtp_command *out, enum smtp_fault fault, int err)
{
	out->fault = fault;
	return err;
}

static size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static void skip_spaces(struct reader *r)
{
	while (r->at < r->end && *r->at == ' ')
		r->at++;
}

/* Up to the next space or the end; may be empty. The spaces after it are skipped. */
static struct word take_word(struct reader *r)
{
	const char *space = memchr(r->at, ' ', left(r));
	struct word w = {r->at, space ? (size_t)(space - r->at) : left(r)};

	r->at += w.len;
	skip_spaces(r);
	return w;
}

static bool word_is(struct word w, const char *name)
{
	return w.len == strlen(name) && strncasecmp(w.at, name, w.len) == 0;
}

static bool is_let_dig(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_visible(char c)
{
	return c > ' ' && c <= '~';
}

static bool all_of(struct word w, bool (*is_member)(char))
{
	for (size_t i = 0; i < w.len; i++)
		if (!is_member(w.at[i]))
			return false;
	return true;
}

/* Saturates; the empty word and anything but digits are no number. */
static int read_number(struct word w, uint64_t *out)
{
	uint64_t n = 0;

	if (w.len == 0)
		return E_SYNTAX;
	for (size_t i = 0; i < w.len; i++) {
		if (w.at[i] < '0' || w.at[i] > '9')
			return E_SYNTAX;
		if (__builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(w.at[i] - '0'), &n))
			n = UINT64_MAX;
	}
	*out = n;
	return 0;
}

/* -- values of MAIL's and RCPT's parameters; each row below has one. 0 or E_SYNTAX. -- */

static bool lets_utf8_in(const struct reader *r, enum smtp_verb verb)
{
	return verb == SMTP_MAIL ? r->dialect->params & SMTP_PARAM_SMTPUTF8 : r->dialect->is_utf8;
}

static int value_none(const struct reader *r, struct word value, struct smtp_command *out)
{
	(void)r, (void)value, (void)out;
	return 0;
}

static int value_size(const struct reader *r, struct word value, struct smtp_command *out)
{
	(void)r;
	return read_number(value, &out->size_bytes);
}

static int value_body(const struct reader *r, struct word value, struct smtp_command *out)
{
	static const char *const names[] = {"", "7BIT", "8BITMIME", "BINARYMIME"};

	(void)r;
	for (size_t i = 1; i < COUNT(names); i++)
		if (word_is(value, names[i])) {
			out->body = (enum smtp_body)i;
			return 0;
		}
	return E_SYNTAX;
}

static int value_ret(const struct reader *r, struct word value, struct smtp_command *out)
{
	(void)r;
	if (!word_is(value, "FULL") && !word_is(value, "HDRS"))
		return E_SYNTAX;
	out->ret = word_is(value, "FULL") ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return 0;
}

static int value_auth(const struct reader *r, struct word value, struct smtp_command *out)
{
	char text[MAILADDR_TEXT_MAX * 3 + 1];
	unsigned flags = lets_utf8_in(r, out->verb) ? MAILADDR_UTF8 : 0;

	if (value.len >= sizeof text || xtext_decode(value.at, value.len, flags != 0, text))
		return E_SYNTAX;
	if (strcmp(text, "<>") == 0)
		return 0;
	return mailaddr_parse(text, strlen(text), flags, &out->auth) ? E_SYNTAX : 0;
}

static int value_envid(const struct reader *r, struct word value, struct smtp_command *out)
{
	(void)r;
	if (value.len > SMTP_ENVID_MAX)
		return E_SYNTAX;
	return xtext_decode(value.at, value.len, false, out->envid);
}

static int value_notify(const struct reader *r, struct word value, struct smtp_command *out)
{
	static const char *const names[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
	const char *at = value.at, *end = value.at + value.len;
	unsigned seen = 0;

	(void)r;
	for (;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct word w = {at, (size_t)((comma ? comma : end) - at)};
		unsigned bit = 0;
		for (size_t i = 0; i < COUNT(names); i++)
			if (word_is(w, names[i]))
				bit = 1U << i;
		if (!bit)
			return E_SYNTAX;
		seen |= bit;
		if (!comma)
			break;
		at = comma + 1;
	}
	if (seen & SMTP_NOTIFY_NEVER && seen != SMTP_NOTIFY_NEVER)
		return E_SYNTAX;
	out->notify = seen;
	return 0;
}

static int value_orcpt(const struct reader *r, struct word value, struct smtp_command *out)
{
	const char *semicolon = memchr(value.at, ';', value.len);

	if (!semicolon || semicolon == value.at || value.len > SMTP_ORCPT_MAX)
		return E_SYNTAX;
	size_t type_len = (size_t)(semicolon - value.at);
	for (size_t i = 0; i < type_len; i++) {
		char c = value.at[i];
		if (!is_let_dig(c) && c != '-')
			return E_SYNTAX;
		out->orcpt[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out->orcpt[type_len] = ';';
	size_t address_len = value.len - type_len - 1;
	if (address_len == 0)
		return E_SYNTAX;
	bool with_utf8 = lets_utf8_in(r, out->verb);
	return xtext_decode(semicolon + 1, address_len, with_utf8, out->orcpt + type_len + 1);
}

static bool is_xid_char(char c)
{
	return is_let_dig(c) || c == '-' || c == '.';
}

static int value_xid(const struct reader *r, struct word value, struct smtp_command *out)
{
	(void)r;
	if (value.len > SMTP_XID_MAX || !all_of(value, is_xid_char))
		return E_SYNTAX;
	memcpy(out->xid, value.at, value.len);
	out->xid[value.len] = '\0';
	return 0;
}

static const struct param_row {
	const char *name;
	enum smtp_param bit;
	enum smtp_verb verb;
	int (*read)(const struct reader *, struct word, struct smtp_command *);
} param_rows[] = {
	{"SIZE", SMTP_PARAM_SIZE, SMTP_MAIL, value_size},
	{"BODY", SMTP_PARAM_BODY, SMTP_MAIL, value_body},
	{"SMTPUTF8", SMTP_PARAM_SMTPUTF8, SMTP_MAIL, value_none},
	{"AUTH", SMTP_PARAM_AUTH, SMTP_MAIL, value_auth},
	{"RET", SMTP_PARAM_RET, SMTP_MAIL, value_ret},
	{"ENVID", SMTP_PARAM_ENVID, SMTP_MAIL, value_envid},
	{"XATOMIC", SMTP_PARAM_XATOMIC, SMTP_MAIL, value_none},
	{"XID", SMTP_PARAM_XID, SMTP_MAIL, value_xid},
	{"NOTIFY", SMTP_PARAM_NOTIFY, SMTP_RCPT, value_notify},
	{"ORCPT", SMTP_PARAM_ORCPT, SMTP_RCPT, value_orcpt},
};

static const struct param_row *find_param(const struct reader *r, struct word name,
					  enum smtp_verb verb)
{
	for (size_t i = 0; i < COUNT(param_rows); i++) {
		const struct param_row *row = &param_rows[i];
		bool is_offered = r->dialect->params & row->bit;
		if (row->verb == verb && is_offered && word_is(name, row->name))
			return row;
	}
	return NULL;
}

static bool is_keyword_char(char c)
{
	return is_let_dig(c) || c == '-';
}

static int parse_param(const struct reader *r, struct word param, struct smtp_command *out)
{
	const char *equals = memchr(param.at, '=', param.len);
	struct word name = {param.at, equals ? (size_t)(equals - param.at) : param.len};
	struct word value = {0};

	out->parameter = name.at;
	out->parameter_len = name.len;
	if (name.len == 0 || name.at[0] == '-' || !all_of(name, is_keyword_char))
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	const struct param_row *row = find_param(r, name, out->verb);
	if (!row)
		return fail(out, SMTP_FAULT_PARAMETER, E_RANGE);
	if (equals) {
		value = (struct word){equals + 1, param.len - name.len - 1};
		if (value.len == 0 || memchr(value.at, '=', value.len))
			return fail(out, SMTP_FAULT_VALUE, E_SYNTAX);
	}
	bool wants_value = row->read != value_none;
	if (out->params & row->bit || wants_value != (equals != NULL) || row->read(r, value, out))
		return fail(out, SMTP_FAULT_VALUE, E_SYNTAX);
	out->params |= row->bit;
	out->parameter = NULL;
	out->parameter_len = 0;
	return 0;
}

/* -- arguments, one function per kind of verb -- */

static int parse_path(struct reader *r, const char *word, unsigned flags, struct smtp_command *out)
{
	size_t used = 0, len = strlen(word);

	if (left(r) < len || strncasecmp(r->at, word, len) != 0)
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	r->at += len;
	skip_spaces(r);
	if (r->at == r->end || *r->at != '<')
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	if (lets_utf8_in(r, out->verb))
		flags |= MAILADDR_UTF8;
	int err = mailaddr_parse_path(r->at, left(r), flags, &out->path, &used);
	if (err)
		return fail(out, err == E_RANGE ? SMTP_FAULT_UTF8 : SMTP_FAULT_PATH, err);
	r->at += used;
	if (r->at < r->end && *r->at != ' ')
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	skip_spaces(r);
	while (r->at < r->end) {
		err = parse_param(r, take_word(r), out);
		if (err)
			return err;
	}
	return 0;
}

static int parse_mail(struct reader *r, struct smtp_command *out)
{
	int err = parse_path(r, "FROM:", MAILADDR_NULL, out);

	if (!err && (out->path.is_utf8 || out->auth.is_utf8) &&
	    !(out->params & SMTP_PARAM_SMTPUTF8))
		return fail(out, SMTP_FAULT_UTF8, E_RANGE);
	return err;
}

static int parse_rcpt(struct reader *r, struct smtp_command *out)
{
	return parse_path(r, "TO:", MAILADDR_POSTMASTER, out);
}

static int parse_hello(struct reader *r, struct smtp_command *out)
{
	struct word name = take_word(r);

	if (name.len == 0 || name.len > SMTP_HELO_MAX || !all_of(name, is_visible) || left(r) > 0)
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	memcpy(out->domain, name.at, name.len);
	out->domain[name.len] = '\0';
	return 0;
}

static int parse_nothing(struct reader *r, struct smtp_command *out)
{
	return left(r) > 0 ? fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX) : 0;
}

static int parse_text(struct reader *r, struct smtp_command *out)
{
	bool with_utf8 = r->dialect->params & SMTP_PARAM_SMTPUTF8;

	if (!utf8_is_printable(r->at, left(r), with_utf8))
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	out->argument = r->at;
	out->argument_len = left(r);
	return 0;
}

static int parse_some_text(struct reader *r, struct smtp_command *out)
{
	return left(r) > 0 ? parse_text(r, out) : fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
}

static int parse_chunk(struct reader *r, struct smtp_command *out)
{
	struct word size = take_word(r);
	uint64_t bytes;

	if (read_number(size, &bytes) || bytes == UINT64_MAX)
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	struct word last = take_word(r);
	if (left(r) > 0 || (last.len > 0 && !word_is(last, "LAST")))
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	out->chunk_bytes = bytes;
	out->is_last = last.len > 0;
	return 0;
}

static int parse_trace(struct reader *r, struct smtp_command *out)
{
	int err = parse_chunk(r, out);

	return !err && out->is_last ? fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX) : err;
}

static bool is_mechanism_char(char c)
{
	return is_let_dig(c) || c == '-' || c == '_';
}

static int parse_auth(struct reader *r, struct smtp_command *out)
{
	struct word name = take_word(r);

	if (name.len == 0 || name.len > SMTP_MECHANISM_MAX || !all_of(name, is_mechanism_char))
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	struct word response = take_word(r);
	if (left(r) > 0 || !all_of(response, is_visible))
		return fail(out, SMTP_FAULT_SYNTAX, E_SYNTAX);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		out->mechanism[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	out->mechanism[name.len] = '\0';
	if (response.len > 0) {
		out->argument = response.at;
		out->argument_len = word_is(response, "=") ? 0 : response.len;
	}
	return 0;
}

enum { IN_SMTP = 1, IN_LMTP = 2, IN_BOTH = IN_SMTP | IN_LMTP };

static const struct verb_row {
	const char *name;
	int dialects;
	int (*parse)(struct reader *, struct smtp_command *);
	const char *usage;
} verb_rows[] = {
	[SMTP_HELO] = {"HELO", IN_SMTP, parse_hello, "Syntax: HELO hostname"},
	[SMTP_EHLO] = {"EHLO", IN_SMTP, parse_hello, "Syntax: EHLO hostname"},
	[SMTP_LHLO] = {"LHLO", IN_LMTP, parse_hello, "Syntax: LHLO hostname"},
	[SMTP_MAIL] = {"MAIL", IN_BOTH, parse_mail, "Syntax: MAIL FROM:<address> [parameters]"},
	[SMTP_RCPT] = {"RCPT", IN_BOTH, parse_rcpt, "Syntax: RCPT TO:<address> [parameters]"},
	[SMTP_DATA] = {"DATA", IN_BOTH, parse_nothing, "Syntax: DATA"},
	[SMTP_BDAT] = {"BDAT", IN_BOTH, parse_chunk, "Syntax: BDAT octets [LAST]"},
	[SMTP_RSET] = {"RSET", IN_BOTH, parse_nothing, "Syntax: RSET"},
	[SMTP_NOOP] = {"NOOP", IN_BOTH, parse_text, "Syntax: NOOP [text]"},
	[SMTP_QUIT] = {"QUIT", IN_BOTH, parse_nothing, "Syntax: QUIT"},
	[SMTP_VRFY] = {"VRFY", IN_BOTH, parse_some_text, "Syntax: VRFY address"},
	[SMTP_EXPN] = {"EXPN", IN_BOTH, parse_some_text, "Syntax: EXPN list"},
	[SMTP_HELP] = {"HELP", IN_BOTH, parse_text, "Syntax: HELP [command]"},
	[SMTP_STARTTLS] = {"STARTTLS", IN_BOTH, parse_nothing, "Syntax: STARTTLS"},
	[SMTP_AUTH] = {"AUTH", IN_BOTH, parse_auth, "Syntax: AUTH mechanism [initial-response]"},
	[SMTP_XTRACE] = {"XTRACE", IN_LMTP, parse_trace, "Syntax: XTRACE octets"},
};

static enum smtp_verb find_verb(struct word name, const struct smtp_dialect *dialect)
{
	int here = dialect->is_lmtp ? IN_LMTP : IN_SMTP;

	for (size_t i = SMTP_UNKNOWN + 1; i < COUNT(verb_rows); i++)
		if (verb_rows[i].dialects & here && word_is(name, verb_rows[i].name))
			return (enum smtp_verb)i;
	return SMTP_UNKNOWN;
}

int smtp_command_parse(const char *line, size_t len, const struct smtp_dialect *dialect,
		       struct smtp_command *out)
{
	struct reader r = {line, line + len, dialect};

	memset(out, 0, sizeof *out);
	while (r.at < r.end && (r.end[-1] == ' ' || r.end[-1] == '\t'))
		r.end--;
	skip_spaces(&r);
	out->verb = find_verb(take_word(&r), dialect);
	if (out->verb == SMTP_UNKNOWN)
		return fail(out, SMTP_FAULT_VERB, E_SYNTAX);
	return verb_rows[out->verb].parse(&r, out);
}

struct smtp_refusal smtp_command_refusal(const struct smtp_command *command)
{
	bool is_mail = command->verb == SMTP_MAIL;

	switch (command->fault) {
	case SMTP_FAULT_NONE:
		break;
	case SMTP_FAULT_VERB:
		return (struct smtp_refusal){500, "5.5.1", "Command not recognized"};
	case SMTP_FAULT_SYNTAX:
		return (struct smtp_refusal){501, "5.5.4", verb_rows[command->verb].usage};
	case SMTP_FAULT_PATH:
		return (struct smtp_refusal){501, is_mail ? "5.1.7" : "5.1.3", "Malformed address"};
	case SMTP_FAULT_PARAMETER:
		return (struct smtp_refusal){555, "5.5.4", "Parameter not recognized"};
	case SMTP_FAULT_VALUE:
		return (struct smtp_refusal){501, "5.5.4", "Malformed or repeated parameter"};
	case SMTP_FAULT_UTF8:
		return (struct smtp_refusal){553, "5.6.7", "Non-ASCII address needs SMTPUTF8"};
	}
	assert(command->fault != SMTP_FAULT_NONE);
	return (struct smtp_refusal){0};
}

const char *smtp_verb_name(enum smtp_verb verb)
{
	return verb == SMTP_UNKNOWN ? "unknown" : verb_rows[verb].name;
}
