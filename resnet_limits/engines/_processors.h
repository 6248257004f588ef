/* `KERNEL` in both precisions for each kind of processor, best first: an extension defines what it includes. */

#if defined(__x86_64__)
#include <cpuid.h>
#define X86_64_V4 __attribute__((target("arch=x86-64-v4")))
#define X86_64_V3 __attribute__((target("arch=x86-64-v3")))
#define PROCESSOR X86_64_V4
#define BYTES 64
#define WIDE 4
#define ROWS 6
#define FEW_ROWS 8
#define OUTER_ROWS 4
#define OUTER_COLUMNS 4
#define NAMED(x) x##_v4
#include "_precisions.h"

#define PROCESSOR X86_64_V3
#define BYTES 32
#define WIDE 2
#define ROWS 6
#define FEW_ROWS 6
#define OUTER_ROWS 2
#define OUTER_COLUMNS 4
#define NAMED(x) x##_v3
#include "_precisions.h"
#endif

#define PROCESSOR
#define BYTES 16
#define WIDE 2
#define ROWS 6
#define FEW_ROWS 6
#define OUTER_ROWS 2
#define OUTER_COLUMNS 4
#define NAMED(x) x##_any
#include "_precisions.h"

static int is_any(void) { return 1; }
#if defined(__x86_64__)
/* All that the level means and a compiler may use: of MOVBE, F16C and LZCNT not every one knows the names. Asked once:
   on a virtual machine the processor's answer takes longer than some layers. */
static int is_v3(void) {
    static int known = -1;
    if (known < 0) {
        unsigned a, b, c = 0, d, extended = 0;
        const unsigned movbe = 1u << 22, f16c = 1u << 29, lzcnt = 1u << 5;
        known = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                __builtin_cpu_supports("bmi2") && __get_cpuid(1, &a, &b, &c, &d) && (c & movbe) && (c & f16c) &&
                __get_cpuid(0x80000001, &a, &b, &extended, &d) && (extended & lzcnt);
    }
    return known;
}
static int is_v4(void) {
    return is_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
