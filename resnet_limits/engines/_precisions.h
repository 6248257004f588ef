/* `KERNEL` in single and double precision, for the kind of processor that `_processors.h` has just described. */

#define NAME(x) NAMED(x##_single)
#if BYTES == 64
#define LANES 16
#elif BYTES == 32
#define LANES 8
#elif BYTES == 16
#define LANES 4
#endif
#define REAL float
#define UNSIGNED uint32_t
#define SIGN UINT32_C(0x80000000) /* its bit */
#define HIGH_HALF UINT32_C(0xFFFFF000) /* half of the digits: their square is exact */
#define MANTISSA 23 /* bits */
#define ROUNDING 0x1.8p23f /* added and taken away: rounds to an integer */
#define LOG_2_HIGH 0x1.63p-1f /* times an exponent: exact */
#define LOG_2_LOW -0x1.bd0106p-13f
#define LARGEST_EXPONENT 87.0f /* exp(+-it) is a normal number */
#define EPSILON 0x1p-23f
#define THIRD_OF_DIGITS 0x1.428a30p-8f /* EPSILON^(1/3) */
#define SMALLEST_SQUARE 2.0037e-29f /* that keeps so many digits: the smallest normal number over both */
#define LARGEST_NORMAL 13.1f /* exp(-it^2/2), too */
#define EXP EXP_SINGLE
#define TAIL TAIL_SINGLE
#define EXP_TERMS 6
#define TAIL_TERMS 11
#include KERNEL
#undef NAME
#undef LANES
#undef REAL
#undef UNSIGNED
#undef SIGN
#undef HIGH_HALF
#undef MANTISSA
#undef ROUNDING
#undef LOG_2_HIGH
#undef LOG_2_LOW
#undef LARGEST_EXPONENT
#undef EPSILON
#undef THIRD_OF_DIGITS
#undef SMALLEST_SQUARE
#undef LARGEST_NORMAL
#undef EXP
#undef TAIL
#undef EXP_TERMS
#undef TAIL_TERMS

#define NAME(x) NAMED(x##_double)
#if BYTES == 64
#define LANES 8
#elif BYTES == 32
#define LANES 4
#elif BYTES == 16
#define LANES 2
#endif
#define REAL double
#define UNSIGNED uint64_t
#define SIGN UINT64_C(0x8000000000000000)
#define HIGH_HALF UINT64_C(0xFFFFFFFFF8000000)
#define MANTISSA 52
#define ROUNDING 0x1.8p52
#define LOG_2_HIGH 0x1.62e42feep-1
#define LOG_2_LOW 0x1.a39ef35793c76p-33
#define LARGEST_EXPONENT 708.0
#define EPSILON 0x1p-52
#define THIRD_OF_DIGITS 0x1.965fea53d6e3dp-18
#define SMALLEST_SQUARE 1.6548e-287
#define LARGEST_NORMAL 37.6
#define EXP EXP_DOUBLE
#define TAIL TAIL_DOUBLE
#define EXP_TERMS 11
#define TAIL_TERMS 23
#include KERNEL
#undef NAME
#undef LANES
#undef REAL
#undef UNSIGNED
#undef SIGN
#undef HIGH_HALF
#undef MANTISSA
#undef ROUNDING
#undef LOG_2_HIGH
#undef LOG_2_LOW
#undef LARGEST_EXPONENT
#undef EPSILON
#undef THIRD_OF_DIGITS
#undef SMALLEST_SQUARE
#undef LARGEST_NORMAL
#undef EXP
#undef TAIL
#undef EXP_TERMS
#undef TAIL_TERMS

#undef PROCESSOR
#undef BYTES
#undef WIDE
#undef ROWS
#undef FEW_ROWS
#undef OUTER_ROWS
#undef OUTER_COLUMNS
#undef NAMED
