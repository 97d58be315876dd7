/* address_list -- the addresses of From, Sender, To, Cc, Reply-To
 *
 * Takes a field's value apart, item by item, and never fails: what cannot be read as an address is
 * an item too, of kind ADDRESS_JUNK, so that a caller who must know the author (is this From the
 * subscriber's own? is it aligned?) sees that there is something that it does not understand, and
 * one who only collects skips it.
 *
 *   a@b                      Taro <a@b>             "Suzuki, Taro" <a@b>       a@b (Taro)
 *   Friends: a@b, c@d;       undisclosed-recipients:;                          <@relay:a@b>
 *   a..b.@docomo.ne.jp       "a..b."@docomo.ne.jp   (one address, see mailaddr.h)
 *
 * Comments and folding white space may stand wherever RFC 5322 (obsolete forms too) lets them. An
 * address in brackets is the item's address whatever the name before it looks like; two of them,
 * or text behind one, are junk, as are an open quote or comment and `<>`. Items are parted by
 * commas, and by semicolons outside groups as some clients do. Empty items are skipped.
 *
 * Octets over 127 may stand in names in any character set, and as UTF-8 in addresses. With
 * ADDRESS_LIST_JAPANESE raw ISO-2022-JP (ESC $ B ... ESC ( B) in a name is one word, though its
 * octets look like quotes, commas and brackets, and so is the second octet of Shift_JIS in quotes:
 * for reading other people's mail. A strict reader leaves it off: what it was hidden from counts.
 *
 * OWNERSHIP  values and pointers into the text, nothing to free
 * THREADS    any
 * TRUST      the text comes off the network: any length, any octets. Linear time, no recursion
 * SEE        RFC 5322 3.4, 4.4; RFC 6532 3.2; RFC 6854 (groups in From); RFC 1468; protocols 6.6
 */
#ifndef HATO_LIB_WIRE_SMTP_ADDRESS_LIST_H
#define HATO_LIB_WIRE_SMTP_ADDRESS_LIST_H

#include "lib/wire/mailaddr.h"

#include <stdbool.h>
#include <stddef.h>

enum address_list_flag { ADDRESS_LIST_JAPANESE = 1 << 0 };

enum address_kind {
	ADDRESS_MAILBOX,
	ADDRESS_GROUP, /* `name:`; its members follow */
	ADDRESS_JUNK
};

struct address_item {
	enum address_kind kind;
	struct mailaddr address; /* of a mailbox; else null */
	const char *name;        /* what stands before the brackets or the colon, as it stands */
	size_t name_len;
	const char *text; /* the whole item, without the blanks around it */
	size_t text_len;
	bool in_group;
};

struct address_list {
	const char *at, *end;
	unsigned flags;
	bool in_group;
};

/* A header field's value; folded or not is the same. */
void address_list_init(struct address_list *l, const char *text, size_t len, unsigned flags);
/* False: there are no more. */
bool address_list_next(struct address_list *l, struct address_item *out);

#endif
