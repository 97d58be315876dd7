#include "lib/wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* RFC 4648 10, and what sets the two forms apart. */
static const struct {
	const char *octets;
	size_t len;
	const char *std, *url;
} vectors[] = {
	{"", 0, "", ""},
	{"f", 1, "Zg==", "Zg"},
	{"fo", 2, "Zm8=", "Zm8"},
	{"foo", 3, "Zm9v", "Zm9v"},
	{"foob", 4, "Zm9vYg==", "Zm9vYg"},
	{"fooba", 5, "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", 6, "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xfe", 3, "+//+", "-__-"},
	{"\0\0\0\0", 4, "AAAAAA==", "AAAAAA"},
	{"\xff", 1, "/w==", "_w"},
};

static void encodes_and_decodes_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const char *const texts[] = {vectors[i].std, vectors[i].url};

		for (int form = BASE64_STD; form <= BASE64_URL; form++) {
			char text[16], octets[8];
			size_t len = 99;

			assert_int_equal(base64_encode((enum base64_form)form, vectors[i].octets,
						       vectors[i].len, text),
					 strlen(texts[form]));
			assert_string_equal(text, texts[form]);
			assert_int_equal(base64_decode((enum base64_form)form, text, strlen(text),
						       octets, vectors[i].len, &len),
					 0);
			assert_int_equal(len, vectors[i].len);
			assert_memory_equal(octets, vectors[i].octets, len);
		}
	}
}

static void refuses_what_is_not_base64(void **state)
{
	static const struct {
		enum base64_form form;
		const char *text;
		size_t len;
	} cases[] = {
		/* no padding, too little, too much, in the middle, alone */
		{BASE64_STD, "Zg", 2},
		{BASE64_STD, "Zg=", 3},
		{BASE64_STD, "Zg===", 5},
		{BASE64_STD, "Z===", 4},
		{BASE64_STD, "====", 4},
		{BASE64_STD, "=", 1},
		{BASE64_STD, "Zm9v====", 8},
		{BASE64_STD, "Zg==Zm9v", 8},
		{BASE64_STD, "Z=9v", 4},
		{BASE64_STD, "Zg=A", 4},
		/* bits behind the end */
		{BASE64_STD, "Zh==", 4},
		{BASE64_STD, "Zm9=", 4},
		{BASE64_STD, "//==", 4},
		/* characters of the other form, of none, NUL, line breaks */
		{BASE64_STD, "-__-", 4},
		{BASE64_STD, "Zm9\0", 4},
		{BASE64_STD, "Zm9v\r\n\r\n", 8},
		{BASE64_STD, " Zm9", 4},
		{BASE64_STD, "Zm9\xe3", 4},
		{BASE64_STD, "*", 1},
		{BASE64_URL, "Zg==", 4},
		{BASE64_URL, "Zm8=", 4},
		{BASE64_URL, "Z", 1},
		{BASE64_URL, "Zm9vY", 5},
		{BASE64_URL, "Zh", 2},
		{BASE64_URL, "Zm9", 3},
		{BASE64_URL, "+//+", 4},
		{BASE64_URL, "Zm9\0", 4},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[16] = "untouched";
		size_t len = 99;

		if (base64_decode(cases[i].form, cases[i].text, cases[i].len, out, sizeof out,
				  &len) != E_SYNTAX)
			fail_msg("'%s' was taken", cases[i].text);
		assert_string_equal(out, "untouched");
		assert_int_equal(len, 99);
	}
}

static void stays_inside_the_buffer(void **state)
{
	char out[4] = "abc";
	size_t len = 99;

	(void)state;
	assert_int_equal(base64_decode(BASE64_STD, "Zm9v", 4, out, 2, &len), E_TOO_LARGE);
	assert_int_equal(base64_decode(BASE64_STD, "Zm8=", 4, out, 1, &len), E_TOO_LARGE);
	assert_int_equal(base64_decode(BASE64_URL, "Zg", 2, out, 0, &len), E_TOO_LARGE);
	assert_string_equal(out, "abc");
	assert_int_equal(len, 99);
	assert_int_equal(base64_decode(BASE64_STD, "Zm9v", 4, out, 3, &len), 0);
	assert_int_equal(len, 3);
	assert_int_equal(base64_decode(BASE64_STD, NULL, 0, NULL, 0, &len), 0);
	assert_int_equal(len, 0);
}

/* Every octet in every position, in both forms, in exactly as much room as promised. */
static void round_trips_every_octet(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		for (size_t n = 1; n <= 7; n++) {
			uint8_t in[7], out[7];
			char *text = malloc(BASE64_TEXT_MAX(n));
			size_t len, out_len;

			assert_non_null(text);
			for (size_t i = 0; i < n; i++)
				in[i] = (uint8_t)(value + 37 * i);
			for (int form = BASE64_STD; form <= BASE64_URL; form++) {
				len = base64_encode((enum base64_form)form, in, n, text);
				assert_true(n <= BASE64_OCTETS_MAX(len));
				assert_int_equal(base64_decode((enum base64_form)form, text, len,
							       out, n, &out_len),
						 0);
				assert_int_equal(out_len, n);
				assert_memory_equal(in, out, n);
			}
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes_vectors),
		cmocka_unit_test(refuses_what_is_not_base64),
		cmocka_unit_test(stays_inside_the_buffer),
		cmocka_unit_test(round_trips_every_octet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
