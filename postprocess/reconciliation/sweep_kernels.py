"""Compiled sweeps of layered sum-product decoding over circulant rows (numba).

A segment is a run of checks that share their edges' blocks and shifts: lane j of an edge touches the variable at
block * Z + (start + j) mod Z. So every step of the algorithm is a contiguous vector operation. Lanes are worked on in
chunks of LANES, which keeps a chunk's messages in the first-level cache; the messages lie in memory in that very order.

Check rule in one division per message: with t = tanh(q/2) and p = (-1)^s prod t over the whole check,
    r = 2 atanh(p / t) = ln((t + p) / (t - p)).
Ratios are natural-log. exp and ln are degree-4 polynomials, good to 1e-5 and 1e-4: far below what belief propagation
notices. Messages, six to a bit, are most of a decoder's memory: they are kept as int16 multiples of 2^-11, hardly
coarser than ln itself; posteriors are float32. fastmath stays without reassoc, nnan and ninf, so results do not depend
on vector width.
"""

from __future__ import annotations

import numpy as np

from postprocess.support.compile_cache import njit

LANES = 64
SEGMENT_FIELDS = ("first edge", "last edge + 1", "checks", "first check", "first message")

_FASTMATH = {"nsz", "arcp", "contract", "afn"}
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": _FASTMATH}

_ONE = np.float32(1.0)
_LEAST = np.float32(1e-6)  # keeps t away from 0, where p / t would be undefined
_MOST = np.float32(16.0)  # float32 cannot tell tanh(8) from 1
_BELOW_ONE = np.float32(1.0 - 2.0**-22)  # so that |p| < |t| even in a check of degree 1
_STEP = np.float32(2.0**-11)  # of a stored message; |r| stays below 16, see _MOST and _BELOW_ONE
_STEPS = np.float32(2.0**11)
_ROUND = np.float32(1.5 * 2.0**23)  # added to a number below 2^22: the lowest bits are then the nearest whole number
_SIGN = np.int32(-(2**31))
_LOG2_E = np.float32(1.4426950408889634)
_LN_2 = np.float32(0.6931471805599453)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_BIAS = np.float32(127.0)
_MANTISSA = np.int32(23)
_EXP_1, _EXP_2, _EXP_3, _EXP_4 = (np.float32(c) for c in (0.69303212, 0.241379764, 0.0520323686, 0.0135557467))
_LOG_1, _LOG_2, _LOG_3, _LOG_4 = (np.float32(c) for c in (0.999352155, -0.502465471, 0.358713798, -0.228484845))


@njit(**_OPTIONS)
def exp_of_negative(x):
    """e^x for float32 x in [-80, 0]; exact at 0, relative error below 1e-5."""
    z = x * _LOG2_E + _BIAS
    whole = np.int32(z)
    f = z - np.float32(whole)
    power = _ONE + f * (_EXP_1 + f * (_EXP_2 + f * (_EXP_3 + f * _EXP_4)))
    return np.int32(whole << _MANTISSA).view(np.float32) * power


@njit(**_OPTIONS)
def log_of_positive(x):
    """ln x for normal positive float32; exact at 1, absolute error below 1e-4."""
    pattern = np.float32(x).view(np.int32)
    exponent = (pattern - _SQRT_HALF_BITS) >> _MANTISSA
    f = np.int32(pattern - np.int32(exponent << _MANTISSA)).view(np.float32) - _ONE
    return np.float32(exponent) * _LN_2 + f * (_LOG_1 + f * (_LOG_2 + f * (_LOG_3 + f * _LOG_4)))


@njit(**_OPTIONS)
def _tanh_half(q):
    """tanh(q/2) with its sign, kept off 0 and 1."""
    magnitude = min(max(abs(q), _LEAST), _MOST)
    a = exp_of_negative(-magnitude)
    t = (_ONE - a) / (_ONE + a)
    return np.int32(np.float32(t).view(np.int32) | (np.float32(q).view(np.int32) & _SIGN)).view(np.float32)


@njit(**_OPTIONS)
def stored_message(r):
    """Ratio r, float32 in (-16, 16), as the nearest whole number of steps, int16."""
    return np.int16(np.float32(r * _STEPS + _ROUND).view(np.int32))


@njit(**_OPTIONS)
def ratio_of(stored):
    """Ratio, float32, of a stored message."""
    return np.float32(np.int32(stored)) * _STEP


@njit(**_OPTIONS)
def _update_chunk(posterior, messages, syndrome, edges, lift, first_edge, degree, lane, count, check, message, work):
    """Update one chunk of checks; number of them that the posteriors before did not satisfy.

    `lane`, `count`: first check of the chunk inside its segment and how many; `check`, `message`: index of the first
    check's syndrome bit and message; `work` float32 (2, degree, LANES) scratch.
    """
    product = np.empty(LANES, np.float32)
    parity = np.zeros(LANES, np.int32)
    for j in range(LANES):
        product[j] = _BELOW_ONE
    for j in range(count):
        bit = np.int32(syndrome[np.uint64(check + j)])
        parity[j] = bit << np.int32(31)
        product[j] = np.int32(np.float32(_BELOW_ONE).view(np.int32) | parity[j]).view(np.float32)
    for e in range(degree):
        start = edges[first_edge + e, 1] + lane
        if start >= lift:
            start -= lift
        base = edges[first_edge + e, 0] + start
        whole = min(count, lift - start)
        row = message + e * LANES
        for j in range(whole):
            p = posterior[np.uint64(base + j)]
            parity[j] ^= np.float32(p).view(np.int32)
            work[0, e, j] = p - ratio_of(messages[np.uint64(row + j)])
        for j in range(whole, count):
            p = posterior[np.uint64(base - lift + j)]
            parity[j] ^= np.float32(p).view(np.int32)
            work[0, e, j] = p - ratio_of(messages[np.uint64(row + j)])
        for j in range(LANES):
            t = _tanh_half(work[0, e, j])
            work[1, e, j] = t
            product[j] *= t
    for e in range(degree):
        start = edges[first_edge + e, 1] + lane
        if start >= lift:
            start -= lift
        base = edges[first_edge + e, 0] + start
        whole = min(count, lift - start)
        row = message + e * LANES
        for j in range(LANES):
            t = work[1, e, j]
            r = log_of_positive((t + product[j]) / (t - product[j]))
            stored = stored_message(r)
            work[0, e, j] = ratio_of(stored) - ratio_of(messages[np.uint64(row + j)])
            messages[np.uint64(row + j)] = stored
        # adding the change keeps posteriors right even where a chunk meets a variable twice
        for j in range(whole):
            posterior[np.uint64(base + j)] += work[0, e, j]
        for j in range(whole, count):
            posterior[np.uint64(base - lift + j)] += work[0, e, j]
    unsatisfied = 0
    for j in range(count):
        unsatisfied += parity[j] < 0
    return unsatisfied


@njit(**_OPTIONS)
def sweep(posterior, messages, syndrome, segments, edges, first_segments, lift, first, last, step, unsatisfied):
    """Sweep once over the check positions first, first + step, ..., last (inclusive), updating every check in turn.

    Arrays: `posterior` float32 (blocks * Z,) and `messages` int16 (see `stored_message`), both updated; `syndrome`
    uint8 (m,); `segments` int64 (k, 5), see SEGMENT_FIELDS; `edges` int64 (E, 2) block origin and start;
    `first_segments` int64 (positions + 1,); `unsatisfied` int64 (positions,) receives for each position how many checks
    were unsatisfied when their turn came.
    """
    most = 0
    for s in range(segments.shape[0]):
        most = max(most, segments[s, 1] - segments[s, 0])
    work = np.zeros((2, most, LANES), np.float32)
    position = first
    while (position - last) * step <= 0:
        count = 0
        for s in range(first_segments[position], first_segments[position + 1]):
            degree = segments[s, 1] - segments[s, 0]
            for lane in range(0, segments[s, 2], LANES):
                count += _update_chunk(
                    posterior, messages, syndrome, edges, lift, segments[s, 0], degree, lane,
                    min(LANES, segments[s, 2] - lane), segments[s, 3] + lane, segments[s, 4] + lane * degree, work,
                )  # fmt: skip
        unsatisfied[position] = count
        position += step


@njit(**_OPTIONS)
def parities(bits, segments, edges, lift, syndrome):
    """Parity of every check: `bits` uint8 (blocks * Z,) in graph order, `syndrome` uint8 (m,) receives 0/1."""
    for s in range(segments.shape[0]):
        check = segments[s, 3]
        count = segments[s, 2]
        for j in range(count):
            syndrome[np.uint64(check + j)] = 0
        for e in range(segments[s, 0], segments[s, 1]):
            start = edges[e, 1]
            base = edges[e, 0] + start
            whole = min(count, lift - start)
            for j in range(whole):
                syndrome[np.uint64(check + j)] ^= bits[np.uint64(base + j)]
            for j in range(whole, count):
                syndrome[np.uint64(check + j)] ^= bits[np.uint64(base - lift + j)]
