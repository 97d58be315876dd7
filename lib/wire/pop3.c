#include "lib/wire/pop3.h"

#include <string.h>
#include <strings.h>

#include "lib/err.h"

/* What is left of the line. */
struct rest {
	const char *at;
	size_t len;
};

static int args_none(struct rest args, struct pop3_command *out);
static int args_msgno(struct rest args, struct pop3_command *out);
static int args_maybe_msgno(struct rest args, struct pop3_command *out);
static int args_top(struct rest args, struct pop3_command *out);
static int args_text(struct rest args, struct pop3_command *out);
static int args_pass(struct rest args, struct pop3_command *out);
static int args_apop(struct rest args, struct pop3_command *out);
static int args_auth(struct rest args, struct pop3_command *out);
static int args_maybe_word(struct rest args, struct pop3_command *out);

static const struct {
	const char *name;
	int (*read)(struct rest args, struct pop3_command *out);
} verbs[] = {
	[POP3_UNKNOWN] = {"unknown", NULL},       [POP3_USER] = {"USER", args_text},
	[POP3_PASS] = {"PASS", args_pass},        [POP3_APOP] = {"APOP", args_apop},
	[POP3_QUIT] = {"QUIT", args_none},        [POP3_STAT] = {"STAT", args_none},
	[POP3_LIST] = {"LIST", args_maybe_msgno}, [POP3_RETR] = {"RETR", args_msgno},
	[POP3_DELE] = {"DELE", args_msgno},       [POP3_NOOP] = {"NOOP", args_none},
	[POP3_RSET] = {"RSET", args_none},        [POP3_TOP] = {"TOP", args_top},
	[POP3_UIDL] = {"UIDL", args_maybe_msgno}, [POP3_CAPA] = {"CAPA", args_none},
	[POP3_STLS] = {"STLS", args_none},        [POP3_AUTH] = {"AUTH", args_auth},
	[POP3_UTF8] = {"UTF8", args_none},        [POP3_LANG] = {"LANG", args_maybe_word},
};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void skip_spaces(struct rest *r)
{
	while (r->len > 0 && r->at[0] == ' ') {
		r->at++;
		r->len--;
	}
}

static void cut_spaces(struct rest *r)
{
	while (r->len > 0 && r->at[r->len - 1] == ' ')
		r->len--;
}

/* The next word; empty at the line's end. */
static struct rest take_word(struct rest *r)
{
	struct rest word;

	skip_spaces(r);
	word = *r;
	word.len = 0;
	while (word.len < r->len && word.at[word.len] != ' ')
		word.len++;
	r->at += word.len;
	r->len -= word.len;
	return word;
}

static int expect_end(struct rest args)
{
	skip_spaces(&args);
	return args.len == 0 ? 0 : E_SYNTAX;
}

/* Digits; what does not fit is the greatest number. */
static int number_parse(struct rest word, uint32_t *value)
{
	uint64_t number = 0;

	if (word.len == 0)
		return E_SYNTAX;
	for (size_t i = 0; i < word.len; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return E_SYNTAX;
		if (number <= UINT32_MAX)
			number = number * 10 + (uint64_t)(word.at[i] - '0');
	}
	*value = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
	return number > UINT32_MAX ? E_RANGE : 0;
}

static int take_msgno(struct rest *args, uint32_t *msgno)
{
	int err = number_parse(take_word(args), msgno);

	return !err && *msgno == 0 ? E_RANGE : err;
}

static int args_none(struct rest args, struct pop3_command *out)
{
	(void)out;
	return expect_end(args);
}

static int args_msgno(struct rest args, struct pop3_command *out)
{
	uint32_t msgno;
	int err = take_msgno(&args, &msgno);

	if (expect_end(args))
		return E_SYNTAX;
	if (err)
		return err;
	out->msgno = msgno;
	out->has_arg = true;
	return 0;
}

static int args_maybe_msgno(struct rest args, struct pop3_command *out)
{
	return expect_end(args) == 0 ? 0 : args_msgno(args, out);
}

static int args_top(struct rest args, struct pop3_command *out)
{
	uint32_t msgno, lines;
	int err = take_msgno(&args, &msgno);

	if (number_parse(take_word(&args), &lines) == E_SYNTAX || expect_end(args))
		return E_SYNTAX;
	if (err)
		return err;
	out->msgno = msgno;
	out->lines = lines;
	out->has_arg = true;
	return 0;
}

static void keep_text(struct rest text, struct pop3_command *out)
{
	out->has_arg = true;
	out->text = text.at;
	out->text_len = text.len;
}

static void keep_initial(struct rest text, struct pop3_command *out)
{
	out->initial = text.at;
	out->initial_len = text.len;
}

/* A mailbox's name is all of the rest: one may have a space in it. */
static int args_text(struct rest args, struct pop3_command *out)
{
	skip_spaces(&args);
	cut_spaces(&args);
	if (args.len == 0)
		return E_SYNTAX;
	keep_text(args, out);
	return 0;
}

static int args_pass(struct rest args, struct pop3_command *out)
{
	if (args.len == 0)
		return E_SYNTAX;
	keep_text((struct rest){args.at + 1, args.len - 1}, out);
	return 0;
}

static int args_apop(struct rest args, struct pop3_command *out)
{
	struct rest name = take_word(&args), digest = take_word(&args);

	if (digest.len == 0 || expect_end(args))
		return E_SYNTAX;
	keep_text(name, out);
	keep_initial(digest, out);
	return 0;
}

static int args_auth(struct rest args, struct pop3_command *out)
{
	struct rest mechanism = take_word(&args), initial = take_word(&args);

	if (expect_end(args))
		return E_SYNTAX;
	if (mechanism.len > 0)
		keep_text(mechanism, out);
	if (initial.len > 0)
		keep_initial(initial, out);
	return 0;
}

static int args_maybe_word(struct rest args, struct pop3_command *out)
{
	struct rest word = take_word(&args);

	if (expect_end(args))
		return E_SYNTAX;
	if (word.len > 0)
		keep_text(word, out);
	return 0;
}

static enum pop3_verb verb_find(struct rest word)
{
	for (size_t v = POP3_UNKNOWN + 1; v < VERB_COUNT; v++) {
		if (strlen(verbs[v].name) == word.len &&
		    strncasecmp(verbs[v].name, word.at, word.len) == 0)
			return (enum pop3_verb)v;
	}
	return POP3_UNKNOWN;
}

static bool has_line_breaker(struct rest line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] == '\0' || line.at[i] == '\r' || line.at[i] == '\n')
			return true;
	}
	return false;
}

int pop3_command_parse(const char *line, size_t len, struct pop3_command *out)
{
	struct rest args = {len > 0 ? line : "", len};

	*out = (struct pop3_command){.verb = verb_find(take_word(&args))};
	if (len > (out->verb == POP3_AUTH ? POP3_AUTH_LINE_MAX : POP3_LINE_MAX))
		return E_TOO_LARGE;
	if (out->verb == POP3_UNKNOWN || has_line_breaker(args))
		return E_SYNTAX;
	return verbs[out->verb].read(args, out);
}

const char *pop3_verb_name(enum pop3_verb verb)
{
	return verbs[verb].name;
}
