#include "lib/idn.h"

#include <idn2.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/utf8.h"

static int put(const char *ascii, char *out, size_t size)
{
	size_t n = strlen(ascii);

	if (n >= size)
		return E_SYNTAX;
	for (size_t i = 0; i <= n; i++)
		out[i] = ascii[i] >= 'A' && ascii[i] <= 'Z' ? (char)(ascii[i] - 'A' + 'a')
							    : ascii[i];
	return 0;
}

int idn_to_ascii(const char *domain, char *out, size_t size)
{
	char *ascii = NULL;

	if (utf8_is_printable(domain, strlen(domain), false))
		return put(domain, out, size);
	int rc = idn2_to_ascii_8z(domain, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? E_NOMEM : E_SYNTAX;
	int err = put(ascii, out, size);
	idn2_free(ascii);
	return err;
}

int idn_to_unicode(const char *domain, char *out, size_t size)
{
	char *letters = NULL;
	int rc = idn2_to_unicode_8z8z(domain, &letters, 0);

	if (rc != IDN2_OK)
		return rc == IDN2_MALLOC ? E_NOMEM : E_SYNTAX;
	size_t n = strlen(letters);
	if (n < size)
		memcpy(out, letters, n + 1);
	idn2_free(letters);
	return n < size ? 0 : E_SYNTAX;
}
