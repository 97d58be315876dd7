/* accounts -- who may bind, what each may do, and what waits for each
 *
 * One account is a section [esme NAME] of the configuration. It has the links that are bound by it,
 * a bucket for its rate, the numbers that are its (a regular expression, as SMPP's address_range),
 * and the queue of what its receivers are to get: receipts, notifications and messages, in the
 * order in which they became due (notices.h sends them).
 *
 * OWNERSHIP  accounts_free frees all. Links and messages are others'. THREADS one
 * ERRORS     E_SYNTAX, E_IO, E_NOMEM with a sentence for the person who starts the daemon
 * SEE        SMPP 3.4 4.1 (bind), 5.2.7 (address_range), 5.1.3
 */
#ifndef HATO_SMSC_SIM_ACCOUNTS_H
#define HATO_SMSC_SIM_ACCOUNTS_H

#include <regex.h>

#include "lib/conf.h"
#include "smsc-sim/inbox.h"

struct link;

/* Numbers, as a regular expression of letters, digits and ^ $ . * + ? [ ] - ( ) |. */
struct number_range {
	bool is_set;
	regex_t pattern;
};

struct account {
	const struct conf_esme *conf;
	int index;
	bool is_open; /* false: the default account, whose password nobody has made */
	char password[SMPP_PASSWORD_SIZE];
	struct number_range range;
	double tokens; /* of its rate */
	int64_t tokens_us;
	struct link *links;    /* bound by it */
	struct link *receiver; /* the one whose turn it is to deliver; a ring */
	size_t link_count, receiver_count;
	struct message_list queue;
	size_t queued;
	int64_t pause_until_us; /* it refused for now */
	int64_t outbind_us;     /* when it may be called again */
};

struct accounts {
	struct account *rows;
	size_t count;
};

int accounts_open(const struct conf *c, struct accounts *out, char error[256]);
void accounts_close(struct accounts *all);
struct account *account_by_system_id(struct accounts *all, const char *system_id);
struct account *account_by_name(struct accounts *all, const char *name);

/* What a bind hears: SMPP_ROK, RINVPASWD, RINVSYSTYP, RBINDFAIL (not that kind of bind). */
uint32_t account_check_bind(const struct account *a, uint32_t command,
			    const struct smpp_bind *bind);
/* One message more, by its rate. False: too fast. */
bool account_take_token(struct account *a, int64_t now_us);

/* E_SYNTAX. "" sets nothing. */
int number_range_set(struct number_range *r, const char *text);
void number_range_clear(struct number_range *r);
bool number_range_has(const struct number_range *r, const char *number);

#endif
