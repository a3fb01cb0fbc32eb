// Runs the CUDA kernels' text on the host: a thread a thread, block after block, and compares with loops written out.
// Prints what is off; exit status 1 if anything is.

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 16
#define KERNEL static void
#define DEVICE static
#define SHARED static
#define ROOT sqrtf
#define THREAD ((unsigned)omp_get_thread_num())
#define BARRIER() _Pragma("omp barrier")

static unsigned BLOCK_X, BLOCK_Y, GRID_X, GRID_Y;

#include "../../src/ops/cuda/kernels.cu"

// All blocks of a grid, one after the other.
#define LAUNCH(x, y, call)                                                                                                       \
    do {                                                                                                                         \
        GRID_X = x, GRID_Y = y;                                                                                                  \
        for (BLOCK_Y = 0; BLOCK_Y < GRID_Y; BLOCK_Y++)                                                                           \
            for (BLOCK_X = 0; BLOCK_X < GRID_X; BLOCK_X++) {                                                                     \
                _Pragma("omp parallel num_threads(THREADS)") call;                                                               \
            }                                                                                                                    \
    } while (0)

static unsigned failures;
static void same(const char *what, const float *got, const double *expected, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (isnan(expected[i]) ? !isnan(got[i]) : !(fabs(got[i] - expected[i]) <= 2e-5 * (1.0 + fabs(expected[i])))) {
            printf("%s: number %zu of %zu is %.7g, expected %.7g\n", what, i, n, got[i], expected[i]);
            failures++;
            return;
        }
}
static u64 state = 88172645463325252ull;
static float draw(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (float)(state >> 40) / (1 << 23) - 1.0f;
}
static float *drawn(size_t n) {
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = draw();
    return x;
}
static double *zeros(size_t n) { return calloc(n, sizeof(double)); }
#define FLOATS(name, n) float *name = malloc((n) * sizeof(float)); memset(name, 0xff, (n) * sizeof(float)) /* NaN until written */

static void batch_norm(u32 b, u32 c, u32 plane, u32 splits, int with_residual, u32 relu, float offset) {
    u32 count = b * plane;
    u64 len = (u64)count * c;
    float *x = drawn(len), *both = drawn(2 * c), *residual = with_residual ? drawn(len) : NULL, *dy = drawn(len), eps = 1e-3f;
    for (u64 i = 0; i < len; i++) x[i] += offset;
    float *running = drawn(2 * c), *before = malloc(2 * c * sizeof *before), *both_running = with_residual ? running : NULL;
    memcpy(before, running, 2 * c * sizeof *before);
    FLOATS(partial, 2 * splits * c); FLOATS(mean, c); FLOATS(var, c); FLOATS(saved, 3 * c); FLOATS(y, len);
    u32 per_channel = (c + THREADS - 1) / THREADS;
    LAUNCH(c, splits, moments_partial(x, partial, c, plane, count));
    LAUNCH(per_channel, 1, moments_finish(x, partial, both, both + c, mean, var, saved, both_running,
                                          both_running ? running + c : NULL, c, plane, count, splits, eps, 0.75f, 0.25f));
    LAUNCH(3, 1, scale_shift(x, saved + c, saved + 2 * c, residual, y, c, plane, len, relu));
    FLOATS(sums, 2 * c); FLOATS(dx, len); FLOATS(dres, len); FLOATS(plain, c); FLOATS(dx2, len); FLOATS(sums2, 2 * c);
    const float *gate = relu ? y : NULL;
    LAUNCH(c, splits, gradients_partial(x, dy, gate, mean, saved, partial, c, plane, count));
    LAUNCH(per_channel, 1, gradients_finish(partial, sums, sums + c, c, splits));
    LAUNCH(2, 1, scale_shift_back(x, dy, gate, mean, saved, saved + c, sums, dx, dres, c, plane, len, count));
    // with given statistics: y = scale x + shift
    LAUNCH(c, splits, gradients_partial(x, dy, gate, NULL, NULL, partial, c, plane, count));
    LAUNCH(per_channel, 1, gradients_finish(partial, sums2, sums2 + c, c, splits));
    LAUNCH(2, 1, scale_shift_back(x, dy, gate, NULL, NULL, both, sums2, dx2, NULL, c, plane, len, count));
    // a bias's gradient
    LAUNCH(c, splits, gradients_partial(NULL, dy, NULL, NULL, NULL, partial, c, plane, count));
    LAUNCH(per_channel, 1, gradients_finish(partial, NULL, plain, c, splits));

    double *em = zeros(c), *ev = zeros(c), *ey = zeros(len), *edx = zeros(len), *edx2 = zeros(len), *edr = zeros(len);
    double *es = zeros(2 * c), *es2 = zeros(2 * c), *ep = zeros(c), *er = zeros(2 * c);
#define EACH(channel) for (u32 n = 0; n < b; n++) for (u64 i = ((u64)n * c + channel) * plane, j = 0; j < plane; i++, j++)
    for (u32 k = 0; k < c; k++) {
        double m = 0, v = 0;
        EACH(k) m += x[i];
        m /= count;
        EACH(k) v += (x[i] - m) * (x[i] - m);
        em[k] = m, ev[k] = v / (count - 1);
        er[k] = before[k], er[c + k] = before[c + k];
        if (both_running) er[k] = 0.75 * before[k] + 0.25 * m, er[c + k] = 0.75 * before[c + k] + 0.25 * ev[k];
        double inverse = 1 / sqrt(v / count + eps);
        EACH(k) {
            ey[i] = both[k] * (x[i] - m) * inverse + both[c + k] + (residual ? residual[i] : 0);
            if (relu && ey[i] < 0) ey[i] = 0;
            double g = edr[i] = relu && !(y[i] > 0) ? 0 : dy[i];
            es[k] += g * (x[i] - m) * inverse, es[c + k] += g;
            es2[k] += g * x[i], es2[c + k] += g, edx2[i] = both[k] * g;
            ep[k] += dy[i];
        }
        EACH(k) edx[i] = both[k] * inverse * (edr[i] - es[c + k] / count - (x[i] - m) * inverse * es[k] / count);
    }
    same("mean", mean, em, c), same("variance", var, ev, c), same("normalized", y, ey, len);
    same("running statistics", running, er, 2 * c);
    same("sums", sums, es, 2 * c), same("dx", dx, edx, len), same("residual", dres, edr, len);
    same("sums, given statistics", sums2, es2, 2 * c), same("dx, given statistics", dx2, edx2, len), same("bias", plain, ep, c);
}

static void pool(u32 planes, u32 h, u32 w, u32 kernel, u32 stride, u32 padding, int with_nan) {
    u32 oh = (h + 2 * padding - kernel) / stride + 1, ow = (w + 2 * padding - kernel) / stride + 1;
    u64 in = (u64)planes * h * w, out = (u64)planes * oh * ow;
    float *x = drawn(in), *dy = drawn(out);
    for (u64 i = 0; i < in; i++) x[i] = with_nan && i % 7 < 2 ? NAN : roundf(2 * x[i]); // ties
    float *y = calloc(out, sizeof *y);
    FLOATS(dx, in);
    u8 *at = malloc(out);
    LAUNCH(2, 1, max_pool(x, y, at, out, h, w, oh, ow, kernel, stride, padding));
    LAUNCH(3, 1, max_pool_back(dy, at, dx, in, h, w, oh, ow, kernel, stride, padding));
    double *ey = zeros(out), *edx = zeros(in);
    for (u64 o = 0; o < out; o++) {
        long row = (long)(o / ow % oh) * stride - padding, column = (long)(o % ow) * stride - padding;
        u64 first = o / ow / oh * h * w, best = 0;
        int found = 0;
        for (long i = row; i < row + (long)kernel; i++)
            for (long j = column; j < column + (long)kernel; j++) {
                if (i < 0 || j < 0 || i >= (long)h || j >= (long)w) continue;
                u64 here = first + (u64)i * w + (u64)j;
                if (!found || x[here] > x[best] || isnan(x[here])) best = here, found = 1;
            }
        ey[o] = x[best], edx[best] += dy[o];
    }
    same("max pool", y, ey, out), same("max pool's gradient", dx, edx, in);
}

static void nearest(u32 planes, u32 h, u32 w) {
    u64 in = (u64)planes * h * w;
    float *x = drawn(in), *dy = drawn(4 * in);
    FLOATS(y, 4 * in); FLOATS(dx, in);
    LAUNCH(2, 1, nearest2(x, y, 4 * in, h, w));
    LAUNCH(2, 1, nearest2_back(dy, dx, in, h, w));
    double *ey = zeros(4 * in), *edx = zeros(in);
    for (u64 p = 0; p < planes; p++)
        for (u64 i = 0; i < 2 * h; i++)
            for (u64 j = 0; j < 2 * w; j++) {
                u64 large = (p * 2 * h + i) * 2 * w + j, small = (p * h + i / 2) * w + j / 2;
                ey[large] = x[small], edx[small] += dy[large];
            }
    same("nearest", y, ey, 4 * in), same("nearest's gradient", dx, edx, in);
}

#include "convolutions.c"

// Division by 32 bits, and beyond.
static void divisions(void) {
    const u64 some[] = {0, 1, 6, 7, 8, 4294967295ull, 4294967296ull, 4294967297ull, 1234567890123456789ull, ~0ull};
    const u32 by[] = {1, 2, 7, 65537, 4294967295u};
    for (u32 i = 0; i < sizeof some / sizeof *some; i++)
        for (u32 j = 0; j < sizeof by / sizeof *by; j++) {
            u32 left = 99;
            u64 got = divided(some[i], by[j], &left);
            if (got == some[i] / by[j] && left == some[i] % by[j]) continue;
            printf("%llu / %u is %llu, rest %u\n", some[i], by[j], got, left);
            failures++;
        }
}

// NaN passes every ReLU, as in PyTorch, and so does its gradient: a diverged network shows.
static void nan_shows(u32 plane) {
    enum { B = 2, C = 3 };
    u64 len = (u64)B * C * plane;
    float *x = drawn(len), *bias = drawn(C), *scale = drawn(C), *dy = drawn(len), *y = malloc(len * sizeof *y);
    float *z = calloc(len, sizeof *z), *g = calloc(len, sizeof *g), *dx = calloc(len, sizeof *dx), *dres = calloc(len, sizeof *dres);
    float partial[2 * C], sums[2 * C];
    double *ey = zeros(len), *ez = zeros(len), *eg = zeros(len), *edx = zeros(len), *es = zeros(2 * C);
    for (u64 i = 0; i < len; i++) {
        u32 k = i / plane % C;
        if (i % 5 == 2) x[i] = NAN;
        y[i] = x[i];
        double b = (double)x[i] + bias[k], s = (double)x[i] * scale[k] + bias[k];
        ey[i] = b <= 0 ? 0 : b, ez[i] = s <= 0 ? 0 : s, eg[i] = s <= 0 ? 0 : dy[i];
        edx[i] = scale[k] * eg[i], es[C + k] += eg[i];
    }
    LAUNCH(2, 1, bias_relu(y, bias, C, plane, len, 1));
    LAUNCH(3, 1, scale_shift(x, scale, bias, NULL, z, C, plane, len, 1));
    LAUNCH(2, 1, relu_mask(z, dy, g, len));
    LAUNCH(C, 1, gradients_partial(NULL, dy, z, NULL, NULL, partial, C, plane, B * plane));
    LAUNCH(1, 1, gradients_finish(partial, sums, sums + C, C, 1));
    LAUNCH(2, 1, scale_shift_back(x, dy, z, NULL, NULL, scale, sums, dx, dres, C, plane, len, B * plane));
    same("NaN, bias and ReLU", y, ey, len), same("NaN, normalized", z, ez, len), same("NaN, ReLU's gradient", g, eg, len);
    same("NaN, sums", sums, es, 2 * C), same("NaN, dx", dx, edx, len), same("NaN, residual", dres, eg, len);
}

static u64 floats(float a, float b) {
    u32 low, high;
    memcpy(&low, &a, 4), memcpy(&high, &b, 4);
    return low | (u64)high << 32;
}
#define ADDRESS(p) ((u64)(size_t)(p))

static void many(void) {
    enum { TENSORS = 3, CHUNK = 37 };
    const u64 lens[TENSORS] = {1, 100, CHUNK * 2};
    u64 rows[TENSORS * ROW];
    u32 chunks[64], blocks = 0;
    float *t[TENSORS][4], keep = 0.99f, rate = 0.01f;
    double *p[TENSORS], *m[TENSORS], *v[TENSORS], *g[TENSORS], *e[TENSORS], squares = 0;
    for (u32 k = 0; k < TENSORS; k++) {
        for (int i = 0; i < 4; i++) t[k][i] = drawn(lens[k]), rows[k * ROW + i] = ADDRESS(t[k][i]);
        p[k] = zeros(lens[k]), m[k] = zeros(lens[k]), v[k] = zeros(lens[k]), g[k] = zeros(lens[k]), e[k] = zeros(lens[k]);
        for (u64 i = 0; i < lens[k]; i++) {
            t[k][3][i] = fabsf(t[k][3][i]);
            m[k][i] = 0.9 * t[k][2][i] + 0.1 * t[k][1][i];
            v[k][i] = 0.99 * t[k][3][i] + 0.01 * t[k][1][i] * t[k][1][i];
            p[k][i] = 0.99 * t[k][0][i] - 0.01 * m[k][i] / (sqrt(v[k][i]) * 1.5 + 1e-3);
            squares += (double)t[k][1][i] * t[k][1][i];
        }
        rows[k * ROW + 4] = lens[k], rows[k * ROW + 5] = floats(keep, rate);
        for (u32 n = 0; n * CHUNK < lens[k]; n++) chunks[2 * blocks] = k, chunks[2 * blocks++ + 1] = n;
    }
    LAUNCH(blocks, 1, adamw_many(rows, chunks, CHUNK, 0.9f, 0.1f, 0.99f, 0.01f, 1.5f, 1e-3f));
    for (u32 k = 0; k < TENSORS; k++) {
        same("parameter", t[k][0], p[k], lens[k]), same("m", t[k][2], m[k], lens[k]), same("v", t[k][3], v[k], lens[k]);
        // shadows: 2 of 0
        rows[k * ROW] = ADDRESS(t[k][2]), rows[k * ROW + 1] = ADDRESS(t[k][0]), rows[k * ROW + 5] = floats(0.75f, 0.25f);
        for (u64 i = 0; i < lens[k]; i++) e[k][i] = 0.75 * t[k][2][i] + 0.25 * t[k][0][i];
    }
    LAUNCH(blocks, 1, ema_many(rows, chunks, CHUNK));
    for (u32 k = 0; k < TENSORS; k++) {
        same("average", t[k][2], e[k], lens[k]);
        rows[k * ROW] = ADDRESS(t[k][1]), rows[k * ROW + 1] = ADDRESS(t[k][3]);
        for (u64 i = 0; i < lens[k]; i++) g[k][i] = -1.5 * t[k][1][i];
    }
    FLOATS(sums, blocks);
    LAUNCH(blocks, 1, squares_many(rows, chunks, CHUNK, sums));
    float sum = 0, factor = -1.5f;
    for (u32 i = 0; i < blocks; i++) sum += sums[i];
    same("squares", &sum, &squares, 1);
    LAUNCH(blocks, 1, scale_many(rows, chunks, CHUNK, &factor));
    for (u32 k = 0; k < TENSORS; k++) same("scaled", t[k][3], g[k], lens[k]);
}

int main(void) {
    omp_set_dynamic(0);
    batch_norm(3, 5, 12, 1, 1, 1, 0);
    batch_norm(2, 20, 9, 3, 0, 0, 0);
    batch_norm(4, 2, 35, 2, 1, 0, 0.5f);
    batch_norm(2, 3, 50, 4, 0, 1, 0);
    for (u32 h = 5; h < 9; h += 3) {
        for (int with_nan = 0; with_nan < 2; with_nan++) {
            pool(3, h, 6, 2, 2, 0, with_nan);
            pool(2, h, 7, 3, 2, 1, with_nan);
            pool(2, h, 5, 3, 1, 1, with_nan);
            pool(2, h, 5, 2, 3, 1, with_nan);
            pool(2, h, 5, 5, 2, 2, with_nan);
        }
        nan_shows(h);
        nearest(3, h, 4);
        convolutions_ends(2, h, 11);
        upsampled(2, 3, h, 4);
        upsampled(5, 1, 1, h);
    }
    divisions();
    many();
    return failures != 0;
}
