/* scenario -- the faults that are in force from the start: smsc-sim.scenario, or --scenario FILE
 *
 * Called by main. `--scenario FILE` is the person's short way of `--set smsc-sim.scenario=FILE`,
 * with FILE as the shell sees it (the setting's is below DIR).
 *
 * OWNERSHIP  scenario_args: the caller frees with scenario_args_free. THREADS the main one's
 * ERRORS     scenario_read: E_NOT_FOUND: there is none; E_SYNTAX: `problem` says why, the file's
 * name first
 */
#ifndef HATO_SMSC_SIM_SCENARIO_H
#define HATO_SMSC_SIM_SCENARIO_H

#include "lib/conf.h"
#include "smsc-sim/fault_script.h"

#define SCENARIO_PROBLEM_MAX (FAULT_PROBLEM_MAX + 256)

int scenario_read(const struct conf *c, struct fault_script *out,
		  char problem[SCENARIO_PROBLEM_MAX]);

/* argv with each --scenario replaced; ends with null. Null: no memory. */
char **scenario_args(int argc, char **argv);
void scenario_args_free(char **args);

#endif
