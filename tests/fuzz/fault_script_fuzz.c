/* Any octets as a scenario. What is taken is within its bounds, written again it is the same, and a
 * day of it can be played: no fault leads outside what it may do. */
#include <stdlib.h>
#include <string.h>

#include "smsc-sim/faults.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_fault(const struct fault *f)
{
	must(f->what < FAULT_WHATS && f->of < FAULT_OFS && f->per < FAULT_PERS);
	must(f->share >= 0 && f->share <= 1 && f->at_us >= 0 && f->at_us < f->until_us);
	must(memchr(f->account, 0, sizeof f->account) && memchr(f->note, 0, sizeof f->note));
	must(strspn(f->destination, "0123456789") == strlen(f->destination));
	must(f->copies >= 1 && f->copies <= FAULT_COPIES_MAX && f->within_us >= 0);
	must(!f->to_pdus || f->to_pdus >= f->after_pdus);
}

static void check_again(const struct fault_script *s)
{
	static struct fault_script again;
	char problem[FAULT_PROBLEM_MAX];
	json_t *json = fault_script_write(s);

	must(json && fault_script_read(json, &again, problem));
	must(again.count == s->count && again.seed == s->seed);
	json_decref(json);
}

/* now runs from the beginning to an hour after it. */
static void play(struct faults *f, int64_t now_us)
{
	struct fault_subject s = {"hato", "819012345678", 0, 1};
	struct fault_link link = {0};

	s.number = faults_number(f, s.account, s.destination);
	struct fault_submit submit = faults_submit(f, now_us, &s);
	must(submit.delay_us >= 0 && submit.sequence_add < UINT32_C(0x7fffffff));
	must(!submit.nack || submit.status);
	must(faults_attempt(f, now_us, &s).copies <= FAULT_COPIES_MAX);
	must(faults_attempt_delay_us(f, now_us, &s) >= 0);
	struct fault_receipt receipt = faults_receipt(f, now_us, &s);
	must(receipt.delay_us >= 0 && receipt.copies <= FAULT_COPIES_MAX);
	faults_link_begin(f, now_us, "hato", &link);
	faults_link_pdu(f, now_us, "hato", &link);
	must(faults_next_us(f) >= 0);
	faults_turn(f, now_us);
	must(faults_next_us(f) > now_us);
	faults_cut_due(f, "hato");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fault_script script;
	static struct faults *f;
	char problem[FAULT_PROBLEM_MAX] = "";

	if (!f)
		must(!faults_new(1, 16, &f));
	if (!fault_script_parse((const char *)data, size, &script, problem)) {
		must(*problem && memchr(problem, 0, sizeof problem));
		return 0;
	}
	must(script.count <= FAULTS_MAX);
	for (size_t i = 0; i < script.count; i++)
		check_fault(&script.faults[i]);
	check_again(&script);
	faults_begin(f, &script, 0);
	for (int64_t s = 0; s <= 3600; s += 300)
		play(f, s * 1000000);
	return 0;
}
