// posy-label: what boards need of the posy command, and nothing else. The lines are those of `posy label`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "apps/version.h"
#include "engine/posy.h"
#include "engine/posy_threads.h"
#include "loaders/error.h"
#include "loaders/image.h"
#include "loaders/mapped_file.h"
#include "loaders/one_line.h"
#include "loaders/pack.h"

namespace posy {
namespace {

constexpr const char* kUsage =
    "usage: posy-label [--top K] [--threads N] MODEL.posy IMAGE...\n"
    "prints the best classes of each photo, best first; POSY_ISA=NAME forces an instruction set\n";

struct Options {
  uint32_t top = 5;
  uint32_t threads = 1;
  std::string model;
  std::vector<std::string> images;
};

// What ends the program: of --help and --version 0, of wrong usage 2.
struct Exit {
  int code;
};

[[noreturn]] void refuse(const std::string& what) {
  std::fprintf(stderr, "posy-label: %s\n%s", one_line(what).c_str(), kUsage);
  throw Exit{2};
}

uint32_t number_after(const std::string& flag, const char* text, uint32_t most) {
  char* end = nullptr;
  const unsigned long number = text ? std::strtoul(text, &end, 10) : 0;
  if (!text || end == text || *end || number < 1 || number > most)
    refuse(flag + " wants a number from 1 to " + std::to_string(most));
  return (uint32_t)number;
}

Options options_of(char** words) {
  Options options;
  bool only_names = false;  // behind --
  for (; *words; ++words) {
    const std::string word = *words;
    if (only_names || word[0] != '-') {
      (options.model.empty() ? options.model : options.images.emplace_back()) = word;
    } else if (word == "--") {
      only_names = true;
    } else if (word == "--top" || word == "--threads") {
      uint32_t& number = word == "--top" ? options.top : options.threads;
      number = number_after(word, words[1], word == "--top" ? 100000 : POSY_MAX_THREADS);
      ++words;
    } else if (word == "--help" || word == "-h") {
      std::fputs(kUsage, stdout);
      throw Exit{0};
    } else if (word == "--version") {
      print_version("posy-label");
      throw Exit{0};
    } else {
      refuse("there is no flag " + word);
    }
  }
  if (options.images.empty()) refuse(options.model.empty() ? "no model given" : "no image given");
  return options;
}

class Labeler {
 public:
  explicit Labeler(const Options& options) : options_(options), file_(options.model), bytes_(file_.bytes()) {
    if (is_packed(bytes_)) bytes_ = unpacked_ = unpack_posy(bytes_, options.model);
    posy_options how = {};
    how.isa = std::getenv("POSY_ISA");
    how.threads = posy_pool_start(&pool_, options.threads);
    how.parallel_for = posy_pool_run;
    how.parallel_context = &pool_;
    posy_needs needs;
    check(posy_need(bytes_.data(), bytes_.size(), &how, &needs));
    memory_ = std::make_unique<uint8_t[]>(needs.memory_bytes);
    check(posy_open(&engine_, bytes_.data(), bytes_.size(), memory_.get(), needs.memory_bytes, &how));
  }
  ~Labeler() { posy_pool_stop(&pool_); }
  Labeler(const Labeler&) = delete;
  Labeler& operator=(const Labeler&) = delete;

  void label(const std::string& path) {
    const Image image = read_image(path);
    const posy_image pixels = pixels_of(image);
    check(posy_set_image(&engine_, &pixels));
    check(posy_run(&engine_));
    if (options_.images.size() > 1) std::printf("%s\n", one_line(path).c_str());
    if (posy_novelty(&engine_) > 1) std::printf("unknown (novelty=%.2f)\n", (double)posy_novelty(&engine_));
    std::vector<posy_score> best(std::min(options_.top, posy_class_count(&engine_)));
    const uint32_t count = posy_top(&engine_, best.data(), (uint32_t)best.size());
    for (uint32_t i = 0; i < count; ++i) {
      const char* label = posy_label(&engine_, best[i].class_index);
      std::printf("%s (score=%.5f)\n", label ? one_line(label).c_str() : std::to_string(best[i].class_index).c_str(),
                  (double)best[i].score);
    }
    std::fflush(stdout);
  }

 private:
  void check(posy_status status) const {
    if (status == POSY_OK) return;
    std::string text = options_.model + ": " + posy_status_text(status);
    if (const size_t byte = posy_error_byte(&engine_)) text += " (byte " + std::to_string(byte) + ")";
    throw InputError(text);
  }

  const Options& options_;
  MappedFile file_;
  std::vector<uint8_t> unpacked_;
  std::span<const uint8_t> bytes_;
  posy_pool pool_ = {};
  std::unique_ptr<uint8_t[]> memory_;
  posy_engine engine_ = {};
};

int run(char** words) {
  const Options options = options_of(words);
  Labeler labeler(options);
  int code = 0;
  for (const std::string& image : options.images) {
    try {
      labeler.label(image);
    } catch (const InputError& error) {
      std::fprintf(stderr, "posy-label: %s\n", one_line(error.what()).c_str());
      code = 1;
    }
  }
  return code;
}

}  // namespace
}  // namespace posy

int main(int argc, char** argv) {
  try {
    const int code = posy::run(argv + (argc > 0));
    if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return code;
    std::fputs("posy-label: standard output could not be written\n", stderr);
  } catch (const posy::Exit& exit) {
    return exit.code;
  } catch (const posy::InputError& error) {
    std::fprintf(stderr, "posy-label: %s\n", posy::one_line(error.what()).c_str());
  } catch (const std::bad_alloc&) {
    std::fputs("posy-label: out of memory\n", stderr);
  }
  return 1;
}
