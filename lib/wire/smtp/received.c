#include "lib/wire/smtp/received.h"
#include "lib/err.h"

#include <stdio.h>
#include <string.h>

#define DAY_S      86400
#define ERA_DAYS   146097 /* 400 years */
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */
#define YEAR_0_S   INT64_C(-62167219200)
#define YEAR_10K_S INT64_C(253402300800)

struct date {
	int year, month, day; /* month 0..11, day 1..31 */
};

/* Years are counted from March here, so that the leap day comes last. */
static struct date date_of_day(int64_t day)
{
	int64_t shifted = day + EPOCH_DAYS;
	int64_t era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
	int of_era = (int)(shifted - era * ERA_DAYS);
	int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * of_year + 2) / 153;
	struct date d = {.day = of_year - (153 * month + 2) / 5 + 1, .month = (month + 2) % 12};

	d.year = (int)(era * 400) + year_of_era + (month >= 10);
	return d;
}

int rfc5322_date_format(int64_t time_s, char buf[RFC5322_DATE_MAX + 1])
{
	static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	if (time_s < YEAR_0_S || time_s >= YEAR_10K_S)
		return E_RANGE;
	int64_t day = (time_s >= 0 ? time_s : time_s - (DAY_S - 1)) / DAY_S;
	int of_day = (int)(time_s - day * DAY_S);
	struct date d = date_of_day(day);
	snprintf(buf, RFC5322_DATE_MAX + 1, "%s, %02u %s %04u %02u:%02u:%02u +0000",
		 days[(day % 7 + 7) % 7], (unsigned)d.day % 100, months[d.month],
		 (unsigned)d.year % 10000, (unsigned)of_day / 3600 % 24, (unsigned)of_day / 60 % 60,
		 (unsigned)of_day % 60);
	return 0;
}

const char *received_with(unsigned how)
{
	static const char *const names[2][2][4] = {
		/* plain, S, A, SA */
		{{"ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"}, {"LMTP", "LMTPS", "LMTPA", "LMTPSA"}},
		{{"UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"},
		 {"UTF8LMTP", "UTF8LMTPS", "UTF8LMTPA", "UTF8LMTPSA"}},
	};
	bool is_lmtp = how & RECEIVED_LMTP, is_utf8 = how & RECEIVED_UTF8;
	unsigned suffix = (how & RECEIVED_TLS ? 1U : 0) | (how & RECEIVED_AUTH ? 2U : 0);

	if (!(how & (RECEIVED_EXTENDED | RECEIVED_LMTP | RECEIVED_UTF8)) && suffix == 0)
		return "SMTP";
	return names[is_utf8][is_lmtp][suffix];
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

/* Letters, digits, `.-_` and the octets of `also` stay. */
static const char *harmless(const char *text, const char *also, char out[RECEIVED_NAME_MAX + 1])
{
	size_t n = 0;

	for (; text && text[n] && n < RECEIVED_NAME_MAX; n++)
		out[n] = is_name_char(text[n]) || strchr(also, text[n]) ? text[n] : '?';
	out[n] = '\0';
	if (n == 0)
		strcpy(out, "unknown");
	return out;
}

static int result(int written, size_t size)
{
	return written < 0 || (size_t)written >= size ? E_TOO_LARGE : written;
}

/* " (RDNS [IP])", or nothing for a peer without an address. */
static void format_peer(const struct received *r, char *buf, size_t size)
{
	char rdns[RECEIVED_NAME_MAX + 1], ip[RECEIVED_NAME_MAX + 1];

	buf[0] = '\0';
	if (!r->ip)
		return;
	harmless(r->ip, ":", ip);
	snprintf(buf, size, " (%s%s[%s%s])", r->rdns ? harmless(r->rdns, "", rdns) : "",
		 r->rdns ? " " : "", strchr(ip, ':') ? "IPv6:" : "", ip);
}

static void format_for(const struct received *r, char *buf, size_t size)
{
	char text[MAILADDR_TEXT_MAX + 1];

	buf[0] = '\0';
	if (!r->rcpt || (r->rcpt->is_utf8 && !(r->how & RECEIVED_UTF8)))
		return;
	snprintf(buf, size, "\r\n\tfor <%s>", mailaddr_format(r->rcpt, text));
}

int received_format(const struct received *r, char *buf, size_t size)
{
	char helo[RECEIVED_NAME_MAX + 1], by[RECEIVED_NAME_MAX + 1], id[RECEIVED_NAME_MAX + 1];
	char from[3 * RECEIVED_NAME_MAX + 32] = "", peer[2 * RECEIVED_NAME_MAX + 16];
	char rcpt[MAILADDR_TEXT_MAX + 16];
	char date[RFC5322_DATE_MAX + 1];
	int err = rfc5322_date_format(r->time_s, date);

	if (err)
		return err;
	format_peer(r, peer, sizeof peer);
	format_for(r, rcpt, sizeof rcpt);
	if (!r->hides_client)
		snprintf(from, sizeof from, "from %s%s\r\n\t", harmless(r->helo, ":[]", helo),
			 peer);
	int n = snprintf(buf, size, "Received: %sby %s with %s id %s%s;\r\n\t%s\r\n", from,
			 harmless(r->by, "", by), received_with(r->how), harmless(r->id, "", id),
			 rcpt, date);
	return result(n, size);
}

int return_path_format(const struct mailaddr *a, char *buf, size_t size)
{
	char text[MAILADDR_TEXT_MAX + 1];

	return result(snprintf(buf, size, "Return-Path: <%s>\r\n", mailaddr_format(a, text)), size);
}
