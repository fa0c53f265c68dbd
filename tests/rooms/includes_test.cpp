// The house rules that a program can read: who includes whom, how long a file is, what may not stand in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

constexpr size_t kMostLines = 600;

struct Include {
  std::string file;  // from the root of the tree
  std::string what;  // between the quotes or angles
  bool quoted;
};

// What the rooms hold, in lines. Test data and models are no source.
using Sources = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

const Sources& sources() {
  static const Sources all = [] {
    const std::set<std::string> kinds = {".h", ".hpp", ".c", ".cpp", ".def", ".cmake", ".txt", ".sh", ".py", ".js"};
    Sources found;
    const fs::path root = POSY_SOURCE_DIR;
    for (const char* room : {"kernels", "engine", "loaders", "apps", "tests", "models", "tools"}) {
      if (!fs::exists(root / room)) continue;
      for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / room)) {
        const std::string name = fs::relative(entry.path(), root).generic_string();
        const bool is_data = name.rfind("tests/data/", 0) == 0 || name.find("/build/") != std::string::npos ||
                             name.find("node_modules/") != std::string::npos;
        const bool is_labels = entry.path().extension() == ".txt" && entry.path().filename() != "CMakeLists.txt";
        if (!entry.is_regular_file() || is_data || is_labels || !kinds.count(entry.path().extension().string())) {
          continue;
        }
        found[name] = lines_of(entry.path());
      }
    }
    return found;
  }();
  return all;
}

std::vector<Include> includes() {
  std::vector<Include> found;
  for (const auto& [file, lines] : sources()) {
    if (file.ends_with(".py") || file.ends_with(".txt") || file.ends_with(".cmake") || file.ends_with(".js")) continue;
    for (const std::string& line : lines) {
      size_t at = line.find_first_not_of(" ");
      if (at == std::string::npos || line[at] != '#') continue;
      at = line.find_first_not_of(" ", at + 1);
      if (at == std::string::npos || line.compare(at, 7, "include") != 0) continue;
      const size_t open = line.find_first_of("<\"", at);
      const size_t close = open == std::string::npos ? open : line.find_first_of(">\"", open + 1);
      if (close == std::string::npos) continue;  // a macro
      found.push_back({file, line.substr(open + 1, close - open - 1), line[open] == '"'});
    }
  }
  return found;
}

std::string room_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

// A room may include itself and those below it; anybody's tests may include anything.
int height_of(const std::string& room) {
  const std::vector<std::string> rooms = {"kernels", "engine", "loaders", "apps", "tests"};
  const auto at = std::find(rooms.begin(), rooms.end(), room);
  return at == rooms.end() ? -1 : (int)(at - rooms.begin());
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& starts) {
  return std::any_of(starts.begin(), starts.end(), [&](const std::string& s) { return text.rfind(s, 0) == 0; });
}

// "" if the include is allowed, else the rule that it breaks.
std::string broken_rule(const Include& include) {
  const std::string room = room_of(include.file);
  const std::string& what = include.what;
  const auto only_in = [&](const std::string& header, const std::vector<std::string>& places) {
    return what.find(header) != std::string::npos && !starts_with_any(include.file, places);
  };
  if (only_in("stb_image_write", {"loaders/write_png.cpp"})) return "stb_image_write belongs to loaders/write_png.cpp";
  if (only_in("stb_image.h", {"loaders/image_stb.cpp"})) return "stb_image belongs to loaders/image_stb.cpp";
  if (only_in("jpeglib", {"loaders/image_jpeg.cpp"})) return "jpeglib belongs to loaders/image_jpeg.cpp";
  if (only_in("nlohmann", {"loaders/", "apps/", "tests/apps/"})) return "json belongs to loaders and apps";
  if (only_in("doctest", {"tests/"})) return "doctest belongs to tests";
  for (const char* vectors : {"xsimd", "immintrin", "arm_neon", "wasm_simd128"}) {
    if (only_in(vectors, {"kernels/simd_x86.hpp", "kernels/simd_neon.hpp", "kernels/int8_simd_x86.hpp",
                          "kernels/int8_simd_neon.hpp", "kernels/simd_wasm.hpp", "kernels/int8_simd_wasm.hpp"}))
      return "vectors belong to kernels/simd.hpp and kernels/int8_simd.hpp";
  }
  if (only_in("kernels/simd_", {"kernels/simd.hpp"})) return "kernels/simd.hpp chooses the vectors";
  if (only_in("kernels/int8_simd_", {"kernels/int8_simd.hpp"})) return "kernels/int8_simd.hpp chooses the vectors";
  if (include.quoted && height_of(room_of(what)) > height_of(room)) return "rooms look down only";

  // What programs in C++ include: a header of the library, not a part of the runtime.
  if (include.file == "engine/posy.hpp") return "";
  // The runtime: libc's memory functions and types, and for the optional pool the system's threads.
  if (room != "kernels" && room != "engine") return "";
  if (include.quoted) {
    const bool own = what == "status.def" && include.file == "engine/posy.h";
    return own || height_of(room_of(what)) >= 0 ? "" : "the runtime includes its own headers by room";
  }
  const std::set<std::string> plain = {"stddef.h", "stdint.h", "string.h", "new"};
  if (plain.count(what)) return "";
  const std::map<std::string, std::vector<std::string>> elsewhere = {
      {"engine/threads.cpp", {"pthread.h", "sched.h"}},
      {"kernels/cpu.cpp", {"cpuid.h", "sys/auxv.h", "asm/hwcap.h"}},
      {"kernels/simd_x86.hpp", {"immintrin.h", "xsimd/xsimd.hpp"}},
      {"kernels/simd_neon.hpp", {"arm_neon.h"}},
      {"kernels/int8_simd_x86.hpp", {"immintrin.h"}},
      {"kernels/int8_simd_neon.hpp", {"arm_neon.h"}},
      {"kernels/int8_blocks_dsp.hpp", {"arm_acle.h"}},
      {"kernels/simd_mve.hpp", {"arm_mve.h"}},
      {"kernels/int8_simd_mve.hpp", {"arm_mve.h"}},
      {"kernels/simd_wasm.hpp", {"wasm_simd128.h"}},
      {"kernels/int8_simd_wasm.hpp", {"wasm_simd128.h"}},
  };
  const auto place = elsewhere.find(include.file);
  const bool allowed = place != elsewhere.end() && std::count(place->second.begin(), place->second.end(), what);
  return allowed ? "" : "the runtime needs no other header than stddef, stdint, string and new";
}

// "TO" "DO" and so on: this file may not hold the words either.
const std::vector<std::string> kPromises = {std::string("TO") + "DO", std::string("FIX") + "ME"};

}  // namespace

TEST_CASE("rooms: includes go from apps to loaders to engine to kernels and never back") {
  const std::vector<Include> all = includes();
  CHECK(all.size() > 100);  // the tree was found
  for (const Include& include : all) {
    INFO(include.file << " includes " << include.what);
    CHECK(broken_rule(include) == "");
  }
}

TEST_CASE("rooms: the rules refuse what they are there to refuse") {
  const std::vector<Include> wrong = {
      {"kernels/math.hpp", "engine/posy.h", true},
      {"engine/run.cpp", "loaders/plan.h", true},
      {"loaders/plan.cpp", "apps/args.h", true},
      {"apps/main.cpp", "tests/loaders/graph_writer.h", true},
      {"loaders/image.cpp", "stb_image.h", true},
      {"loaders/write_png.cpp", "stb_image.h", false},
      {"loaders/image_stb.cpp", "stb_image_write.h", false},
      {"loaders/image_stb.cpp", "jpeglib.h", false},
      {"engine/run.cpp", "nlohmann/json.hpp", false},
      {"loaders/plan.cpp", "doctest/doctest.h", false},
      {"kernels/conv_2d.hpp", "immintrin.h", false},
      {"engine/run.cpp", "xsimd/xsimd.hpp", false},
      {"engine/run.cpp", "algorithm", false},
      {"engine/open.cpp", "stdio.h", false},
      {"kernels/math.hpp", "cmath", false},
      {"kernels/dispatch.cpp", "stdlib.h", false},
      {"engine/run.cpp", "pthread.h", false},
      {"kernels/pool.hpp", "math.hpp", true},
      {"kernels/pool.hpp", "kernels/simd_neon.hpp", true},
  };
  for (const Include& include : wrong) {
    INFO(include.file << " includes " << include.what);
    CHECK(broken_rule(include) != "");
  }
  CHECK(broken_rule({"apps/main.cpp", "engine/posy.h", true}) == "");
  CHECK(broken_rule({"engine/open.cpp", "kernels/kernels.h", true}) == "");
}

TEST_CASE("rooms: files are short, without tabs and without promises") {
  for (const auto& [file, lines] : sources()) {
    INFO(file);
    // A training script tells one story from top to bottom.
    if (file != "models/train.py") CHECK(lines.size() < kMostLines);
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].find('\t') != std::string::npos) FAIL_CHECK("a tab in line " << i + 1);
      for (const std::string& promise : kPromises) {
        if (lines[i].find(promise) != std::string::npos) FAIL_CHECK(promise << " in line " << i + 1);
      }
    }
  }
}
