#ifndef CAMERA_FRAME_H
#define CAMERA_FRAME_H

#include <posy.h>

/* A camera's QVGA frame as posy_set_image() takes it, without a copy: its middle, 240 x 240 pixels. */
struct posy_image camera_frame(const uint8_t* frame);

#endif
