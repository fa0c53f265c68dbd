#include "apps/help.h"

#include <algorithm>

namespace posy {
namespace {

constexpr size_t kWidth = 100, kFlagColumn = 25;

// Words of `text` in lines of at most kWidth, all but the first indented.
std::string wrapped(const std::string& text, size_t column) {
  std::string out;
  size_t used = column;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (used > column && used + 1 + (end - at) > kWidth) {
      out += "\n" + std::string(column, ' ');
      used = column;
    } else if (used > column) {
      out += ' ';
      ++used;
    }
    out.append(text, at, end - at);
    used += end - at;
    at = end + 1;
  }
  return out;
}

std::string flag_line(const FlagSpec& spec) {
  std::string flag = "  " + (std::string(spec.name) == "output" ? "-o" : "--" + std::string(spec.name));
  if (spec.value) flag += " " + std::string(spec.value);
  if (flag.size() + 1 > kFlagColumn) {
    flag += "\n" + std::string(kFlagColumn, ' ');
  } else {
    flag.resize(kFlagColumn, ' ');
  }
  return flag + wrapped(spec.help, kFlagColumn) + "\n";
}

std::string flag_lines(const Command& command, bool of_convert) {
  std::string lines;
  for (const FlagSpec& spec : command.flags) {
    if (is_convert_flag(spec) == of_convert) lines += flag_line(spec);
  }
  return lines;
}

}  // namespace

const std::vector<const Command*>& all_commands() {
  static const std::vector<const Command*> commands = {
      &convert_command(), &label_command(),  &info_command(),          &compare_command(), &show_command(),
      &eval_command(),    &bench_command(),  &retrain_command(),       &explain_command(), &doctor_command(),
      &pack_command(),    &unpack_command(), &quantize_image_command()};
  return commands;
}

const Command* find_command(const std::string& name) {
  for (const Command* command : all_commands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

std::string overview() {
  std::string text =
      "posy: retrained image classifiers, small and fast\n\n"
      "  posy convert retrained_graph.pb --labels retrained_labels.txt -o flowers.posy\n"
      "  posy label flowers.posy daisy.jpg\n\ncommands:\n";
  for (const Command* command : all_commands()) {
    std::string name = std::string("  ") + command->name;
    name.resize(18, ' ');
    text += name + wrapped(command->summary, 18) + "\n";
  }
  return text +
         "\n`posy help COMMAND` explains a command, `posy help tutorial` what to use for which step of TensorFlow for\n"
         "Poets. `posy completion bash` (zsh, fish) prints a script that completes commands and flags, `posy help "
         "--man`\n"
         "the manual page. A model is a .posy file, or a graph: then every command takes the flags of convert as "
         "well.\n";
}

std::string help_text(const Command& command) {
  std::string text = std::string("usage: ") + command.usage + "\n\n" + command.summary + "\n";
  if (*command.about) text += std::string("\n") + command.about;
  if (const std::string own = flag_lines(command, false); !own.empty()) text += "\nflags:\n" + own;
  const std::string of_convert = flag_lines(command, true);
  const bool is_convert = std::string(command.name) == "convert";
  if (!of_convert.empty()) {
    text += is_convert ? "\nabout the graph and its weights:\n"
                       : "\nabout the graph, where the model is one (as for convert):\n";
    text += of_convert;
  }
  return text;
}

std::string tutorial_text() {
  return R"(TensorFlow for Poets, step by step:

  the tutorial                                    posy
  python -m scripts.retrain --image_dir=photos    posy retrain BASE photos -o flowers.posy
    --output_graph=retrained_graph.pb               --graph-out retrained_graph.pb writes that as well
    --bottleneck_dir=bottlenecks                    --bottleneck-dir bottlenecks
    --how_many_training_steps=500                   --steps 500 (without it: a solver that needs no number)
    --learning_rate=0.01                            --learning-rate 0.01
  tensorboard --logdir training_summaries         --tensorboard training_summaries, or --html curves.html
  python -m scripts.label_image --image=x.jpg     posy label flowers.posy x.jpg
  python -m scripts.evaluate                      posy eval flowers.posy photos --split testing
  optimize_for_inference                          posy convert retrained_graph.pb -o flowers.posy
  are the scores still the same?                  posy compare retrained_graph.pb flowers.posy --images photos
  python -m scripts.graph_pb2tb, tensorboard      posy show retrained_graph.pb -o graph.html
                                                    --tensorboard DIR writes events for TensorBoard
  python -m scripts.quantize_graph                posy convert retrained_graph.pb --weights-rounded 256
    --mode=weights_rounded, then gzip               posy convert retrained_graph.pb --weights u8 --pack
  what does rounding do?                          posy quantize-image photo.jpg few.png --colors 32
  the camera                                      posy label flowers.posy --watch folder
  why are the labels wrong on the phone?          posy doctor flowers.posy photo.jpg
)";
}

}  // namespace posy
