/* choices -- show, set and reset of what a subscriber chose: /v1/subscribers/{msisdn}/RESOURCE
 *
 * A kind of choices is a row of constants and what makes a table row of the answer; the words
 * NAME=VALUE of `set` are members of its body, each with its own reader.
 *
 * CALLERS    filter_commands.c, notification_commands.c
 * ERRORS     an exit status, the reason already printed
 */
#ifndef HATO_HATO_CHOICES_H
#define HATO_HATO_CHOICES_H

#include "hato/command.h"

struct choice {
	const char *name;
	/* False: that is no value of it. */
	bool (*set)(json_t *body, const char *name, const char *value);
};

struct choices {
	const char *resource;
	void (*print)(json_t *answer); /* for people; may change the answer */
	const char *reset;             /* said of who chose nothing, behind his number */
	const char *usage;             /* the words that `set` takes */
	const struct choice *members;  /* ends with a null name */
};

int choices_show(const struct choices *, const struct command_line *line);
int choices_reset(const struct choices *, const struct command_line *line);
/* Adds the words from `first` on to body, and puts it. Takes the body. */
int choices_set(const struct choices *, const struct command_line *line, size_t first,
		json_t *body);

/* What readers of values are made of. */
bool choice_text(json_t *body, const char *name, const char *value);
bool choice_flag(json_t *body, const char *name, const char *value); /* yes, no */
bool choice_number(json_t *body, const char *name, const char *value);

#endif
