// Label files: one class per line, in class order.
#pragma once
#include <string>
#include <vector>

namespace posy {

// UTF-8, with or without a byte order mark; LF or CR LF; blank lines at the end are dropped. Throws InputError:
// missing, empty, a blank line between labels, not text.
std::vector<std::string> read_labels(const std::string& path);

// The label file that belongs to a graph by its place and name: in the graph's folder retrained_labels.txt,
// output_labels.txt, labels.txt, <graph>.txt or <graph>_labels.txt; the ones named after the graph first. "" if none.
std::string find_labels(const std::string& graph_path);

}  // namespace posy
