// A file of events, as TensorBoard reads them: a graph for its Graphs tab, numbers for its Scalars.
//
// The format is TFRecord's (length, checksum, bytes, checksum) of tensorflow/core/util/event.proto.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace posy {

// Grows while it is written, so that TensorBoard can watch: an event is in the file when its call returns, and stands
// there in whole or not at all. Calls throw InputError when the disk is full; a file in which then nothing stands but
// its version is removed.
class EventFile {
 public:
  // Makes `folder`, if it is missing, and in it a file of this second, events.out.tfevents.SECONDS.HOST.
  explicit EventFile(const std::string& folder);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  const std::string& path() const { return path_; }

  // A GraphDef. TensorBoard shows the last one of a folder.
  void add_graph(std::span<const uint8_t> graph_def);
  // A point of the curve `tag`; a slash in it makes groups ("accuracy/validation").
  void add_scalar(const std::string& tag, int64_t step, float value);

 private:
  void add_record(std::span<const uint8_t> event);
  [[noreturn]] void fail(int error);

  std::string path_;
  int file_ = -1;
  uint64_t bytes_ = 0;    // of whole records
  uint64_t records_ = 0;  // the version included
};

}  // namespace posy
