#include "loaders/labelled_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "loaders/error.h"
#include "loaders/sha1.h"
#include "tests/temporary_folder.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

std::string hex(const std::array<uint8_t, 20>& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte / 16];
    text += "0123456789abcdef"[byte % 16];
  }
  return text;
}

class PhotoFolder : public posy_test::TemporaryFolder {
 public:
  void add(const std::string& file) const {
    fs::create_directories((fs::path(path()) / file).parent_path());
    std::ofstream(fs::path(path()) / file) << "x";
  }
};

TEST_CASE("sha1: the examples of FIPS 180, and every length around a block's end") {
  CHECK(hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex(sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  // Python: hashlib.sha1(b"a" * n).hexdigest()
  CHECK(hex(sha1(std::string(55, 'a'))) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(hex(sha1(std::string(56, 'a'))) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(hex(sha1(std::string(64, 'a'))) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

TEST_CASE("split: parts are those of retrain.py, for the path as it is spelled") {
  // percentage_hash of retrain.py, in Python: 64.70, 5.88, 14.98
  const SplitRule rule;
  CHECK(split_of("tf_files/flower_photos/daisy/100080576_f52e8ee070_n.jpg", rule) == Split::kTraining);
  CHECK(split_of("tf_files/flower_photos/daisy/1031799732_e7f4008c03.jpg", rule) == Split::kValidation);
  CHECK(split_of("tf_files/flower_photos/daisy/10172379554_b296050f82_n.jpg", rule) == Split::kTesting);
}

TEST_CASE("split: what follows _nohash_ does not count") {
  for (const char* rest : {"1.jpg", "2.jpg", "a_nohash_b.jpg"}) {
    CHECK(split_of("p/rose_nohash_" + std::string(rest), {}) == split_of("p/rose", {}));
  }
  CHECK(split_of("p/rose", {100, 0, ""}) == Split::kTesting);
  CHECK(split_of("p/rose", {0, 100, ""}) == Split::kValidation);
  CHECK(split_of("p/rose", {0, 0, ""}) == Split::kTraining);
}

TEST_CASE("labels: lower case, blanks for other characters, runs of them as one") {
  CHECK(normalized_label("Sun-Flowers_2") == "sun flowers 2");
  CHECK(normalized_label("a--b") == "a b");
  CHECK(normalized_label("\xc3\x89t\xc3\xa9") == " t ");
}

TEST_CASE("labelled folder: classes by name, photos by name, the rest left out") {
  const PhotoFolder folder;
  for (const char* file : {"Tulips/b.JPG", "Tulips/a.png", "Tulips/notes.txt", "daisy/x.jpeg", "empty/readme.txt",
                           ".hidden/y.jpg", "daisy/.z.jpg", "top.jpg", "daisy/deeper/q.jpg"}) {
    folder.add(file);
  }
  const LabelledFolder found = read_labelled_folder(folder.path() + "/", {});
  CHECK(found.labels == std::vector<std::string>{"tulips", "daisy"});
  REQUIRE(found.photos.size() == 3);
  CHECK(found.photos[0].path == folder.path() + "/Tulips/a.png");
  CHECK(found.photos[1].file == "b.JPG");
  CHECK(found.photos[2].folder == "daisy");
  CHECK(found.photos[2].class_index == 1);
  CHECK(found.count(0) == 2);
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0].find("empty: no photos") != std::string::npos);
}

TEST_CASE("labelled folder: the part follows the spelling that is asked for") {
  const PhotoFolder folder;
  for (int i = 0; i < 50; ++i) folder.add("daisy/" + std::to_string(i) + ".jpg");
  const LabelledFolder found = read_labelled_folder(folder.path(), {10, 10, "tf_files/flower_photos"});
  for (const LabelledPhoto& photo : found.photos) {
    CHECK(photo.split == split_of("tf_files/flower_photos/daisy/" + photo.file, {}));
  }
}

TEST_CASE("labelled folder: one that is missing, empty, or has two names for a label is refused") {
  const PhotoFolder folder;
  CHECK_THROWS_AS(read_labelled_folder(folder.path() + "/none", {}), InputError);
  CHECK_THROWS_AS(read_labelled_folder(folder.path(), {}), InputError);
  folder.add("red rose/1.jpg");
  folder.add("Red_Rose/1.jpg");
  CHECK_THROWS_WITH_AS(read_labelled_folder(folder.path(), {}), doctest::Contains("would both be 'red rose'"),
                       InputError);
}

}  // namespace
}  // namespace posy
