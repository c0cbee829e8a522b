/* Everything else a kernel may ask of its core device: RPCs, the log, I2C, the cache. */
#include <stdarg.h>
#include <stdio.h>

#include "runtime.h"

EXPORT int64_t cost_rpc, cost_async_rpc;         /* ns, set by the host */

EXPORT void rpc_send(int32_t service, const struct slice *tag, void **arguments)
{
    wall += cost_rpc;
    if (host.rpc_send(service, tag->ptr, tag->len, arguments, 0) < 0)
        abort_kernel();
}

EXPORT void rpc_send_async(int32_t service, const struct slice *tag, void **arguments)
{
    wall += cost_async_rpc;
    if (host.rpc_send(service, tag->ptr, tag->len, arguments, 1) < 0)
        abort_kernel();
}

EXPORT int32_t rpc_recv(void *slot)
{
    struct exception failure;
    int64_t size = host.rpc_recv(slot, &failure);
    if (size == FAILED)
        raise_again(&failure);
    if (size < 0)
        abort_kernel();
    return (int32_t)size;
}

EXPORT void core_log(const char *format, ...)
{
    char text[4096];
    va_list rest;
    va_start(rest, format);
    int length = vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    host.log(text, length < (int)sizeof text ? length : (int)sizeof text - 1);
}

enum { START, RESTART, STOP, WRITE, READ, SELECT };  /* testbed.boards.i2c */

static int64_t i2c(int32_t what, int32_t bus, int32_t a, int32_t b)
{
    int64_t answer = host.i2c(what, bus, a, b);
    if (answer == ABORT)
        abort_kernel();
    if (answer < 0)
        raise_own(I2C_ERROR, "I2C bus {0}: nobody answers", bus, 0, 0);
    return answer;
}

EXPORT void i2c_start(int32_t bus) { i2c(START, bus, 0, 0); }
EXPORT void i2c_restart(int32_t bus) { i2c(RESTART, bus, 0, 0); }
EXPORT void i2c_stop(int32_t bus) { i2c(STOP, bus, 0, 0); }
EXPORT _Bool i2c_write(int32_t bus, int32_t data) { return i2c(WRITE, bus, data, 0) != 0; }
EXPORT int32_t i2c_read(int32_t bus, _Bool ack) { return (int32_t)i2c(READ, bus, ack, 0); }
EXPORT void i2c_switch_select(int32_t bus, int32_t address, int32_t mask) { i2c(SELECT, bus, address, mask); }

/* Strings as arguments: release-8 puts the pair on the stack, 9-beta passes it like two scalars. A structure of more than
   16 bytes makes a C compiler look for it where release-8 puts it; testbed.compiled.target chooses by the name. */
struct stacked { struct slice text; int64_t unused; };
EXPORT const struct slice *cache_get(struct slice key) { return host.cache_get(key.ptr, key.len); }
EXPORT const struct slice *cache_get_stacked(struct stacked key) { return host.cache_get(key.text.ptr, key.text.len); }
EXPORT void cache_put(struct slice key, const struct slice *list)
{
    host.cache_put(key.ptr, key.len, (const int32_t *)list->ptr, list->len);
}
EXPORT void cache_put_stacked(struct stacked key, const struct slice *list)
{
    host.cache_put(key.text.ptr, key.text.len, (const int32_t *)list->ptr, list->len);
}
