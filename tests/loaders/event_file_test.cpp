// Events files: every byte is taken apart here by the rules of TFRecord; tests/event_file.py has TensorFlow read them.
#include "loaders/event_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "loaders/crc32c.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/protobuf.h"
#include "tests/temporary_folder.h"

using namespace posy;

namespace {

class Folder : public posy_test::TemporaryFolder {
 public:
  size_t files() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path())) ++count;
    return count;
  }
};

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

template <class T>
T load(std::span<const uint8_t> bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= (T)((T)bytes[i] << (8 * i));
  return value;
}

// Of each record its bytes; both checksums have to be right, and nothing may be left over.
std::vector<std::vector<uint8_t>> records_of(const std::string& path) {
  const std::vector<uint8_t> file = read_file(path);
  std::vector<std::vector<uint8_t>> records;
  for (std::span<const uint8_t> left = file; !left.empty();) {
    REQUIRE(left.size() >= 16);
    const auto length = load<uint64_t>(left);
    REQUIRE(length <= left.size() - 16);
    CHECK(load<uint32_t>(left.subspan(8)) == masked_crc32c(crc32c(left.first(8))));
    const auto bytes = left.subspan(12, length);
    CHECK(load<uint32_t>(left.subspan(12 + length)) == masked_crc32c(crc32c(bytes)));
    records.emplace_back(bytes.begin(), bytes.end());
    left = left.subspan(16 + length);
  }
  return records;
}

struct Event {
  int64_t step = 0;
  std::string version, graph, tag;
  float value = 0;
};

Event event_of(std::span<const uint8_t> bytes) {
  Event event;
  for (WireReader reader(bytes); reader.next();) {
    if (reader.field() == 2) event.step = reader.int64();
    if (reader.field() == 3) event.version = reader.text();
    if (reader.field() == 4) event.graph = reader.text();
    if (reader.field() != 5) continue;
    WireReader summary = reader.message();
    REQUIRE(summary.next());
    for (WireReader point = summary.message(); point.next();) {
      if (point.field() == 1) event.tag = point.text();
      if (point.field() == 2) event.value = point.float32();
    }
  }
  return event;
}

}  // namespace

TEST_CASE("events: CRC-32C has the value of its definition") {
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283u);
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))) == 0xe3069283u);
  CHECK(masked_crc32c(0xe3069283u) == 0xc78ab0e5u);
}

TEST_CASE("events: the version stands first, then graphs and scalars in the order of the calls") {
  Folder folder;
  EventFile events(folder.path() + "/runs/first");
  CHECK(events.path().find("/runs/first/events.out.tfevents.1") != std::string::npos);
  events.add_graph(bytes_of("a graph"));
  events.add_scalar("accuracy/validation", 10, 0.875f);
  events.add_scalar("accuracy/validation", 1234567890123, -1.5f);
  const auto records = records_of(events.path());  // while it is open: each call's event is there
  REQUIRE(records.size() == 4);
  CHECK(event_of(records[0]).version == "brain.Event:2");
  CHECK(event_of(records[1]).graph == "a graph");
  CHECK(event_of(records[2]).tag == "accuracy/validation");
  CHECK(event_of(records[2]).step == 10);
  CHECK(event_of(records[2]).value == 0.875f);
  CHECK(event_of(records[3]).step == 1234567890123);
  CHECK(event_of(records[3]).value == -1.5f);
}

TEST_CASE("events: two files of one second do not share a name") {
  Folder folder;
  EventFile first(folder.path()), second(folder.path()), third(folder.path());
  CHECK(folder.files() == 3);
  CHECK(records_of(first.path()).size() == 1);
  CHECK(records_of(third.path()).size() == 1);
}

TEST_CASE("events: a folder that cannot be is refused by name") {
  Folder folder;
  const std::string file = folder.path() + "/file";
  write_file(file, bytes_of("not a folder"));
  for (const std::string& path : {file, file + "/runs", std::string("/proc/none")}) {
    std::string message;
    try {
      EventFile events(path);
    } catch (const InputError& error) {
      message = error.what();
    }
    CHECK(message.rfind(path + ": ", 0) == 0);
  }
}

// Files of this process end at 300 bytes as long as this lives; the test's own output may be one of them.
class ShortFiles {
 public:
  ShortFiles() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small = {300, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~ShortFiles() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

TEST_CASE("events: what does not fit leaves whole events only") {
  Folder folder;
  const std::vector<uint8_t> large(1000, 'g');
  EventFile events(folder.path()), empty(folder.path());
  events.add_scalar("loss", 1, 0.5f);
  int refused = 0;
  {
    ShortFiles limit;
    for (EventFile* file : {&events, &empty}) {
      try {
        file->add_graph(large);
      } catch (const InputError&) {
        ++refused;
      }
    }
    events.add_scalar("loss", 2, 0.25f);
  }
  CHECK(refused == 2);
  const auto records = records_of(events.path());
  REQUIRE(records.size() == 3);
  CHECK(event_of(records[2]).value == 0.25f);
  CHECK(folder.files() == 1);  // the other held nothing
}
