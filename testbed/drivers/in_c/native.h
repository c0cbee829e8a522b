/* Cursor, CPU and lines of the emulated core device: what cpu.py and line.py do, and say more of, in C.

   Underflows, listeners and logs go back to Python. */

#ifndef NATIVE_H
#define NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define QUEUE_DEPTH 1024 /* a power of two */

typedef struct {
    PyObject_HEAD
    PyObject *now; /* an object that kernels read and write all the time, since Python is fast at slots */
} Cursor;

typedef struct {
    PyObject_HEAD
    PyObject *core, *log;
    long long wall;
    unsigned oldest;
    long long times[QUEUE_DEPTH];
} Cpu;

extern PyTypeObject CursorType, CpuType, LineType;
extern long long ttl_mu; /* CPU time of an edge */

/* Hands an event to the RTIO queue; -1 with an exception after an underflow. */
int submit(Cpu *cpu, long long time, long channel, long long cost);

/* Reads as many integers as are needed from a call's arguments; -1 with an exception if they are others. */
int integers(PyObject *const *given, Py_ssize_t count, Py_ssize_t needed, long long *found);

#endif
