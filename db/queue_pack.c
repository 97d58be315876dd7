/* What a caller says, copied into one piece of memory: measured first, then copied, by the same
 * calls. */
#include <stdalign.h>
#include <string.h>

#include "db/queue_rows.h"

void *pack_room(struct packer *p, size_t n)
{
	size_t step = alignof(max_align_t);

	p->n = (p->n + step - 1) / step * step;
	void *room = p->at ? p->at + p->n : NULL;
	p->n += n;
	return room;
}

const void *pack_octets(struct packer *p, const void *from, size_t n)
{
	void *to = p->at ? p->at + p->n : NULL;

	if (to && n)
		memcpy(to, from, n);
	p->n += n;
	return to;
}

const char *pack_text(struct packer *p, const char *from)
{
	return pack_octets(p, from, strlen(from) + 1);
}

/* At a character's beginning. */
static size_t cut(const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n <= max)
		return n;
	for (n = max; n && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

void queue_reply_pack(struct packer *p, const struct queue_reply *from, struct queue_reply *to)
{
	to->code = from->code;
	to->enhanced = pack_text(p, from->enhanced);
	to->remote = pack_text(p, from->remote);
	to->text = pack_octets(p, from->text, cut(from->text, QUEUE_TEXT_MAX - 1));
	pack_octets(p, "", 1);
}

static const struct queue_recipient_new *pack_recipients(struct packer *p,
							 const struct queue_new *from)
{
	struct queue_recipient_new *all = pack_room(p, from->recipient_count * sizeof *all);

	for (size_t i = 0; i < from->recipient_count; i++) {
		struct queue_recipient_new r = from->recipients[i];
		r.address = pack_text(p, r.address);
		r.canonical = pack_text(p, r.canonical);
		r.lane = pack_text(p, r.lane);
		r.orcpt = pack_text(p, r.orcpt);
		if (all)
			all[i] = r;
	}
	return all;
}

void queue_new_pack(struct packer *p, const struct queue_new *from, struct queue_new *to)
{
	struct access_via *via = from->via ? pack_room(p, sizeof *via) : NULL;

	*to = *from;
	if (via)
		*via = *from->via;
	to->via = via;
	to->reverse_path = pack_text(p, from->reverse_path);
	to->envid = pack_text(p, from->envid);
	to->octets = from->octets ? pack_octets(p, from->octets, (size_t)from->size) : NULL;
	to->recipients = pack_recipients(p, from);
}

void suppression_pack(struct packer *p, const struct suppression *from, struct suppression *to)
{
	*to = *from;
	to->address = pack_text(p, from->address);
	queue_reply_pack(p, &from->reason, &to->reason);
}
