/* command -- a command of the administrator: a row of the table in main.c, and what the commands
 * share
 *
 * `hato COMMAND --dir DIR [--json] ...`. Commands talk to the running system: the network API with
 * DIR/feeder.key, the console's socket; `mailbox show` and `key rotate` read and write DIR itself.
 * Output for people by default, JSON with --json; exit status 0 done, 1 it failed (one line on
 * stderr), 2 wrong usage.
 */
#ifndef HATO_HATO_COMMAND_H
#define HATO_HATO_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/conf.h"

#define COMMAND_SETS_MAX 256
#define COMMAND_ARGS_MAX 32

struct command_line {
	const char *dir;
	bool json;
	const char *sets[COMMAND_SETS_MAX];
	size_t set_count;
	const char *imsi, *realm, *at, *port, *k, *opc, *revoke, *nas, *reason, *mail, *since,
		*until, *lane, *sender, *limit; /* options of single commands; null if absent */
	const char *addresses[16];
	size_t address_count;
	const char *args[COMMAND_ARGS_MAX]; /* what is no option, after the command's words */
	size_t arg_count;
};

int command_run(const struct command_line *line);
int command_init(const struct command_line *line);
int command_subscriber_add(const struct command_line *line);
int command_subscriber_show(const struct command_line *line);
int command_subscriber_list(const struct command_line *line);
int command_subscriber_remove(const struct command_line *line);
int command_notification_show(const struct command_line *line);
int command_notification_set(const struct command_line *line);
int command_notification_reset(const struct command_line *line);
int command_filter_show(const struct command_line *line);
int command_filter_set(const struct command_line *line);
int command_filter_reset(const struct command_line *line);
int command_sim_change(const struct command_line *line);
int command_sim_add(const struct command_line *line);
int command_sim_remove(const struct command_line *line);
int command_device_add(const struct command_line *line);
int command_device_remove(const struct command_line *line);
int command_device_list(const struct command_line *line);
int command_binding_show(const struct command_line *line);
int command_binding_history(const struct command_line *line);
int command_quarantine_list(const struct command_line *line);
int command_quarantine_release(const struct command_line *line);
int command_freeze(const struct command_line *line);
int command_freeze_list(const struct command_line *line);
int command_breaker_list(const struct command_line *line);
int command_breaker_release(const struct command_line *line);
int command_containment(const struct command_line *line);
int command_report_misbinding(const struct command_line *line);
int command_thaw(const struct command_line *line);
int command_mailbox_show(const struct command_line *line);
int command_resync(const struct command_line *line);
int command_key_rotate(const struct command_line *line);
int command_queue_list(const struct command_line *line);
int command_queue_show(const struct command_line *line);
int command_queue_retry(const struct command_line *line);
int command_queue_hold(const struct command_line *line);
int command_queue_release(const struct command_line *line);
int command_queue_drop(const struct command_line *line);
int command_suppression_list(const struct command_line *line);
int command_suppression_clear(const struct command_line *line);
int command_traps_list(const struct command_line *line);
int command_traps_clear(const struct command_line *line);
int command_status(const struct command_line *line);

/* One line on stderr; returns 1. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Asks the network API. *answer is null for an empty body. 0, or the exit status, the reason
 * already printed (a problem's title and detail). */
int api_call(const struct command_line *line, const char *method, const char *target,
	     const json_t *body, json_t **answer);
/* The same with a body that is JSON text already; null: none. */
int api_send(const struct command_line *line, const char *method, const char *target,
	     const char *body, json_t **answer);
/* A target with the options that queries share (?realm=, ?port=). The caller frees. */
char *api_target(const struct command_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a person typed, as a segment or value of a target. Returns `out`. */
#define URL_ESCAPED_MAX 1024
const char *url_escape(const char *text, char out[URL_ESCAPED_MAX]);

/* Rows of an array as a table for people: `columns` names members, ends with null. */
void table_print(const json_t *rows, const char *const *columns);
void json_print(const json_t *value);

#endif
