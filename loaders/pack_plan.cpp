#include "loaders/pack_plan.h"

#include <algorithm>
#include <cstring>

namespace posy {
namespace {

// The floats of a vector of 16 lanes, byte by byte.
constexpr uint32_t kVectorBytes = kPanelLanes * sizeof(float);

// Only bytes of the same kind, with the same flags and columns, are worth trying with the same tables.
enum class PartKind : uint32_t { kBytes, kFloats, kFirstVector };  // and the vectors behind the first

struct Part {
  PartKind kind;
  uint32_t flags, columns;
  PackRun run;

  // Sets of columns that differ from each other: the four bytes of a float.
  uint32_t planes() const { return kind == PartKind::kBytes || flags & kRamp ? 1 : sizeof(float); }
};

// What parts have in common that are packed together, and what they take, about.
struct Group {
  PartKind kind;
  PackSegment segment;
  std::vector<Histogram> counts;  // of each plane
  double bits;
};

constexpr double kSegmentBits = 8 * 6;

class Planner {
 public:
  explicit Planner(const Model& model)
      : model_(model), posy_(model.bytes, model.header->file_bytes), taken_(posy_.size(), false) {}

  std::vector<PackSegment> plan() {
    for (uint32_t i = 0; i < model_.op_count; ++i) add_weights(model_.ops[i]);
    add_sections();
    add_rest();
    std::vector<PackSegment> segments;
    for (Group& group : groups_) {
      choose_tables(&group.segment, posy_);
      segments.push_back(std::move(group.segment));
    }
    return segments;
  }

 private:
  // False if some of it is in another part: a file may say that two ops have the same weights.
  bool take(const Part& part) {
    const size_t bytes = (size_t)part.run.rows * packed_row_bytes(part.flags, part.columns);
    const auto piece_at = [&](uint32_t piece) {
      return taken_.begin() + (std::ptrdiff_t)(part.run.begin + (size_t)piece * part.run.stride);
    };
    if (part.run.begin + (size_t)(part.run.pieces - 1) * part.run.stride + bytes > posy_.size()) return false;
    for (uint32_t i = 0; i < part.run.pieces; ++i) {
      const auto end = piece_at(i) + (std::ptrdiff_t)bytes;
      if (std::find(piece_at(i), end, true) != end) return false;
    }
    for (uint32_t i = 0; i < part.run.pieces; ++i) std::fill_n(piece_at(i), bytes, true);
    return true;
  }
  bool is_zero(const Part& part) const {
    const PackSegment segment = {part.flags, part.columns, {part.run}, {}, {}};
    const std::vector<uint8_t> symbols = symbols_of(segment, posy_);
    return std::all_of(symbols.begin(), symbols.end(), [](uint8_t s) { return s == 0; });
  }

  std::vector<Histogram> counts_of(const Part& part) const {
    const PackSegment segment = {part.flags, part.columns, {part.run}, {}, {}};
    std::vector<Histogram> counts(part.planes());
    size_t at = 0;
    for (const uint8_t s : symbols_of(segment, posy_)) ++counts[at++ % counts.size()][s];
    return counts;
  }

  // To the group where it takes the fewest bits more, or to one of its own.
  void add(const Part& part) {
    std::vector<Histogram> counts = counts_of(part);
    double least = kSegmentBits + bits_of(counts);
    Group* best = nullptr;
    std::vector<Histogram> best_counts;
    for (Group& group : groups_) {
      const PackSegment& segment = group.segment;
      if (group.kind != part.kind || segment.flags != part.flags || segment.columns != part.columns) continue;
      if (segment.runs.size() >= kMaxRuns) continue;
      std::vector<Histogram> sum = counts;
      for (size_t p = 0; p < sum.size(); ++p) {
        for (uint32_t s = 0; s < kSymbols; ++s) sum[p][s] += group.counts[p][s];
      }
      const double more = bits_of(sum) - group.bits;
      if (more >= least) continue;
      least = more;
      best = &group;
      best_counts = std::move(sum);
    }
    if (best) {
      best->segment.runs.push_back(part.run);
      best->counts = std::move(best_counts);
      best->bits += least;
    } else {
      groups_.push_back(
          {part.kind, {part.flags, part.columns, {part.run}, {}, {}}, std::move(counts), least - kSegmentBits});
    }
  }
  static double bits_of(const std::vector<Histogram>& counts) {
    double bits = 0;
    for (const Histogram& h : counts) bits += estimated_bits(h);
    return bits;
  }
  void add_if_free(const Part& part) {
    if (part.run.rows > 0 && part.run.pieces > 0 && !is_zero(part) && take(part)) add(part);
  }

  // ---- Weights ----

  void add_weights(const OpRecord& op) {
    if (op.weights_bytes == 0) return;
    const auto type = (WeightType)op.weight_type;
    const auto begin = (uint32_t)model_.offset_of(model_.weights) + op.weights_offset;
    const uint32_t channels = model_.tensors[op.out].c, panels = (channels + kPanelLanes - 1) / kPanelLanes;
    const bool every_channel = (OpKind)op.kind != OpKind::depthwise_conv_2d;
    const uint32_t rows = (uint32_t)op.k_h * op.k_w * (every_channel ? model_.tensors[op.in[0]].c : 1);
    const auto stride = (uint32_t)panel_bytes(type, rows);
    if (weight_bytes(type, rows, channels) != op.weights_bytes) return;  // add_rest() will see to them
    const uint32_t in_front = op.weights_bytes - panels * stride;
    if (in_front == kTableBytes) add_code_book(begin);
    const uint32_t first_panel = begin + in_front;
    for (uint32_t v = 0; v < kHeaderVectors; ++v) {
      const auto kind = (PartKind)((uint32_t)PartKind::kFirstVector + v);
      add_vectors(kind, first_panel + v * kVectorBytes, panels, stride, channels % kPanelLanes == 0);
    }
    const PackRun run = {first_panel + kHeaderVectors * kVectorBytes, rows, panels, stride};
    add_rows({type == WeightType::f32 ? PartKind::kFloats : PartKind::kBytes, 0, 0, run}, type);
  }

  // A row of fewer bytes than weights has narrow codes.
  void add_rows(Part part, WeightType type) {
    constexpr uint32_t kMany = 64;  // rows, of which no padding follows
    part.columns = (uint32_t)(panel_bytes(type, kMany) - panel_bytes(type, 0)) / kMany;
    if (part.columns < kPanelLanes) {
      part.flags = kNarrow | (part.columns / 2 - kLeastNarrowBits) * kNarrowBits;
      part.columns = kNarrowColumns;
    }
    add_if_free(part);
  }

  void add_code_book(uint32_t begin) {
    std::vector<float> values(kTableBytes / sizeof(float));
    std::memcpy(values.data(), posy_.data() + begin, kTableBytes);
    while (!values.empty() && values.back() == 0) values.pop_back();
    values.resize(values.size() / kStates * kStates);
    add_floats(begin, values, kTableBytes);
  }
  // As a ramp, if they are one, else as bytes.
  void add_floats(uint32_t begin, const std::vector<float>& values, uint32_t bytes) {
    if (const std::optional<Ramp> ramp = find_ramp(values)) {
      const uint32_t flags = kRamp | (ramp->middle ? kMiddle : 0) | (ramp->ascending ? kSumOfRows : 0);
      const auto rows = (uint32_t)values.size() / kStates;
      add_if_free({PartKind::kFloats, flags, kStates, {begin, rows, 1, 0, ramp->low, ramp->step}});
      return;
    }
    add_if_free({PartKind::kFloats, 0, kVectorBytes, {begin, bytes / kVectorBytes, 1, 0}});
  }

  // One of the vectors in front of each panel. The last panel may have lanes without a channel, which are zero.
  void add_vectors(PartKind kind, uint32_t begin, uint32_t panels, uint32_t stride, bool last_is_full) {
    const uint32_t full = panels - (last_is_full ? 0 : 1);
    std::vector<float> values(full * kPanelLanes);
    for (uint32_t p = 0; p < full; ++p) {
      std::memcpy(values.data() + p * kPanelLanes, posy_.data() + begin + (size_t)p * stride, kVectorBytes);
    }
    const std::optional<Ramp> ramp = find_ramp(values);
    if (!ramp || ramp->ascending) {
      add_if_free({kind, 0, kVectorBytes, {begin, 1, panels, stride}});
      return;
    }
    const uint32_t flags = kRamp | (ramp->middle ? kMiddle : 0);
    add_if_free({kind, flags, kPanelLanes, {begin, 1, full, stride, ramp->low, ramp->step}});
    add_if_free({kind, 0, kVectorBytes, {begin + full * stride, 1, panels - full, stride}});
  }

  // ---- The rest ----

  // Records in a row have most of their bytes in common with the record before. A few are not worth a table.
  void add_sections() {
    constexpr uint32_t kFewBytes = 256;
    const auto* table = (const SectionEntry*)(model_.bytes + sizeof(FileHeader));
    for (uint32_t i = 0; i < model_.header->section_count; ++i) {
      const SectionEntry& section = table[i];
      const uint32_t record = section.count > 0 ? section.bytes / section.count : 0;
      if (record % kStates != 0 || record == 0 || record > kMaxColumns || section.bytes < kFewBytes) continue;
      add_if_free({PartKind::kBytes, kSumOfRows, record, {section.offset, section.count, 1, 0}});
    }
  }

  // What is in no part and not zero: the header, strings, sections and weights that are not known here.
  void add_rest() {
    for (size_t at = 0; at < posy_.size();) {
      if (taken_[at] || posy_[at] == 0) {
        ++at;
        continue;
      }
      const size_t begin = at / kStates * kStates;
      const size_t end =
          (size_t)(std::find(taken_.begin() + (std::ptrdiff_t)begin, taken_.end(), true) - taken_.begin());
      size_t last = end;
      while (posy_[last - 1] == 0) --last;
      const size_t rows = (last - begin + kStates - 1) / kStates;
      add_if_free({PartKind::kBytes, 0, kStates, {(uint32_t)begin, (uint32_t)rows, 1, 0}});
      at = end;
    }
  }

  const Model& model_;
  std::span<const uint8_t> posy_;
  std::vector<bool> taken_;
  std::vector<Group> groups_;
};

}  // namespace

std::vector<PackSegment> plan_segments(const Model& model) {
  return Planner(model).plan();
}

}  // namespace posy
