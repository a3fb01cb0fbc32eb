// What stands around convolutions; part of host.c.

static void convolutions_ends(u32 b, u32 c, u32 plane) {
    u64 len = (u64)b * c * plane;
    float *y = drawn(len), *bias = drawn(c), *dy = drawn(len), *before = malloc(len * sizeof *y);
    memcpy(before, y, len * sizeof *y);
    FLOATS(g, len);
    LAUNCH(2, 1, bias_relu(y, bias, c, plane, len, 1));
    LAUNCH(2, 1, relu_mask(y, dy, g, len));
    double *ey = zeros(len), *eg = zeros(len);
    for (u64 i = 0; i < len; i++) {
        ey[i] = fmax(before[i] + bias[i / plane % c], 0);
        eg[i] = ey[i] > 0 ? dy[i] : 0;
    }
    same("bias and ReLU", y, ey, len), same("ReLU's gradient", g, eg, len);
}

// A convolution of maps twice the size is a transposed one with the sums of its weights, and so is the gradient.
static void upsampled(u32 o, u32 c, u32 h, u32 w) {
    u64 taps = (u64)o * c * 9, sums = (u64)o * c * 16;
    float *weights = drawn(taps), *dsums = drawn(sums), *x = drawn((u64)c * h * w);
    FLOATS(made, sums); FLOATS(dw, taps);
    LAUNCH(2, 1, upsampled_weights(weights, made, sums, o, c));
    LAUNCH(2, 1, upsampled_weights_back(dsums, dw, taps, o, c));
    double *large = zeros((u64)o * 4 * h * w), *edw = zeros(taps);
    float *transposed = calloc((u64)o * 4 * h * w, sizeof *transposed);
    for (u32 k = 0; k < o; k++)
        for (u32 l = 0; l < c; l++) {
            for (long i = 0; i < 2 * (long)h; i++)
                for (long j = 0; j < 2 * (long)w; j++)
                    for (long a = 0; a < 3; a++)
                        for (long b = 0; b < 3; b++) {
                            long from_i = i + a - 1, from_j = j + b - 1;
                            if (from_i < 0 || from_j < 0 || from_i >= 2 * (long)h || from_j >= 2 * (long)w) continue;
                            large[(k * 2 * h + i) * 2 * w + j] +=
                                weights[(k * c + l) * 9 + 3 * a + b] * x[(l * h + from_i / 2) * w + from_j / 2];
                        }
            for (long i = 0; i < (long)h; i++)
                for (long j = 0; j < (long)w; j++)
                    for (long a = 0; a < 4; a++)
                        for (long b = 0; b < 4; b++) {
                            long to_i = 2 * i + a - 1, to_j = 2 * j + b - 1;
                            if (to_i < 0 || to_j < 0 || to_i >= 2 * (long)h || to_j >= 2 * (long)w) continue;
                            transposed[(k * 2 * h + to_i) * 2 * w + to_j] +=
                                made[(l * o + k) * 16 + 4 * a + b] * x[(l * h + i) * w + j];
                        }
            // taps of three in each of four
            const u32 in[4][3] = {{0, 0, 1}, {0, 1, 1}, {1, 1, 0}, {1, 0, 0}};
            for (u32 t = 0; t < 16; t++)
                for (u32 r = 0; r < 9; r++)
                    edw[(k * c + l) * 9 + r] += in[t / 4][r / 3] * in[t % 4][r % 3] * dsums[(l * o + k) * 16 + t];
        }
    same("doubled maps", transposed, large, (u64)o * 4 * h * w), same("doubled maps' weights", dw, edw, taps);
}
