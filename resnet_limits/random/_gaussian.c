/* Standard normals into arrays of numpy: what Python calls. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_normals.h"

static PyObject *fill(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer out;
    unsigned long long rows, size, key0, key1, layer, first_row, rows_a_block, first_word;
    int single, side_by_side;
    if (!PyArg_ParseTuple(arguments, "w*KKKKKKKKpp", &out, &rows, &size, &key0, &key1, &layer, &first_row,
                          &rows_a_block, &first_word, &single, &side_by_side))
        return NULL;
    Py_ssize_t item = single ? (Py_ssize_t)sizeof(float) : (Py_ssize_t)sizeof(double);
    if (rows_a_block == 0 || (rows && size && (unsigned long long)(out.len / item) / size < rows)) {
        PyBuffer_Release(&out);
        PyErr_SetString(PyExc_ValueError, "more normals than the array has room for");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    uint64_t pairs = (size + 1) / 2, row = first_row, left = size ? rows : 0;
    char *to = out.buf;
    while (left) {
        uint64_t within = row % rows_a_block, taken = rows_a_block - within;
        if (taken > left)
            taken = left;
        fill_block(to, single, taken, size, side_by_side, first_word + within * pairs, layer, row / rows_a_block, key0,
                   key1);
        to += taken * size * (uint64_t)item;
        row += taken;
        left -= taken;
    }
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&out);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"fill", fill, METH_VARARGS,
     "fill(out, rows, size, key0, key1, layer, first_row, rows_a_block, first_word, single, side_by_side)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "_gaussian", .m_methods = functions};

PyMODINIT_FUNC PyInit__gaussian(void) { return PyModule_Create(&definition); }
