/* Lines */

#include "native.h"

typedef struct {
    long long time;
    int level;
} Edge;

typedef struct {
    PyObject_HEAD
    PyObject *core, *listener;
    Cursor *cursor; /* NULL, as is the CPU, on a wire that is only driven; then nothing is logged, either */
    Cpu *cpu;
    long channel;
    int level;
    char watched;
    Py_ssize_t count, room;
    Edge *edges;
} Line;

static int line_init(Line *self, PyObject *args, PyObject *kwargs)
{
    PyObject *core, *cursor = NULL, *cpu = NULL;
    if (!PyArg_ParseTuple(args, "Ol", &core, &self->channel))
        return -1;
    if (PyObject_HasAttrString(core, "cpu")) {
        cursor = PyObject_GetAttrString(core, "timeline");
        cpu = cursor ? PyObject_GetAttrString(core, "cpu") : NULL;
        if (!cpu || !PyObject_TypeCheck(cursor, &CursorType) || !PyObject_TypeCheck(cpu, &CpuType)) {
            if (cpu)
                PyErr_SetString(PyExc_TypeError, "a line needs cursor and CPU of the same kind");
            Py_XDECREF(cursor);
            Py_XDECREF(cpu);
            return -1;
        }
    }
    Py_XSETREF(self->core, Py_NewRef(core));
    Py_XSETREF(self->listener, Py_NewRef(Py_None));
    Py_XSETREF(self->cursor, (Cursor *)cursor);
    Py_XSETREF(self->cpu, (Cpu *)cpu);
    return 0;
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

static int tell(PyObject *listener, long long time, int level)
{
    if (!listener || listener == Py_None)
        return 0;
    Py_INCREF(listener); /* it may leave while it listens */
    PyObject *found = PyObject_CallFunction(listener, "Li", time, level);
    Py_DECREF(listener);
    Py_XDECREF(found);
    return found ? 0 : -1;
}

static int note(Line *self, PyObject *log, long long time, int level)
{
    if (!log || log == Py_None)
        return 0;
    Py_INCREF(log);
    PyObject *name = PyObject_CallMethod(self->core, "name", "l", self->channel);
    PyObject *found = name ? PyObject_CallMethod(log, "add", "LOsi", time, name, "set", level) : NULL;
    Py_DECREF(log);
    Py_XDECREF(name);
    Py_XDECREF(found);
    return found ? 0 : -1;
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
    if (tell(self->listener, time, level))
        return -1;
    return self->cpu ? note(self, self->cpu->log, time, level) : 0;
}

static PyObject *line_put(Line *self, PyObject *given)
{
    long level = PyLong_AsLong(given);
    if (level == -1 && PyErr_Occurred())
        return NULL;
    if (!self->cursor || !self->cursor->now) {
        PyErr_SetString(PyExc_AttributeError, "this wire has no CPU and cursor that could hand it an edge");
        return NULL;
    }
    long long time = PyLong_AsLongLong(self->cursor->now);
    if (time == -1 && PyErr_Occurred())
        return NULL;
    if (submit(self->cpu, time, self->channel, ttl_mu) || drive(self, time, level != 0))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *line_drive(Line *self, PyObject *const *args, Py_ssize_t count)
{
    long long a[2];
    if (integers(args, count, 2, a) || drive(self, a[0], a[1] != 0))
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

static PyObject *line_kept(Line *self, PyObject *nothing) { return PyLong_FromSsize_t(self->count); }

static PyMethodDef line_methods[] = {
    {"watch", (PyCFunction)line_watch, METH_NOARGS, NULL},
    {"put", (PyCFunction)line_put, METH_O, NULL},
    {"drive", (PyCFunction)line_drive, METH_FASTCALL, NULL},
    {"kept", (PyCFunction)line_kept, METH_NOARGS, NULL},
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

PyTypeObject LineType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "testbed.drivers.native.Line",
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
};
