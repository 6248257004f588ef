/* Standard normals from Philox's words: the definition in `gaussian.py`, compiled; for `_gaussian.c` and for walks.

   Every operation on floating-point numbers is one of IEEE 754's basic ones, in the order in which `gaussian.py` writes
   them: both give the same numbers bit for bit, on every processor. So: no contraction to fused multiply-adds (compile
   with -ffp-contract=off), no libm. The loops over a tile have no branches, which is what compilers need to make vectors
   of them. */

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Clones are told apart by an ifunc, which takes glibc: musl has none. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define MULTIPLY(a, b, high, low) (low = _umul128(a, b, &high))
#define RESTRICT __restrict
#else
#define MULTIPLY(a, b, high, low)                                    \
    do {                                                             \
        unsigned __int128 product = (unsigned __int128)(a) * (b);    \
        high = (uint64_t)(product >> 64);                            \
        low = (uint64_t)product;                                     \
    } while (0)
#define RESTRICT restrict
#endif

#define EIGHTS 4
#define GROUPS_AT_A_TIME (8 * EIGHTS)

#define PHILOX_M0 UINT64_C(0xD2E7470EE14C6C93)
#define PHILOX_M1 UINT64_C(0xCA5A826395121157)
#define PHILOX_W0 UINT64_C(0x9E3779B97F4A7C15)
#define PHILOX_W1 UINT64_C(0xBB67AE8584CAA73B)

/* Eight lanes of 64 bits, where a processor multiplies the lower halves of each. */
#if defined(__GNUC__) && (defined(__clang__) || __GNUC__ >= 12) && defined(__x86_64__)
#include <immintrin.h>
#define EIGHT_AT_A_TIME target("avx512f,avx512dq")
#define PRODUCTS(a, b) ((eight)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#endif

#define TILE 256 /* words at a time; a multiple of 4 */

/* Philox 4x64-10 (Salmon, Moraes, Dror & Shaw 2011) as numpy has it: the counter is increased before it is used. Words
   of `groups` groups of four. */
FOR_EACH_PROCESSOR
static void philox_one_by_one(uint64_t *RESTRICT words, int groups, uint64_t start, uint64_t layer, uint64_t block,
                              uint64_t key0, uint64_t key1) {
    for (int g = 0; g < groups; g++) {
        uint64_t c0 = start + (uint64_t)g + 1, c1 = 0, c2 = layer, c3 = block, k0 = key0, k1 = key1;
        for (int round = 0; round < 10; round++) {
            uint64_t high0, low0, high1, low1;
            MULTIPLY(c0, PHILOX_M0, high0, low0);
            MULTIPLY(c2, PHILOX_M1, high1, low1);
            c0 = high1 ^ c1 ^ k0;
            c2 = high0 ^ c3 ^ k1;
            c1 = low1;
            c3 = low0;
            k0 += PHILOX_W0;
            k1 += PHILOX_W1;
        }
        words[4 * g] = c0;
        words[4 * g + 1] = c1;
        words[4 * g + 2] = c2;
        words[4 * g + 3] = c3;
    }
}

#ifdef EIGHT_AT_A_TIME
typedef uint64_t eight __attribute__((vector_size(64), aligned(8), may_alias));

/* The 128 bits of a m in two halves, from products of 32 bits. */
static inline __attribute__((always_inline, EIGHT_AT_A_TIME)) void multiply_eight(eight a, uint64_t m, eight *high,
                                                                                  eight *low) {
    eight half = (eight){0} + UINT32_MAX, m_low = (eight){0} + (m & UINT32_MAX), m_high = (eight){0} + (m >> 32);
    eight a_high = a >> 32;
    eight below = PRODUCTS(a, m_low), middle = PRODUCTS(a, m_high) + (below >> 32);
    eight other = PRODUCTS(a_high, m_low) + (middle & half);
    *high = PRODUCTS(a_high, m_high) + (middle >> 32) + (other >> 32);
    *low = (other << 32) | (below & half);
}

/* The same, GROUPS_AT_A_TIME at a time: so many that the latency of one's multiplications is filled by the others'.
   What the last ones are more than `groups` is written, too. */
static __attribute__((EIGHT_AT_A_TIME)) void philox_eights(uint64_t *RESTRICT words, int groups, uint64_t start,
                                                           uint64_t layer, uint64_t block, uint64_t key0,
                                                           uint64_t key1) {
    for (int g = 0; g < groups; g += GROUPS_AT_A_TIME) {
        eight c0[EIGHTS], c1[EIGHTS], c2[EIGHTS], c3[EIGHTS];
        uint64_t k0 = key0, k1 = key1;
        _Pragma("GCC unroll 8") for (int e = 0; e < EIGHTS; e++) {
            c0[e] = (eight){1, 2, 3, 4, 5, 6, 7, 8} + (start + (uint64_t)(g + 8 * e));
            c1[e] = (eight){0};
            c2[e] = (eight){0} + layer;
            c3[e] = (eight){0} + block;
        }
        for (int round = 0; round < 10; round++) {
            _Pragma("GCC unroll 8") for (int e = 0; e < EIGHTS; e++) {
                eight high0, low0, high1, low1;
                multiply_eight(c0[e], PHILOX_M0, &high0, &low0);
                multiply_eight(c2[e], PHILOX_M1, &high1, &low1);
                c0[e] = high1 ^ c1[e] ^ k0;
                c2[e] = high0 ^ c3[e] ^ k1;
                c1[e] = low1;
                c3[e] = low0;
            }
            k0 += PHILOX_W0;
            k1 += PHILOX_W1;
        }
        _Pragma("GCC unroll 8") for (int e = 0; e < EIGHTS; e++) {
            eight *to = (eight *)(words + 4 * (g + 8 * e));
            eight first = __builtin_shufflevector(c0[e], c1[e], 0, 8, 1, 9, 2, 10, 3, 11);
            eight second = __builtin_shufflevector(c2[e], c3[e], 0, 8, 1, 9, 2, 10, 3, 11);
            to[0] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 2, 3, 10, 11);
            to[1] = __builtin_shufflevector(first, second, 4, 5, 12, 13, 6, 7, 14, 15);
            first = __builtin_shufflevector(c0[e], c1[e], 4, 12, 5, 13, 6, 14, 7, 15);
            second = __builtin_shufflevector(c2[e], c3[e], 4, 12, 5, 13, 6, 14, 7, 15);
            to[2] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 2, 3, 10, 11);
            to[3] = __builtin_shufflevector(first, second, 4, 5, 12, 13, 6, 7, 14, 15);
        }
    }
}
#endif

static inline void philox(uint64_t *RESTRICT words, int groups, uint64_t start, uint64_t layer, uint64_t block,
                          uint64_t key0, uint64_t key1) {
#ifdef EIGHT_AT_A_TIME
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        philox_eights(words, groups, start, layer, block, key0, key1);
        return;
    }
#endif
    philox_one_by_one(words, groups, start, layer, block, key0, key1);
}

static inline double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint64_t bits_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

FOR_EACH_PROCESSOR
static void pairs_double(const uint64_t *RESTRICT words, int count, double *RESTRICT x, double *RESTRICT y) {
    for (int i = 0; i < count; i++) {
        uint32_t low = (uint32_t)words[i], high = (uint32_t)(words[i] >> 32);
        double u = ((double)(int32_t)low + 2147483648.5) * 0x1p-32;
        uint64_t bits = bits_of_double(u);
        uint64_t biased = (bits + (UINT64_C(0x3FF0000000000000) - UINT64_C(0x3FE6A09E667F3BCD))) >> 52;
        double e = as_double(biased | UINT64_C(0x4330000000000000)) - (4503599627370496.0 + 1023.0);
        double f = as_double(bits + ((UINT64_C(1023) - biased) << 52)) - 1.0;
        double s = f / (2.0 + f);
        double z = s * s, w = z * z;
        double even = w * (0x1.999999997fa04p-2 + w * (0x1.c71c51d8e78afp-3 + w * 0x1.39a09d078c69fp-3));
        double odd = z * (0x1.5555555555593p-1 +
                          w * (0x1.2492494229359p-2 + w * (0x1.7466496cb03dep-3 + w * 0x1.2f112df3e5244p-3)));
        double half = 0.5 * f * f;
        double logarithm =
            e * 0x1.62e42feep-1 - ((half - (s * (half + (even + odd)) + e * 0x1.a39ef35793c76p-33)) - f);
        double radius = sqrt(-2.0 * logarithm);

        uint32_t quadrant = (high + UINT32_C(0x20000000)) >> 30;
        double a = (double)(int32_t)(high - (quadrant << 30)) * 0x1.921fb54442d18p-30;
        double q = a * a;
        double sine = a + a * q * (-0x1.5555555555549p-3 +
                                   q * (0x1.111111110f8a6p-7 +
                                        q * (-0x1.a01a019c161d5p-13 +
                                             q * (0x1.71de357b1fe7dp-19 +
                                                  q * (-0x1.ae5e68a2b9cebp-26 + q * 0x1.5d93a5acfd57cp-33)))));
        double cosine =
            1.0 - (0.5 * q - q * q *
                                 (0x1.555555555554cp-5 +
                                  q * (-0x1.6c16c16c15177p-10 +
                                       q * (0x1.a01a019cb1590p-16 +
                                            q * (-0x1.27e4f809c52adp-22 +
                                                 q * (0x1.1ee9ebdb4b1c4p-29 + q * -0x1.8fae9be8838d4p-37))))));
        uint64_t odd_quadrant = (uint64_t)0 - (uint64_t)(quadrant & 1);
        uint64_t sb = bits_of_double(sine), cb = bits_of_double(cosine);
        uint64_t first = (cb & ~odd_quadrant) | (sb & odd_quadrant);
        uint64_t second = (sb & ~odd_quadrant) | (cb & odd_quadrant);
        x[i] = radius * as_double(first ^ ((uint64_t)((quadrant + 1) & 2) << 62));
        y[i] = radius * as_double(second ^ ((uint64_t)(quadrant & 2) << 62));
    }
}

FOR_EACH_PROCESSOR
static void pairs_single(const uint64_t *RESTRICT words, int count, float *RESTRICT x, float *RESTRICT y) {
    for (int i = 0; i < count; i++) {
        uint32_t low = (uint32_t)words[i], high = (uint32_t)(words[i] >> 32);
        uint32_t k = low ^ UINT32_C(0x80000000);
        float u = ((float)k + 0.5f) * 0x1p-32f;
        float rest = ((float)(~k) + 0.5f) * 0x1p-32f;
        uint32_t near_one = (uint32_t)0 - (uint32_t)(k >= UINT32_C(0xB504F334));
        uint32_t bits = bits_of_float(u);
        uint32_t biased = (bits + (UINT32_C(0x3F800000) - UINT32_C(0x3F3504F3))) >> 23;
        float m = as_float(bits + ((UINT32_C(127) - biased) << 23)) - 1.0f;
        float e = as_float(bits_of_float((float)((int32_t)biased - 127)) & ~near_one);
        float f = as_float((bits_of_float(m) & ~near_one) | (bits_of_float(-rest) & near_one));
        float z = f * f;
        float p = 0x1.204376p-4f;
        p = p * f + -0x1.d7a370p-4f;
        p = p * f + 0x1.de4a34p-4f;
        p = p * f + -0x1.fcba9ep-4f;
        p = p * f + 0x1.23d37ep-3f;
        p = p * f + -0x1.555ca0p-3f;
        p = p * f + 0x1.999d58p-3f;
        p = p * f + -0x1.fffff8p-3f;
        p = p * f + 0x1.555554p-2f;
        float logarithm = (f + ((p * f) * z + e * -0x1.bd0106p-13f - 0.5f * z)) + e * 0x1.63p-1f;
        float radius = sqrtf(-2.0f * logarithm);

        uint32_t quadrant = (high + UINT32_C(0x20000000)) >> 30;
        float a = (float)(int32_t)(high - (quadrant << 30)) * 0x1.921fb6p-30f;
        float q = a * a;
        float sine = ((-0x1.9943f2p-13f * q + 0x1.11073cp-7f) * q - 0x1.555546p-3f) * q * a + a;
        float cosine = ((0x1.99eb9cp-16f * q - 0x1.6c0c34p-10f) * q + 0x1.55554ap-5f) * q * q - 0.5f * q + 1.0f;
        uint32_t odd_quadrant = (uint32_t)0 - (quadrant & 1);
        uint32_t sb = bits_of_float(sine), cb = bits_of_float(cosine);
        uint32_t first = (cb & ~odd_quadrant) | (sb & odd_quadrant);
        uint32_t second = (sb & ~odd_quadrant) | (cb & odd_quadrant);
        x[i] = radius * as_float(first ^ (((quadrant + 1) & 2) << 30));
        y[i] = radius * as_float(second ^ ((quadrant & 2) << 30));
    }
}

/* Into rows of `size` numbers, the pairs from number `from` of these rows on: side by side, or in two halves. */
#define SCATTER(type)                                                                              \
    static void scatter_##type(type *out, const type *x, const type *y, uint64_t from, int count, \
                               uint64_t pairs, uint64_t size, int side_by_side) {                 \
        int done = 0;                                                                             \
        while (done < count) {                                                                    \
            uint64_t row = (from + done) / pairs, column = (from + done) % pairs;                 \
            int taken = count - done;                                                             \
            if ((uint64_t)taken > pairs - column)                                                 \
                taken = (int)(pairs - column);                                                    \
            type *to = out + row * size;                                                          \
            int whole = taken; /* of an odd number of normals the last pair gives one */          \
            if ((size & 1) && column + taken == pairs)                                            \
                whole--;                                                                          \
            if (side_by_side) {                                                                   \
                for (int i = 0; i < whole; i++) {                                                 \
                    to[2 * (column + i)] = x[done + i];                                           \
                    to[2 * (column + i) + 1] = y[done + i];                                       \
                }                                                                                 \
                if (whole < taken)                                                                \
                    to[size - 1] = x[done + whole];                                               \
            } else {                                                                              \
                memcpy(to + column, x + done, sizeof(type) * taken);                              \
                memcpy(to + pairs + column, y + done, sizeof(type) * whole);                      \
            }                                                                                     \
            done += taken;                                                                        \
        }                                                                                         \
    }
SCATTER(double)
SCATTER(float)

static void fill_block(void *out, int single, uint64_t rows, uint64_t size, int side_by_side, uint64_t first_word,
                       uint64_t layer, uint64_t block, uint64_t key0, uint64_t key1) {
    uint64_t words[TILE + 4 * GROUPS_AT_A_TIME];
    union {
        double d[2][TILE];
        float f[2][TILE];
    } pair;
    uint64_t pairs = (size + 1) / 2, total = rows * pairs;
    for (uint64_t done = 0; done < total;) {
        int skipped = (int)((first_word + done) % 4), count = TILE - skipped;
        if ((uint64_t)count > total - done)
            count = (int)(total - done);
        philox(words, (skipped + count + 3) / 4, (first_word + done) / 4, layer, block, key0, key1);
        if (single) {
            pairs_single(words + skipped, count, pair.f[0], pair.f[1]);
            scatter_float(out, pair.f[0], pair.f[1], done, count, pairs, size, side_by_side);
        } else {
            pairs_double(words + skipped, count, pair.d[0], pair.d[1]);
            scatter_double(out, pair.d[0], pair.d[1], done, count, pairs, size, side_by_side);
        }
        done += (uint64_t)count;
    }
}
