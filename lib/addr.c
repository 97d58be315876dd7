#include "lib/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "lib/err.h"

static const uint8_t V4_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const uint8_t NAT64_PREFIX[12] = {0x00, 0x64, 0xff, 0x9b};
static const uint8_t UNSPECIFIED[16];
static const uint8_t LOOPBACK_V6[16] = {[15] = 1};

static void addr_set_v4(struct addr *a, const void *four)
{
	memcpy(a->bytes, V4_PREFIX, 12);
	memcpy(a->bytes + 12, four, 4);
}

int addr_parse(const char *text, struct addr *out)
{
	struct addr a;
	struct in_addr v4;

	assert(text && out);
	if (inet_pton(AF_INET, text, &v4) == 1)
		addr_set_v4(&a, &v4);
	else if (inet_pton(AF_INET6, text, a.bytes) != 1)
		return E_SYNTAX;
	*out = a;
	return 0;
}

const char *addr_format(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	const char *done;

	if (addr_is_v4(a))
		done = inet_ntop(AF_INET, a->bytes + 12, text, ADDR_TEXT_MAX);
	else
		done = inet_ntop(AF_INET6, a->bytes, text, ADDR_TEXT_MAX);
	assert(done);
	(void)done;
	return text;
}

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->bytes, V4_PREFIX, sizeof V4_PREFIX) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	if (addr_is_v4(a))
		return a->bytes[12] == 127;
	return memcmp(a->bytes, LOOPBACK_V6, sizeof LOOPBACK_V6) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool v4_is_bindable(const uint8_t v4[4])
{
	if (memcmp(v4, UNSPECIFIED, 4) == 0 || memcmp(v4, "\xff\xff\xff\xff", 4) == 0)
		return false;
	if ((v4[0] & 0xf0) == 0xe0) /* 224/4, multicast */
		return false;
	return !(v4[0] == 169 && v4[1] == 254); /* link-local */
}

static bool v6_is_bindable(const uint8_t v6[16])
{
	if (memcmp(v6, UNSPECIFIED, 16) == 0 || memcmp(v6, NAT64_PREFIX, 12) == 0)
		return false;
	if (v6[0] == 0xff) /* multicast */
		return false;
	return !(v6[0] == 0xfe && (v6[1] & 0xc0) == 0x80); /* fe80::/10 */
}

bool addr_is_bindable(const struct addr *a)
{
	return addr_is_v4(a) ? v4_is_bindable(a->bytes + 12) : v6_is_bindable(a->bytes);
}

void addr_mask(struct addr *a, uint8_t plen)
{
	size_t whole = plen / 8;

	assert(plen <= 128);
	if (whole == sizeof a->bytes)
		return;
	a->bytes[whole] &= (uint8_t)(0xff00 >> plen % 8);
	memset(a->bytes + whole + 1, 0, sizeof a->bytes - whole - 1);
}

int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out, uint16_t *port)
{
	/* The caller's pointer may be to a byte buffer: copies, so that alignment is no question.
	 */
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof in);
		addr_set_v4(out, &in.sin_addr);
		if (port)
			*port = ntohs(in.sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof in6);
		memcpy(out->bytes, &in6.sin6_addr, sizeof out->bytes);
		if (port)
			*port = ntohs(in6.sin6_port);
		return 0;
	}
	return E_RANGE;
}

socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof *ss);
	if (addr_is_v4(a)) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

		memcpy(&in.sin_addr, a->bytes + 12, 4);
		memcpy(ss, &in, sizeof in);
		return sizeof in;
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&in6.sin6_addr, a->bytes, sizeof a->bytes);
	memcpy(ss, &in6, sizeof in6);
	return sizeof in6;
}
