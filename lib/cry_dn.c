/*
 * cry_dn.c - distinguished names: as text, from text, compared.
 *
 * Called while configurations are read, by the IKE engine for ID payloads, and by SHOW.  Names come
 * from the network: bounded, and printed with everything escaped that a terminal or a log would
 * take for something else.
 */
#include "lib/cry_x509.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { COMPONENTS_MAX = 32, VALUE_MAX = 1024, TYPE_MAX = 64 };

/* All of the octets, and nothing behind them. */
static X509_NAME *
name_of(struct bytes der)
{
	const unsigned char *p = der.p;
	X509_NAME *name;

	if (der.n == 0 || der.n > CRY_NAME_MAX)
		return NULL;
	name = d2i_X509_NAME(NULL, &p, (long)der.n);
	ERR_clear_error();
	if (name != NULL && p != der.p + der.n) {
		X509_NAME_free(name);
		return NULL;
	}
	return name;
}

/* ---------------------------------------------------------------------------------------- text */

static void
add_value(struct text *t, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t utf8 = p[i] < 0x80 ? 0 : text_utf8((const char *)p + i, n - i);

		if (utf8 > 1 && !(utf8 == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0)) {
			text_add_n(t, (const char *)p + i, utf8);
			i += utf8 - 1;
		} else if (p[i] < ' ' || p[i] > '~') {
			text_addf(t, "\\x%02x", p[i]);
		} else {
			if (p[i] == ',' || p[i] == '\\')
				text_add(t, "\\");
			text_add_n(t, (const char *)p + i, 1);
		}
	}
}

static void
add_component(struct text *t, X509_NAME_ENTRY *entry)
{
	const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
	int nid = OBJ_obj2nid(object), n;
	unsigned char *utf8 = NULL;
	char type[TYPE_MAX];

	if (nid != NID_undef)
		snprintf(type, sizeof(type), "%s", OBJ_nid2sn(nid));
	else
		OBJ_obj2txt(type, sizeof(type), object, 1);
	text_addf(t, "%s=", type);
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	if (n >= 0)
		add_value(t, utf8, (size_t)n);
	else
		text_add(t, "?");
	OPENSSL_free(utf8);
	ERR_clear_error();
}

char *
cry_dn_text(char *buf, size_t size, struct bytes der)
{
	X509_NAME *name = name_of(der);
	struct text t = { 0 };

	for (int i = 0; name != NULL && i < X509_NAME_entry_count(name); i++) {
		if (i > 0)
			text_add(&t, ", ");
		add_component(&t, X509_NAME_get_entry(name, i));
	}
	if (name == NULL) {
		text_add(&t, "0x");
		text_add_hex(&t, der);
	}
	X509_NAME_free(name);
	if (size > 0)
		snprintf(buf, size, "%s", text_str(&t));
	text_free(&t);
	return buf;
}

/* --------------------------------------------------------------------------------------- parse */

struct cutter { /* through "C=DE, O=A\, B" */
	const char *at;
	char separator;
};

/* The next value, without its escapes; false: too long. */
static bool
cut_value(struct cutter *c, char *out, size_t size)
{
	size_t n = 0, end = 0;

	while (*c->at == ' ')
		c->at++;
	for (; *c->at != '\0' && *c->at != c->separator; c->at++) {
		bool escaped = *c->at == '\\' && c->at[1] != '\0';

		if (escaped)
			c->at++;
		if (n + 1 >= size)
			return false;
		out[n++] = *c->at;
		if (escaped || *c->at != ' ')
			end = n; /* blanks before the separator are none of the value */
	}
	out[end] = '\0';
	if (*c->at != '\0')
		c->at++;
	return true;
}

static bool
cut_type(struct cutter *c, char *out, size_t size)
{
	size_t n = 0;

	while (*c->at == ' ')
		c->at++;
	for (; *c->at != '=' && *c->at != '\0' && *c->at != c->separator; c->at++)
		if (*c->at != ' ' && n + 1 < size)
			out[n++] = *c->at;
	out[n] = '\0';
	return n > 0 && n + 1 < size && *c->at++ == '=';
}

static const char *
fill(X509_NAME *name, const char *text)
{
	struct cutter c = { text, ',' };
	char type[TYPE_MAX], value[VALUE_MAX];

	if (text[0] == '/') {
		c.separator = '/';
		c.at++;
	}
	for (int i = 0; *c.at != '\0'; i++) {
		if (i == COMPONENTS_MAX)
			return "more than 32 components";
		if (!cut_type(&c, type, sizeof(type)))
			return "expected components such as \"C=DE, O=Example, CN=gateway\"";
		if (!cut_value(&c, value, sizeof(value)))
			return "a component is too long";
		if (OBJ_txt2nid(type) == NID_undef)
			return "a component's type is not known (C, ST, L, O, OU, CN, "
			       "emailAddress …)";
		if (value[0] == '\0')
			return "a component is empty";
		/* A wildcard is not bound by what its type allows, such as two letters for C. */
		if (X509_NAME_add_entry_by_txt(name, type,
			    strcmp(value, "*") == 0 ? V_ASN1_UTF8STRING : MBSTRING_UTF8,
			    (const unsigned char *)value, -1, -1, 0) != 1)
			return "a component's value does not fit its type";
	}
	return X509_NAME_entry_count(name) == 0 ? "the name is empty" : NULL;
}

bool
cry_dn_parse(const char *text, uint8_t *out, size_t size, size_t *n, const char **why)
{
	X509_NAME *name = X509_NAME_new();
	unsigned char *der = NULL;
	int len = 0;

	*why = name == NULL ? "out of memory" : fill(name, text);
	if (*why == NULL) {
		len = i2d_X509_NAME(name, &der);
		if (len <= 0 || (size_t)len > size || len > CRY_NAME_MAX)
			*why = "the name is too long";
	}
	if (*why == NULL) {
		memcpy(out, der, (size_t)len);
		*n = (size_t)len;
	}
	OPENSSL_free(der);
	X509_NAME_free(name);
	ERR_clear_error();
	return *why == NULL;
}

/* --------------------------------------------------------------------------------------- match */

/* The next character as it is compared: lower case, one blank for many. 0 at the end. */
static uint8_t
next_fold(const uint8_t **at, const uint8_t *end)
{
	uint8_t c;

	if (*at == end)
		return 0;
	c = *(*at)++;
	if (c == ' ') {
		while (*at < end && **at == ' ')
			++*at;
		return *at == end ? 0 : c;
	}
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool
same_value(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
	const uint8_t *a_end = a + a_n, *b_end = b + b_n;

	/* A NUL inside would end the comparison early. */
	if ((a_n > 0 && memchr(a, 0, a_n) != NULL) || (b_n > 0 && memchr(b, 0, b_n) != NULL))
		return false;
	while (a < a_end && *a == ' ')
		a++;
	while (b < b_end && *b == ' ')
		b++;
	for (;;) {
		uint8_t x = next_fold(&a, a_end), y = next_fold(&b, b_end);

		if (x != y)
			return false;
		if (x == 0)
			return true;
	}
}

static bool
same_entry(const X509_NAME_ENTRY *want, const X509_NAME_ENTRY *have)
{
	unsigned char *a = NULL, *b = NULL;
	bool same = false;
	int a_n, b_n;

	if (OBJ_cmp(X509_NAME_ENTRY_get_object(want), X509_NAME_ENTRY_get_object(have)) != 0 ||
		X509_NAME_ENTRY_set(want) != X509_NAME_ENTRY_set(have))
		return false;
	a_n = ASN1_STRING_to_UTF8(&a, X509_NAME_ENTRY_get_data(want));
	b_n = ASN1_STRING_to_UTF8(&b, X509_NAME_ENTRY_get_data(have));
	if (a_n == 1 && a[0] == '*')
		same = true;
	else if (a_n >= 0 && b_n >= 0)
		same = same_value(a, (size_t)a_n, b, (size_t)b_n);
	OPENSSL_free(a);
	OPENSSL_free(b);
	ERR_clear_error();
	return same;
}

bool
cry_dn_match(struct bytes pattern, struct bytes name)
{
	X509_NAME *a = name_of(pattern), *b = name_of(name);
	bool same = a != NULL && b != NULL && X509_NAME_entry_count(a) > 0 &&
		    X509_NAME_entry_count(a) == X509_NAME_entry_count(b);

	for (int i = 0; same && i < X509_NAME_entry_count(a); i++)
		same = same_entry(X509_NAME_get_entry(a, i), X509_NAME_get_entry(b, i));
	X509_NAME_free(a);
	X509_NAME_free(b);
	return same;
}
