/*
 * auth_file.h - files with keys and certificates, read whole, with the rules for secrets.
 */
#ifndef RACOON_AUTH_AUTH_FILE_H
#define RACOON_AUTH_AUTH_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "lib/text.h"

enum { AUTH_FILE_MAX = 1 << 20 /* octets */ };

/*
 * The whole of a regular file, at most AUTH_FILE_MAX octets, into out (text_free wipes it). secret:
 * it must belong to uid and be closed to everybody else.  ST_NOFILE, ST_FILEPROT, ST_LIMIT,
 * ST_SYSERR; why gets what is wrong and how to put it right, the path included.
 */
enum status auth_read_file(const char *path, bool secret, uint32_t uid, struct text *out, char *why,
	size_t size) ATTR_NODISCARD;
/*
 * What is wrong with a file of this mode and owner: not a regular one, or, if secret, not uid's
 * alone.  ST_NORMAL, ST_NOFILE, ST_FILEPROT; why as above.
 */
enum status auth_file_fault(const char *path, uint32_t mode, uint32_t owner, bool secret,
	uint32_t uid, char *why, size_t size) ATTR_NODISCARD;

#endif
