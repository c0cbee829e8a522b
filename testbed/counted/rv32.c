/* An RV32IMFD processor: executes what ARTIQ compiles for a Kasli, and counts its instructions.

From the RISC-V unprivileged specification, version 20191213. Integers and doubles follow it to the bit; the exception
flags of floating point are not kept. Memory is one piece; code that leaves it for the doors above it has called the
firmware, which is Python (testbed.counted). */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct machine {
    uint32_t x[32];
    uint64_t f[32];
    uint32_t pc, base, size, doors;             /* memory is [base, base + size); doors begin at `doors` */
    uint64_t instructions;
    uint8_t *memory;
};
enum { AT_A_DOOR, EXHAUSTED, ILLEGAL, OUTSIDE };

static int inside(const struct machine *m, uint32_t address, uint32_t length)
{
    return address - m->base <= m->size - length;
}

static int64_t load(const struct machine *m, uint32_t address, uint32_t length, int *fault)
{
    uint64_t value = 0;
    if (!inside(m, address, length))
        return *fault = 1, 0;
    memcpy(&value, m->memory + (address - m->base), length);
    return (int64_t)value;
}

static void store(const struct machine *m, uint32_t address, uint64_t value, uint32_t length, int *fault)
{
    if (!inside(m, address, length))
        *fault = 1;
    else
        memcpy(m->memory + (address - m->base), &value, length);
}

/* ---- integers ---- */

static uint32_t divide(int32_t a, int32_t b)
{
    return b == 0 ? -1u : a == INT32_MIN && b == -1 ? (uint32_t)a : (uint32_t)(a / b);
}

static uint32_t remainder_of(int32_t a, int32_t b)
{
    return b == 0 ? (uint32_t)a : a == INT32_MIN && b == -1 ? 0 : (uint32_t)(a % b);
}

static int multiply(uint32_t kind, uint32_t a, uint32_t b, uint32_t *result)
{
    switch (kind) {
    case 0: *result = a * b; return 1;
    case 1: *result = (uint32_t)(((int64_t)(int32_t)a * (int32_t)b) >> 32); return 1;
    case 2: *result = (uint32_t)(((int64_t)(int32_t)a * (int64_t)b) >> 32); return 1;
    case 3: *result = (uint32_t)(((uint64_t)a * b) >> 32); return 1;
    case 4: *result = divide((int32_t)a, (int32_t)b); return 1;
    case 5: *result = b ? a / b : -1u; return 1;
    case 6: *result = remainder_of((int32_t)a, (int32_t)b); return 1;
    default: *result = b ? a % b : a; return 1;
    }
}

/* `other` is bit 30 of the instruction: subtract, arithmetic shift. */
static int arithmetic(uint32_t kind, int other, uint32_t a, uint32_t b, uint32_t *result)
{
    switch (kind) {
    case 0: *result = other ? a - b : a + b; return 1;
    case 1: *result = a << (b & 31); return !other;
    case 2: *result = (int32_t)a < (int32_t)b; return !other;
    case 3: *result = a < b; return !other;
    case 4: *result = a ^ b; return !other;
    case 5: *result = other ? (uint32_t)((int32_t)a >> (b & 31)) : a >> (b & 31); return 1;
    case 6: *result = a | b; return !other;
    default: *result = a & b; return !other;
    }
}

static int taken(uint32_t kind, uint32_t a, uint32_t b)
{
    switch (kind) {
    case 0: return a == b;
    case 1: return a != b;
    case 4: return (int32_t)a < (int32_t)b;
    case 5: return (int32_t)a >= (int32_t)b;
    case 6: return a < b;
    case 7: return a >= b;
    default: return -1;
    }
}

/* ---- floating point: registers hold doubles, or singles boxed in ones ---- */

static double as_double(uint64_t bits) { double d; memcpy(&d, &bits, 8); return d; }
static uint64_t of_double(double d)
{
    uint64_t bits;
    if (isnan(d))
        return 0x7ff8000000000000u;             /* the canonical one */
    memcpy(&bits, &d, 8);
    return bits;
}
static float as_single(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float s;
    if (bits >> 32 != 0xffffffffu)
        low = 0x7fc00000u;
    memcpy(&s, &low, 4);
    return s;
}
static uint64_t of_single(float s)
{
    uint32_t bits;
    if (isnan(s))
        bits = 0x7fc00000u;
    else
        memcpy(&bits, &s, 4);
    return 0xffffffff00000000u | bits;
}

static double rounded(double d, uint32_t mode)
{
    switch (mode) {
    case 1: return trunc(d);
    case 2: return floor(d);
    case 3: return ceil(d);
    case 4: return round(d);
    default: return nearbyint(d);               /* to nearest even, also the dynamic mode: nobody changes it */
    }
}

static uint32_t to_signed(double d, uint32_t mode)
{
    double r = rounded(d, mode);
    return isnan(d) || r > INT32_MAX ? INT32_MAX : r < INT32_MIN ? (uint32_t)INT32_MIN : (uint32_t)(int32_t)r;
}

static uint32_t to_unsigned(double d, uint32_t mode)
{
    double r = rounded(d, mode);
    return isnan(d) || r > UINT32_MAX ? UINT32_MAX : r < 0 ? 0 : (uint32_t)r;
}

static uint32_t class_of(double d)
{
    int negative = signbit(d) != 0;
    switch (fpclassify(d)) {
    case FP_INFINITE: return negative ? 1 : 1 << 7;
    case FP_NORMAL: return negative ? 1 << 1 : 1 << 6;
    case FP_SUBNORMAL: return negative ? 1 << 2 : 1 << 5;
    case FP_ZERO: return negative ? 1 << 3 : 1 << 4;
    default: return 1 << 9;
    }
}

static double least(double a, double b) { return a < b || (a == b && signbit(a)) || isnan(b) ? a : b; }
static double most(double a, double b) { return a > b || (a == b && !signbit(a)) || isnan(b) ? a : b; }

static uint64_t with_sign(uint32_t kind, uint64_t a, uint64_t b, int bit)
{
    uint64_t sign = (uint64_t)1 << bit, new = kind == 0 ? b : kind == 1 ? ~b : a ^ b;
    return (a & ~sign) | (new & sign);
}

/* One instruction of the opcode OP-FP; 0 if there is no such. */
static int floating(struct machine *m, uint32_t i)
{
    uint32_t rd = i >> 7 & 31, rs1 = i >> 15 & 31, rs2 = i >> 20 & 31, kind = i >> 12 & 7, operation = i >> 27;
    int is_double = i >> 25 & 3;
    uint64_t raw = m->f[rs1], other = m->f[rs2];
    if (is_double > 1)
        return 0;
    double a = is_double ? as_double(raw) : as_single(raw), b = is_double ? as_double(other) : as_single(other), d;
    uint32_t word;
    switch (operation) {
    case 0: d = a + b; break;
    case 1: d = a - b; break;
    case 2: d = a * b; break;
    case 3: d = a / b; break;
    case 11: d = is_double ? sqrt(a) : sqrtf((float)a); break;
    case 5: d = kind == 0 ? least(a, b) : most(a, b); break;
    case 4:
        m->f[rd] = with_sign(kind, raw, other, is_double ? 63 : 31);
        return kind < 3;
    case 8:                                     /* between single and double */
        m->f[rd] = is_double ? of_double(as_single(raw)) : of_single((float)as_double(raw));
        return 1;
    case 26:
        d = rs2 == 0 ? (double)(int32_t)m->x[rs1] : (double)m->x[rs1];
        break;
    case 20:
        word = kind == 2 ? a == b : kind == 1 ? a < b : a <= b;
        goto integer;
    case 24:
        word = rs2 == 0 ? to_signed(a, kind) : to_unsigned(a, kind);
        goto integer;
    case 28:
        word = kind == 1 ? class_of(a) : (uint32_t)raw;
        goto integer;
    case 30:
        m->f[rd] = 0xffffffff00000000u | m->x[rs1];
        return !is_double;
    default:
        return 0;
    }
    m->f[rd] = is_double ? of_double(d) : of_single((float)d);
    return 1;
integer:
    if (rd)
        m->x[rd] = word;
    return 1;
}

static int fused(struct machine *m, uint32_t i)
{
    uint32_t rd = i >> 7 & 31, kind = i >> 2 & 3;
    uint64_t a = m->f[i >> 15 & 31], b = m->f[i >> 20 & 31], c = m->f[i >> 27];
    double product = kind & 2 ? -1.0 : 1.0, sum = kind & 1 ? -1.0 : 1.0;
    if ((i >> 25 & 3) == 1)
        m->f[rd] = of_double(fma(product * as_double(a), as_double(b), sum * as_double(c)));
    else
        m->f[rd] = of_single(fmaf((float)product * as_single(a), as_single(b), (float)sum * as_single(c)));
    return (i >> 25 & 3) < 2;
}

static int32_t jump_of(uint32_t i)
{
    return (int32_t)((i & 0x80000000) >> 11 | (i & 0xff000) | (i >> 9 & 0x800) | (i >> 20 & 0x7fe)) << 11 >> 11;
}

static int32_t branch_of(uint32_t i)
{
    return (int32_t)((i >> 31) << 12 | (i << 4 & 0x800) | (i >> 20 & 0x7e0) | (i >> 7 & 0x1e)) << 19 >> 19;
}

/* Memory instructions; 0 if there is no such. */
static int memory(struct machine *m, uint32_t i, int *fault)
{
    uint32_t kind = i >> 12 & 7, rd = i >> 7 & 31, rs2 = i >> 20 & 31;
    uint32_t from = m->x[i >> 15 & 31] + (uint32_t)((int32_t)i >> 20);
    uint32_t to = m->x[i >> 15 & 31] + (uint32_t)(((int32_t)i >> 25) * 32 + (int32_t)rd);
    int64_t value;
    switch (i & 0x7f) {
    case 0x03:
        if (kind == 3 || kind > 5)
            return 0;
        value = load(m, from, 1u << (kind & 3), fault);
        value = kind == 0 ? (int8_t)value : kind == 1 ? (int16_t)value : value;
        if (rd)
            m->x[rd] = (uint32_t)value;
        return 1;
    case 0x07:
        value = load(m, from, kind == 3 ? 8 : 4, fault);
        m->f[rd] = kind == 3 ? (uint64_t)value : 0xffffffff00000000u | (uint64_t)value;
        return kind == 2 || kind == 3;
    case 0x23:
        store(m, to, m->x[rs2], 1u << kind, fault);
        return kind < 3;
    case 0x27:
        store(m, to, m->f[rs2], kind == 3 ? 8 : 4, fault);
        return kind == 2 || kind == 3;
    default:
        return 0;
    }
}

/* Runs until the code leaves for a door, or for at most so many instructions. */
EXPORT int run(struct machine *m, uint64_t at_most)
{
    int fault = 0, known = 1;
    for (uint64_t n = 0; n < at_most; n++) {
        if (m->pc >= m->doors)
            return AT_A_DOOR;
        uint32_t pc = m->pc, i = (uint32_t)load(m, pc, 4, &fault), next = pc + 4;
        if (fault)
            return OUTSIDE;
        uint32_t rd = i >> 7 & 31, kind = i >> 12 & 7, a = m->x[i >> 15 & 31], b = m->x[i >> 20 & 31], word = 0;
        int writes = 1, is_taken;
        m->instructions++;
        switch (i & 0x7f) {
        case 0x37: word = i & 0xfffff000; break;
        case 0x17: word = pc + (i & 0xfffff000); break;
        case 0x6f: word = next; next = pc + (uint32_t)jump_of(i); break;
        case 0x67: word = next; next = (a + (uint32_t)((int32_t)i >> 20)) & ~1u; break;
        case 0x63:
            writes = 0;
            is_taken = taken(kind, a, b);
            known = is_taken >= 0;
            if (is_taken == 1)
                next = pc + (uint32_t)branch_of(i);
            break;
        case 0x13: known = arithmetic(kind, kind == 5 && i >> 30 & 1, a, (uint32_t)((int32_t)i >> 20), &word); break;
        case 0x33:
            known = i >> 25 == 1 ? multiply(kind, a, b, &word)
                                 : (i >> 25 & 0x5f) == 0 && arithmetic(kind, i >> 30 & 1, a, b, &word);
            break;
        case 0x53: known = floating(m, i); writes = 0; break;
        case 0x43: case 0x47: case 0x4b: case 0x4f: known = fused(m, i); writes = 0; break;
        case 0x0f: writes = 0; break;           /* fence: there is one processor */
        default: known = memory(m, i, &fault); writes = 0; break;
        }
        if (!known || fault)
            return fault ? OUTSIDE : ILLEGAL;
        if (writes && rd)
            m->x[rd] = word;
        m->pc = next;
    }
    return EXHAUSTED;
}
