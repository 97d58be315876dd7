/* hato queue list|show|retry|hold|release|drop, hato suppression list|clear: docs/queue.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"
#include "lib/wire/mailaddr.h"

#define LIST_DEFAULT 100
#define PAGE         1000

static const char *const mail_columns[] = {"id",         "sender", "from",     "to",
					   "recipients", "lane",   "received", "next",
					   "attempts",   "last",   NULL};
static const char *const waiting_columns[] = {"id", "to", "lane", "next", "attempts", "last", NULL};
static const char *const suppression_columns[] = {"address", "code",  "enhanced", "text",
						  "count",   "since", "expires",  NULL};

/* ---- rows for people ---- */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* The last answer on one line; our own lane by a name; that it is held for its next try. */
static void flatten(json_t *row)
{
	const json_t *last = json_object_get(row, "last");
	long long code = (long long)json_integer_value(json_object_get(last, "code"));
	char text[160];

	if (json_is_object(last)) {
		if (code)
			snprintf(text, sizeof text, "%lld %s %s", code, text_of(last, "enhanced"),
				 text_of(last, "text"));
		else
			snprintf(text, sizeof text, "%s", text_of(last, "text"));
		json_object_set_new(row, "last", json_string(text));
	}
	if (!*text_of(row, "lane"))
		json_object_set_new(row, "lane", json_string("(own domains)"));
	if (json_is_true(json_object_get(row, "lane_held")))
		json_object_set_new(row, "next", json_string("lane held"));
	if (json_is_true(json_object_get(row, "held")) ||
	    json_is_null(json_object_get(row, "next")))
		json_object_set_new(row, "next", json_string("held"));
}

static void print_rows(json_t *rows, const char *const *columns)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		flatten(json_array_get(rows, i));
	table_print(rows, columns);
}

/* ---- list ---- */

/* `target`, which is freed, with one more member of its query. */
static char *with_query(char *target, const char *name, const char *value)
{
	char escaped[URL_ESCAPED_MAX], *longer = NULL;

	if (!target || !value)
		return target;
	if (asprintf(&longer, "%s&%s=%s", target, name, url_escape(value, escaped)) < 0)
		longer = NULL;
	free(target);
	return longer;
}

static int list_page(const struct command_line *line, size_t limit, const char *after,
		     json_t **page)
{
	char *target = api_target(line, "/v1/queue?limit=%zu", limit);

	target = with_query(target, "lane", line->lane);
	target = with_query(target, "sender", line->sender);
	target = with_query(target, "after", *after ? after : NULL);
	int status = api_call(line, "GET", target, NULL, page);
	free(target);
	return status;
}

/* Up to `limit` rows; *more: there are others. */
static int list_rows(const struct command_line *line, size_t limit, json_t *rows, bool *more)
{
	char after[64] = "";

	do {
		size_t left = limit - json_array_size(rows);
		json_t *page = NULL;
		int status = list_page(line, left < PAGE ? left : PAGE, after, &page);
		if (status)
			return status;
		json_array_extend(rows, json_object_get(page, "mails"));
		snprintf(after, sizeof after, "%s", text_of(page, "next"));
		json_decref(page);
	} while (*after && json_array_size(rows) < limit);
	*more = *after != '\0';
	return 0;
}

int command_queue_list(const struct command_line *line)
{
	long long limit = line->limit ? atoll(line->limit) : LIST_DEFAULT;
	json_t *rows = json_array();
	bool more = false;
	int status = limit > 0 ? list_rows(line, (size_t)limit, rows, &more)
			       : command_fail("--limit is a number from 1");

	if (!status && line->json) {
		json_print(rows);
	} else if (!status) {
		print_rows(rows, mail_columns);
		if (more)
			printf("and more of them: --limit N shows more than %lld\n", limit);
	}
	json_decref(rows);
	return status;
}

int command_queue_show(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer = NULL;
	char *target = api_target(line, "/v1/queue/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "GET", target, NULL, &answer);

	if (!status && line->json) {
		json_print(answer);
	} else if (!status) {
		json_t *rows = json_pack("[O]", answer);
		print_rows(rows, mail_columns);
		putchar('\n');
		print_rows(json_object_get(answer, "waiting"), waiting_columns);
		json_decref(rows);
	}
	json_decref(answer);
	free(target);
	return status;
}

/* ---- steering: a mail by its number, or --lane ---- */

/* Exactly one of them. */
static bool names_one(const struct command_line *line)
{
	return (line->arg_count == 1) != (line->lane != NULL);
}

/* Holding or releasing a lane touches no mail in it. */
static int say_steered(const struct command_line *line, int status, const char *what,
		       json_t *answer)
{
	long long mails = (long long)json_integer_value(json_object_get(answer, "mails"));
	const char *lane = line->lane && *line->lane ? line->lane : "of our own domains";

	if (!status && line->json)
		json_print(answer);
	else if (!status && line->lane && !mails)
		printf("lane %s: %s\n", lane, what);
	else if (!status && line->lane)
		printf("lane %s: %s (%lld mails)\n", lane, what, mails);
	else if (!status)
		printf("mail %s: %s\n", line->args[0], what);
	json_decref(answer);
	return status;
}

static int steer(const struct command_line *line, const char *act, const char *what)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer = NULL, *body = NULL;
	char *target;

	if (!names_one(line))
		return command_fail("a mail's number, or --lane DOMAIN ('' is our own domains)");
	if (line->lane) {
		target = api_target(line, "/v1/queue/%s", act);
		body = json_pack("{s:s}", "lane", line->lane);
	} else {
		target = api_target(line, "/v1/queue/%s/%s", url_escape(line->args[0], escaped),
				    act);
	}
	int status = api_call(line, "POST", target, body, &answer);
	json_decref(body);
	free(target);
	return say_steered(line, status, what, answer);
}

int command_queue_retry(const struct command_line *line)
{
	return steer(line, "retry", "is tried at once");
}

int command_queue_hold(const struct command_line *line)
{
	return steer(line, "hold", "held until it is released");
}

int command_queue_release(const struct command_line *line)
{
	return steer(line, "release", "released");
}

int command_queue_drop(const struct command_line *line)
{
	char reason[URL_ESCAPED_MAX], escaped[URL_ESCAPED_MAX];
	json_t *answer = NULL;
	char *target;

	if (!names_one(line))
		return command_fail("a mail's number, or --lane DOMAIN ('' is our own domains)");
	if (!line->reason || !*line->reason)
		return command_fail("a drop needs --reason TEXT: nobody is told that the mail is "
				    "gone, but the log");
	url_escape(line->reason, reason);
	if (line->lane)
		target = api_target(line, "/v1/queue?lane=%s&reason=%s",
				    url_escape(line->lane, escaped), reason);
	else
		target = api_target(line, "/v1/queue/%s?reason=%s",
				    url_escape(line->args[0], escaped), reason);
	int status = api_call(line, "DELETE", target, NULL, &answer);
	free(target);
	return say_steered(line, status, "dropped", answer);
}

/* ---- the suppression list ---- */

static int suppression_all(const struct command_line *line, json_t *rows)
{
	char msisdn[URL_ESCAPED_MAX], escaped[URL_ESCAPED_MAX], after[400] = "";
	size_t n;

	url_escape(line->args[0], msisdn);
	do {
		json_t *page = NULL;
		char *target = api_target(line, "/v1/subscribers/%s/suppression?limit=%d&after=%s",
					  msisdn, PAGE, url_escape(after, escaped));
		int status = api_call(line, "GET", target, NULL, &page);
		free(target);
		if (status)
			return status;
		n = json_array_size(page);
		if (n)
			snprintf(after, sizeof after, "%s",
				 text_of(json_array_get(page, n - 1), "address"));
		json_array_extend(rows, page);
		json_decref(page);
	} while (n == PAGE);
	return 0;
}

int command_suppression_list(const struct command_line *line)
{
	json_t *rows = json_array();
	int status = suppression_all(line, rows);

	if (!status && line->json)
		json_print(rows);
	else if (!status)
		table_print(rows, suppression_columns);
	json_decref(rows);
	return status;
}

/* `one` null: any. As the list has it: folded. */
static bool is_listed(const json_t *rows, const char *one)
{
	char folded[MAILADDR_TEXT_MAX + 1];
	const json_t *row;
	struct mailaddr a;
	size_t i;

	if (one && !mailaddr_parse(one, strlen(one), MAILADDR_UTF8, &a))
		one = mailaddr_folded(&a, folded);
	json_array_foreach(rows, i,
			   row) if (!one || !strcmp(text_of(row, "address"), one)) return true;
	return false;
}

int command_suppression_clear(const struct command_line *line)
{
	char msisdn[URL_ESCAPED_MAX], address[URL_ESCAPED_MAX];
	const char *one = line->arg_count > 1 ? line->args[1] : NULL;
	json_t *answer = NULL, *rows = json_array();
	char *target = api_target(line, "/v1/subscribers/%s/suppression%s%s",
				  url_escape(line->args[0], msisdn), one ? "/" : "",
				  one ? url_escape(one, address) : "");
	int status = suppression_all(line, rows);

	if (!status)
		status = api_call(line, "DELETE", target, NULL, &answer);
	if (!status && !line->json && is_listed(rows, one))
		printf("%s may send to %s again\n", line->args[0], one ? one : "all of them");
	else if (!status && !line->json)
		printf("nothing to clear: %s is not on the list of %s\n", one ? one : "anybody",
		       line->args[0]);
	json_decref(rows);
	json_decref(answer);
	free(target);
	return status;
}
