#!/usr/bin/env python3
"""Trains Posy's default model: MobileNet v1 0.25 128 that tells five flowers apart.

    python3 train.py --photos flower_photos --teacher retrained_graph.pb --work work --out models

What happens, in this order:

 1. The photos are split into training, validation and testing parts by the rule of TensorFlow for Poets' retrain.py.
 2. Many random views (crops, turns, colours, mixtures) of the training photos are drawn once and kept in memory.
 3. The teacher, a MobileNet v1 1.0, looks at every view. A linear classifier on its features gives flower
    probabilities; its own last layer gives the 1001 ImageNet logits.
 4. The student starts from a quarter of the teacher's channels, chosen and re-fitted by least squares, layer by layer.
 5. The student learns to give the teacher's answers (knowledge distillation). A moving average of its weights is kept.
 6. The averaged student is written as a frozen GraphDef with the nodes and names that retrain.py writes, the file is
    read back by TensorFlow, and its accuracy on the testing part is measured and written to report.txt.

Needs tensorflow (2.21.0 was used) and no GPU. README.md says more.
"""
import argparse
import hashlib
import math
import os
import re
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
import tensorflow as tf

SIZE = 128              # side of the student's input
TEACHER_SIZE = 192      # side of the teacher's input; the photos are not larger, so 224 would only cost time
BOTTLENECKS = 1001      # ImageNet's 1000 classes and "background"
EPSILON = 0.001         # of batch normalisation
MODEL_NAME = "flowers_mobilenet_v1_0.25_128"

# Output channels of Conv2d_0, then of Conv2d_1_pointwise ... Conv2d_13_pointwise; strides of the layers in between.
STUDENT_CHANNELS = [8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256]
DEPTHWISE_STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
BLOCKS = range(1, 14)


# ---------------------------------------------------------------------------------------------------------------------
# Photos and their parts

def part_of(file_name, validation=10.0, testing=10.0):
    """The part a photo belongs to: the rule of retrain.py.

    retrain.py hashes the path as it was typed, so its parts depend on where the photos lie. Here the bare file name is
    hashed, so that everyone gets the same parts.
    """
    most = 2 ** 27 - 1
    name = re.sub(r"_nohash_.*$", "", file_name)
    number = int(hashlib.sha1(name.encode("utf-8")).hexdigest(), 16)
    percentage = (number % (most + 1)) * (100.0 / most)
    if percentage < validation:
        return "validation"
    if percentage < validation + testing:
        return "testing"
    return "training"


def read_photos(folder):
    """The class names, and for each part the list of JPEG files' bytes and the array of their classes."""
    names = sorted(d for d in os.listdir(folder) if os.path.isdir(os.path.join(folder, d)))
    parts = {p: ([], []) for p in ("training", "validation", "testing")}
    for label, name in enumerate(names):
        for file_name in sorted(os.listdir(os.path.join(folder, name))):
            if not file_name.lower().endswith((".jpg", ".jpeg")):
                continue
            with open(os.path.join(folder, name, file_name), "rb") as f:
                photos, labels = parts[part_of(file_name)]
                photos.append(f.read())
                labels.append(label)
    return names, {p: (photos, np.array(labels)) for p, (photos, labels) in parts.items()}


def tutorial_pixels(jpeg, size):
    """A photo as the tutorial's label_image.py feeds it: the whole photo, squeezed to a square by the old resize."""
    image = tf.cast(tf.io.decode_jpeg(jpeg, channels=3), tf.float32)[None]
    image = tf.compat.v1.image.resize_bilinear(image, [size, size], align_corners=False, half_pixel_centers=False)
    return ((image - 127.5) / 127.5)[0]


def tutorial_batch(photos, size):
    return np.stack([tutorial_pixels(p, size).numpy() for p in photos])


# ---------------------------------------------------------------------------------------------------------------------
# Random views of the training photos

def draw_view(jpeg, seed, plain):
    """One view of a photo, drawn twice: uint8 for the student and for the teacher. `plain` views show all of it."""
    image = tf.cast(tf.io.decode_jpeg(jpeg, channels=3), tf.float32)
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    r = tf.unstack(tf.random.stateless_uniform([16], seed))             # all the randomness of this view, in [0,1)

    # Colours: saturation, contrast, brightness, and a tint.
    grey = tf.reduce_mean(image, -1, keepdims=True)
    coloured = grey + (image - grey) * (0.5 + r[0])
    middle = tf.reduce_mean(coloured)
    coloured = middle * (0.7 + 0.6 * r[1]) + (coloured - middle) * (0.65 + 0.7 * r[2])
    coloured *= 0.9 + 0.2 * tf.stack(r[3:6])
    image = tf.clip_by_value(image if plain else coloured, 0.0, 255.0)

    # Geometry: which parallelogram of the photo becomes the square view.
    area = 0.25 + 0.75 * r[6]
    stretch = tf.exp(0.6 * (r[7] - 0.5))
    part = tf.minimum(tf.sqrt(area * tf.stack([stretch, 1 / stretch])), 1.0)        # height and width, of 1
    angle = tf.where(r[8] < 0.5, 0.0, (r[9] - 0.5) * (math.pi / 4))
    corner = tf.stack([r[10], r[11]]) * (1 - part)
    if plain:
        part, angle, corner = tf.ones(2), tf.constant(0.0), tf.zeros(2)
    extent, centre = part * shape, (corner + part / 2) * shape
    flip = tf.where(r[12] < 0.5, -1.0, 1.0)

    def render(size):
        step = extent / size
        cos, sin = tf.cos(angle), tf.sin(angle)
        xx, xy = flip * cos * step[1], -sin * step[0]
        yx, yy = flip * sin * step[1], cos * step[0]
        half = (size - 1) / 2
        x0, y0 = centre[1] - 0.5 - (xx + xy) * half, centre[0] - 0.5 - (yx + yy) * half
        view = tf.raw_ops.ImageProjectiveTransformV3(
            images=image[None], transforms=[[xx, xy, x0, yx, yy, y0, 0.0, 0.0]], output_shape=[size, size],
            fill_value=0.0, interpolation="BILINEAR", fill_mode="REFLECT")[0]
        return tf.cast(tf.round(tf.clip_by_value(view, 0.0, 255.0)), tf.uint8)

    return render(SIZE), render(TEACHER_SIZE)


def mix(images, weight):
    """Lays over each image of a batch its neighbour; weight 1 keeps the image as it is."""
    images = tf.cast(images, tf.float32)
    return images * weight + tf.roll(images, 1, 0) * (1 - weight)


def make_views(photos, labels, classes, passes, teacher, seed, log):
    """`passes` views of every photo: student images (uint8), teacher features (float16), class weights (float32)."""
    rng = np.random.default_rng(seed)
    count = len(photos)
    images = np.empty([passes * count, SIZE, SIZE, 3], np.uint8)
    features = np.empty([passes * count, teacher["MobilenetV1/Logits/Conv2d_1c_1x1/weights"].shape[2]], np.float16)
    targets = np.empty([passes * count, classes], np.float32)
    look = tf.function(lambda x: pooled_features(teacher, x), input_signature=[
        tf.TensorSpec([None, TEACHER_SIZE, TEACHER_SIZE, 3], tf.float32)])
    start, at = time.time(), 0
    for number in range(passes):
        plain = number == 0
        mixing = number % 3 == 2                                        # every third pass shows two photos at once
        order = rng.permutation(count)
        data = tf.data.Dataset.from_tensor_slices(([photos[i] for i in order], labels[order], order))
        data = data.map(lambda jpeg, label, i: (*draw_view(jpeg, [seed, number * count + i], plain), label),
                        num_parallel_calls=tf.data.AUTOTUNE).batch(60).prefetch(2)
        for small, large, label in data:
            n = len(label)
            weight = rng.uniform(0.5, 1.0, [n, 1, 1, 1]).astype(np.float32) if mixing else np.ones([n, 1, 1, 1], "f")
            images[at:at + n] = np.round(mix(small, weight))
            features[at:at + n] = look(mix(large, weight) / 127.5 - 1)
            targets[at:at + n] = mix(tf.one_hot(label, classes), weight[:, :, 0, 0])
            at += n
        log("views: pass %d of %d, %.0f s" % (number + 1, passes, time.time() - start))
    return images, features, targets


# ---------------------------------------------------------------------------------------------------------------------
# The network. Student and teacher have the same layers, so one function runs both; `w` maps slim's names to weights.

def batch_norm_affine(w, scope):
    """Batch normalisation with the moving statistics, as y = x * scale + offset."""
    b = scope + "/BatchNorm/"
    scale = w[b + "gamma"] * tf.math.rsqrt(w[b + "moving_variance"] + EPSILON)
    return scale, w[b + "beta"] - w[b + "moving_mean"] * scale


def layer(w, name, x, stride=1, training=False):
    """Convolution and batch normalisation of one layer, before ReLU6. In training the batch's own statistics count."""
    scope = "MobilenetV1/" + name
    depthwise = name.endswith("depthwise")
    kernel = tf.convert_to_tensor(w[scope + ("/depthwise_weights" if depthwise else "/weights")])
    if not training:                                                    # batch normalisation goes into the kernel
        scale, offset = batch_norm_affine(w, scope)
        kernel *= scale[:, None] if depthwise else scale
    if depthwise:
        x = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")
    elif name.endswith("pointwise"):                                    # a matrix product is faster than Conv2D here
        x = tf.tensordot(x, kernel[0, 0], 1)
    else:
        x = tf.nn.conv2d(x, kernel, stride, "SAME")
    if not training:
        return x + offset
    b = scope + "/BatchNorm/"
    x, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, w[b + "gamma"], w[b + "beta"], epsilon=EPSILON,
                                                         is_training=True)
    for moving, now in ((w[b + "moving_mean"], mean), (w[b + "moving_variance"], variance)):
        moving.assign_add(0.03 * (now - moving))
    return x


def pooled_features(w, x, training=False):
    """Images in [-1,1] to the features that the average pool gives."""
    x = tf.nn.relu6(layer(w, "Conv2d_0", x, 2, training))
    for i, stride in zip(BLOCKS, DEPTHWISE_STRIDES):
        x = tf.nn.relu6(layer(w, "Conv2d_%d_depthwise" % i, x, stride, training))
        x = tf.nn.relu6(layer(w, "Conv2d_%d_pointwise" % i, x, 1, training))
    return tf.reduce_mean(x, [1, 2])


def bottlenecks(w, features):
    """The 1001 logits: what retrain.py calls the bottleneck of a MobileNet v1."""
    return features @ w["MobilenetV1/Logits/Conv2d_1c_1x1/weights"][0, 0] + w["MobilenetV1/Logits/Conv2d_1c_1x1/biases"]


def head(w, bottleneck):
    """Logits of the flowers: the layer that retrain.py puts on the bottleneck."""
    return bottleneck @ w["final_training_ops/weights/final_weights"] + w["final_training_ops/biases/final_biases"]


def flower_logits(w, x):
    """From images to the logits of the flowers, as the frozen graph computes them."""
    return head(w, bottlenecks(w, pooled_features(w, x)))


def read_teacher(path):
    """The weights of the teacher's MobileNet (not of its own last layer, which knows other classes)."""
    graph = tf.compat.v1.GraphDef()
    with open(path, "rb") as f:
        graph.ParseFromString(f.read())
    return {n.name: tf.constant(tf.make_ndarray(n.attr["value"].tensor)) for n in graph.node
            if n.op == "Const" and n.name.startswith("MobilenetV1/") and n.attr["value"].tensor.dtype == 1
            and "/batchnorm/" not in n.name}


def fit_softmax(x, targets, weight_decay, steps=1500, rate=0.01):
    """Multinomial logistic regression on standardised x by Adam; returns weights and biases for the raw x."""
    mean, std = x.mean(0), x.std(0) + 1e-3
    x, targets = tf.constant((x - mean) / std), tf.constant(targets)
    w, b = tf.Variable(tf.zeros([x.shape[1], targets.shape[1]])), tf.Variable(tf.zeros([targets.shape[1]]))
    adam = Adam([w, b])
    rng = np.random.default_rng(0)

    @tf.function
    def step(rows, rate):
        with tf.GradientTape() as tape:
            logits = tf.gather(x, rows) @ w + b
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.gather(targets, rows), logits))
            loss += weight_decay * tf.reduce_sum(w * w)
        adam.apply(tape.gradient(loss, [w, b]), rate)

    for i in range(steps):
        step(tf.constant(rng.integers(0, x.shape[0], 512)), tf.constant(rate * (1 - i / steps), tf.float32))
    w = w.numpy() / std[:, None]
    return w.astype(np.float32), (b.numpy() - mean @ w).astype(np.float32)


class Adam:
    """Adam with decoupled weight decay on the variables that `decayed` holds."""

    def __init__(self, variables, decayed=(), decay=0.0):
        self.variables, self.decay = variables, decay
        self.decayed = {id(v) for v in decayed}
        self.m = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.v = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.powers = [tf.Variable(1.0), tf.Variable(1.0)]

    def apply(self, gradients, rate):
        powers = [p.assign(p * beta) for p, beta in zip(self.powers, (0.9, 0.99))]
        for variable, m, v, gradient in zip(self.variables, self.m, self.v, gradients):
            if id(variable) in self.decayed:
                variable.assign_sub(rate * self.decay * variable)
            tf.raw_ops.ResourceApplyAdam(var=variable.handle, m=m.handle, v=v.handle, beta1_power=powers[0],
                                         beta2_power=powers[1], lr=rate, beta1=0.9, beta2=0.99, epsilon=1e-7,
                                         grad=gradient)


# ---------------------------------------------------------------------------------------------------------------------
# The student's first weights

def choose_channels(x, y, count):
    """The `count` columns of x from which least squares restores y best, found greedily."""
    x, y = x - x.mean(0), y - y.mean(0)
    gram, cross = (x.T @ x).astype(np.float64), (x.T @ y).astype(np.float64)
    floor = 1e-4 * gram.diagonal().mean()
    chosen = []
    for _ in range(count):
        gain = (cross ** 2).sum(1) / (gram.diagonal() + floor)
        gain[chosen] = -1
        j = int(gain.argmax())
        chosen.append(j)
        g, pivot = gram[:, j].copy(), gram[j, j] + floor
        cross -= np.outer(g, cross[j]) / pivot                          # what column j explains is taken out
        gram -= np.outer(g, g) / pivot
    return np.array(chosen)


def least_squares(x, y, ridge=1e-3):
    """Matrix and offset of the best linear map from x to y."""
    mx, my = x.mean(0), y.mean(0)
    x, y = (x - mx).astype(np.float64), (y - my).astype(np.float64)
    gram = x.T @ x
    gram += np.eye(len(gram)) * ridge * gram.diagonal().mean()
    a = np.linalg.solve(gram, x.T @ y)
    return a.astype(np.float32), (my - mx @ a).astype(np.float32)


def shrink_teacher(teacher, images, seed, log):
    """A student whose layers imitate the teacher's on `images` (in [-1,1]).

    Going back from the logits, the channels are chosen that the layer after them needs most. Going forward, depthwise
    kernels are taken over and pointwise kernels are fitted from what the student has to what the teacher has.
    """
    rng = np.random.default_rng(seed)
    spots = {side: rng.integers(0, side * side, [len(images), 16]) for side in (64, 32, 16, 8, 4)}

    def sample(x, first=0):
        """The values at 16 spots of each image, the same spots for teacher and student."""
        x = np.asarray(x)
        n, side, channels = len(x), x.shape[1], x.shape[3]
        rows = spots[side][first:first + n]
        return np.take_along_axis(x.reshape(n, -1, channels), rows[:, :, None], 1).reshape(-1, channels)

    # What the teacher has: input of each pointwise layer, and its output before ReLU6.
    have, want = {i: [] for i in BLOCKS}, {i: [] for i in BLOCKS}
    for first in range(0, len(images), 50):
        x = tf.nn.relu6(layer(teacher, "Conv2d_0", images[first:first + 50], 2))
        for i, stride in zip(BLOCKS, DEPTHWISE_STRIDES):
            x = tf.nn.relu6(layer(teacher, "Conv2d_%d_depthwise" % i, x, stride))
            have[i].append(sample(x, first))
            x = layer(teacher, "Conv2d_%d_pointwise" % i, x)
            want[i].append(sample(x, first))
            x = tf.nn.relu6(x)
    have = {i: np.concatenate(v) for i, v in have.items()}
    want = {i: np.concatenate(v) for i, v in want.items()}

    keep = {}
    last = np.clip(want[13], 0, 6)
    keep[13] = choose_channels(last, bottlenecks(teacher, last).numpy(), STUDENT_CHANNELS[13])
    for i in reversed(BLOCKS):
        keep[i - 1] = choose_channels(have[i], want[i][:, keep[i]], STUDENT_CHANNELS[i - 1])

    student = {}

    def put(name, kernel, x, stride, scale, offset):
        """Adds a layer that computes convolution(x) * scale + offset; the statistics are those it meets."""
        scope = "MobilenetV1/" + name
        b = scope + "/BatchNorm/"
        student[scope + ("/depthwise_weights" if name.endswith("depthwise") else "/weights")] = kernel
        one = np.ones_like(scale)
        student.update({b + "gamma": one * math.sqrt(1 + EPSILON), b + "beta": 0 * one, b + "moving_mean": 0 * one,
                        b + "moving_variance": one})
        raw = layer(student, name, x, stride).numpy()                   # plain convolution
        mean, variance = raw.mean((0, 1, 2)), raw.var((0, 1, 2))
        student.update({b + "gamma": scale * np.sqrt(variance + EPSILON), b + "beta": offset + mean * scale,
                        b + "moving_mean": mean, b + "moving_variance": variance})
        return raw * scale + offset

    def take(name, kernel, channels, x, stride):
        scale, offset = (v.numpy()[channels] for v in batch_norm_affine(teacher, "MobilenetV1/" + name))
        return np.clip(put(name, kernel, x, stride, scale, offset), 0, 6)

    x = take("Conv2d_0", teacher["MobilenetV1/Conv2d_0/weights"].numpy()[..., keep[0]], keep[0], images, 2)
    for i, stride in zip(BLOCKS, DEPTHWISE_STRIDES):
        name = "Conv2d_%d_depthwise" % i
        kernel = teacher["MobilenetV1/" + name + "/depthwise_weights"].numpy()[:, :, keep[i - 1]]
        x = take(name, kernel, keep[i - 1], x, stride)
        goal = want[i][:, keep[i]]
        a, offset = least_squares(sample(x), goal)
        x = put("Conv2d_%d_pointwise" % i, a[None, None], x, 1, np.ones_like(offset), offset)
        error = ((sample(x) - goal) ** 2).mean() / goal.var(0).mean()
        log("first weights: Conv2d_%d_pointwise keeps %.0f%% of the teacher's variance" % (i, 100 * (1 - error)))
        x = np.clip(x, 0, 6)
    return student


# ---------------------------------------------------------------------------------------------------------------------
# Distillation

def train(student, views, teacher_logits, teacher_bottlenecks, validation, args, log):
    """Trains the weights in `student` (name to array) and returns the moving average of them."""
    images, targets = views
    w = {name: tf.Variable(value, trainable="/moving_" not in name) for name, value in student.items()}
    average = {name: tf.Variable(value) for name, value in student.items()}
    learned = [v for v in w.values() if v.trainable]
    kernels = [v for name, v in w.items() if name.endswith("weights")]
    adam = Adam(learned, kernels, args.weight_decay)
    spread = teacher_bottlenecks[::7].astype(np.float32).var(0).mean()

    @tf.function(reduce_retracing=True)
    def step(x, target, soft, goal, rate, decay, seed):
        r = tf.random.stateless_uniform([3, len(x), 1, 1, 1], [seed, 1])
        x = tf.cast(x, tf.float32) / 127.5 - 1
        x = tf.where(r[0] < 0.5, x, x[:, :, ::-1])                      # flips, contrast and brightness are cheap
        x = x * (0.85 + 0.3 * r[1]) + 0.3 * (r[2] - 0.5)
        with tf.GradientTape() as tape:
            z = bottlenecks(w, pooled_features(w, x, True))
            y = head(w, z)
            cross = tf.nn.softmax_cross_entropy_with_logits
            t = args.temperature
            loss_soft = tf.reduce_mean(cross(tf.nn.softmax(soft / t), y / t) - cross(tf.nn.softmax(soft / t), soft / t))
            loss_hard = tf.reduce_mean(cross(target, y))
            loss_goal = tf.reduce_mean((z - tf.cast(goal, tf.float32)) ** 2) / spread
            loss = t * t * loss_soft + args.hard * loss_hard + args.hint * loss_goal
        adam.apply(tape.gradient(loss, learned), rate)
        for name in w:
            average[name].assign_add((1 - decay) * (w[name] - average[name]))
        return tf.stack([loss_soft, loss_hard, loss_goal])

    rng = np.random.default_rng(args.seed)
    per_epoch = len(images) // args.views                               # an epoch is as many views as there are photos
    steps = args.epochs * (per_epoch // args.batch)
    queue, done, losses, start = np.zeros(0, np.int64), 0, [], time.time()
    for epoch in range(args.epochs):
        for _ in range(per_epoch // args.batch):
            if len(queue) < args.batch:
                queue = np.concatenate([queue, rng.permutation(len(images))])
            rows, queue = queue[:args.batch], queue[args.batch:]
            rate = args.rate * min(1.0, (done + 1) / 200) * 0.5 * (1 + math.cos(math.pi * done / steps))
            decay = min(args.average, (done + 1) / (done + 10))
            losses.append(step(images[rows], targets[rows], teacher_logits[rows], teacher_bottlenecks[rows],
                               *(tf.constant(v, tf.float32) for v in (rate, decay)), tf.constant(done)))
            done += 1
        if (epoch + 1) % 5 == 0 or epoch + 1 == args.epochs:
            accuracy, entropy, _ = measure(lambda x: flower_logits(average, x), *validation)
            log("epoch %d of %d, %.0f s: losses %s, validation accuracy %.2f%%, cross entropy %.4f" % (
                epoch + 1, args.epochs, time.time() - start, np.round(np.mean(losses, 0), 4), 100 * accuracy, entropy))
            losses = []
            np.savez(os.path.join(args.work, "checkpoint.npz"), **{k: v.numpy() for k, v in average.items()})
    return {name: v.numpy() for name, v in average.items()}


def measure(logits_of, images, labels):
    """Accuracy, mean cross entropy and the predicted classes."""
    logits = np.concatenate([logits_of(images[i:i + 50]) for i in range(0, len(images), 50)])
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits).numpy().mean()
    predicted = logits.argmax(1)
    return (predicted == labels).mean(), entropy, predicted


# ---------------------------------------------------------------------------------------------------------------------
# The frozen graph

def frozen_graph(w):
    """A GraphDef with the nodes that retrain.py writes for MobileNet v1: names, ops, attributes, order."""
    graph = tf.compat.v1.GraphDef()
    f32 = {"T": tf.float32}
    nhwc = {"data_format": b"NHWC"}

    def node(name, op, inputs=(), **attributes):
        n = graph.node.add(name=name, op=op, input=list(inputs))
        for key, value in attributes.items():
            a = n.attr[key]
            if isinstance(value, tf.DType):
                a.type = value.as_datatype_enum
            elif isinstance(value, bool):
                a.b = value
            elif isinstance(value, bytes):
                a.s = value
            elif isinstance(value, np.ndarray):
                a.tensor.CopyFrom(tf.make_tensor_proto(value))
            elif isinstance(value, tf.TensorShape):
                a.shape.CopyFrom(value.as_proto())
            elif value and isinstance(value[0], bytes):
                a.list.s.extend(value)
            else:
                a.list.i.extend(value)
        return name

    def const(name, value):
        value = np.asarray(value)
        return node(name, "Const", dtype=tf.as_dtype(value.dtype), value=value)

    def variable(name):
        const(name, w[name])
        return node(name + "/read", "Identity", [name], _class=[b"loc:@" + name.encode()], **f32)

    def convolution(name, x, kernel, stride):
        return node(name, "Conv2D", [x, kernel], strides=[1, stride, stride, 1], padding=b"SAME",
                    dilations=[1, 1, 1, 1], use_cudnn_on_gpu=True, **nhwc, **f32)

    def block(name, x, stride):
        scope = "MobilenetV1/" + name               # variables live here, operations in MobilenetV1/MobilenetV1
        ops = "MobilenetV1/" + scope
        if name.endswith("depthwise"):
            kernel = variable(scope + "/depthwise_weights")
            x = node(ops + "/depthwise", "DepthwiseConv2dNative", [x, kernel], strides=[1, stride, stride, 1],
                     padding=b"SAME", dilations=[1, 1, 1, 1], **nhwc, **f32)
        else:
            x = convolution(ops + "/convolution", x, variable(scope + "/weights"), stride)
        beta, gamma, mean, variance = (variable(scope + "/BatchNorm/" + v) for v in (
            "beta", "gamma", "moving_mean", "moving_variance"))
        b = ops + "/BatchNorm/batchnorm/"
        add = node(b + "add", "Add", [variance, const(b + "add/y", np.float32(EPSILON))], **f32)
        mul = node(b + "mul", "Mul", [node(b + "Rsqrt", "Rsqrt", [add], **f32), gamma], **f32)
        mul_1 = node(b + "mul_1", "Mul", [x, mul], **f32)
        mul_2 = node(b + "mul_2", "Mul", [mean, mul], **f32)
        sub = node(b + "sub", "Sub", [beta, mul_2], **f32)
        return node(ops + "/Relu6", "Relu6", [node(b + "add_1", "Add", [mul_1, sub], **f32)], **f32)

    x = node("input", "Placeholder", dtype=tf.float32, shape=tf.TensorShape([1, SIZE, SIZE, 3]))
    x = block("Conv2d_0", x, 2)
    for i, stride in zip(BLOCKS, DEPTHWISE_STRIDES):
        x = block("Conv2d_%d_depthwise" % i, x, stride)
        x = block("Conv2d_%d_pointwise" % i, x, 1)
    logits = "MobilenetV1/Logits/"
    x = node(logits + "AvgPool_1a/AvgPool", "AvgPool", [x], ksize=[1, 4, 4, 1], strides=[1, 2, 2, 1], padding=b"VALID",
             **nhwc, **f32)
    x = node(logits + "Dropout_1b/Identity", "Identity", [x], **f32)
    kernel, biases = variable(logits + "Conv2d_1c_1x1/weights"), variable(logits + "Conv2d_1c_1x1/biases")
    x = convolution(logits + "Conv2d_1c_1x1/convolution", x, kernel, 1)
    x = node(logits + "Conv2d_1c_1x1/BiasAdd", "BiasAdd", [x, biases], **nhwc, **f32)
    x = node(logits + "SpatialSqueeze", "Squeeze", [x], squeeze_dims=[1, 2], **f32)
    shape = const("MobilenetV1/Predictions/Reshape/shape", np.array([-1, BOTTLENECKS], np.int32))
    x = node("MobilenetV1/Predictions/Reshape", "Reshape", [x, shape], Tshape=tf.int32, **f32)
    x = node("input_1/BottleneckInputPlaceholder", "PlaceholderWithDefault", [x], dtype=tf.float32,
             shape=tf.TensorShape([None, BOTTLENECKS]))
    kernel = variable("final_training_ops/weights/final_weights")
    biases = variable("final_training_ops/biases/final_biases")
    x = node("final_training_ops/Wx_plus_b/MatMul", "MatMul", [x, kernel], transpose_a=False, transpose_b=False, **f32)
    x = node("final_training_ops/Wx_plus_b/add", "Add", [x, biases], **f32)
    node("final_result", "Softmax", [x], **f32)
    return graph


def run_graph(path, images):
    """final_result of a frozen graph for each image, one at a time as in the tutorial."""
    graph = tf.compat.v1.GraphDef()
    with open(path, "rb") as f:
        graph.ParseFromString(f.read())
    with tf.Graph().as_default() as g, tf.compat.v1.Session(graph=g) as session:
        tf.import_graph_def(graph, name="")
        return np.concatenate([session.run("final_result:0", {"input:0": x[None]}) for x in images])


def report(names, labels, scores):
    """Accuracy with its 95% interval (Wilson), cross entropy, confusion matrix, precision and recall, as text."""
    n, predicted = len(labels), scores.argmax(1)
    p, z = (predicted == labels).mean(), 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    entropy = -np.log(np.maximum(scores[np.arange(n), labels], 1e-30)).mean()
    confusion = np.zeros([len(names)] * 2, int)
    np.add.at(confusion, (labels, predicted), 1)
    lines = ["accuracy %.2f%% (%d of %d), 95%% confidence interval %.1f%% to %.1f%%" % (
        100 * p, (predicted == labels).sum(), n, 100 * (middle - half), 100 * (middle + half)),
        "cross entropy %.4f" % entropy, "",
        "| is, is taken for | " + " | ".join(names) + " | recall |", "|---" * (len(names) + 2) + "|"]
    for i, name in enumerate(names):
        lines.append("| %s | %s | %.1f%% |" % (name, " | ".join(map(str, confusion[i])),
                                               100 * confusion[i, i] / max(1, confusion[i].sum())))
    lines.append("| precision | %s | |" % " | ".join("%.1f%%" % (100 * confusion[i, i] / max(1, confusion[:, i].sum()))
                                                     for i in range(len(names))))
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------------------------------------------

def parse_arguments():
    p = argparse.ArgumentParser(description="Trains Posy's default model.",
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--photos", required=True, help="folder with one sub-folder of JPEG photos for each class")
    p.add_argument("--teacher", required=True, help="frozen graph of a retrained MobileNet v1 1.0")
    p.add_argument("--work", default="work", help="folder for the log, the views and checkpoints")
    p.add_argument("--out", default=".", help="folder for the graph, the labels and report.txt")
    p.add_argument("--epochs", type=int, default=100)
    p.add_argument("--views", type=int, default=8, help="random views of each training photo")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--rate", type=float, default=0.003, help="highest learning rate")
    p.add_argument("--weight-decay", type=float, default=0.05)
    p.add_argument("--temperature", type=float, default=2.0, help="softens the teacher's flower probabilities")
    p.add_argument("--hard", type=float, default=0.3, help="weight of the true classes")
    p.add_argument("--hint", type=float, default=1.0, help="weight of the teacher's 1001 logits")
    p.add_argument("--average", type=float, default=0.998, help="decay of the moving average of weights")
    return p.parse_args()


def main():
    args = parse_arguments()
    os.makedirs(args.work, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)
    tf.random.set_seed(args.seed)
    start = time.time()
    log_file = open(os.path.join(args.work, "train.log"), "a")

    def log(text):
        for f in (None, log_file):
            print(text, file=f, flush=True)

    numbers = {k: v for k, v in vars(args).items() if not isinstance(v, str)}
    log("arguments: " + " ".join("%s=%s" % item for item in numbers.items()))
    names, parts = read_photos(args.photos)
    photos, labels = parts["training"]
    log("classes: %s; photos: %s" % (", ".join(names), ", ".join("%s %d" % (p, len(l)) for p, (_, l) in parts.items())))
    teacher = read_teacher(args.teacher)

    cache = os.path.join(args.work, "views_%d_%d_" % (args.views, args.seed))
    kinds = ("images", "features", "targets")
    if not os.path.exists(cache + "targets.npy"):
        for kind, array in zip(kinds, make_views(photos, labels, len(names), args.views, teacher, args.seed, log)):
            np.save(cache + kind + ".npy", array)
    images, features, targets = (np.load(cache + kind + ".npy") for kind in kinds)

    # The teacher's classifier of flowers, and the student's first head, both on what the teacher sees.
    features = features.astype(np.float32)
    goal = bottlenecks(teacher, features).numpy()
    weights, biases = fit_softmax(features, targets, 3e-4)
    soft = features @ weights + biases
    head_weights, head_biases = fit_softmax(goal, targets, 3e-4)
    seen = tutorial_batch(parts["validation"][0], TEACHER_SIZE)
    accuracy, entropy, _ = measure(lambda x: pooled_features(teacher, x) @ weights + biases, seen,
                                   parts["validation"][1])
    log("teacher: validation accuracy %.2f%%, cross entropy %.4f" % (100 * accuracy, entropy))
    del features, seen

    first = np.random.default_rng(args.seed).permutation(len(photos))[:1000]
    student = shrink_teacher(teacher, tutorial_batch([photos[i] for i in first], SIZE), args.seed, log)
    pooled = np.concatenate([pooled_features(student, images[i:i + 50] / np.float32(127.5) - 1)
                             for i in range(0, 10000, 50)])
    a, offset = least_squares(pooled, goal[:len(pooled)])
    student.update({"MobilenetV1/Logits/Conv2d_1c_1x1/weights": a[None, None],
                    "MobilenetV1/Logits/Conv2d_1c_1x1/biases": offset,
                    "final_training_ops/weights/final_weights": head_weights,
                    "final_training_ops/biases/final_biases": head_biases})
    validation = tutorial_batch(parts["validation"][0], SIZE), parts["validation"][1]
    accuracy, entropy, _ = measure(lambda x: flower_logits(student, x), *validation)
    log("first weights: validation accuracy %.2f%%, cross entropy %.4f" % (100 * accuracy, entropy))

    student = train(student, (images, targets), soft, goal.astype(np.float16), validation, args, log)

    path = os.path.join(args.out, MODEL_NAME + ".pb")
    with open(path, "wb") as f:
        f.write(frozen_graph(student).SerializeToString(deterministic=True))
    with open(os.path.join(args.out, "flowers_labels.txt"), "w") as f:
        f.write("".join(name + "\n" for name in names))

    # The verdict, by the file just written.
    testing, truth = tutorial_batch(parts["testing"][0], SIZE), parts["testing"][1]
    scores = run_graph(path, testing)
    text = report(names, truth, scores)
    with open(os.path.join(args.out, "report.txt"), "w") as f:
        f.write(text)
    _, _, predicted = measure(lambda x: flower_logits(student, x), testing, truth)
    agree = (predicted == scores.argmax(1)).sum()
    log(text + "graph and training model agree on %d of %d photos" % (agree, len(truth)))
    log("%s: %d bytes; %.1f minutes" % (os.path.basename(path), os.path.getsize(path), (time.time() - start) / 60))


if __name__ == "__main__":
    main()
