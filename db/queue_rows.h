/* queue_rows -- the rows of queue.db that several of its rooms touch, and copies of what callers
 * say
 *
 * A lane's row has the time of its recipient that is due first. Whatever changes, adds or takes
 * away recipients says so: queue_lane_due of a new one, queue_lane_refresh of the lane after all
 * else. A lane goes when nothing is in it, unless it is held.
 *
 * All but the reads are for a writer's transaction on queue.db.
 */
#ifndef HATO_DB_QUEUE_ROWS_H
#define HATO_DB_QUEUE_ROWS_H

#include "db/db_private.h"
#include "db/queue.h"

/* ---- copies: the same calls measure (at null) and copy ---- */

struct packer {
	uint8_t *at;
	size_t n; /* octets packed so far */
};
void *pack_room(struct packer *p, size_t n); /* aligned for any struct; null when measuring */
const void *pack_octets(struct packer *p, const void *from, size_t n);
const char *pack_text(struct packer *p, const char *from);

void queue_new_pack(struct packer *p, const struct queue_new *from, struct queue_new *to);
/* The text is cut at QUEUE_TEXT_MAX. */
void queue_reply_pack(struct packer *p, const struct queue_reply *from, struct queue_reply *to);
void suppression_pack(struct packer *p, const struct suppression *from, struct suppression *to);

/* ---- texts of a result, until the callback returned ---- */

struct shelf {
	struct shelf_block *blocks;
	int err; /* E_NOMEM: some text is not there */
};
const char *shelf_text(struct shelf *s, struct query *q); /* the next column; null is "" */
void shelf_free(struct shelf *s);

/* ---- rows ---- */

/* The lane gets something that is due at next_us; *lane is its id. It is made if need be. */
int queue_lane_due(struct engine *e, const char *name, int64_t next_us, int64_t *lane);
int queue_lane_refresh(struct engine *e, int64_t lane);
int queue_lane_find(struct engine *e, const char *name, int64_t *lane); /* E_NOT_FOUND */
/* For a statement that returns lanes: refreshes each. *rows: how many it returned. Ends the query.
 */
int queue_lanes_refresh(struct query *q, size_t *rows);
/* The change feed: something in the lane is due; 0: in several. */
int queue_tell(struct engine *e, int64_t lane);

/* E_RANGE, E_TOO_LARGE: queue_put's, of what needs no store to see. */
int queue_new_judge(const struct queue_new *m);
/* Stores a mail; tells. queue_new.via is not looked at but for the sender. */
int queue_mail_store(struct engine *e, const struct queue_new *m, int64_t *mail);
/* So many recipients of it are gone; with the last one it goes, and its octets. */
int queue_mail_lessen(struct engine *e, int64_t mail, size_t recipients);

int suppression_row_put(struct engine *e, const struct suppression *s);

/* Reads RECIPIENT_COLUMNS. */
void queue_recipient_read(struct query *q, struct shelf *s, struct queue_recipient *r);
void queue_reply_read(struct query *q, struct shelf *s, struct queue_reply *r);
void queue_reply_bind(struct query *q, const struct queue_reply *r);

#endif
