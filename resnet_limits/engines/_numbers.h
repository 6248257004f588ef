/* What the compiled extensions have in common: activations by name, and the numbers that they are made of. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__GNUC__) || (!defined(__clang__) && __GNUC__ < 12)
#error "vectors are an extension of GCC 12 and clang; without them the eager engine computes"
#endif

enum activation { TANH, SWISH, GELU, RELU, IDENTITY };
static const char *const ACTIVATIONS[] = {"tanh", "swish", "gelu", "relu", "identity"};
#define COUNT(names) ((int)(sizeof(names) / sizeof *(names)))
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 32")
#endif

/* (exp(r) - 1 - r)/r^2 for |r| <= log(2)/2, to a relative 1e-9; interpolated at Chebyshev's points, as all here. */
static const float EXP_SINGLE[] = {0x1p-1f,         0x1.555556p-3f,  0x1.5554eap-5f,
                                   0x1.1110e0p-7f,  0x1.6d4324p-10f, 0x1.a124f2p-13f};
/* F(-t) exp(t^2/2) (1 + sqrt(2) t), a polynomial of (t - 5)/(t + 5) for 0 <= t <= 13.3, to 4e-9. */
static const float TAIL_SINGLE[] = {0x1.3ddc3ep-1f,  -0x1.1eef4ap-4f, -0x1.12d4f0p-8f, 0x1.8656eep-5f,
                                    -0x1.d44416p-5f, 0x1.6bb038p-5f,  -0x1.9c407cp-6f, 0x1.4f58c4p-7f,
                                    -0x1.483ef0p-9f, -0x1.05b434p-13f, 0x1.3c0c88p-12f};
/* The same to 1e-18, and for t <= 38 to 1e-17. */
static const double EXP_DOUBLE[] = {0x1p-1,
                                    0x1.5555555555557p-3,
                                    0x1.5555555555556p-5,
                                    0x1.11111111100dcp-7,
                                    0x1.6c16c16c162d4p-10,
                                    0x1.a01a01abe7fe1p-13,
                                    0x1.a01a01a6d889cp-16,
                                    0x1.71de0231960ebp-19,
                                    0x1.27e4db646b17ep-22,
                                    0x1.af4de97ca4194p-26,
                                    0x1.1f730349868cep-29};
static const double TAIL_DOUBLE[] = {
    0x1.3ddc3d8fef7c6p-1,   -0x1.1eef47981a499p-4,  -0x1.12d6bf79858bfp-8,  0x1.86567c44c3264p-5,
    -0x1.d43f36c029572p-5,  0x1.6bb7292c83adep-5,   -0x1.9c8683651947cp-6,  0x1.4e860d65f0319p-7,
    -0x1.429a5a8bad9e7p-9,  -0x1.7622262cac243p-15, 0x1.28a18940e5a95p-12,  -0x1.3fa75db0712c2p-14,
    -0x1.18fb80c072024p-16, 0x1.bfa2be0726f5bp-17,  0x1.86b4ab9170582p-23,  -0x1.0632fcae4a99fp-19,
    0x1.36ab43fffdef4p-23,  0x1.3fc7c6523ccdbp-22,  -0x1.c9db37fd16345p-26, -0x1.9bea9a8a9e4e2p-25,
    -0x1.1355c0dff79d1p-32, 0x1.9eafd7941fba6p-28,  0x1.4e74d31e548d7p-30};

#define SQRT_2 ((REAL)0x1.6a09e667f3bcdp+0)
#define DENSITY_AT_0 ((REAL)0x1.9884533d43651p-2) /* 1/sqrt(2 pi) */
#define LOG2_E ((REAL)0x1.71547652b82fep+0)
