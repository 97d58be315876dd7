#include "db/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"

struct trigger_sight {
	struct engine *engine;
};

bool prompt_keep(struct db *db, struct engine *e, const struct trigger_out *out, size_t n)
{
	if (!atomic_load(&db->is_prompting) || e->prompt_count + n > PROMPT_MAX)
		return false;
	if (!e->prompts)
		e->prompts = malloc(PROMPT_MAX * sizeof *e->prompts);
	if (!e->prompts)
		return false;
	memcpy(e->prompts + e->prompt_count, out, n * sizeof *out);
	e->prompt_count += n;
	return true;
}

void prompt_committed(struct db *db, struct engine *e)
{
	struct trigger_sight sight = {e};

	if (e->prompt_count == 0)
		return;
	pthread_mutex_lock(&db->prompt_lock);
	if (db->prompt)
		db->prompt(db->prompt_arg, &sight, e->prompts, e->prompt_count);
	pthread_mutex_unlock(&db->prompt_lock);
	e->prompt_count = 0;
}

void triggers_prompt(struct db *db, trigger_prompt *prompt, void *arg)
{
	pthread_mutex_lock(&db->prompt_lock);
	db->prompt = prompt;
	db->prompt_arg = arg;
	atomic_store(&db->is_prompting, prompt != NULL);
	pthread_mutex_unlock(&db->prompt_lock);
}

int trigger_sight_check(struct trigger_sight *sight, const struct trigger_out *list, size_t n,
			binding_checked *checked, void *arg)
{
	return bindings_look(sight->engine, list, n, checked, arg);
}
