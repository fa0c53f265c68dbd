// Label files: one class per line, in class order.
#pragma once
#include <string>
#include <vector>

namespace posy {

// UTF-8, with or without a byte order mark; LF or CR LF; blank lines at the end are dropped. Throws InputError:
// missing, empty, a blank line between labels, not text.
std::vector<std::string> read_labels(const std::string& path);

// The label file that belongs to a graph by its place and name: in the graph's folder <graph>.txt or
// <graph>_labels.txt, then retrained_labels.txt, output_labels.txt, labels.txt, then the only file there whose name
// ends in labels.txt. "" if none.
std::string find_labels(const std::string& graph_path);

}  // namespace posy
