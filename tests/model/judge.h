/* judge -- one history told to lib/rules and to the reference model, and what must hold of it
 *
 * After every step both say the same of every key and every subscriber's session; and, from what
 * the simulated network knows and both were told, without asking either how it decided: an address
 * of which a newer Start of another was heard answers nobody older; no generation is of two
 * subscribers; a feed without fault is believed to the letter.
 */
#ifndef HATO_TESTS_MODEL_JUDGE_H
#define HATO_TESTS_MODEL_JUDGE_H

#include "tests/model/network.h"

#define COMPLAINT_MAX 400

/* Made once, used again for each history. */
struct court *court_new(void);
void court_free(struct court *c);

/* True: all held. Else `complaint` says what did not, and *step at which step. */
bool court_judge(struct court *c, const struct history *h, char complaint[COMPLAINT_MAX],
		 int *step);
/* Takes steps out of a history that fails, while it fails. */
void court_minimise(struct court *c, struct history *h);
void history_print(const struct history *h);

/* For other histories than the network's: told step by step; a fork goes on from where another
 * court is. */
void court_begin(struct court *c);
void court_fork(struct court *to, const struct court *from);
/* Null: all held. */
const char *court_step(struct court *c, const struct history *h, const struct step *s);

#endif
