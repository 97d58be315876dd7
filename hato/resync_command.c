/* hato resync: docs/resync.md */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

#define FILE_FIRST 65536

static const char *const columns[] = {"ip",         "ipv6_prefix", "msisdn", "imsi",
				      "session_id", "problem",     "detail", NULL};

/* All of it, NUL-terminated; null: errno says why. The caller frees. */
static char *read_all(FILE *f)
{
	size_t size = FILE_FIRST, n = 0, got;
	char *text = malloc(size);

	while (text && (got = fread(text + n, 1, size - n - 1, f)) > 0) {
		n += got;
		if (n + 1 < size)
			continue;
		char *grown = realloc(text, size *= 2);
		if (!grown)
			free(text);
		text = grown;
	}
	if (text && ferror(f)) {
		free(text);
		text = NULL;
	}
	if (text)
		text[n] = 0;
	return text;
}

static char *file_read(const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = f ? read_all(f) : NULL;
	int error = errno;

	if (f && f != stdin)
		fclose(f);
	if (!text)
		command_fail("%s: %s", path, strerror(error));
	return text;
}

static json_int_t count_of(const json_t *answer, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(answer, "counts"), name));
}

static void report_print(const json_t *answer)
{
	static const char *const kinds[] = {"added", "moved", "ended", "refused"};

	printf("%lld sessions: %lld kept",
	       (long long)json_integer_value(json_object_get(answer, "sessions")),
	       (long long)json_integer_value(json_object_get(answer, "kept")));
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		printf(", %lld %s", (long long)count_of(answer, kinds[i]), kinds[i]);
	printf("; %lld released from quarantine or doubt\n",
	       (long long)count_of(answer, "released"));
	if (json_is_true(json_object_get(answer, "behind")))
		puts("the NAS is still behind: the list is older than its silence");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const json_t *rows = json_object_get(answer, kinds[i]);
		if (!json_array_size(rows))
			continue;
		printf("\n%s (the first %zu of %lld)\n", kinds[i], json_array_size(rows),
		       (long long)count_of(answer, kinds[i]));
		table_print(rows, columns);
	}
}

int command_resync(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer = NULL;

	if (!line->nas)
		return command_fail("resync needs --nas ID");
	char *body = file_read(line->args[0]);
	if (!body)
		return 1;
	char *target = api_target(line, "/v1/nas/%s/resync", url_escape(line->nas, escaped));
	int status = api_send(line, "POST", target, body, &answer);
	if (!status && line->json)
		json_print(answer);
	else if (!status)
		report_print(answer);
	json_decref(answer);
	free(target);
	free(body);
	return status;
}
