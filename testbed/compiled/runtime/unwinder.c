/* Entry into a kernel, and its exceptions.

ARTIQ's landing pads compare an exception's id themselves and resume when none fits, so every pad on the way is entered
and no search phase is needed: exceptions are unwound by force, frame by frame. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <string.h>
#include <unwind.h>

#include "runtime.h"

#define INFLIGHT 16
#define FRAMES 128

enum { FINISHED = 0, UNCAUGHT = 1, ABORTED = 2 };

struct inflight { struct _Unwind_Exception unwind; struct exception exception; uintptr_t frame; int used; };
static struct inflight flight[INFLIGHT];
static int order[INFLIGHT], depth;              /* slots of `flight`, the innermost last */
static uintptr_t trace[FRAMES];
static int traced;
static jmp_buf outermost;
static uintptr_t boundary;

EXPORT struct host host;
EXPORT int32_t exception_ids[OWN_EXCEPTIONS];   /* of enum own_exception, in the strings of the embedding map */

static struct inflight *top(void) { return &flight[order[depth - 1]]; }

static _Unwind_Reason_Code stop(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                struct _Unwind_Exception *e, struct _Unwind_Context *context, void *nothing)
{
    uintptr_t frame = _Unwind_GetCFA(context);
    (void)version, (void)class, (void)e, (void)nothing;
    if ((actions & _UA_END_OF_STACK) || frame > boundary)
        longjmp(outermost, UNCAUGHT);
    top()->frame = frame;
    if (traced < FRAMES)
        trace[traced++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static NORETURN void unwind_top(void)
{
    struct _Unwind_Exception *unwind = &top()->unwind;
    memset(unwind, 0, sizeof *unwind);
    memcpy(&unwind->exception_class, "diqkdKRN", sizeof unwind->exception_class);
    _Unwind_ForcedUnwind(unwind, stop, NULL);
    longjmp(outermost, UNCAUGHT);
}

/* A handler raises its exception again: it becomes the innermost. */
static void bring_to_top(int slot)
{
    int i = 0;
    while (order[i] != slot)
        i++;
    memmove(order + i, order + i + 1, sizeof *order * (depth - i - 1));
    order[depth - 1] = slot;
}

static void begin(const struct exception *e)
{
    int slot = 0;
    while (slot < INFLIGHT && flight[slot].used)
        slot++;
    if (slot == INFLIGHT)
        longjmp(outermost, UNCAUGHT);           /* sixteen nested handlers: what is known of them is reported */
    if (!depth)
        traced = 0;
    flight[slot].exception = *e;
    flight[slot].used = 1;
    order[depth++] = slot;
}

EXPORT NORETURN void __artiq_raise(const struct exception *e)
{
    int slot;
    for (slot = 0; slot < INFLIGHT; slot++)
        if (e == &flight[slot].exception)
            break;
    if (slot < INFLIGHT)
        bring_to_top(slot);
    else
        begin(e);
    unwind_top();
}

EXPORT NORETURN void __artiq_resume(void) { unwind_top(); }

EXPORT void __artiq_end_catch(void)
{
    uintptr_t caught_in = top()->frame;
    flight[order[--depth]].used = 0;
    while (depth && top()->frame < caught_in)   /* handlers that were left by the one just ended */
        flight[order[--depth]].used = 0;
}

void raise_again(const struct exception *e) { __artiq_raise(e); }
void abort_kernel(void) { longjmp(outermost, ABORTED); }

void raise_own(enum own_exception which, const char *message, int64_t a, int64_t b, int64_t c)
{
    static const char file[] = "testbed/compiled/runtime", function[] = "(emulated firmware)";
    struct exception e = {exception_ids[which], {file, sizeof file - 1}, 0, -1, {function, sizeof function - 1},
                          {message, (int32_t)strlen(message)}, {a, b, c}};
    __artiq_raise(&e);
}

/* ---- language-specific data: DWARF's call-site table ---- */

static uint64_t uleb(const uint8_t **p)
{
    uint64_t value = 0;
    int shift = 0;
    uint8_t byte;
    do {
        byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static uint64_t entry(const uint8_t **p, uint8_t encoding)
{
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    switch (encoding & 0x0f) {
    case 0x01: return uleb(p);
    case 0x02: memcpy(&two, *p, 2); *p += 2; return two;
    case 0x03: case 0x0b: memcpy(&four, *p, 4); *p += 4; return four;
    default: memcpy(&eight, *p, 8); *p += 8; return eight;
    }
}

EXPORT _Unwind_Reason_Code __artiq_personality(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                               struct _Unwind_Exception *e, struct _Unwind_Context *context)
{
    const uint8_t *p = (const uint8_t *)_Unwind_GetLanguageSpecificData(context);
    uintptr_t start = _Unwind_GetRegionStart(context), offset;
    int before = 0;
    (void)version, (void)class;
    if (!p || !(actions & _UA_CLEANUP_PHASE))
        return _URC_CONTINUE_UNWIND;
    offset = _Unwind_GetIPInfo(context, &before) - start - !before;
    if (*p++ != 0xff)                           /* landing pads count from the function's start, as LLVM writes them */
        return _URC_FATAL_PHASE2_ERROR;
    if (*p++ != 0xff)
        uleb(&p);
    uint8_t encoding = *p++;
    uint64_t length = uleb(&p);
    for (const uint8_t *end = p + length; p < end;) {
        uint64_t from = entry(&p, encoding), size = entry(&p, encoding), pad = entry(&p, encoding);
        uleb(&p);
        if (offset < from)
            break;
        if (offset < from + size) {
            if (!pad)
                break;
            _Unwind_SetGR(context, __builtin_eh_return_data_regno(0), (uintptr_t)e);
            _Unwind_SetGR(context, __builtin_eh_return_data_regno(1), (uintptr_t)&top()->exception);
            _Unwind_SetIP(context, start + pad);
            return _URC_INSTALL_CONTEXT;
        }
    }
    return _URC_CONTINUE_UNWIND;
}

/* ---- entry ---- */

EXPORT int run_kernel(void (*entry_point)(void))
{
    depth = traced = 0;
    memset(flight, 0, sizeof flight);
    boundary = (uintptr_t)__builtin_frame_address(0);
    int left = setjmp(outermost);
    if (left)
        return left;
    entry_point();
    return FINISHED;
}

EXPORT int uncaught(struct exception *into, int most)
{
    for (int i = 0; i < depth && i < most; i++)
        into[i] = flight[order[i]].exception;
    return depth;
}

EXPORT int frames_left(uintptr_t *into, int most)
{
    int n = traced < most ? traced : most;
    memcpy(into, trace, sizeof *trace * n);
    return n;
}
