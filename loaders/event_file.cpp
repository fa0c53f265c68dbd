#include "loaders/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "loaders/crc32c.h"
#include "loaders/error.h"
#include "loaders/protobuf_writer.h"

namespace posy {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || !name[0]) return "localhost";
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  return name;
}

// Event: when, and at which step.
WireWriter event_at(int64_t step) {
  WireWriter event;
  event.float64(1, seconds_now());
  event.varint(2, step);
  return event;
}

std::vector<uint8_t> record_of(std::span<const uint8_t> bytes) {
  WireWriter length, record;
  length.raw_fixed(uint64_t{bytes.size()});
  record.raw(length.bytes());
  record.raw_fixed(masked_crc32c(crc32c(length.bytes())));
  record.raw(bytes);
  record.raw_fixed(masked_crc32c(crc32c(bytes)));
  return record.bytes();
}

// Of two files of one second, the second one gets a number.
int create_file(const std::string& folder, std::string* path) {
  char seconds[24];
  std::snprintf(seconds, sizeof seconds, "%010lld", (long long)seconds_now());
  const std::string name =
      (std::filesystem::path(folder) / "events.out.tfevents.").string() + seconds + "." + host_name();
  for (int attempt = 1; attempt < 1000; ++attempt) {
    *path = attempt == 1 ? name : name + "." + std::to_string(attempt);
    const int file = ::open(path->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0 || errno != EEXIST) return file;
  }
  return -1;
}

// errno, or 0.
int write_all(int file, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes = bytes.subspan((size_t)count);
  }
  return 0;
}

}  // namespace

EventFile::EventFile(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error && !std::filesystem::is_directory(folder)) {
    throw InputError(folder + ": no folder for an events file can be made here: " + error.message());
  }
  file_ = create_file(folder, &path_);
  if (file_ < 0) throw InputError(folder + ": an events file cannot be written here: " + std::strerror(errno));
  WireWriter event = event_at(0);
  event.text(3, "brain.Event:2");
  add_record(event.bytes());
}

EventFile::~EventFile() {
  if (file_ >= 0) ::close(file_);
}

void EventFile::add_graph(std::span<const uint8_t> graph_def) {
  WireWriter event = event_at(0);
  event.bytes(4, graph_def);
  add_record(event.bytes());
}

void EventFile::add_scalar(const std::string& tag, int64_t step, float value) {
  WireWriter point, summary, event = event_at(step);
  point.text(1, tag);
  point.float32(2, value);
  summary.message(1, point);
  event.message(5, summary);
  add_record(event.bytes());
}

void EventFile::add_record(std::span<const uint8_t> event) {
  const std::vector<uint8_t> record = record_of(event);
  if (const int error = write_all(file_, record)) fail(error);
  bytes_ += record.size();
  ++records_;
}

void EventFile::fail(int error) {
  if (records_ <= 1) {
    ::unlink(path_.c_str());
  } else if (::ftruncate(file_, (off_t)bytes_) != 0) {
    // A reader stops at a record that is cut short: the ones before it count all the same.
  }
  if (records_ == 0) ::close(file_);  // thrown out of the constructor: there will be no destructor
  throw InputError(path_ + ": cannot be written: " + std::strerror(error));
}

}  // namespace posy
