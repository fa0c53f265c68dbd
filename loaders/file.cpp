#include "loaders/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "loaders/error.h"
#include "loaders/image_decoders.h"

namespace posy {
namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  int get() const { return fd_; }
  // False with errno set: network file systems report a full disk only here.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& path, const char* verb, int error) {
  throw InputError(path + ": cannot be " + verb + ": " + std::strerror(error));
}

[[noreturn]] void refuse_size(const std::string& path, uint64_t max_bytes) {
  throw InputError(path + ": larger than the limit of " + std::to_string(max_bytes) + " bytes");
}

// Reads until `into` is full or the file ends; how many bytes came.
size_t read_into(int fd, std::span<uint8_t> into, const std::string& name) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::read(fd, into.data() + done, into.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name, "read", errno);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

// errno, or 0 when everything is written.
int write_all(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return 0;
}

// fsync has no meaning on some file systems and pipes, which is no failure of the write.
int flush_to_disk(int fd) {
  if (::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS) return 0;
  return errno;
}

// Makes a new file in `folder`, under a short name so that the longest allowed name of the target is no obstacle.
int create_temporary(const std::filesystem::path& folder, std::string* path) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::string name = ".posy-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
    *path = (folder / name).string();
    const int fd = ::open(path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

void write_in_place(const std::string& path, std::span<const uint8_t> bytes) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) fail(path, "written", errno);
  if (const int error = write_all(file.get(), bytes)) fail(path, "written", error);
  if (!file.close()) fail(path, "written", errno);
}

// errno, or 0 when `temporary` holds the bytes and has become `target`.
int write_and_rename(Descriptor& file, const std::string& temporary, const std::string& target, const mode_t* mode,
                     std::span<const uint8_t> bytes) {
  if (mode && ::fchmod(file.get(), *mode & 0777) != 0) return errno;
  if (const int error = write_all(file.get(), bytes)) return error;
  if (const int error = flush_to_disk(file.get())) return error;
  if (!file.close()) return errno;
  return ::rename(temporary.c_str(), target.c_str()) == 0 ? 0 : errno;
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, uint64_t max_bytes) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "standard input" : path;
  const Descriptor file(is_stdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status = {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) fail(name, "read", errno);
  if (S_ISDIR(status.st_mode)) throw InputError(name + ": is a folder, not a file");
  const uint64_t expected = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  if (expected > max_bytes) refuse_size(name, max_bytes);

  std::vector<uint8_t> bytes(expected);
  bytes.resize(read_into(file.get(), bytes, name));
  // A pipe has no size and a file may grow meanwhile: only the end of the file is the end.
  std::array<uint8_t, 1 << 16> more;
  while (const size_t count = read_into(file.get(), more, name)) {
    if (count > max_bytes - bytes.size()) refuse_size(name, max_bytes);
    bytes.insert(bytes.end(), more.begin(), more.begin() + count);
  }
  return bytes;
}

void write_file(const std::string& path, std::span<const uint8_t> bytes) {
  if (path == "-") {
    if (const int error = write_all(STDOUT_FILENO, bytes)) fail("standard output", "written", error);
    return;
  }
  struct stat status = {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) throw InputError(path + ": is a folder, not a file");
  // A device or a pipe must not be replaced by a file.
  if (exists && !S_ISREG(status.st_mode)) return write_in_place(path, bytes);

  // A link stays a link: what it points to is replaced.
  std::error_code ignored;
  const bool is_link = std::filesystem::is_symlink(path, ignored);
  const auto target = is_link ? std::filesystem::weakly_canonical(path, ignored) : std::filesystem::path(path);
  std::string temporary;
  Descriptor file(create_temporary(target.parent_path(), &temporary));
  if (file.get() < 0) fail(path, "written", errno);
  const int error = write_and_rename(file, temporary, target.string(), exists ? &status.st_mode : nullptr, bytes);
  if (error) {
    ::unlink(temporary.c_str());
    fail(path, "written", error);
  }
}

namespace {

constexpr size_t kGzipHeaderBytes = 10;
constexpr size_t kGzipTrailerBytes = 8;
// No deflate stream grows more than about 1032:1 (a match of 258 bytes in 2 bits), so a larger claim is a lie.
constexpr uint64_t kMaxExpansion = 1032;
enum GzipFlag : uint8_t { kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0 };

// CRC-32 of RFC 1952, four bytes at a time: tables[k][b] is the effect of byte b with k zero bytes behind it.
constexpr auto kCrcTables = [] {
  std::array<std::array<uint32_t, 256>, 4> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 4; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 255];
    }
  }
  return tables;
}();

uint32_t load_le32(const uint8_t* at) {
  return at[0] | static_cast<uint32_t>(at[1]) << 8 | static_cast<uint32_t>(at[2]) << 16 |
         static_cast<uint32_t>(at[3]) << 24;
}

uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    crc ^= load_le32(&bytes[i]);
    crc = kCrcTables[3][crc & 255] ^ kCrcTables[2][crc >> 8 & 255] ^ kCrcTables[1][crc >> 16 & 255] ^
          kCrcTables[0][crc >> 24];
  }
  for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ kCrcTables[0][(crc ^ bytes[i]) & 255];
  return ~crc;
}

// Bytes of the gzip header; 0 when it is damaged or runs into the trailer.
size_t gzip_header_bytes(std::span<const uint8_t> bytes) {
  if (bytes.size() < kGzipHeaderBytes + kGzipTrailerBytes || bytes[2] != 8) return 0;
  const uint8_t flags = bytes[3];
  if (flags & kReserved) return 0;
  const size_t end = bytes.size() - kGzipTrailerBytes;
  size_t at = kGzipHeaderBytes;
  if (flags & kExtra) {
    if (end - at < 2) return 0;
    const size_t extra_bytes = bytes[at] + (static_cast<size_t>(bytes[at + 1]) << 8);
    at += 2;
    if (end - at < extra_bytes) return 0;
    at += extra_bytes;
  }
  for (const GzipFlag text : {kName, kComment}) {
    if (!(flags & text)) continue;
    while (at < end && bytes[at] != 0) ++at;
    if (at++ == end) return 0;
  }
  if (flags & kHeaderCrc) {
    if (end - at < 2) return 0;
    const size_t stated = bytes[at] + (static_cast<size_t>(bytes[at + 1]) << 8);
    if ((crc32(bytes.first(at)) & 0xffff) != stated) return 0;
    at += 2;
  }
  return at;
}

}  // namespace

void write_text(const std::string& path, std::string_view text) {
  write_file(path, {(const uint8_t*)text.data(), text.size()});
}

bool is_gzip(std::span<const uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

std::vector<uint8_t> gunzip(std::span<const uint8_t> bytes, const std::string& name, uint64_t max_bytes) {
  const size_t header_bytes = gzip_header_bytes(bytes);
  if (header_bytes == 0)
    throw InputError(name + ": its gzip header is damaged or cut short: copy or download it again");
  const uint8_t* trailer = bytes.data() + bytes.size() - kGzipTrailerBytes;
  const uint32_t stated_crc = load_le32(trailer);
  const uint64_t out_bytes = load_le32(trailer + 4);
  const std::span<const uint8_t> deflate(bytes.data() + header_bytes, trailer);
  // The trailer is the last 8 bytes, so a second gzip member behind the first ends here as well.
  const std::string damaged = name +
                              ": the gzip data is damaged, cut short, or several gzip files in one: copy or "
                              "download it again, or unpack it with gunzip first";
  if (out_bytes > kMaxExpansion * deflate.size()) throw InputError(damaged);
  if (out_bytes > max_bytes) {
    throw InputError(name + ": unpacks to " + std::to_string(out_bytes) + " bytes, above the limit of " +
                     std::to_string(max_bytes));
  }
  std::vector<uint8_t> out(out_bytes);
  if (!inflate_raw(deflate, out) || crc32(out) != stated_crc) throw InputError(damaged);
  return out;
}

namespace {

struct Magic {
  size_t offset;
  std::string_view bytes;
  const char* what;
  const char* advice;
};

constexpr const char* kUnpack = "unpack it and give the .pb file in it";
constexpr const char* kFreeze = "freeze it into one .pb file first (tensorflow.python.tools.freeze_graph)";
constexpr const char* kWrongFile = "give the graph that was retrained, retrained_graph.pb by default";

constexpr Magic kMagics[] = {
    {0, "\x89POSY\r\n\x1a", "a .posy file", "it is converted already"},
    {0, "\x89POSZ\r\n\x1a", "a packed .posy file", "it is converted already; posy unpack makes a .posy file of it"},
    {4, "TFL3", "a TFLite model", "give the .pb file that it was made from"},
    {0, "\x89PNG", "a PNG picture", kWrongFile},
    {0, "\xff\xd8\xff", "a JPEG picture", kWrongFile},
    {0, "GIF8", "a GIF picture", kWrongFile},
    {0, "%PDF", "a PDF document", kWrongFile},
    {0, "\x89HDF\r\n\x1a\n", "an HDF5 file (a Keras .h5 model)", kFreeze},
    {0, "PK\x03\x04", "a ZIP archive (a Keras .keras model, or a packed folder)",
     "unpack it and give the .pb file in it; a Keras model has to be frozen into one first"},
    {257, "ustar", "a tar archive", kUnpack},
    {0, "\x1f\x8b", "gzip data within gzip data", "unpack it with gunzip first"},
    {0, "BZh", "a bzip2 archive", kUnpack},
    {0,
     "\xfd"
     "7zXZ",
     "an xz archive", kUnpack},
    {0, "7z\xbc\xaf", "a 7-Zip archive", kUnpack},
    {0, "Rar!", "a RAR archive", kUnpack},
    {0, "version https://git-lfs", "a Git LFS pointer", "fetch the file itself with git lfs pull"},
    {0, "model_checkpoint_path", "the list of training checkpoints", kFreeze},
};

// The last 8 bytes of the tables in which TensorFlow keeps checkpoints (.index, and .ckpt of old).
constexpr std::string_view kTableMagic("\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);

// Messages of protobuf start with their first field, which tells them apart.
FileKind protobuf_kind(std::string_view bytes) {
  if (bytes.size() < 4) return {};
  // SavedModel { schema_version = 1; meta_graphs = 2 }, whose version is 1; ONNX { ir_version = 1; ... } starts at 3.
  if (bytes[0] == 0x08 && bytes[1] == 1 && bytes[2] == 0x12) return {"a SavedModel (saved_model.pb)", kFreeze};
  if (bytes[0] == 0x08 && bytes[1] >= 3 && bytes[1] < 32)
    return {"an ONNX model", "give the TensorFlow graph it was made from"};
  // MetaGraphDef { meta_info_def = 1 { stripped_op_list = 2 } }.
  size_t at = 1;
  while (at < 5 && at < bytes.size() && bytes[at] & 0x80) ++at;
  if (bytes[0] == 0x0a && at + 1 < bytes.size() && bytes[at + 1] == 0x12) {
    return {"the .meta file of a checkpoint", kFreeze};
  }
  return {};
}

std::string_view without_leading_space(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // byte order mark
  const size_t start = text.find_first_not_of(" \t\r\n");
  return start == text.npos ? "" : text.substr(start);
}

bool starts_with_any_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [&](char b, char a) { return same(a, b); });
}

// The text form of a GraphDef starts with one of its fields, perhaps below comments.
bool is_text_graph(std::string_view text) {
  while (text.starts_with("#")) {
    const size_t line_end = text.find('\n');
    text = line_end == text.npos ? "" : without_leading_space(text.substr(line_end));
  }
  for (const std::string_view field : {"node", "versions", "library"}) {
    if (text.starts_with(field) && without_leading_space(text.substr(field.size())).starts_with("{")) return true;
  }
  return false;
}

FileKind text_kind(std::string_view bytes) {
  const std::string_view text = without_leading_space(bytes);
  if (is_text_graph(text)) {
    return {"a graph in text format",
            "write it in binary with tf.io.write_graph(graph_def, \".\", \"graph.pb\", as_text=False)"};
  }
  if (starts_with_any_case(text, "<!doctype html") || starts_with_any_case(text, "<html")) {
    return {"an HTML page", "download the file itself, not the page that shows it"};
  }
  if (text.starts_with("{") || text.starts_with("[")) {
    const std::string_view head = text.substr(0, 1 << 16);
    const bool tfjs = head.find("modelTopology") != head.npos || head.find("weightsManifest") != head.npos;
    if (tfjs) return {"a TensorFlow.js model (model.json)", "give the .pb file that it was made from"};
    return {"JSON text", kWrongFile};
  }
  const std::string_view head = bytes.substr(0, 4096);
  const bool plain = std::all_of(head.begin(), head.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\n' || c == '\r' || c == '\t';
  });
  if (plain) return {"plain text (the labels, perhaps)", kWrongFile};
  return {};
}

}  // namespace

FileKind file_kind(std::span<const uint8_t> bytes) {
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (view.empty()) return {"an empty file", "copy or download it again"};
  for (const Magic& magic : kMagics) {
    if (view.size() >= magic.offset && view.substr(magic.offset).starts_with(magic.bytes))
      return {magic.what, magic.advice};
  }
  if (view.ends_with(kTableMagic)) return {"a TensorFlow checkpoint (weights without their graph)", kFreeze};
  const FileKind kind = text_kind(view);
  return kind.what.empty() ? protobuf_kind(view) : kind;
}

}  // namespace posy
