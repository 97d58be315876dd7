/* smsc -- the messages of smsc-sim, kept in a file of their own (smsc.db)
 *
 * smsc-sim holds all its messages in memory; here is what it needs to find them again. Changes are
 * gathered in a batch and committed together: the caller puts in what one turn of its loop brought,
 * and while a batch is on its way to the disk fills the next one. What a message means is
 * smsc-sim's matter.
 *
 * OWNERSHIP  a batch copies what is put into it and belongs to the store from smsc_batch_commit on;
 *            rows that are loaded are borrowed for the length of the callback
 * THREADS    a port's loop. ERRORS E_IO, E_BUSY, E_CLOSED of the commit; E_NOMEM of putting
 * SEE        db/db.h (ports, completion), smsc-sim/message.h (the fields)
 */
#ifndef HATO_DB_SMSC_H
#define HATO_DB_SMSC_H

#include "db/db.h"

#define SMSC_ACCOUNT_MAX      32
#define SMSC_NUMBER_MAX       21
#define SMSC_SERVICE_TYPE_MAX 6

struct smsc_party {
	uint8_t ton, npi;
	char number[SMSC_NUMBER_MAX];
};

struct smsc_row {
	int64_t id, shown_id;
	char account[SMSC_ACCOUNT_MAX];
	uint8_t origin, reference;
	struct smsc_party source, destination;
	char service_type[SMSC_SERVICE_TYPE_MAX];
	uint8_t esm_class, protocol_id, priority, data_coding, registered;
	const uint8_t *octets, *tlvs;
	size_t length, tlvs_length;
	uint8_t state, outcome;
	uint16_t attempts, error;
	int64_t submitted_us, schedule_us, expires_us, next_us, done_us;
	uint16_t concat_reference;
	uint8_t part, notice, told;
};

struct smsc_batch;
struct smsc_batch *smsc_batch_new(void);    /* null: no memory */
void smsc_batch_free(struct smsc_batch *b); /* one that was not committed */
size_t smsc_batch_count(const struct smsc_batch *b);
/* All of a message, new or as it is now. */
int smsc_batch_put(struct smsc_batch *b, const struct smsc_row *row);
/* Its life: state and times, notices; the text and the parties stay. */
int smsc_batch_update(struct smsc_batch *b, const struct smsc_row *row);
int smsc_batch_forget(struct smsc_batch *b, int64_t id);
/* All of it or nothing. */
void smsc_batch_commit(struct db_port *port, struct smsc_batch *b, db_done *done, void *arg);

/* In the order of ids, those after `after`. Less than `limit`: there are no more. */
typedef void smsc_loaded(void *arg, int err, const struct smsc_row *rows, size_t n);
void smsc_load(struct db_port *port, int64_t after, size_t limit, smsc_loaded *loaded, void *arg);

#endif
