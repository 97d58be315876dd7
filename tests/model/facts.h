/* facts -- the list of the reference model, and what it says: of the model only
 *
 * Each question goes through the list from its beginning. SEE tests/model/reference.h
 */
#ifndef HATO_TESTS_MODEL_FACTS_H
#define HATO_TESTS_MODEL_FACTS_H

#include "tests/model/reference.h"

#define NEVER       INT64_MIN
#define ADD(m, ...) facts_add(m, (struct fact){__VA_ARGS__})

void facts_add(struct model *m, struct fact f);
bool facts_overlap(const struct model *m, int a, int b);
const struct fact *facts_beginning(const struct model *m, int session);
int64_t facts_end_of(const struct model *m, int session);
int facts_subscriber_of(const struct model *m, int session);
bool facts_is_chosen(const struct model *m, int session);
int facts_session_named(const struct model *m, int nas, int name);
int64_t facts_nas_began(const struct model *m, int nas);
bool facts_nas_clock(const struct model *m, int nas, int64_t *offset_us);

void facts_mark(struct model *m, int key, int64_t time_us, int64_t batch);
/* The same, if it is newer than what was. */
void facts_mark_newer(struct model *m, int key, int64_t time_us, int64_t batch);
void facts_free_keys_of(struct model *m, int session, int64_t time_us, int64_t batch);
void facts_end_session(struct model *m, int session, int64_t time_us, int64_t batch);

#endif
