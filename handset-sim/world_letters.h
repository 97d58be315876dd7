/* world_letters -- the world's letters: which phone submits now, and what became of it
 *
 * Looked at again and again while there is something left: a phone that is ready and has letters
 * sends them in one session, `--senders` phones at a time. One that changes its address in the
 * middle goes on from the next. OWNERSHIP the world's. THREADS the loop's. ERRORS -1 with the
 * reason on stderr
 */
#ifndef HATO_HANDSET_SIM_WORLD_LETTERS_H
#define HATO_HANDSET_SIM_WORLD_LETTERS_H

#include "handset-sim/world.h"

int world_letters_open(struct world *w); /* without --submit: nothing */
void world_letters_close(struct world *w);
/* All phones are attached: from now on they write. */
void world_letters_write(struct world *w);
/* All are where they should be, or there are none. */
bool world_letters_are_done(const struct world *w);

/* A phone leaves its address: its session is cut. */
void world_letters_cut(struct world *w, struct phone *p);

#endif
