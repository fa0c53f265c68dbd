"""TensorFlow's own reader on the events files that posy writes: python3 tests/event_file.py POSY WORK

Run by hand, in a Python that has TensorFlow; without it nothing is tested, and the exit code is 77.
"""
import os
import subprocess
import sys
import glob

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def events_of(folder):
    import tensorflow as tf

    (path,) = glob.glob(os.path.join(folder, "events.out.tfevents.*"))
    return list(tf.compat.v1.train.summary_iterator(path))


def graph_of(folder):
    import tensorflow as tf

    events = events_of(folder)
    assert events[0].file_version == "brain.Event:2", events[0]
    assert len(events) == 2 and events[1].wall_time > 1.6e9
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(events[1].graph_def)
    return graph


def check_original(posy, work):
    """The same nodes, edges and attributes as in the graph's own file, but for the contents of large constants."""
    import tensorflow as tf

    path = os.path.join(SOURCE, "models", "flowers_mobilenet_v1_0.25_128.pb")
    folder = os.path.join(work, "graph")
    subprocess.run([posy, "show", path, "--tensorboard", folder], check=True)
    written = graph_of(folder)
    original = tf.compat.v1.GraphDef()
    with open(path, "rb") as file:
        original.ParseFromString(file.read())
    assert len(written.node) == len(original.node)
    shortened = 0
    for ours, theirs in zip(written.node, original.node):
        assert (ours.name, ours.op, list(ours.input)) == (theirs.name, theirs.op, list(theirs.input)), ours
        assert set(theirs.attr) <= set(ours.attr) <= set(theirs.attr) | {"_output_shapes"}, ours
        for key in theirs.attr:
            if key == "value":
                a, b = ours.attr[key].tensor, theirs.attr[key].tensor
                assert (a.dtype, a.tensor_shape) == (b.dtype, b.tensor_shape), ours
                if len(a.tensor_content) == 0 and len(b.tensor_content) > 256:
                    shortened += 1
                else:
                    assert (tf.make_ndarray(a) == tf.make_ndarray(b)).all(), ours
            else:
                assert ours.attr[key] == theirs.attr[key], (ours.name, key)
    assert shortened > 20
    print("a graph of %d nodes, %d constants shortened, %d bytes" % (len(written.node), shortened, written.ByteSize()))


def check_file(posy, work):
    """The ops of a .posy file with the shapes of their outputs."""
    path = os.path.join(SOURCE, "models", "flowers_mobilenet_v1_0.25_128.pb")
    model, folder = os.path.join(work, "flowers.posy"), os.path.join(work, "ops")
    subprocess.run([posy, "convert", path, "-o", model], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    subprocess.run([posy, "show", model, "--tensorboard", folder], check=True)
    graph = graph_of(folder)
    names = [node.name for node in graph.node]
    assert len(names) == len(set(names)) == 31, names
    for node in graph.node:
        assert all(name in names for name in node.input), node
        assert len(node.attr["_output_shapes"].list.shape) == 1, node
    shape = graph.node[-1].attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == [1, 1, 1, 5], shape
    print("a file of %d nodes" % len(names))


def main():
    try:
        import tensorflow
    except ImportError:
        print("skipped: this Python has no TensorFlow")
        return 77
    posy, work = os.path.abspath(sys.argv[1]), sys.argv[2]
    os.makedirs(work, exist_ok=True)
    if glob.glob(os.path.join(work, "*", "events.out.*")):
        sys.exit(work + " holds events already: name another folder")
    check_original(posy, work)
    check_file(posy, work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
