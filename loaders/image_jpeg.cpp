// JPEG: what the markers say (size, EXIF orientation), then the pixels through libjpeg-turbo or stb_image.
#include <algorithm>
#include <array>
#include <climits>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "loaders/image_decoders.h"
#ifdef POSY_HAVE_JPEG_TURBO
#include <jpeglib.h>
// jerror.h needs jpeglib.h before it.
#include <jerror.h>
#ifndef LIBJPEG_TURBO_VERSION
#error "jpeglib.h is not libjpeg-turbo's: its pixels differ from TensorFlow's. Configure with -DPOSY_JPEG_TURBO=OFF."
#endif
#endif

namespace posy {
namespace {

// A progressive photo has about 10 scans. Each scan is a pass over all coefficients, so thousands of empty ones make a
// small file that takes minutes; libjpeg-turbo's own tests use the same bound.
constexpr int kMaxScans = 500;

constexpr uint32_t kOrientationTag = 0x0112;  // EXIF 2.32, 4.6.5.1.6
constexpr uint32_t kShortType = 3;

// EXIF orientation 1..8 in the payload of an APP1 segment; 0 when it is not there or makes no sense.
int exif_orientation(std::span<const uint8_t> app1) {
  constexpr std::array<uint8_t, 6> kExif = {'E', 'x', 'i', 'f', 0, 0};
  if (app1.size() < kExif.size() || !std::equal(kExif.begin(), kExif.end(), app1.begin())) return 0;
  const auto tiff = app1.subspan(kExif.size());  // all offsets count from here
  if (tiff.size() < 8) return 0;
  const bool big = tiff[0] == 'M' && tiff[1] == 'M';
  if (!big && !(tiff[0] == 'I' && tiff[1] == 'I')) return 0;
  const auto number = [big](ByteReader& from, int bytes) {
    return big ? from.big_endian(bytes) : from.little_endian(bytes);
  };

  ByteReader header(tiff, 2);
  if (number(header, 2) != 42) return 0;
  ByteReader directory(tiff, number(header, 4));
  const uint32_t entries = number(directory, 2);
  for (uint32_t i = 0; i < entries && directory.ok(); ++i) {
    const uint32_t tag = number(directory, 2);
    const uint32_t type = number(directory, 2);
    const uint32_t count = number(directory, 4);
    const uint32_t value = number(directory, 2);
    directory.take(2);
    if (tag != kOrientationTag) continue;
    const bool sane = directory.ok() && type == kShortType && count == 1 && value >= 1 && value <= 8;
    return sane ? static_cast<int>(value) : 0;
  }
  return 0;
}

struct JpegFacts {
  uint32_t width = 0;  // 0 until a frame header was seen
  uint32_t height = 0;
  int components = 0;
  uint32_t bits = 0;
  int scans = 0;
  int orientation = 0;
  bool adobe_marker = false;
  bool tables_sane = true;  // no Huffman table has more than 256 codes
  bool complete = false;    // an end-of-image marker was reached
};

// A DHT segment: tables of one class byte, 16 counts, and as many symbols as the counts add up to.
bool huffman_tables_sane(std::span<const uint8_t> segment) {
  ByteReader tables(segment);
  while (tables.at() < segment.size() && tables.ok()) {
    tables.take(1);
    uint32_t symbols = 0;
    for (const uint8_t count : tables.take(16)) symbols += count;
    if (symbols > 256) return false;
    tables.take(symbols);
  }
  return tables.ok();
}

void note_segment(JpegFacts& facts, uint32_t marker, std::span<const uint8_t> segment) {
  const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
  if (frame && facts.components == 0) {
    ByteReader in(segment);
    facts.bits = in.big_endian(1);
    facts.height = in.big_endian(2);
    facts.width = in.big_endian(2);
    facts.components = static_cast<int>(in.big_endian(1));
  }
  if (marker == 0xc4) facts.tables_sane = facts.tables_sane && huffman_tables_sane(segment);
  if (marker == 0xda) ++facts.scans;
  if (marker == 0xe1 && facts.orientation == 0) facts.orientation = exif_orientation(segment);
  if (marker == 0xee && segment.size() >= 12 && std::memcmp(segment.data(), "Adobe", 5) == 0) {
    facts.adobe_marker = true;
  }
}

// Walks the markers of the whole file. A marker is 0xff and a byte other than 0 and 0xff, which never occurs within
// coded data, so looking for the next one skips the coded data and, as libjpeg does, rubbish between segments.
JpegFacts walk_markers(std::span<const uint8_t> bytes) {
  JpegFacts facts;
  ByteReader in(bytes, 2);  // behind SOI
  while (in.ok()) {
    const auto rest = bytes.subspan(in.at());
    const void* found = rest.empty() ? nullptr : std::memchr(rest.data(), 0xff, rest.size());
    if (!found) break;
    in.take(static_cast<uint64_t>(static_cast<const uint8_t*>(found) - rest.data()));
    uint32_t marker = 0xff;
    while (in.ok() && marker == 0xff) marker = in.big_endian(1);
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;  // these have no segment
    if (marker == 0xd9) {
      facts.complete = true;
      break;
    }
    const uint32_t length = in.big_endian(2);  // counts itself
    if (length < 2) continue;
    const auto segment = in.take(length - 2);
    if (in.ok()) note_segment(facts, marker, segment);
  }
  return facts;
}

#ifdef POSY_HAVE_JPEG_TURBO

// One decoding. libjpeg leaves a failing call by longjmp, which must not skip a destructor: the functions below marked
// "under guard" run inside run_guarded() and own nothing.
struct TurboJob {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf leave{};
  char message[JMSG_LENGTH_MAX] = "";
  uint8_t* rgb = nullptr;       // height x width x 3
  uint8_t* cmyk_row = nullptr;  // width x 4

  TurboJob() = default;
  TurboJob(const TurboJob&) = delete;
  TurboJob& operator=(const TurboJob&) = delete;
  ~TurboJob() { jpeg_destroy_decompress(&info); }
};

TurboJob& job_of(j_common_ptr info) {
  return *static_cast<TurboJob*>(info->client_data);
}

[[noreturn]] void leave_with_message(j_common_ptr info) {
  TurboJob& job = job_of(info);
  if (job.message[0] == '\0') info->err->format_message(info, job.message);
  std::longjmp(job.leave, 1);
}

// Warnings ("extraneous bytes before marker") are not errors to TensorFlow either; they must not reach the terminal.
void ignore_warning(j_common_ptr) {}

// All bytes are there from the start, so asking for more means that the file is cut off. libjpeg's own memory source
// would invent an end-of-image marker and yield gray rows; TensorFlow (try_recover_truncated=false) fails.
boolean refuse_more_input(j_decompress_ptr info) {
  ERREXIT(info, JERR_INPUT_EOF);
  return FALSE;
}

void skip_input(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  if (static_cast<size_t>(count) > info->src->bytes_in_buffer) refuse_more_input(info);
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= static_cast<size_t>(count);
}

void nothing_to_do(j_decompress_ptr) {}

void limit_scans(j_common_ptr common) {
  const auto* info = reinterpret_cast<j_decompress_ptr>(common);
  if (info->input_scan_number <= kMaxScans) return;
  TurboJob& job = job_of(common);
  std::snprintf(job.message, sizeof job.message, "more than %d scans", kMaxScans);
  leave_with_message(common);
}

// Under guard.
void read_header(TurboJob& job) {
  jpeg_create_decompress(&job.info);
  job.info.client_data = &job;
  job.info.src = &job.source;
  job.info.progress = &job.progress;
  jpeg_read_header(&job.info, TRUE);
}

// The formula of TensorFlow's jpeg_mem.cc: an Adobe file stores inverted ink, which makes each product a light.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, uint32_t width, bool inverted) {
  for (uint32_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int k = inverted ? cmyk[3] : 255 - cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int light = inverted ? cmyk[c] : 255 - cmyk[c];
      rgb[c] = static_cast<uint8_t>(k * light / 255);
    }
  }
}

bool has_four_inks(const TurboJob& job) {
  return job.info.jpeg_color_space == JCS_CMYK || job.info.jpeg_color_space == JCS_YCCK;
}

// Under guard. The settings are the defaults of TensorFlow's DecodeJpeg; with the slow IDCT the logits differ by 0.4.
void read_pixels(TurboJob& job) {
  jpeg_decompress_struct& info = job.info;
  info.dct_method = JDCT_IFAST;
  info.do_fancy_upsampling = TRUE;
  info.out_color_space = has_four_inks(job) ? JCS_CMYK : JCS_RGB;
  // Coefficients of a progressive file: 2 bytes for each sample of up to 4 components, whole MCUs of at most 32 x 32.
  const uint64_t samples = (uint64_t{info.image_width} + 64) * (uint64_t{info.image_height} + 64) * 4;
  info.mem->max_memory_to_use = static_cast<long>(std::min<uint64_t>(3 * samples + (1 << 20), LONG_MAX));
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    uint8_t* rgb = job.rgb + size_t{info.output_scanline} * info.output_width * 3;
    JSAMPROW row = job.cmyk_row ? job.cmyk_row : rgb;
    jpeg_read_scanlines(&info, &row, 1);
    if (job.cmyk_row) cmyk_to_rgb(job.cmyk_row, rgb, info.output_width, info.saw_Adobe_marker);
  }
  jpeg_finish_decompress(&info);  // reads on to the end-of-image marker, and fails where there is none
}

bool run_guarded(TurboJob& job, void (*step)(TurboJob&)) {
  if (setjmp(job.leave)) return false;
  step(job);
  return true;
}

void set_up(TurboJob& job, std::span<const uint8_t> bytes) {
  job.info.err = jpeg_std_error(&job.errors);
  job.info.client_data = &job;
  job.errors.error_exit = leave_with_message;
  job.errors.output_message = ignore_warning;
  job.progress.progress_monitor = limit_scans;
  job.source.next_input_byte = bytes.data();
  job.source.bytes_in_buffer = bytes.size();
  job.source.init_source = nothing_to_do;
  job.source.fill_input_buffer = refuse_more_input;
  job.source.skip_input_data = skip_input;
  job.source.resync_to_restart = jpeg_resync_to_restart;
  job.source.term_source = nothing_to_do;
}

Image decode_with_turbo(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const auto refuse = [&name](const TurboJob& job) {
    refuse_damaged(name, std::string("the JPEG is damaged or of a rare kind (libjpeg-turbo: ") + job.message + ")");
  };
  TurboJob job;
  set_up(job, bytes);
  if (!run_guarded(job, read_header)) refuse(job);
  check_image_size(name, "JPEG", job.info.image_width, job.info.image_height, limits);

  Image image;
  image.width = job.info.image_width;
  image.height = job.info.image_height;
  image.decoder = jpeg_decoder_name();
  image.rgb.resize(size_t{image.width} * image.height * 3);
  std::vector<uint8_t> cmyk_row(has_four_inks(job) ? size_t{image.width} * 4 : 0);
  job.rgb = image.rgb.data();
  job.cmyk_row = cmyk_row.empty() ? nullptr : cmyk_row.data();
  if (!run_guarded(job, read_pixels)) refuse(job);
  return image;
}

#else

Image decode_jpeg_checked(std::span<const uint8_t> bytes, const std::string& name, const JpegFacts& facts,
                          const ImageLimits& limits) {
  if (facts.components == 0) refuse_damaged(name, "the JPEG has no frame header");
  check_image_size(name, "JPEG", facts.width, facts.height, limits);
  if (!facts.complete) refuse_damaged(name, "the JPEG is cut off: it has no end marker");
  if (facts.scans == 0) refuse_damaged(name, "the JPEG has no scan, hence no pixels");
  if (!facts.tables_sane) refuse_damaged(name, "the JPEG has a damaged Huffman table");
  if (facts.scans > kMaxScans) refuse_damaged(name, "the JPEG has more than " + std::to_string(kMaxScans) + " scans");
  if (facts.components == 4 && !facts.adobe_marker) {
    refuse_image(name, "the JPEG has four colors and does not say which; convert it to an RGB JPEG or PNG");
  }
  return decode_jpeg_with_stb(bytes, name, facts.width, facts.height);
}

#endif

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, const ImageLimits& limits) {
  const JpegFacts facts = walk_markers(bytes);
#ifdef POSY_HAVE_JPEG_TURBO
  Image image = decode_with_turbo(bytes, name, limits);
#else
  Image image = decode_jpeg_checked(bytes, name, facts, limits);
#endif
  image.orientation = facts.orientation == 0 ? 1 : facts.orientation;
  image.stored = {"JPEG", static_cast<uint32_t>(facts.components), facts.bits, false, facts.components == 4};
  return image;
}

const char* jpeg_decoder_name() {
#ifdef POSY_HAVE_JPEG_TURBO
  return "libjpeg-turbo";
#else
  return "stb_image";
#endif
}

}  // namespace posy
