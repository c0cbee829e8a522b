/* The RTIO queue with its clock: the counter moves when the CPU works, waits for an input, or finds the queue full. */
#include <string.h>

#include "runtime.h"

#define QUEUE 65536
#define DEPTH 1024                              /* eight lanes of 128 events */

EXPORT uint32_t now[2];                         /* the cursor, pinned by the compiler: high word first */
EXPORT int64_t wall;                            /* what the RTIO counter says */
/* ns of CPU time, set by the host: by target, by channel without and with the time of the event. */
EXPORT int32_t cost_output[1 << 16], cost_input[2][1 << 8];
EXPORT int64_t cost_clock, reset_margin;
EXPORT struct event queue[QUEUE];
EXPORT int64_t queued, outputs;
static int64_t lanes[DEPTH];

int64_t cursor(void) { return (int64_t)((uint64_t)now[0] << 32 | now[1]); }

static void drain(void)
{
    if (host.drain() < 0)
        abort_kernel();
}

void put(int64_t time, int32_t target, uint32_t data)
{
    if (queued == QUEUE)
        drain();
    queue[queued++] = (struct event){time, wall, target, data};
}

void submit(int64_t time, int32_t target, int64_t cost)
{
    int64_t *lane = &lanes[outputs++ % DEPTH];
    wall += cost;
    if (*lane > wall)                           /* full of events that are not due yet: the CPU waits */
        wall = *lane;
    if (time < wall)
        raise_own(UNDERFLOW, "RTIO underflow at {1} mu, channel {0}, slack {2} mu", (uint32_t)target >> 8, time,
                  time - wall);
    *lane = time;
}

EXPORT void rtio_output(int32_t target, int32_t data)
{
    uint32_t word = (uint32_t)data;
    if (record(target, &word, 1))
        return;
    submit(cursor(), target, cost_output[target & 0xFFFF]);
    put(cursor(), target, word);
}

EXPORT void rtio_output_wide(int32_t target, const struct slice *list)
{
    const uint32_t *words = (const uint32_t *)list->ptr;
    if (record(target, words, list->len))
        return;
    submit(cursor(), target, cost_output[target & 0xFFFF]);
    for (int i = 0; i < list->len; i++)
        put(cursor(), i ? CONTINUES : target, words[i]);
}

static struct stamped input(int64_t timeout, int32_t channel, int with_time)
{
    struct stamped found = {-1, 0};
    int64_t status = host.input(timeout, channel, &found);
    if (status == ABORT)
        abort_kernel();
    if (status == RAN_OVER)
        raise_own(OVERFLOW, "RTIO input overflow on channel {0}", channel, 0, 0);
    if (status == NO_SUCH_CHANNEL)
        raise_own(UNREACHABLE, "RTIO channel {0}: nothing is connected", channel, 0, 0);
    int64_t until = status == ARRIVED ? found.time : timeout;
    wall = (until > wall ? until : wall) + cost_input[with_time][channel & 0xFF];
    if (status == TIMED_OUT)
        found.time = -1;
    return found;
}

EXPORT int64_t rtio_input_timestamp(int64_t timeout, int32_t channel) { return input(timeout, channel, 1).time; }
EXPORT int32_t rtio_input_data(int32_t channel) { return input(INT64_MAX, channel, 0).data; }

/* The compiler takes this pair through a pointer on every target, whatever the platform's C would do. */
EXPORT void rtio_input_timestamped_data(struct stamped *into, int64_t timeout, int32_t channel)
{
    *into = input(timeout < 0 ? INT64_MAX : timeout, channel, 1);
}

EXPORT int64_t rtio_get_counter(void)
{
    static uint32_t calls;
    if (!(++calls & 0xFFFFF))
        drain();                                /* a kernel that only waits can be interrupted, too */
    wall += cost_clock;
    return wall & ~7;                           /* it counts coarse cycles */
}

EXPORT void rtio_init(void)
{
    wall += reset_margin;
    put(wall, RESET, 0);
    drain();
    memset(lanes, 0, sizeof lanes);
}

EXPORT _Bool rtio_get_destination_status(int32_t destination) { return destination == 0; }
EXPORT void rtio_log(const char *format, ...) { (void)format; }  /* goes to the analyzer, of which there is none */
