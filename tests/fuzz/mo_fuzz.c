/* Any body of POST /v1/mo. What is taken is a message within its bounds. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "smsc-sim/content_json.h"
#include "smsc-sim/mo_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_number(const char *number)
{
	must(*number && strlen(number) < MO_NUMBER_MAX);
	must(strspn(number, "0123456789") == strlen(number));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mo mo;
	char line[CONTENT_SUMMARY_MAX];

	if (mo_json_read((const char *)data, size, &mo))
		return 0;
	check_number(mo.source);
	check_number(mo.destination);
	must(mo.length <= MO_OCTETS_MAX && mo.udh_len <= mo.length);
	must(mo.data_coding == 0 || mo.data_coding == 4 || mo.data_coding == 8);
	must(!mo.udh_len || (mo.octets[0] + 1u == mo.udh_len && mo.data_coding == 4));
	/* And what a person would be shown of it. */
	const struct content content = {
		mo.octets,      mo.udh_len, mo.octets + mo.udh_len, mo.length - mo.udh_len,
		mo.data_coding, false};
	content_summary(&content, line);
	must(memchr(line, 0, sizeof line));
	json_t *json = content_json_write(&content);
	must(json != NULL);
	json_decref(json);
	return 0;
}
