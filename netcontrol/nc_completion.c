/*
 * nc_completion.c - completion for shells: `netcontrol --completion bash|zsh|fish`.
 *
 * Called by main, and by `make install`.  Options and the console's own verbs come from its tables
 * and are printed; what the server and its services know is asked of them while a person types,
 * with `netcontrol --complete line`, so that a new verb needs nothing here.
 */
#include "netcontrol/nc_line.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct option {
	const char *program, *text, *what;
};

/* Those of programs whose usage has no table: the tests compare this list with their usage. */
static const struct option options[] = {
	{ "netcontrol", "--completion", "print the completion for a shell" },
	{ "netcontrol", "--help", "print a summary of the usage" },
	{ "netcontrol", "--version", "print the version" },
	{ "netcontrol", "-H", "ask a server on another host" },
	{ "netcontrol", "-c", "run a command" },
	{ "netcontrol", "-e", "end marks" },
	{ "netcontrol", "-q", "quiet" },
	{ "netcontrol", "-s", "the control socket" },
	{ "netcontrol", "-t", "seconds to wait for an answer" },
	{ "netcontrol", "/HOST=", "ask a server on another host" },
	{ "netcontrol", "/SOCKET=", "the control socket" },
	{ "netcontrol", "/TIMEOUT=", "seconds to wait for an answer" },
	{ "setkey", "--check", "say what is doubtful about a script" },
	{ "setkey", "--dump=json", "show SAs and policies as JSON" },
	{ "setkey", "--dump=text", "show SAs and policies" },
	{ "setkey", "--force", "SPIs 1 to 255 may be used" },
	{ "setkey", "--help", "print a summary of the usage" },
	{ "setkey", "--update", "load a script again" },
	{ "setkey", "--version", "print the version" },
	{ "setkey", "-B", "which SA database: engine, pfkey, xfrm, auto" },
	{ "setkey", "-D", "show the SAs" },
	{ "setkey", "-DP", "show the policies" },
	{ "setkey", "-F", "delete all SAs" },
	{ "setkey", "-FP", "delete all policies" },
	{ "setkey", "-c", "load commands from standard input" },
	{ "setkey", "-f", "load a script" },
	{ "setkey", "-n", "only check" },
	{ "setkey", "-v", "show what is sent" },
	{ "setkey", "-x", "show the messages of the SA database" },
	{ "logical", "assign", "value, then name" },
	{ "logical", "deassign", "remove a name" },
	{ "logical", "define", "name, then value" },
	{ "logical", "names", "names with a meaning" },
	{ "logical", "run", "a program with all names in its environment" },
	{ "logical", "show", "show names" },
	{ "logical", "translate", "a name or a file specification" },
	{ "logical", "-V", "print the version" },
	{ "logical", "-h", "print a summary of the usage" },
};

static const char *const programs[] = { "netcontrol", "setkey", "logical" };

/* ------------------------------------------------------------------ bash */

static void
words_of(const char *program)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(options[i].program, program) == 0) {
			printf("%s%s", first ? "" : " ", options[i].text);
			first = false;
		}
}

/* `=` and `:` end words for bash: what stands before them must not be in the replies. */
static const char ask_bash[] =
	"\tcase $prev in\n"
	"\t--completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
	"\t-s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	"\t-H|-t|-c) return ;;\n"
	"\tesac\n"
	"\tif [[ $cur != -* ]]; then\n"
	"\t\tlocal line=${COMP_LINE:0:COMP_POINT} reply typed before\n"
	"\t\tline=${line#*[[:blank:]]}\n"
	"\t\ttyped=${line##*[[:blank:]]}\n"
	"\t\t[[ $cur == '=' ]] && cur=\n"
	"\t\tbefore=${typed%\"$cur\"}\n"
	"\t\twhile IFS=$'\\t' read -r reply _; do\n"
	"\t\t\tCOMPREPLY+=(\"${reply#\"$before\"}\")\n"
	"\t\tdone < <(netcontrol --complete \"$line\" 2>/dev/null)\n"
	"\t\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
	"\t\t[[ ${#COMPREPLY[@]} -gt 0 ]] && return\n"
	"\tfi\n";

static void
bash(void)
{
	printf("# bash completion for netcontrol, setkey and logical; made by netcontrol "
	       "--completion bash\n");
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		printf("_multinet_%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} "
		       "prev=${COMP_WORDS[COMP_CWORD-1]}\n\tCOMPREPLY=()\n",
			programs[i]);
		if (i == 0)
			printf("%s", ask_bash);
		printf("\tif [[ $cur == -* || $cur == /* || ($COMP_CWORD = 1 && %d = 1) ]]; then\n"
		       "\t\tCOMPREPLY=($(compgen -W '", strcmp(programs[i], "logical") == 0);
		words_of(programs[i]);
		printf("' -- \"$cur\"))\n\tfi\n");
		printf("\t[[ ${#COMPREPLY[@]} -gt 0 ]] || "
		       "COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
		       "complete -o filenames -o bashdefault -F _multinet_%s %s\n", programs[i],
			programs[i]);
	}
}

/* ------------------------------------------------------------------ zsh, fish */

static void
zsh(void)
{
	printf("#compdef netcontrol setkey logical\n"
	       "# zsh completion; made by netcontrol --completion zsh\n");
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		printf("_multinet_%s() {\n\tlocal -a words_of options\n\toptions=(\n", programs[i]);
		for (size_t k = 0; k < ARRAY_LEN(options); k++)
			if (strcmp(options[k].program, programs[i]) == 0)
				printf("\t\t'%s:%s'\n", options[k].text, options[k].what);
		printf("\t)\n");
		if (i == 0)
			printf("\tif [[ $words[CURRENT] != -* ]]; then\n"
			       "\t\twords_of=(${(f)\"$(netcontrol --complete "
			       "\"${(j: :)words[2,CURRENT]}\" 2>/dev/null | sed 's/:/\\\\:/g; "
			       "s/\\t/:/')\"})\n"
			       "\t\t(( $#words_of )) && _describe command words_of && "
			       "return\n\tfi\n");
		printf("\t_describe option options || _files\n}\n");
	}
	printf("case $service in\nsetkey) _multinet_setkey ;;\nlogical) _multinet_logical ;;\n"
	       "*) _multinet_netcontrol ;;\nesac\n");
}

static void
fish(void)
{
	printf("# fish completion; made by netcontrol --completion fish\n"
	       "complete -c netcontrol -f -a '(netcontrol --complete (string join \" \" -- "
	       "(commandline -opc)[2..-1] (commandline -ct)) 2>/dev/null)'\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *o = &options[i];

		if (strncmp(o->text, "--", 2) == 0)
			printf("complete -c %s -l '%s' -d '%s'\n", o->program, o->text + 2,
				o->what);
		else if (o->text[0] == '-' && o->text[2] == '\0')
			printf("complete -c %s -s '%s' -d '%s'\n", o->program, o->text + 1,
				o->what);
		else if (o->text[0] == '-')
			printf("complete -c %s -o '%s' -d '%s'\n", o->program, o->text + 1,
				o->what);
		else if (o->text[0] != '/')
			printf("complete -c %s -n __fish_use_subcommand -a '%s' -d '%s'\n",
				o->program, o->text, o->what);
	}
}

enum nc_exit
nc_completion(const char *shell)
{
	if (strcmp(shell, "bash") == 0) {
		bash();
	} else if (strcmp(shell, "zsh") == 0) {
		zsh();
	} else if (strcmp(shell, "fish") == 0) {
		fish();
	} else {
		fprintf(stderr, "netcontrol: --completion: bash, zsh or fish is expected\n");
		return NC_USAGE;
	}
	return NC_DONE;
}

/* ------------------------------------------------------------------ what may come next */

/* Behind the options of the program itself, which -s and -H among them act; NULL within them. */
static const char *
behind_options(struct nc *nc, const char *line)
{
	static char value[NC_PATH_MAX];

	line += strspn(line, " ");
	while (line[0] == '-') {
		bool valued = line[1] != '\0' && strchr("sHtc", line[1]) != NULL;
		char letter = line[1];

		line += strcspn(line, " ");
		line += strspn(line, " ");
		if (!valued)
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(line, " "), line);
		if (letter == 's')
			nc->socket = value;
		else if (letter == 'H')
			nc->host = value;
		line += strcspn(line, " ");
		if (*line == '\0')
			return NULL; /* the value is being typed */
		line += strspn(line, " ");
	}
	return line;
}

/* In lower case, as people type in a shell; with the part of the word that stands before a `/`. */
void
nc_completion_words(struct nc *nc, const char *given)
{
	const char *line = behind_options(nc, given), *typed;
	struct text words = { 0 }, shown = { 0 };
	size_t start, glued;

	if (line == NULL)
		return;
	typed = line + strlen(line);
	while (typed > line && typed[-1] != ' ')
		typed--;
	nc_matches(nc, line, &start, &words);
	nc_candidates(nc, line, &shown);
	glued = (size_t)(line + start - typed);
	for (const char *p = text_str(&words); *p != '\0';) {
		size_t n = strcspn(p, "\n");
		const char *what = NULL;

		/* What it is stands behind the word in the list for people. */
		for (const char *q = text_str(&shown); *q != '\0' && what == NULL;) {
			size_t skip = *q == '/';

			if (strncasecmp(q + skip, p, n) == 0 &&
				strchr("\t[=", q[skip + n - (p[n - 1] == '=')]) != NULL)
				what = strchr(q, '\t');
			q += strcspn(q, "\n");
			q += *q == '\n';
		}
		printf("%.*s", (int)glued, typed);
		for (size_t i = 0; i < n; i++)
			putchar(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
		if (what != NULL)
			printf("%.*s", (int)strcspn(what, "\n"), what);
		putchar('\n');
		p += n + (p[n] == '\n');
	}
	text_free(&words);
	text_free(&shown);
}
