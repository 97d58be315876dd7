/* window -- how many connections a destination is given at a time
 *
 * As Postfix's scheduler has it: a destination that has just answered is given `first`; as many
 * good mails as there are connections make it one more, up to `most`; a connection that was lost or
 * refused halves it, down to one. Pure. THREADS any
 */
#ifndef HATO_SMTPGW_RELAY_WINDOW_H
#define HATO_SMTPGW_RELAY_WINDOW_H

#include <stddef.h>

struct window {
	size_t size;   /* connections; >= 1 */
	size_t credit; /* good mails since it grew */
	size_t most;
};

static inline void window_init(struct window *w, size_t first, size_t most)
{
	w->size = first < most ? first : most;
	w->credit = 0;
	w->most = most;
}

static inline void window_good(struct window *w)
{
	if (w->size < w->most && ++w->credit >= w->size) {
		w->size++;
		w->credit = 0;
	}
}

static inline void window_bad(struct window *w)
{
	w->size = w->size > 1 ? w->size / 2 : 1;
	w->credit = 0;
}

#endif
