// The same in C++17: label_cpp MODEL.posy
#include <posy.hpp>

int main(int argc, char** argv) try {
  const uint8_t green[3] = {0, 255, 0};
  const posy::Pool pool(2);
  posy::Classifier classifier(posy::Model::read(argv[argc - 1]), pool.options());
  classifier.run(posy::image(POSY_RGB, green, 1, 1));
  const posy::Score best = classifier.top(1)[0];
  std::printf("posy %s: %s (score=%.5f)\n", posy_version(), best.label.c_str(), (double)best.score);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "label_cpp: %s\n", error.what());
  return 1;
}
