/* Wireshark as the judge: it must decode each command's PDU without a malformed frame, and read in
 * it what we wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/wire/smpp/fixture.h"

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define FIELDS_MAX 100
#define LINE_SIZE  4096

struct fields {
	char names[FIELDS_MAX][64];
	size_t count;
};

/* "name=value name=value": the next pair; false at the end. */
static bool next_pair(const char **says, char name[64], char value[128])
{
	int used = 0;

	if (sscanf(*says, " %63[^=]=%127s%n", name, value, &used) != 2)
		return false;
	*says += used;
	return true;
}

static size_t field_index(struct fields *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->names[i], name) == 0)
			return i;
	assert_true(f->count < FIELDS_MAX);
	snprintf(f->names[f->count], sizeof f->names[0], "%s", name);
	return f->count++;
}

/* Each PDU as a TCP segment of its own. */
static void write_capture(const char *file)
{
	char command[256];
	uint8_t out[SMPP_SMALL_MAX];
	FILE *p;

	snprintf(command, sizeof command, "text2pcap -q -T 40000,2775 - %s 2>/dev/null", file);
	p = popen(command, "w");
	assert_non_null(p);
	for (size_t i = 0; i < COUNT(smpp_samples); i++) {
		size_t len;

		assert_int_equal(smpp_encode(&smpp_samples[i].pdu, out, sizeof out, &len), 0);
		fprintf(p, "000000");
		for (size_t j = 0; j < len; j++)
			fprintf(p, " %02x", out[j]);
		fprintf(p, "\n");
	}
	assert_int_equal(pclose(p), 0);
}

static FILE *open_judge(const char *file, const struct fields *f)
{
	char command[8192];
	size_t len;

	len = (size_t)snprintf(command, sizeof command,
			       "TZ=UTC LC_ALL=C tshark -n -r %s -d tcp.port==2775,smpp "
			       "-o tcp.analyze_sequence_numbers:false -T fields -E separator='|'",
			       file);
	for (size_t i = 0; i < f->count; i++)
		len += (size_t)snprintf(command + len, sizeof command - len, " -e %s", f->names[i]);
	assert_true(len + 20 < sizeof command);
	strcat(command, " 2>/dev/null");
	return popen(command, "r");
}

/* A "-" wants nothing, a "~" is a space, and numbers may be in any base. */
static bool is_same(const char *got, const char *wanted)
{
	char *got_end, *wanted_end, text[128];
	unsigned long a = strtoul(got, &got_end, 0), b = strtoul(wanted, &wanted_end, 0);

	if (strcmp(wanted, "-") == 0)
		return *got == '\0';
	if (*got && !*got_end && !*wanted_end)
		return a == b;
	snprintf(text, sizeof text, "%s", wanted);
	for (char *c = text; *c; c++)
		if (*c == '~')
			*c = ' ';
	return strcmp(got, text) == 0;
}

static void judge(const struct smpp_sample *s, char *line, struct fields *f)
{
	char *values[FIELDS_MAX] = {NULL}, name[64], value[128];
	const char *says = s->says;

	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < f->count; i++)
		values[i] = strsep(&line, "|");
	assert_non_null(values[f->count - 1]);
	/* the first of them are always told */
	if (strtoul(values[0], NULL, 0) != s->pdu.id || *values[1] || *values[2])
		fail_msg("%s: %s %s %s", smpp_command_name(s->pdu.id), values[0], values[1],
			 values[2]);
	while (next_pair(&says, name, value)) {
		const char *got = values[field_index(f, name)];

		if (!is_same(got, value))
			fail_msg("%s: %s is %s, not %s", smpp_command_name(s->pdu.id), name, got,
				 value);
	}
}

static void tshark_reads_what_we_wrote(void **state)
{
	static struct fields f;
	char file[] = "/tmp/hato-smpp-XXXXXX", line[LINE_SIZE], name[64], value[128];
	int fd = mkstemp(file);
	FILE *p;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_capture(file);
	field_index(&f, "smpp.command_id");
	field_index(&f, "_ws.malformed");
	field_index(&f, "_ws.expert.message");
	for (size_t i = 0; i < COUNT(smpp_samples); i++)
		for (const char *says = smpp_samples[i].says; next_pair(&says, name, value);)
			field_index(&f, name);
	p = open_judge(file, &f);
	assert_non_null(p);
	for (size_t i = 0; i < COUNT(smpp_samples); i++) {
		if (!fgets(line, sizeof line, p))
			fail_msg("tshark ended before %s",
				 smpp_command_name(smpp_samples[i].pdu.id));
		judge(&smpp_samples[i], line, &f);
	}
	assert_null(fgets(line, sizeof line, p));
	assert_int_equal(pclose(p), 0);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tshark_reads_what_we_wrote)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
