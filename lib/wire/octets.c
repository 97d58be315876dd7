#include "lib/wire/octets.h"

#include <string.h>

#define UINTVAR_OCTETS_MAX 5

bool octets_take(struct octets_reader *r, size_t len, const uint8_t **at)
{
	if (len > r->left)
		return false;
	*at = r->at;
	r->at += len;
	r->left -= len;
	return true;
}

bool octets_take_u8(struct octets_reader *r, uint8_t *value)
{
	const uint8_t *at;

	if (!octets_take(r, 1, &at))
		return false;
	*value = *at;
	return true;
}

bool octets_take_u16(struct octets_reader *r, uint16_t *value)
{
	const uint8_t *at;

	if (!octets_take(r, 2, &at))
		return false;
	*value = (uint16_t)(at[0] << 8 | at[1]);
	return true;
}

bool octets_take_u32(struct octets_reader *r, uint32_t *value)
{
	const uint8_t *at;

	if (!octets_take(r, 4, &at))
		return false;
	*value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	return true;
}

bool octets_take_uintvar(struct octets_reader *r, uint32_t *value)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < r->left && i < UINTVAR_OCTETS_MAX; i++) {
		bits = bits << 7 | (r->at[i] & 0x7f);
		if (r->at[i] & 0x80)
			continue;
		if (bits > UINT32_MAX)
			return false;
		*value = (uint32_t)bits;
		r->at += i + 1;
		r->left -= i + 1;
		return true;
	}
	return false;
}

bool octets_take_text(struct octets_reader *r, const char **text, size_t *len)
{
	const uint8_t *end = r->left ? memchr(r->at, '\0', r->left) : NULL;

	if (!end)
		return false;
	*text = (const char *)r->at;
	*len = (size_t)(end - r->at);
	r->at += *len + 1;
	r->left -= *len + 1;
	return true;
}

void octets_put(struct octets_writer *w, const void *data, size_t len)
{
	if (w->is_full || len > w->room - w->len) {
		w->is_full = true;
		return;
	}
	if (len > 0)
		memcpy(w->at + w->len, data, len);
	w->len += len;
}

void octets_put_u8(struct octets_writer *w, uint8_t value)
{
	octets_put(w, &value, 1);
}

void octets_put_u16(struct octets_writer *w, uint16_t value)
{
	const uint8_t octets[] = {(uint8_t)(value >> 8), (uint8_t)value};

	octets_put(w, octets, sizeof octets);
}

void octets_put_u32(struct octets_writer *w, uint32_t value)
{
	const uint8_t octets[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 8), (uint8_t)value};

	octets_put(w, octets, sizeof octets);
}

void octets_put_uintvar(struct octets_writer *w, uint32_t value)
{
	uint8_t groups[UINTVAR_OCTETS_MAX];
	size_t first = UINTVAR_OCTETS_MAX - 1;

	groups[first] = value & 0x7f;
	while (value >>= 7)
		groups[--first] = (uint8_t)(0x80 | (value & 0x7f));
	octets_put(w, groups + first, UINTVAR_OCTETS_MAX - first);
}

void octets_put_text(struct octets_writer *w, const char *text)
{
	octets_put(w, text, strlen(text) + 1);
}
