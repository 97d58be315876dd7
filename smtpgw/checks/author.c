#include "smtpgw/checks/author.h"

#include "lib/wire/smtp/address_list.h"

static bool author_begin(struct check_job *job)
{
	(void)job;
	return true;
}

static void read_from(struct findings *f, const struct header_field *field)
{
	struct address_list list;
	struct address_item item;

	address_list_init(&list, field->value, field->value_len, ADDRESS_LIST_JAPANESE);
	while (address_list_next(&list, &item)) {
		if (item.kind != ADDRESS_MAILBOX)
			continue;
		if (f->from_count++ == 0)
			f->from = item.address;
	}
}

static void author_field(struct check_job *job, const struct header_field *field)
{
	struct findings *f = check_findings(job);

	if (header_is(field, "From"))
		read_from(f, field);
	else if (header_is(field, "Disposition-Notification-To"))
		f->asks_receipt = true;
}

const struct check check_author = {
	.name = "author",
	.is_help = true,
	.begin = author_begin,
	.field = author_field,
};
