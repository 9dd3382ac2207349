/* sim_run.h - one run of the simulator by profile; see sim.h. */
#ifndef TESTS_SIM_SIM_RUN_H
#define TESTS_SIM_SIM_RUN_H

#include "tests/sim/sim.h"

/* Everything, from the configuration to the checks; w->why says what failed. */
void sim_scenario(struct sim_world *w);

#endif
