#include "smtpgw/checks/rspamd_reply.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "lib/err.h"

static const struct {
	const char *word;
	enum rspamd_action action;
} actions[] = {
	{"no action", RSPAMD_NONE},          {"greylist", RSPAMD_GREYLIST},
	{"add header", RSPAMD_MARK},         {"rewrite subject", RSPAMD_MARK},
	{"soft reject", RSPAMD_SOFT_REJECT}, {"reject", RSPAMD_REJECT},
};

static void copy_text(char out[RSPAMD_TEXT_MAX + 1], const char *text)
{
	size_t n = 0;

	for (; n < RSPAMD_TEXT_MAX && text[n]; n++)
		out[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	out[n] = '\0';
}

static int read_action(const char *word, struct rspamd_reply *out)
{
	for (size_t i = 0; word && i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(word, actions[i].word) == 0) {
			out->action = actions[i].action;
			out->word = actions[i].word;
			return 0;
		}
	}
	return word ? E_RANGE : E_SYNTAX;
}

int rspamd_reply_read(const char *json, size_t n, struct rspamd_reply *out)
{
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
	struct rspamd_reply reply = {0};
	int err = read_action(json_string_value(json_object_get(root, "action")), &reply);

	reply.score = json_number_value(json_object_get(root, "score"));
	if (!isfinite(reply.score))
		err = E_SYNTAX;
	const char *text = json_string_value(
		json_object_get(json_object_get(root, "messages"), "smtp_message"));
	if (text)
		copy_text(reply.text, text);
	json_decref(root);
	if (!err)
		*out = reply;
	return err;
}
