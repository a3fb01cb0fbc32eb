// Many tensors in one launch, a block a chunk; part of kernels.cu.
//
// rows: ROW numbers a tensor (addresses, then its length, then two packed floats); chunks: the tensor and the chunk's number in it.

#define ROW 6
#define AT(row, i) ((float *)(size_t)(row)[i])
#define SPAN(row)                                                                                                                \
    const u64 *row = rows + (u64)ROW * chunks[2 * BLOCK_X];                                                                      \
    u64 from = (u64)chunks[2 * BLOCK_X + 1] * chunk, to = from + chunk < row[4] ? from + chunk : row[4];

DEVICE float packed(u64 bits, u32 which) {
    union {
        u32 bits;
        float value;
    } number;
    number.bits = (u32)(bits >> (32 * which));
    return number.value;
}

// AdamW (Loshchilov and Hutter 2019) as PyTorch does it: rows of parameter, gradient, m, v, length, (keep, rate).
KERNEL adamw_many(const u64 *rows, const u32 *chunks, u32 chunk, float b1, float g1, float b2, float g2, float root, float eps) {
    SPAN(row)
    float *p = AT(row, 0), *m = AT(row, 2), *v = AT(row, 3);
    const float *grad = AT(row, 1);
    float keep = packed(row[5], 0), rate = packed(row[5], 1);
    for (u64 i = from + THREAD; i < to; i += THREADS) {
        float g = grad[i], mean = b1 * m[i] + g1 * g, square = b2 * v[i] + g2 * (g * g);
        m[i] = mean;
        v[i] = square;
        p[i] = keep * p[i] - rate * mean / (ROOT(square) * root + eps);
    }
}

// shadow = keep shadow + take value: rows of shadow, value, -, -, length, (keep, take).
KERNEL ema_many(const u64 *rows, const u32 *chunks, u32 chunk) {
    SPAN(row)
    float *shadow = AT(row, 0);
    const float *value = AT(row, 1);
    float keep = packed(row[5], 0), take = packed(row[5], 1);
    for (u64 i = from + THREAD; i < to; i += THREADS) shadow[i] = keep * shadow[i] + take * value[i];
}

// The sum of squares of each chunk: rows of tensor, -, -, -, length, -.
KERNEL squares_many(const u64 *rows, const u32 *chunks, u32 chunk, float *sums) {
    SPAN(row)
    const float *x = AT(row, 0);
    float sum = 0.0f, nothing = 0.0f;
    for (u64 i = from + THREAD; i < to; i += THREADS) sum += x[i] * x[i];
    block_sums(&sum, &nothing);
    if (THREAD == 0) sums[BLOCK_X] = sum;
}

// out = x times a number on the device: rows of tensor, out, -, -, length, -.
KERNEL scale_many(const u64 *rows, const u32 *chunks, u32 chunk, const float *factor) {
    SPAN(row)
    const float *x = AT(row, 0);
    float *out = AT(row, 1);
    for (u64 i = from + THREAD; i < to; i += THREADS) out[i] = x[i] * factor[0];
}
