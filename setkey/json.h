/*
 * json.h - SAs and policies of setkey --dump=json; doc/setkey.schema.json says what is in them.
 *
 * Keys are shown, as in the text of setkey -D.
 */
#ifndef SETKEY_JSON_H
#define SETKEY_JSON_H

#include "ipsec/sadb.h"
#include "lib/json.h"

#define SETKEY_JSON_SCHEMA "multinet.setkey.dump"
enum { SETKEY_JSON_VERSION = 1 };

/* One object each, inside an array. */
void setkey_json_sa(const struct sadb_msg *m, struct json *j);
void setkey_json_sp(const struct sadb_msg *m, struct json *j);

#endif
