#!/usr/bin/env python3
"""Writes the .tsv files of this folder: TensorFlow's scores of photos for every graph of a data folder.

usage: make_scores.py ORACLE DATA OUTDIR    (ORACLE: tools/oracle/oracle.py; DATA: the folder that holds pb/ and images/)
"""
import importlib.util
import os
import sys
import tempfile

IMAGES = [
    "images/flower_photos/daisy/3475870145_685a19116d.jpg",
    "images/flower_photos/tulips/100930342_92e8746431_n.jpg",
    "images/imagenet_sample/n01806143_peacock.JPEG",
]
# file of this folder: graph, side of the input where the graph's placeholder does not say it
GRAPHS = {
    "quevedin": ("pb/quevedin/rounded_graph.pb.gz", 224),
    "abislam": ("pb/abislam_plates/retrained_graph_b.pb", None),
    "erkkapekka": ("pb/erkkapekka/retrained_graph.pb", None),
    "ssoniya": ("pb/ssoniya/retrained_graph.pb", None),
    "ssoniya_optimized": ("pb/ssoniya/optimized_graph.pb", 128),
    "zimiao": ("pb/zimiao/scripts_retrained_graph.pb", None),
    "abhishek": ("pb/abhishek/output_graph.pb", None),
    "dairenic": ("pb/dairenic_plants/optimized_graph.pb", 128),
    "imagenet_0.25_128": ("pb/imagenet/mobilenet_v1_0.25_128/frozen_graph.pb", None),
    "imagenet_0.25_128_quantized": ("pb/imagenet/mobilenet_v1_0.25_128/quantized_graph.pb", None),
    "imagenet_0.25_224": ("pb/imagenet/mobilenet_v1_0.25_224/frozen_graph.pb", None),
    "imagenet_0.50_224_quantized": ("pb/imagenet/mobilenet_v1_0.50_224/quantized_graph.pb", None),
    "imagenet_0.75_192_quantized": ("pb/imagenet/mobilenet_v1_0.75_192/quantized_graph.pb", None),
}


def without_dropout(graph_def):
    """tf.nn.dropout is x / keep_prob * floor(keep_prob + random): the product becomes an identity of x."""
    nodes = {n.name: n for n in graph_def.node}
    for n in graph_def.node:
        ops = {i: nodes[i].op for i in n.input if i in nodes}
        if n.op == "Mul" and "Floor" in ops.values():
            scaled = next(nodes[i] for i, op in ops.items() if op != "Floor")
            assert scaled.op in ("RealDiv", "Mul"), scaled
            x = scaled.input[0]
            print("  dropout taken out at", n.name, "<-", x)
            n.op = "Identity"
            del n.input[:]
            n.input.append(x)
            for key in [k for k in n.attr if k != "T"]:
                del n.attr[key]
    return graph_def


def scores_text(scores):
    if len(scores) < 100:
        return ",".join("%d:%.9g" % (i, s) for i, s in enumerate(scores))
    best = sorted(range(len(scores)), key=lambda i: -scores[i])[:20]
    return ",".join("%d:%.9g" % (i, scores[i]) for i in best)


def main():
    oracle_path, data, out = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("oracle", oracle_path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    for name, (graph, size) in GRAPHS.items():
        graph_def = without_dropout(oracle.load_graph(os.path.join(data, graph)))
        with tempfile.NamedTemporaryFile(suffix=".pb") as stripped:
            stripped.write(graph_def.SerializeToString())
            stripped.flush()
            o = oracle.Oracle(stripped.name, size=size)
        with open(os.path.join(out, name + ".tsv"), "w") as tsv:
            for image in IMAGES:
                scores = o.run(os.path.join(data, image))
                tsv.write("\t".join([graph, image, str(len(scores)), scores_text(scores)]) + "\n")
        print(name, o.input_node, o.h, o.w, "->", o.output_node)
        o.close()


if __name__ == "__main__":
    main()
