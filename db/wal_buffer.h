/* wal_buffer -- the frames of a commit are written together
 *
 * SQLite writes each frame of its log by two calls, a header of 24 octets and a small page; a group
 * of lease events has hundreds of them. On a writer's connection the log's file gathers what is
 * appended and writes it when the commit synchronises the file (synchronous=FULL: every commit
 * does), or when it is full or asked for. So nothing is promised, and no other connection looks at
 * a frame, before it is in the file.
 *
 * What a transaction left that was undone must never be written: others may have appended in its
 * place. The writer says so (wal_buffer_drop) whenever it undid or begins one. THREADS    those of
 * the connection; wal_buffer_init once, before the first connection.
 */
#ifndef HATO_DB_WAL_BUFFER_H
#define HATO_DB_WAL_BUFFER_H

struct sqlite3;

#define WAL_BUFFER_VFS "hato-wal-buffer"

/* 0 or E_NOMEM. Again: nothing happens. */
int wal_buffer_init(void);
void wal_buffer_drop(struct sqlite3 *sql);

#endif
