// The page of posy show: graphs to look at.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "apps/json.h"

namespace posy {

struct GraphPage {
  using Facts = std::vector<std::pair<std::string, std::string>>;
  struct Side {
    std::string title;
    Facts facts;
    Json nodes;  // graph_json.h; null: there is no such side
  };

  std::string title;
  Side graph, model;
  std::string note;        // why a side is missing, or what else has to be known
  std::string times_from;  // by what the times of ops are known; empty: there are none
};

// One page that needs nothing but itself.
std::string html_of(const GraphPage& page);

}  // namespace posy
