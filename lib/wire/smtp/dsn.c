#include "lib/wire/smtp/dsn.h"

const char *dsn_action_word(enum dsn_action action)
{
	static const char *const words[DSN_ACTIONS] = {"failed", "delayed", "delivered", "relayed",
						       "expanded"};

	return action < DSN_ACTIONS ? words[action] : "";
}
