/*
 * file.h - writing files whole: every octet, or an error; the old content, or the new.
 *
 * Used by all that save something.  Blocks, so not for big files on a loop.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/attr.h"
#include "lib/bytes.h"

/* Every octet to an open file, interrupted or not.  false: errno. */
bool file_write(int fd, struct bytes content) ATTR_NODISCARD;
/*
 * The file gets this content in one step: whoever reads it, or starts after a crash, finds the old
 * content or the new.  as: whose owner and mode it gets (the old file's, as a rule); NULL: ours,
 * and `mode`.  false: errno; the old file is as it was.
 */
bool file_replace(const char *path, struct bytes content, const struct stat *as, mode_t mode)
	ATTR_NODISCARD;

#endif
