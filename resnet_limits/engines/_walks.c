/* Walks of random networks: normals, their factor, activation and step of a replica's layer, one replica through many
   layers, in memory that stays in the first cache.

   Normals are those of `random/_normals.h` bit for bit: compile with -ffp-contract=off. */

#include "_numbers.h"

#include "../random/_normals.h"

struct walk {
    const enum activation *phi, *psi; /* of each walker */
    const int *every;                 /* layers of the deepest in one of its own */
    ptrdiff_t walkers, inputs, width, room, basis, first, layers;
    int many; /* the basis is that of all coordinates: R are the vectors */
    double scale, extra;
    uint64_t key[2], first_replica, replicas_a_block;
};

/* Of a replica: features (v, room), R (v, m), normals (m, d), one vector, and for Gram and Schmidt (v, d + 1) twice and
   (d + 1). */
struct scratch {
    void *features, *triangle, *normals, *increment, *basis, *own, *left;
};

struct walks {
    void (*walk_of_replica)(const struct walk *, ptrdiff_t replica, void *states, void *sums, struct scratch *);
};

#define KERNEL "_walk.h"
#include "_processors.h"

static const struct processor {
    const char *name;
    int (*is_this)(void);
    const struct walks *single, *double_;
} PROCESSORS[] = {
#if defined(__x86_64__)
    {"x86-64-v4", is_v4, &walks_single_v4, &walks_double_v4},
    {"x86-64-v3", is_v3, &walks_single_v3, &walks_double_v3},
#endif
    {"any", is_any, &walks_single_any, &walks_double_any},
};

/* Activations from a tuple of names. */
static int activations(PyObject *names, enum activation *into, ptrdiff_t count) {
    if (!PyTuple_Check(names) || PyTuple_GET_SIZE(names) != count) {
        PyErr_SetString(PyExc_ValueError, "an activation for each walker is expected");
        return 0;
    }
    for (ptrdiff_t w = 0; w < count; w++) {
        const char *name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, w));
        int at = 0;
        while (name && at < COUNT(ACTIVATIONS) && strcmp(name, ACTIVATIONS[at]))
            at++;
        if (!name || at == COUNT(ACTIVATIONS)) {
            if (name)
                PyErr_Format(PyExc_ValueError, "activation=%s: there is no compiled form of it", name);
            return 0;
        }
        into[w] = (enum activation)at;
    }
    return 1;
}

static int depths(PyObject *every, int *into, ptrdiff_t count) {
    for (ptrdiff_t w = 0; w < count; w++) {
        long layers = PyTuple_Check(every) && PyTuple_GET_SIZE(every) == count
                          ? PyLong_AsLong(PyTuple_GET_ITEM(every, w))
                          : 0;
        if (layers < 1 || layers > INT32_MAX) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_ValueError, "a number of layers above 0 is expected for each walker");
            return 0;
        }
        into[w] = (int)layers;
    }
    return 1;
}

#define MOST_WALKERS 64

/* Memory of `numbers` numbers, at a multiple of 64 bytes, from the room that is left. */
static void *taken(char **left, ptrdiff_t numbers, Py_ssize_t item) {
    void *at = *left;
    *left += (numbers * item + 127) / 64 * 64;
    return at;
}

/* The states of all replicas, (r, v, room), without gaps. */
static int states(PyObject *object, Py_buffer *view) {
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) < 0)
        return 0;
    const char *format = view->format ? view->format : "B";
    if (view->ndim == 3 && (!strcmp(format, "f") || !strcmp(format, "d")) && view->shape[2] * view->itemsize % 64 == 0 &&
        (uintptr_t)view->buf % (size_t)view->itemsize == 0)
        return 1;
    PyErr_SetString(PyExc_ValueError, "states are float32 or float64, (r, v, room), room a multiple of 64 bytes");
    PyBuffer_Release(view);
    return 0;
}

/* Whether what is asked for fits the arrays. */
static int fits(const struct walk *walk, const Py_buffer *x, const Py_buffer *sums) {
    int same = x->itemsize == sums->itemsize && !memcmp(x->shape, sums->shape, 3 * sizeof *x->shape);
    if (same && walk->inputs * walk->walkers == x->shape[1] && walk->inputs > 0 && walk->width > 0 &&
        walk->width <= walk->room && walk->room - walk->width < 64 && walk->first >= 0 && walk->layers >= 0 &&
        walk->replicas_a_block)
        return 1;
    PyErr_SetString(PyExc_ValueError, "states, sums, walkers and width do not fit each other");
    return 0;
}

static int walked(const struct walk *walk, const struct walks *walks, const Py_buffer *x, const Py_buffer *sums) {
    ptrdiff_t v = x->shape[1], e = walk->width + 1, room = walk->room, item = x->itemsize;
    ptrdiff_t numbers = v * room + v * walk->basis + walk->basis * walk->width + room + 2 * v * e + e;
    char *memory = calloc((size_t)(numbers * item) + 8 * 192, 1);
    if (!memory) {
        PyErr_NoMemory();
        return 0;
    }
    char *left = memory + (64 - (uintptr_t)memory % 64);
    struct scratch scratch;
    scratch.features = taken(&left, v * room, item);
    scratch.triangle = taken(&left, v * walk->basis, item);
    scratch.increment = taken(&left, room, item);
    scratch.basis = taken(&left, v * e, item);
    scratch.own = taken(&left, v * e, item);
    scratch.left = taken(&left, e, item);
    scratch.normals = taken(&left, walk->basis * walk->width, item); /* and 64 bytes, that are read with the last ones */
    Py_BEGIN_ALLOW_THREADS;
    for (ptrdiff_t replica = 0; replica < x->shape[0]; replica++)
        walks->walk_of_replica(walk, replica, (char *)x->buf + replica * v * room * item,
                               (char *)sums->buf + replica * v * room * item, &scratch);
    Py_END_ALLOW_THREADS;
    free(memory);
    return 1;
}

static PyObject *walk(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer x, sums;
    enum activation phi[MOST_WALKERS], psi[MOST_WALKERS];
    int every[MOST_WALKERS];
    struct walk walk = {.phi = phi, .psi = psi, .every = every};
    const char *name;
    PyObject *phis, *psis, *layers_a_step, *of_x, *of_sums, *result = NULL;
    unsigned long long key0, key1, first_replica, replicas_a_block;
    if (!PyArg_ParseTuple(arguments, "sO!O!O!OOnddKKKKnnp", &name, &PyTuple_Type, &phis, &PyTuple_Type, &psis,
                          &PyTuple_Type, &layers_a_step, &of_x, &of_sums, &walk.width, &walk.scale, &walk.extra, &key0,
                          &key1, &first_replica, &replicas_a_block, &walk.first, &walk.layers, &walk.many))
        return NULL;
    walk.walkers = PyTuple_GET_SIZE(phis);
    walk.key[0] = key0;
    walk.key[1] = key1;
    walk.first_replica = first_replica;
    walk.replicas_a_block = replicas_a_block;
    const struct processor *its = NULL;
    for (int i = 0; i < COUNT(PROCESSORS) && !its; i++)
        its = !strcmp(name, PROCESSORS[i].name) && PROCESSORS[i].is_this() ? &PROCESSORS[i] : NULL;
    if (!its || walk.walkers < 1 || walk.walkers > MOST_WALKERS) {
        PyErr_Format(PyExc_ValueError, "processor=%s with %zd walkers: there is no compiled form", name, walk.walkers);
        return NULL;
    }
    if (!activations(phis, phi, walk.walkers) || !activations(psis, psi, walk.walkers) ||
        !depths(layers_a_step, every, walk.walkers) || !states(of_x, &x))
        return NULL;
    if (states(of_sums, &sums)) {
        walk.inputs = x.shape[1] / walk.walkers;
        walk.room = x.shape[2];
        walk.basis = walk.many ? walk.width + 1 : x.shape[1];
        if (fits(&walk, &x, &sums) &&
            walked(&walk, x.itemsize == sizeof(float) ? its->single : its->double_, &x, &sums))
            result = Py_NewRef(Py_None);
        PyBuffer_Release(&sums);
    }
    PyBuffer_Release(&x);
    return result;
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS,
     "walk(processor, phis, psis, layers_a_step, states, sums, width, scale, extra, key0, key1, first_replica,"
     " replicas_a_block, first, layers, many)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_walks", .m_methods = methods};

PyMODINIT_FUNC PyInit__walks(void) { return PyModule_Create(&definition); }
