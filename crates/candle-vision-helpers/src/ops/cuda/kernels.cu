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

// a / b and what is left of a: in 32 bits where a has no more, since a GPU takes many more instructions to divide 64.
DEVICE u64 divided(u64 a, u32 b, u32 *left) {
    if (a >> 32) {
        *left = (u32)(a % b);
        return a / b;
    }
    *left = (u32)a % b;
    return (u32)a / b;
}

// The channel of the element i of (batch, channels, plane).
DEVICE u32 channel_of(u64 i, u32 channels, u32 plane) {
    u32 channel, pixel;
    divided(divided(i, plane, &pixel), channels, &channel);
    return channel;
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
// Running statistics, where there are any, become keep times themselves and take times those of the batch.
KERNEL moments_finish(const float *x, const float *partial, const float *gamma, const float *beta, float *mean, float *var,
                      float *saved, float *running_mean, float *running_var, u32 channels, u32 plane, u32 count, u32 splits,
                      float eps, float keep, float take) {
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
    float unbiased = (float)(biased * count / (count - 1)), scale = gamma[channel] * inverse;
    mean[channel] = m;
    var[channel] = unbiased;
    saved[channel] = inverse;
    saved[channels + channel] = scale;
    saved[2 * channels + channel] = beta[channel] - m * scale;
    if (running_mean) running_mean[channel] = keep * running_mean[channel] + take * m;
    if (running_var) running_var[channel] = keep * running_var[channel] + take * unbiased;
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
        u32 channel = channel_of(i, channels, plane);
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
        u32 channel = channel_of(i, channels, plane);
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
        if (bias) v += bias[channel_of(i, channels, plane)];
        y[i] = relu && v <= 0.0f ? 0.0f : v;
    }
}

// The gradient in front of a ReLU that gave out.
KERNEL relu_mask(const float *out, const float *dy, float *g, u64 len) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) g[i] = out[i] <= 0.0f ? 0.0f : dy[i];
}

// The weights (o, c, 3, 3) of a convolution of maps twice the size (nearest), as those (c, o, 4, 4) of a transposed one at stride
// 2: along each axis, tap t of four is the sum of those of three that see the same pixel, 2 - t and 3 - t.
KERNEL upsampled_weights(const float *w, float *sums, u64 len, u32 o, u32 c) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) {
        int row = (int)(i / 4 % 4), column = (int)(i % 4);
        u32 to;
        u64 from = divided(i / 16, o, &to);
        const float *taps = w + (to * (u64)c + from) * 9;
        float sum = 0.0f;
        for (int a = 2 - row; a <= 3 - row; a++)
            for (int b = 2 - column; b <= 3 - column; b++)
                if (a >= 0 && a < 3 && b >= 0 && b < 3) sum += taps[3 * a + b];
        sums[i] = sum;
    }
}

// The gradient of the weights (o, c, 3, 3) from that of the sums: each tap is in two by two of them.
KERNEL upsampled_weights_back(const float *dsums, float *dw, u64 len, u32 o, u32 c) {
    for (u64 i = (u64)BLOCK_X * THREADS + THREAD; i < len; i += (u64)GRID_X * THREADS) {
        int row = (int)(i / 3 % 3), column = (int)(i % 3);
        u32 from;
        u64 to = divided(i / 9, c, &from);
        const float *taps = dsums + (from * (u64)o + to) * 16;
        float sum = 0.0f;
        for (int a = 2 - row; a <= 3 - row; a++)
            for (int b = 2 - column; b <= 3 - column; b++) sum += taps[4 * a + b];
        dw[i] = sum;
    }
}

// ---- pooling and twice the size, one thread per element of the output ----

// The first maximum in row-major order, and its place in the window; the last NaN counts as the largest, as in PyTorch.
KERNEL max_pool(const float *x, float *y, u8 *at, u64 len, u32 h, u32 w, u32 oh, u32 ow, u32 kernel, u32 stride, u32 padding) {
    for (u64 o = (u64)BLOCK_X * THREADS + THREAD; o < len; o += (u64)GRID_X * THREADS) {
        u32 column, row, tap = 0;
        const float *from = x + divided(divided(o, ow, &column), oh, &row) * h * w;
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
        u32 j, i;
        u64 first = divided(divided(e, w, &j), h, &i) * oh * ow;
        j += padding, i += padding;
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
        u32 column, row;
        u64 plane = divided(divided(o, 2 * w, &column), 2 * h, &row);
        y[o] = x[(plane * h + row / 2) * w + column / 2];
    }
}

KERNEL nearest2_back(const float *dy, float *dx, u64 len, u32 h, u32 w) {
    for (u64 e = (u64)BLOCK_X * THREADS + THREAD; e < len; e += (u64)GRID_X * THREADS) {
        u32 column;
        u64 row = divided(e, w, &column);
        const float *from = dy + row * 4 * w + 2 * (u64)column;
        dx[e] = from[0] + from[1] + from[2 * w] + from[2 * w + 1];
    }
}

#include "many.cu"
