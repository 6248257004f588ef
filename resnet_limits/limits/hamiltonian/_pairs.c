/* Right-hand side of a Hamiltonian flow by the Gaussian kernel, and its derivative, in one pass over the pairs of points:
   no matrix is made. `_pairs.h` has the loops; here are the checks that arrays have the shapes which they take for
   granted. */

#include "../../engines/_numbers.h"

#define MOST_COORDINATES 16

/* Points q (n, d), momenta P (n, k), a tangent of both, and what is computed of them; scaled = 1/l^2. */
struct points {
    const double *q, *P, *u, *v;
    double *velocity, *rate;
    ptrdiff_t n;
    int d, k;
    double scaled;
};

struct sums {
    void (*both)(const struct points *);
    void (*tangent)(const struct points *);
};

#define KERNEL "../limits/hamiltonian/_pairs.h" /* from the folder of what includes it */
#include "../../engines/_processors.h"

static const struct processor {
    const char *name;
    int (*is_this)(void);
    const struct sums *sums;
} PROCESSORS[] = {
#if defined(__x86_64__)
    {"x86-64-v4", is_v4, &sums_double_v4},
    {"x86-64-v3", is_v3, &sums_double_v3},
#endif
    {"any", is_any, &sums_double_any},
};

#define MOST_ARRAYS 6

/* Arrays of a call, all given back at one place. */
struct call {
    Py_buffer views[MOST_ARRAYS];
    int held;
    const struct sums *sums;
};

static void give_back(struct call *call) {
    while (call->held)
        PyBuffer_Release(&call->views[--call->held]);
}

/* Arrays of float64 without gaps, with so many dimensions; those from `first_written` on are written. */
static int arrays(struct call *call, PyObject *const *objects, int count, const int *dimensions, int first_written) {
    for (; call->held < count; call->held++) {
        Py_buffer *view = &call->views[call->held];
        int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (call->held >= first_written ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(objects[call->held], view, flags) < 0)
            return 0;
        if (view->ndim != dimensions[call->held] || strcmp(view->format ? view->format : "B", "d") ||
            (uintptr_t)view->buf % sizeof(double)) {
            PyErr_Format(PyExc_ValueError, "array %d: float64 of %d dimensions is expected", call->held,
                         dimensions[call->held]);
            PyBuffer_Release(view);
            return 0;
        }
    }
    return 1;
}

static int same_shape(const struct call *call, int a, int b) {
    const Py_buffer *one = &call->views[a], *other = &call->views[b];
    if (one->ndim == other->ndim && !memcmp(one->shape, other->shape, (size_t)one->ndim * sizeof *one->shape))
        return 1;
    PyErr_Format(PyExc_ValueError, "arrays %d and %d are expected to have one shape", a, b);
    return 0;
}

/* The processor by its name, and the sizes of q and P, the first two arrays. */
static int prepared(struct call *call, struct points *points, const char *name) {
    const Py_ssize_t *q = call->views[0].shape, *P = call->views[1].shape;
    for (int i = 0; i < COUNT(PROCESSORS) && !call->sums; i++)
        if (!strcmp(name, PROCESSORS[i].name) && PROCESSORS[i].is_this())
            call->sums = PROCESSORS[i].sums;
    if (!call->sums || q[0] != P[0] || q[1] > MOST_COORDINATES || P[1] > MOST_COORDINATES) {
        PyErr_Format(PyExc_ValueError, "processor=%s, points (%zd, %zd), momenta (%zd, %zd): there is no compiled form",
                     name, q[0], q[1], P[0], P[1]);
        return 0;
    }
    points->q = call->views[0].buf;
    points->P = call->views[1].buf;
    points->n = q[0];
    points->d = (int)q[1];
    points->k = (int)P[1];
    return 1;
}

static PyObject *both(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct points points = {.n = 0};
    const char *name;
    PyObject *objects[4], *result = NULL;
    if (!PyArg_ParseTuple(arguments, "sdOOOO", &name, &points.scaled, &objects[0], &objects[1], &objects[2],
                          &objects[3]))
        return NULL;
    if (arrays(&call, objects, 4, (const int[]){2, 2, 2, 2}, 2) && prepared(&call, &points, name) &&
        same_shape(&call, 2, 1) && same_shape(&call, 3, 0)) {
        points.velocity = call.views[2].buf;
        points.rate = call.views[3].buf;
        Py_BEGIN_ALLOW_THREADS;
        call.sums->both(&points);
        Py_END_ALLOW_THREADS;
        result = Py_NewRef(Py_None);
    }
    give_back(&call);
    return result;
}

static PyObject *tangent(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct points points = {.n = 0};
    const char *name;
    PyObject *objects[6], *result = NULL;
    if (!PyArg_ParseTuple(arguments, "sdOOOOOO", &name, &points.scaled, &objects[0], &objects[1], &objects[2],
                          &objects[3], &objects[4], &objects[5]))
        return NULL;
    if (arrays(&call, objects, 6, (const int[]){2, 2, 3, 3, 3, 3}, 4) && prepared(&call, &points, name)) {
        const Py_buffer *u = &call.views[2], *v = &call.views[3];
        ptrdiff_t of_u = points.n * points.d, of_v = points.n * points.k;
        if (u->shape[0] != v->shape[0] || u->shape[1] != points.n || v->shape[1] != points.n ||
            u->shape[2] != points.d || v->shape[2] != points.k)
            PyErr_SetString(PyExc_ValueError, "tangents (b, n, d) and (b, n, k) of points and momenta are expected");
        else if (same_shape(&call, 4, 3) && same_shape(&call, 5, 2)) {
            Py_BEGIN_ALLOW_THREADS;
            for (ptrdiff_t b = 0; b < u->shape[0]; b++) {
                points.u = (const double *)u->buf + b * of_u;
                points.v = (const double *)v->buf + b * of_v;
                points.velocity = (double *)call.views[4].buf + b * of_v;
                points.rate = (double *)call.views[5].buf + b * of_u;
                call.sums->tangent(&points);
            }
            Py_END_ALLOW_THREADS;
            result = Py_NewRef(Py_None);
        }
    }
    give_back(&call);
    return result;
}

static PyMethodDef methods[] = {
    {"both", both, METH_VARARGS, "both(processor, 1/l^2, q, P, velocity, rate)"},
    {"tangent", tangent, METH_VARARGS, "tangent(processor, 1/l^2, q, P, u, v, d_velocity, d_rate)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_pairs", .m_methods = methods};

PyMODINIT_FUNC PyInit__pairs(void) {
    PyObject *module = PyModule_Create(&definition);
    PyObject *names = module ? PyList_New(0) : NULL;
    for (int i = 0; names && i < COUNT(PROCESSORS); i++) {
        PyObject *name = PROCESSORS[i].is_this() ? PyUnicode_FromString(PROCESSORS[i].name) : NULL;
        if (PyErr_Occurred() || (name && PyList_Append(names, name) < 0))
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    if (!names || PyModule_AddObject(module, "PROCESSORS", names) < 0) {
        Py_XDECREF(names);
        Py_CLEAR(module);
    } else if (PyModule_AddIntConstant(module, "MOST_COORDINATES", MOST_COORDINATES) < 0)
        Py_CLEAR(module);
    return module;
}
