#include "popgw/output.h"

#include "popgw/session.h"

static void output_run(struct session *s);

static void after_check(struct session *s)
{
	s->output.unchecked = 0;
	output_go_on(s);
}

/* Steps until the answer is complete or something has to be waited for. Completions that come
 * inside a step land in output_go_on, which leaves the stepping to the loop that is on the stack.
 */
static void output_run(struct session *s)
{
	struct output *o = &s->output;

	if (o->running)
		return;
	o->running = true;
	while (o->step && !o->waiting && s->state != POP_ENDED) {
		if (conn_unsent(s->conn) >= OUTPUT_HIGH) {
			o->full = true;
			break;
		}
		if (o->unchecked >= OUTPUT_CHECK) {
			o->waiting = true;
			session_check(s, after_check);
		} else {
			o->step(s);
		}
	}
	o->running = false;
	if (!o->step)
		session_done(s);
}

void output_begin(struct session *s, void (*step)(struct session *s))
{
	bool running = s->output.running;

	s->output = (struct output){.step = step, .running = running};
	output_run(s);
}

void output_write(struct session *s, const void *octets, size_t n)
{
	conn_write(s->conn, octets, n);
	s->output.unchecked += n;
}

void output_wait(struct session *s)
{
	s->output.waiting = true;
}

void output_go_on(struct session *s)
{
	s->output.waiting = false;
	output_run(s);
}

void output_end(struct session *s)
{
	s->output.step = NULL;
	s->output.waiting = false;
	output_run(s);
}

void output_drained(struct session *s)
{
	if (s->output.step && s->output.full) {
		s->output.full = false;
		output_run(s);
	}
}
