#include "lib/wire/push/wsp.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/wire/octets.h"

#define PDU_PUSH              0x06
#define PDU_CONFIRMED_PUSH    0x07
#define SHORT_INTEGER         0x80 /* bit 7 of a number below 0x80, and of a coded field name */
#define FIELD_APPLICATION_ID  0x2F
#define LENGTH_QUOTE          31 /* a uintvar length follows */
#define TEXT_QUOTE            127
#define CODE_MAX              0xFFFF
#define CONTENT_TYPE_OCTETS   4 /* of the general form with a code of two octets */
#define APPLICATION_ID_OCTETS 4

/* The names that other servers may spell out. */
struct name {
	const char *text;
	uint32_t code;
};

static const struct name content_types[] = {
	{"application/vnd.wap.emn+wbxml", WSP_CONTENT_EMN},
	{NULL, WSP_UNKNOWN},
};

static const struct name applications[] = {
	{"x-wap-application:*", WSP_APPLICATION_ANY},
	{"x-wap-application:emn.ua", WSP_APPLICATION_EMN},
	{"x-oma-docomo:xmd.mail.ua", WSP_APPLICATION_SPMODE},
	{NULL, WSP_UNKNOWN},
};

/* A field value by the rule for unknown headers: its first octet tells where it ends. */
struct value {
	enum { VALUE_SHORT, VALUE_DATA, VALUE_TEXT } kind;
	const uint8_t *at; /* of VALUE_TEXT: NUL-ended */
	size_t len;
	uint8_t number; /* of VALUE_SHORT */
};

static void put_code(struct octets_writer *w, uint32_t code, bool is_short)
{
	if (is_short) {
		octets_put_u8(w, (uint8_t)(SHORT_INTEGER | code));
		return;
	}
	octets_put_u8(w, 2);
	octets_put_u8(w, (uint8_t)(code >> 8));
	octets_put_u8(w, (uint8_t)(code & 0xff));
}

/* A code below 0x80 is a short-integer, and then the content type needs no general form. */
static void put_content_type(struct octets_writer *w, uint32_t code)
{
	bool is_short = code < SHORT_INTEGER;

	if (!is_short)
		octets_put_u8(w, CONTENT_TYPE_OCTETS - 1);
	put_code(w, code, is_short);
}

static void put_headers(struct octets_writer *w, const struct wsp_push *push)
{
	put_content_type(w, push->content_type);
	octets_put_u8(w, SHORT_INTEGER | FIELD_APPLICATION_ID);
	put_code(w, push->application_id, push->application_id < SHORT_INTEGER);
	for (size_t i = 0; i < push->header_count; i++) {
		octets_put_text(w, push->headers[i].name);
		octets_put_text(w, push->headers[i].value);
	}
}

static bool is_token(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c))
			return false;
	}
	return *name != '\0';
}

/* Printable ASCII only: it needs no quote in front and shifts no code page. */
static bool is_plain_text(const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c < ' ' || *c > '~')
			return false;
	}
	return *value != '\0';
}

static int check_push(const struct wsp_push *push)
{
	if (push->content_type > CODE_MAX || push->application_id > CODE_MAX)
		return E_RANGE;
	if (push->header_count > WSP_HEADERS_MAX)
		return E_TOO_LARGE;
	for (size_t i = 0; i < push->header_count; i++) {
		if (!is_token(push->headers[i].name) || !is_plain_text(push->headers[i].value))
			return E_SYNTAX;
	}
	return 0;
}

/* Without writing: what put_headers will. */
static size_t headers_len(const struct wsp_push *push)
{
	size_t len = push->content_type < SHORT_INTEGER ? 1 : CONTENT_TYPE_OCTETS;

	len += push->application_id < SHORT_INTEGER ? 2 : APPLICATION_ID_OCTETS;
	for (size_t i = 0; i < push->header_count; i++)
		len += strlen(push->headers[i].name) + strlen(push->headers[i].value) + 2;
	return len;
}

int wsp_push_encode(const struct wsp_push *push, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size};
	int err = check_push(push);
	size_t headers;

	if (err)
		return err;
	headers = headers_len(push);
	if (headers > size)
		return E_TOO_LARGE;
	octets_put_u8(&w, push->tid);
	octets_put_u8(&w, PDU_PUSH);
	octets_put_uintvar(&w, (uint32_t)headers);
	put_headers(&w, push);
	octets_put(&w, push->body, push->body_len);
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

static bool take_text(struct octets_reader *r, struct value *v)
{
	const char *text;

	if (!octets_take_text(r, &text, &v->len))
		return false;
	v->kind = VALUE_TEXT;
	if (*text == TEXT_QUOTE) {
		text++;
		v->len--;
	}
	v->at = (const uint8_t *)text;
	return true;
}

static bool take_value(struct octets_reader *r, struct value *v)
{
	uint32_t len;
	uint8_t first;

	if (r->left > 0 && *r->at > LENGTH_QUOTE && *r->at < SHORT_INTEGER)
		return take_text(r, v);
	if (!octets_take_u8(r, &first))
		return false;
	if (first >= SHORT_INTEGER) {
		v->kind = VALUE_SHORT;
		v->number = (uint8_t)(first & ~SHORT_INTEGER);
		return true;
	}
	len = first;
	if (first == LENGTH_QUOTE && !octets_take_uintvar(r, &len))
		return false;
	v->kind = VALUE_DATA;
	v->len = len;
	return octets_take(r, len, &v->at);
}

/* An integer value, short or long. */
static bool value_code(const struct value *v, uint32_t *code)
{
	uint32_t bits = 0;

	if (v->kind == VALUE_SHORT) {
		*code = v->number;
		return true;
	}
	if (v->kind != VALUE_DATA || v->len == 0 || v->len > 2)
		return false;
	for (size_t i = 0; i < v->len; i++)
		bits = bits << 8 | v->at[i];
	*code = bits;
	return true;
}

static uint32_t name_code(const struct name *names, const uint8_t *text)
{
	while (names->text && strcasecmp(names->text, (const char *)text) != 0)
		names++;
	return names->code;
}

/* Constrained or general form. Parameters (a charset) are passed over: WBXML names its own. */
static bool take_content_type(struct octets_reader *r, uint32_t *code)
{
	struct value v;

	if (!take_value(r, &v))
		return false;
	if (v.kind == VALUE_DATA) {
		struct octets_reader general = {.at = v.at, .left = v.len};

		if (!take_value(&general, &v))
			return false;
	}
	if (v.kind != VALUE_TEXT)
		return value_code(&v, code);
	*code = name_code(content_types, v.at);
	return true;
}

static int take_coded_header(struct octets_reader *r, struct wsp_push *push, bool *has_application)
{
	struct value v;
	uint8_t field;

	if (!octets_take_u8(r, &field) || !take_value(r, &v))
		return E_SYNTAX;
	if (field != (SHORT_INTEGER | FIELD_APPLICATION_ID))
		return 0;
	if (*has_application)
		return E_SYNTAX;
	*has_application = true;
	if (v.kind == VALUE_TEXT)
		push->application_id = name_code(applications, v.at);
	else if (!value_code(&v, &push->application_id))
		return E_SYNTAX;
	return 0;
}

static int take_text_header(struct octets_reader *r, struct wsp_push *push)
{
	struct wsp_header *h = &push->headers[push->header_count];
	struct value v;
	const char *name;
	size_t name_len;

	if (push->header_count == WSP_HEADERS_MAX)
		return E_TOO_LARGE;
	if (!octets_take_text(r, &name, &name_len) || !is_token(name) || !take_value(r, &v))
		return E_SYNTAX;
	/* Application-specific headers have text values; of anything else we know no meaning. */
	if (v.kind != VALUE_TEXT)
		return 0;
	h->name = name;
	h->value = (const char *)v.at;
	push->header_count++;
	return 0;
}

static int take_headers(struct octets_reader *r, struct wsp_push *push)
{
	bool has_application = false;

	if (!take_content_type(r, &push->content_type))
		return E_SYNTAX;
	while (r->left > 0) {
		int err = *r->at >= SHORT_INTEGER ? take_coded_header(r, push, &has_application)
						  : take_text_header(r, push);

		if (err)
			return err;
	}
	return 0;
}

int wsp_push_decode(const uint8_t *pdu, size_t len, struct wsp_push *out)
{
	struct octets_reader r = {.at = pdu, .left = len}, headers;
	struct wsp_push push = {.application_id = WSP_APPLICATION_ANY};
	uint32_t headers_octets;
	uint8_t type;
	int err;

	if (!octets_take_u8(&r, &push.tid) || !octets_take_u8(&r, &type))
		return E_SYNTAX;
	if (type != PDU_PUSH)
		return type == PDU_CONFIRMED_PUSH ? E_RANGE : E_SYNTAX;
	if (!octets_take_uintvar(&r, &headers_octets) ||
	    !octets_take(&r, headers_octets, &headers.at))
		return E_SYNTAX;
	headers.left = headers_octets;
	err = take_headers(&headers, &push);
	if (err)
		return err;
	push.body = r.at;
	push.body_len = r.left;
	*out = push;
	return 0;
}
