/* What the parts of the runtime share with each other and with Python (testbed.compiled.interface).

A kernel, compiled for this machine, is a shared object that calls the functions ARTIQ's firmware would offer it. Nothing
here knows what is behind an RTIO channel: outputs are queued, inputs are asked of the host. */
#ifndef DIQKD_RUNTIME_H
#define DIQKD_RUNTIME_H

#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define NORETURN __attribute__((noreturn))

/* A string, or a list: the compiler's pair of address and length. A length of -1 says that the address is a number in
   the strings of the kernel's embedding map. */
struct slice { const char *ptr; int32_t len; };

/* The compiler's C.Exception in this data layout. */
struct exception {
    int32_t id;
    struct slice file;
    int32_t line, column;
    struct slice function, message;
    int64_t param[3];
};

/* An output on its way to the boards; `wall` is what the RTIO counter said when it was handed over. */
struct event { int64_t time, wall; int32_t target; uint32_t data; };
enum { CONTINUES = -1, RESET = -2 };            /* targets: a further word of the event before; reset of the core */

struct stamped { int64_t time; int32_t data; };

/* Answers of the host. */
enum { DONE = 0, FAILED = -1, ABORT = -2 };
enum { ARRIVED = 0, TIMED_OUT = 1, RAN_OVER = 2, NO_SUCH_CHANNEL = 3 };

struct host {
    int64_t (*rpc_send)(int32_t service, const char *tag, int32_t length, void **arguments, int32_t is_async);
    int64_t (*rpc_recv)(void *slot, struct exception *failure);          /* bytes wanted, DONE, FAILED or ABORT */
    int64_t (*input)(int64_t timeout, int32_t channel, struct stamped *found);
    int64_t (*drain)(void);                                              /* take the queue; ABORT ends the kernel */
    void (*log)(const char *text, int32_t length);
    int64_t (*i2c)(int32_t what, int32_t bus, int32_t a, int32_t b);
    const struct slice *(*cache_get)(const char *key, int32_t length);
    void (*cache_put)(const char *key, int32_t length, const int32_t *words, int32_t count);
};
extern struct host host;

/* unwinder.c */
enum own_exception { UNDERFLOW, OVERFLOW, UNREACHABLE, I2C_ERROR, CACHE_ERROR, DMA_ERROR, OWN_EXCEPTIONS };
NORETURN void raise_own(enum own_exception which, const char *message, int64_t a, int64_t b, int64_t c);
NORETURN void raise_again(const struct exception *e);
NORETURN void abort_kernel(void);

/* rtio.c */
extern int64_t wall;
int64_t cursor(void);
void submit(int64_t time, int32_t target, int64_t cost);
void put(int64_t time, int32_t target, uint32_t data);

/* dma.c */
int record(int32_t target, const uint32_t *data, int32_t words);        /* 0 if no trace is being recorded */

#endif
