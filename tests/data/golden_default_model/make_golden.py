#!/usr/bin/env python3
"""Makes this folder: three drawn pictures and TensorFlow's answers for them.

    python3 make_golden.py

Pictures that are already here stay as they are. golden.tsv gets the default model's scores, bottlenecks.tsv the 1001
logits below them, with nine significant digits, which identify a float32. TensorFlow runs the graph as it stands: one
thread, no oneDNN, no graph optimiser. Pixels go the way of the tutorial's label_image.py: decode by content, the old
bilinear resize, (x - 127.5) / 127.5.

Needs tensorflow (2.21.0 was used) and pillow.
"""
import math
import os

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
from PIL import Image, ImageDraw, ImageFilter
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
GRAPH = "../../../models/flowers_mobilenet_v1_0.25_128.pb"          # as seen from this folder
INPUT, BOTTLENECK, OUTPUT = "input", "MobilenetV1/Predictions/Reshape", "final_result"
SIZE, MEAN, STD = 128, 127.5, 127.5

# File name, width, height, number of petals, colours of the petals, of the centre and of the background's corners.
PICTURES = [
    ("daisy_128x128.png", 128, 128, 14, (244, 242, 236), (236, 186, 40), ((52, 96, 40), (120, 160, 84))),
    ("sunflower_200x150.png", 200, 150, 21, (246, 190, 20), (84, 48, 22), ((96, 150, 214), (206, 226, 240))),
    ("tulip_97x301.png", 97, 301, 5, (206, 36, 60), (122, 12, 40), ((30, 60, 36), (160, 180, 120))),
]


def smooth_noise(rng, width, height, cell, amount):
    """Noise of waves about `cell` pixels long."""
    small = rng.uniform(-1, 1, [height // cell + 3, width // cell + 3]).astype(np.float32)
    return amount * np.asarray(Image.fromarray(small).resize((width, height), Image.BICUBIC))


def draw(width, height, petals, petal_colour, centre_colour, corners, seed):
    """A flower on a stem before a soft gradient, drawn four times as large and then reduced."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = ((x / width + y / height) / 2)[..., None]
    background = np.array(corners[0]) * (1 - slope) + np.array(corners[1]) * slope
    background += smooth_noise(rng, width, height, 16, 18)[..., None]
    picture = Image.fromarray(np.clip(background, 0, 255).astype(np.uint8))
    picture = picture.resize((4 * width, 4 * height), Image.BICUBIC)

    pen = ImageDraw.Draw(picture)
    cx, cy, radius = 2.0 * width, 1.7 * height, 1.7 * min(width, height)
    pen.line([(cx, cy), (cx + 0.1 * radius, 4 * height)], fill=(48, 112, 44), width=int(0.12 * radius))
    for layer in (1.0, 0.72):
        for k in range(petals):
            angle = 2 * math.pi * (k + (0.5 if layer < 1 else 0)) / petals + rng.uniform(-0.05, 0.05)
            shade = rng.uniform(0.86, 1.0) if layer == 1 else 1.0
            length, half = layer * radius, layer * radius * math.sin(math.pi / petals) * 0.9
            points = []
            for step in range(41):                                  # a petal: two mirrored bows from the centre out
                t = step / 20 if step <= 20 else 2 - step / 20
                side = math.sin(math.pi * t ** 1.3) * (half if step <= 20 else -half)
                points.append((cx + math.cos(angle) * t * length - math.sin(angle) * side,
                               cy + math.sin(angle) * t * length + math.cos(angle) * side))
            pen.polygon(points, fill=tuple(int(c * shade) for c in petal_colour),
                        outline=tuple(int(c * 0.75) for c in petal_colour))
    inner = 0.27 * radius
    for ring in range(12):
        r = inner * (1 - ring / 12)
        light = 0.7 + 0.4 * ring / 12
        pen.ellipse([cx - r, cy - r, cx + r, cy + r], fill=tuple(min(255, int(c * light)) for c in centre_colour))

    picture = picture.filter(ImageFilter.GaussianBlur(2)).resize((width, height), Image.BOX)
    pixels = np.asarray(picture, np.float32) + smooth_noise(rng, width, height, 6, 7)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def tutorial_pixels(path):
    with open(path, "rb") as f:
        image = tf.cast(tf.io.decode_png(f.read(), channels=3), tf.float32)[None]
    image = tf.compat.v1.image.resize_bilinear(image, [SIZE, SIZE], align_corners=False, half_pixel_centers=False)
    return ((image - MEAN) / STD).numpy()


def open_session(path):
    definition = tf.compat.v1.GraphDef()
    with open(path, "rb") as f:
        definition.ParseFromString(f.read())
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.optimizer_options.opt_level = tf.compat.v1.OptimizerOptions.L0
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    return tf.compat.v1.Session(graph=graph, config=config)


def text(values):
    return ",".join("%.9g" % v for v in values.reshape(-1))


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    session = open_session(os.path.join(HERE, GRAPH))
    golden = ["graph\timage\tinput_node\toutput_node\tsize\tmean\tstd\tscores"]
    deep = []
    for seed, (name, *look) in enumerate(PICTURES):
        path = os.path.join(HERE, name)
        if not os.path.exists(path):
            draw(*look, seed).save(path, optimize=True)
        scores, logits = session.run([OUTPUT + ":0", BOTTLENECK + ":0"], {INPUT + ":0": tutorial_pixels(path)})
        golden.append("\t".join([GRAPH, name, INPUT, OUTPUT, str(SIZE), "%g" % MEAN, "%g" % STD, text(scores)]))
        deep.append(name + "\t" + text(logits))
        print(name, os.path.getsize(path), "bytes:", np.round(scores[0], 4))
    for name, lines in (("golden.tsv", golden), ("bottlenecks.tsv", deep)):
        with open(os.path.join(HERE, name), "w") as f:
            f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
