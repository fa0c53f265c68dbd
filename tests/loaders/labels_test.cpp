#include "loaders/labels.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/loaders/engine_runner.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// A folder of its own that goes away with the test.
class Folder {
 public:
  Folder() : path_(fs::path(POSY_BINARY_DIR) / "labels_test_files") {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }

  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream((path_ / name).string(), std::ios::binary) << text;
    return path(name);
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  void remove(const std::string& name) const { fs::remove(path_ / name); }
  std::string found_for(const std::string& graph) const {
    return fs::path(find_labels(path(graph))).filename().string();
  }

 private:
  fs::path path_;
};

using Labels = std::vector<std::string>;

Labels read_text(const std::string& text) {
  const Folder folder;
  return read_labels(folder.file("l.txt", text));
}

std::string refusal_of(const std::string& text) {
  return refusal([&] { read_text(text); });
}

}  // namespace

TEST_CASE("labels: one per line, however the lines end") {
  const Labels flowers = {"daisy", "tulips"};
  CHECK(read_text("daisy\ntulips\n") == flowers);
  CHECK(read_text("daisy\ntulips") == flowers);
  CHECK(read_text("daisy\r\ntulips\r\n") == flowers);
  CHECK(read_text("daisy\r\ntulips") == flowers);
  CHECK(read_text("\xef\xbb\xbf"
                  "daisy\ntulips\n") == flowers);
  CHECK(read_text("one") == Labels{"one"});
}

TEST_CASE("labels: blanks at the end of the file and of lines go, inside they stay") {
  CHECK(read_text("daisy\ntulips\n\n\r\n  \n") == Labels{"daisy", "tulips"});
  CHECK(read_text("daisy  \ntulips\t\r\n") == Labels{"daisy", "tulips"});
  CHECK(read_text("n01440764 tench, Tinca tinca\n  indented\n") ==
        Labels{"n01440764 tench, Tinca tinca", "  indented"});
}

TEST_CASE("labels: UTF-8 is kept byte by byte") {
  CHECK(read_text("G\xc3\xa4nsebl\xc3\xbcmchen\n\xe9\x9b\x8f\xe8\x8f\x8a\n") ==
        Labels{"G\xc3\xa4nsebl\xc3\xbcmchen", "\xe9\x9b\x8f\xe8\x8f\x8a"});
}

TEST_CASE("labels: a blank line between labels would shift the classes, so it is refused with its number") {
  CHECK(contains(refusal_of("daisy\n\ntulips\n"), "line 2 is blank"));
  CHECK(contains(refusal_of("daisy\r\nroses\r\n \r\ntulips\r\n"), "line 3 is blank"));
  CHECK(contains(refusal_of("\ndaisy\n"), "line 1 is blank"));
}

TEST_CASE("labels: empty, binary and missing files are refused by name") {
  CHECK(contains(refusal_of(""), "l.txt: the file has no labels"));
  CHECK(contains(refusal_of("\n\r\n\n"), "no labels"));
  CHECK(contains(refusal_of("\xef\xbb\xbf"), "no labels"));
  CHECK(contains(refusal_of(std::string("da\0isy\n", 7)), "not a text file"));
  CHECK(contains(refusal_of(std::string("\xff\xfe"
                                        "d\0a\0",
                                        6)),
                 "not a text file"));
  const Folder folder;
  CHECK(contains(refusal([&] { read_labels(folder.path("nowhere.txt")); }), "nowhere.txt"));
  CHECK(contains(refusal([&] { read_labels(folder.path("")); }), "labels_test_files"));
}

TEST_CASE("find_labels: files named after the graph first, then the scripts' names in their order") {
  const Folder folder;
  const std::vector<std::string> names = {"flowers.pb.txt",     "flowers.pb_labels.txt", "flowers.txt",
                                          "flowers_labels.txt", "retrained_labels.txt",  "output_labels.txt",
                                          "labels.txt"};
  for (const std::string& name : names) folder.file(name, "x\n");
  for (const std::string& name : names) {
    CHECK(folder.found_for("flowers.pb") == name);
    folder.remove(name);
  }
  CHECK(find_labels(folder.path("flowers.pb")) == "");
}

TEST_CASE("find_labels: a gzipped graph has the labels of the graph inside") {
  const Folder folder;
  folder.file("retrained_labels.txt", "x\n");
  folder.file("flowers_labels.txt", "x\n");
  CHECK(folder.found_for("flowers.pb.gz") == "flowers_labels.txt");
  folder.file("flowers.pb.txt", "x\n");
  CHECK(folder.found_for("flowers.pb.gz") == "flowers.pb.txt");
  folder.file("flowers.pb.gz.txt", "x\n");
  CHECK(folder.found_for("flowers.pb.gz") == "flowers.pb.gz.txt");
}

TEST_CASE("find_labels: else the only file whose name ends in labels.txt, but none of several") {
  const Folder folder;
  folder.file("notes.txt", "x\n");
  CHECK(folder.found_for("g.pb") == "");
  folder.file("other_labels.txt", "x\n");
  CHECK(folder.found_for("g.pb") == "other_labels.txt");
  folder.file("more_labels.txt", "x\n");
  CHECK(folder.found_for("g.pb") == "");
}

TEST_CASE("find_labels: a folder is not a label file") {
  const Folder folder;
  fs::create_directory(folder.path("labels.txt"));
  CHECK(folder.found_for("g.pb") == "");
  fs::create_directory(folder.path("my_labels.txt"));
  CHECK(folder.found_for("g.pb") == "");
}

TEST_CASE("labels: ImageNet's hold a number and several names") {
  const LabelNames caffe = names_in_label("25:great grey owl, Strix nebulosa"),
                   synset = names_in_label("n01440764 tench");
  CHECK(caffe.number == "25");
  CHECK(caffe.names == std::vector<std::string>{"great grey owl", "Strix nebulosa"});
  CHECK(synset.number == "n01440764");
  CHECK(synset.names == std::vector<std::string>{"tench"});
  CHECK(names_in_label("daisy").number == "");
  CHECK(names_in_label("4 seasons").names == std::vector<std::string>{"4 seasons"});
  CHECK(names_in_label("").names.empty());
}

TEST_CASE("find_labels: a graph in a folder that does not exist, or without a name, has none") {
  const Folder folder;
  CHECK(find_labels(folder.path("nowhere/g.pb")) == "");
  CHECK(find_labels(folder.path(".pb")) == "");
  CHECK(find_labels("-") == "");
}
