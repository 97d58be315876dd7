#include "lib/wire/smpp/receipt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/wire/smpp/time.h"

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define COUNT_MAX   999
#define NETWORK_LEN 3

enum key { KEY_ID, KEY_SUB, KEY_DLVRD, KEY_SUBMIT, KEY_DONE, KEY_STAT, KEY_ERR, KEY_TEXT, KEYS };

static const char *const keys[KEYS] = {
	"id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:"};

/* What was found: values as they lie in the text. */
struct found {
	struct smpp_span values[KEYS];
};

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(struct octets_reader *r)
{
	for (; r->left > 0 && is_space(*r->at); r->left--)
		r->at++;
}

static bool starts_with(const struct octets_reader *r, const char *key)
{
	size_t n = strlen(key);

	return r->left >= n && strncasecmp((const char *)r->at, key, n) == 0;
}

/* The key that stands here, or KEYS. */
static enum key key_here(const struct octets_reader *r)
{
	for (enum key k = 0; k < KEYS; k++)
		if (starts_with(r, keys[k]))
			return k;
	return KEYS;
}

static struct smpp_span take_word(struct octets_reader *r)
{
	struct smpp_span word = {.octets = r->at};

	for (; r->left > 0 && !is_space(*r->at); r->left--)
		r->at++;
	word.len = (size_t)(r->at - word.octets);
	return word;
}

static struct smpp_span take_value(struct octets_reader *r, enum key k)
{
	const uint8_t *at;

	octets_take(r, strlen(keys[k]), &at);
	if (k == KEY_TEXT)
		return (struct smpp_span){r->at, r->left};
	skip_space(r);
	if (key_here(r) != KEYS)
		return (struct smpp_span){r->at, 0};
	return take_word(r);
}

/* The first of each counts, up to the text. If that leaves the id or the state open, what was not
 * there is sought behind the text, and the last one counts. */
static void find_fields(const uint8_t *text, size_t len, struct found *f)
{
	struct octets_reader r = {.at = text, .left = len};
	bool is_fixed[KEYS] = {false}, is_behind = false;

	for (skip_space(&r); r.left > 0; skip_space(&r)) {
		enum key k = key_here(&r);
		struct smpp_span value;

		if (k == KEYS) {
			take_word(&r);
			continue;
		}
		value = take_value(&r, k);
		if (!is_fixed[k])
			f->values[k] = value;
		is_fixed[k] = is_fixed[k] || !is_behind;
		if (k != KEY_TEXT || is_behind)
			continue;
		if (f->values[KEY_ID].len > 0 && f->values[KEY_STAT].len > 0)
			return;
		is_behind = true;
	}
}

static uint32_t number_of(struct smpp_span s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.len && s.octets[i] >= '0' && s.octets[i] <= '9'; i++) {
		n = n * 10 + (uint32_t)(s.octets[i] - '0');
		if (n > COUNT_MAX)
			return COUNT_MAX;
	}
	return n;
}

static int64_t date_of(struct smpp_span s)
{
	bool has_century = s.len == 14 && memcmp(s.octets, "20", 2) == 0;
	int64_t date;

	if (has_century)
		s = (struct smpp_span){s.octets + 2, s.len - 2};
	return s.len > 0 && smpp_time_of_digits((const char *)s.octets, s.len, &date) == 0
		       ? date
		       : SMPP_RECEIPT_NO_DATE;
}

/* By its first letters: some write DELIVERED, UNDELIVERABLE, REJECTED. */
static bool state_of(struct smpp_span s, uint8_t *state)
{
	static const struct {
		const char *begins;
		uint8_t state;
	} states[] = {
		{"SCHED", SMPP_STATE_SCHEDULED}, {"ENROU", SMPP_STATE_ENROUTE},
		{"DELIV", SMPP_STATE_DELIVERED}, {"EXPIR", SMPP_STATE_EXPIRED},
		{"DELET", SMPP_STATE_DELETED},   {"UNDEL", SMPP_STATE_UNDELIVERABLE},
		{"ACCEP", SMPP_STATE_ACCEPTED},  {"REJEC", SMPP_STATE_REJECTED},
	};
	const struct octets_reader r = {.at = s.octets, .left = s.len};

	if (s.len == 0)
		return false;
	*state = SMPP_STATE_UNKNOWN;
	for (size_t i = 0; i < COUNT(states); i++)
		if (starts_with(&r, states[i].begins))
			*state = states[i].state;
	return true;
}

/* As much as fits, up to a NUL. */
static void copy(struct smpp_span s, char *out, size_t size)
{
	size_t len = s.len > 0 ? strnlen((const char *)s.octets, s.len) : 0;

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(out, s.octets, len);
	out[len] = '\0';
}

static bool is_id(struct smpp_span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.octets[i] == 0 || s.octets[i] & 0x80)
			return false;
	return s.len > 0 && s.len < SMPP_MESSAGE_ID_SIZE;
}

/* Whatever the text says; is there an id, is there a state? */
static void take_text(const uint8_t *text, size_t len, struct smpp_receipt *out, bool *has_id,
		      bool *has_state)
{
	struct found f = {0};

	find_fields(text, len, &f);
	*has_id = is_id(f.values[KEY_ID]);
	if (*has_id)
		copy(f.values[KEY_ID], out->message_id, sizeof out->message_id);
	*has_state = state_of(f.values[KEY_STAT], &out->state);
	out->submitted = number_of(f.values[KEY_SUB]);
	out->delivered = number_of(f.values[KEY_DLVRD]);
	out->submit_s = date_of(f.values[KEY_SUBMIT]);
	out->done_s = date_of(f.values[KEY_DONE]);
	out->has_seconds = f.values[KEY_DONE].len > 10;
	copy(f.values[KEY_ERR], out->error, sizeof out->error);
	copy(f.values[KEY_TEXT], out->text, sizeof out->text);
}

int smpp_receipt_parse(const uint8_t *text, size_t len, struct smpp_receipt *out)
{
	struct smpp_receipt r = {0};
	bool has_id, has_state;

	take_text(text, len, &r, &has_id, &has_state);
	if (!has_id || !has_state)
		return E_SYNTAX;
	*out = r;
	return 0;
}

int smpp_receipt_read(const struct smpp_pdu *pdu, struct smpp_receipt *out)
{
	uint8_t type = pdu->message.esm_class & SMPP_ESM_TYPE;
	struct smpp_receipt r = {.is_intermediate = type == SMPP_ESM_INTERMEDIATE};
	struct smpp_span says = smpp_message_octets(pdu);
	char id[SMPP_MESSAGE_ID_SIZE];
	struct smpp_tlv tlv;
	bool has_id, has_state;

	if (type != SMPP_ESM_RECEIPT && type != SMPP_ESM_INTERMEDIATE)
		return E_NOT_FOUND;
	take_text(says.octets, says.len, &r, &has_id, &has_state);
	if (smpp_tlv_text(pdu->tlvs, SMPP_TLV_RECEIPTED_MESSAGE_ID, id, sizeof id) &&
	    is_id((struct smpp_span){(const uint8_t *)id, strlen(id)})) {
		memcpy(r.message_id, id, sizeof id);
		has_id = true;
	}
	if (smpp_tlv_u8(pdu->tlvs, SMPP_TLV_MESSAGE_STATE, &r.state))
		has_state = true;
	if (!has_id || !has_state)
		return E_SYNTAX;
	if (smpp_tlv_find(pdu->tlvs, SMPP_TLV_NETWORK_ERROR_CODE, &tlv) &&
	    tlv.length == NETWORK_LEN) {
		r.has_network_error = true;
		r.network_type = tlv.value[0];
		r.network_error = (uint16_t)(tlv.value[1] << 8 | tlv.value[2]);
	}
	*out = r;
	return 0;
}

static void put_date(int64_t date_s, bool has_seconds, char out[13])
{
	if (date_s == SMPP_RECEIPT_NO_DATE || smpp_time_digits(date_s, out))
		memcpy(out, "000000000000", 13);
	if (!has_seconds)
		out[10] = '\0';
}

int smpp_receipt_format(const struct smpp_receipt *r, char *out, size_t size, size_t *len)
{
	char submit[13], done[13];
	uint32_t submitted = r->submitted, delivered = r->delivered;
	int n;

	put_date(r->submit_s, r->has_seconds, submit);
	put_date(r->done_s, r->has_seconds, done);
	n = snprintf(out, size,
		     "id:%s sub:%03u dlvrd:%03u submit date:%s done date:%s stat:%s err:%s "
		     "text:%s",
		     r->message_id, submitted > COUNT_MAX ? COUNT_MAX : submitted,
		     delivered > COUNT_MAX ? COUNT_MAX : delivered, submit, done,
		     smpp_state_name(r->state), *r->error ? r->error : "000", r->text);
	if (n < 0 || (size_t)n >= size)
		return E_TOO_LARGE;
	*len = (size_t)n;
	return 0;
}

void smpp_receipt_put_tlvs(const struct smpp_receipt *r, struct octets_writer *w)
{
	const uint8_t network[NETWORK_LEN] = {r->network_type, (uint8_t)(r->network_error >> 8),
					      (uint8_t)r->network_error};

	smpp_tlv_put_text(w, SMPP_TLV_RECEIPTED_MESSAGE_ID, r->message_id);
	smpp_tlv_put_u8(w, SMPP_TLV_MESSAGE_STATE, r->state);
	if (r->has_network_error)
		smpp_tlv_put(w, SMPP_TLV_NETWORK_ERROR_CODE, network, sizeof network);
}

bool smpp_state_is_final(uint8_t state)
{
	return state != SMPP_STATE_SCHEDULED && state != SMPP_STATE_ENROUTE;
}
