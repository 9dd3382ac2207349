/*
 * nc_child.c - programs that commands run: `$ setkey -D`, defined symbols, SPAWN.
 *
 * Called by the console.  A program gets its words as argv, no shell looks at them; only SPAWN runs
 * the user's shell, which is what it is asked for.  Logical names of the process table go along as
 * environment variables.
 */
#include "netcontrol/nc_console.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENV_NAMES_MAX = 512 };

/* Programs of this system that `$` lines may name without a symbol. */
static const char *const known[] = { "setkey", "multinet_server", "racoon", "ipsecd", "logical",
	"netcontrol", "racoonctl", NULL };

/* ------------------------------------------------------------------ finding files */

static void
own_directory(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
}

static bool
try_path(char *path, size_t size, const char *dir, const char *rest, const char *name, int mode)
{
	int n = snprintf(path, size, "%s%s/%s", dir, rest, name);

	return n > 0 && (size_t)n < size && access(path, mode) == 0;
}

/* A program by its bare name: beside this one, in the sbin beside that, else left to PATH. */
static void
find_program(const char *name, char *path, size_t size)
{
	char dir[PATH_MAX];

	own_directory(dir, sizeof(dir));
	if (strchr(name, '/') != NULL || (!try_path(path, size, dir, "", name, X_OK) &&
		!try_path(path, size, dir, "/../sbin", name, X_OK)))
		snprintf(path, size, "%s", name);
}

static bool
find_as(struct nc *nc, const char *spec, char *path, size_t size)
{
	char dir[PATH_MAX], device[PATH_MAX];

	if (strpbrk(spec, "/:") != NULL) /* its place is named */
		return lnm_file_spec(nc->lnm, spec, path, size) == ST_NORMAL &&
			access(path, R_OK) == 0;
	if (try_path(path, size, ".", "", spec, R_OK))
		return true;
	if (snprintf(device, sizeof(device), "MULTINET:%s", spec) < (int)sizeof(device) &&
		lnm_file_spec(nc->lnm, device, path, size) == ST_NORMAL && access(path, R_OK) == 0)
		return true;
	own_directory(dir, sizeof(dir));
	return try_path(path, size, MULTINET_COM, "", spec, R_OK) ||
		try_path(path, size, dir, "/../share/multinet/com", spec, R_OK);
}

bool
nc_find_procedure(struct nc *nc, const char *spec, char *path, size_t size)
{
	const char *base = strrchr(spec, '/') != NULL ? strrchr(spec, '/') + 1 : spec;
	char with[PATH_MAX];

	if (find_as(nc, spec, path, size))
		return true;
	if (strchr(base, '.') != NULL ||
		snprintf(with, sizeof(with), "%s.com", spec) >= (int)sizeof(with))
		return false;
	return find_as(nc, with, path, size);
}

/* ------------------------------------------------------------------ the environment */

extern char **environ;

/* Names that programs of this system look for in their environment (lnm_load_environment). */
static bool
is_exported(const char *name)
{
	return text_prefix("MULTINET", name) || text_same(name, "SSLCERTS") ||
		text_same(name, "SSL$CERTS") || text_same(name, "SSL$CONF");
}

/* The environment with the process table's names; the strings made here are in *made. */
static char **
make_environment(struct nc *nc, struct text *made)
{
	size_t n = 0, k = 0, names = 0, offset[ENV_NAMES_MAX];
	const struct lnm_name *name;
	char **env;

	while (environ[n] != NULL)
		n++;
	for (size_t i = 0; names < ENV_NAMES_MAX &&
		(name = lnm_at(nc->lnm, LNM_PROCESS, i)) != NULL; i++) {
		if (!is_exported(name->name))
			continue;
		offset[names++] = made->n;
		text_addf(made, "%s=", name->name);
		for (size_t v = 0; v < name->count; v++)
			text_addf(made, "%s%s", v > 0 ? "," : "", name->value[v].text);
		text_add_n(made, "", 1);
	}
	env = calloc(n + names + 1, sizeof(*env));
	if (env == NULL || made->failed) {
		free(env);
		return NULL;
	}
	for (size_t i = 0; i < names; i++)
		env[k++] = made->p + offset[i];
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(environ[i], "=");
		bool ours = false;

		for (size_t j = 0; j < names && !ours; j++)
			ours = strncmp(made->p + offset[j], environ[i], len + 1) == 0;
		/* A logical name that was deassigned must not come back through the environment. */
		if (!ours && strncmp(environ[i], "MULTINET", 8) != 0)
			env[k++] = environ[i];
		else if (!ours && (strncmp(environ[i], "MULTINET_LOGICALS=", 18) == 0 ||
			strncmp(environ[i], "MULTINET_CHANNEL=", 17) == 0))
			env[k++] = environ[i];
	}
	return env;
}

/* ------------------------------------------------------------------ running */

static enum nc_exit
wait_child(struct nc *nc, pid_t pid, const char *name)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return nc_say(NC_FAILED, ST_SYSERR, "%s: %s", name, strerror(errno));
	lnm_run_down(nc->lnm);
	if (WIFSIGNALED(status))
		return nc_say(NC_FAILED, ST_PROGFAILED, "%s was ended by signal %d (%s)", name,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return nc_say(NC_FAILED, ST_PROGFAILED, "%s ended with status %d", name,
			WEXITSTATUS(status));
	return NC_DONE;
}

struct how { /* a program is run */
	bool nowait, nolog;
	const char *output; /* a file, or NULL */
};

/* The child's side before its program begins. */
static void
prepare(const struct how *how)
{
	int fd;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (how->nowait) {
		/* It lives on when the console ends, and the terminal's keys are not its. */
		(void)setsid();
		fd = open("/dev/null", O_RDONLY);
		if (fd >= 0)
			dup2(fd, STDIN_FILENO);
	}
	if (how->output == NULL)
		return;
	fd = open(how->output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", how->output, strerror(errno));
		_exit(127);
	}
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static enum nc_exit
run(struct nc *nc, const char *path, char *const *argv, const struct how *how)
{
	struct text made = { 0 };
	char **env = make_environment(nc, &made);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	enum nc_exit status = NC_DONE;
	pid_t pid = -1;

	fflush(NULL);
	/* Those that were not waited for and have ended meanwhile. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	if (env != NULL) {
		/* The terminal's interrupt is the program's while it runs. */
		sigaction(SIGINT, &ignore, &old_int);
		sigaction(SIGQUIT, &ignore, &old_quit);
		pid = fork();
	}
	if (pid == 0) {
		prepare(how);
		execvpe(path, argv, env);
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		status = nc_say(NC_FAILED, ST_SYSERR, "cannot run %s: %s", path, strerror(errno));
	else if (!how->nowait)
		status = wait_child(nc, pid, argv[0]);
	else if (!how->nolog)
		fprintf(stderr, "%%DCL-S-SPAWNED, process %ld spawned\n", (long)pid);
	if (env != NULL) {
		sigaction(SIGINT, &old_int, NULL);
		sigaction(SIGQUIT, &old_quit, NULL);
	}
	free(env);
	text_free(&made);
	return status;
}

static size_t
first_word(const char *line, char *word, size_t size)
{
	size_t n = strcspn(line, " \t");

	snprintf(word, size, "%.*s", (int)n, line);
	return n;
}

/* The program that a first word names: "multinet:setkey -v" of a symbol's "$multinet:setkey -v". */
static const char *
program_of(struct nc *nc, const char *word)
{
	const char *value = nc_symbol_get(&nc->symbols, word);

	if (value != NULL)
		return value[0] == '$' ? value + 1 : NULL;
	for (size_t i = 0; known[i] != NULL; i++)
		if (text_same(known[i], word))
			return known[i];
	return NULL;
}

bool
nc_is_program(struct nc *nc, const char *line)
{
	char word[NC_NAME_MAX];

	return first_word(line, word, sizeof(word)) < sizeof(word) && program_of(nc, word) != NULL;
}

bool
nc_needs_no_dollar(struct nc *nc, const char *line)
{
	char word[NC_NAME_MAX];
	const char *value;

	if (first_word(line, word, sizeof(word)) >= sizeof(word))
		return false;
	value = nc_symbol_get(&nc->symbols, word);
	return (value != NULL && value[0] == '$') || text_same(word, "setkey") ||
		text_same(word, "logical");
}

/*
 * `MULTINET:SETKEY` of a symbol: the file of that name; where the configuration's directory has
 * none, as it never has on Linux, the program of this system that is called so.
 */
static enum status
program_path(struct nc *nc, const char *spec, char *path, size_t size)
{
	const char *base = strrchr(spec, ':');
	char name[NC_NAME_MAX];
	enum status status;
	size_t n;

	if (base == NULL) {
		find_program(spec, path, size);
		return ST_NORMAL;
	}
	status = lnm_file_spec(nc->lnm, spec, path, size);
	if (status == ST_NORMAL && access(path, X_OK) == 0)
		return status;
	n = strcspn(++base, ".;");
	if (n == 0 || n >= sizeof(name) || strchr(base, '/') != NULL || strchr(base, ']') != NULL)
		return status;
	for (size_t i = 0; i < n; i++)
		name[i] = (char)tolower((unsigned char)base[i]);
	name[n] = '\0';
	for (size_t i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0) {
			find_program(name, path, size);
			return ST_NORMAL;
		}
	return status;
}

static enum nc_exit
program(struct nc *nc, const char *line, const struct how *how)
{
	char word[NC_NAME_MAX], store[NC_LINE_MAX + 1], path[PATH_MAX], spec[PATH_MAX];
	char *argv[NC_ARGS_MAX] = { NULL };
	struct text whole = { .limit = NC_LINE_MAX };
	size_t n = first_word(line, word, sizeof(word)), count = 0;
	enum status status;
	bool good;

	text_addf(&whole, "%s%s", program_of(nc, word), line + n);
	good = !whole.failed && nc_split(text_str(&whole), store, sizeof(store), argv, &count) &&
		count > 0;
	text_free(&whole);
	if (!good)
		return nc_say(NC_USAGE, ST_SYNTAX,
			"a quote is never closed, or there are too many words");
	snprintf(spec, sizeof(spec), "%s", argv[0]);
	status = program_path(nc, spec, path, sizeof(path));
	if (status != ST_NORMAL)
		return nc_say(NC_FAILED, status, "%s", spec);
	return run(nc, path, argv, how);
}

enum nc_exit
nc_program(struct nc *nc, const char *line)
{
	struct how how = { .nowait = false };

	return program(nc, line, &how);
}

/* One qualifier of SPAWN at *rest, taken; false: none is there (a path may begin with `/`). */
static bool
take_qualifier(const char **rest, struct how *how, char *output, size_t size)
{
	const char *p = *rest + 1;
	size_t n = strcspn(p, " \t/="), value;
	char word[16];

	if (**rest != '/' || n < 3 || n >= sizeof(word))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)n, p);
	if (p[n] == '=') {
		value = strcspn(p + n + 1, " \t");
		if (!text_prefix(word, "OUTPUT") || value == 0 || value >= size)
			return false;
		snprintf(output, size, "%.*s", (int)value, p + n + 1);
		how->output = output;
		n += 1 + value;
	} else if (text_prefix(word, "NOWAIT")) {
		how->nowait = true;
	} else if (text_prefix(word, "NOLOG")) {
		how->nolog = true;
	} else if (!text_prefix(word, "WAIT") && !text_prefix(word, "LOG")) {
		return false;
	}
	p += n;
	*rest = p + strspn(p, " \t");
	return true;
}

enum nc_exit
nc_spawn(struct nc *nc, const char *rest)
{
	const char *shell = getenv("SHELL");
	struct how how = { .nowait = false };
	char dash_c[] = "-c", output[PATH_MAX], path[PATH_MAX];
	char *argv[4];
	enum nc_exit status;

	while (take_qualifier(&rest, &how, output, sizeof(output)))
		continue;
	if (how.output != NULL) {
		if (lnm_file_spec(nc->lnm, how.output, path, sizeof(path)) != ST_NORMAL)
			return nc_say(NC_FAILED, ST_IVPARM, "/OUTPUT=%s", how.output);
		how.output = path;
	}
	if (nc_needs_no_dollar(nc, rest) && nc_is_program(nc, rest))
		return program(nc, rest, &how);
	if (how.nowait && rest[0] == '\0')
		return nc_say(NC_USAGE, ST_INSFPRM, "SPAWN/NOWAIT command");
	if (shell == NULL || shell[0] != '/')
		shell = "/bin/sh";
	argv[0] = strdup(shell);
	argv[1] = rest[0] != '\0' ? dash_c : NULL;
	argv[2] = strdup(rest);
	argv[3] = NULL;
	if (argv[0] == NULL || argv[2] == NULL)
		status = nc_say(NC_FAILED, ST_NOMEMORY, NULL);
	else
		status = run(nc, shell, argv, &how);
	free(argv[0]);
	free(argv[2]);
	return status;
}
