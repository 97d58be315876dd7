#include "lib/wire/sms/radio.h"

#include <stdbool.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/octets.h"

#define LENGTH_OCTETS 2
#define IMSI_MIN      6
#define IMSI_MAX      15

static bool is_digits(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return true;
}

static bool is_payload(enum radio_kind kind, const uint8_t *at, size_t len)
{
	switch (kind) {
	case RADIO_ATTACH:
		return len == 0 || (len >= IMSI_MIN && len <= IMSI_MAX && is_digits(at, len));
	case RADIO_DETACH:
		return len == 0;
	case RADIO_RP:
		return len > 0 && len <= RADIO_PAYLOAD_MAX;
	case RADIO_ATTACHED:
		return len == 1;
	}
	return false;
}

int radio_encode(const struct radio_frame *frame, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size};
	size_t number = strnlen(frame->number, sizeof frame->number);
	size_t follows = 2 + number + frame->payload_len;

	if (number == 0 || number > RADIO_NUMBER_MAX ||
	    !is_digits((const uint8_t *)frame->number, number) ||
	    !is_payload(frame->kind, frame->payload, frame->payload_len))
		return E_SYNTAX;
	octets_put_u8(&w, (uint8_t)(follows >> 8));
	octets_put_u8(&w, (uint8_t)(follows & 0xff));
	octets_put_u8(&w, (uint8_t)frame->kind);
	octets_put_u8(&w, (uint8_t)number);
	octets_put(&w, frame->number, number);
	octets_put(&w, frame->payload, frame->payload_len);
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

static int take_frame(struct octets_reader *r, struct radio_frame *out)
{
	struct radio_frame frame = {0};
	const uint8_t *number;
	uint8_t kind, number_len;

	if (!octets_take_u8(r, &kind) || !octets_take_u8(r, &number_len) || number_len == 0 ||
	    number_len > RADIO_NUMBER_MAX || !octets_take(r, number_len, &number) ||
	    !is_digits(number, number_len) || kind < RADIO_ATTACH || kind > RADIO_ATTACHED)
		return E_SYNTAX;
	frame.kind = (enum radio_kind)kind;
	memcpy(frame.number, number, number_len);
	frame.payload = r->at;
	frame.payload_len = r->left;
	if (!is_payload(frame.kind, frame.payload, frame.payload_len))
		return E_SYNTAX;
	*out = frame;
	return 0;
}

int radio_decode(const uint8_t *octets, size_t len, struct radio_frame *out, size_t *taken)
{
	struct octets_reader r = {0};

	if (len < LENGTH_OCTETS)
		return E_AGAIN;
	r.left = (size_t)octets[0] << 8 | octets[1];
	if (r.left > RADIO_FRAME_MAX - LENGTH_OCTETS)
		return E_SYNTAX;
	if (r.left > len - LENGTH_OCTETS)
		return E_AGAIN;
	size_t follows = r.left;
	r.at = octets + LENGTH_OCTETS;
	int err = take_frame(&r, out);
	if (!err)
		*taken = LENGTH_OCTETS + follows;
	return err;
}
