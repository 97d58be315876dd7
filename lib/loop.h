/* loop -- one thread's event loop (libevent), and how other threads hand it work
 *
 * A worker owns one loop; everything on it (connections, timers, database port, HTTP) is touched by
 * that thread only. Other threads hand over by loop_post(): a lock-protected list and one eventfd
 * write per burst, not per task. THREADS    loop_post and loop_stop from any thread; everything
 * else from the loop's own thread (or before it runs) OWNERSHIP  a task is embedded in the poster's
 * struct and is the poster's; the loop does not touch it after run().
 */
#ifndef HATO_LIB_LOOP_H
#define HATO_LIB_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_reader;
struct loop_watch;

struct loop_task {
	struct loop_task *next;
	void (*run)(struct loop_task *task);
};

int loop_new(struct loop **out); /* E_NOMEM, E_IO */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);

/* How long the turn that runs now has lasted: since the loop last asked what is ready. Loop's
 * thread, in a callback. */
int64_t loop_turn_us(struct loop *loop);

/* What has this priority runs before all that has not; a loop's tasks have it too. */
#define LOOP_URGENT 0

/* run() is called on the loop's thread, in the order of posting. Tasks still queued at loop_free
 * are dropped unrun. */
void loop_post(struct loop *loop, struct loop_task *task);

/* One-shot timer; loop_timer_set on a running one moves it. fn may free the timer. E_NOMEM -> null.
 */
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg);
void loop_timer_set(struct loop_timer *t, int64_t in_us);
void loop_timer_stop(struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* fn whenever the descriptor (the caller's; closed after loop_reader_free) has something to read,
 * while the reader is on. It begins off. E_NOMEM -> null. */
struct loop_reader *loop_reader_new(struct loop *loop, int fd, void (*fn)(void *arg), void *arg);
void loop_reader_turn(struct loop_reader *r, bool on);
void loop_reader_free(struct loop_reader *r);

/* For libraries that have descriptors of their own (lib/dns): fn whenever the descriptor can be
 * read or written, as far as wanted; in the loop's usual priority. It begins with nothing wanted.
 * fn may free the watch; the descriptor is closed after that. E_NOMEM -> null. */
struct loop_watch *loop_watch_new(struct loop *loop, int fd,
				  void (*fn)(void *arg, int fd, bool can_read, bool can_write),
				  void *arg);
void loop_watch_want(struct loop_watch *w, bool read, bool write);
void loop_watch_free(struct loop_watch *w);

#endif
