#include "loaders/posy_file.h"

#include <cstddef>
#include <cstring>

#include "engine/checksum.h"

namespace posy {
namespace {

class Assembler {
 public:
  explicit Assembler(PosyFile* parts) : parts_(*parts) {}

  // Weights are nearly all of the file: the rest is put in front of them and behind them.
  std::vector<uint8_t> assemble() {
    const size_t sections = 7 + (parts_.names.empty() ? 0 : 1) + (parts_.novelty ? 1 : 0);
    file_.resize(sizeof(FileHeader) + sections * sizeof(SectionEntry));
    add_records(SectionKind::kModel, std::vector<ModelRecord>{parts_.record});
    add_records(SectionKind::kTensors, parts_.tensors);
    add_records(SectionKind::kOps, parts_.ops);
    add_records(SectionKind::kSteps, parts_.steps);
    add_records(SectionKind::kLabels, parts_.labels);
    const std::vector<uint8_t>& strings = parts_.strings.bytes();
    begin_section(SectionKind::kStrings, strings.size(), 0);
    file_.insert(file_.end(), strings.begin(), strings.end());
    begin_section(SectionKind::kWeights, parts_.weights.size(), 0);
    parts_.weights.insert(parts_.weights.begin(), file_.begin(), file_.end());
    file_ = std::move(parts_.weights);
    if (!parts_.names.empty()) add_records(SectionKind::kNodeNames, parts_.names);
    if (parts_.novelty) add_records(SectionKind::kNovelty, std::vector<NoveltyRecord>{*parts_.novelty});
    finish_header();
    return std::move(file_);
  }

 private:
  void begin_section(SectionKind kind, size_t bytes, size_t count) {
    file_.resize((file_.size() + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment, 0);
    table_.push_back({(uint32_t)kind, (uint32_t)file_.size(), (uint32_t)bytes, (uint32_t)count});
  }
  template <class Record>
  void add_records(SectionKind kind, const std::vector<Record>& records) {
    begin_section(kind, records.size() * sizeof(Record), records.size());
    const uint8_t* from = (const uint8_t*)records.data();
    file_.insert(file_.end(), from, from + records.size() * sizeof(Record));
  }

  void finish_header() {
    FileHeader header = {};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.version_major = kVersionMajor;
    header.version_minor = kVersionMinor;
    header.section_count = (uint32_t)table_.size();
    header.arena_bytes = parts_.arena_bytes;
    header.max_rows = parts_.max_rows;
    header.file_bytes = (uint32_t)file_.size();
    std::memcpy(file_.data(), &header, sizeof header);
    std::memcpy(file_.data() + sizeof header, table_.data(), table_.size() * sizeof(SectionEntry));
    const size_t first = offsetof(FileHeader, version_major);
    const uint32_t sum = checksum(file_.data() + first, file_.size() - first);
    std::memcpy(file_.data() + offsetof(FileHeader, checksum), &sum, sizeof sum);
  }

  PosyFile& parts_;
  std::vector<SectionEntry> table_;
  std::vector<uint8_t> file_;
};

}  // namespace

uint32_t Strings::add(const std::string& text) {
  const auto [found, is_new] = offsets_.try_emplace(text, (uint32_t)bytes_.size());
  if (is_new) bytes_.insert(bytes_.end(), text.c_str(), text.c_str() + std::strlen(text.c_str()) + 1);
  return found->second;
}

std::vector<uint8_t> PosyFile::take_bytes() {
  return Assembler(this).assemble();
}

}  // namespace posy
