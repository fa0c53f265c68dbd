// Runs the posy command as a shell does, in a folder of the test's own, and small models to run it on.
#pragma once
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/apps/colour_graph.h"
#include "tests/loaders/graph_writer.h"
#include "tests/loaders/image_writer.h"
#include "tests/temporary_folder.h"

namespace posy_test {

using Json = nlohmann::json;

inline Bytes bytes_of(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

inline void write(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The current folder is a new, empty one as long as this lives, so that messages show short names, as a user's do.
class Workplace {
 public:
  Workplace() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_.path()); }
  ~Workplace() { std::filesystem::current_path(before_); }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  // Names of what lies in it, sorted, without the streams of the last run.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename().string();
      if (name.rfind("stream.", 0) != 0) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path before_;
  TemporaryFolder folder_;
};

struct Outcome {
  int code = -1;  // 256 + the signal, if one ended it
  std::string out, err;

  // The lines of `out`, each of which has to be JSON.
  std::vector<Json> json() const {
    std::vector<Json> lines;
    for (size_t at = 0; at < out.size();) {
      const size_t end = std::min(out.find('\n', at), out.size());
      lines.push_back(Json::parse(out.substr(at, end - at)));
      at = end + 1;
    }
    return lines;
  }
};

// Starts `posy words...`, with standard input from the descriptor `standard_input`; what it prints goes to stream.err
// and `standard_output`, which may be a device. `variables` ("NAME=value") are added to the environment, from which
// POSY_* are taken. 0 if it could not be started.
inline pid_t start_posy(const std::vector<std::string>& words, const std::vector<std::string>& variables,
                        int standard_input, const char* standard_output = "stream.out") {
  std::vector<std::string> environment = variables;
  for (char** at = environ; *at; ++at) {
    if (std::string_view(*at).rfind("POSY_", 0) != 0) environment.push_back(*at);
  }
  std::vector<std::string> arguments = {POSY_COMMAND};
  arguments.insert(arguments.end(), words.begin(), words.end());
  std::vector<char*> argv, envp;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  for (std::string& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, standard_input, 0);
  posix_spawn_file_actions_addopen(&files, 1, standard_output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, "stream.err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, POSY_COMMAND, &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  return error == 0 ? pid : 0;
}

// What came of it, once it has ended.
inline Outcome outcome_of(pid_t pid) {
  Outcome outcome;
  int status = 0;
  if (pid == 0 || ::waitpid(pid, &status, 0) != pid) return outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  outcome.out = read("stream.out");
  outcome.err = read("stream.err");
  return outcome;
}

// The exit code, standard output and standard error of `posy words...`, as start_posy() runs it.
inline Outcome run_posy(const std::vector<std::string>& words, const std::vector<std::string>& variables = {},
                        const Bytes& standard_input = {}, const char* standard_output = "stream.out") {
  write("stream.in", standard_input);
  const int input = ::open("stream.in", O_RDONLY);
  const pid_t pid = start_posy(words, variables, input, standard_output);
  ::close(input);
  return outcome_of(pid);
}

// A PNG of one colour.
inline Bytes flat_png(uint8_t red, uint8_t green, uint8_t blue, uint32_t width = 8, uint32_t height = 8) {
  PngOptions options;
  options.width = width;
  options.height = height;
  for (uint32_t y = 0; y < height; ++y) {
    options.rows.push_back(0);
    for (uint32_t x = 0; x < width; ++x) options.rows.insert(options.rows.end(), {red, green, blue});
  }
  return make_png(options);
}

// graph.pb, labels.txt, red.png, green.png and blue.png in the current folder.
inline void write_colour_files() {
  write("graph.pb", colour_graph().bytes());
  write("labels.txt", bytes_of("red\ngreen\nblue\n"));
  write("red.png", flat_png(255, 0, 0));
  write("green.png", flat_png(0, 255, 0));
  write("blue.png", flat_png(0, 0, 255));
}

// softmax of `own` beside two of `other`: the score of a picture's own colour.
inline double own_score(double own, double other) {
  return std::exp(own) / (std::exp(own) + 2 * std::exp(other));
}

// The last line of standard error is one sentence of posy's that names `name`.
inline bool is_one_sentence_about(const std::string& err, const std::string& name) {
  const bool one_line = !err.empty() && err.find('\n') == err.size() - 1;
  return one_line && err.rfind("posy: ", 0) == 0 && err.find(name) != std::string::npos;
}

// Whether `condition` holds soon: within half a minute, for a machine that is busy with other things.
template <class Condition>
bool becomes_true(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    ::usleep(10000);
  }
  return false;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace posy_test
