// The kernels of `ops` on CUDA. All tensors are contiguous f32, NCHW.
//
// A ReLU is closed where a number is at or below 0, so that NaN passes both ways, as in PyTorch: a diverged network shows.
//
// Plain C without warp intrinsics: tests/cuda_kernels.rs compiles this text for the host too and runs it, block by block, against
// loops written out. Every sum has a fixed order, so that a run repeats.

#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__
#define SHARED __shared__
#define BARRIER() __syncthreads()
#define THREAD threadIdx.x
#define BLOCK_X blockIdx.x
#define BLOCK_Y blockIdx.y
#define GRID_X gridDim.x
#define GRID_Y gridDim.y
#define ROOT sqrtf
#define THREADS 256
#endif

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

// Sums two values over the block; all threads get them.
DEVICE void block_sums(float *a, float *b) {
    SHARED float left[THREADS];
    SHARED float right[THREADS];
    left[THREAD] = *a;
    right[THREAD] = *b;
    BARRIER();
    for (u32 half = THREADS / 2; half > 0; half /= 2) {
        if (THREAD < half) {
            left[THREAD] += left[THREAD + half];
            right[THREAD] += right[THREAD + half];
        }
        BARRIER();
    }
    *a = left[0];
    *b = right[0];
    BARRIER();
}

// The place in memory of a channel's element e, counted through the batch.
DEVICE u64 place(u32 e, u32 channel, u32 channels, u32 plane) {
    return ((u64)(e / plane) * channels + channel) * plane + e % plane;
}

// ---- sums over the elements of a channel: grid (channels, splits), partial (2, splits, channels) ----

// Sums of x - x0 and of its square, x0 being the channel's first element: no digits are lost where the mean is far from 0.
KERNEL moments_partial(const float *x, float *partial, u32 channels, u32 plane, u32 count) {
    u32 channel = BLOCK_X;
    float x0 = x[(u64)channel * plane], sum = 0.0f, square = 0.0f;
    for (u32 e = BLOCK_Y * THREADS + THREAD; e < count; e += GRID_Y * THREADS) {
        float d = x[place(e, channel, channels, plane)] - x0;
        sum += d;
        square += d * d;
    }
    block_sums(&sum, &square);
    if (THREAD == 0) {
        partial[BLOCK_Y * channels + channel] = sum;
        partial[(GRID_Y + BLOCK_Y) * channels + channel] = square;
    }
}

// mean and unbiased variance, and in saved (3, channels): 1 / sqrt(var + eps), and scale and shift of the whole normalization.
KERNEL moments_finish(const float *x, const float *partial, const float *gamma_beta, float *mean, float *var, float *saved,
                      u32 channels, u32 plane, u32 count, u32 splits, float eps) {
    u32 channel = BLOCK_X * THREADS + THREAD;
    if (channel >= channels) return;
    double sum = 0.0, square = 0.0;
    for (u32 s = 0; s < splits; s++) {
        sum += partial[s * channels + channel];
        square += partial[(splits + s) * channels + channel];
    }
    double off = sum / count, biased = square / count - off * off;
    if (biased < 0.0) biased = 0.0;
    float m = (float)(x[(u64)channel * plane] + off);
    float inverse = (float)(1.0 / sqrt(biased + eps));
    float scale = gamma_beta[channel] * inverse;
    mean[channel] = m;
    var[channel] = (float)(biased * count / (count - 1));
    saved[channel] = inverse;
    saved[channels + channel] = scale;
    saved[2 * channels + channel] = gamma_beta[channels + channel] - m * scale;
}

// Sums of the gradient g behind the ReLU's gate (none where gate is null) and of g times the normalized x (x itself without a mean).
// Without x: of g alone.
KERNEL gradients_partial(const float *x, const float *dy, const float *gate, const float *mean, const float *inverse,
                         float *partial, u32 channels, u32 plane, u32 count) {
    u32 channel = BLOCK_X;
    float m = mean ? mean[channel] : 0.0f, by = mean ? inverse[channel] : 1.0f, sum = 0.0f, product = 0.0f;
    for (u32 e = BLOCK_Y * THREADS + THREAD; e < count; e += GRID_Y * THREADS) {
        u64 i = place(e, channel, channels, plane);
        float g = gate && gate[i] <= 0.0f ? 0.0f : dy[i];
        sum += g;
        if (x) product += g * ((x[i] - m) * by);
    }
    block_sums(&sum, &product);
    if (THREAD == 0) {
        partial[BLOCK_Y * channels + channel] = sum;
        partial[(GRID_Y + BLOCK_Y) * channels + channel] = product;
    }
}

// products (channels) and sums (channels) of what gradients_partial left, either may be null.
KERNEL gradients_finish(const float *partial, float *products, float *sums, u32 channels, u32 splits) {
    u32 channel = BLOCK_X * THREADS + THREAD;
    if (channel >= channels) return;
    double sum = 0.0, product = 0.0;
    for (u32 s = 0; s < splits; s++) {
        sum += partial[s * channels + channel];
        product += partial[(splits + s) * channels + channel];
    }
    if (sums) sums[channel] = (float)sum;
    if (products) products[channel] = (float)product;
}

// ---- batch normalization, one thread per element ----

// y = relu?(scale x + shift (+ residual))
KERNEL scale_shift(const float *x, const float *scale, const float *shift, const float *residual, float *y, u32 channels,
                   u32 plane, u64 len, u32 relu) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) {
        u32 channel = (u32)(i / plane % channels);
        float v = x[i] * scale[channel] + shift[channel];
        if (residual) v += residual[i];
        y[i] = relu && v <= 0.0f ? 0.0f : v;
    }
}

// dx, and where it is wanted the residual's gradient g. With a mean the batch's own statistics were used, which takes
// mean(g) and xhat mean(g xhat) off g (Ioffe and Szegedy 2015); sums is (2, channels), g xhat first.
KERNEL scale_shift_back(const float *x, const float *dy, const float *gate, const float *mean, const float *inverse,
                        const float *scale, const float *sums, float *dx, float *dresidual, u32 channels, u32 plane, u64 len,
                        u32 count) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) {
        u32 channel = (u32)(i / plane % channels);
        float g = gate && gate[i] <= 0.0f ? 0.0f : dy[i];
        if (dresidual) dresidual[i] = g;
        if (mean) {
            float hat = (x[i] - mean[channel]) * inverse[channel];
            g -= (sums[channels + channel] + hat * sums[channel]) / count;
        }
        dx[i] = scale[channel] * g;
    }
}

// ---- what stands around a convolution ----

// y = relu?(y + bias) in place; bias may be null.
KERNEL bias_relu(float *y, const float *bias, u32 channels, u32 plane, u64 len, u32 relu) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) {
        float v = y[i];
        if (bias) v += bias[i / plane % channels];
        y[i] = relu && v <= 0.0f ? 0.0f : v;
    }
}

// The gradient in front of a ReLU that gave out.
KERNEL relu_mask(const float *out, const float *dy, float *g, u64 len) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) g[i] = out[i] <= 0.0f ? 0.0f : dy[i];
}

// ---- pooling and twice the size, one thread per element of the output ----

// The first maximum in row-major order, and its place in the window; the last NaN counts as the largest, as in PyTorch.
KERNEL max_pool(const float *x, float *y, u8 *at, u64 len, u32 h, u32 w, u32 oh, u32 ow, u32 kernel, u32 stride, u32 padding) {
    for (u64 o = (u64)BLOCK_X * THREADS + THREAD; o < len; o += (u64)GRID_X * THREADS) {
        u32 column = (u32)(o % ow), row = (u32)(o / ow % oh), tap = 0;
        const float *from = x + o / ow / oh * h * w;
        float best = 0.0f;
        int found = 0;
        for (u32 a = 0; a < kernel; a++) {
            for (u32 b = 0; b < kernel; b++) {
                u32 i = row * stride + a, j = column * stride + b;
                if (i < padding || j < padding || i - padding >= h || j - padding >= w) continue;
                float v = from[(u64)(i - padding) * w + (j - padding)];
                if (!found || v > best || v != v) {
                    best = v;
                    tap = a * kernel + b;
                    found = 1;
                }
            }
        }
        y[o] = best;
        at[o] = (u8)tap;
    }
}

// A thread an element of the input: it asks each window that holds it.
KERNEL max_pool_back(const float *dy, const u8 *at, float *dx, u64 len, u32 h, u32 w, u32 oh, u32 ow, u32 kernel, u32 stride,
                     u32 padding) {
    for (u64 e = (u64)BLOCK_X * THREADS + THREAD; e < len; e += (u64)GRID_X * THREADS) {
        u32 j = (u32)(e % w) + padding, i = (u32)(e / w % h) + padding;
        u64 first = e / w / h * oh * ow;
        float sum = 0.0f;
        for (u32 row = i < kernel ? 0 : (i - kernel) / stride + 1; row < oh && row * stride <= i; row++) {
            for (u32 column = j < kernel ? 0 : (j - kernel) / stride + 1; column < ow && column * stride <= j; column++) {
                u64 o = first + (u64)row * ow + column;
                if (at[o] == (i - row * stride) * kernel + (j - column * stride)) sum += dy[o];
            }
        }
        dx[e] = sum;
    }
}

KERNEL nearest2(const float *x, float *y, u64 len, u32 h, u32 w) {
    for (u64 o = (u64)BLOCK_X * THREADS + THREAD; o < len; o += (u64)GRID_X * THREADS) {
        u32 column = (u32)(o % (2 * w)), row = (u32)(o / (2 * w) % (2 * h));
        y[o] = x[(o / (2 * w) / (2 * h) * h + row / 2) * w + column / 2];
    }
}

KERNEL nearest2_back(const float *dy, float *dx, u64 len, u32 h, u32 w) {
    for (u64 e = (u64)BLOCK_X * THREADS + THREAD; e < len; e += (u64)GRID_X * THREADS) {
        u64 row = e / w;
        const float *from = dy + row * 4 * w + 2 * (e % w);
        dx[e] = from[0] + from[1] + from[2 * w] + from[2 * w + 1];
    }
}

// ---- many tensors in one launch: a block a chunk ----
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
