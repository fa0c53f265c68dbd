#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "loaders/error.h"
#include "loaders/file.h"
#include "tests/loaders/graph_writer.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// A new empty folder, gone with everything in it at the end of the test.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("posy_file_test_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const fs::path& path() const { return path_; }
  size_t file_count() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::vector<uint8_t> as_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

mode_t mode_of(const std::string& path) {
  struct stat status = {};
  CHECK(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// Files of this process may not grow beyond `bytes`: a write fails as on a full disk, with EFBIG for ENOSPC.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_ = {};
  void (*old_handler_)(int);
};

const std::string kDamagedHeader = "x.gz: its gzip header is damaged or cut short: copy or download it again";
const std::string kDamaged =
    "x.gz: the gzip data is damaged, cut short, or several gzip files in one: copy or download it again, or unpack it "
    "with "
    "gunzip first";

std::string gunzip_refusal(std::span<const uint8_t> bytes, uint64_t max_bytes = 1 << 30) {
  return message_of([&] { gunzip(bytes, "x.gz", max_bytes); });
}

}  // namespace

TEST_CASE("file: what is written is read back, also when it is empty") {
  const Folder folder;
  write_file(folder / "a", as_bytes("hello"));
  CHECK(read_file(folder / "a") == as_bytes("hello"));
  write_file(folder / "a", {});
  CHECK(read_file(folder / "a").empty());
  const std::vector<uint8_t> large(300000, 7);
  write_file(folder / "a", large);
  CHECK(read_file(folder / "a") == large);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("file: a name without a folder is written in the current one") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file("here", as_bytes("x"));
  fs::current_path(before);
  CHECK(read_file(folder / "here") == as_bytes("x"));
}

TEST_CASE("file: missing files, folders and files above the limit are refused by name") {
  const Folder folder;
  const std::string missing = folder / "missing";
  CHECK(message_of([&] { read_file(missing); }) == missing + ": cannot be read: No such file or directory");
  CHECK(message_of([&] { read_file(folder.path().string()); }) == folder.path().string() + ": is a folder, not a file");
  write_file(folder / "ten", as_bytes("0123456789"));
  CHECK(read_file(folder / "ten", 10).size() == 10);
  CHECK(message_of([&] { read_file(folder / "ten", 9); }) == (folder / "ten") + ": larger than the limit of 9 bytes");
}

TEST_CASE("file: a pipe is read to its end, and its length is limited as well") {
  const Folder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::vector<uint8_t> large(200000, 9);
  std::thread writer([&] { write_file(pipe, large); });
  CHECK(read_file(pipe) == large);
  writer.join();
  CHECK(fs::is_fifo(pipe));
  CHECK(folder.file_count() == 1);

  const int both_ends = ::open(pipe.c_str(), O_RDWR);
  CHECK(::write(both_ends, "0123456789", 10) == 10);
  std::thread closer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ::close(both_ends);
  });
  CHECK(message_of([&] { read_file(pipe, 5); }) == pipe + ": larger than the limit of 5 bytes");
  closer.join();
}

TEST_CASE("file: a new file gets the usual permissions, an existing one keeps its own") {
  const Folder folder;
  const mode_t umask_before = ::umask(027);
  write_file(folder / "new", as_bytes("x"));
  ::umask(umask_before);
  CHECK(mode_of(folder / "new") == 0640);
  ::chmod((folder / "new").c_str(), 0604);
  write_file(folder / "new", as_bytes("y"));
  CHECK(mode_of(folder / "new") == 0604);
}

TEST_CASE("file: a link stays a link and its target is replaced") {
  const Folder folder;
  write_file(folder / "target", as_bytes("old"));
  fs::create_symlink("target", folder / "link");
  write_file(folder / "link", as_bytes("new"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "target") == as_bytes("new"));
  CHECK(folder.file_count() == 2);
}

TEST_CASE("file: a failed write leaves the old content and no temporary file") {
  const Folder folder;
  write_file(folder / "a", as_bytes("old"));
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of([&] { write_file(folder / "a", std::vector<uint8_t>(5000)); });
  }
  CHECK(message == (folder / "a") + ": cannot be written: File too large");
  CHECK(read_file(folder / "a") == as_bytes("old"));
  CHECK(folder.file_count() == 1);
}

TEST_CASE("file: folders that cannot be written to are refused by name") {
  const Folder folder;
  const std::string nowhere = folder / "no/such/folder/a";
  CHECK(message_of([&] { write_file(nowhere, {}); }) == nowhere + ": cannot be written: No such file or directory");
  CHECK(message_of([&] { write_file(folder.path().string(), {}); }) ==
        folder.path().string() + ": is a folder, not a file");
  if (::geteuid() == 0) {
    MESSAGE("skipped: no folder is closed to root");
    return;
  }
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  CHECK(message_of([&] { write_file(folder / "a", {}); }) == (folder / "a") + ": cannot be written: Permission denied");
  fs::permissions(folder.path(), fs::perms::owner_all);
}

TEST_CASE("file: gzip is unpacked whatever its header holds") {
  const auto text = as_bytes("some text, some more text");
  CHECK(is_gzip(gzip_stored(text)));
  CHECK(!is_gzip(text));
  CHECK(!is_gzip({}));
  CHECK(gunzip(gzip_stored(text), "x.gz") == text);
  CHECK(gunzip(gzip_stored({}), "x.gz").empty());
  const std::vector<uint8_t> large(200000, 3);
  CHECK(gunzip(gzip_stored(large), "x.gz") == large);
  CHECK(gunzip(gzip_stored(text, 8, as_bytes({"name\0", 5})), "x.gz") == text);
  CHECK(gunzip(gzip_stored(text, 16, as_bytes({"comment\0", 8})), "x.gz") == text);
  CHECK(gunzip(gzip_stored(text, 4 | 8 | 16, as_bytes({"\3\0abcname\0comment\0", 18})), "x.gz") == text);
}

TEST_CASE("file: the checksum of a gzip header is checked") {
  // The low half of the CRC-32 of 1f 8b 08 02 00 00 00 00 00 ff.
  const uint8_t right[] = {0x90, 0xc9};
  const uint8_t wrong[] = {0x90, 0xc8};
  CHECK(gunzip(gzip_stored(as_bytes("abc"), 2, right), "x.gz") == as_bytes("abc"));
  CHECK(gunzip_refusal(gzip_stored(as_bytes("abc"), 2, wrong)) == kDamagedHeader);
}

TEST_CASE("file: gzip with dynamic Huffman codes is unpacked, as gzip -9 wrote it") {
  const uint8_t packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xa5, 0x8b, 0xb1, 0x0d,
                            0x00, 0x30, 0x08, 0xc3, 0x6e, 0x2d, 0x81, 0xd0, 0xff, 0x2f, 0xa8, 0x32, 0x64, 0x61,
                            0x61, 0xe8, 0x60, 0x59, 0x56, 0x94, 0x13, 0x81, 0x00, 0x52, 0x20, 0xb3, 0x6c, 0x91,
                            0x55, 0x9c, 0x6d, 0x8b, 0x22, 0x7b, 0xdb, 0x67, 0xdb, 0x82, 0xdd, 0xf7, 0xf7, 0xbf,
                            0xed, 0xb3, 0x6d, 0xf1, 0x00, 0xcf, 0x1a, 0x76, 0x21, 0xfc, 0x00, 0x00, 0x00};
  std::string text;
  for (unsigned i = 0; i < 252; ++i) text += "abcdefgh"[std::popcount(i) % 8];
  CHECK(gunzip(packed, "x.gz") == as_bytes(text));
}

TEST_CASE("file: damaged gzip is refused") {
  const auto text = as_bytes("some text, some more text");
  const std::vector<uint8_t> whole = gzip_stored(text);
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::string message = gunzip_refusal(std::span(whole).first(length));
    CHECK((message == kDamagedHeader || message == kDamaged));
  }
  for (size_t place = 10; place < whole.size(); ++place) {
    auto bytes = whole;
    bytes[place] ^= 1;
    INFO(place);
    CHECK(gunzip_refusal(bytes) == kDamaged);
  }
  CHECK(gunzip_refusal(gzip_stored(text, 0x20)) == kDamagedHeader);
  CHECK(gunzip_refusal(gzip_stored(text, 4, as_bytes("\xff\xff"))) == kDamagedHeader);
  auto two = whole;
  const auto second = gzip_stored(as_bytes("other"));
  two.insert(two.end(), second.begin(), second.end());
  CHECK(gunzip_refusal(two) == kDamaged);
}

TEST_CASE("file: a gzip bomb is refused before anything is allocated") {
  auto bytes = gzip_stored(as_bytes("abc"));
  std::fill(bytes.end() - 4, bytes.end(), uint8_t{0x7f});
  CHECK(gunzip_refusal(bytes, UINT64_MAX) == kDamaged);
  CHECK(gunzip_refusal(gzip_stored(std::vector<uint8_t>(5000)), 4999) ==
        "x.gz: unpacks to 5000 bytes, above the limit of 4999");
}
