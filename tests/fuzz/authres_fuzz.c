/* Mail whose sender writes Authentication-Results: whatever it looks like and however it is cut,
 * what comes out of the filter is the same, is the message less whole fields, and has none of ours
 * in it any more; going through once more changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/smtp/authres.h"
#include "smtpgw/weed.h"

#define ID "mx.test"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kept {
	uint8_t *octets;
	size_t n;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct kept *k = arg;

	must(n > 0);
	memcpy(k->octets + k->n, run, n);
	k->n += n;
}

static struct kept filter(const uint8_t *in, size_t n, size_t step, size_t held)
{
	struct kept k = {malloc(n + 1), 0};
	struct weed f;

	weed_init(&f, ID, held, keep, &k);
	for (size_t at = 0; at < n; at += step)
		must(weed_feed(&f, in + at, n - at < step ? n - at : step) == 0);
	must(weed_finish(&f) == 0);
	weed_fini(&f);
	must(k.n <= n);
	return k;
}

static void on_field(void *arg, const struct header_field *field)
{
	(void)arg;
	if (header_is(field, AUTHRES_FIELD))
		must(!field->is_cut && !authres_is_ours(field->value, field->value_len, ID));
}

static void on_end(void *arg, enum header_end how)
{
	(void)arg;
	must(how != HEADER_OVER);
}

static void none_is_ours(const struct kept *k, size_t held)
{
	static const struct header_sink sink = {.field = on_field, .end = on_end};
	const struct header_limits limits = {held, SIZE_MAX, SIZE_MAX};
	struct header h;
	size_t used;

	header_init(&h, &limits, &sink, NULL);
	must(header_feed(&h, k->octets, k->n, &used) == 0);
	header_finish(&h);
	header_fini(&h);
}

static void is_subsequence(const struct kept *k, const uint8_t *in, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at < k->n; i++)
		at += in[i] == k->octets[at];
	must(at == k->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t held = 100;

	if (size == 0)
		return 0;
	size_t step = 1 + data[0];
	struct kept whole = filter(data + 1, size - 1, SIZE_MAX / 2, held);
	struct kept cut = filter(data + 1, size - 1, step, held);
	must(whole.n == cut.n && memcmp(whole.octets, cut.octets, cut.n) == 0);
	is_subsequence(&whole, data + 1, size - 1);
	none_is_ours(&whole, held);
	struct kept again = filter(whole.octets, whole.n, step, held);
	must(again.n == whole.n && memcmp(again.octets, whole.octets, again.n) == 0);
	free(whole.octets);
	free(cut.octets);
	free(again.octets);
	return 0;
}
