// posy pack and posy unpack: a .posy file in its download form, and back.
#include "loaders/pack.h"

#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/json.h"
#include "apps/session.h"
#include "loaders/error.h"
#include "loaders/file.h"

namespace posy {
namespace {

struct Files {
  std::string input, output;
};

// What unpack undoes has to be somewhere else: the input stays.
Files files_of(const Args& args, const char* command) {
  if (args.words().size() != 1) throw UsageError(std::string(command) + " takes one file");
  const std::optional<std::string> output = args.text("output");
  if (!output) throw UsageError(std::string(command) + " needs -o FILE: where to write");
  const Files files = {args.words()[0], *output};
  std::error_code ignored;
  const bool same = files.output == files.input || std::filesystem::equivalent(files.output, files.input, ignored);
  if (files.output != "-" && same) throw UsageError("the output " + files.output + " would replace the input");
  return files;
}

void report(const Args& args, const Files& files, size_t posy_bytes, size_t packed_bytes, const std::string& how = "") {
  if (args.has("json") && files.output != "-") {
    print_json(
        {{"input", files.input}, {"output", files.output}, {"file_bytes", posy_bytes}, {"packed_bytes", packed_bytes}});
  }
  std::fprintf(stderr, "%s: %zu bytes, %zu packed (%.1f%%)%s\n", files.output.c_str(), posy_bytes, packed_bytes,
               100.0 * (double)packed_bytes / (double)posy_bytes, how.c_str());
}

int run_pack(const Args& args) {
  const Files files = files_of(args, "pack");
  const std::vector<uint8_t> posy = read_file(files.input);
  if (is_packed(posy)) throw InputError(files.input + ": is packed already");
  const std::vector<uint8_t> packed = pack_posy(posy, files.input);
  write_file(files.output, packed);
  report(args, files, posy.size(), packed.size());
  return 0;
}

int run_unpack(const Args& args) {
  const Files files = files_of(args, "unpack");
  const std::vector<uint8_t> packed = read_file(files.input);
  const double start = now_ms();
  const std::vector<uint8_t> posy = unpack_posy(packed, files.input);
  const double ms = now_ms() - start;
  write_file(files.output, posy);
  char how[64];
  std::snprintf(how, sizeof how, ", unpacked in %.1f ms (%.0f MB/s)", ms, (double)posy.size() / ms / 1e3);
  report(args, files, posy.size(), packed.size(), how);
  return 0;
}

std::vector<FlagSpec> flags() {
  return {{"output", "FILE", "where to write (- is standard output)"}, {"json", nullptr, "print both sizes as JSON"}};
}

}  // namespace

const Command& pack_command() {
  static const Command command = {
      "pack",   "posy pack FILE.posy -o OUT [flags]",       "pack a .posy file for downloads, without loss", flags(),
      run_pack, "  posy pack flowers.posy -o packed.posy\n"};
  return command;
}

const Command& unpack_command() {
  static const Command command = {"unpack",
                                  "posy unpack FILE -o OUT.posy [flags]",
                                  "turn a packed file into the .posy file that it was made from",
                                  flags(),
                                  run_unpack,
                                  "  posy unpack packed.posy -o flowers.posy\n"};
  return command;
}

}  // namespace posy
