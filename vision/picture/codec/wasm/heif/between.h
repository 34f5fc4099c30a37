// A chroma sample of lower resolution at pixel (x, y): ¾ of the nearer and ¼ of the
// farther one in each direction that is halved.
template <class Pixel>
static inline float between(const Pixel *plane, int stride, int x, int y, int half_w, int half_h, int width, int height) {
    int i = x, far_i = x, j = y, far_j = y;
    if (half_w) {
        int n = (width + 1) / 2;
        i = x / 2, far_i = i + 2 * (x % 2) - 1;
        far_i = far_i < 0 ? 0 : far_i >= n ? n - 1 : far_i;
    }
    if (half_h) {
        int n = (height + 1) / 2;
        j = y / 2, far_j = j + 2 * (y % 2) - 1;
        far_j = far_j < 0 ? 0 : far_j >= n ? n - 1 : far_j;
    }
    const Pixel *a = plane + j * stride, *b = plane + far_j * stride;
    return (9 * a[i] + 3 * a[far_i] + 3 * b[i] + b[far_i]) / 16.0f;
}
