/* Cursor and CPU, and the module. */

#include "native.h"

long long ttl_mu;

static int cursor_init(Cursor *self, PyObject *args, PyObject *kwargs)
{
    Py_XSETREF(self->now, PyLong_FromLong(0));
    return self->now ? 0 : -1;
}

static int cursor_traverse(Cursor *self, visitproc visit, void *arg)
{
    Py_VISIT(self->now);
    return 0;
}

static int cursor_clear(Cursor *self)
{
    Py_CLEAR(self->now);
    return 0;
}

static void cursor_dealloc(Cursor *self)
{
    PyObject_GC_UnTrack(self);
    cursor_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef cursor_members[] = {{"now", T_OBJECT_EX, offsetof(Cursor, now), 0, "machine units"}, {NULL}};

PyTypeObject CursorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "testbed.drivers.native.Cursor",
    .tp_basicsize = sizeof(Cursor),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cursor_init,
    .tp_traverse = (traverseproc)cursor_traverse,
    .tp_clear = (inquiry)cursor_clear,
    .tp_dealloc = (destructor)cursor_dealloc,
    .tp_members = cursor_members,
};

static int cpu_init(Cpu *self, PyObject *args, PyObject *kwargs)
{
    PyObject *core;
    if (!PyArg_ParseTuple(args, "O", &core))
        return -1;
    Py_XSETREF(self->core, Py_NewRef(core));
    Py_XSETREF(self->log, Py_NewRef(Py_None));
    return 0;
}

static int cpu_traverse(Cpu *self, visitproc visit, void *arg)
{
    Py_VISIT(self->core);
    Py_VISIT(self->log);
    return 0;
}

static int cpu_clear(Cpu *self)
{
    Py_CLEAR(self->core);
    Py_CLEAR(self->log);
    return 0;
}

static void cpu_dealloc(Cpu *self)
{
    PyObject_GC_UnTrack(self);
    cpu_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

int integers(PyObject *const *given, Py_ssize_t count, Py_ssize_t needed, long long *found)
{
    if (count != needed) {
        PyErr_Format(PyExc_TypeError, "%zd arguments, not %zd", needed, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        found[i] = PyLong_AsLongLong(given[i]);
        if (found[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

static int advance(Cpu *self, long long from, long long cost)
{
    if (!__builtin_add_overflow(from, cost, &self->wall))
        return 0;
    PyErr_SetString(PyExc_OverflowError, "the counter has 64 bits");
    return -1;
}

static inline void append(Cpu *self, long long time)
{
    self->times[self->oldest] = time;
    self->oldest = (self->oldest + 1) & (QUEUE_DEPTH - 1);
}

int submit(Cpu *self, long long time, long channel, long long cost)
{
    if (advance(self, self->wall, cost))
        return -1;
    if (self->times[self->oldest] > self->wall) /* full of events that are not due yet */
        self->wall = self->times[self->oldest];
    if (time < self->wall) {
        PyObject *found = PyObject_CallMethod(self->core, "underflow", "Ll", time, channel);
        Py_XDECREF(found);
        if (!found)
            return -1;
    }
    append(self, time);
    return 0;
}

static PyObject *cpu_submit(Cpu *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[3];
    if (integers(args, count, 3, a) || submit(self, a[0], a[1], a[2]))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cpu_submit_pair(Cpu *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[4];
    if (integers(args, count, 4, a) || submit(self, a[0], a[2], a[3]) || submit(self, a[1], a[2], a[3]))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cpu_submit_words(Cpu *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[4];
    if (integers(args, count, 4, a) || submit(self, a[0], a[1], a[2]))
        return NULL;
    for (long long i = 1; i < a[3]; i++)
        append(self, a[0]);
    Py_RETURN_NONE;
}

static PyObject *cpu_wait(Cpu *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[2];
    if (integers(args, count, 2, a) || advance(self, a[0] > self->wall ? a[0] : self->wall, a[1]))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *cpu_reset(Cpu *self, PyObject *nothing)
{
    memset(self->times, 0, sizeof self->times);
    Py_RETURN_NONE;
}

static PyObject *cpu_times(Cpu *self, PyObject *nothing)
{
    PyObject *found = PyList_New(QUEUE_DEPTH);
    for (unsigned i = 0; found && i < QUEUE_DEPTH; i++) {
        PyObject *time = PyLong_FromLongLong(self->times[(self->oldest + i) & (QUEUE_DEPTH - 1)]);
        if (!time)
            Py_CLEAR(found);
        else
            PyList_SET_ITEM(found, i, time);
    }
    return found;
}

static PyMethodDef cpu_methods[] = {
    {"submit", (PyCFunction)cpu_submit, METH_FASTCALL, NULL},
    {"submit_pair", (PyCFunction)cpu_submit_pair, METH_FASTCALL, NULL},
    {"submit_words", (PyCFunction)cpu_submit_words, METH_FASTCALL, NULL},
    {"wait", (PyCFunction)cpu_wait, METH_FASTCALL, NULL},
    {"reset", (PyCFunction)cpu_reset, METH_NOARGS, NULL},
    {"times", (PyCFunction)cpu_times, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef cpu_members[] = {
    {"wall", T_LONGLONG, offsetof(Cpu, wall), 0, NULL},
    {"log", T_OBJECT_EX, offsetof(Cpu, log), 0, NULL},
    {NULL},
};

PyTypeObject CpuType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "testbed.drivers.native.Cpu",
    .tp_basicsize = sizeof(Cpu),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cpu_init,
    .tp_traverse = (traverseproc)cpu_traverse,
    .tp_clear = (inquiry)cpu_clear,
    .tp_dealloc = (destructor)cpu_dealloc,
    .tp_methods = cpu_methods,
    .tp_members = cpu_members,
};

static int read_costs(void)
{
    PyObject *costs = PyImport_ImportModule("testbed.drivers.cpu_time");
    PyObject *cost = costs ? PyObject_GetAttrString(costs, "TTL_MU") : NULL;
    ttl_mu = cost ? PyLong_AsLongLong(cost) : -1;
    Py_XDECREF(costs);
    Py_XDECREF(cost);
    return ttl_mu < 0 ? -1 : 0;
}

static int fill(PyObject *module)
{
    return read_costs() || PyModule_AddType(module, &CursorType) || PyModule_AddType(module, &CpuType) ||
                   PyModule_AddType(module, &LineType)
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "native", .m_slots = slots};

PyMODINIT_FUNC PyInit_native(void) { return PyModuleDef_Init(&definition); }
