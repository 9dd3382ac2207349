/*
 * nc_completion.c - completion for shells: `netcontrol --completion bash|zsh|fish`.
 */
#include "netcontrol/nc_console.h"
enum nc_exit
nc_completion(const char *shell)
{
	(void)shell;
	return NC_USAGE;
}
