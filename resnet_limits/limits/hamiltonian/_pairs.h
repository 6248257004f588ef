/* Sums over all pairs of points with the Gaussian kernel, in double precision for one kind of processor; included by
   `_pairs.c`. A vector has a coordinate of LANES points i; all points j pass by in their order, so that a sum does not
   depend on how many lanes there are. */

#if MANTISSA == 52 /* double alone: what `_precisions.h` says of single is not asked for */

typedef REAL NAME(vector) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef UNSIGNED NAME(bits) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define BITS NAME(bits)
#undef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline)) PROCESSOR

#include "../../engines/_functions.h"

/* exp(-y) for y >= 0, at least the smallest normal number; nan stays. */
static ALWAYS_INLINE VECTOR NAME(decay)(VECTOR y) {
    VECTOR scale, p = NAME(exp_less_1)(-NAME(at_most)(y, LARGEST_EXPONENT), (VECTOR){0}, &scale);
    return scale * p + scale;
}

/* Coordinates c of the points from `first` on, of x (n, d); beyond the last one it again. */
static ALWAYS_INLINE void NAME(of_lanes)(VECTOR *into, const REAL *x, ptrdiff_t first, ptrdiff_t n, int d) {
    for (int c = 0; c < d; c++) {
        VECTOR lanes = (VECTOR){0};
        for (int lane = 0; lane < LANES; lane++)
            lanes[lane] = x[(first + lane < n ? first + lane : n - 1) * d + c];
        into[c] = lanes;
    }
}

static ALWAYS_INLINE void NAME(from_lanes)(REAL *x, const VECTOR *from, ptrdiff_t first, ptrdiff_t n, int d) {
    for (int c = 0; c < d; c++)
        for (int lane = 0; lane < LANES && first + lane < n; lane++)
            x[(first + lane) * d + c] = from[c][lane];
}

/* velocity_i = sum_j K_ij P_j,  rate_i = sum_j M_ij (q_i - q_j),  M = K P_i.P_j / l^2 */
static ALWAYS_INLINE void NAME(both_of)(const struct points *at, ptrdiff_t first, const int d, const int k) {
    VECTOR x[MOST_COORDINATES], p[MOST_COORDINATES], velocity[MOST_COORDINATES], rate[MOST_COORDINATES];
    VECTOR scaled = NAME(all)(at->scaled), half = NAME(all)(at->scaled / 2);
    NAME(of_lanes)(x, at->q, first, at->n, d);
    NAME(of_lanes)(p, at->P, first, at->n, k);
    for (int c = 0; c < d; c++)
        rate[c] = (VECTOR){0};
    for (int c = 0; c < k; c++)
        velocity[c] = (VECTOR){0};
    for (ptrdiff_t j = 0; j < at->n; j++) {
        const REAL *q = at->q + j * d, *P = at->P + j * k;
        VECTOR between[MOST_COORDINATES], square = (VECTOR){0}, S = (VECTOR){0};
        for (int c = 0; c < d; c++) {
            between[c] = x[c] - NAME(all)(q[c]);
            square += between[c] * between[c];
        }
        VECTOR K = NAME(decay)(half * square);
        for (int c = 0; c < k; c++) {
            S += p[c] * NAME(all)(P[c]);
            velocity[c] += K * NAME(all)(P[c]);
        }
        VECTOR M = S * K;
        for (int c = 0; c < d; c++)
            rate[c] += M * between[c];
    }
    for (int c = 0; c < d; c++)
        rate[c] *= scaled;
    NAME(from_lanes)(at->velocity, velocity, first, at->n, k);
    NAME(from_lanes)(at->rate, rate, first, at->n, d);
}

/* Their derivatives along (u, v), with dK = -K (q_i - q_j).(u_i - u_j) / l^2 and dS = v_i.P_j + P_i.v_j. */
static ALWAYS_INLINE void NAME(tangent_of)(const struct points *at, ptrdiff_t first, const int d, const int k) {
    VECTOR x[MOST_COORDINATES], p[MOST_COORDINATES], dx[MOST_COORDINATES], dp[MOST_COORDINATES];
    VECTOR velocity[MOST_COORDINATES], rate[MOST_COORDINATES];
    VECTOR scaled = NAME(all)(at->scaled), half = NAME(all)(at->scaled / 2);
    NAME(of_lanes)(x, at->q, first, at->n, d);
    NAME(of_lanes)(dx, at->u, first, at->n, d);
    NAME(of_lanes)(p, at->P, first, at->n, k);
    NAME(of_lanes)(dp, at->v, first, at->n, k);
    for (int c = 0; c < d; c++)
        rate[c] = (VECTOR){0};
    for (int c = 0; c < k; c++)
        velocity[c] = (VECTOR){0};
    for (ptrdiff_t j = 0; j < at->n; j++) {
        const REAL *q = at->q + j * d, *u = at->u + j * d, *P = at->P + j * k, *v = at->v + j * k;
        VECTOR between[MOST_COORDINATES], d_between[MOST_COORDINATES];
        VECTOR square = (VECTOR){0}, stretch = (VECTOR){0}, S = (VECTOR){0}, dS = (VECTOR){0};
        for (int c = 0; c < d; c++) {
            between[c] = x[c] - NAME(all)(q[c]);
            d_between[c] = dx[c] - NAME(all)(u[c]);
            square += between[c] * between[c];
            stretch += between[c] * d_between[c];
        }
        VECTOR K = NAME(decay)(half * square), dK = -scaled * stretch * K;
        for (int c = 0; c < k; c++) {
            S += p[c] * NAME(all)(P[c]);
            dS += dp[c] * NAME(all)(P[c]) + p[c] * NAME(all)(v[c]);
            velocity[c] += dK * NAME(all)(P[c]) + K * NAME(all)(v[c]);
        }
        VECTOR M = S * K, dM = dS * K + S * dK;
        for (int c = 0; c < d; c++)
            rate[c] += dM * between[c] + M * d_between[c];
    }
    for (int c = 0; c < d; c++)
        rate[c] *= scaled;
    NAME(from_lanes)(at->velocity, velocity, first, at->n, k);
    NAME(from_lanes)(at->rate, rate, first, at->n, d);
}

/* In few dimensions loops over coordinates are written out. */
#define OF_DIMENSION(function)                                                                                         \
    switch (at->d == at->k ? at->d : 0) {                                                                              \
    case 1:                                                                                                            \
        function(at, first, 1, 1);                                                                                     \
        break;                                                                                                         \
    case 2:                                                                                                            \
        function(at, first, 2, 2);                                                                                     \
        break;                                                                                                         \
    case 3:                                                                                                            \
        function(at, first, 3, 3);                                                                                     \
        break;                                                                                                         \
    default:                                                                                                           \
        function(at, first, at->d, at->k);                                                                             \
    }

static PROCESSOR void NAME(both)(const struct points *at) {
    for (ptrdiff_t first = 0; first < at->n; first += LANES)
        OF_DIMENSION(NAME(both_of))
}

static PROCESSOR void NAME(tangent)(const struct points *at) {
    for (ptrdiff_t first = 0; first < at->n; first += LANES)
        OF_DIMENSION(NAME(tangent_of))
}

static const struct sums NAME(sums) = {NAME(both), NAME(tangent)};

#undef OF_DIMENSION
#undef VECTOR
#undef BITS
#undef ALWAYS_INLINE

#endif
