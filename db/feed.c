#include "db/feed.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define CATCH_UP_US  CLOCK_S
#define HINT_PEERS   16 /* daemons that are told; the others find out within the second */
#define HINT_SUFFIX  ".hint"
#define CHANGE_BATCH 256 /* rows copied out before the callbacks run */
#define ALL_FILES    ((1U << DB_FILES) - 1)

/* Who hears of a file, and where. */
struct hints {
	int fd; /* our own; -1: nobody here watches the file, or nobody can be told */
	struct sockaddr_un own;
	/* Under `tell_lock`: */
	int64_t listed_us; /* when the folder was read last; 0: never, or too long ago */
	size_t peers;
	struct sockaddr_un peer[HINT_PEERS];
};

struct feed {
	struct db *db;
	pthread_t thread; /* hears hints; started with the first watch */
	/* Protects started, stopping, and of `files` the fd and own of what is not watched yet. */
	pthread_mutex_t lock;
	bool started, stopping;
	int wake_fd; /* the thread looks at them again */
	int tell_fd;
	/* Two writers may tell at a time. */
	pthread_mutex_t tell_lock;
	struct hints files[DB_FILES];
};

/* ---- writing ---- */

int feed_append(struct engine *e, const struct change *c)
{
	struct query q;

	query_begin(&q, e, STMT_CHANGE_APPEND);
	query_int(&q, clock_now_us());
	query_int(&q, c->kind);
	query_int(&q, c->subscriber);
	query_int(&q, c->former);
	query_key(&q, &c->key);
	query_int(&q, c->generation);
	query_int(&q, c->state);
	/* Nothing is due by such a mail: whoever counts them hears of it with what comes next. */
	if (c->kind != CHANGE_MAIL || c->former != CHANGE_MAIL_JOINED)
		e->changed = true;
	return query_run(&q);
}

/* ---- watching ---- */

int feed_read(struct engine *e, int64_t after, struct change *out, size_t limit, size_t *count)
{
	struct query q;
	size_t n = 0;

	query_begin(&q, e, STMT_CHANGE_AFTER);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	while (n < limit && query_next(&q)) {
		struct change *c = &out[n++];
		c->seq = query_get_int(&q);
		c->kind = (enum change_kind)query_get_int(&q);
		c->subscriber = query_get_int(&q);
		c->former = query_get_int(&q);
		query_get_key(&q, &c->key);
		c->generation = (uint32_t)query_get_int(&q);
		c->state = (enum key_state)query_get_int(&q);
	}
	int err = query_end(&q);
	engine_assert_idle(e);
	*count = n;
	return err;
}

/* The callback may close the port or watch anew: what is used after it is read again. */
static void catch_up(struct db_port *port, enum db_file file)
{
	struct change batch[CHANGE_BATCH];
	size_t n;
	int err;

	do {
		struct engine *e = port->watches[file].fn ? port_reader(port, file, &err) : NULL;
		n = 0;
		if (e)
			feed_read(e, port->watches[file].seq, batch, CHANGE_BATCH, &n);
		for (size_t i = 0; i < n && !port->closed; i++) {
			port->watches[file].seq = batch[i].seq;
			port->watches[file].fn(port->watches[file].arg, &batch[i]);
		}
	} while (n == CHANGE_BATCH && !port->closed);
}

/* Takes no lock: who wakes us holds the port's while he does it. */
static void watch_run(struct loop_task *task)
{
	struct db_port *port =
		(struct db_port *)((char *)task - offsetof(struct db_port, watch_task));
	unsigned due = atomic_exchange(&port->watch_due, 0);

	for (int i = 0; i < DB_FILES && !port->closed; i++)
		if (due & 1U << i)
			catch_up(port, (enum db_file)i);
}

static void wake_watchers(struct db *db, unsigned files)
{
	pthread_mutex_lock(&db->lock);
	for (struct db_port *port = db->ports; port; port = port->next) {
		pthread_mutex_lock(&port->lock);
		unsigned due = files & port->watching;
		if (due && !atomic_fetch_or(&port->watch_due, due))
			loop_post(port->loop, &port->watch_task);
		pthread_mutex_unlock(&port->lock);
	}
	pthread_mutex_unlock(&db->lock);
}

void feed_committed(struct feed *f, enum db_file file)
{
	wake_watchers(f->db, 1U << file);
}

/* ---- hints between processes ---- */

/* How the sockets of those end who watch a file: nobody is woken for another. */
static const char *const hint_suffix[DB_FILES] = {[DB_BINDINGS] = ".bindings" HINT_SUFFIX,
						  [DB_MAIL] = ".mail" HINT_SUFFIX,
						  [DB_SMSC] = ".smsc" HINT_SUFFIX,
						  [DB_QUEUE] = ".queue" HINT_SUFFIX};

static void list_peers(struct feed *f, enum db_file file)
{
	struct hints *h = &f->files[file];
	DIR *dir = opendir(f->db->hint_dir);
	struct dirent *entry;

	h->peers = 0;
	while (dir && h->peers < HINT_PEERS && (entry = readdir(dir))) {
		struct sockaddr_un *peer = &h->peer[h->peers];
		size_t len = strlen(entry->d_name), tail = strlen(hint_suffix[file]);

		if (len <= tail || strcmp(entry->d_name + len - tail, hint_suffix[file]) != 0)
			continue;
		int n = snprintf(peer->sun_path, sizeof peer->sun_path, "%s/%s", f->db->hint_dir,
				 entry->d_name);
		if (n < 0 || (size_t)n >= sizeof peer->sun_path ||
		    strcmp(peer->sun_path, h->own.sun_path) == 0)
			continue;
		peer->sun_family = AF_UNIX;
		h->peers++;
	}
	if (dir)
		closedir(dir);
}

void feed_tell(struct feed *f, enum db_file file)
{
	struct hints *h = &f->files[file];
	uint8_t octet = (uint8_t)file;
	int64_t now_us = clock_mono_us();

	if (f->tell_fd < 0)
		return;
	pthread_mutex_lock(&f->tell_lock);
	if (!h->listed_us || now_us - h->listed_us > CLOCK_S) {
		list_peers(f, file);
		h->listed_us = now_us;
	}
	/* A full socket is a hint already; a dead one's daemon reads the truth when it starts. */
	for (size_t i = 0; i < h->peers; i++)
		sendto(f->tell_fd, &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&h->peer[i], sizeof h->peer[i]);
	pthread_mutex_unlock(&f->tell_lock);
}

/* A socket that answers has an owner; one that does not is a dead process's. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

/* DIR/run/<daemon>.<file>.hint; a second process of the name takes <daemon>.<pid>.<file>.hint. */
static int bind_own(struct feed *f, enum db_file file)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s%s", f->db->hint_dir,
			 f->db->daemon, hint_suffix[file]);

	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return E_RANGE;
	if (is_alive(&address)) {
		n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.%ld%s",
			     f->db->hint_dir, f->db->daemon, (long)getpid(), hint_suffix[file]);
		if (n < 0 || (size_t)n >= sizeof address.sun_path)
			return E_RANGE;
	}
	unlink(address.sun_path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address)) {
		if (fd >= 0)
			close(fd);
		return E_IO;
	}
	pthread_mutex_lock(&f->tell_lock);
	f->files[file].own = address;
	f->files[file].listed_us = 0;
	pthread_mutex_unlock(&f->tell_lock);
	f->files[file].fd = fd;
	return 0;
}

/* Where hints come in, by file, and behind them what wakes the thread. False: it is to end. */
static bool read_fds(struct feed *f, struct pollfd fds[DB_FILES + 1])
{
	pthread_mutex_lock(&f->lock);
	bool goes_on = !f->stopping;
	for (int i = 0; i < DB_FILES; i++)
		fds[i] = (struct pollfd){.fd = f->files[i].fd, .events = POLLIN};
	pthread_mutex_unlock(&f->lock);
	fds[DB_FILES] = (struct pollfd){.fd = f->wake_fd, .events = POLLIN};
	return goes_on;
}

/* Those whose hints came; after a second without looking, all. */
static unsigned hear(const struct pollfd fds[DB_FILES + 1], int64_t *looked_us)
{
	unsigned heard = 0;
	uint8_t octets[16];
	uint64_t count;

	for (unsigned i = 0; i < DB_FILES; i++) {
		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		while (recv(fds[i].fd, octets, sizeof octets, 0) >= 0)
			;
		heard |= 1U << i;
	}
	ssize_t n = fds[DB_FILES].revents ? read(fds[DB_FILES].fd, &count, sizeof count) : 0;
	(void)n;
	if (clock_mono_us() - *looked_us < CATCH_UP_US)
		return heard;
	*looked_us = clock_mono_us();
	return ALL_FILES;
}

static void *hear_main(void *arg)
{
	struct feed *f = arg;
	struct pollfd fds[DB_FILES + 1];
	int64_t looked_us = clock_mono_us();

	while (read_fds(f, fds)) {
		int64_t left_us = looked_us + CATCH_UP_US - clock_mono_us();
		poll(fds, DB_FILES + 1, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);
		wake_watchers(f->db, hear(fds, &looked_us));
	}
	return NULL;
}

static void wake_thread(struct feed *f)
{
	uint64_t one = 1;
	ssize_t n = write(f->wake_fd, &one, sizeof one);

	assert(n == sizeof one);
	(void)n;
}

static int start_hearing(struct feed *f, enum db_file file)
{
	int err = 0;

	pthread_mutex_lock(&f->lock);
	if (f->files[file].fd < 0 && f->db->hint_dir && bind_own(f, file))
		log_event(LOG_WARN, "feed-no-hints", LOG_TEXT("dir", f->db->hint_dir),
			  LOG_TEXT("file", db_file_name(file)), LOG_END);
	if (!f->started) {
		f->started = pthread_create(&f->thread, NULL, hear_main, f) == 0;
		err = f->started ? 0 : E_IO;
	} else {
		wake_thread(f);
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

int feed_open(struct db *db, struct feed **out)
{
	struct feed *f = calloc(1, sizeof *f);

	if (!f)
		return E_NOMEM;
	f->db = db;
	f->tell_fd = -1;
	for (int i = 0; i < DB_FILES; i++)
		f->files[i].fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->tell_lock, NULL);
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (db->hint_dir) {
		mkdir(db->hint_dir, 0700); /* there already, or found out when it is used */
		f->tell_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (f->wake_fd < 0) {
		feed_close(f);
		return E_IO;
	}
	*out = f;
	return 0;
}

static void stop_hearing(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_mutex_unlock(&f->lock);
	wake_thread(f);
	pthread_join(f->thread, NULL);
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	if (f->started)
		stop_hearing(f);
	for (int i = 0; i < DB_FILES; i++) {
		if (f->files[i].fd < 0)
			continue;
		close(f->files[i].fd);
		unlink(f->files[i].own.sun_path);
	}
	if (f->tell_fd >= 0)
		close(f->tell_fd);
	if (f->wake_fd >= 0)
		close(f->wake_fd);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->tell_lock);
	free(f);
}

int64_t db_watched(const struct db_port *port, enum db_file file)
{
	return port->watches[file].seq;
}

int db_watch(struct db_port *port, enum db_file file, change_fn *fn, void *arg)
{
	struct query q;
	int64_t newest = 0;
	int err;
	struct engine *e = port_reader(port, file, &err);

	if (!e)
		return err;
	query_begin(&q, e, STMT_CHANGE_NEWEST);
	err = query_run_int(&q, &newest);
	engine_assert_idle(e);
	if (!err)
		err = start_hearing(port->db->feed, file);
	if (err)
		return err;
	port->watches[file].fn = fn;
	port->watches[file].arg = arg;
	port->watches[file].seq = newest;
	port->watch_task.run = watch_run;
	pthread_mutex_lock(&port->lock);
	port->watching |= 1U << file;
	pthread_mutex_unlock(&port->lock);
	return 0;
}
