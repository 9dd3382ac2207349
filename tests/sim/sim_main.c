/*
 * sim_main.c - the simulator's command: `sim SEED [COUNT] [PROFILE]`.  TAP.
 *
 * PROFILE is one of them, or `all` (the default): seeds take turns.  A failure prints the seed, the
 * profile and the command that repeats it.  `sim --mutants` plants bugs, one after the other, and
 * fails when one of them is not found: the proof that the simulator can fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_run.h"

enum { MUTANT_SEEDS = 400 };

struct totals {
	uint64_t runs, failed, ph1, ph2, failures, packets, lost, datagrams, hostile, minutes;
};

struct options {
	bool verbose;
	enum sim_plant plant;
};

static bool
run(uint64_t seed, const struct sim_profile *p, struct cry *cry, const struct options *o,
	struct totals *t, struct text *why)
{
	struct sim_world *w = sim_new(seed, p, cry);
	w->verbose = o->verbose;
	w->plant = o->plant;
	sim_scenario(w);
	bool good = !sim_failed(w);
	if (!good)
		text_add(why, text_str(&w->why));
	t->runs++;
	t->failed += !good;
	t->ph1 += w->stats.ph1_up;
	t->ph2 += w->stats.ph2_up;
	t->failures += w->stats.failures;
	t->packets += w->stats.sent;
	t->lost += w->stats.lost;
	t->datagrams += w->stats.datagrams;
	t->hostile += w->stats.hostile;
	t->minutes += (uint64_t)w->now.ms / 60000;
	sim_free(w);
	return good;
}

static const struct sim_profile *
profile_named(const char *name)
{
	for (size_t i = 0; i < sim_profile_count; i++)
		if (strcmp(sim_profiles[i].name, name) == 0)
			return &sim_profiles[i];
	return NULL;
}

static int
mutants(struct cry *cry, const char *program, uint64_t only)
{
	bool bad = false;
	for (unsigned m = 1; m < SIM_PLANT_COUNT; m++) {
		struct options o = { .plant = (enum sim_plant)m };
		struct totals t = { 0 };
		struct text why = { 0 };
		bool found = false;
		if (only && m != only)
			continue;
		for (uint64_t seed = 1; seed <= MUTANT_SEEDS && !found; seed++) {
			const struct sim_profile *p = &sim_profiles[seed % sim_profile_count];
			found = !run(seed, p, cry, &o, &t, &why);
			if (found)
				printf("# seed %llu %s: %s\n", (unsigned long long)seed, p->name,
					text_str(&why));
		}
		printf("%s - sim: planted bug \"%s\" is found\n", found ? "ok" : "not ok",
			sim_plant_name(o.plant));
		if (!found)
			printf("# %s --mutants %u\n", program, m);
		bad |= !found;
		text_free(&why);
		fflush(stdout);
	}
	return bad;
}

static void
report(const struct totals *t, const char *name)
{
	printf("# %s: %llu virtual minutes, %llu phase 1, %llu phase 2, %llu failures, %llu "
	       "datagrams, "
	       "%llu of others, %llu packets, %llu lost\n",
		name, (unsigned long long)t->minutes, (unsigned long long)t->ph1,
		(unsigned long long)t->ph2, (unsigned long long)t->failures,
		(unsigned long long)t->datagrams, (unsigned long long)t->hostile,
		(unsigned long long)t->packets, (unsigned long long)t->lost);
	printf("%s - sim: %s, %llu of %llu seeds\n", t->failed ? "not ok" : "ok", name,
		(unsigned long long)(t->runs - t->failed), (unsigned long long)t->runs);
}

static int
seeds(struct cry *cry, const char *program, uint64_t first, uint64_t count, const char *name,
	const struct options *o)
{
	struct totals t[16] = { { 0 } };
	const struct sim_profile *only = profile_named(name);
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct text why = { 0 };
		size_t i = only ? (size_t)(only - sim_profiles) : seed % sim_profile_count;
		const struct sim_profile *p = &sim_profiles[i];
		if (!run(seed, p, cry, o, &t[i], &why)) {
			printf("# seed %llu %s: %s\n", (unsigned long long)seed, p->name,
				text_str(&why));
			printf("# repeat: %s -v %llu 1 %s\n", program, (unsigned long long)seed,
				p->name);
			printf("not ok - sim: seed %llu, profile %s\n", (unsigned long long)seed,
				p->name);
			fflush(stdout);
		}
		text_free(&why);
	}
	bool bad = false;
	for (size_t i = 0; i < sim_profile_count; i++) {
		if (t[i].runs == 0)
			continue;
		bad |= t[i].failed > 0;
		report(&t[i], sim_profiles[i].name);
	}
	return bad;
}

static int
usage(void)
{
	fprintf(stderr, "usage: sim [-v] SEED [COUNT] [PROFILE]\n       sim [--plant N] SEED "
			"[COUNT] [PROFILE]\n"
			"       sim --mutants [N]\nprofiles: all");
	for (size_t i = 0; i < sim_profile_count; i++)
		fprintf(stderr, " %s", sim_profiles[i].name);
	fprintf(stderr, "\nplanted bugs:\n");
	for (unsigned i = 1; i < SIM_PLANT_COUNT; i++)
		fprintf(stderr, "  %2u %s\n", i, sim_plant_name((enum sim_plant)i));
	return 2;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	bool all_mutants = false;
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-v") == 0)
			o.verbose = true;
		else if (strcmp(argv[i], "--mutants") == 0)
			all_mutants = true;
		else if (strcmp(argv[i], "--plant") == 0 && i + 1 < argc)
			o.plant = (enum sim_plant)(strtoul(argv[++i], NULL, 10) % SIM_PLANT_COUNT);
		else
			return usage();
	}
	uint64_t first = i < argc ? strtoull(argv[i], NULL, 10) : 0;
	uint64_t count = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 1;
	const char *name = i + 2 < argc ? argv[i + 2] : "all";
	if (!all_mutants && (i >= argc || (strcmp(name, "all") != 0 && !profile_named(name))))
		return usage();
	struct cry *cry = cry_new();
	if (!cry) {
		fprintf(stderr, "sim: OpenSSL cannot be used\n");
		return 1;
	}
	int rc = all_mutants ? mutants(cry, argv[0], first)
			     : seeds(cry, argv[0], first, count, name, &o);
	sim_dh_free();
	cry_free(cry);
	return rc;
}
