/* hato -- runs the system, and the administrator's commands
 *
 *   hato run --dir DIR [--set section.key=value]...      everything on one machine, in the
 * foreground hato COMMAND --dir DIR [--json]                      see `hato --help`
 *
 * Exit status: 0 done, 1 it failed (one line on stderr), 2 usage or configuration.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static const struct command {
	const char *words[2];
	int (*run)(const struct command_line *);
	size_t least, most; /* arguments */
	const char *usage, *text;
} commands[] = {
	{{"run"},
	 command_run,
	 0,
	 0,
	 "run [--set section.key=value]...",
	 "everything on one machine, in the foreground"},
	{{"init"}, command_init, 0, 0, "init", "make DIR: configuration, keys, certificate"},
	{{"status"}, command_status, 0, 0, "status", "is it running, and how is each daemon"},
	{{"subscriber", "add"},
	 command_subscriber_add,
	 1,
	 1,
	 "subscriber add MSISDN [--imsi IMSI] [--address A]... [--k HEX --opc HEX]",
	 "make or change a subscriber"},
	{{"subscriber", "show"},
	 command_subscriber_show,
	 1,
	 1,
	 "subscriber show MSISDN",
	 "one subscriber"},
	{{"subscriber", "list"}, command_subscriber_list, 0, 0, "subscriber list", "all of them"},
	{{"subscriber", "remove"},
	 command_subscriber_remove,
	 1,
	 1,
	 "subscriber remove MSISDN",
	 "end it: sessions, mail; number and addresses stay unused"},
	{{"subscriber", "sim-change"},
	 command_sim_change,
	 1,
	 1,
	 "subscriber sim-change MSISDN [--imsi IMSI]",
	 "let it sign up once with another SIM: this one, or any that waits"},
	{{"sim", "add"},
	 command_sim_add,
	 1,
	 1,
	 "sim add IMSI --k HEX --opc HEX",
	 "a SIM that waits for its subscriber"},
	{{"sim", "remove"}, command_sim_remove, 1, 1, "sim remove IMSI", "it waits no more"},
	{{"notification", "show"},
	 command_notification_show,
	 1,
	 1,
	 "notification show MSISDN",
	 "how a subscriber is told of his mail"},
	{{"notification", "set"},
	 command_notification_set,
	 2,
	 9,
	 "notification set MSISDN push|text|off [quiet=22:00-07:00 zone=Asia/Tokyo [udp=wait|go]] "
	 "[replace=yes|no] [sender=yes|no] [udp_per_hour=N] [sms_per_hour=N]",
	 "by pushes, by plain texts, or not at all; what is not named is the default"},
	{{"notification", "reset"},
	 command_notification_reset,
	 1,
	 1,
	 "notification reset MSISDN",
	 "as everybody who chose nothing"},
	{{"filter", "show"},
	 command_filter_show,
	 1,
	 1,
	 "filter show MSISDN",
	 "which mail a subscriber takes"},
	{{"filter", "set"},
	 command_filter_set,
	 2,
	 COMMAND_ARGS_MAX,
	 "filter set MSISDN [from=anyone|carriers|listed] [forged=off|low|middle|high|header] "
	 "[urls=yes|no] [receipts=yes|no] [max_size=N] [allow=A,B] [allow_to=A,B] [deny=A,B]",
	 "what he takes from now on; what is not named is the default"},
	{{"filter", "reset"},
	 command_filter_reset,
	 1,
	 1,
	 "filter reset MSISDN",
	 "everything, as everybody who chose nothing"},
	{{"device", "add"},
	 command_device_add,
	 3,
	 3,
	 "device add KIND VALUE MSISDN [--realm R]",
	 "a DHCP client is this subscriber's: KIND is client-id, hw-address, circuit-id, remote-id "
	 "or subscriber-id"},
	{{"device", "remove"},
	 command_device_remove,
	 2,
	 2,
	 "device remove KIND VALUE [--realm R]",
	 "it is nobody's; what was bound through it ends"},
	{{"device", "list"}, command_device_list, 0, 0, "device list [--realm R]", "all of them"},
	{{"binding", "show"},
	 command_binding_show,
	 1,
	 1,
	 "binding show IP|MSISDN [--port N] [--realm R]",
	 "who holds it now"},
	{{"binding", "history"},
	 command_binding_history,
	 1,
	 1,
	 "binding history IP [--port N] [--at TIME] [--realm R]",
	 "who held it when"},
	{{"quarantine", "list"},
	 command_quarantine_list,
	 0,
	 0,
	 "quarantine list [--realm R]",
	 "addresses that open nothing, and why"},
	{{"quarantine", "release"},
	 command_quarantine_release,
	 1,
	 1,
	 "quarantine release IP [--port N] [--realm R]",
	 "let an address go again"},
	{{"freeze", "list"},
	 command_freeze_list,
	 0,
	 0,
	 "freeze list [--realm R]",
	 "what is frozen"},
	{{"freeze"},
	 command_freeze,
	 2,
	 2,
	 "freeze subscriber|nas|prefix VALUE [--reason TEXT] [--mail defer|accept] [--realm R]",
	 "no tokens, no mail opened, no triggers there, from now on"},
	{{"thaw"}, command_thaw, 1, 1, "thaw ID [--realm R]", "end a freeze"},
	{{"breaker", "list"},
	 command_breaker_list,
	 0,
	 0,
	 "breaker list [--realm R]",
	 "pools where bare words are not believed, and why"},
	{{"breaker", "release"},
	 command_breaker_release,
	 1,
	 1,
	 "breaker release POOL [--realm R]",
	 "believe a NAS's or a prefix's phones again"},
	{{"resync"},
	 command_resync,
	 1,
	 1,
	 "resync --nas ID FILE [--realm R]",
	 "a NAS's whole list of sessions (JSON; - is stdin) replaces what is held for it"},
	{{"report", "misbinding"},
	 command_report_misbinding,
	 0,
	 0,
	 "report misbinding --since TIME [--until TIME] [--realm R]",
	 "what was read, deleted, sent or triggered through bindings that proved wrong"},
	{{"containment"},
	 command_containment,
	 0,
	 0,
	 "containment [--realm R]",
	 "the last freezes and tripped breakers, and who did what"},
	{{"mailbox", "show"},
	 command_mailbox_show,
	 1,
	 1,
	 "mailbox show MSISDN",
	 "how much waits there, since when"},
	{{"queue", "list"},
	 command_queue_list,
	 0,
	 0,
	 "queue list [--lane DOMAIN] [--sender MSISDN] [--limit N]",
	 "mail that waits to go out"},
	{{"queue", "show"},
	 command_queue_show,
	 1,
	 1,
	 "queue show ID",
	 "one mail, and what its recipients' servers said last"},
	{{"queue", "retry"},
	 command_queue_retry,
	 0,
	 1,
	 "queue retry ID | --lane DOMAIN",
	 "try it, or all that waits for a domain ('': our own), at once"},
	{{"queue", "hold"},
	 command_queue_hold,
	 0,
	 1,
	 "queue hold ID | --lane DOMAIN",
	 "try it, or the domain, no more until it is released"},
	{{"queue", "release"},
	 command_queue_release,
	 0,
	 1,
	 "queue release ID | --lane DOMAIN",
	 "the end of a hold"},
	{{"queue", "drop"},
	 command_queue_drop,
	 0,
	 1,
	 "queue drop ID | --lane DOMAIN --reason TEXT",
	 "throw it away; its sender is not told"},
	{{"suppression", "list"},
	 command_suppression_list,
	 1,
	 1,
	 "suppression list MSISDN",
	 "addresses that his mail is refused for, and why"},
	{{"suppression", "clear"},
	 command_suppression_clear,
	 1,
	 2,
	 "suppression clear MSISDN [ADDRESS]",
	 "let him send there again; without an address: anywhere"},
	{{"traps", "list"},
	 command_traps_list,
	 0,
	 0,
	 "traps list",
	 "clients that sent to a trap, and how often"},
	{{"traps", "clear"},
	 command_traps_clear,
	 1,
	 1,
	 "traps clear ADDRESS",
	 "forget that it did"},
	{{"key", "rotate"},
	 command_key_rotate,
	 0,
	 0,
	 "key rotate [--revoke ID]",
	 "a new key for tokens"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void help_print(void)
{
	puts("hato: a carrier-style push-mail gateway\n\nusage: hato COMMAND --dir DIR [--json] "
	     "[options]\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  hato %s\n        %s\n", commands[i].usage, commands[i].text);
	puts("\n  --dir DIR    where the system lives (or HATO_DIR)\n"
	     "  --set section.key=value    one configuration key on top of DIR/hato.conf; may be "
	     "repeated\n"
	     "  --json       JSON instead of text\n"
	     "  --check-config    read DIR/hato.conf, say what is wrong, leave\n"
	     "  --help       this text\n\nExit status: 0 done, 1 it failed, 2 usage or "
	     "configuration.\n\nKeys:");
	conf_print_settings(stdout, NULL);
}

static int usage(const char *why, const char *what)
{
	fprintf(stderr, "hato: %s%s%s (see 'hato --help')\n", why, what ? ": " : "",
		what ? what : "");
	return 2;
}

enum option_id {
	O_DIR = 256,
	O_SET,
	O_JSON,
	O_HELP,
	O_CHECK,
	O_IMSI,
	O_ADDRESS,
	O_REALM,
	O_AT,
	O_PORT,
	O_K,
	O_OPC,
	O_NAS,
	O_REVOKE,
	O_REASON,
	O_MAIL,
	O_SINCE,
	O_UNTIL,
	O_LANE,
	O_SENDER,
	O_LIMIT
};

static const struct option options[] = {{"dir", required_argument, NULL, O_DIR},
					{"set", required_argument, NULL, O_SET},
					{"json", no_argument, NULL, O_JSON},
					{"help", no_argument, NULL, O_HELP},
					{"check-config", no_argument, NULL, O_CHECK},
					{"imsi", required_argument, NULL, O_IMSI},
					{"address", required_argument, NULL, O_ADDRESS},
					{"realm", required_argument, NULL, O_REALM},
					{"at", required_argument, NULL, O_AT},
					{"port", required_argument, NULL, O_PORT},
					{"k", required_argument, NULL, O_K},
					{"opc", required_argument, NULL, O_OPC},
					{"nas", required_argument, NULL, O_NAS},
					{"revoke", required_argument, NULL, O_REVOKE},
					{"reason", required_argument, NULL, O_REASON},
					{"mail", required_argument, NULL, O_MAIL},
					{"since", required_argument, NULL, O_SINCE},
					{"until", required_argument, NULL, O_UNTIL},
					{"lane", required_argument, NULL, O_LANE},
					{"sender", required_argument, NULL, O_SENDER},
					{"limit", required_argument, NULL, O_LIMIT},
					{0}};

static bool keep(const char **list, size_t *count, size_t max, const char *what)
{
	if (*count == max)
		return false;
	list[(*count)++] = what;
	return true;
}

/* One option into the line. -1: fine; else the exit status. */
static int take_option(int id, struct command_line *line, bool *check, bool *help)
{
	const struct {
		int id;
		const char **at;
	} texts[] = {{O_DIR, &line->dir},    {O_IMSI, &line->imsi},     {O_REALM, &line->realm},
		     {O_AT, &line->at},      {O_PORT, &line->port},     {O_K, &line->k},
		     {O_OPC, &line->opc},    {O_REVOKE, &line->revoke}, {O_REASON, &line->reason},
		     {O_MAIL, &line->mail},  {O_SINCE, &line->since},   {O_UNTIL, &line->until},
		     {O_NAS, &line->nas},    {O_LANE, &line->lane},     {O_SENDER, &line->sender},
		     {O_LIMIT, &line->limit}};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (id == texts[i].id) {
			*texts[i].at = optarg;
			return -1;
		}
	switch (id) {
	case O_SET:
		return keep(line->sets, &line->set_count, COMMAND_SETS_MAX, optarg)
			       ? -1
			       : usage("too many --set", NULL);
	case O_ADDRESS:
		return keep(line->addresses, &line->address_count, 16, optarg)
			       ? -1
			       : usage("too many --address", NULL);
	case O_JSON:
		line->json = true;
		return -1;
	case O_CHECK:
		*check = true;
		return -1;
	case O_HELP:
		*help = true;
		return -1;
	default:
		return 2; /* getopt has said why */
	}
}

static const struct command *command_find(const struct command_line *line, size_t *words)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		*words = commands[i].words[1] ? 2 : 1;
		if (line->arg_count >= *words && !strcmp(line->args[0], commands[i].words[0]) &&
		    (*words == 1 || !strcmp(line->args[1], commands[i].words[1])))
			return &commands[i];
	}
	return NULL;
}

/* Half a command is answered with the others that begin so. */
static int usage_unknown(const struct command_line *line)
{
	size_t found = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].words[0], line->args[0]))
			fprintf(stderr, "%s%s\n", found++ ? "       hato " : "usage: hato ",
				commands[i].usage);
	return found ? 2 : usage("no such command", line->args[0]);
}

static int check_config(const struct command_line *line)
{
	char path[4096], error[256];
	struct conf *c;

	snprintf(path, sizeof path, "%s/hato.conf", line->dir);
	if (conf_load(path, NULL, line->sets, line->set_count, &c, error)) {
		command_fail("%s", error);
		return 2;
	}
	conf_free(c);
	return 0;
}

int main(int argc, char **argv)
{
	struct command_line line = {.dir = getenv("HATO_DIR")};
	bool check = false, help = false;
	int id, status;
	size_t words;

	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		status = take_option(id == 'h' ? O_HELP : id, &line, &check, &help);
		if (status >= 0)
			return status;
	}
	if (help) {
		help_print();
		return 0;
	}
	while (optind < argc)
		if (!keep(line.args, &line.arg_count, COMMAND_ARGS_MAX, argv[optind++]))
			return usage("too many arguments", NULL);
	if (!line.arg_count && check && line.dir)
		return check_config(&line);
	if (!line.arg_count)
		return usage("which command?", NULL);
	const struct command *command = command_find(&line, &words);
	if (!command)
		return usage_unknown(&line);
	if (!line.dir)
		return usage("--dir DIR is needed", NULL);
	if (check)
		return check_config(&line);
	line.arg_count -= words;
	memmove(line.args, line.args + words, line.arg_count * sizeof *line.args);
	if (line.arg_count < command->least || line.arg_count > command->most)
		return usage("usage: hato", command->usage);
	return command->run(&line);
}
