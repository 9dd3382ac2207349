/*
 * check.h - setkey --check: what a script leaves in the SA databases, and what is doubtful there.
 *
 * The script's requests are carried out on tables of its own, nothing is sent.  Work and memory
 * grow with the number of statements only: everything is looked up by hash.
 */
#ifndef SETKEY_CHECK_H
#define SETKEY_CHECK_H

#include "lib/hash.h"
#include "setkey/script.h"

enum {
	CHECK_FINDINGS_MAX = 10000,     /* shown; the others are counted */
	CHECK_WORK_MAX = 16 << 20,      /* look-ups of one kind; past them the check says so */
	CHECK_MEMORY_MAX = 1024 << 20,  /* octets of the tables */
};

struct check_sa {
	struct hash_node by_name, by_ends; /* destination, protocol, SPI; both ends and protocol */
	struct net_addr src, dst;
	uint32_t spi, reqid, generation;
	struct sa_mark mark;
	enum sa_proto proto;
	enum sa_mode mode;
	const struct alg *encr, *auth;
	unsigned line, column;
	bool gone, used;
	bool alone; /* used by a rule that has no AH beside it */
};

struct check_sp {
	struct hash_node by_selector;
	struct sp_selector sel;
	enum sp_dir dir;
	enum sp_action action;
	uint32_t priority, if_id, generation;
	struct sa_mark mark;
	unsigned line, column;
	unsigned overlap_line, overlaps; /* with those before it, of the same priority */
	unsigned covered_line;           /* of the policy that always comes first */
	bool gone;
	unsigned rules;
	struct sp_rule *rule;
};

enum finding_kind {
	FOUND_SA_TWICE,
	FOUND_SP_TWICE,
	FOUND_WEAK_ENCR,
	FOUND_WEAK_AUTH,
	FOUND_NO_AUTH,
	FOUND_SA_UNUSED,
	FOUND_SP_UNSATISFIED,
	FOUND_SP_UNIQUE,
	FOUND_OVERLAP,
	FOUND_COVERED,
	FOUND_KINDS
};

struct finding {
	enum finding_kind kind;
	unsigned line, column;
	const struct check_sa *sa;
	const struct check_sp *sp;
	unsigned number; /* another line, or the rule */
};

struct check {
	struct arena *arena;
	struct hash_key key;
	struct hash_table names, ends, selectors;
	struct check_sa **sa;
	struct check_sp **sp;
	size_t sas, sa_room, sps, sp_room;
	uint32_t flushed_any, flushed[256], spd_flushed;
	struct finding *finding;
	size_t findings, kinds[FOUND_KINDS];
	bool failed;     /* out of memory */
	bool incomplete; /* more work than CHECK_WORK_MAX */
};

struct check *check_new(void); /* NULL: out of memory */
void check_free(struct check *c);
/* A script's batch(); user is the check. */
bool check_batch(void *user, struct setkey_script *script);
/* After the whole script: look, and write "FILE:LINE:COLUMN: text" lines and a summary; how many
 * findings there were. */
size_t check_report(struct check *c, const char *file, struct text *out);

/* For check_find.c: note one finding. */
void check_found(struct check *c, struct finding f);
/* Fill c->finding. */
void check_find(struct check *c);

#endif
