// How long each op of a run takes.
#pragma once
#include <vector>

#include "apps/session.h"

namespace posy {

// Time between the ends of steps, added up per op.
struct OpClock {
  double last = 0;
  std::vector<double> ms;  // per op, of one run

  static int observe(void* self, const posy_progress* progress) {
    OpClock& clock = *(OpClock*)self;
    const double now = now_ms();
    clock.ms[progress->op] += now - clock.last;
    clock.last = now;
    return 0;
  }
};

// A picture with some of everything, so that no op sees constants only.
inline Image test_picture(posy_shape shape) {
  Image image;
  image.width = shape.w;
  image.height = shape.h;
  for (uint32_t i = 0; i < shape.h * shape.w * 3; ++i) image.rgb.push_back((uint8_t)(i * 2654435761u >> 24));
  return image;
}

// Milliseconds of each op in one run.
inline std::vector<double> clocked_run(Session& session, const Image& picture) {
  OpClock clock;
  clock.ms.assign(session.model().op_count, 0);
  session.set_image(picture, "the test picture");
  posy_set_observer(session.engine(), OpClock::observe, &clock);
  clock.last = now_ms();
  session.run();
  posy_set_observer(session.engine(), nullptr, nullptr);
  return clock.ms;
}

}  // namespace posy
