// The command line: help, version, wrong usage and the environment.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// Instruction sets that this machine has, from `posy --version`.
std::vector<std::string> instruction_sets() {
  const std::string version = run_posy({"--version"}).out;
  const std::string before = "instruction sets:";
  size_t at = version.find(before) + before.size();
  std::vector<std::string> names;
  while (at < version.size() && version[at] == ' ') {
    const size_t end = version.find_first_of(" \n", at + 1);
    names.push_back(version.substr(at + 1, end - at - 1));
    at = end;
  }
  return names;
}

void check_usage_error(const std::vector<std::string>& words, const std::string& part) {
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.out == "");
  CHECK(contains(outcome.err, part));
  CHECK(contains(outcome.err, "\nusage: posy "));
}

}  // namespace

TEST_CASE("usage: --version names the version of posy.h, the instruction sets and the JPEG decoder") {
  Workplace here;
  const Outcome outcome = run_posy({"--version"});
  CHECK(outcome.code == 0);
  CHECK(outcome.err == "");
  const std::string header = read(POSY_SOURCE_DIR "/engine/posy.h");
  const std::string before = "#define POSY_VERSION \"";
  const size_t at = header.find(before) + before.size();
  CHECK(outcome.out.rfind("posy " + header.substr(at, header.find('"', at) - at) + "\n", 0) == 0);
  CHECK(contains(outcome.out, "scalar"));
  CHECK((contains(outcome.out, "libjpeg-turbo") || contains(outcome.out, "stb_image")));
  CHECK(contains(outcome.out, "\ncompiler: "));
}

TEST_CASE("usage: help goes to standard output and names every command and flag") {
  Workplace here;
  const Outcome overview = run_posy({"--help"});
  CHECK(overview.code == 0);
  CHECK(overview.err == "");
  for (const std::string command : {"convert", "label", "info", "bench"}) {
    CHECK(contains(overview.out, command));
    const Outcome help = run_posy({"help", command});
    CHECK(help.code == 0);
    CHECK(help.err == "");
    CHECK(help.out.rfind(std::string("usage: posy ") + command, 0) == 0);
    CHECK(contains(help.out, "--json"));
    CHECK(contains(help.out, "--labels FILE"));
    CHECK(run_posy({command, "--help"}).out == help.out);
    CHECK(run_posy({command, "-h"}).out == help.out);
  }
  CHECK(run_posy({"help"}).out == overview.out);
  CHECK(run_posy({"-h"}).out == overview.out);
  const std::string label = run_posy({"help", "label"}).out;
  for (const std::string flag : {"--top K", "--threads N", "--layer NAME", "--graph FILE", "--image FILE"}) {
    CHECK(contains(label, flag));
  }
  const std::string convert = run_posy({"help", "convert"}).out;
  for (const std::string flag : {"-o FILE", "--input-node", "--output-node", "--input-size", "--mean", "--std",
                                 "--weights", "--weights-rounded", "--target-size", "--int8", "--no-int8", "--max-drop",
                                 "--calibrate", "--pack", "--keep-bottleneck", "--verbose"}) {
    CHECK(contains(convert, flag));
  }
}

// Every command that `posy --help` lists.
static std::vector<std::string> command_names() {
  const std::string overview = run_posy({"--help"}).out;
  std::vector<std::string> names;
  size_t at = overview.find("\ncommands:\n") + 11;
  while (overview.compare(at, 2, "  ") == 0) {
    const size_t end = overview.find_first_of(" \n", at + 2);
    if (overview[at + 2] != ' ') names.push_back(overview.substr(at + 2, end - at - 2));
    at = overview.find('\n', at) + 1;
  }
  return names;
}

TEST_CASE("usage: every command's help has an example of it, and so has the manual page") {
  Workplace here;
  const std::vector<std::string> names = command_names();
  CHECK(names.size() == 13);
  const Outcome man = run_posy({"help", "--man"});
  CHECK(man.code == 0);
  for (const std::string& name : names) {
    CAPTURE(name);
    const std::string help = run_posy({"help", name}).out;
    const bool has_example = contains(help, "\n  posy " + name + " ") || contains(help, " posy " + name + " ");
    CHECK(has_example);
    CHECK(contains(man.out, ".SS \"" + name + "\"\n"));
  }
  CHECK(contains(run_posy({"help", "tutorial"}).out, "posy retrain BASE photos"));
}

TEST_CASE("usage: bash completes commands, flags and choices") {
  Workplace here;
  write("completion.sh", bytes_of(run_posy({"completion", "bash"}).out));
  const auto completed = [](const std::string& words) {
    const std::string script = "bash -c '. ./completion.sh; COMP_WORDS=(posy " + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _posy; echo \"${COMPREPLY[*]}\"' >out.txt";
    CHECK(std::system(script.c_str()) == 0);
    return read("out.txt");
  };
  if (std::system("bash --version >version.txt 2>&1") != 0) {
    MESSAGE("skipped: no bash on this machine");
    return;
  }
  CHECK(completed("con") == "convert\n");
  CHECK(completed("label m.posy --js") == "--json\n");
  CHECK(completed("eval m.posy photos --split t") == "training testing\n");
  CHECK(completed("help tu") == "tutorial\n");
  write("model.posy", {});
  CHECK(completed("label mod") == "model.posy\n");
}

TEST_CASE("usage: there are completion scripts for three shells") {
  Workplace here;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string script = run_posy({"completion", shell}).out;
    for (const std::string& name : command_names()) CHECK(contains(script, name));
    CHECK(contains(script, "bottleneck-dir"));
  }
  check_usage_error({"completion", "tcsh"}, "bash, zsh or fish");
  check_usage_error({"completion"}, "bash, zsh or fish");
}

TEST_CASE("usage: what is misspelled is named, with what is right") {
  Workplace here;
  check_usage_error({}, "no command");
  check_usage_error({"labl"}, "'labl'");
  check_usage_error({"labl"}, "did you mean label?");
  check_usage_error({"convrt"}, "did you mean convert?");
  check_usage_error({"labl"}, "convert, label, info, compare");
  check_usage_error({"help", "labl"}, "'labl'");
  check_usage_error({"label", "--tpo", "3", "a", "b"}, "unknown flag --tpo; did you mean --top?");
  check_usage_error({"label", "--thread=3", "a", "b"}, "did you mean --threads?");
  check_usage_error({"label", "--nothing-like-it", "a", "b"}, "--nothing-like-it");
  check_usage_error({"label", "-x", "a", "b"}, "-x");
  check_usage_error({"convert", "--keep", "a"}, "did you mean --keep-bottleneck?");
  for (const std::string far : {"--int8", "--zz", "--nothing-like-it"}) {
    CHECK_FALSE(contains(run_posy({"convert", far, "a"}).err, "did you mean"));
  }
  CHECK_FALSE(contains(run_posy({"paint"}).err, "did you mean"));
}

TEST_CASE("usage: values that cannot be are refused before any file is read") {
  Workplace here;
  check_usage_error({"label"}, "a model and at least one image");
  check_usage_error({"label", "model"}, "a model and at least one image");
  check_usage_error({"label", "model", "image", "--top"}, "--top needs a value");
  check_usage_error({"label", "model", "image", "--top="}, "--top needs a value");
  check_usage_error({"label", "model", "image", "--top", "-1"}, "--top wants a whole number");
  check_usage_error({"label", "model", "image", "--top", "3x"}, "--top wants a whole number");
  check_usage_error({"label", "model", "image", "--threads", "0"}, "--threads wants a whole number from 1 to 64");
  check_usage_error({"label", "model", "image", "--threads", "65"}, "from 1 to 64");
  check_usage_error({"label", "model", "image", "--json=yes"}, "--json takes no value");
  check_usage_error({"label", "model", "image", "--mean", "grey"}, "--mean wants a number, not 'grey'");
  check_usage_error({"label", "model", "image", "--std", "0"}, "--std must not be 0");
  check_usage_error({"label", "model", "image", "--std", "nan"}, "--std wants a number");
  check_usage_error({"convert", "graph", "--weights-rounded", "1"},
                    "--weights-rounded wants a whole number from 2 to 65536");
  check_usage_error({"label", "model", "image", "--layer", "pool"}, "--json");
  check_usage_error({"convert"}, "convert takes one graph");
  check_usage_error({"convert", "a.pb", "b.pb"}, "convert takes one graph");
  check_usage_error({"convert", "a.pb", "--weights", "u16"}, "not 'u16'");
  check_usage_error({"convert", "a.pb", "--weights", "u3"}, "f32, u8, u7, u6, u5 or u4, not 'u3'");
  for (const std::string size : {"0", "-1", "2.2GB", "2.2MBs", "MB", "nan", "1e300"}) {
    check_usage_error({"convert", "a.pb", "--target-size", size}, "not '" + size + "'");
  }
  check_usage_error({"convert", "a.pb", "--target-size", "2MB", "--weights", "u8"}, "leave it out");
  check_usage_error({"convert", "a.pb", "--target-size", "2MB", "--max-drop", "1", "--calibrate", "."}, "not both");
  check_usage_error({"convert", "a.pb", "--max-drop", "1"}, "--calibrate DIR");
  check_usage_error({"convert", "a.pb", "--max-drop", "101", "--calibrate", "."}, "from 0 to 100");
  check_usage_error({"convert", "a.pb", "--calibrate", "."}, "add --int8, --weights u8");
  check_usage_error({"convert", "a.pb", "--input-size", "0"}, "--input-size");
  check_usage_error({"convert", "a.pb", "--input-size", "224x"}, "--input-size");
  check_usage_error({"convert", "a.pb", "--input-size", "99999999999999999999"}, "--input-size");
  check_usage_error({"convert", "a.pb", "-o", "a.pb"}, "would replace the graph");
  check_usage_error({"label", "model", ""}, "an argument is empty");
  check_usage_error({"info", ""}, "an argument is empty");
  check_usage_error({"info"}, "info takes one model");
  check_usage_error({"bench", "a", "b"}, "bench takes one model");
  check_usage_error({"bench", "a", "--runs", "0"}, "--runs wants a whole number from 1");
}

TEST_CASE("usage: POSY_ISA forces each instruction set that is here, and names them when it cannot") {
  Workplace here;
  write_colour_files();
  const std::vector<std::string> names = instruction_sets();
  REQUIRE(names.size() >= 1);
  CHECK(names.back() == "scalar");
  const Outcome free = run_posy({"label", "graph.pb", "red.png"});
  for (const std::string& name : names) {
    CAPTURE(name);
    const Outcome forced = run_posy({"label", "graph.pb", "red.png"}, {"POSY_ISA=" + name});
    CHECK(forced.code == 0);
    CHECK(forced.out == free.out);
    CHECK(contains(forced.err, "(" + name + ")"));
    const Outcome bench = run_posy({"bench", "graph.pb", "--json", "--runs", "1"}, {"POSY_ISA=" + name});
    REQUIRE(bench.json().size() == 1);
    CHECK(bench.json()[0]["isa"] == name);
  }
  const Outcome unknown = run_posy({"label", "graph.pb", "red.png"}, {"POSY_ISA=mmx"});
  CHECK(unknown.code == 1);
  CHECK(unknown.out == "");
  CHECK(is_one_sentence_about(unknown.err, "mmx"));
  for (const std::string& name : names) CHECK(contains(unknown.err, name));
  CHECK(run_posy({"label", "graph.pb", "red.png"}, {"POSY_ISA="}).code == 0);
}

TEST_CASE("usage: POSY_THREADS is the default of --threads") {
  Workplace here;
  write_colour_files();
  const auto threads = [](const std::vector<std::string>& more, const std::vector<std::string>& variables) {
    std::vector<std::string> words = {"bench", "graph.pb", "--json", "--runs", "2", "--warmup", "0"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run_posy(words, variables);
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome.json()[0]["threads"].get<int>();
  };
  CHECK(threads({}, {}) == 1);
  CHECK(threads({}, {"POSY_THREADS=2"}) == 2);
  CHECK(threads({}, {"POSY_THREADS="}) == 1);
  CHECK(threads({"--threads", "3"}, {"POSY_THREADS=2"}) == 3);
  for (const std::string wrong : {"0", "65", "two", "2x", "-1", "18446744073709551617"}) {
    CAPTURE(wrong);
    const Outcome outcome = run_posy({"label", "graph.pb", "red.png"}, {std::string("POSY_THREADS=") + wrong});
    CHECK(outcome.code == 2);
    CHECK(contains(outcome.err, "POSY_THREADS"));
  }
}

TEST_CASE("usage: standard output that cannot be written is exit code 1") {
  if (!std::filesystem::exists("/dev/full")) return;
  Workplace here;
  write_colour_files();
  const Outcome label = run_posy({"label", "graph.pb", "red.png"}, {}, {}, "/dev/full");
  CHECK(label.code == 1);
  CHECK(contains(label.err, "standard output"));
  CHECK(run_posy({"convert", "graph.pb", "-o", "-"}, {}, {}, "/dev/full").code == 1);
}

TEST_CASE("usage: bench --json has the fields of the interface") {
  Workplace here;
  write_colour_files();
  const Outcome outcome = run_posy({"bench", "graph.pb", "--json", "--runs", "3", "--warmup", "1"});
  REQUIRE(outcome.code == 0);
  REQUIRE(outcome.json().size() == 1);
  const Json bench = outcome.json()[0];
  for (const std::string number : {"threads", "runs", "min_ms", "median_ms", "p95_ms", "open_ms", "first_ms",
                                   "arena_bytes", "file_bytes", "peak_rss_bytes", "peak_gflops", "fraction_of_peak"}) {
    CAPTURE(number);
    WARN(bench.contains(number));
    if (bench.contains(number)) CHECK(bench[number].is_number());
  }
  CHECK(bench["runs"] == 3);
  CHECK(bench["isa"].is_string());
  REQUIRE(bench["ops"].is_array());
  for (const Json& op : bench["ops"]) {
    CHECK(op["kind"].is_string());
    CHECK(op["name"].is_string());
    CHECK(op["ms"].is_number());
    CHECK(op["gflops"].is_number());
  }
}
