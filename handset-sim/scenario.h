/* scenario -- what the command line asks the simulated world to do */
#ifndef HATO_HANDSET_SIM_SCENARIO_H
#define HATO_HANDSET_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

enum login_form {
	LOGIN_USERPASS, /* USER account, PASS token */
	LOGIN_TOKEN,    /* USER token, PASS anything */
	LOGIN_PLAIN,
	LOGIN_LOGIN,
	LOGIN_OAUTHBEARER,
	LOGIN_XOAUTH2,
	LOGIN_FORMS,
	LOGIN_MIX = LOGIN_FORMS /* each phone another */
};

struct scenario {
	const char *dir, *corpus;
	const char *sets[64];
	unsigned set_count;
	uint32_t handsets, mails, first; /* first: number of the first subscriber */
	double rate;                     /* mails a second; 0: as fast as they go */
	double churn;                    /* phones a second that change their address */
	uint32_t senders;                /* SMTP connections */
	uint32_t lmtp_senders;           /* so many of them are LMTP */
	uint32_t window_s;               /* a line of figures each so many seconds; 0: none */
	uint32_t attach_window;          /* phones that attach at a time */
	uint32_t sims;                   /* phones of a hundred whose SIM has a key and proves it */
	uint32_t sms;          /* phones of a hundred that sleep until an SMS wakes them */
	uint32_t texts;        /* that phones write to each other by SMS */
	uint32_t submit;       /* mails that each phone submits */
	const char *submit_to; /* where all of those go; null: to other phones */
	bool incident, faulty_feed, no_kill;
	bool is_day;        /* of faults */
	const char *faults; /* a file: what smsc-sim is to do on that day; null: nothing */
	uint32_t scale;     /* of the incident: 1 phone stands for so many */
	bool tls, json, one_socket, quiet, keep;
	enum login_form login;
	int64_t patience_s; /* without any progress: it is over */
	int64_t hint_s;     /* between fetches for unsigned triggers alone */
	int64_t ip_idle_s;  /* a phone that sleeps gives its address back after so long without use
			     */
	uint64_t seed;
};

/* Phone `index` has a SIM with a key. */
bool scenario_has_sim(const struct scenario *s, uint32_t index);
/* Phone `index` has no address until an SMS wakes it. */
bool scenario_sleeps(const struct scenario *s, uint32_t index);
/* Phones have a radio: short messages are of use. */
bool scenario_has_radio(const struct scenario *s);

/* -1: go on; else the exit status. */
int scenario_read(int argc, char **argv, struct scenario *out);

#endif
