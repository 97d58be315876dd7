#include "authsrv/subscriber_json.h"

#include <stdio.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "lib/wire/mailaddr.h"

/* As written if there was nothing to unquote; else the dequoted local part. */
static void address_show(const char *text, const struct mailaddr *a, char shown[ADDRESS_MAX])
{
	char canonical[MAILADDR_TEXT_MAX + 1];
	const char *at = strrchr(text, '@');

	if (*text != '"')
		snprintf(shown, ADDRESS_MAX, "%s", text);
	else if (at)
		snprintf(shown, ADDRESS_MAX, "%s%s", a->local, at);
	else
		snprintf(shown, ADDRESS_MAX, "%s", mailaddr_canonical(a, canonical));
}

static const char *address_read(const json_t *json, struct subscriber *s)
{
	const char *text = json_string_value(json);
	size_t length = json_string_length(json);
	char folded[MAILADDR_TEXT_MAX + 1];
	struct mailaddr a;

	if (!text || strlen(text) != length || mailaddr_parse(text, length, 0, &a))
		return "addresses: not a mail address";
	size_t i = s->address_count++;
	address_show(text, &a, s->addresses[i].shown);
	snprintf(s->addresses[i].canonical, ADDRESS_MAX, "%s", mailaddr_folded(&a, folded));
	if (i == 0 && strlen(s->addresses[0].shown) > FIRST_ADDRESS_MAX)
		return "addresses: the first one is over 80 octets";
	for (size_t j = 0; j < i; j++)
		if (!strcmp(s->addresses[j].canonical, s->addresses[i].canonical))
			return "addresses: the same one twice";
	return NULL;
}

static const char *addresses_read(const json_t *body, struct subscriber *s)
{
	const json_t *list = json_object_get(body, "addresses");
	size_t n = json_array_size(list);
	const char *wrong = NULL;

	if (!json_is_array(list) || n < 1 || n > SUBSCRIBER_ADDRESSES)
		return "addresses is no array of 1 to 16 addresses";
	for (size_t i = 0; !wrong && i < n; i++)
		wrong = address_read(json_array_get(list, i), s);
	return wrong;
}

static const char *sim_read(const json_t *body, struct subscriber_put *put)
{
	enum field k = field_hex(body, "k", put->k, sizeof put->k);
	enum field opc = field_hex(body, "opc", put->opc, sizeof put->opc);

	if (k == FIELD_BAD || opc == FIELD_BAD)
		return "k and opc are 32 hexadecimal digits each";
	if (k != opc)
		return "k and opc come together";
	put->set_sim_key = k == FIELD_GOOD;
	if (put->set_sim_key && !*put->subscriber.imsi)
		return "a SIM with k and opc has an imsi";
	return NULL;
}

const char *subscriber_json_read(const json_t *body, const char *msisdn, struct subscriber_put *out)
{
	struct subscriber *s = &out->subscriber;
	char same[MSISDN_MAX];

	*out = (struct subscriber_put){.set_sim_key = false};
	snprintf(s->msisdn, sizeof s->msisdn, "%s", msisdn);
	if (!json_is_object(body))
		return "a subscriber is an object";
	enum field found = field_msisdn(body, same);
	if (found == FIELD_BAD || (found == FIELD_GOOD && strcmp(same, msisdn) != 0))
		return "msisdn is not the path's";
	if (field_imsi(body, s->imsi) == FIELD_BAD)
		return "imsi is not 6 to 15 digits";
	const char *wrong = addresses_read(body, s);
	return wrong ? wrong : sim_read(body, out);
}

json_t *subscriber_addresses_write(const struct subscriber *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->address_count; i++)
		json_array_append_new(list, json_string(s->addresses[i].shown));
	return list;
}

json_t *subscriber_json_write(const struct subscriber *s)
{
	return json_pack("{s:s, s:s?, s:o, s:b}", "msisdn", s->msisdn, "imsi",
			 *s->imsi ? s->imsi : NULL, "addresses", subscriber_addresses_write(s),
			 "sim_key", (int)s->has_sim_key);
}
