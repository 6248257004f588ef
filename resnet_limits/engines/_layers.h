/* Layers of residual networks, forward and backward, in one precision for one kind of processor.

   Included by `_compiled.c` once for each, with
       REAL, UNSIGNED              the numbers, and integers of their size
       BYTES, LANES                of a vector register, and numbers in it
       WIDE, ROWS, FEW_ROWS        a tile of a product: at most WIDE vectors of ROWS rows, or two of FEW_ROWS
       OUTER_ROWS, OUTER_COLUMNS   a tile of a product that is summed over inputs
       NAME(x), PROCESSOR          the name of x here, and the attribute that says for which processor it is compiled

   A matrix of states is (d, n): the n inputs of a coordinate lie side by side, a multiple of a vector. An entry of a
   product is one chain of multiply-adds in the order of the inner index, whatever tile it is in: so no result depends
   on how many inputs or replicas there are. */

typedef REAL NAME(vector) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef UNSIGNED NAME(bits) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define BITS NAME(bits)

#undef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline)) PROCESSOR

#include "_functions.h"

/* out = base + h (bias + A x), or bias + A x where there is no base: ROWS rows, `wide` vectors of inputs. Entry (o, i)
   of A lies at `A[o * stride + i]`, or at `A[i * stride + o]` where it is transposed. */
static ALWAYS_INLINE void NAME(tile)(const int rows, const int wide, const int transposed, REAL *out, const REAL *base,
                                     REAL h, const REAL *bias, const REAL *A, ptrdiff_t stride, ptrdiff_t inner,
                                     const REAL *x, ptrdiff_t n) {
    VECTOR sum[8][4];
    UNROLLED
    for (int o = 0; o < rows; o++)
        UNROLLED
        for (int j = 0; j < wide; j++)
            sum[o][j] = NAME(all)(bias ? bias[o] : 0);
    for (ptrdiff_t i = 0; i < inner; i++) {
        VECTOR at[4];
        UNROLLED
        for (int j = 0; j < wide; j++)
            at[j] = *(const VECTOR *)(x + i * n + j * LANES);
        UNROLLED
        for (int o = 0; o < rows; o++) {
            VECTOR weight = NAME(all)(transposed ? A[i * stride + o] : A[o * stride + i]);
            UNROLLED
            for (int j = 0; j < wide; j++)
                sum[o][j] += weight * at[j];
        }
    }
    UNROLLED
    for (int o = 0; o < rows; o++)
        UNROLLED
        for (int j = 0; j < wide; j++) {
            VECTOR *to = (VECTOR *)(out + o * n + j * LANES);
            if (base)
                *to = *(const VECTOR *)(base + o * n + j * LANES) + NAME(all)(h) * sum[o][j];
            else
                *to = sum[o][j];
        }
}

/* The same for any number of rows and inputs, in tiles of nearly equal size. `out` may be `base`, but not `x`. */
static PROCESSOR void NAME(product)(REAL *out, const REAL *base, REAL h, const REAL *bias, const REAL *A, int transposed,
                                    ptrdiff_t rows, ptrdiff_t inner, ptrdiff_t stride, const REAL *x, ptrdiff_t n) {
    ptrdiff_t vectors = n / LANES, strips = (vectors + WIDE - 1) / WIDE;
    for (ptrdiff_t s = 0, at = 0; s < strips; s++) {
        int wide = (int)((vectors - at + strips - s - 1) / (strips - s));
        ptrdiff_t most = wide > 2 ? ROWS : FEW_ROWS, blocks = (rows + most - 1) / most;
        for (ptrdiff_t b = 0, o = 0; b < blocks; b++) {
            int height = (int)((rows - o + blocks - b - 1) / (blocks - b));
            REAL *to = out + o * n + at * LANES;
            const REAL *from = base ? base + o * n + at * LANES : NULL, *offset = bias ? bias + o : NULL;
            const REAL *weights = A + o * (transposed ? 1 : stride), *inputs = x + at * LANES;
#define TILE(height, wide, transposed)                                                                            \
    case ((transposed) * 16 + (wide)) * 16 + (height):                                                            \
        NAME(tile)(height, wide, transposed, to, from, h, offset, weights, stride, inner, inputs, n);             \
        break;
#define TILES_OF_WIDTH(wide, transposed)                                                                          \
    TILE(1, wide, transposed) TILE(2, wide, transposed) TILE(3, wide, transposed) TILE(4, wide, transposed)       \
    TILE(5, wide, transposed) TILE(6, wide, transposed)
            switch ((transposed * 16 + wide) * 16 + height) {
                TILES_OF_WIDTH(1, 0)
                TILES_OF_WIDTH(1, 1)
                TILES_OF_WIDTH(2, 0)
                TILES_OF_WIDTH(2, 1)
#if FEW_ROWS > 6
                TILE(7, 1, 0)
                TILE(8, 1, 0)
                TILE(7, 1, 1)
                TILE(8, 1, 1)
                TILE(7, 2, 0)
                TILE(8, 2, 0)
                TILE(7, 2, 1)
                TILE(8, 2, 1)
#endif
#if WIDE > 2
                TILES_OF_WIDTH(3, 0)
                TILES_OF_WIDTH(3, 1)
                TILES_OF_WIDTH(4, 0)
                TILES_OF_WIDTH(4, 1)
#endif
            }
            o += height;
        }
        at += wide;
    }
}

/* The sum over the lanes of vector i in lane i, of as many vectors as there are lanes: at each step half of the lanes
   are of one vector, half of another. */
static ALWAYS_INLINE VECTOR NAME(sums)(VECTOR *of) {
    VECTOR *v = of;
#define FOLD(count, s)                                                                          \
    UNROLLED                                                                                    \
    for (int i = 0; i < (count); i++)                                                           \
        v[i] = SHUFFLED(v[2 * i], v[2 * i + 1], KEPT, s) + SHUFFLED(v[2 * i], v[2 * i + 1], CROSSED, s);
#if LANES == 16
#define SHUFFLED(a, b, OF, s)                                                                                      \
    __builtin_shufflevector(a, b, OF(0, s), OF(1, s), OF(2, s), OF(3, s), OF(4, s), OF(5, s), OF(6, s), OF(7, s),  \
                            OF(8, s), OF(9, s), OF(10, s), OF(11, s), OF(12, s), OF(13, s), OF(14, s), OF(15, s))
    FOLD(8, 1)
    FOLD(4, 2)
    FOLD(2, 4)
    FOLD(1, 8)
#elif LANES == 8
#define SHUFFLED(a, b, OF, s) \
    __builtin_shufflevector(a, b, OF(0, s), OF(1, s), OF(2, s), OF(3, s), OF(4, s), OF(5, s), OF(6, s), OF(7, s))
    FOLD(4, 1)
    FOLD(2, 2)
    FOLD(1, 4)
#elif LANES == 4
#define SHUFFLED(a, b, OF, s) __builtin_shufflevector(a, b, OF(0, s), OF(1, s), OF(2, s), OF(3, s))
    FOLD(2, 1)
    FOLD(1, 2)
#else
#define SHUFFLED(a, b, OF, s) __builtin_shufflevector(a, b, OF(0, s), OF(1, s))
    FOLD(1, 1)
#endif
#undef SHUFFLED
#undef FOLD
    return v[0];
}

/* into = h left right^T, (rows, columns): a sum over inputs. */
static PROCESSOR void NAME(outer)(REAL *into, REAL h, const REAL *left, ptrdiff_t rows, const REAL *right,
                                  ptrdiff_t columns, ptrdiff_t n) {
    for (ptrdiff_t o = 0; o < rows; o += OUTER_ROWS)
        for (ptrdiff_t i = 0; i < columns; i += OUTER_COLUMNS) {
            const REAL *l[OUTER_ROWS], *r[OUTER_COLUMNS]; /* beyond the last one: the last one again */
            UNROLLED
            for (int a = 0; a < OUTER_ROWS; a++)
                l[a] = left + (o + a < rows ? o + a : rows - 1) * n;
            UNROLLED
            for (int b = 0; b < OUTER_COLUMNS; b++)
                r[b] = right + (i + b < columns ? i + b : columns - 1) * n;
            VECTOR sum[OUTER_ROWS * OUTER_COLUMNS];
            UNROLLED
            for (int c = 0; c < OUTER_ROWS * OUTER_COLUMNS; c++)
                sum[c] = (VECTOR){0};
            for (ptrdiff_t j = 0; j < n; j += LANES) {
                VECTOR at[OUTER_COLUMNS];
                UNROLLED
                for (int b = 0; b < OUTER_COLUMNS; b++)
                    at[b] = *(const VECTOR *)(r[b] + j);
                UNROLLED
                for (int a = 0; a < OUTER_ROWS; a++) {
                    VECTOR its = *(const VECTOR *)(l[a] + j);
                    UNROLLED
                    for (int b = 0; b < OUTER_COLUMNS; b++)
                        sum[a * OUTER_COLUMNS + b] += its * at[b];
                }
            }
            REAL tile[OUTER_ROWS * OUTER_COLUMNS];
            UNROLLED
            for (int c = 0; c < OUTER_ROWS * OUTER_COLUMNS; c += LANES)
                *(VECTOR *)(tile + c) = NAME(all)(h) * NAME(sums)(sum + c);
            for (int a = 0; a < OUTER_ROWS && o + a < rows; a++)
                for (int b = 0; b < OUTER_COLUMNS && i + b < columns; b++)
                    into[(o + a) * columns + i + b] = tile[a * OUTER_COLUMNS + b];
        }
}

/* into = h times the sum over inputs, (rows,). */
static PROCESSOR void NAME(sum)(REAL *into, REAL h, const REAL *of, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t o = 0; o < rows; o += LANES) {
        VECTOR sum[LANES];
        UNROLLED
        for (int a = 0; a < LANES; a++)
            sum[a] = (VECTOR){0};
        for (int a = 0; a < LANES && o + a < rows; a++)
            for (ptrdiff_t j = 0; j < n; j += LANES)
                sum[a] += *(const VECTOR *)(of + (o + a) * n + j);
        VECTOR total = NAME(all)(h) * NAME(sums)(sum);
        for (int a = 0; a < LANES && o + a < rows; a++)
            into[o + a] = total[a];
    }
}

/* -- entry by entry: `count` numbers, a multiple of a vector ------------------------------------------------------- */

#define AT(array) (*(VECTOR *)((array) + k))
#define OF(array) (*(const VECTOR *)((array) + k))

/* DO for each vector k, with phi and phi' as a and s of what is there. */
#define EACH(which, z, DO)                                 \
    case which:                                            \
        for (ptrdiff_t k = 0; k < count; k += LANES) {     \
            VECTOR a, s;                                   \
            NAME(phi)(which, OF(z), &a, &s);               \
            (void)s;                                       \
            DO;                                            \
        }                                                  \
        break;
#define FOR_EACH_ACTIVATION(z, DO)   \
    switch (activation) {            \
        EACH(TANH, z, DO)            \
        EACH(SWISH, z, DO)           \
        EACH(GELU, z, DO)            \
        EACH(RELU, z, DO)            \
        EACH(IDENTITY, z, DO)        \
    }

/* value = phi(z), which may be in its place. */
static PROCESSOR void NAME(activate)(enum activation activation, const REAL *z, REAL *value, ptrdiff_t count) {
    FOR_EACH_ACTIVATION(z, AT(value) = a)
}

/* value = phi(z), slope = phi'(z). */
static PROCESSOR void NAME(differentiate)(enum activation activation, const REAL *z, REAL *value, REAL *slope,
                                          ptrdiff_t count) {
    FOR_EACH_ACTIVATION(z, (AT(value) = a, AT(slope) = s))
}

/* next = x + h phi(z), which may be in the place of x. */
static PROCESSOR void NAME(add_activated)(enum activation activation, const REAL *z, const REAL *x, REAL h, REAL *next,
                                          ptrdiff_t count) {
    FOR_EACH_ACTIVATION(z, AT(next) = OF(x) + NAME(all)(h) * a)
}

/* The same, and phi'(z) in place of z. */
static PROCESSOR void NAME(add_and_differentiate)(enum activation activation, REAL *z, const REAL *x, REAL h, REAL *next,
                                                  ptrdiff_t count) {
    FOR_EACH_ACTIVATION(z, (AT(next) = OF(x) + NAME(all)(h) * a, AT(z) = s))
}

/* dz = phi'(z) dz and z = phi(z), of z; or dz alone, of phi(z), where that is what the activation is kept by. */
static PROCESSOR void NAME(pull)(enum activation activation, REAL *kept, REAL *dz, ptrdiff_t count) {
    VECTOR zero = (VECTOR){0};
    switch (activation) {
        EACH(SWISH, kept, (AT(kept) = a, AT(dz) = s * OF(dz)))
        EACH(GELU, kept, (AT(kept) = a, AT(dz) = s * OF(dz)))
    case TANH:
        for (ptrdiff_t k = 0; k < count; k += LANES)
            AT(dz) = (NAME(all)(1) - OF(kept) * OF(kept)) * OF(dz);
        break;
    case RELU:
        for (ptrdiff_t k = 0; k < count; k += LANES)
            AT(dz) = NAME(chosen)((BITS)(OF(kept) <= zero), zero, OF(dz));
        break;
    case IDENTITY:
        break;
    }
}

/* g = g + h phi'(x) v. `kept` is phi(x) where that is what the activation is kept by. */
static PROCESSOR void NAME(add_pulled)(enum activation activation, const REAL *x, const REAL *kept, REAL h,
                                       const REAL *v, REAL *g, ptrdiff_t count) {
    VECTOR zero = (VECTOR){0};
    switch (activation) {
        EACH(SWISH, x, AT(g) += NAME(all)(h) * (s * OF(v)))
        EACH(GELU, x, AT(g) += NAME(all)(h) * (s * OF(v)))
    case TANH:
        for (ptrdiff_t k = 0; k < count; k += LANES)
            AT(g) += NAME(all)(h) * ((NAME(all)(1) - OF(kept) * OF(kept)) * OF(v));
        break;
    case RELU:
        for (ptrdiff_t k = 0; k < count; k += LANES)
            AT(g) += NAME(chosen)((BITS)(OF(kept) <= zero), zero, NAME(all)(h) * OF(v));
        break;
    case IDENTITY:
        for (ptrdiff_t k = 0; k < count; k += LANES)
            AT(g) += NAME(all)(h) * OF(v);
        break;
    }
}

static PROCESSOR void NAME(multiply)(REAL *z, const REAL *by, ptrdiff_t count) {
    for (ptrdiff_t k = 0; k < count; k += LANES)
        AT(z) *= OF(by);
}

/* -- a layer ------------------------------------------------------------------------------------------------------- */

#define LAYER(of) ((const REAL *)at_layer(&work->of, at))
#define GRADIENT(of) ((REAL *)at_layer(&work->of, at))

/* next = x + h f(x). `inner` (m, n) is left with what the way back wants, if there is one: phi' of block one, else
   phi, or what it is a function of. `next` may be x where there is no way back. */
static PROCESSOR void NAME(step)(const struct work *work, struct place at, const REAL *x, REAL *inner,
                                 REAL *next, REAL *scratch, ptrdiff_t n, int back) {
    enum activation activation = work->activation;
    ptrdiff_t d = work->width, m = work->hidden;
    REAL h = (REAL)work->h;
    switch (work->block) {
    case ONE:
        NAME(product)(inner, NULL, h, LAYER(b), LAYER(W), 0, d, d, d, x, n);
        if (back)
            NAME(add_and_differentiate)(activation, inner, x, h, next, d * n);
        else
            NAME(add_activated)(activation, inner, x, h, next, d * n);
        break;
    case OUTSIDE:
        NAME(activate)(activation, x, inner, d * n);
        NAME(product)(next, x, h, LAYER(b), LAYER(W), 0, d, d, d, inner, n);
        break;
    case TWO: {
        REAL *a = back && !kept_by_value(activation) ? scratch : inner;
        NAME(product)(inner, NULL, h, LAYER(b), LAYER(W), 0, m, d, d, x, n);
        NAME(activate)(activation, inner, a, m * n);
        NAME(product)(next, x, h, NULL, LAYER(V), 0, d, m, m, a, n);
    }
    }
}

/* g of x from that of x + h f(x), in its place, and the gradients of the weights. */
static PROCESSOR void NAME(step_back)(const struct work *work, struct place at, const REAL *x,
                                      REAL *inner, REAL *g, REAL *scratch, ptrdiff_t n) {
    enum activation activation = work->activation;
    ptrdiff_t d = work->width, m = work->hidden;
    REAL h = (REAL)work->h;
    switch (work->block) {
    case ONE:
        NAME(multiply)(inner, g, d * n);
        NAME(outer)(GRADIENT(dW), h, inner, d, x, d, n);
        NAME(sum)(GRADIENT(db), h, inner, d, n);
        NAME(product)(g, g, h, NULL, LAYER(W), 1, d, d, d, inner, n);
        break;
    case OUTSIDE:
        NAME(outer)(GRADIENT(dW), h, g, d, inner, d, n);
        NAME(sum)(GRADIENT(db), h, g, d, n);
        NAME(product)(scratch, NULL, h, NULL, LAYER(W), 1, d, d, d, g, n);
        NAME(add_pulled)(activation, x, inner, h, scratch, g, d * n);
        break;
    case TWO:
        NAME(product)(scratch, NULL, h, NULL, LAYER(V), 1, m, d, m, g, n);
        NAME(pull)(activation, inner, scratch, m * n);
        NAME(outer)(GRADIENT(dV), h, g, d, inner, m, n);
        NAME(outer)(GRADIENT(dW), h, scratch, m, x, d, n);
        NAME(sum)(GRADIENT(db), h, scratch, m, n);
        NAME(product)(g, g, h, NULL, LAYER(W), 1, d, m, d, scratch, n);
    }
}

/* -- some layers of all replicas ------------------------------------------------------------------------------------ */

static PROCESSOR void NAME(advance)(const struct work *work, void *states, void *inner, void *scratch) {
    ptrdiff_t n = work->inputs, state = work->width * n, hidden = work->hidden * n;
    for (ptrdiff_t k = 0; k < work->replicas * work->layers; k++) {
        struct place at = place(work, k);
        REAL *x = (REAL *)states + (at.layer * work->of_layer + at.replica) * state;
        REAL *z = (REAL *)inner + (at.layer * work->of_layer + at.replica) * hidden;
        NAME(step)(work, at, x, z, x + work->of_layer * state, scratch, n, 1);
    }
}

/* Have a matrix brought nearer while another is computed with: as much as leaves room for that in the second cache. */
static void NAME(fetch)(const REAL *from, ptrdiff_t count) {
    ptrdiff_t most = (1 << 16) / (ptrdiff_t)sizeof(REAL);
    for (ptrdiff_t k = 0; k < count && k < most; k += 64 / (ptrdiff_t)sizeof(REAL))
        __builtin_prefetch(from + k, 0, 2);
}

static PROCESSOR void NAME(pull_back)(const struct work *work, void *states, void *inner, void *g, void *scratch) {
    ptrdiff_t n = work->inputs, state = work->width * n, hidden = work->hidden * n;
    for (ptrdiff_t k = work->replicas * work->layers - 1; k >= 0; k--) {
        struct place at = place(work, k), before = place(work, k ? k - 1 : 0);
        NAME(fetch)((REAL *)states + (before.layer * work->of_layer + before.replica) * state, state);
        NAME(fetch)((REAL *)inner + (before.layer * work->of_layer + before.replica) * hidden, hidden);
        REAL *x = (REAL *)states + (at.layer * work->of_layer + at.replica) * state;
        REAL *z = (REAL *)inner + (at.layer * work->of_layer + at.replica) * hidden;
        NAME(step_back)(work, at, x, z, (REAL *)g + at.replica * state, scratch, n);
    }
}

/* States alone: (layers + 1, r, d, n), or without `all` (r, d, n), each in the place of the one before. */
static PROCESSOR void NAME(run)(const struct work *work, void *states, int all, void *inner) {
    ptrdiff_t n = work->inputs, state = work->width * n, next = all ? work->of_layer * state : 0;
    for (ptrdiff_t k = 0; k < work->replicas * work->layers; k++) {
        struct place at = place(work, k);
        REAL *x = (REAL *)states + at.layer * next + at.replica * state;
        NAME(step)(work, at, x, inner, x + next, NULL, n, 0);
    }
}

static PROCESSOR void NAME(functions)(enum activation activation, const void *z, void *value, void *slope,
                                      ptrdiff_t count) {
    NAME(differentiate)(activation, z, value, slope, count);
}

static const struct passes NAME(passes) = {NAME(advance), NAME(pull_back), NAME(run), NAME(functions)};

#undef VECTOR
#undef BITS
#undef LAYER
#undef GRADIENT
#undef EACH
#undef FOR_EACH_ACTIVATION
#undef AT
#undef OF
#undef TILE
#undef TILES_OF_WIDTH
#undef ALWAYS_INLINE
