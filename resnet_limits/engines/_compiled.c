/* Euler steps of blocks one, outside and two, forward and backward: one pass a layer through the cache.

       one      x + h phi(W x + b)        outside   x + h (W phi(x) + b)        two   x + h V phi(W x + b)

   `_layers.h` has the loops, in both precisions for each kind of processor; here are the numbers they are made of, what
   Python calls, and the checks that arrays have the shapes which the loops take for granted. Vectors are those of the
   compiler (GCC's and clang's extension): there is no assembly, and the width of a register is a number. */

#include "_numbers.h"

#include <pthread.h>
#include <sys/mman.h>

enum block { ONE, OUTSIDE, TWO };
static const char *const BLOCKS[] = {"one", "outside", "two"};
/* Whether the slope is computed from phi(z), so that z need not be kept. */
static inline int kept_by_value(enum activation activation) {
    return activation == TANH || activation == RELU || activation == IDENTITY;
}

/* A parameter's layers, (r, layers, rows, columns): each a matrix without gaps, the others anywhere. */
struct parameter {
    char *at;
    ptrdiff_t by_replica, by_layer; /* bytes */
};

struct place {
    ptrdiff_t replica, layer;
};

static inline void *at_layer(const struct parameter *p, struct place at) {
    return p->at + at.replica * p->by_replica + at.layer * p->by_layer;
}

struct work {
    enum block block;
    enum activation activation;
    double h;
    ptrdiff_t replicas, of_layer, layers, width, hidden, inputs; /* of_layer: replicas in memory from one to the next */
    struct parameter V, W, b, dV, dW, db;
};

/* Number k of all replicas and layers, in the order in which weights lie in memory. */
static inline struct place place(const struct work *work, ptrdiff_t k) {
    if (work->W.by_layer > work->W.by_replica)
        return (struct place){k % work->replicas, k / work->replicas};
    return (struct place){k / work->layers, k % work->layers};
}

struct passes {
    void (*advance)(const struct work *, void *states, void *inner, void *scratch);
    void (*pull_back)(const struct work *, void *states, void *inner, void *g, void *scratch);
    void (*run)(const struct work *, void *states, int all, void *inner);
    void (*functions)(enum activation, const void *z, void *value, void *slope, ptrdiff_t count);
};

#define KEPT(lane, s) (((lane) & (s)) ? LANES + (lane) : (lane))
#define CROSSED(lane, s) (((lane) & (s)) ? LANES + ((lane) ^ (s)) : ((lane) ^ (s)))

#define KERNEL "_layers.h"
#include "_processors.h"

static const struct processor {
    const char *name;
    int (*is_this)(void);
    const struct passes *single, *double_;
} PROCESSORS[] = {
#if defined(__x86_64__)
    {"x86-64-v4", is_v4, &passes_single_v4, &passes_double_v4},
    {"x86-64-v3", is_v3, &passes_single_v3, &passes_double_v3},
#endif
    {"any", is_any, &passes_single_any, &passes_double_any},
};

/* -- arguments ----------------------------------------------------------------------------------------------------- */

#define MOST_BUFFERS 9

/* What a call holds, so that all of it is given back at one place. */
struct call {
    Py_buffer buffers[MOST_BUFFERS];
    int held;
    Py_ssize_t item;
    const struct passes *passes;
    Py_ssize_t threads;
};

static void give_back(struct call *call) {
    while (call->held)
        PyBuffer_Release(&call->buffers[--call->held]);
}

static int named(const char *name, const char *const *names, int count, const char *what) {
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return i;
    PyErr_Format(PyExc_ValueError, "%s=%s: there is no compiled form of it", what, name);
    return -1;
}

static const struct processor *processor_named(const char *name) {
    for (int i = 0; i < COUNT(PROCESSORS); i++)
        if (!strcmp(name, PROCESSORS[i].name) && PROCESSORS[i].is_this())
            return &PROCESSORS[i];
    PyErr_Format(PyExc_ValueError, "processor=%s: this is none", name);
    return NULL;
}

/* An array of float32 or float64, all of a call the same, with so many dimensions and its last `whole` without gaps. */
static Py_buffer *array(struct call *call, PyObject *object, int dimensions, int whole, const char *what) {
    Py_buffer *view = &call->buffers[call->held];
    if (call->held == MOST_BUFFERS || PyObject_GetBuffer(object, view, PyBUF_RECORDS) < 0)
        return NULL;
    call->held++;
    const char *format = view->format ? view->format : "B";
    int right = (!strcmp(format, "f") || !strcmp(format, "d")) && view->ndim == dimensions;
    right = right && (!call->item || call->item == view->itemsize) && !((uintptr_t)view->buf % (size_t)view->itemsize);
    Py_ssize_t step = view->itemsize;
    for (int k = view->ndim - 1; right && k >= 0; k--) {
        right = view->strides[k] % view->itemsize == 0;
        if (k >= dimensions - whole) {
            right = right && (view->shape[k] == 1 || view->strides[k] == step);
            step *= view->shape[k];
        }
    }
    if (!right) {
        PyErr_Format(PyExc_ValueError, "%s: an array of %s, %d dimensions, not what is asked for", what, format,
                     view->ndim);
        return NULL;
    }
    call->item = view->itemsize;
    return view;
}

static int has_shape(const Py_buffer *view, const char *what, const Py_ssize_t *shape) {
    for (int k = 0; k < view->ndim; k++)
        if (view->shape[k] != shape[k]) {
            PyErr_Format(PyExc_ValueError, "%s: %zd numbers along dimension %d, expected %zd", what, view->shape[k], k,
                         shape[k]);
            return 0;
        }
    return 1;
}

/* The layers from `first` on of a parameter (r, L, rows, columns), or (r, L, rows) where there are no columns. */
static int parameter(struct call *call, struct parameter *p, PyObject *object, const char *what, const struct work *work,
                     Py_ssize_t first, Py_ssize_t rows, Py_ssize_t columns) {
    int dimensions = columns ? 4 : 3;
    Py_buffer *view = array(call, object, dimensions, dimensions - 2, what);
    if (!view)
        return 0;
    const Py_ssize_t shape[] = {work->replicas, view->shape[1], rows, columns};
    if (!has_shape(view, what, shape))
        return 0;
    if (first < 0 || first > view->shape[1] || work->layers > view->shape[1] - first) {
        PyErr_Format(PyExc_ValueError, "%s: %zd layers, asked for %zd from %zd on", what, view->shape[1], work->layers,
                     first);
        return 0;
    }
    p->at = (char *)view->buf + first * view->strides[1];
    p->by_replica = view->strides[0];
    p->by_layer = view->strides[1];
    return 1;
}

static int parameters(struct call *call, struct work *work, PyObject *V, PyObject *W, PyObject *b, Py_ssize_t first,
                      int gradients) {
    struct parameter *of_V = gradients ? &work->dV : &work->V, *of_W = gradients ? &work->dW : &work->W,
                     *of_b = gradients ? &work->db : &work->b;
    Py_ssize_t d = work->width, m = work->hidden;
    if (work->block != TWO && m != d) {
        PyErr_Format(PyExc_ValueError, "block=%s: %zd rows inside, width %zd", BLOCKS[work->block], m, d);
        return 0;
    }
    return (work->block != TWO || parameter(call, of_V, V, "V", work, first, d, m)) &&
           parameter(call, of_W, W, "W", work, first, m, d) && parameter(call, of_b, b, "b", work, first, m, 0);
}

/* Set what is to be done; the inputs are a multiple of the longest vector. */
static int prepared(struct call *call, struct work *work, const char *processor, const char *block,
                    const char *activation) {
    const struct processor *its = processor_named(processor);
    int of_block = named(block, BLOCKS, COUNT(BLOCKS), "block");
    int of_activation = its && of_block >= 0 ? named(activation, ACTIVATIONS, COUNT(ACTIVATIONS), "activation") : -1;
    if (!its || of_block < 0 || of_activation < 0)
        return 0;
    work->block = (enum block)of_block;
    work->activation = (enum activation)of_activation;
    call->passes = call->item == sizeof(float) ? its->single : its->double_;
    if (work->inputs % (64 / call->item)) {
        PyErr_Format(PyExc_ValueError, "%zd inputs are no multiple of 64 bytes", work->inputs);
        return 0;
    }
    return 1;
}

/* States (layers + 1, r, d, n) and what is inside of blocks (layers, r, m, n). */
static int segment(struct call *call, struct work *work, PyObject *states, PyObject *inner) {
    Py_buffer *x = array(call, states, 4, 4, "states"), *z = x ? array(call, inner, 4, 4, "inner") : NULL;
    if (!z)
        return 0;
    work->layers = z->shape[0];
    work->replicas = z->shape[1];
    work->hidden = z->shape[2];
    work->inputs = z->shape[3];
    work->width = x->shape[2];
    const Py_ssize_t shape[] = {work->layers + 1, work->replicas, work->width, work->inputs};
    return has_shape(x, "states", shape);
}

/* -- replicas on several threads: each has its own, and does with them what it would do alone ----------------------- */

enum pass { ADVANCE, PULL_BACK, RUN_THROUGH, RUN_TO_ALL };

/* Some successive replicas of a pass, with room for one matrix of what is inside of a block. */
struct share {
    enum pass pass;
    struct work work;
    const struct passes *passes;
    char *states, *inner, *g, *scratch;
};

static void *done(void *of_share) {
    struct share *share = of_share;
    const struct passes *passes = share->passes;
    switch (share->pass) {
    case ADVANCE:
        passes->advance(&share->work, share->states, share->inner, share->scratch);
        break;
    case PULL_BACK:
        passes->pull_back(&share->work, share->states, share->inner, share->g, share->scratch);
        break;
    case RUN_THROUGH:
    case RUN_TO_ALL:
        passes->run(&share->work, share->states, share->pass == RUN_TO_ALL, share->scratch);
    }
    return NULL;
}

/* Replicas from `first` to `stop` of all that there are. */
static void restrict_to(struct share *share, ptrdiff_t first, ptrdiff_t stop, Py_ssize_t item) {
    struct work *work = &share->work;
    struct parameter *parameters[] = {&work->V, &work->W, &work->b, &work->dV, &work->dW, &work->db};
    for (int i = 0; i < COUNT(parameters); i++)
        if (parameters[i]->at)
            parameters[i]->at += first * parameters[i]->by_replica;
    ptrdiff_t of_state = work->width * work->inputs * item, of_inner = work->hidden * work->inputs * item;
    share->states += first * of_state;
    share->inner = share->inner ? share->inner + first * of_inner : NULL;
    share->g = share->g ? share->g + first * of_state : NULL;
    work->replicas = stop - first;
}

#define MOST_THREADS 64
#define LEAST_WORK 1e6 /* multiply-adds that take some times as long as to start a thread */

/* None, or NULL with the error set. */
static PyObject *pass(const struct call *call, struct work *work, enum pass pass, char *states, char *inner, char *g) {
    work->of_layer = work->replicas;
    double each = (double)work->width * (double)work->hidden * (double)work->inputs * (double)work->layers;
    double most = each * (double)work->replicas / LEAST_WORK;
    ptrdiff_t threads = call->threads < MOST_THREADS ? call->threads : MOST_THREADS;
    threads = threads < work->replicas ? threads : work->replicas;
    threads = (double)threads < most ? threads : (ptrdiff_t)most;
    threads = threads > 1 ? threads : 1;
    size_t of_scratch = ((size_t)(work->hidden * work->inputs) * (size_t)call->item + 127) / 64 * 64;
    char *scratch = malloc(of_scratch * (size_t)threads);
    if (!scratch)
        return PyErr_NoMemory();
    struct share shares[MOST_THREADS];
    pthread_t started[MOST_THREADS];
    int running[MOST_THREADS] = {0};
    Py_BEGIN_ALLOW_THREADS;
    for (ptrdiff_t t = threads - 1; t >= 0; t--) {
        shares[t] = (struct share){pass, *work, call->passes, states, inner, g, scratch + of_scratch * (size_t)t};
        restrict_to(&shares[t], work->replicas * t / threads, work->replicas * (t + 1) / threads, call->item);
        running[t] = t && !pthread_create(&started[t], NULL, done, &shares[t]);
        if (!running[t])
            (void)done(&shares[t]);
    }
    for (ptrdiff_t t = 1; t < threads; t++)
        if (running[t])
            (void)pthread_join(started[t], NULL);
    Py_END_ALLOW_THREADS;
    free(scratch);
    return Py_NewRef(Py_None);
}

/* -- what Python calls --------------------------------------------------------------------------------------------- */

static PyObject *advance(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct work work = {.layers = 0};
    const char *processor, *block, *activation;
    PyObject *states, *inner, *V, *W, *b, *result = NULL;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "sssdnOO(OOO)n", &processor, &block, &activation, &work.h, &call.threads, &states,
                          &inner, &V, &W, &b, &first))
        return NULL;
    if (segment(&call, &work, states, inner) && prepared(&call, &work, processor, block, activation) &&
        parameters(&call, &work, V, W, b, first, 0))
        result = pass(&call, &work, ADVANCE, call.buffers[0].buf, call.buffers[1].buf, NULL);
    give_back(&call);
    return result;
}

static PyObject *pull_back(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct work work = {.layers = 0};
    const char *processor, *block, *activation;
    PyObject *states, *inner, *g, *V, *W, *b, *dV, *dW, *db, *result = NULL;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "sssdnOOO(OOO)(OOO)n", &processor, &block, &activation, &work.h, &call.threads, &states,
                          &inner, &g, &V, &W, &b, &dV, &dW, &db, &first))
        return NULL;
    Py_buffer *costate;
    if (segment(&call, &work, states, inner) && (costate = array(&call, g, 3, 3, "g")) &&
        has_shape(costate, "g", (Py_ssize_t[]){work.replicas, work.width, work.inputs}) &&
        prepared(&call, &work, processor, block, activation) && parameters(&call, &work, V, W, b, first, 0) &&
        parameters(&call, &work, dV, dW, db, first, 1))
        result = pass(&call, &work, PULL_BACK, call.buffers[0].buf, call.buffers[1].buf, call.buffers[2].buf);
    give_back(&call);
    return result;
}

static PyObject *run(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct work work = {.layers = 0};
    const char *processor, *block, *activation;
    PyObject *states, *V, *W, *b, *result = NULL;
    Py_ssize_t layers;
    if (!PyArg_ParseTuple(arguments, "sssdnO(OOO)nn", &processor, &block, &activation, &work.h, &call.threads, &states, &V,
                          &W, &b, &work.hidden, &layers))
        return NULL;
    Py_buffer *x = array(&call, states, 4, 4, "states");
    if (x) {
        work.layers = layers;
        work.replicas = x->shape[1];
        work.width = x->shape[2];
        work.inputs = x->shape[3];
        if (x->shape[0] != 1 && x->shape[0] != layers + 1)
            PyErr_Format(PyExc_ValueError, "states: room for %zd, expected 1 or %zd", x->shape[0], layers + 1);
        else if (prepared(&call, &work, processor, block, activation) && parameters(&call, &work, V, W, b, 0, 0))
            result = pass(&call, &work, x->shape[0] == 1 ? RUN_THROUGH : RUN_TO_ALL, x->buf, NULL, NULL);
    }
    give_back(&call);
    return result;
}

static PyObject *functions(PyObject *module, PyObject *arguments) {
    (void)module;
    struct call call = {.held = 0};
    struct work work = {.layers = 0};
    const char *processor, *activation;
    PyObject *z, *value, *slope, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "ssOOO", &processor, &activation, &z, &value, &slope))
        return NULL;
    Py_buffer *at = array(&call, z, 1, 1, "z"), *a = at ? array(&call, value, 1, 1, "value") : NULL,
              *s = a ? array(&call, slope, 1, 1, "slope") : NULL;
    if (s && has_shape(a, "value", at->shape) && has_shape(s, "slope", at->shape)) {
        work.inputs = at->shape[0];
        if (prepared(&call, &work, processor, BLOCKS[ONE], activation)) {
            call.passes->functions(work.activation, at->buf, a->buf, s->buf, work.inputs);
            result = Py_NewRef(Py_None);
        }
    }
    give_back(&call);
    return result;
}

/* Ask for large pages under an array: one that a network's activations fill lies on thousands of small ones. */
static PyObject *large_pages(PyObject *module, PyObject *object) {
    (void)module;
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE) < 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    uintptr_t page = (uintptr_t)1 << 21, start = ((uintptr_t)view.buf + page - 1) / page * page;
    uintptr_t stop = ((uintptr_t)view.buf + (size_t)view.len) / page * page;
    if (start < stop)
        (void)madvise((void *)start, stop - start, MADV_HUGEPAGE); /* advice: small pages do as well */
#endif
    PyBuffer_Release(&view);
    return Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"advance", advance, METH_VARARGS, "advance(processor, block, activation, h, threads, states, inner, (V, W, b), first)"},
    {"pull_back", pull_back, METH_VARARGS,
     "pull_back(processor, block, activation, h, threads, states, inner, g, (V, W, b), (dV, dW, db), first)"},
    {"run", run, METH_VARARGS, "run(processor, block, activation, h, threads, states, (V, W, b), hidden, layers)"},
    {"functions", functions, METH_VARARGS, "functions(processor, activation, z, value, slope)"},
    {"large_pages", large_pages, METH_O, "large_pages(array)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_compiled", .m_methods = methods};

/* The names as a tuple of the module. */
static int add(PyObject *module, const char *attribute, const char *const *names, int count) {
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (!name)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, name);
    }
    if (!tuple || PyModule_AddObject(module, attribute, tuple) < 0) {
        Py_XDECREF(tuple);
        return 0;
    }
    return 1;
}

PyMODINIT_FUNC PyInit__compiled(void) {
    const char *here[COUNT(PROCESSORS)];
    int count = 0;
    for (int i = 0; i < COUNT(PROCESSORS); i++)
        if (PROCESSORS[i].is_this())
            here[count++] = PROCESSORS[i].name;
    PyObject *module = PyModule_Create(&definition);
    if (!module || !add(module, "PROCESSORS", here, count) || !add(module, "BLOCKS", BLOCKS, COUNT(BLOCKS)) ||
        !add(module, "ACTIVATIONS", ACTIVATIONS, COUNT(ACTIVATIONS))) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
