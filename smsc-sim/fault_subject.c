#include "smsc-sim/fault_subject.h"

struct fault_subject fault_subject(struct smsc *s, struct message *m, unsigned attempt)
{
	const char *account = smsc_account_name(s, m);

	if (!m->number)
		m->number = faults_number(s->faults, account, m->destination.number);
	return (struct fault_subject){.account = account,
				      .destination = m->destination.number,
				      .number = m->number,
				      .attempt = attempt};
}
