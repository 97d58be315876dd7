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

#define CATCH_UP_MS  1000
#define HINT_PEERS   16 /* daemons that are told; the others find out within the second */
#define HINT_SUFFIX  ".hint"
#define CHANGE_BATCH 256 /* rows copied out before the callbacks run */

struct feed {
	struct db *db;
	pthread_t thread; /* hears hints; started with the first watch */
	/* Protects started. */
	pthread_mutex_t lock;
	bool started;
	int stop_fd, hear_fd;
	char own[sizeof((struct sockaddr_un *)0)->sun_path];
	/* Telling: `tell_lock` protects what follows; two writers may tell at a time. */
	pthread_mutex_t tell_lock;
	int tell_fd;
	int64_t listed_us; /* when the folder was read last */
	size_t peers;
	struct sockaddr_un peer[HINT_PEERS];
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
	e->changed = true;
	return query_run(&q);
}

/* ---- watching ---- */

static size_t read_changes(struct engine *e, int64_t after, struct change *out, size_t limit)
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
	query_end(&q);
	engine_assert_idle(e);
	return n;
}

/* The callback may close the port or watch anew: what is used after it is read again. */
static void catch_up(struct db_port *port, enum db_file file)
{
	struct change batch[CHANGE_BATCH];
	size_t n;
	int err;

	do {
		struct engine *e = port->watches[file].fn ? port_reader(port, file, &err) : NULL;
		n = e ? read_changes(e, port->watches[file].seq, batch, CHANGE_BATCH) : 0;
		for (size_t i = 0; i < n && !port->closed; i++) {
			port->watches[file].seq = batch[i].seq;
			port->watches[file].fn(port->watches[file].arg, &batch[i]);
		}
	} while (n == CHANGE_BATCH && !port->closed);
}

static void watch_run(struct loop_task *task)
{
	struct db_port *port =
		(struct db_port *)((char *)task - offsetof(struct db_port, watch_task));

	pthread_mutex_lock(&port->lock);
	port->watch_posted = false;
	pthread_mutex_unlock(&port->lock);
	for (int i = 0; i < DB_FILES && !port->closed; i++)
		catch_up(port, (enum db_file)i);
}

static void wake_watchers(struct db *db)
{
	pthread_mutex_lock(&db->lock);
	for (struct db_port *port = db->ports; port; port = port->next) {
		pthread_mutex_lock(&port->lock);
		if (port->watching && !port->watch_posted) {
			port->watch_posted = true;
			loop_post(port->loop, &port->watch_task);
		}
		pthread_mutex_unlock(&port->lock);
	}
	pthread_mutex_unlock(&db->lock);
}

/* ---- hints between processes ---- */

static void list_peers(struct feed *f)
{
	DIR *dir = opendir(f->db->hint_dir);
	struct dirent *entry;

	f->peers = 0;
	while (dir && f->peers < HINT_PEERS && (entry = readdir(dir))) {
		struct sockaddr_un *peer = &f->peer[f->peers];
		size_t len = strlen(entry->d_name), tail = strlen(HINT_SUFFIX);

		if (len <= tail || strcmp(entry->d_name + len - tail, HINT_SUFFIX) != 0)
			continue;
		int n = snprintf(peer->sun_path, sizeof peer->sun_path, "%s/%s", f->db->hint_dir,
				 entry->d_name);
		if (n < 0 || (size_t)n >= sizeof peer->sun_path ||
		    strcmp(peer->sun_path, f->own) == 0)
			continue;
		peer->sun_family = AF_UNIX;
		f->peers++;
	}
	if (dir)
		closedir(dir);
}

static void tell_peers(struct feed *f, enum db_file file)
{
	uint8_t octet = (uint8_t)file;
	int64_t now_us = clock_mono_us();

	pthread_mutex_lock(&f->tell_lock);
	if (f->tell_fd >= 0) {
		if (!f->listed_us || now_us - f->listed_us > CLOCK_S)
			list_peers(f);
		f->listed_us =
			f->listed_us && now_us - f->listed_us <= CLOCK_S ? f->listed_us : now_us;
		/* A full socket is a hint already; a dead one's daemon reads the truth when it
		 * starts. */
		for (size_t i = 0; i < f->peers; i++)
			sendto(f->tell_fd, &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL,
			       (const struct sockaddr *)&f->peer[i], sizeof f->peer[i]);
	}
	pthread_mutex_unlock(&f->tell_lock);
}

void feed_committed(struct feed *f, enum db_file file)
{
	wake_watchers(f->db);
	tell_peers(f, file);
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

/* DIR/run/<daemon>.hint; a second process of the name takes <daemon>.<pid>.hint. */
static int bind_own(struct feed *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s" HINT_SUFFIX,
			 f->db->hint_dir, f->db->daemon);

	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return E_RANGE;
	if (is_alive(&address)) {
		n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.%ld" HINT_SUFFIX,
			     f->db->hint_dir, f->db->daemon, (long)getpid());
		if (n < 0 || (size_t)n >= sizeof address.sun_path)
			return E_RANGE;
	}
	unlink(address.sun_path);
	f->hear_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->hear_fd < 0 || bind(f->hear_fd, (struct sockaddr *)&address, sizeof address))
		return E_IO;
	pthread_mutex_lock(&f->tell_lock);
	memcpy(f->own, address.sun_path, sizeof f->own);
	f->listed_us = 0;
	pthread_mutex_unlock(&f->tell_lock);
	return 0;
}

static void *hear_main(void *arg)
{
	struct feed *f = arg;
	struct pollfd fds[] = {{.fd = f->stop_fd, .events = POLLIN},
			       {.fd = f->hear_fd, .events = POLLIN}};
	uint8_t octets[16];

	for (;;) {
		poll(fds, 2, CATCH_UP_MS);
		if (fds[0].revents)
			return NULL;
		while (f->hear_fd >= 0 && recv(f->hear_fd, octets, sizeof octets, 0) >= 0)
			;
		wake_watchers(f->db);
	}
}

static int start_hearing(struct feed *f)
{
	int err = 0;

	pthread_mutex_lock(&f->lock);
	if (!f->started) {
		if (f->db->hint_dir && bind_own(f))
			log_event(LOG_WARN, "feed-no-hints", LOG_TEXT("dir", f->db->hint_dir),
				  LOG_END);
		f->started = pthread_create(&f->thread, NULL, hear_main, f) == 0;
		err = f->started ? 0 : E_IO;
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
	f->hear_fd = f->tell_fd = -1;
	pthread_mutex_init(&f->lock, NULL);
	pthread_mutex_init(&f->tell_lock, NULL);
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (db->hint_dir) {
		mkdir(db->hint_dir, 0700); /* there already, or found out when it is used */
		f->tell_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (f->stop_fd < 0) {
		feed_close(f);
		return E_IO;
	}
	*out = f;
	return 0;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	if (f->started) {
		uint64_t one = 1;
		ssize_t n = write(f->stop_fd, &one, sizeof one);
		assert(n == sizeof one);
		(void)n;
		pthread_join(f->thread, NULL);
	}
	if (f->hear_fd >= 0) {
		close(f->hear_fd);
		unlink(f->own);
	}
	if (f->tell_fd >= 0)
		close(f->tell_fd);
	if (f->stop_fd >= 0)
		close(f->stop_fd);
	pthread_mutex_destroy(&f->lock);
	pthread_mutex_destroy(&f->tell_lock);
	free(f);
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
		err = start_hearing(port->db->feed);
	if (err)
		return err;
	port->watches[file].fn = fn;
	port->watches[file].arg = arg;
	port->watches[file].seq = newest;
	port->watch_task.run = watch_run;
	pthread_mutex_lock(&port->lock);
	port->watching = true;
	pthread_mutex_unlock(&port->lock);
	return 0;
}
