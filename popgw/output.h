/* output -- an answer of any length, in pieces
 *
 * LIST, UIDL, RETR and TOP write their answer step by step. Between the steps the output waits for
 * the client (never more than OUTPUT_HIGH and one piece lie in memory) and, every OUTPUT_CHECK
 * octets, for the store to say that the binding still holds. A step either writes, or submits a
 * read whose completion writes and calls output_go_on; completions may come inside the step.
 */
#ifndef HATO_POPGW_OUTPUT_H
#define HATO_POPGW_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_HIGH  ((size_t)64 * 1024)
#define OUTPUT_PIECE ((size_t)64 * 1024)
#define OUTPUT_CHECK ((size_t)64 * 1024)

struct session;

struct output {
	void (*step)(struct session *s); /* null: no answer is under way */
	bool running;                    /* output_run is on the stack */
	bool waiting;                    /* for the store */
	bool full;                       /* for the client */
	size_t unchecked;                /* octets since the binding was last checked */
};

void output_begin(struct session *s, void (*step)(struct session *s));
void output_write(struct session *s, const void *octets, size_t n);
/* Inside a step: nothing more until output_go_on. */
void output_wait(struct session *s);
void output_go_on(struct session *s);
/* Inside a step or a completion: the answer is complete. */
void output_end(struct session *s);
/* The client took all. */
void output_drained(struct session *s);

#endif
