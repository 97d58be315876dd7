#include "handset-sim/scenario.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/heed.h"
#include "lib/clock.h"
#include "lib/wire/mailaddr.h"

#define HANDSETS_MAX 60000 /* 127.1.0.1 up, one address each */
#define MAILS_MAX    10000000
#define UNSET        UINT32_MAX
#define TEXTS_MOST   1000000
#define SUBMIT_MOST  1000
#define SMS_SPREAD   37 /* so that it is not the phones with a SIM key first */

static const char *const login_names[] = {[LOGIN_USERPASS] = "userpass",
					  [LOGIN_TOKEN] = "token",
					  [LOGIN_PLAIN] = "plain",
					  [LOGIN_LOGIN] = "login",
					  [LOGIN_OAUTHBEARER] = "oauthbearer",
					  [LOGIN_XOAUTH2] = "xoauth2",
					  [LOGIN_MIX] = "mix"};

static void help_print(void)
{
	puts("handset-sim: simulated phones, each with its own loopback address\n\n"
	     "usage: handset-sim --dir DIR [options]\n\n"
	     "  --dir DIR          the system's folder (hato run --dir DIR); its ports and feeder "
	     "key\n"
	     "  --set section.key=value    a configuration key on top of DIR's; may be repeated\n"
	     "  --handsets N       phones, at 127.1.0.1 up [100]\n"
	     "  --mails N          mails to send to them [500]\n"
	     "  --rate R           mails a second; 0 = as fast as they go [0]\n"
	     "  --churn R          phones a second that change their address [0]\n"
	     "  --corpus DIR       *.eml below it are what is sent [a few of our own]\n"
	     "  --login FORM       userpass, token, plain, login, oauthbearer, xoauth2 or mix "
	     "[userpass]\n"
	     "  --tls              handset API by HTTPS, mail by POP3S\n"
	     "  --senders N        SMTP connections [16]\n"
	     "  --lmtp-senders N   so many of them speak LMTP to pushsrv [0]\n"
	     "  --window S         each so many seconds a line of JSON: what was done in them "
	     "[never]\n"
	     "  --attach-window N  phones that attach at a time [64]\n"
	     "  --trigger-sockets one|each    one UDP socket for all phones, or one each [one]\n"
	     "  --sim PERCENT      phones whose SIM has a key: they prove it for each token [0]\n"
	     "  --sms PERCENT      phones that have no address until an SMS wakes them [0]\n"
	     "  --ip-idle S        such a phone gives its address back after so long without use "
	     "[60]\n"
	     "  --texts N          texts that phones write to each other by SMS [0]\n"
	     "  --submit N         mails that each phone sends to others by the submission port, "
	     "with its token [0]\n"
	     "  --submit-to ADDRESS        they all go there instead\n"
	     "  --scenario incident-2011   20 December 2011 instead (docs/incident-2011.md):\n"
	     "      --scale N      6.7 million subscribers, 1:N [100]\n"
	     "      --faulty-feed  the network gives out wrong bindings\n"
	     "      --no-kill      authsrv is not killed in the middle\n"
	     "  --scenario sms-day a day of faults: phones are off, in tunnels, abroad, full; "
	     "pushsrv "
	     "and smsc-sim\n"
	     "                     are killed; half of 1,000 phones sleep; 10,000 mails, 150 a "
	     "second "
	     "(docs/sms.md):\n"
	     "      --faults FILE  what smsc-sim is to do meanwhile (PUT /v1/faults)\n"
	     "      --no-kill      nothing is killed\n"
	     "  --first N          number of the first phone, so that two runs do not share any "
	     "[1]\n"
	     "  --keep             leave the phones attached at the end\n"
	     "  --patience S       give up when nothing happens for so long [60]\n"
	     "  --hint-pause S     at most one fetch in so long on the word of unsigned triggers "
	     "[60]\n"
	     "  --seed N           of whatever is drawn by chance [1]\n"
	     "  --json             a JSON object instead of the table\n"
	     "  --quiet            no progress line\n\n"
	     "Exit status: 0 all is well; 1 a mail was lost, altered or seen by anyone but its "
	     "owner, or the\n"
	     "system could not be used; 2 usage.");
}

enum option_id {
	O_DIR = 256,
	O_SET,
	O_HANDSETS,
	O_MAILS,
	O_RATE,
	O_CHURN,
	O_CORPUS,
	O_LOGIN,
	O_TLS,
	O_SENDERS,
	O_LMTP,
	O_REPORT,
	O_WINDOW,
	O_SIM,
	O_SMS,
	O_TEXTS,
	O_SUBMIT,
	O_SUBMIT_TO,
	O_SOCKETS,
	O_FIRST,
	O_SCENARIO,
	O_SCALE,
	O_FAULTY,
	O_FAULTS,
	O_NO_KILL,
	O_KEEP,
	O_PATIENCE,
	O_HINT,
	O_IP_IDLE,
	O_SEED,
	O_JSON,
	O_QUIET,
	O_HELP
};

static const struct option options[] = {{"dir", required_argument, NULL, O_DIR},
					{"set", required_argument, NULL, O_SET},
					{"handsets", required_argument, NULL, O_HANDSETS},
					{"mails", required_argument, NULL, O_MAILS},
					{"rate", required_argument, NULL, O_RATE},
					{"churn", required_argument, NULL, O_CHURN},
					{"corpus", required_argument, NULL, O_CORPUS},
					{"login", required_argument, NULL, O_LOGIN},
					{"tls", no_argument, NULL, O_TLS},
					{"senders", required_argument, NULL, O_SENDERS},
					{"lmtp-senders", required_argument, NULL, O_LMTP},
					{"window", required_argument, NULL, O_REPORT},
					{"attach-window", required_argument, NULL, O_WINDOW},
					{"sim", required_argument, NULL, O_SIM},
					{"trigger-sockets", required_argument, NULL, O_SOCKETS},
					{"first", required_argument, NULL, O_FIRST},
					{"sms", required_argument, NULL, O_SMS},
					{"texts", required_argument, NULL, O_TEXTS},
					{"submit", required_argument, NULL, O_SUBMIT},
					{"submit-to", required_argument, NULL, O_SUBMIT_TO},
					{"ip-idle", required_argument, NULL, O_IP_IDLE},
					{"scenario", required_argument, NULL, O_SCENARIO},
					{"scale", required_argument, NULL, O_SCALE},
					{"faults", required_argument, NULL, O_FAULTS},
					{"faulty-feed", no_argument, NULL, O_FAULTY},
					{"no-kill", no_argument, NULL, O_NO_KILL},
					{"keep", no_argument, NULL, O_KEEP},
					{"patience", required_argument, NULL, O_PATIENCE},
					{"hint-pause", required_argument, NULL, O_HINT},
					{"seed", required_argument, NULL, O_SEED},
					{"json", no_argument, NULL, O_JSON},
					{"quiet", no_argument, NULL, O_QUIET},
					{"help", no_argument, NULL, O_HELP},
					{0}};

static int usage(const char *why, const char *what)
{
	fprintf(stderr, "handset-sim: %s: '%s' (see 'handset-sim --help')\n", why, what);
	return 2;
}

static bool number(const char *text, double least, double most, double *out)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= least && n <= most))
		return false;
	*out = n;
	return true;
}

static bool login_parse(const char *text, enum login_form *out)
{
	for (int i = 0; i <= LOGIN_MIX; i++)
		if (!strcmp(text, login_names[i])) {
			*out = (enum login_form)i;
			return true;
		}
	return false;
}

/* The options that are a number. 1: taken, 0: not one of them, -1: out of its bounds. */
static int take_number(int id, struct scenario *s)
{
	const struct {
		int id;
		double least, most;
		uint32_t *whole;
		double *real;
	} rows[] = {{O_HANDSETS, 1, HANDSETS_MAX, &s->handsets, NULL},
		    {O_MAILS, 0, MAILS_MAX, &s->mails, NULL},
		    {O_RATE, 0, 1e6, NULL, &s->rate},
		    {O_CHURN, 0, 1e5, NULL, &s->churn},
		    {O_SENDERS, 1, 1000, &s->senders, NULL},
		    {O_LMTP, 0, 1000, &s->lmtp_senders, NULL},
		    {O_REPORT, 1, 3600, &s->window_s, NULL},
		    {O_WINDOW, 1, 10000, &s->attach_window, NULL},
		    {O_SIM, 0, 100, &s->sims, NULL},
		    {O_SMS, 0, 100, &s->sms, NULL},
		    {O_TEXTS, 0, TEXTS_MOST, &s->texts, NULL},
		    {O_SUBMIT, 0, SUBMIT_MOST, &s->submit, NULL},
		    {O_FIRST, 1, 90000000, &s->first, NULL},
		    {O_SCALE, 1, 100000, &s->scale, NULL}};
	double n;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].id != id)
			continue;
		if (!number(optarg, rows[i].least, rows[i].most, &n))
			return -1;
		if (rows[i].whole)
			*rows[i].whole = (uint32_t)n;
		else
			*rows[i].real = n;
		return 1;
	}
	if (id != O_PATIENCE && id != O_HINT && id != O_IP_IDLE && id != O_SEED)
		return 0;
	if (!number(optarg, 1, 1e9, &n))
		return -1;
	if (id == O_PATIENCE)
		s->patience_s = (int64_t)n;
	else if (id == O_HINT)
		s->hint_s = (int64_t)n;
	else if (id == O_IP_IDLE)
		s->ip_idle_s = (int64_t)n;
	else
		s->seed = (uint64_t)n;
	return 1;
}

/* -1: go on. */
static int take_option(int id, struct scenario *s)
{
	int taken = take_number(id, s);
	struct mailaddr address;

	if (taken)
		return taken > 0 ? -1 : usage("out of its bounds", optarg);
	switch (id) {
	case O_DIR:
		s->dir = optarg;
		return -1;
	case O_CORPUS:
		s->corpus = optarg;
		return -1;
	case O_SET:
		if (s->set_count == sizeof s->sets / sizeof *s->sets)
			return usage("too many", "--set");
		s->sets[s->set_count++] = optarg;
		return -1;
	case O_LOGIN:
		return login_parse(optarg, &s->login) ? -1 : usage("no such login form", optarg);
	case O_SOCKETS:
		s->one_socket = !strcmp(optarg, "one");
		return s->one_socket || !strcmp(optarg, "each") ? -1 : usage("one or each", optarg);
	case O_SCENARIO:
		s->incident = !strcmp(optarg, "incident-2011");
		s->is_day = !strcmp(optarg, "sms-day");
		return s->incident || s->is_day ? -1 : usage("no such scenario", optarg);
	case O_SUBMIT_TO:
		s->submit_to = optarg;
		return mailaddr_parse(optarg, strlen(optarg), 0, &address)
			       ? usage("no mail address", optarg)
			       : -1;
	case O_FAULTS:
		s->faults = optarg;
		return -1;
	case O_FAULTY:
		s->faulty_feed = true;
		return -1;
	case O_NO_KILL:
		s->no_kill = true;
		return -1;
	case O_TLS:
		s->tls = true;
		return -1;
	case O_KEEP:
		s->keep = true;
		return -1;
	case O_JSON:
		s->json = true;
		return -1;
	case O_QUIET:
		s->quiet = true;
		return -1;
	case O_HELP:
		help_print();
		return 0;
	default:
		return 2;
	}
}

bool scenario_has_sim(const struct scenario *s, uint32_t index)
{
	return index % 100 < s->sims;
}

bool scenario_sleeps(const struct scenario *s, uint32_t index)
{
	return index * SMS_SPREAD % 100 < s->sms;
}

bool scenario_has_radio(const struct scenario *s)
{
	return s->sms || s->texts || s->is_day;
}

/* What was not said: of an ordinary run, or of the day of faults. */
static void set_defaults(struct scenario *s)
{
	bool day = s->is_day;
	struct {
		uint32_t *what, is;
	} rows[] = {{&s->handsets, day ? 1000 : 100},
		    {&s->mails, day ? 10000 : 500},
		    {&s->sms, day ? 50 : 0},
		    {&s->texts, day ? 500 : 0}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (*rows[i].what == UNSET)
			*rows[i].what = rows[i].is;
	if (s->rate < 0)
		s->rate = day ? 150 : 0;
	if (s->ip_idle_s < 0)
		s->ip_idle_s = day ? 1 : 60;
	if (s->hint_s < 0)
		s->hint_s = day ? 1 : HEED_PAUSE_US / CLOCK_S;
}

int scenario_read(int argc, char **argv, struct scenario *out)
{
	int id;

	*out = (struct scenario){.dir = getenv("HATO_DIR"),
				 .handsets = UNSET,
				 .mails = UNSET,
				 .sms = UNSET,
				 .texts = UNSET,
				 .rate = -1,
				 .ip_idle_s = -1,
				 .hint_s = -1,
				 .first = 1,
				 .senders = 16,
				 .attach_window = 64,
				 .one_socket = true,
				 .patience_s = 60,
				 .scale = 100,
				 .seed = 1};
	while ((id = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		int status = take_option(id == 'h' ? O_HELP : id, out);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return usage("no option", argv[optind]);
	if (out->submit && (out->incident || out->is_day))
		return usage("in no scenario", "--submit");
	set_defaults(out);
	if (!out->dir)
		return usage("needed", "--dir DIR");
	return -1;
}
