/* The lists of submit_multi and its response. */
#include <string.h>

#include "lib/wire/smpp/layout.h"

enum dest_flag { DEST_ADDRESS = 1, DEST_LIST = 2 };

bool smpp_take_text(struct octets_reader *r, size_t size, char *out)
{
	size_t room = r->left < size ? r->left : size;
	const uint8_t *at = r->at, *end = room ? memchr(at, '\0', room) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - at) + 1;
	for (size_t i = 0; i < len; i++)
		if (at[i] & 0x80)
			return false;
	memcpy(out, at, len);
	r->at += len;
	r->left -= len;
	return true;
}

bool smpp_put_text(struct octets_writer *w, size_t size, const char *text)
{
	size_t len = strnlen(text, size);

	if (len == size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] & 0x80)
			return false;
	octets_put(w, text, len + 1);
	return true;
}

static bool take_address(struct octets_reader *r, struct smpp_address *a)
{
	return octets_take_u8(r, &a->ton) && octets_take_u8(r, &a->npi) &&
	       smpp_take_text(r, SMPP_NUMBER_SIZE, a->number);
}

static void put_address(struct octets_writer *w, const struct smpp_address *a)
{
	octets_put_u8(w, a->ton);
	octets_put_u8(w, a->npi);
	if (!smpp_put_text(w, SMPP_NUMBER_SIZE, a->number))
		w->is_full = true;
}

uint32_t smpp_take_destination(struct octets_reader *r, struct smpp_destination *out)
{
	uint8_t flag;

	*out = (struct smpp_destination){0};
	if (!octets_take_u8(r, &flag))
		return SMPP_RINVNUMDESTS;
	if (flag != DEST_ADDRESS && flag != DEST_LIST)
		return SMPP_RINVDESTFLAG;
	out->is_list = flag == DEST_LIST;
	if (out->is_list)
		return smpp_take_text(r, SMPP_NUMBER_SIZE, out->list) ? SMPP_ROK : SMPP_RINVDLNAME;
	return take_address(r, &out->address) ? SMPP_ROK : SMPP_RINVDSTADR;
}

uint32_t smpp_take_unsuccessful(struct octets_reader *r, struct smpp_unsuccessful *out)
{
	*out = (struct smpp_unsuccessful){0};
	return take_address(r, &out->address) && octets_take_u32(r, &out->status)
		       ? SMPP_ROK
		       : SMPP_RINVNUMDESTS;
}

bool smpp_next_destination(const struct smpp_list *l, size_t *at, struct smpp_destination *out)
{
	struct octets_reader r;
	struct smpp_destination d;

	if (*at >= l->len)
		return false;
	r = (struct octets_reader){.at = l->octets + *at, .left = l->len - *at};
	if (smpp_take_destination(&r, &d))
		return false;
	*at = l->len - r.left;
	*out = d;
	return true;
}

bool smpp_next_unsuccessful(const struct smpp_list *l, size_t *at, struct smpp_unsuccessful *out)
{
	struct octets_reader r;
	struct smpp_unsuccessful u;

	if (*at >= l->len)
		return false;
	r = (struct octets_reader){.at = l->octets + *at, .left = l->len - *at};
	if (smpp_take_unsuccessful(&r, &u))
		return false;
	*at = l->len - r.left;
	*out = u;
	return true;
}

void smpp_put_destination(struct octets_writer *w, const struct smpp_destination *d)
{
	octets_put_u8(w, d->is_list ? DEST_LIST : DEST_ADDRESS);
	if (!d->is_list)
		put_address(w, &d->address);
	else if (!smpp_put_text(w, SMPP_NUMBER_SIZE, d->list))
		w->is_full = true;
}

void smpp_put_unsuccessful(struct octets_writer *w, const struct smpp_unsuccessful *u)
{
	put_address(w, &u->address);
	octets_put_u32(w, u->status);
}
