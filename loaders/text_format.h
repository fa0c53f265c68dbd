// Graphs in protobuf's text format become the same messages in the wire format, which the readers of binary graphs then
// read: what a graph means is written once. Fields that those readers do not look at are stepped over.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "loaders/container.h"
#include "loaders/text_tokens.h"

namespace posy {

// Which message the text starts like, by the name of its first field; kNone when it is none of them.
Container text_container(std::span<const uint8_t> text);

struct WireText {
  std::vector<uint8_t> bytes;
  struct NodeLine {
    size_t wire_place;  // of the node in `bytes`
    size_t line;        // of the node in the text
  };
  std::vector<NodeLine> nodes;  // by place
};
// Throws TextError. The result has at most 5 times the size of the text, and 16 bytes for each node.
WireText text_to_wire(std::string_view text, Container container);

// Where in the text the field stands that text_to_wire() has put at, or last before, `wire_place`.
TextPlace text_place(std::string_view text, Container container, size_t wire_place);

}  // namespace posy
