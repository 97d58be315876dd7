#include "authsrv/radius/steer.h"

#include <string.h>

#define V4_SOURCE 12 /* octets into the IP header */
#define V6_SOURCE 8

_Static_assert(RADIUS_STEER_MAX <= BPF_MAXINSNS, "the kernel takes no longer program");

struct program {
	struct sock_filter *at;
	size_t n;
};

static void put(struct program *p, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t k)
{
	p->at[p->n++] = (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = k};
}

static uint32_t word_of(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
	       octets[3];
}

/* The bits of one 32-bit word that a prefix fixes. */
static uint32_t mask_of(unsigned bits)
{
	return bits == 0 ? 0 : bits >= 32 ? UINT32_MAX : UINT32_MAX << (32 - bits);
}

/* "The source lies in this range: it is a client's"; else what follows is asked. */
static void put_range(struct program *p, const struct radius_range *r, bool v4)
{
	unsigned first = v4 ? 3 : 0, words = 0, left;
	unsigned bits = v4 ? r->plen - 96u : r->plen;

	for (unsigned w = first; w < 4; w++)
		words += mask_of(bits > 32 * (w - first) ? bits - 32 * (w - first) : 0) != 0;
	left = words;
	for (unsigned w = first; w < first + words; w++, left--) {
		uint32_t mask = mask_of(bits - 32 * (w - first));
		uint32_t offset = v4 ? V4_SOURCE : V6_SOURCE + 4 * w;
		put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)SKF_NET_OFF + offset);
		put(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
		/* Past the words that are left, three each, and the return. */
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(3 * (left - 1) + 1),
		    word_of(r->addr.bytes + 4 * w));
	}
	put(p, BPF_RET | BPF_K, 0, 0, RADIUS_STEER_CLIENTS);
}

static void put_family(struct program *p, const struct radius_clients *clients, bool v4)
{
	for (size_t i = 0; i < clients->range_count; i++)
		if (radius_range_is_v4(&clients->range[i]) == v4)
			put_range(p, &clients->range[i], v4);
	put(p, BPF_RET | BPF_K, 0, 0, RADIUS_STEER_STRANGERS);
}

size_t radius_steer(const struct radius_clients *clients,
		    struct sock_filter program[RADIUS_STEER_MAX])
{
	struct program p = {.at = program};

	put(&p, BPF_LD | BPF_B | BPF_ABS, 0, 0, (uint32_t)SKF_NET_OFF);
	put(&p, BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 4);
	size_t to_v6 = p.n;
	put(&p, BPF_JMP | BPF_JA, 0, 0, 0);
	put_family(&p, clients, true);
	program[to_v6].k = (uint32_t)(p.n - to_v6 - 1);
	put_family(&p, clients, false);
	return p.n;
}
