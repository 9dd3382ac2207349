/*
 * untraced.c - comparisons that libFuzzer need not hear of.
 *
 * Its table of operands to try takes those of four and eight octets; what it notes of shorter ones
 * is read only with -use_value_profile=1.  Operands that are equal leave nothing to try, and a zero
 * is mostly a pointer's or a count's that was asked for.  Those of eight octets are looked for in
 * the input as eight octets, where no size or count is.  Noting them all took a third of the time
 * of the parsers of text, so that every target is linked with --wrap (GNUmakefile, FUZZ_LINK).
 */
#include <stdint.h>

#define UNTRACED __attribute__((no_sanitize("coverage", "address", "undefined")))

void __wrap___sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b);
void __wrap___sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b);
void __wrap___sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b);
void __wrap___sanitizer_cov_trace_const_cmp4(uint32_t constant, uint32_t b);
void __wrap___sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b);
void __wrap___sanitizer_cov_trace_const_cmp8(uint64_t constant, uint64_t b);
void __real___sanitizer_cov_trace_const_cmp4(uint32_t constant, uint32_t b);
void __real___sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b);
void __real___sanitizer_cov_trace_const_cmp8(uint64_t constant, uint64_t b);

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

UNTRACED void
__wrap___sanitizer_cov_trace_const_cmp4(uint32_t constant, uint32_t b)
{
	if (constant != 0 && constant != b)
		__real___sanitizer_cov_trace_const_cmp4(constant, b);
}

UNTRACED void
__wrap___sanitizer_cov_trace_const_cmp8(uint64_t constant, uint64_t b)
{
	if (constant != 0 && constant != b && (constant | b) >> 32 != 0)
		__real___sanitizer_cov_trace_const_cmp8(constant, b);
}

UNTRACED void
__wrap___sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b)
{
	if (a != b && (a | b) >> 32 != 0)
		__real___sanitizer_cov_trace_cmp8(a, b);
}
