#include "lib/rules/lookalike.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unicode/uspoof.h>

#include "lib/err.h"
#include "lib/idn.h"
#include "lib/public_suffix.h"

static USpoofChecker *tables;
static pthread_once_t once = PTHREAD_ONCE_INIT; /* protects the making of `tables` */

static void load(void)
{
	UErrorCode status = U_ZERO_ERROR;

	tables = uspoof_open(&status);
	if (U_FAILURE(status))
		tables = NULL;
}

/* Two characters that look like one. */
static const char *const pairs[] = {"rnm", "vvw", "cld"};

static char shape(const char *at, size_t *used)
{
	char c = at[0];

	*used = 1;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if (c == pairs[i][0] && at[1] == pairs[i][1]) {
			*used = 2;
			return pairs[i][2];
		}
	return c == '0' ? 'o' : c == '1' || c == 'i' || c == '|' ? 'l' : c;
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* In place: it never grows. */
static void fold(char *text)
{
	size_t n = 0, used;

	lower(text);
	for (size_t i = 0; text[i]; i += used) {
		char c = shape(text + i, &used);
		if (c != '-')
			text[n++] = c;
	}
	text[n] = '\0';
}

int lookalike_of(const char *domain, struct lookalike *out)
{
	char ascii[DNS_NAME_MAX], letters[LOOKALIKE_SKELETON_MAX];
	UErrorCode status = U_ZERO_ERROR;
	struct lookalike l;

	pthread_once(&once, load);
	if (!tables)
		return E_NOMEM;
	if (idn_to_ascii(domain, ascii, sizeof ascii) != 0 || ascii[0] == '\0' || ascii[0] == '[')
		return E_SYNTAX;
	snprintf(l.domain, sizeof l.domain, "%s", public_suffix_organisation(ascii));
	if (idn_to_unicode(l.domain, letters, sizeof letters) != 0)
		return E_SYNTAX;
	lower(letters); /* before: a capital I is an l to ICU */
	int32_t n = uspoof_getSkeletonUTF8(tables, 0, letters, -1, l.skeleton,
					   (int32_t)sizeof l.skeleton, &status);
	if (U_FAILURE(status) || n >= (int32_t)sizeof l.skeleton)
		return E_SYNTAX;
	fold(l.skeleton);
	*out = l;
	return 0;
}
