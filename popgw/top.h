/* top -- how much of a message TOP shows: its header, the empty line, and so many lines of the body
 * (RFC 1939 7)
 *
 * Fed with the message as it comes, cut anywhere. Pure; any thread.
 */
#ifndef HATO_POPGW_TOP_H
#define HATO_POPGW_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top {
	uint32_t lines_left;
	bool in_body, is_done;
	unsigned column; /* octets of this line so far; 2 stands for more too */
	bool cr_only;    /* and the first of them is a CR */
};

void top_init(struct top *t, uint32_t lines);
/* How many octets of in[0..n) belong to the answer; is_done when no more will. */
size_t top_feed(struct top *t, const uint8_t *in, size_t n);

#endif
