// What the Go side calls: heif decodes the main picture of the file that host_read
// reads and shows its planes with host_head.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libheif/heif.h>

#define HOST(name) __attribute__((import_module("host"), import_name(name)))

HOST("read") int host_read(int64_t at, void *to, int n);
HOST("head") int host_head(const void *fields, int n);
HOST("fail") void host_fail(const char *text, int n);

// The fields of a picture, in the order that Go reads them.
struct head {
    int32_t width, height, grey, bits, alpha_bits, premultiplied;
    int32_t limited; // grey samples have the limited range
    struct {
        const uint8_t *samples;
        int32_t stride;
    } planes[4]; // red, green, blue or grey; alpha. Samples of more than 8 bits have two bytes
};

static int failed(struct heif_error e) {
    if (e.code == heif_error_Ok)
        return 0;
    host_fail(e.message, strlen(e.message));
    return 1;
}

__attribute__((export_name("heif"))) int heif(int32_t size) {
    uint8_t *file = malloc(size);
    if (!file || host_read(0, file, size) != size)
        return 0;
    struct heif_context *c = heif_context_alloc();
    struct heif_image_handle *handle;
    struct heif_image *m;
    if (failed(heif_context_read_from_memory_without_copy(c, file, size, NULL)) ||
        failed(heif_context_get_primary_image_handle(c, &handle)))
        return 0;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    options->ignore_transformations = 1; // Go turns it
    if (failed(heif_decode_image(handle, &m, heif_colorspace_undefined, heif_chroma_undefined, options)))
        return 0;
    struct head f = {0};
    f.premultiplied = heif_image_handle_is_premultiplied_alpha(handle);
    struct heif_color_profile_nclx *nclx = NULL;
    if (heif_image_get_nclx_color_profile(m, &nclx).code == heif_error_Ok ||
        heif_image_handle_get_nclx_color_profile(handle, &nclx).code == heif_error_Ok)
        f.limited = !nclx->full_range_flag;
    // libheif has made red, green and blue of all else.
    enum heif_channel channels[] = {heif_channel_R, heif_channel_G, heif_channel_B, heif_channel_Alpha};
    if (heif_image_get_colorspace(m) == heif_colorspace_monochrome) {
        f.grey = 1;
        channels[0] = heif_channel_Y;
    }
    f.width = heif_image_get_width(m, channels[0]);
    f.height = heif_image_get_height(m, channels[0]);
    f.bits = heif_image_get_bits_per_pixel_range(m, channels[0]);
    for (int i = 0; i < 4; i++) {
        int stride = 0;
        if (heif_image_has_channel(m, channels[i]) && (i < 3 || (heif_image_get_width(m, channels[3]) == f.width && heif_image_get_height(m, channels[3]) == f.height)))
            f.planes[i].samples = heif_image_get_plane_readonly(m, channels[i], &stride);
        f.planes[i].stride = stride;
    }
    if (f.planes[3].samples)
        f.alpha_bits = heif_image_get_bits_per_pixel_range(m, heif_channel_Alpha);
    return host_head(&f, sizeof f / 4);
}

// libde265 decodes in the thread that asks.
int de265_no_worker_threads(void *c, int n) { return 0; }
