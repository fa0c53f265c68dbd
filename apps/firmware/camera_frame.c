/* What to do with a frame of a small camera (OV7670, OV2640 ...): QVGA, two bytes a pixel, the high byte first, as it
 * comes over the wires. An ESP32's driver calls this PIXFORMAT_RGB565. If a DMA engine swaps the bytes of each number
 * on the way to memory, it is POSY_RGB565.
 *
 * Nothing is converted and nothing copied: the engine reads the frame where it lies, resizes and normalises it into the
 * model's input, and reads no pixel that it does not need. The frame's memory is free again after posy_set_image(). */
#include "camera_frame.h"

enum { kFrameWidth = 320, kFrameHeight = 240, kPixelBytes = 2 };

struct posy_image camera_frame(const uint8_t* frame) {
  struct posy_image image = {0};
  image.format = POSY_RGB565_BE;
  image.width = kFrameHeight; /* a square, as photos are cut that models are trained with; all of it works, too */
  image.height = kFrameHeight;
  image.plane[0] = frame + (kFrameWidth - kFrameHeight) / 2 * kPixelBytes;
  image.stride[0] = kFrameWidth * kPixelBytes;
  image.orientation = 1; /* a camera that is mounted upside down: 3; see EXIF */
  return image;
}
