/* Any body of PUT /v1/filter. What is taken reads back from what is shown of it, and judges any
 * sender twice alike: what is final by the envelope stays so. */
#include <stdlib.h>
#include <string.h>

#include "authsrv/filter_json.h"
#include "authsrv/json_field.h"
#include "lib/err.h"

#define MOST 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_shown(const struct filter *f)
{
	char wrong[FILTER_WRONG_MAX];
	struct filter *again = NULL;
	json_t *shown = filter_json_write(f, true);

	must(shown && !json_object_del(shown, "default"));
	must(!filter_json_read(shown, MOST, &again, wrong));
	must(filter_equal(f, again));
	json_decref(shown);
	free(again);
}

static void check_verdicts(const struct filter *f, const char *from, const char *author)
{
	struct filter_facts facts = {.size = 1000};
	struct mailaddr a = {0}, b;

	must(!*from || !mailaddr_parse(from, strlen(from), 0, &a));
	must(!mailaddr_parse(author, strlen(author), 0, &b));
	filter_note_envelope(f, "carrier.test\n", &a, &facts);
	enum filter_verdict early = filter_judge(f, &facts, NULL);
	facts.is_whole = true;
	facts.author = FILTER_PROOF_FORGED;
	filter_note_author(f, "carrier.test\n", &b, &facts);
	filter_note_addressee(f, &b, &facts);
	enum filter_verdict late = filter_judge(f, &facts, NULL);
	must(late != FILTER_OPEN && (early == FILTER_OPEN || early == late));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char wrong[FILTER_WRONG_MAX] = "";
	struct filter *f = NULL;
	json_t *body = body_read((const char *)data, size);

	if (!body)
		return 0;
	int err = filter_json_read(body, MOST, &f, wrong);
	json_decref(body);
	if (err) {
		must(err == E_SYNTAX && *wrong && !f);
		return 0;
	}
	check_shown(f);
	check_verdicts(f, "", "x@carrier.test");
	check_verdicts(f, "x@b.test", "taro@b.test");
	check_verdicts(f, "p@carrier.test", "x@sub.b.test");
	free(f);
	return 0;
}
