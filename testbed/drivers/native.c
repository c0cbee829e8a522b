/* Cursor, CPU and lines of the emulated core device: what cpu.py and line.py do, and say more of, in C.

   Underflows, listeners and logs go back to Python. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define DEPTH 1024 /* of the queue, a power of two */

static long long ttl_mu; /* CPU time of an edge */

/* The cursor: an attribute `now`, an object that kernels read and write all the time, since Python is fast at slots. */

typedef struct {
    PyObject_HEAD
    PyObject *now;
} Cursor;

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

static PyTypeObject CursorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "native.Cursor",
    .tp_basicsize = sizeof(Cursor),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cursor_init,
    .tp_traverse = (traverseproc)cursor_traverse,
    .tp_clear = (inquiry)cursor_clear,
    .tp_dealloc = (destructor)cursor_dealloc,
    .tp_members = cursor_members,
};

/* The CPU */

typedef struct {
    PyObject_HEAD
    PyObject *core, *log;
    long long wall;
    unsigned oldest;
    long long times[DEPTH];
} Cpu;

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
    Py_VISIT(self->log);
    Py_VISIT(self->core);
    return 0;
}

static int cpu_clear(Cpu *self)
{
    Py_CLEAR(self->log);
    Py_CLEAR(self->core);
    return 0;
}

static void cpu_dealloc(Cpu *self)
{
    PyObject_GC_UnTrack(self);
    cpu_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static inline void append(Cpu *self, long long time)
{
    self->times[self->oldest] = time;
    self->oldest = (self->oldest + 1) & (DEPTH - 1);
}

static int submit(Cpu *self, long long time, long channel, long long cost)
{
    long long wall = self->wall + cost;
    if (self->times[self->oldest] > wall) /* full of events that are not due yet */
        wall = self->times[self->oldest];
    self->wall = wall;
    if (time < wall) {
        PyObject *found = PyObject_CallMethod(self->core, "underflow", "Ll", time, channel);
        Py_XDECREF(found);
        if (!found)
            return -1;
    }
    append(self, time);
    return 0;
}

static int integers(PyObject *const *given, Py_ssize_t count, Py_ssize_t needed, long long *found)
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
    if (integers(args, count, 2, a))
        return NULL;
    self->wall = (a[0] > self->wall ? a[0] : self->wall) + a[1];
    Py_RETURN_NONE;
}

static PyObject *cpu_clear_queue(Cpu *self, PyObject *nothing)
{
    memset(self->times, 0, sizeof self->times);
    Py_RETURN_NONE;
}

static PyObject *cpu_times(Cpu *self, PyObject *nothing)
{
    PyObject *found = PyList_New(DEPTH);
    for (unsigned i = 0; found && i < DEPTH; i++) {
        PyObject *time = PyLong_FromLongLong(self->times[(self->oldest + i) & (DEPTH - 1)]);
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
    {"clear", (PyCFunction)cpu_clear_queue, METH_NOARGS, NULL},
    {"times", (PyCFunction)cpu_times, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef cpu_members[] = {
    {"wall", T_LONGLONG, offsetof(Cpu, wall), 0, NULL},
    {"log", T_OBJECT_EX, offsetof(Cpu, log), 0, NULL},
    {NULL},
};

static PyTypeObject CpuType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "native.Cpu",
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

/* Lines */

typedef struct {
    long long time;
    int level;
} Edge;

typedef struct {
    PyObject_HEAD
    PyObject *core, *listener;
    Cursor *cursor; /* NULL, as is the CPU, on a wire that is only driven */
    Cpu *cpu;
    long channel;
    int level;
    char watched;
    Py_ssize_t count, room;
    Edge *edges;
} Line;

static int line_init(Line *self, PyObject *args, PyObject *kwargs)
{
    PyObject *core;
    if (!PyArg_ParseTuple(args, "Ol", &core, &self->channel))
        return -1;
    Py_XSETREF(self->core, Py_NewRef(core));
    Py_XSETREF(self->listener, Py_NewRef(Py_None));
    if (!PyObject_HasAttrString(core, "cpu"))
        return 0;
    Py_XSETREF(self->cursor, (Cursor *)PyObject_GetAttrString(core, "timeline"));
    Py_XSETREF(self->cpu, (Cpu *)PyObject_GetAttrString(core, "cpu"));
    if (!self->cursor || !self->cpu)
        return -1;
    if (PyObject_TypeCheck(self->cursor, &CursorType) && PyObject_TypeCheck(self->cpu, &CpuType))
        return 0;
    PyErr_SetString(PyExc_TypeError, "a line needs cursor and CPU of the same kind");
    return -1;
}

static int line_traverse(Line *self, visitproc visit, void *arg)
{
    Py_VISIT(self->core);
    Py_VISIT(self->listener);
    Py_VISIT(self->cursor);
    Py_VISIT(self->cpu);
    return 0;
}

static int line_clear(Line *self)
{
    Py_CLEAR(self->core);
    Py_CLEAR(self->listener);
    Py_CLEAR(self->cursor);
    Py_CLEAR(self->cpu);
    return 0;
}

static void line_dealloc(Line *self)
{
    PyObject_GC_UnTrack(self);
    line_clear(self);
    PyMem_Free(self->edges);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int done(PyObject *result)
{
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static int note(Line *self, PyObject *log, long long time, int level)
{
    if (!log || log == Py_None)
        return 0;
    PyObject *name = PyObject_CallMethod(self->core, "name", "l", self->channel);
    return name ? done(PyObject_CallMethod(log, "add", "LNsi", time, name, "set", level)) : -1;
}

static int drive(Line *self, long long time, int level)
{
    if (self->watched) {
        if (self->count == self->room) {
            Py_ssize_t room = self->room ? 2 * self->room : 16;
            Edge *edges = PyMem_Realloc(self->edges, room * sizeof *edges);
            if (!edges) {
                PyErr_NoMemory();
                return -1;
            }
            self->edges = edges, self->room = room;
        }
        Py_ssize_t place = self->count++;
        for (; place && self->edges[place - 1].time > time; place--)
            self->edges[place] = self->edges[place - 1];
        self->edges[place] = (Edge){time, level};
    }
    if (self->listener && self->listener != Py_None && done(PyObject_CallFunction(self->listener, "Li", time, level)))
        return -1;
    return self->cpu ? note(self, self->cpu->log, time, level) : 0;
}

static PyObject *line_put(Line *self, PyObject *given)
{
    long level = PyLong_AsLong(given);
    if (!self->cursor) {
        PyErr_SetString(PyExc_AttributeError, "this wire has no CPU that could hand it an edge");
        return NULL;
    }
    long long time = PyLong_AsLongLong(self->cursor->now);
    if ((time == -1 || level == -1) && PyErr_Occurred())
        return NULL;
    if (submit(self->cpu, time, self->channel, ttl_mu) || drive(self, time, level))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *line_drive(Line *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[2];
    if (integers(args, count, 2, a) || drive(self, a[0], a[1]))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *line_watch(Line *self, PyObject *nothing)
{
    self->watched = 1;
    return Py_NewRef(self);
}

static PyObject *line_forget(Line *self, PyObject *given)
{
    long long before = PyLong_AsLongLong(given);
    if (before == -1 && PyErr_Occurred())
        return NULL;
    Py_ssize_t keep = self->count;
    while (keep && self->edges[keep - 1].time >= before)
        keep--;
    if (keep) {
        self->level = self->edges[keep - 1].level;
        self->count -= keep;
        memmove(self->edges, self->edges + keep, self->count * sizeof *self->edges);
    }
    Py_RETURN_NONE;
}

static PyObject *line_stays(Line *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[3];
    if (integers(args, count, 3, a))
        return NULL;
    for (Py_ssize_t i = self->count; i--;)
        if (self->edges[i].time < a[2])
            return PyBool_FromLong(self->edges[i].level == a[0] && self->edges[i].time <= a[1]);
    return PyBool_FromLong(self->level == a[0]);
}

static int keep_pulse(PyObject *found, long long on, long long off)
{
    PyObject *pulse = Py_BuildValue("LL", on, off);
    int failed = !pulse || PyList_Append(found, pulse);
    Py_XDECREF(pulse);
    return failed;
}

static PyObject *line_pulses(Line *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[2];
    PyObject *found;
    if (integers(args, count, 2, a) || !(found = PyList_New(0)))
        return NULL;
    long long start = a[0], stop = a[1], since = start;
    int level = self->level;
    for (Py_ssize_t i = 0; i < self->count && self->edges[i].time < stop; i++) {
        long long time = self->edges[i].time;
        if (self->edges[i].level == level)
            continue;
        if (level && time > since && keep_pulse(found, since, time))
            goto failed;
        level = self->edges[i].level;
        since = time > start ? time : start;
    }
    if (level && since < stop && keep_pulse(found, since, stop))
        goto failed;
    return found;
failed:
    Py_DECREF(found);
    return NULL;
}

static PyObject *line_edges(Line *self, void *nothing)
{
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found && i < self->count; i++) {
        PyObject *edge = Py_BuildValue("Li", self->edges[i].time, self->edges[i].level);
        if (!edge || PyList_Append(found, edge))
            Py_CLEAR(found);
        Py_XDECREF(edge);
    }
    return found;
}

static Py_ssize_t line_length(Line *self) { return self->count; }

static PyMethodDef line_methods[] = {
    {"watch", (PyCFunction)line_watch, METH_NOARGS, NULL},
    {"put", (PyCFunction)line_put, METH_O, NULL},
    {"drive", (PyCFunction)line_drive, METH_FASTCALL, NULL},
    {"forget", (PyCFunction)line_forget, METH_O, NULL},
    {"stays", (PyCFunction)line_stays, METH_FASTCALL, NULL},
    {"pulses", (PyCFunction)line_pulses, METH_FASTCALL, NULL},
    {NULL},
};

static PyMemberDef line_members[] = {
    {"core", T_OBJECT_EX, offsetof(Line, core), READONLY, NULL},
    {"listener", T_OBJECT_EX, offsetof(Line, listener), 0, NULL},
    {"channel", T_LONG, offsetof(Line, channel), READONLY, NULL},
    {"level", T_INT, offsetof(Line, level), 0, NULL},
    {"watched", T_BOOL, offsetof(Line, watched), 0, NULL},
    {NULL},
};

static PyGetSetDef line_attributes[] = {{"edges", (getter)line_edges, NULL, NULL, NULL}, {NULL}};
static PySequenceMethods line_sequence = {.sq_length = (lenfunc)line_length};

static PyTypeObject LineType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "native.Line",
    .tp_basicsize = sizeof(Line),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)line_init,
    .tp_traverse = (traverseproc)line_traverse,
    .tp_clear = (inquiry)line_clear,
    .tp_dealloc = (destructor)line_dealloc,
    .tp_methods = line_methods,
    .tp_members = line_members,
    .tp_getset = line_attributes,
    .tp_as_sequence = &line_sequence,
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "native", .m_size = -1};

static int read_costs(void)
{
    PyObject *costs = PyImport_ImportModule("testbed.drivers.cpu_time");
    PyObject *cost = costs ? PyObject_GetAttrString(costs, "TTL_MU") : NULL;
    ttl_mu = cost ? PyLong_AsLongLong(cost) : -1;
    Py_XDECREF(costs);
    Py_XDECREF(cost);
    return ttl_mu < 0 ? -1 : 0;
}

PyMODINIT_FUNC PyInit_native(void)
{
    if (read_costs())
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (!module || PyModule_AddType(module, &CursorType) || PyModule_AddType(module, &CpuType) ||
        PyModule_AddType(module, &LineType)) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
