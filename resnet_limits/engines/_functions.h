/* Activations of vectors: phi and phi', without a branch, from polynomials of our own.

   Included once a precision and kind of processor, inside `_layers.h`. Errors are relative, in units of 2^-52 or 2^-23,
   and measured over the whole range by `tests/networks/test_compiled_functions.py`. */

/* Lanes of `mask` from a, the others from b. */
static ALWAYS_INLINE VECTOR NAME(chosen)(BITS mask, VECTOR a, VECTOR b) {
    return (VECTOR)((mask & (BITS)a) | (~mask & (BITS)b));
}

static ALWAYS_INLINE VECTOR NAME(all)(REAL value) { return value - (VECTOR){0}; }

static ALWAYS_INLINE VECTOR NAME(magnitude)(VECTOR z) { return (VECTOR)((BITS)z & ~SIGN); }

static ALWAYS_INLINE VECTOR NAME(with_sign)(VECTOR t, VECTOR z) { return (VECTOR)((BITS)t | ((BITS)z & SIGN)); }

/* At most `most`; nan stays. */
static ALWAYS_INLINE VECTOR NAME(at_most)(VECTOR z, REAL most) {
    return NAME(chosen)((BITS)(z > NAME(all)(most)), NAME(all)(most), z);
}

/* exp(y + rest) = scale (1 + p), scale a power of two, |log(1 + p)| <= log(2)/2; `rest` is what y was rounded by. */
static ALWAYS_INLINE VECTOR NAME(exp_less_1)(VECTOR y, VECTOR rest, VECTOR *scale) {
    VECTOR shifted = y * NAME(all)(LOG2_E) + NAME(all)(ROUNDING);
    VECTOR n = shifted - NAME(all)(ROUNDING);
    VECTOR r = (y - n * NAME(all)(LOG_2_HIGH)) - n * NAME(all)(LOG_2_LOW) + rest;
    VECTOR q = NAME(all)(EXP[EXP_TERMS - 1]);
    UNROLLED
    for (int i = EXP_TERMS - 2; i >= 0; i--)
        q = q * r + NAME(all)(EXP[i]);
    *scale = (VECTOR)(((BITS)shifted << MANTISSA) + (BITS)NAME(all)(1));
    return r + r * r * q;
}

/* tanh z = t/(t + 2), t = exp(2|z|) - 1; tanh' = 4 (t + 1)/(t + 2)^2. */
static ALWAYS_INLINE void NAME(tanh)(VECTOR z, VECTOR *value, VECTOR *slope) {
    VECTOR scale, two = NAME(all)(2), one = NAME(all)(1);
    VECTOR y = two * NAME(at_most)(NAME(magnitude)(z), LARGEST_EXPONENT / 2);
    VECTOR p = NAME(exp_less_1)(y, (VECTOR){0}, &scale);
    VECTOR t = scale * p + (scale - one);
    VECTOR inverse = one / (t + two), a = t * inverse;
    a += (t - a * (t + two)) * inverse;
    *value = NAME(with_sign)(a, z);
    *slope = NAME(all)(4) * ((t + one) * inverse) * inverse;
}

/* z s, s = 1/(1 + exp(-z)); (z s)' = s (1 + z (1 - s)). Where exp(-|z|) is cut off, |z| is, too. */
static ALWAYS_INLINE void NAME(swish)(VECTOR z, VECTOR *value, VECTOR *slope) {
    VECTOR scale, one = NAME(all)(1);
    VECTOR t = NAME(at_most)(NAME(magnitude)(z), LARGEST_EXPONENT), p = NAME(exp_less_1)(-t, (VECTOR){0}, &scale);
    VECTOR e = scale * p + scale, inverse = one / (one + e), rest = e * inverse;
    BITS negative = (BITS)(z < (VECTOR){0});
    VECTOR s = NAME(chosen)(negative, rest, inverse), other = NAME(chosen)(negative, inverse, rest);
    *value = NAME(chosen)(negative, -t, z) * s;
    *slope = s * (one + NAME(with_sign)(t, z) * other);
}

/* z F(z), F the distribution function of a standard normal; (z F)' = F + z exp(-z^2/2)/sqrt(2 pi).

   F(-t) = exp(-t^2/2) P(w)/(1 + sqrt(2) t), w = (t - 5)/(t + 5), for t >= 0: P is a polynomial of low degree (after
   Shepherd & Laframboise 1981). z^2 is split in two, so that its rounding is not multiplied by z^2. */
static ALWAYS_INLINE void NAME(gelu)(VECTOR z, VECTOR *value, VECTOR *slope) {
    VECTOR scale, one = NAME(all)(1), half = NAME(all)((REAL)0.5), five = NAME(all)(5);
    VECTOR t = NAME(at_most)(NAME(magnitude)(z), LARGEST_NORMAL);
    VECTOR high = (VECTOR)((BITS)t & HIGH_HALF);
    VECTOR y = -half * high * high, rest = -half * ((t - high) * (t + high));
    VECTOR p = NAME(exp_less_1)(y, rest, &scale);
    VECTOR e = scale * p + scale;
    VECTOR below = one + NAME(all)(SQRT_2) * t, inverse = one / ((t + five) * below);
    VECTOR w = (t - five) * below * inverse;
    VECTOR P = NAME(all)(TAIL[TAIL_TERMS - 1]);
    UNROLLED
    for (int i = TAIL_TERMS - 2; i >= 0; i--)
        P = P * w + NAME(all)(TAIL[i]);
    VECTOR tail = e * (P * ((t + five) * inverse));
    BITS negative = (BITS)(z < (VECTOR){0});
    VECTOR F = NAME(chosen)(negative, tail, one - tail);
    *value = NAME(chosen)(negative, -t, z) * F;
    *slope = F + NAME(with_sign)(t, z) * e * NAME(all)(DENSITY_AT_0);
}

/* max(z, 0), with slope 0 at 0; nan stays. */
static ALWAYS_INLINE void NAME(relu)(VECTOR z, VECTOR *value, VECTOR *slope) {
    BITS off = (BITS)(z <= (VECTOR){0});
    *value = NAME(chosen)(off, (VECTOR){0}, z);
    *slope = NAME(chosen)(off, (VECTOR){0}, NAME(all)(1));
}

static ALWAYS_INLINE void NAME(phi)(const enum activation activation, VECTOR z, VECTOR *value, VECTOR *slope) {
    switch (activation) {
    case TANH:
        NAME(tanh)(z, value, slope);
        break;
    case SWISH:
        NAME(swish)(z, value, slope);
        break;
    case GELU:
        NAME(gelu)(z, value, slope);
        break;
    case RELU:
        NAME(relu)(z, value, slope);
        break;
    case IDENTITY:
        *value = z;
        *slope = NAME(all)(1);
        break;
    }
}
