/* A layer of random networks, in one precision for one kind of processor; included by `_walks.c`, as `_layers.h` is by
   `_compiled.c`.

       forward    z = R Z, of tangents dz = R Z;  x + phi(z), u + phi'(z) dz, or a step of Euler and Maruyama
       backward   a = phi'(z) p;  y = n + (a Z^T - n Q^T) Q, n = R_a N;  p + psi'(x) scale y

   R R^T = scale^2 <f_i, f_j> + extra^2 b_i b_j for features f = psi(x), of tangents psi'(x) u with b = 0; R Q the
   vectors (scale f, extra b) themselves, R_a R_a^T = <a_i, a_j>; Z and N independent normals.

   A vector takes `room` numbers of memory, at least d + 1 and a multiple of 64 bytes; of those beyond d, the ones in
   the last register of the d are zero, and no others are read. */

typedef REAL NAME(vector) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef UNSIGNED NAME(bits) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define BITS NAME(bits)
#undef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline)) PROCESSOR

#include "_functions.h"

/* d filled up to a register. */
static ALWAYS_INLINE ptrdiff_t NAME(used)(ptrdiff_t d) { return (d + LANES - 1) / LANES * LANES; }

/* Registers of 16 bytes, of which larger ones are made. */
typedef REAL NAME(part) __attribute__((vector_size(16), aligned(sizeof(REAL)), may_alias));

static ALWAYS_INLINE REAL NAME(total)(VECTOR sum) {
    union {
        VECTOR whole;
        NAME(part) parts[BYTES / 16];
    } halved = {sum};
    UNROLLED
    for (int count = BYTES / 32; count; count /= 2)
        for (int i = 0; i < count; i++)
            halved.parts[i] += halved.parts[i + count];
    REAL total = halved.parts[0][0] + halved.parts[0][1];
    if (sizeof(REAL) == 4)
        total += halved.parts[0][2 % (16 / sizeof(REAL))] + halved.parts[0][3 % (16 / sizeof(REAL))];
    return total;
}

/* <a, b> of `used` numbers, a multiple of LANES. */
static ALWAYS_INLINE REAL NAME(dot)(const REAL *a, const REAL *b, ptrdiff_t used) {
    VECTOR sum = (VECTOR){0}, other = (VECTOR){0};
    ptrdiff_t c = 0;
    for (; c + 2 * LANES <= used; c += 2 * LANES) {
        sum += *(const VECTOR *)(a + c) * *(const VECTOR *)(b + c);
        other += *(const VECTOR *)(a + c + LANES) * *(const VECTOR *)(b + c + LANES);
    }
    if (c < used)
        sum += *(const VECTOR *)(a + c) * *(const VECTOR *)(b + c);
    return NAME(total)(sum + other);
}

/* All lanes that are coordinates, of the register that begins with number c of d. */
static ALWAYS_INLINE BITS NAME(coordinates)(ptrdiff_t c, ptrdiff_t d) {
    BITS lanes;
    UNROLLED
    for (int lane = 0; lane < LANES; lane++)
        lanes[lane] = (UNSIGNED)lane;
    return (BITS)(lanes < (UNSIGNED)(d - c) - (BITS){0});
}

/* R (v, v) in rows of `m`, and Q (v, room), by Gram and Schmidt, each vector twice, of `vectors` (v, room), which are
   first made of size 1 by powers of two: as `span.gram_schmidt`. What is beyond their coordinates is zero. `left` has
   room for one. */
static PROCESSOR void NAME(gram_schmidt)(REAL *R, ptrdiff_t m, REAL *vectors, ptrdiff_t v, ptrdiff_t room, REAL *q,
                                         REAL *left) {
    REAL dust = 8 * (REAL)(v > 2 ? v : 2) * EPSILON;
    for (ptrdiff_t i = 0; i < v; i++) {
        REAL *own = vectors + i * room, *row = R + i * m, largest = 0;
        memset(row, 0, (size_t)v * sizeof(REAL));
        VECTOR most = (VECTOR){0};
        for (ptrdiff_t c = 0; c < room; c += LANES) {
            VECTOR size = NAME(magnitude)(*(const VECTOR *)(own + c));
            most = NAME(chosen)((BITS)(size > most), size, most);
        }
        for (int lane = 0; lane < LANES; lane++)
            largest = most[lane] > largest ? most[lane] : largest;
        int exponent = 0;
        if (largest > 0 && largest - largest == 0) /* finite */
            (void)frexp((double)largest, &exponent);
        /* In two steps: one of all may be beyond the largest number. */
        REAL half = (REAL)ldexp(1.0, -(exponent / 2)), rest_of_it = (REAL)ldexp(1.0, -(exponent - exponent / 2));
        for (ptrdiff_t c = 0; c < room; c += LANES) {
            VECTOR scaled = *(const VECTOR *)(own + c) * NAME(all)(half) * NAME(all)(rest_of_it);
            *(VECTOR *)(own + c) = scaled;
            *(VECTOR *)(left + c) = scaled;
        }
        REAL size = (REAL)sqrt((double)NAME(dot)(own, own, room)), rest = size;
        for (int twice = 0; i && twice < 2; twice++) {
            for (ptrdiff_t j = 0; j < i; j++) {
                const REAL *direction = q + j * room;
                REAL along = NAME(dot)(direction, left, room);
                for (ptrdiff_t c = 0; c < room; c += LANES)
                    *(VECTOR *)(left + c) -= NAME(all)(along) * *(const VECTOR *)(direction + c);
                row[j] += along;
            }
            rest = (REAL)sqrt((double)NAME(dot)(left, left, room));
        }
        if (rest <= dust * size && size - size == 0)
            rest = 0;
        row[i] = rest;
        REAL inverse = rest > 0 ? 1 / rest : 0;
        for (ptrdiff_t c = 0; c < room; c += LANES)
            *(VECTOR *)(q + i * room + c) = *(const VECTOR *)(left + c) * NAME(all)(inverse);
        for (ptrdiff_t j = 0; i && rest == 0 && j < i; j++)
            if (!memcmp(own, vectors + j * room, (size_t)room * sizeof(REAL))) {
                /* the exponents are the same: so are the rows, which are put back to size below */
                memcpy(row, R + j * m, (size_t)v * sizeof(REAL));
                exponent = 0;
                break;
            }
        for (ptrdiff_t c = 0; exponent && c < v; c++)
            row[c] = (REAL)ldexp((double)row[c], exponent);
    }
}

/* R (v, v) in rows of `m` by Cholesky where that loses no digits that matter, as `span.triangle` says; 0 where it does.
   Of the vectors (scale f_i, extra_i), f_i of `used` numbers. */
static PROCESSOR int NAME(cholesky)(REAL *R, ptrdiff_t m, REAL *const *f, const REAL *extra, ptrdiff_t v, ptrdiff_t used,
                                    REAL scale) {
    for (ptrdiff_t i = 0; i < v; i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            R[i * m + j] = NAME(dot)(f[i], f[j], used) * (scale * scale) + extra[i] * extra[j];
    for (ptrdiff_t i = 0; i < v; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            REAL square = R[i * m + j], sum = square;
            for (ptrdiff_t c = 0; c < j; c++)
                sum -= R[i * m + c] * R[j * m + c];
            if (j < i) {
                R[i * m + j] = sum / R[j * m + j];
                R[j * m + i] = 0;
            } else {
                REAL least = square > SMALLEST_SQUARE ? square : SMALLEST_SQUARE;
                if (!(sum > least * THIRD_OF_DIGITS) || sum - sum != 0)
                    return 0;
                R[i * m + i] = (REAL)sqrt((double)sum);
            }
        }
    }
    return 1;
}

/* The vectors (scale f_i, extra_i), (v, room). */
static PROCESSOR void NAME(augmented)(REAL *into, REAL *const *f, const REAL *extra, ptrdiff_t v, ptrdiff_t d,
                                      ptrdiff_t room, REAL scale) {
    for (ptrdiff_t i = 0; i < v; i++) {
        REAL *row = into + i * room;
        for (ptrdiff_t c = 0; c < d; c++)
            row[c] = scale * f[i][c];
        row[d] = extra[i];
        for (ptrdiff_t c = d + 1; c < room; c++)
            row[c] = 0;
    }
}

/* R (v, m) of a layer; Q as well where it is `kept`. */
static PROCESSOR void NAME(factor)(const struct walk *walk, struct scratch *s) {
    ptrdiff_t v = walk->vectors, d = walk->width, m = walk->basis;
    REAL scale = (REAL)walk->scale, *R = s->triangle, *extra = s->extra;
    REAL *const *f = (REAL *const *)s->rows;
    for (ptrdiff_t i = 0; i < v; i++)
        extra[i] = (REAL)(walk->extra * walk->biased[i]);
    if (walk->many)
        for (ptrdiff_t i = 0; i < v; i++) {
            for (ptrdiff_t c = 0; c < d; c++)
                R[i * m + c] = scale * f[i][c];
            R[i * m + d] = extra[i];
        }
    else if (walk->kept || !NAME(cholesky)(R, m, f, extra, v, NAME(used)(d), scale)) {
        NAME(augmented)(s->vectors, f, extra, v, d, walk->room, scale);
        NAME(gram_schmidt)(R, m, s->vectors, v, walk->room, s->basis, s->left);
    }
}

#define FOR_EACH_ACTIVATION(activation, DO) \
    switch (activation) {                   \
        DO(TANH)                            \
        DO(SWISH)                           \
        DO(GELU)                            \
        DO(RELU)                            \
        DO(IDENTITY)                        \
    }

/* psi(x) of one state, psi'(x) u of its m tangents, which are `apart` numbers behind it and one another's `room`. */
static ALWAYS_INLINE void NAME(feature)(const enum activation psi, const REAL *x, const REAL *u, REAL *f, REAL *df,
                                        REAL *slopes, ptrdiff_t m, ptrdiff_t room, ptrdiff_t used) {
    for (ptrdiff_t c = 0; c < used; c += LANES) {
        VECTOR slope;
        NAME(phi)(psi, *(const VECTOR *)(x + c), (VECTOR *)(f + c), &slope);
        if (slopes)
            *(VECTOR *)(slopes + c) = slope;
        for (ptrdiff_t t = 0; t < m; t++)
            *(VECTOR *)(df + t * room + c) = slope * *(const VECTOR *)(u + t * room + c);
    }
}

/* `rows`: what the weights act on, of the vectors x (v, room); `slopes` (n, room) get psi'(x), unless psi is the
   identity. */
static PROCESSOR void NAME(features)(const struct walk *walk, const REAL *x, REAL *slopes, struct scratch *s) {
    ptrdiff_t n = walk->inputs, m = walk->tangents, room = walk->room, used = NAME(used)(walk->width), first = 0;
    const REAL **rows = (const REAL **)s->rows;
    for (ptrdiff_t w = 0; w < walk->walkers; w++, first += n * (1 + m)) {
        int same = walk->walker[w].psi == IDENTITY;
        REAL *to = (REAL *)s->features + first * room;
        const REAL *of = x + first * room;
        for (ptrdiff_t i = 0; i < n * (1 + m); i++)
            rows[first + i] = (same ? of : to) + i * room;
        for (ptrdiff_t i = 0; !same && i < n; i++) {
            const REAL *u = of + (n + i * m) * room;
            REAL *f = to + i * room, *df = to + (n + i * m) * room, *slope = slopes ? slopes + i * room : NULL;
#define FEATURE(which)                                                            \
    case which:                                                                   \
        NAME(feature)(which, of + i * room, u, f, df, slope, m, room, used); \
        break;
            FOR_EACH_ACTIVATION(walk->walker[w].psi, FEATURE)
#undef FEATURE
        }
    }
}

/* sum_j R_j Z_j from number c on, the rows of Z of d numbers. */
static ALWAYS_INLINE VECTOR NAME(combined)(const REAL *R, ptrdiff_t terms, const REAL *Z, ptrdiff_t d) {
    VECTOR sum = NAME(all)(R[0]) * *(const VECTOR *)Z;
    for (ptrdiff_t j = 1; j < terms; j++)
        sum += NAME(all)(R[j]) * *(const VECTOR *)(Z + j * d);
    return sum;
}

/* How one state and its tangents are moved: rows i, and `along` of the first tangent, of states, factor and sums. */
struct NAME(move) {
    const REAL *x, *u, *Z, *R, *R_along;
    REAL *next, *next_along, *sums, *sums_along, *z, *drifts;
    ptrdiff_t terms, terms_along; /* of a triangle's rows; each tangent has one more than the one before */
    int fresh, complete;
};

static ALWAYS_INLINE void NAME(moved)(const enum activation phi, const struct walk *walk, const struct walker *walker,
                                      const struct NAME(move) *move) {
    ptrdiff_t d = walk->width, room = walk->room, used = NAME(used)(d), m = walk->basis, more = !walk->many;
    for (ptrdiff_t c = 0; c < used; c += LANES) {
        BITS keep = NAME(coordinates)(c, d);
        VECTOR z = NAME(combined)(move->R, move->terms, move->Z + c, d), value, slope;
        if (!move->fresh)
            z += *(const VECTOR *)(move->sums + c);
        z = (VECTOR)((BITS)z & keep);
        if (move->z)
            *(VECTOR *)(move->z + c) = z;
        if (!move->complete)
            *(VECTOR *)(move->sums + c) = z;
        else if (walker->diffuses) {
            slope = NAME(all)((REAL)walker->slope);
            value = slope * z + (VECTOR)((BITS)NAME(all)(move->drifts[0]) & keep);
        } else
            NAME(phi)(phi, z, &value, &slope);
        if (move->complete)
            *(VECTOR *)(move->next + c) = *(const VECTOR *)(move->x + c) + value;
        for (ptrdiff_t t = 0; t < walk->tangents; t++) {
            VECTOR dz = NAME(combined)(move->R_along + t * m, move->terms_along + t * more, move->Z + c, d);
            if (!move->fresh)
                dz += *(const VECTOR *)(move->sums_along + t * room + c);
            dz = (VECTOR)((BITS)dz & keep);
            if (!move->complete) {
                *(VECTOR *)(move->sums_along + t * room + c) = dz;
                continue;
            }
            VECTOR change = slope * dz;
            if (walker->diffuses)
                change += (VECTOR)((BITS)NAME(all)(move->drifts[1 + t]) & keep);
            *(VECTOR *)(move->next_along + t * room + c) = *(const VECTOR *)(move->u + t * room + c) + change;
        }
    }
}

/* Layer k of one replica: x (v, room) to `next`, which may be x; z (n, room) are kept where there is room for them. */
static PROCESSOR void NAME(step)(const struct walk *walk, ptrdiff_t k, const REAL *x, REAL *next, REAL *sums, REAL *z,
                                 const REAL *Z, struct scratch *s) {
    ptrdiff_t n = walk->inputs, m = walk->tangents, room = walk->room, first = 0, basis = walk->basis;
    REAL *R = s->triangle, *drifts = s->drifts, *const *f = (REAL *const *)s->rows;
    NAME(features)(walk, x, NULL, s);
    NAME(factor)(walk, s);
    for (ptrdiff_t w = 0; w < walk->walkers; w++, first += n * (1 + m)) {
        const struct walker *walker = walk->walker + w;
        for (ptrdiff_t i = 0; i < n; i++) {
            ptrdiff_t own = first + i, along = first + n + i * m, used = NAME(used)(walk->width);
            struct NAME(move) move = {
                .x = x + own * room,
                .u = x + along * room,
                .Z = Z,
                .R = R + own * basis,
                .R_along = R + along * basis,
                .next = next + own * room,
                .next_along = next + along * room,
                .sums = sums ? sums + own * room : NULL,
                .sums_along = sums ? sums + along * room : NULL,
                .z = z ? z + i * room : NULL,
                .drifts = drifts,
                .terms = walk->many ? basis : own + 1,
                .terms_along = walk->many ? basis : along + 1,
                .fresh = k % walker->every == 0,
                .complete = (k + 1) % walker->every == 0,
            };
            if (walker->diffuses) {
                REAL rate = (REAL)walker->drift_of_features;
                drifts[0] = (REAL)walker->drift + (rate == 0 ? 0 : rate * NAME(dot)(f[own], f[own], used));
                for (ptrdiff_t t = 0; t < m; t++)
                    drifts[1 + t] = rate == 0 ? 0 : 2 * rate * NAME(dot)(f[own], f[along + t], used);
            }
#define MOVE(which)                              \
    case which:                                  \
        NAME(moved)(which, walk, walker, &move); \
        break;
            FOR_EACH_ACTIVATION(walker->phi, MOVE)
#undef MOVE
        }
    }
}

/* Layers of `count` replicas from number `replica` on; their normals of a layer are made together. */
static PROCESSOR void NAME(advance)(const struct walk *walk, ptrdiff_t replica, ptrdiff_t count,
                                    const struct arrays *arrays, struct scratch *s) {
    ptrdiff_t size = walk->vectors * walk->room, of_z = walk->inputs * walk->room;
    ptrdiff_t numbers = walk->basis * walk->width;
    for (ptrdiff_t layer = 0; layer < walk->layers; layer++) {
        fill_rows(walk, walk->key, replica, count, numbers, walk->first + layer, s->normals, sizeof(REAL) == 4);
        for (ptrdiff_t i = 0; i < count; i++) {
            ptrdiff_t at = replica + i;
            REAL *x = (REAL *)arrays->states + (walk->kept ? layer * arrays->replicas + at : at) * size;
            REAL *next = walk->kept ? x + arrays->replicas * size : x;
            REAL *sums = walk->kept ? NULL : (REAL *)arrays->sums + at * size;
            REAL *z = walk->kept ? (REAL *)arrays->z + (layer * arrays->replicas + at) * of_z : NULL;
            NAME(step)(walk, walk->first + layer, x, next, sums, z, (const REAL *)s->normals + i * numbers, s);
        }
    }
}

/* One layer's images of vectors (v, room), each replica's into the same place of `sums`. */
static PROCESSOR void NAME(act)(const struct walk *walk, ptrdiff_t replica, ptrdiff_t count, const struct arrays *arrays,
                                struct scratch *s) {
    ptrdiff_t v = walk->vectors, d = walk->width, room = walk->room, numbers = walk->basis * d, m = walk->basis;
    fill_rows(walk, walk->key, replica, count, numbers, walk->first, s->normals, sizeof(REAL) == 4);
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL *f = (REAL *)arrays->states + (replica + i) * v * room, *to = (REAL *)arrays->sums + (replica + i) * v * room;
        for (ptrdiff_t j = 0; j < v; j++)
            s->rows[j] = f + j * room;
        NAME(factor)(walk, s);
        for (ptrdiff_t j = 0; j < v; j++)
            for (ptrdiff_t c = 0; c < NAME(used)(d); c += LANES)
                *(VECTOR *)(to + j * room + c) =
                    NAME(combined)((REAL *)s->triangle + j * m, walk->many ? m : j + 1,
                                   (const REAL *)s->normals + i * numbers + c, d);
    }
}

/* a = phi'(z) p of n states, 0 beyond the coordinates. */
static ALWAYS_INLINE void NAME(through)(const enum activation phi, const REAL *z, const REAL *p, REAL *a, ptrdiff_t d) {
    for (ptrdiff_t c = 0; c < NAME(used)(d); c += LANES) {
        VECTOR value, slope;
        NAME(phi)(phi, *(const VECTOR *)(z + c), &value, &slope);
        *(VECTOR *)(a + c) = (VECTOR)((BITS)(slope * *(const VECTOR *)(p + c)) & NAME(coordinates)(c, d));
    }
}

/* y_i = W^T a_i over `scale`, given Q and Z = W Q^T of the forward pass: n + (a Z^T - n Q^T) Q, n = R_a N. */
static PROCESSOR void NAME(transposed)(const struct walk *walk, const REAL *Z, const REAL *fresh, struct scratch *s) {
    ptrdiff_t n = walk->inputs, d = walk->width, room = walk->room, used = NAME(used)(d), v = walk->basis;
    REAL *a = s->costates, *y = s->back, *Ra = s->of_costates, *known = s->known, *q = s->basis;
    if (walk->many) { /* Q = I: all of W is known */
        for (ptrdiff_t i = 0; i < n; i++)
            for (ptrdiff_t c = 0; c < d; c++)
                y[i * room + c] = NAME(dot)(a + i * room, Z + c * d, used);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        ((REAL **)s->rows)[i] = a + i * room;
        ((REAL *)s->extra)[i] = 0;
    }
    if (!NAME(cholesky)(Ra, n, (REAL *const *)s->rows, s->extra, n, used, 1)) {
        NAME(augmented)(s->other_vectors, (REAL *const *)s->rows, s->extra, n, d, room, 1);
        NAME(gram_schmidt)(Ra, n, s->other_vectors, n, room, s->other_basis, s->left);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL *row = y + i * room;
        for (ptrdiff_t c = 0; c < room; c += LANES)
            *(VECTOR *)(row + c) = (VECTOR)((BITS)NAME(combined)(Ra + i * n, i + 1, fresh + c, d + 1) &
                                            NAME(coordinates)(c, d + 1));
        for (ptrdiff_t j = 0; j < v; j++)
            known[j] = NAME(dot)(a + i * room, Z + j * d, used) - NAME(dot)(row, q + j * room, room);
        for (ptrdiff_t c = 0; c < used; c += LANES) {
            VECTOR sum = *(const VECTOR *)(row + c);
            for (ptrdiff_t j = 0; j < v; j++)
                sum += NAME(all)(known[j]) * *(const VECTOR *)(q + j * room + c);
            *(VECTOR *)(row + c) = sum;
        }
    }
}

/* Layer k of one replica backward: p (n, room) behind it to `before`, and the norms of dJ/dW_k and dJ/db_k. */
static PROCESSOR void NAME(step_back)(const struct walk *walk, const REAL *x, const REAL *z, const REAL *p,
                                      REAL *before, REAL *weights, REAL *biases, const REAL *Z, const REAL *fresh,
                                      struct scratch *s) {
    ptrdiff_t n = walk->inputs, d = walk->width, room = walk->room, used = NAME(used)(d);
    const struct walker *walker = walk->walker;
    REAL *a = s->costates, *slopes = s->slopes, *y = s->back, *left = s->left, squares = 0;
    NAME(features)(walk, x, slopes, s);
    const REAL *f = ((const REAL **)s->rows)[0]; /* of the n states, one after the other */
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *of = p + i * room;
        REAL *to = a + i * room;
        if (walker->diffuses)
            for (ptrdiff_t c = 0; c < used; c += LANES)
                *(VECTOR *)(to + c) = NAME(all)((REAL)walker->slope) * *(const VECTOR *)(of + c);
        else {
#define THROUGH(which)                                  \
    case which:                                         \
        NAME(through)(which, z + i * room, of, to, d); \
        break;
            FOR_EACH_ACTIVATION(walker->phi, THROUGH)
#undef THROUGH
        }
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t j = 0; j <= i; j++)
            squares += (i == j ? 1 : 2) * NAME(dot)(a + i * room, a + j * room, used) *
                       NAME(dot)(f + i * room, f + j * room, used);
    *weights = squares > 0 ? (REAL)sqrt((double)squares) : squares - squares; /* 0; nan stays */
    for (ptrdiff_t c = 0; c < used; c += LANES) {
        VECTOR sum = *(const VECTOR *)(a + c);
        for (ptrdiff_t i = 1; i < n; i++)
            sum += *(const VECTOR *)(a + i * room + c);
        *(VECTOR *)(left + c) = sum;
    }
    *biases = (REAL)sqrt((double)NAME(dot)(left, left, used));
    if (!walk->many)
        NAME(factor)(walk, s);
    NAME(transposed)(walk, Z, fresh, s);
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *of = p + i * room;
        VECTOR sum = (VECTOR){0};
        for (ptrdiff_t c = 0; walker->diffuses && c < used; c += LANES)
            sum += *(const VECTOR *)(of + c);
        REAL drift = walker->diffuses ? 2 * (REAL)walker->drift_of_features * NAME(total)(sum) : 0;
        for (ptrdiff_t c = 0; c < used; c += LANES) {
            VECTOR back = NAME(all)((REAL)walk->scale) * *(const VECTOR *)(y + i * room + c);
            if (walker->diffuses)
                back += NAME(all)(drift) * *(const VECTOR *)(f + i * room + c);
            if (walker->psi != IDENTITY)
                back *= *(const VECTOR *)(slopes + i * room + c);
            back = (VECTOR)((BITS)back & NAME(coordinates)(c, d));
            *(VECTOR *)(before + i * room + c) = *(const VECTOR *)(of + c) + back;
        }
    }
}

/* The same layers, the last one first. */
static PROCESSOR void NAME(pull_back)(const struct walk *walk, ptrdiff_t replica, ptrdiff_t count,
                                      const struct arrays *arrays, struct scratch *s) {
    ptrdiff_t size = walk->vectors * walk->room, of_z = walk->inputs * walk->room, all = arrays->replicas;
    ptrdiff_t numbers = walk->basis * walk->width, more = walk->many ? 0 : walk->inputs * (walk->width + 1);
    for (ptrdiff_t layer = walk->layers - 1; layer >= 0; layer--) {
        ptrdiff_t k = walk->first + layer;
        fill_rows(walk, walk->key, replica, count, numbers, k, s->normals, sizeof(REAL) == 4);
        fill_rows(walk, walk->key_back, replica, count, more, k, s->fresh, sizeof(REAL) == 4);
        for (ptrdiff_t i = 0; i < count; i++) {
            ptrdiff_t at = replica + i, here = layer * all + at;
            REAL *costates = arrays->costates;
            const REAL *p = layer == walk->layers - 1 ? (const REAL *)arrays->p + at * of_z : costates + (here + all) * of_z;
            NAME(step_back)(walk, (const REAL *)arrays->states + here * size, (const REAL *)arrays->z + here * of_z, p,
                            costates + here * of_z, (REAL *)arrays->weights + here, (REAL *)arrays->biases + here,
                            (const REAL *)s->normals + i * numbers, (const REAL *)s->fresh + i * more, s);
        }
    }
}

static const struct walks NAME(walks) = {NAME(advance), NAME(act), NAME(pull_back)};

#undef FOR_EACH_ACTIVATION
#undef VECTOR
#undef BITS
#undef ALWAYS_INLINE
