// Label files: one class per line, in class order.
#pragma once
#include <string>
#include <vector>

namespace posy {

// UTF-8, with or without a byte order mark; LF or CR LF; blank lines at the end are dropped. Throws InputError:
// missing, empty, a blank line between labels, not text.
std::vector<std::string> read_labels(const std::string& path);

// Labels of ImageNet's lists hold a number and several names: "208:golden retriever", "n01440764 tench, Tinca tinca".
struct LabelNames {
  std::string number;              // "208", "n01440764"; empty: none
  std::vector<std::string> names;  // without blanks around them; the first is the usual one
};
LabelNames names_in_label(const std::string& label);

// The label file that belongs to a graph by its place and name: in the graph's folder <graph>.txt or
// <graph>_labels.txt, then retrained_labels.txt, output_labels.txt, labels.txt, then the only file there whose name
// ends in labels.txt. "" if none.
std::string find_labels(const std::string& graph_path);

}  // namespace posy
