// posy show: a model to look at.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/session.h"
#include "apps/weights_page.h"
#include "loaders/file.h"

namespace posy {
namespace {

// The graph's own weights, in floats.
std::vector<OpWeights> weights_of_graph(const std::string& graph, ConvertOptions options) {
  options.bits = {};
  options.bits.weights = WeightChoice::kF32;
  options.int8 = options.known_codes = options.winograd = false;
  options.rounded_levels.reset();
  const Conversion conversion = convert_graph(graph, options);
  return read_weights(checked_model(graph, conversion.posy));
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("show takes one model");
  if (!args.has("weights")) throw UsageError("show draws the weights, and nothing else so far: add --weights");
  const std::optional<std::string> output = args.text("output");
  if (!output) throw UsageError("show needs -o FILE.html: where to write");
  const std::string path = args.words()[0];
  std::error_code ignored;
  if (*output == path || std::filesystem::equivalent(*output, path, ignored))
    throw UsageError("the output " + *output + " would replace the model");
  const ConvertOptions options = convert_options(args);
  const LoadedModel loaded = load_model(path, options);
  const Model model = checked_model(path, loaded.posy);
  const std::optional<std::string> against = args.text("against");
  const bool is_graph = form_of(path) == FileForm::kOther;
  const std::vector<OpWeights> weights = read_weights(model);
  std::vector<OpWeights> before;
  if (against || is_graph) before = weights_of_graph(against.value_or(path), options);
  const std::string page = weights_page(std::filesystem::path(path).filename().string(), model, weights, before);
  write_file(*output, std::span((const uint8_t*)page.data(), page.size()));
  std::fprintf(stderr, "%s: %zu layers%s\n", output->c_str(), weights.size(),
               before.empty() ? "; --against GRAPH shows the graph's weights beside them" : "");
  return 0;
}

// convert's, but for --weights TYPE: here it says what to show. Files of a type are shown with --against.
std::vector<FlagSpec> flags() {
  std::vector<FlagSpec> flags = with_convert_flags({
      {"output", "FILE", "where to write the page"},
      {"weights", nullptr, "the weights of every layer: what the file holds, and what the graph has"},
      {"against", "GRAPH", "of a .posy file: the graph whose weights are shown beside its own"},
  });
  const auto is_type = [](const FlagSpec& flag) { return flag.name == std::string("weights") && flag.value; };
  flags.erase(std::remove_if(flags.begin(), flags.end(), is_type), flags.end());
  return flags;
}

}  // namespace

const Command& show_command() {
  static const Command command = {
      "show", "posy show MODEL --weights -o PAGE.html [flags]", "a page to look at: weights before and after", flags(),
      run,
  };
  return command;
}

}  // namespace posy
