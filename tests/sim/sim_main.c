/*
 * sim_main.c - the simulator's command: `sim SEED [COUNT] [PROFILE]`.  TAP.
 *
 * PROFILE is one of them, or `all` (the default): seeds take turns, or `each`: every seed with
 * every profile.  -j shares the seeds out among processes.  A failure prints the seed, the profile
 * and the command that repeats it.  `sim --mutants` plants bugs, one after the other, and
 * fails when one of them is not found: the proof that the simulator can fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim_run.h"

enum { MUTANT_SEEDS = 400, PROFILES_MAX = 16, SHARES_MAX = 16 };

struct totals { /* numbers of this type only: see collect */
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

struct work {
	const char *program, *name;
	uint64_t first, count;
	const struct options *o;
	struct totals t[PROFILES_MAX];
};

static void
one(struct work *k, struct cry *cry, uint64_t seed, size_t i)
{
	const struct sim_profile *p = &sim_profiles[i];
	struct text why = { 0 };

	if (!run(seed, p, cry, k->o, &k->t[i], &why)) {
		printf("# seed %llu %s: %s\n", (unsigned long long)seed, p->name, text_str(&why));
		printf("# repeat: %s -v %llu 1 %s\n", k->program, (unsigned long long)seed,
			p->name);
		printf("not ok - sim: seed %llu, profile %s\n", (unsigned long long)seed, p->name);
		fflush(stdout);
	}
	text_free(&why);
}

/* Every `step`-th seed, beginning with the one numbered `from`. */
static void
seeds(struct work *k, struct cry *cry, unsigned from, unsigned step)
{
	const struct sim_profile *only = profile_named(k->name);
	bool each = strcmp(k->name, "each") == 0;

	for (uint64_t n = from; n < k->count; n += step) {
		uint64_t seed = k->first + n;
		if (!each)
			one(k, cry, seed, only ? (size_t)(only - sim_profiles)
					       : seed % sim_profile_count);
		for (size_t i = 0; each && i < sim_profile_count; i++)
			one(k, cry, seed, i);
	}
}

static bool
report_all(const struct work *k)
{
	bool bad = false;

	for (size_t i = 0; i < sim_profile_count; i++) {
		if (k->t[i].runs == 0)
			continue;
		bad |= k->t[i].failed > 0;
		report(&k->t[i], sim_profiles[i].name);
	}
	return bad;
}

/* A process for each share of the seeds; what it counted comes back through a pipe. */
static bool
start(struct work *k, struct cry *cry, unsigned share, unsigned shares, int *from)
{
	int ends[2];

	if (pipe(ends) != 0)
		return false;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		seeds(k, cry, share, shares);
		fflush(stdout);
		_exit(write(ends[1], k->t, sizeof(k->t)) == sizeof(k->t) ? 0 : 1);
	}
	close(ends[1]);
	*from = ends[0];
	return pid > 0;
}

static bool
collect(struct work *k, int from)
{
	struct totals t[PROFILES_MAX];
	bool good = read(from, t, sizeof(t)) == sizeof(t);

	close(from);
	for (size_t i = 0; good && i < PROFILES_MAX; i++) {
		uint64_t *sum = (uint64_t *)&k->t[i];
		const uint64_t *add = (const uint64_t *)&t[i];
		for (size_t n = 0; n < sizeof(t[i]) / sizeof(uint64_t); n++)
			sum[n] += add[n];
	}
	return good;
}

static bool
shared_out(struct work *k, struct cry *cry, unsigned shares)
{
	int from[SHARES_MAX], status;
	bool good = true;

	for (unsigned i = 0; i < shares; i++)
		if (!start(k, cry, i, shares, &from[i]))
			abort();
	for (unsigned i = 0; i < shares; i++)
		good = collect(k, from[i]) && good;
	for (unsigned i = 0; i < shares; i++)
		good = wait(&status) > 0 && status == 0 && good;
	if (!good)
		printf("not ok - sim: a process of its seeds died\n");
	return good;
}

static int
usage(void)
{
	fprintf(stderr, "usage: sim [-v] [-j JOBS] [--plant N] SEED [COUNT] [PROFILE]\n"
			"       sim --mutants [N]\nprofiles: all each");
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
	unsigned shares = 1;
	bool all_mutants = false;
	int i = 1;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-v") == 0)
			o.verbose = true;
		else if (strcmp(argv[i], "--mutants") == 0)
			all_mutants = true;
		else if (strcmp(argv[i], "-j") == 0 && i + 1 < argc)
			shares = (unsigned)strtoul(argv[++i], NULL, 10) % (SHARES_MAX + 1);
		else if (strcmp(argv[i], "--plant") == 0 && i + 1 < argc)
			o.plant = (enum sim_plant)(strtoul(argv[++i], NULL, 10) % SIM_PLANT_COUNT);
		else
			return usage();
	}
	uint64_t first = i < argc ? strtoull(argv[i], NULL, 10) : 0;
	uint64_t count = i + 1 < argc ? strtoull(argv[i + 1], NULL, 10) : 1;
	const char *name = i + 2 < argc ? argv[i + 2] : "all";
	bool known = strcmp(name, "all") == 0 || strcmp(name, "each") == 0 || profile_named(name);
	if (!all_mutants && (i >= argc || !known || shares == 0))
		return usage();
	struct cry *cry = cry_new();
	if (!cry) {
		fprintf(stderr, "sim: OpenSSL cannot be used\n");
		return 1;
	}
	static struct work k;
	k = (struct work){ .program = argv[0], .name = name, .first = first, .count = count,
		.o = &o };
	int rc = 0;
	if (all_mutants)
		rc = mutants(cry, argv[0], first);
	else if (shares > 1)
		rc = !shared_out(&k, cry, shares);
	else
		seeds(&k, cry, 0, 1);
	if (!all_mutants && report_all(&k))
		rc = 1;
	sim_dh_free();
	cry_free(cry);
	return rc;
}
