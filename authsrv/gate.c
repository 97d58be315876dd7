#include "authsrv/gate.h"

bool gate_is_shut(const struct gate *g, int64_t now_us, int64_t turn_us)
{
	return g->inside >= g->max || turn_us > g->wait_us ||
	       (g->oldest && now_us - g->oldest->since_us > g->wait_us);
}

void gate_enter(struct gate *g, struct gate_pass *p, int64_t now_us)
{
	*p = (struct gate_pass){.older = g->newest, .since_us = now_us, .inside = true};
	if (g->newest)
		g->newest->newer = p;
	else
		g->oldest = p;
	g->newest = p;
	g->inside++;
}

void gate_leave(struct gate *g, struct gate_pass *p)
{
	if (!p->inside)
		return;
	*(p->older ? &p->older->newer : &g->oldest) = p->newer;
	*(p->newer ? &p->newer->older : &g->newest) = p->older;
	p->inside = false;
	g->inside--;
}
