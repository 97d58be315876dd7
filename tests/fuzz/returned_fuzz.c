/* returned: a message, in which "@SEAL@" stands for a seal of a mail to a@b.example and
 * c@d.example. Read as a notice to the sender and to somebody else: only with the seal, only to the
 * sender, and only those two are ever dead; and what is said of them is one line of visible ASCII.
 */
#include <stdlib.h>
#include <string.h>

#include "smtpgw/checks/returned_report.h"

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())
#define MARK            "@SEAL@"
#define MARK_LEN        (sizeof MARK - 1)
#define SENDER          7

static struct return_seal *seal;
static char text[RETURN_SEAL_MAX + 1];

static void begin(void)
{
	static const char *const to[] = {"a@b.example", "c@d.example"};
	static const uint8_t key[SECRET_KEY_BYTES] = {1};
	const struct sealed_mail m = {.received_s = 1000, .sender = SENDER, .mail = 1};

	MUST(return_seal_new(key, &seal) == 0);
	MUST(return_seal_write(seal, &m, to, 2, text) == 0);
}

static void check_line(const char *line)
{
	for (; *line; line++)
		MUST(*line >= ' ' && *line <= '~');
}

static void check(const uint8_t *octets, size_t n, int64_t to, bool is_sealed)
{
	const struct returned_rules rules = {
		.seal = seal, .to = to, .now_s = 1500, .valid_s = 1000, .recipients_max = 50};
	struct returned_report *r = malloc(sizeof *r);

	MUST(r && returned_report_read(&rules, octets, n, r) == 0);
	MUST((r->verdict == RETURNED_DEAD) == (r->count > 0) && r->count <= 2);
	MUST(is_sealed || r->verdict <= RETURNED_FORGED);
	MUST(to == SENDER || r->verdict <= RETURNED_FOREIGN);
	for (size_t i = 0; i < r->count; i++) {
		const struct returned_address *d = &r->dead[i];
		MUST(strcmp(d->address, "a@b.example") == 0 ||
		     strcmp(d->address, "c@d.example") == 0);
		MUST(d->code >= 500 && d->code <= 599 && strncmp(d->enhanced, "5.1.", 4) == 0);
		check_line(d->text);
		check_line(d->remote);
	}
	free(r);
}

/* With the seal for each mark. */
static uint8_t *put_seals(const uint8_t *data, size_t size, size_t *n, bool *is_sealed)
{
	uint8_t *out = malloc(size / MARK_LEN * RETURN_SEAL_MAX + size + 1);

	MUST(out);
	*n = 0;
	*is_sealed = false;
	while (size > 0) {
		if (size >= MARK_LEN && memcmp(data, MARK, MARK_LEN) == 0) {
			memcpy(out + *n, text, strlen(text));
			*n += strlen(text);
			*is_sealed = true;
			data += MARK_LEN;
			size -= MARK_LEN;
		} else {
			out[(*n)++] = *data++;
			size--;
		}
	}
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n;
	bool is_sealed;

	if (!seal)
		begin();
	uint8_t *octets = put_seals(data, size, &n, &is_sealed);
	check(octets, n, SENDER, is_sealed);
	check(octets, n, SENDER + 1, is_sealed);
	free(octets);
	return 0;
}
