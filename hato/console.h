/* console -- the whole system at one port: /metrics /healthz /readyz /status
 *
 * Asks each daemon at its admin socket (run/<daemon>.admin) and joins the answers. Served on
 * 127.0.0.1:hato.console_port and on run/hato.admin, which `hato status` reads.
 */
#ifndef HATO_HATO_CONSOLE_H
#define HATO_HATO_CONSOLE_H

#include "hato/supervisor.h"

struct console;
/* error[] filled on failure. */
int console_open(struct loop *loop, const struct conf *c, const struct supervisor *s,
		 struct console **out, char error[256]);
void console_close(struct console *c);

#endif
