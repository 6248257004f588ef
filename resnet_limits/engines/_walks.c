/* Walks of random networks: normals, their factor, activation and step of a replica's layer, and the layer backward, in
   memory that stays in the first cache.

   Normals are those of `random/_normals.h` bit for bit: compile with -ffp-contract=off, which the arithmetic of the
   walks themselves does without. */

#include "_numbers.h"

#include "../random/_normals.h"

/* x + phi(z), or of one that diffuses x + slope z + drift + drift_of_features |psi(x)|^2. */
struct walker {
    enum activation phi, psi;
    int every; /* layers of the deepest in one of its own */
    int diffuses;
    double slope, drift, drift_of_features;
};

struct walk {
    const struct walker *walker;
    const double *biased;                         /* of each vector */
    ptrdiff_t walkers, inputs, tangents, vectors; /* each walker has `inputs` states, then `tangents` of each */
    ptrdiff_t width, room, basis, first, layers;
    int many; /* the basis is that of all coordinates: R are the vectors */
    int kept; /* every layer stays, and has a basis */
    double scale, extra;
    uint64_t key[2], key_back[2], first_replica, replicas_a_block;
};

/* Of all replicas: states (r, v, room) and sums of increments likewise; or, kept, states (layers + 1, r, v, room) and
   pre-activations (layers, r, n, room). Backward p (r, n, room), costates like the pre-activations, norms (layers, r). */
struct arrays {
    ptrdiff_t replicas;
    void *states, *sums, *z, *p, *costates, *weights, *biases;
};

/* Of a layer: vectors (v, room) that the weights act on and where they are, R (v, m), Q (v, room); the same of costates;
   and normals of some replicas. */
struct scratch {
    void *features, *vectors, *basis, *triangle, *extra, *drifts, *left;
    void *slopes, *costates, *back, *of_costates, *known, *other_vectors, *other_basis;
    void *normals, *fresh;
    void **rows;
};

struct walks {
    void (*advance)(const struct walk *, ptrdiff_t replica, ptrdiff_t count, const struct arrays *, struct scratch *);
    void (*act)(const struct walk *, ptrdiff_t replica, ptrdiff_t count, const struct arrays *, struct scratch *);
    void (*pull_back)(const struct walk *, ptrdiff_t replica, ptrdiff_t count, const struct arrays *, struct scratch *);
};

/* `numbers` normals of each of `count` replicas, which are of one block. */
static void fill_rows(const struct walk *walk, const uint64_t *key, ptrdiff_t replica, ptrdiff_t count,
                      ptrdiff_t numbers, ptrdiff_t layer, void *into, int single) {
    uint64_t row = walk->first_replica + (uint64_t)replica, size = (uint64_t)numbers;
    fill_block(into, single, (uint64_t)count, size, 0, row % walk->replicas_a_block * ((size + 1) / 2), (uint64_t)layer,
               row / walk->replicas_a_block, key[0], key[1]);
}

/* Products and sums of the walks may be one operation; those of the normals above are two. */
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
#define KERNEL "_walk.h"
#include "_processors.h"
#if !defined(__clang__)
#pragma GCC pop_options
#endif

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

#define MOST_VECTORS 64
#define BYTES_OF_NORMALS 16384 /* of the replicas whose normals are made together */

/* What is walked, as Python says it. */
struct request {
    struct walk walk;
    struct walker walkers[MOST_VECTORS];
    double biased[MOST_VECTORS];
    const struct processor *processor;
};

/* An activation's number from its name. */
static int activation_of(const char *name, enum activation *into) {
    for (int at = 0; at < COUNT(ACTIVATIONS); at++)
        if (!strcmp(name, ACTIVATIONS[at])) {
            *into = (enum activation)at;
            return 1;
        }
    PyErr_Format(PyExc_ValueError, "activation=%s: there is no compiled form of it", name);
    return 0;
}

static int walker_of(PyObject *tuple, struct walker *into) {
    const char *phi, *psi;
    if (!PyTuple_Check(tuple) || !PyArg_ParseTuple(tuple, "ssipddd", &phi, &psi, &into->every, &into->diffuses,
                                                   &into->slope, &into->drift, &into->drift_of_features)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a walker is (phi, psi, every, diffuses, slope, drift, of features)");
        return 0;
    }
    if (into->every < 1) {
        PyErr_SetString(PyExc_ValueError, "a number of layers above 0 is expected for each walker");
        return 0;
    }
    return activation_of(phi, &into->phi) && activation_of(psi, &into->psi);
}

/* Whether `how` (processor, walkers, biased, inputs, tangents, width, scale, extra, many) and `numbers` (key, key
   backward, first replica, replicas a block, first layer, layers) can be walked; and into `request`. */
static int understood(PyObject *how, PyObject *numbers, struct request *request) {
    struct walk *walk = &request->walk;
    const char *name;
    PyObject *walkers, *biased;
    unsigned long long key0, key1, back0, back1, first_replica, replicas_a_block;
    memset(request, 0, sizeof *request);
    if (!PyArg_ParseTuple(how, "sO!O!nnnddp", &name, &PyTuple_Type, &walkers, &PyTuple_Type, &biased, &walk->inputs,
                          &walk->tangents, &walk->width, &walk->scale, &walk->extra, &walk->many) ||
        !PyArg_ParseTuple(numbers, "(KK)(KK)KKnn", &key0, &key1, &back0, &back1, &first_replica, &replicas_a_block,
                          &walk->first, &walk->layers))
        return 0;
    walk->key[0] = key0;
    walk->key[1] = key1;
    walk->key_back[0] = back0;
    walk->key_back[1] = back1;
    walk->first_replica = first_replica;
    walk->replicas_a_block = replicas_a_block;
    walk->walker = request->walkers;
    walk->biased = request->biased;
    walk->walkers = PyTuple_GET_SIZE(walkers);
    walk->vectors = PyTuple_GET_SIZE(biased);
    for (int i = 0; i < COUNT(PROCESSORS) && !request->processor; i++)
        if (!strcmp(name, PROCESSORS[i].name) && PROCESSORS[i].is_this())
            request->processor = &PROCESSORS[i];
    if (!request->processor || walk->vectors < 1 || walk->vectors > MOST_VECTORS || walk->walkers > MOST_VECTORS) {
        PyErr_Format(PyExc_ValueError, "processor=%s with %zd vectors: there is no compiled form", name, walk->vectors);
        return 0;
    }
    if (walk->width < 1 || walk->width > INT32_MAX || walk->first < 0 || walk->layers < 0 || !walk->replicas_a_block ||
        walk->inputs < 1 || walk->inputs > MOST_VECTORS || walk->tangents < 0 || walk->tangents > MOST_VECTORS) {
        PyErr_SetString(PyExc_ValueError, "width, layers, inputs and blocks are positive numbers");
        return 0;
    }
    for (ptrdiff_t w = 0; w < walk->walkers; w++)
        if (!walker_of(PyTuple_GET_ITEM(walkers, w), request->walkers + w))
            return 0;
    for (ptrdiff_t i = 0; i < walk->vectors; i++)
        request->biased[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(biased, i));
    walk->basis = walk->many ? walk->width + 1 : walk->vectors;
    return !PyErr_Occurred();
}

/* An array without gaps of these shape and numbers, any of them where `shape` is -1 and then written there. */
struct array {
    PyObject *object;
    Py_buffer view;
    int ndim, taken;
    ptrdiff_t shape[4];
};

static int array_of(struct array *array, char *format) {
    if (PyObject_GetBuffer(array->object, &array->view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE | PyBUF_FORMAT) < 0)
        return 0;
    array->taken = 1;
    const char *its = array->view.format ? array->view.format : "B";
    int fits = (!strcmp(its, "f") || !strcmp(its, "d")) && (!*format || *its == *format) &&
               array->view.ndim == array->ndim && (uintptr_t)array->view.buf % (size_t)array->view.itemsize == 0;
    for (int i = 0; fits && i < array->ndim; i++) {
        fits = array->shape[i] < 0 || array->shape[i] == array->view.shape[i];
        array->shape[i] = array->view.shape[i];
    }
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "an array of the walk is not float32 or float64, or does not fit the others");
        return 0;
    }
    *format = *its;
    return 1;
}

/* Whether the room of a vector is that of width + 1 numbers, filled up to 64 bytes. */
static int fits(const struct walk *walk, ptrdiff_t room, char format) {
    ptrdiff_t item = format == 'f' ? (ptrdiff_t)sizeof(float) : (ptrdiff_t)sizeof(double);
    if (room * item == ((walk->width + 1) * item + 63) / 64 * 64)
        return 1;
    PyErr_SetString(PyExc_ValueError, "the room of a vector is that of width + 1 numbers, filled up to 64 bytes");
    return 0;
}

/* Memory of `numbers` numbers, at a multiple of 64 bytes, and 64 bytes, that are read with the last ones; its size in
   bytes where there is none yet. */
static void *taken(char *memory, size_t *used, ptrdiff_t numbers, size_t item) {
    void *at = memory ? memory + *used : NULL;
    *used += ((size_t)numbers * item + 127) / 64 * 64;
    return at;
}

static size_t laid_out(const struct walk *walk, struct scratch *s, char *memory, size_t item, ptrdiff_t replicas) {
    ptrdiff_t v = walk->vectors, n = walk->inputs, room = walk->room, m = walk->basis;
    size_t used = 0;
    s->rows = taken(memory, &used, v + n, sizeof(void *));
    s->features = taken(memory, &used, v * room, item);
    s->vectors = taken(memory, &used, v * room, item);
    s->basis = taken(memory, &used, v * room, item);
    s->triangle = taken(memory, &used, v * m, item);
    s->extra = taken(memory, &used, v + n, item);
    s->drifts = taken(memory, &used, 1 + walk->tangents, item);
    s->left = taken(memory, &used, room, item);
    s->slopes = taken(memory, &used, n * room, item);
    s->costates = taken(memory, &used, n * room, item);
    s->back = taken(memory, &used, n * room, item);
    s->of_costates = taken(memory, &used, n * n, item);
    s->known = taken(memory, &used, m, item);
    s->other_vectors = taken(memory, &used, n * room, item);
    s->other_basis = taken(memory, &used, n * room, item);
    s->normals = taken(memory, &used, replicas * m * walk->width, item);
    s->fresh = taken(memory, &used, replicas * n * (walk->width + 1), item);
    return used;
}

/* All replicas, some at a time, none of two blocks. */
static int done_by(void (*kernel)(const struct walk *, ptrdiff_t, ptrdiff_t, const struct arrays *, struct scratch *),
                   const struct walk *walk, const struct arrays *arrays, char format) {
    size_t item = format == 'f' ? sizeof(float) : sizeof(double);
    ptrdiff_t together = BYTES_OF_NORMALS / (walk->basis * walk->width * (ptrdiff_t)item);
    together = together < 1 ? 1 : together > 16 ? 16 : together;
    struct scratch scratch;
    char *memory = calloc(laid_out(walk, &scratch, NULL, item, together) + 64, 1);
    if (!memory) {
        PyErr_NoMemory();
        return 0;
    }
    (void)laid_out(walk, &scratch, memory + (64 - (uintptr_t)memory % 64) % 64, item, together);
    Py_BEGIN_ALLOW_THREADS;
    for (ptrdiff_t replica = 0, count; replica < arrays->replicas; replica += count) {
        uint64_t row = walk->first_replica + (uint64_t)replica, of_block = walk->replicas_a_block;
        count = arrays->replicas - replica < together ? arrays->replicas - replica : together;
        if ((uint64_t)count > of_block - row % of_block)
            count = (ptrdiff_t)(of_block - row % of_block);
        kernel(walk, replica, count, arrays, &scratch);
    }
    Py_END_ALLOW_THREADS;
    free(memory);
    return 1;
}

/* What a function of Python does with its arrays, which are (how, numbers, *arrays). */
enum deed { WALK, ACT, RECORD, PULL_BACK };
static const int ARRAYS[] = {2, 2, 2, 6};

static PyObject *deed(enum deed deed, PyObject *arguments) {
    struct request request;
    struct walk *walk = &request.walk;
    struct array array[6] = {{0}};
    struct arrays arrays = {0};
    PyObject *how, *numbers, *done = NULL;
    char format = 0;
    if (!PyArg_ParseTuple(arguments, deed == PULL_BACK ? "O!O!OOOOOO" : "O!O!OO", &PyTuple_Type, &how, &PyTuple_Type,
                          &numbers, &array[0].object, &array[1].object, &array[2].object, &array[3].object,
                          &array[4].object, &array[5].object) ||
        !understood(how, numbers, &request))
        return NULL;
    ptrdiff_t v = walk->vectors, n = walk->inputs, layers = walk->layers;
    if (deed != ACT && v != walk->walkers * n * (1 + walk->tangents)) {
        PyErr_SetString(PyExc_ValueError, "inputs and tangents of the walkers are not the vectors");
        return NULL;
    }
    walk->kept = deed >= RECORD;
    if (walk->kept && (walk->walkers != 1 || request.walkers[0].every != 1)) {
        PyErr_SetString(PyExc_ValueError, "one walker alone is kept");
        return NULL;
    }
    if (walk->kept)
        array[0] = (struct array){.object = array[0].object, .ndim = 4, .shape = {layers + 1, -1, v, -1}};
    else
        array[0] = (struct array){.object = array[0].object, .ndim = 3, .shape = {-1, v, -1}};
    int ok = array_of(array, &format);
    arrays.replicas = ok ? array[0].shape[walk->kept] : 0;
    walk->room = ok ? array[0].shape[walk->kept + 2] : 0;
    ptrdiff_t r = arrays.replicas, room = walk->room;
    const struct array others[] = {
        {.ndim = 4, .shape = {layers, r, n, room}}, {.ndim = 3, .shape = {r, n, room}},
        {.ndim = 4, .shape = {layers, r, n, room}}, {.ndim = 2, .shape = {layers, r}},
        {.ndim = 2, .shape = {layers, r}},          {.ndim = 3, .shape = {r, v, room}},
    };
    for (int i = 1; ok && i < ARRAYS[deed]; i++) {
        PyObject *object = array[i].object;
        array[i] = walk->kept ? others[i - 1] : others[5];
        array[i].object = object;
        ok = array_of(array + i, &format);
    }
    if (ok && fits(walk, room, format)) {
        const struct walks *walks = format == 'f' ? request.processor->single : request.processor->double_;
        arrays.states = array[0].view.buf;
        arrays.sums = walk->kept ? NULL : array[1].view.buf;
        arrays.z = walk->kept ? array[1].view.buf : NULL;
        if (deed == PULL_BACK) {
            arrays.p = array[2].view.buf;
            arrays.costates = array[3].view.buf;
            arrays.weights = array[4].view.buf;
            arrays.biases = array[5].view.buf;
        }
        if (done_by(deed == PULL_BACK ? walks->pull_back : deed == ACT ? walks->act : walks->advance, walk, &arrays,
                    format))
            done = Py_NewRef(Py_None);
    }
    for (int i = 0; i < ARRAYS[deed]; i++)
        if (array[i].taken)
            PyBuffer_Release(&array[i].view);
    return done;
}

static PyObject *walk(PyObject *module, PyObject *arguments) {
    (void)module;
    return deed(WALK, arguments);
}

static PyObject *act(PyObject *module, PyObject *arguments) {
    (void)module;
    return deed(ACT, arguments);
}

static PyObject *record(PyObject *module, PyObject *arguments) {
    (void)module;
    return deed(RECORD, arguments);
}

static PyObject *pull_back(PyObject *module, PyObject *arguments) {
    (void)module;
    return deed(PULL_BACK, arguments);
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "walk(how, numbers, states, sums): in place"},
    {"act", act, METH_VARARGS, "act(how, numbers, vectors, images): of one layer"},
    {"record", record, METH_VARARGS, "record(how, numbers, states, pre_activations): all layers after the first"},
    {"pull_back", pull_back, METH_VARARGS,
     "pull_back(how, numbers, states, pre_activations, p, costates, weights, biases): of recorded layers"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_walks", .m_methods = methods};

PyMODINIT_FUNC PyInit__walks(void) { return PyModule_Create(&definition); }
