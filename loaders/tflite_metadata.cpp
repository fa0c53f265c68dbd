// What a TFLite file says beside its graph: a FlatBuffer of its own (identifier M001, field numbers of
// tflite-support's metadata_schema.fbs) in one of the model's buffers, and a ZIP archive (APPNOTE.TXT) behind the
// model that holds the files which the metadata names.
#include <algorithm>
#include <optional>

#include "loaders/image_decoders.h"
#include "loaders/tflite_model.h"

namespace posy {
namespace {

constexpr size_t kMaxLabelBytes = 16 << 20, kMaxZipEntries = 1000, kMaxUnits = 100;

struct ZipEntry {
  std::string name;
  int method = 0;  // 0 stored, 8 deflate
  uint32_t crc = 0;
  size_t packed_bytes = 0, bytes = 0;
  size_t place = 0;  // of the entry's own header
};

uint32_t crc32_of(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

// The end record, which only a comment of up to 65535 bytes may follow.
std::optional<size_t> zip_end(std::span<const uint8_t> file) {
  constexpr size_t kEndBytes = 22, kMaxComment = 65535;
  for (size_t back = kEndBytes; back <= std::min(file.size(), kEndBytes + kMaxComment); ++back) {
    if (ByteReader(file, file.size() - back).little_endian(4) == 0x06054b50) return file.size() - back;
  }
  return std::nullopt;
}

std::vector<ZipEntry> zip_entries(std::span<const uint8_t> file) {
  const std::optional<size_t> end = zip_end(file);
  if (!end) return {};
  ByteReader record(file, *end + 10);
  const size_t count = record.little_endian(2), list_bytes = record.little_endian(4),
               list_place = record.little_endian(4);
  if (list_bytes > *end || list_place > *end - list_bytes) return {};
  // Places count from the start of the archive, which may itself stand behind the model.
  const size_t archive = *end - list_bytes - list_place;
  ByteReader list(file, *end - list_bytes);
  std::vector<ZipEntry> entries;
  while (entries.size() < std::min(count, kMaxZipEntries) && list.little_endian(4) == 0x02014b50) {
    ZipEntry entry;
    list.take(6);
    entry.method = (int)list.little_endian(2);
    list.take(4);
    entry.crc = list.little_endian(4);
    entry.packed_bytes = list.little_endian(4);
    entry.bytes = list.little_endian(4);
    const uint32_t name_bytes = list.little_endian(2), other_bytes = list.little_endian(2) + list.little_endian(2);
    list.take(8);
    entry.place = archive + list.little_endian(4);
    const std::span<const uint8_t> name = list.take(name_bytes);
    list.take(other_bytes);
    if (!list.ok()) break;
    entry.name.assign(name.begin(), name.end());
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The contents, or nothing where the archive is damaged or the file no text of sane length.
std::optional<std::string> unzip(std::span<const uint8_t> file, const ZipEntry& entry) {
  if (entry.bytes > kMaxLabelBytes || entry.place > file.size()) return std::nullopt;
  ByteReader local(file, entry.place);
  if (local.little_endian(4) != 0x04034b50) return std::nullopt;
  local.take(22);
  const uint32_t skipped_bytes = local.little_endian(2) + local.little_endian(2);
  local.take(skipped_bytes);
  const std::span<const uint8_t> packed = local.take(entry.packed_bytes);
  if (!local.ok()) return std::nullopt;
  std::vector<uint8_t> out(entry.bytes);
  if (entry.method == 0 && packed.size() == out.size()) {
    std::copy(packed.begin(), packed.end(), out.begin());
  } else if (entry.method != 8 || !inflate_raw(packed, out)) {
    return std::nullopt;
  }
  if (crc32_of(out) != entry.crc) return std::nullopt;
  return std::string(out.begin(), out.end());
}

// One label a line; LF or CR LF; blank lines at the end are dropped.
std::vector<std::string> label_lines(const std::string& text) {
  std::vector<std::string> labels;
  for (size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    labels.push_back(text.substr(at, end - at));
    if (labels.back().ends_with('\r')) labels.back().pop_back();
    at = end + 1;
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

// The first file that holds labels: TENSOR_AXIS_LABELS or TENSOR_VALUE_LABELS.
std::string labels_name(const FlatTables& files) {
  for (size_t i = 0; i < std::min(files.size(), kMaxUnits); ++i) {
    const int8_t type = files[i].number<int8_t>(2);
    if (type == 2 || type == 3) return std::string(files[i].text(0));
  }
  return "";
}

std::vector<float> channel_values(const FlatVector<float>& values) {
  std::vector<float> out;
  for (size_t i = 0; i < std::min<size_t>(values.size(), 4); ++i) out.push_back(values[i]);
  return out;
}

TfliteNormalization normalization_of(const FlatTable& tensor) {
  constexpr uint8_t kNormalizationOptions = 1;
  const FlatTables units = tensor.tables(4);
  for (size_t i = 0; i < std::min(units.size(), kMaxUnits); ++i) {
    if (units[i].number<uint8_t>(0) != kNormalizationOptions) continue;
    const FlatTable options = units[i].table(1);
    return {channel_values(options.numbers<float>(0)), channel_values(options.numbers<float>(1))};
  }
  return {};
}

void read_labels_of(const std::string& wanted, Graph* graph) {
  const std::vector<ZipEntry> entries = zip_entries(graph->bytes);
  const auto is_text = [](const ZipEntry& entry) { return entry.name.ends_with(".txt"); };
  auto found = std::find_if(entries.begin(), entries.end(), [&](const ZipEntry& e) { return e.name == wanted; });
  // A file packed without a word about it in the metadata: the labels if it is the only text.
  if (wanted.empty() && std::count_if(entries.begin(), entries.end(), is_text) == 1) {
    found = std::find_if(entries.begin(), entries.end(), is_text);
  }
  if (found == entries.end() && wanted.empty()) return;
  const std::optional<std::string> text = found == entries.end() ? std::nullopt : unzip(graph->bytes, *found);
  if (!text) {
    graph->notes.push_back("the labels '" + printable_name(found == entries.end() ? wanted : found->name) +
                           "' inside the file are missing or damaged: give them with --labels");
    return;
  }
  graph->suggested_labels = label_lines(*text);
  graph->notes.push_back(std::to_string(graph->suggested_labels.size()) + " labels from '" +
                         printable_name(found->name) + "' inside the file");
}

}  // namespace

TfliteNormalization read_tflite_metadata(std::span<const uint8_t> metadata, Graph* graph) {
  TfliteNormalization normalization;
  std::string labels;
  try {
    if (metadata.size() >= 8 && std::equal(metadata.begin() + 4, metadata.begin() + 8, "M001")) {
      const FlatTables subgraphs = FlatTable::root(metadata).tables(3);
      const FlatTable subgraph = subgraphs.size() ? subgraphs[0] : FlatTable();
      const FlatTables inputs = subgraph.tables(2), outputs = subgraph.tables(3);
      if (inputs.size()) normalization = normalization_of(inputs[0]);
      if (outputs.size()) labels = labels_name(outputs[0].tables(6));
      if (labels.empty()) labels = labels_name(subgraph.tables(4));
    }
  } catch (const FlatError& error) {
    graph->notes.push_back(std::string("the metadata inside the file is damaged and not used: ") + error.what());
  }
  read_labels_of(labels, graph);
  return normalization;
}

}  // namespace posy
