/* Direct memory access: traces of outputs, recorded with times relative to the cursor at their beginning. */
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

#define TRACES 64

struct trace { char *name; int32_t name_length; int64_t duration; struct event *events; int64_t count, room; };
static struct trace traces[TRACES];
static struct trace *recording;

struct retrieved { int64_t duration; int32_t number; _Bool uses_ddma; };

static void forget(struct trace *t)
{
    free(t->name);
    free(t->events);
    memset(t, 0, sizeof *t);
}

static struct trace *find(const char *name, int32_t length)
{
    for (struct trace *t = traces; t < traces + TRACES; t++)
        if (t->name && t->name_length == length && !memcmp(t->name, name, length))
            return t;
    return NULL;
}

int record(int32_t target, const uint32_t *data, int32_t words)
{
    struct trace *t = recording;
    if (!t)
        return 0;
    for (int32_t i = 0; i < words; i++) {
        if (t->count == t->room) {
            t->room = t->room ? 2 * t->room : 256;
            t->events = realloc(t->events, t->room * sizeof *t->events);
        }
        t->events[t->count++] = (struct event){cursor(), 0, i ? CONTINUES : target, data[i]};
    }
    return 1;
}

static void start(const char *name, int32_t length)
{
    struct trace *t = find(name, length);
    if (recording)
        raise_own(DMA_ERROR, "DMA is already recording", 0, 0, 0);
    if (t)
        forget(t);
    for (t = traces; t < traces + TRACES && t->name; t++) ;
    if (t == traces + TRACES)
        raise_own(DMA_ERROR, "DMA: more than 64 traces", 0, 0, 0);
    t->name = memcpy(malloc(length + 1), name, length);
    t->name_length = length;
    recording = t;
}

static void erase(const char *name, int32_t length)
{
    struct trace *t = find(name, length);
    if (t)
        forget(t);
}

static struct retrieved retrieve(const char *name, int32_t length)
{
    struct trace *t = find(name, length);
    if (!t)
        raise_own(DMA_ERROR, "DMA trace not found", 0, 0, 0);
    return (struct retrieved){t->duration, (int32_t)(t - traces), 0};
}

EXPORT void dma_record_stop(int64_t duration, _Bool enable_ddma)
{
    (void)enable_ddma;
    if (!recording)
        raise_own(DMA_ERROR, "DMA is not recording", 0, 0, 0);
    recording->duration = duration;
    recording = NULL;
}

EXPORT void dma_playback(int64_t timestamp, int32_t number, _Bool uses_ddma)
{
    const struct trace *t = &traces[number];
    (void)uses_ddma;
    for (int64_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        if (e->target != CONTINUES)
            submit(timestamp + e->time, e->target, 0);  /* the gateware does it */
        put(timestamp + e->time, e->target, e->data);
    }
}

/* Strings as arguments: see services.c. */
struct stacked { struct slice text; int64_t unused; };
EXPORT void dma_record_start(struct slice name) { start(name.ptr, name.len); }
EXPORT void dma_record_start_stacked(struct stacked name) { start(name.text.ptr, name.text.len); }
EXPORT void dma_erase(struct slice name) { erase(name.ptr, name.len); }
EXPORT void dma_erase_stacked(struct stacked name) { erase(name.text.ptr, name.text.len); }
EXPORT void dma_retrieve(struct retrieved *into, struct slice name) { *into = retrieve(name.ptr, name.len); }
EXPORT void dma_retrieve_stacked(struct retrieved *into, struct stacked name)
{
    *into = retrieve(name.text.ptr, name.text.len);
}
