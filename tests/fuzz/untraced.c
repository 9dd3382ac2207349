/*
 * untraced.c - comparisons of one and two octets, which libFuzzer counts for nothing.
 *
 * Its table of operands to try takes four and eight octets; what it notes of shorter ones is read
 * only with -use_value_profile=1.  Noting it took a third of the time of the parsers of text, so
 * that every target is linked with --wrap for these four (GNUmakefile, FUZZ_LINK).
 */
#include <stdint.h>

void __wrap___sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b);
void __wrap___sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b);

#define UNTRACED __attribute__((no_sanitize("coverage", "address", "undefined")))

UNTRACED void
__wrap___sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b)
{
	(void)a, (void)b;
}

UNTRACED void
__wrap___sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b)
{
	(void)a, (void)b;
}

UNTRACED void
__wrap___sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b)
{
	(void)a, (void)b;
}

UNTRACED void
__wrap___sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b)
{
	(void)a, (void)b;
}
