#include "handset-sim/letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/network.h"
#include "lib/err.h"

#define FIELD_NAME "X-Hato-Letter: "

int letters_init(struct letters *l, const struct letters_plan *plan)
{
	*l = (struct letters){.phones = plan->phones,
			      .each = plan->each,
			      .first = plan->first,
			      .to = plan->to,
			      .run = plan->run,
			      .wanted = plan->phones * plan->each};
	l->letters = calloc((size_t)l->wanted + 1, sizeof *l->letters);
	l->answered = calloc((size_t)plan->phones + 1, sizeof *l->answered);
	if (l->letters && l->answered)
		return 0;
	letters_fini(l);
	return E_NOMEM;
}

void letters_fini(struct letters *l)
{
	free(l->letters);
	free(l->answered);
	latency_free(&l->accept);
	*l = (struct letters){0};
}

void letters_spare(struct letters *l, uint32_t phone)
{
	l->wanted -= l->each - l->answered[phone];
	l->answered[phone] = l->each;
}

/* ---- what is sent ---- */

bool letters_next(const struct letters *l, uint32_t phone, uint32_t *index)
{
	if (l->answered[phone] == l->each)
		return false;
	*index = phone * l->each + l->answered[phone];
	return true;
}

static uint32_t recipient_of(const struct letters *l, uint32_t index)
{
	uint32_t from = index / l->each;

	return l->phones == 1 ? from : (from + 1 + index % l->each % (l->phones - 1)) % l->phones;
}

void letters_addresses(const struct letters *l, uint32_t index, char from[64], char to[256])
{
	char msisdn[16], imsi[16], address[64];

	network_names(l->first + index / l->each, msisdn, imsi, from);
	network_names(l->first + recipient_of(l, index), msisdn, imsi, address);
	snprintf(to, 256, "%s", l->to ? l->to : address);
}

size_t letters_compose(const struct letters *l, uint32_t index, char out[LETTER_MAX])
{
	char from[64], to[256];

	letters_addresses(l, index, from, to);
	int n = snprintf(out, LETTER_MAX,
			 FIELD_NAME "%" PRIx64 "-%" PRIu32 "\r\n"
				    "From: <%s>\r\nTo: <%s>\r\n"
				    "Date: Mon, 27 Oct 2003 10:00:00 +0900\r\n"
				    "Message-ID: <%" PRIx64 ".%" PRIu32 "@handset.example>\r\n"
				    "Subject: a letter\r\n\r\n"
				    "Letter %" PRIu32 ".\r\n..and a dot in front\r\n",
			 l->run, index, from, to, l->run, index, index);
	return n > 0 ? (size_t)n : 0;
}

void letters_answered(struct letters *l, uint32_t phone, bool is_accepted)
{
	uint32_t index = phone * l->each + l->answered[phone]++;

	l->letters[index].is_accepted = is_accepted;
	if (is_accepted)
		l->accepted++;
	else
		l->refused++;
}

/* ---- what arrives ---- */

static const uint8_t *find_field(const uint8_t *octets, size_t n)
{
	return memmem(octets, n, FIELD_NAME, sizeof FIELD_NAME - 1);
}

static bool identify(const struct letters *l, const uint8_t *at, const uint8_t *end,
		     uint32_t *index)
{
	char field[sizeof FIELD_NAME + 40];
	size_t n = (size_t)(end - at) < sizeof field - 1 ? (size_t)(end - at) : sizeof field - 1;
	uint64_t run;

	memcpy(field, at, n);
	field[n] = 0;
	return sscanf(field, FIELD_NAME "%" SCNx64 "-%" SCNu32, &run, index) == 2 &&
	       run == l->run && *index < l->phones * l->each;
}

static void arrived(struct letters *l, uint32_t phone, uint32_t index, const uint8_t *at,
		    const uint8_t *end)
{
	struct letter *letter = &l->letters[index];
	char text[LETTER_MAX];
	size_t n = letters_compose(l, index, text);

	if ((size_t)(end - at) != n || memcmp(at, text, n) != 0)
		l->altered++;
	if (l->to || phone != recipient_of(l, index)) {
		l->stranger += !l->to; /* else whose it is is the address's matter */
		return;
	}
	if (letter->has_arrived)
		l->again++; /* what was cut before its answer is sent again: allowed */
	else
		l->arrived++;
	letter->has_arrived = true;
}

static void came_back(struct letters *l, uint32_t phone, uint32_t index)
{
	struct letter *letter = &l->letters[index];

	if (phone != index / l->each)
		l->stranger++;
	else if (letter->is_back)
		l->again++;
	else
		l->bounced++;
	letter->is_back = true;
}

bool letters_fetched(struct letters *l, uint32_t phone, const uint8_t *octets, size_t n)
{
	const uint8_t *end = octets + n, *at = n ? find_field(octets, n) : NULL;
	const uint8_t *body = n ? memmem(octets, n, "\r\n\r\n", 4) : NULL;
	uint32_t index;

	if (!l->letters || !at || !identify(l, at, end, &index))
		return false;
	if (body && at > body)
		came_back(l, phone, index);
	else
		arrived(l, phone, index, at, end);
	return true;
}

/* ---- the verdict ---- */

uint32_t letters_lost(const struct letters *l)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; !l->to && i < l->phones * l->each; i++)
		lost += l->letters[i].is_accepted && !l->letters[i].has_arrived &&
			!l->letters[i].is_back;
	return lost;
}

bool letters_are_done(const struct letters *l)
{
	return l->accepted + l->refused == l->wanted &&
	       (l->to || l->arrived + l->bounced >= l->accepted) && letters_lost(l) == 0;
}

bool letters_are_clean(const struct letters *l)
{
	return l->accepted == l->wanted && !l->altered && !l->stranger && !l->bounced &&
	       letters_lost(l) == 0;
}
