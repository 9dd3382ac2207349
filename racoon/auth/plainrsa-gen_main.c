/*
 * plainrsa-gen_main.c - plainrsa-gen: RSA keys for certificate_type plain_rsa and peers_certfile
 * plain_rsa, made anew or from a PEM file.
 *
 * A tool of its own.  The result goes to standard output or to a file that did not exist, open to
 * nobody else; the file names are the user's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cry_x509.h"
#include "lib/file.h"
#include "racoon/auth/auth_file.h"
#include "racoon/auth/auth_plain.h"

enum { BITS = 2048, EXPONENT = 65537, EXPONENT_MAX = 0x7fffffff };

struct options {
	unsigned bits;
	unsigned long exponent;
	const char *out, *in;
};

static int
usage(FILE *to)
{
	fprintf(to,
		"usage: plainrsa-gen [-b bits] [-e exponent] [-f file]\n"
		"       plainrsa-gen -i pem-file [-f file]\n"
		"  -b  size of the key, %d to %d (default %d)\n"
		"  -e  public exponent, odd, decimal or 0x (default 0x%x)\n"
		"  -f  write to this new file, readable only by its owner\n"
		"  -i  take the key of a PEM file: private key, certificate or public key\n",
		CRY_RSA_BITS_MIN, CRY_RSA_BITS_MAX, BITS, EXPONENT);
	return to == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
number(const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 0);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *out >= min &&
	       *out <= max;
}

static bool
take_options(int argc, char **argv, struct options *o)
{
	unsigned long n;
	int c;

	while ((c = getopt(argc, argv, "b:e:f:i:h")) != -1)
		switch (c) {
		case 'b':
			if (!number(optarg, CRY_RSA_BITS_MIN, CRY_RSA_BITS_MAX, &n)) {
				fprintf(stderr, "plainrsa-gen: -b %s: expected %d to %d bits\n",
					optarg, CRY_RSA_BITS_MIN, CRY_RSA_BITS_MAX);
				return false;
			}
			o->bits = (unsigned)n;
			break;
		case 'e':
			if (!number(optarg, 3, EXPONENT_MAX, &o->exponent) ||
				o->exponent % 2 == 0) {
				fprintf(stderr,
					"plainrsa-gen: -e %s: expected an odd number from "
					"3\n",
					optarg);
				return false;
			}
			break;
		case 'f':
			o->out = optarg;
			break;
		case 'i':
			o->in = optarg;
			break;
		case 'h':
			exit(usage(stdout));
		default:
			usage(stderr);
			return false;
		}
	if (optind == argc)
		return true;
	fprintf(stderr, "plainrsa-gen: unexpected \"%s\"\n", argv[optind]);
	usage(stderr);
	return false;
}

/* A private key, or what a certificate or a public key file holds. */
static struct cry_key *
key_in(const char *path)
{
	struct text text = { 0 };
	struct cry_key *key = NULL;
	struct cry_cert *cert;
	const char *problem = NULL;
	char why[4096 + 256];
	enum status status;
	size_t n;

	if (auth_read_file(path, false, 0, &text, why, sizeof(why)) != ST_NORMAL) {
		fprintf(stderr, "plainrsa-gen: %s\n", why);
		return NULL;
	}
	status = cry_key_private(bytes_of(text.p, text.n), &key, &problem);
	if (status == ST_BADKEY)
		status = cry_key_public(bytes_of(text.p, text.n), &key, &problem);
	if (status == ST_BADKEY &&
		cry_certs_read(bytes_of(text.p, text.n), &cert, 1, &n) == ST_NORMAL) {
		status = cry_cert_key(cert, &key, &problem);
		cry_cert_free(cert);
	}
	if (status == ST_NORMAL && cry_key_kind(key) != CRY_KEY_RSA) {
		problem = "not an RSA key";
		cry_key_free(key);
		key = NULL;
	}
	if (key == NULL)
		fprintf(stderr, "plainrsa-gen: %s: %s\n", path,
			problem == NULL ? status_row(status)->text : problem);
	text_free(&text);
	return key;
}

static bool
put(const struct options *o, const struct text *text)
{
	int fd = STDOUT_FILENO;
	bool good;

	if (o->out != NULL)
		fd = open(o->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "plainrsa-gen: %s: %s\n", o->out, strerror(errno));
		return false;
	}
	good = file_write(fd, bytes_of(text->p, text->n));
	if (o->out != NULL)
		good = close(fd) == 0 && good;
	if (!good) {
		fprintf(stderr, "plainrsa-gen: %s: %s\n", o->out == NULL ? "output" : o->out,
			strerror(errno));
		if (o->out != NULL)
			(void)unlink(o->out);
	}
	return good;
}

int
main(int argc, char **argv)
{
	struct options o = { .bits = BITS, .exponent = EXPONENT };
	struct text text = { 0 };
	struct cry_key *key = NULL;
	bool good;

	if (!take_options(argc, argv, &o))
		return EXIT_FAILURE;
	if (o.in != NULL)
		key = key_in(o.in);
	else if (cry_key_generate_rsa(o.bits, o.exponent, &key) != ST_NORMAL)
		fprintf(stderr, "plainrsa-gen: no key of %u bits with exponent %lu could be made\n",
			o.bits, o.exponent);
	if (key == NULL)
		return EXIT_FAILURE;
	good = auth_plain_print(key, &text) == ST_NORMAL && !text.failed;
	if (!good)
		fprintf(stderr, "plainrsa-gen: out of memory\n");
	good = good && put(&o, &text);
	cry_key_free(key);
	text_free(&text);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
