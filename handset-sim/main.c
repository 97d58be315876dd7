/* handset-sim -- as many simulated handsets as wanted, each with its own loopback address
 *
 * Attaches them as the network would, sends them mail through the MX, and takes it as they would:
 * token, trigger, POP3. Checks that every message is meant for who fetched it and is to the byte
 * what was sent. EXIT STATUS  0 all is well; 1 a mail was lost, altered or seen by anyone but its
 * owner, or the system could not be used; 2 usage
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "handset-sim/incident.h"
#include "handset-sim/report.h"
#include "lib/conf_running.h"
#include "lib/log.h"

int main(int argc, char **argv)
{
	struct scenario s;
	struct conf *c;
	struct corpus corpus;
	struct world w;
	char error[256];

	int status = scenario_read(argc, argv, &s);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	log_init("handset-sim");
	if (conf_load_running(s.dir, s.sets, s.set_count, &c, error)) {
		fprintf(stderr, "handset-sim: %s\n", error);
		return 2;
	}
	if (corpus_load(s.corpus, &corpus)) {
		fprintf(stderr, "handset-sim: out of memory\n");
		return 1;
	}
	if (s.incident) {
		status = incident_main(&s, c, &corpus);
		corpus_free(&corpus);
		conf_free(c);
		exit(status);
	}
	status = 1;
	if (!world_open(&w, &s, c, &corpus)) {
		world_run(&w);
		if (!w.failed) {
			report_print(&w);
			status = report_is_clean(&w) ? 0 : 1;
		}
	}
	world_close(&w);
	corpus_free(&corpus);
	conf_free(c);
	/* Not return: what world_close leaves to the process hangs on `w`, and a leak checker looks
	 * at the stack. */
	exit(status);
}
