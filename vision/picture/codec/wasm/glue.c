// What the Go side calls: jpeg and tiff decode the file that host_read reads, say with
// host_head what they found, and hand over rows of samples with host_rows.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <tiffio.h>

#define HOST(name) __attribute__((import_module("host"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

// Copies at most n bytes of the file from offset at on and returns how many there were.
HOST("read") int host_read(int64_t at, void *to, int n);
// Takes the fields of struct head, and returns 0 if the picture is not wanted.
HOST("head") int host_head(const void *fields, int n);
// Takes a block of samples: n bytes for w × h pixels at (x, y) of one plane.
HOST("rows") void host_rows(const void *samples, int n, int x, int y, int w, int h, int plane);
// Takes a message about what is wrong.
HOST("fail") void host_fail(const char *text, int n);

static char message[1024];

static void say(const char *text) { host_fail(text, strlen(text)); }

// Ends the call; libraries that would jump out of an error come here.
__attribute__((noreturn)) void longjmp(int *at, int value) { __builtin_trap(); }

// ---- JPEG

static void jpeg_fail(j_common_ptr c) {
    c->err->format_message(c, message);
    say(message);
    __builtin_trap();
}
static void jpeg_silent(j_common_ptr c) {}
static void jpeg_warning(j_common_ptr c, int level) {}

static uint8_t input[1 << 16];
static int64_t input_at;

static void source_none(j_decompress_ptr c) {}

// At the end of the file it returns FALSE: what needs more bytes is truncated.
static boolean source_fill(j_decompress_ptr c) {
    int n = host_read(input_at, input, sizeof input);
    if (n <= 0)
        return FALSE;
    input_at += n;
    c->src->next_input_byte = input;
    c->src->bytes_in_buffer = n;
    return TRUE;
}

static void source_skip(j_decompress_ptr c, long n) {
    while (n > (long)c->src->bytes_in_buffer) {
        n -= c->src->bytes_in_buffer;
        c->src->bytes_in_buffer = 0;
        if (!source_fill(c)) {
            say("unexpected EOF");
            __builtin_trap();
        }
    }
    c->src->next_input_byte += n;
    c->src->bytes_in_buffer -= n;
}

EXPORT("jpeg") int jpeg(void) {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr err;
    struct jpeg_source_mgr src = {0};
    c.err = jpeg_std_error(&err);
    err.error_exit = jpeg_fail;
    err.output_message = jpeg_silent;
    err.emit_message = jpeg_warning;
    jpeg_create_decompress(&c);
    src.init_source = source_none;
    src.fill_input_buffer = source_fill;
    src.skip_input_data = source_skip;
    src.resync_to_restart = jpeg_resync_to_restart;
    src.term_source = source_none;
    c.src = &src;
    if (jpeg_read_header(&c, TRUE) != JPEG_HEADER_OK)
        goto cut;
    if (c.num_components != 1 && c.num_components != 3 && c.num_components != 4) {
        snprintf(message, sizeof message, "%d components are not supported", c.num_components);
        say(message);
        return 0;
    }
    int32_t head[] = {c.image_width, c.image_height, c.num_components};
    if (!host_head(head, 3))
        return 0;
    if (!jpeg_start_decompress(&c))
        goto cut;
    int n = c.output_width * c.output_components;
    JSAMPROW row = malloc(n);
    if (!row) {
        say("too little memory");
        return 0;
    }
    while (c.output_scanline < c.output_height) {
        int y = c.output_scanline;
        if (jpeg_read_scanlines(&c, &row, 1) != 1)
            goto cut;
        host_rows(row, n, 0, y, c.output_width, 1, 0);
    }
    return 1;
cut:
    say("unexpected EOF");
    return 0;
}

// ---- TIFF

static int64_t tiff_at, tiff_size;

static tmsize_t tiff_read(thandle_t h, void *to, tmsize_t n) {
    int got = host_read(tiff_at, to, n);
    if (got > 0)
        tiff_at += got;
    return got;
}
static tmsize_t tiff_write(thandle_t h, void *from, tmsize_t n) { return -1; }
static toff_t tiff_seek(thandle_t h, toff_t at, int whence) {
    if (whence == SEEK_SET)
        tiff_at = at;
    else if (whence == SEEK_CUR)
        tiff_at += at;
    else
        tiff_at = tiff_size + at;
    return tiff_at;
}
static int tiff_close(thandle_t h) { return 0; }
static toff_t tiff_length(thandle_t h) { return tiff_size; }

static void tiff_fail(const char *module, const char *format, va_list args) {
    vsnprintf(message, sizeof message, format, args);
    say(message);
}

// The parts of tif_unix.c that need no files.
void *_TIFFmalloc(tmsize_t n) { return n ? malloc(n) : NULL; }
void *_TIFFcalloc(tmsize_t n, tmsize_t size) { return n && size ? calloc(n, size) : NULL; }
void _TIFFfree(void *p) { free(p); }
void *_TIFFrealloc(void *p, tmsize_t n) { return realloc(p, n); }
void _TIFFmemset(void *p, int v, tmsize_t n) { memset(p, v, n); }
void _TIFFmemcpy(void *to, const void *from, tmsize_t n) { memcpy(to, from, n); }
int _TIFFmemcmp(const void *a, const void *b, tmsize_t n) { return memcmp(a, b, n); }
TIFFErrorHandler _TIFFwarningHandler = NULL;
TIFFErrorHandler _TIFFerrorHandler = tiff_fail;

// The fields of a file, in the order that Go reads them.
struct head {
    int32_t width, height, bits, samples, format, photometric, planar;
    int32_t rgba;         // blocks hold four samples of 8 bits, converted to red, green, blue
    int32_t extra, alpha; // how many extra samples there are, and what the first one is
    uint16_t *red, *green, *blue;
    int32_t inks;         // 1 for cyan, magenta, yellow, black
};

static int tiff_rgba(TIFF *t, struct head *f, uint32_t rows) {
    TIFFRGBAImage m;
    if (!TIFFRGBAImageOK(t, message) || !TIFFRGBAImageBegin(&m, t, 1, message)) {
        say(message);
        return 0;
    }
    m.req_orientation = m.orientation;
    if (rows > m.height)
        rows = m.height;
    uint32_t *block = malloc((size_t)m.width * rows * 4);
    if (!block) {
        say("too little memory");
        return 0;
    }
    for (uint32_t y = 0; y < m.height; y += rows) {
        uint32_t h = m.height - y < rows ? m.height - y : rows;
        m.row_offset = y;
        m.col_offset = 0;
        if (!TIFFRGBAImageGet(&m, block, m.width, h))
            return 0;
        host_rows(block, m.width * h * 4, 0, y, m.width, h, 0);
    }
    return 1;
}

EXPORT("tiff") int tiff(int64_t size) {
    tiff_size = size;
    TIFF *t = TIFFClientOpen("", "rm", NULL, tiff_read, tiff_write, tiff_seek, tiff_close, tiff_length, NULL, NULL);
    if (!t)
        return 0;
    struct head f = {0};
    uint32_t rows = 0, tile_w = 0, tile_h = 0;
    uint16_t bits, samples, format, photometric = 0, planar, compression, extra = 0, *extras = NULL, inks;
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &f.width);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &f.height);
    TIFFGetFieldDefaulted(t, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(t, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(t, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(t, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(t, TIFFTAG_INKSET, &inks);
    TIFFGetFieldDefaulted(t, TIFFTAG_ROWSPERSTRIP, &rows);
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extra, &extras);
    TIFFGetField(t, TIFFTAG_PHOTOMETRIC, &photometric);
    if (photometric == PHOTOMETRIC_PALETTE && !TIFFGetField(t, TIFFTAG_COLORMAP, &f.red, &f.green, &f.blue)) {
        say("no palette");
        return 0;
    }
    int tiled = TIFFIsTiled(t);
    if (tiled) {
        TIFFGetField(t, TIFFTAG_TILEWIDTH, &tile_w);
        TIFFGetField(t, TIFFTAG_TILELENGTH, &tile_h);
        rows = tile_h;
    }
    f.bits = bits, f.samples = samples, f.format = format, f.photometric = photometric, f.planar = planar;
    f.extra = extra, f.alpha = extra ? extras[0] : -1, f.inks = inks;
    switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_PALETTE:
    case PHOTOMETRIC_MASK:
    case PHOTOMETRIC_SEPARATED:
        break;
    case PHOTOMETRIC_YCBCR:
        if (compression == COMPRESSION_JPEG && planar == PLANARCONFIG_CONTIG && samples == 3) {
            TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
            f.photometric = PHOTOMETRIC_RGB;
            break;
        }
    default:
        f.rgba = 1;
    }
    if (compression == COMPRESSION_OJPEG)
        f.rgba = 1;
    if (!host_head(&f, sizeof f / 4))
        return 0;
    if (f.rgba)
        return tiff_rgba(t, &f, rows);
    int planes = planar == PLANARCONFIG_SEPARATE ? samples : 1;
    tmsize_t n = tiled ? TIFFTileSize(t) : TIFFScanlineSize(t);
    uint8_t *block = n > 0 ? malloc(n) : NULL;
    if (!block) {
        say("too little memory");
        return 0;
    }
    for (int plane = 0; plane < planes; plane++) {
        if (!tiled) {
            for (uint32_t y = 0; y < f.height; y++) {
                if (TIFFReadScanline(t, block, y, plane) < 0)
                    return 0;
                host_rows(block, n, 0, y, f.width, 1, plane);
            }
            continue;
        }
        for (uint32_t y = 0; y < f.height; y += tile_h) {
            for (uint32_t x = 0; x < f.width; x += tile_w) {
                if (TIFFReadTile(t, block, x, y, 0, plane) < 0)
                    return 0;
                host_rows(block, n, x, y, tile_w, tile_h, plane);
            }
        }
    }
    return 1;
}

