/* A layer of random networks, in one precision for one kind of processor; included by `_walks.c`, as `_layers.h` is by
   `_compiled.c`.

       z = R Z,  x <- x + phi(z),  f = psi(x)        R R^T = scale^2 <f_i, f_j> + extra^2,  Z independent normals

   A vector takes `room` numbers of memory, a multiple of a register; those beyond d are zero. */

typedef REAL NAME(vector) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef UNSIGNED NAME(bits) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define BITS NAME(bits)
#undef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline)) PROCESSOR

#include "_functions.h"

static PROCESSOR REAL NAME(dot)(const REAL *a, const REAL *b, ptrdiff_t room) {
    VECTOR sum = (VECTOR){0}, other = (VECTOR){0};
    ptrdiff_t c = 0;
    for (; c + 2 * LANES <= room; c += 2 * LANES) {
        sum += *(const VECTOR *)(a + c) * *(const VECTOR *)(b + c);
        other += *(const VECTOR *)(a + c + LANES) * *(const VECTOR *)(b + c + LANES);
    }
    if (c < room)
        sum += *(const VECTOR *)(a + c) * *(const VECTOR *)(b + c);
    sum += other;
    REAL total = 0;
    for (int lane = 0; lane < LANES; lane++)
        total += sum[lane];
    return total;
}

/* R (v, v) by Gram and Schmidt, each vector twice, of the vectors (scale f_i, extra): as `span.gram_schmidt`, on vectors
   that are first made of size 1 by powers of two. `q` and `left` have room for v and one of them. */
static PROCESSOR void NAME(gram_schmidt)(REAL *R, const REAL *f, ptrdiff_t v, ptrdiff_t d, ptrdiff_t room, REAL scale,
                                         REAL extra, REAL *q, REAL *own, REAL *left) {
    ptrdiff_t e = d + 1;
    REAL dust = 8 * (REAL)(v > 2 ? v : 2) * EPSILON;
    memset(R, 0, (size_t)(v * v) * sizeof(REAL));
    for (ptrdiff_t i = 0; i < v; i++) {
        REAL largest = 0, size = 0, rest = 0, *its = own + i * e, *row = R + i * v;
        for (ptrdiff_t c = 0; c < e; c++) {
            its[c] = c < d ? scale * f[i * room + c] : extra;
            REAL now = its[c] < 0 ? -its[c] : its[c];
            largest = now > largest ? now : largest;
        }
        int exponent = 0;
        if (largest > 0 && largest - largest == 0) /* finite */
            (void)frexp((double)largest, &exponent);
        for (ptrdiff_t c = 0; c < e; c++) {
            its[c] = (REAL)ldexp((double)its[c], -exponent);
            left[c] = its[c];
            size += its[c] * its[c];
        }
        size = (REAL)sqrt((double)size);
        rest = size;
        for (int twice = 0; i && twice < 2; twice++) {
            for (ptrdiff_t j = 0; j < i; j++) {
                REAL along = 0;
                for (ptrdiff_t c = 0; c < e; c++)
                    along += q[j * e + c] * left[c];
                for (ptrdiff_t c = 0; c < e; c++)
                    left[c] -= along * q[j * e + c];
                row[j] += along;
            }
            rest = 0;
            for (ptrdiff_t c = 0; c < e; c++)
                rest += left[c] * left[c];
            rest = (REAL)sqrt((double)rest);
        }
        if (rest <= dust * size && size - size == 0)
            rest = 0;
        row[i] = rest;
        for (ptrdiff_t c = 0; c < e; c++)
            q[i * e + c] = rest > 0 ? left[c] / rest : 0;
        for (ptrdiff_t j = 0; i && rest == 0 && j < i; j++)
            if (!memcmp(f + i * room, f + j * room, (size_t)d * sizeof(REAL))) {
                /* the exponents are the same: so are the rows, which are put back to size below */
                for (ptrdiff_t c = 0; c < v; c++)
                    row[c] = R[j * v + c];
                exponent = 0;
                break;
            }
        for (ptrdiff_t c = 0; exponent && c < v; c++)
            row[c] = (REAL)ldexp((double)row[c], exponent);
    }
}

/* R (v, v) by Cholesky where that loses no digits that matter, as `span.triangle` says; 0 where it does. */
static PROCESSOR int NAME(cholesky)(REAL *R, const REAL *f, ptrdiff_t v, ptrdiff_t room, REAL scale, REAL extra) {
    for (ptrdiff_t i = 0; i < v; i++) {
        REAL square = 0;
        for (ptrdiff_t j = 0; j <= i; j++) {
            REAL sum = NAME(dot)(f + i * room, f + j * room, room) * (scale * scale) + extra * extra;
            square = sum;
            for (ptrdiff_t c = 0; c < j; c++)
                sum -= R[i * v + c] * R[j * v + c];
            if (j < i) {
                R[i * v + j] = sum / R[j * v + j];
                R[j * v + i] = 0;
            } else {
                REAL least = square > SMALLEST_SQUARE ? square : SMALLEST_SQUARE;
                if (!(sum > least * THIRD_OF_DIGITS) || sum - sum != 0)
                    return 0;
                R[i * v + i] = (REAL)sqrt((double)sum);
            }
        }
    }
    return 1;
}

#define FOR_EACH_ACTIVATION(DO) \
    switch (activation) {       \
        DO(TANH)                \
        DO(SWISH)               \
        DO(GELU)                \
        DO(RELU)                \
        DO(IDENTITY)            \
    }

/* f = psi(x), and 0 beyond the d coordinates. */
static PROCESSOR void NAME(features)(enum activation activation, const REAL *x, REAL *f, ptrdiff_t d, ptrdiff_t room) {
#define FEATURES(which)                                                            \
    case which:                                                                    \
        for (ptrdiff_t c = 0; c < room; c += LANES) {                              \
            VECTOR slope;                                                          \
            NAME(phi)(which, *(const VECTOR *)(x + c), (VECTOR *)(f + c), &slope); \
        }                                                                          \
        break;
    FOR_EACH_ACTIVATION(FEATURES)
#undef FEATURES
    for (ptrdiff_t c = d; c < room; c++)
        f[c] = 0;
}

/* x += phi(z). */
static PROCESSOR void NAME(add)(enum activation activation, const REAL *z, REAL *x, ptrdiff_t room) {
#define ADD(which)                                                 \
    case which:                                                    \
        for (ptrdiff_t c = 0; c < room; c += LANES) {              \
            VECTOR value, slope;                                   \
            NAME(phi)(which, *(const VECTOR *)(z + c), &value, &slope); \
            *(VECTOR *)(x + c) += value;                           \
        }                                                          \
        break;
    FOR_EACH_ACTIVATION(ADD)
#undef ADD
}

/* Layers `first`, first + 1, ... of one replica: `x` and `summed` (v, room), all else scratch. */
static PROCESSOR void NAME(walk_of_replica)(const struct walk *walk, ptrdiff_t replica, void *states, void *sums,
                                            struct scratch *s) {
    REAL *x = states, *summed = sums;
    ptrdiff_t n = walk->inputs, v = n * walk->walkers, d = walk->width, room = walk->room, m = walk->basis;
    REAL *f = s->features, *R = s->triangle, *Z = s->normals;
    REAL scale = (REAL)walk->scale, extra = (REAL)walk->extra;
    uint64_t row = walk->first_replica + (uint64_t)replica, pairs = ((uint64_t)m * (uint64_t)d + 1) / 2;
    for (ptrdiff_t i = 0; i < v; i++)
        NAME(features)(walk->psi[i / n], x + i * room, f + i * room, d, room);
    for (ptrdiff_t k = walk->first; k < walk->first + walk->layers; k++) {
        fill_block(Z, sizeof(REAL) == sizeof(float), 1, (uint64_t)m * (uint64_t)d, 0, row % walk->replicas_a_block * pairs,
                   (uint64_t)k, row / walk->replicas_a_block, walk->key[0], walk->key[1]);
        if (walk->many)
            for (ptrdiff_t i = 0; i < v; i++) {
                for (ptrdiff_t c = 0; c < d; c++)
                    R[i * m + c] = scale * f[i * room + c];
                R[i * m + d] = extra;
            }
        else if (!NAME(cholesky)(R, f, v, room, scale, extra))
            NAME(gram_schmidt)(R, f, v, d, room, scale, extra, s->basis, s->own, s->left);
        for (ptrdiff_t i = 0; i < v; i++) {
            int every = walk->every[i / n], complete = (k + 1) % every == 0, fresh = k % every == 0;
            ptrdiff_t terms = walk->many ? m : i + 1;
            REAL *to = complete ? s->increment : summed + i * room;
            for (ptrdiff_t c = 0; c < room; c += LANES) {
                VECTOR z = NAME(all)(R[i * m]) * *(const VECTOR *)(Z + c);
                for (ptrdiff_t j = 1; j < terms; j++)
                    z += NAME(all)(R[i * m + j]) * *(const VECTOR *)(Z + j * d + c);
                if (!fresh)
                    z = *(const VECTOR *)(summed + i * room + c) + z;
                *(VECTOR *)(to + c) = z;
            }
            if (complete) {
                NAME(add)(walk->phi[i / n], s->increment, x + i * room, room);
                NAME(features)(walk->psi[i / n], x + i * room, f + i * room, d, room);
            }
        }
    }
}

static const struct walks NAME(walks) = {NAME(walk_of_replica)};

#undef FOR_EACH_ACTIVATION
#undef VECTOR
#undef BITS
#undef ALWAYS_INLINE
