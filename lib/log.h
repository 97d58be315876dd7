/* log -- one JSON object a line on stderr: time, level, daemon, event, fields
 *
 * Message content, tokens, keys and secrets never appear. Level `error`: somebody must act; `warn`:
 * an alarm of the rules or a peer's fault that an operator should know; `info`: an event of the
 * service's life; `debug`: a step of a session. THREADS any; a line is one write(2). USE
 * log_event(LOG_WARN, "claim-mismatch", LOG_TEXT("realm", realm), LOG_INT("generation", g),
 * LOG_END);
 */
#ifndef HATO_LIB_LOG_H
#define HATO_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
	const char *name; /* null ends the list */
	const char *text; /* null: number */
	int64_t number;
};

/* Before the threads start. level: "debug" ... ; false: no such level. */
void log_init(const char *daemon);
int log_level_set(const char *level);

void log_fields(enum log_level level, const char *event, const struct log_field *fields);
bool log_wants(enum log_level level);

#define LOG_TEXT(n, t) ((struct log_field){.name = (n), .text = (t) ? (t) : ""})
#define LOG_INT(n, i)  ((struct log_field){.name = (n), .number = (int64_t)(i)})
#define LOG_END        ((struct log_field){0})
#define log_event(level, event, ...)                                                               \
	do {                                                                                       \
		if (log_wants(level))                                                              \
			log_fields(level, event, (const struct log_field[]){__VA_ARGS__});         \
	} while (0)

#endif
