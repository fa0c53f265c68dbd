"""The Python package, as installed, beside the posy command. Arguments: SOURCE (of Posy) and POSY (the command)."""

import faulthandler
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy as np

import posy
from posy.model import read_image

faulthandler.dump_traceback_later(40)
SOURCE, COMMAND = pathlib.Path(sys.argv[1]), sys.argv[2]
GRAPH = SOURCE / "models" / "flowers_mobilenet_v1_0.25_128.pb"
PHOTOS = SOURCE / "tests" / "data" / "golden_default_model"
PHOTO = PHOTOS / "sunflower_200x150.png"


def command_scores(model, image):
    """All scores of `posy label`, in class order."""
    done = subprocess.run([COMMAND, "label", str(model), str(image), "--json", "--top", "0"], stdout=subprocess.PIPE, check=True)
    return [one["score"] for one in json.loads(done.stdout)["scores"]]


def as_printed(scores):
    """A score has 9 significant digits in JSON."""
    return [float(f"{float(score):.9g}") for score in scores]


class PosyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.work = pathlib.Path(cls.folder.name)
        cls.path = posy.convert(GRAPH, cls.work / "flowers.posy", weights="u8")
        cls.model = posy.Model(cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def refused(self, kind, pattern, function, *arguments, **named):
        with self.assertRaisesRegex(kind, pattern) as caught:
            function(*arguments, **named)
        return caught.exception

    def test_scores_of_files_are_the_commands_to_the_last_digit(self):
        for photo in PHOTOS.glob("*.png"):
            self.assertEqual(as_printed(self.model.scores(photo)), command_scores(self.path, photo), photo.name)

    def test_scores_of_pixels_are_those_of_their_file(self):
        pixels = read_image(PHOTO)
        self.assertEqual(pixels.shape, (150, 200, 3))
        expected = self.model.scores(PHOTO).tolist()
        self.assertEqual(self.model.scores(pixels).tolist(), expected)
        self.assertEqual(self.model.scores(pixels[::-1][::-1]).tolist(), expected)
        transparent = np.dstack([pixels, np.zeros(pixels.shape[:2], np.uint8)])
        self.assertEqual(self.model.scores(transparent).tolist(), expected)

    def test_gray_pixels_are_as_three_equal_ones(self):
        gray = read_image(PHOTO)[:, :, 1]
        expected = self.model.scores(np.dstack([gray] * 3)).tolist()
        self.assertEqual(self.model.scores(gray).tolist(), expected)
        self.assertEqual(self.model.scores(gray[:, :, None]).tolist(), expected)

    def test_the_best_classes_come_first_with_their_labels(self):
        best = self.model.classify(str(PHOTO), top=3)
        self.assertEqual([one.label for one in best][0], "sunflowers")
        self.assertEqual(len(best), 3)
        self.assertEqual([one.score for one in best], sorted((one.score for one in best), reverse=True))
        self.assertEqual(self.model.labels[best[0].class_index], "sunflowers")
        self.assertEqual(len(self.model.classify(PHOTO, top=0)), self.model.class_count)
        self.assertEqual(self.model.labels, ["daisy", "dandelion", "roses", "sunflowers", "tulips"])
        self.assertEqual(self.model.input_shape, (128, 128, 3))

    def test_predict_takes_what_is_normalised_already(self):
        pixels = read_image(PHOTOS / "daisy_128x128.png")
        normalised = ((pixels.astype(np.float32) - np.float32(127.5)) / np.float32(127.5)).astype(np.float32)
        batch = np.stack([normalised, np.zeros_like(normalised)])
        scores = self.model.predict(batch)
        self.assertEqual(scores.shape, (2, 5))
        np.testing.assert_allclose(scores[0], self.model.scores(pixels), atol=1e-6)
        self.assertEqual(self.model.predict(normalised).tolist(), scores[0].tolist())
        self.assertEqual(self.model.predict(batch[:0]).shape, (0, 5))

    def test_integers_threads_sets_and_packed_files(self):
        integers = posy.convert(GRAPH, self.work / "int8.posy", int8=True, calibrate=PHOTOS)
        model = posy.Model(integers)
        self.assertEqual(as_printed(model.scores(PHOTO)), command_scores(integers, PHOTO))
        pixels = read_image(PHOTOS / "daisy_128x128.png")
        normalised = (pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)).astype(np.float32)
        np.testing.assert_allclose(model.predict(normalised), model.scores(pixels), atol=0.02)

        expected = self.model.scores(PHOTO).tolist()
        with posy.Model(self.path, threads=2) as two:
            self.assertEqual(two.scores(PHOTO).tolist(), expected)
        self.refused(ValueError, "closed", two.scores, PHOTO)
        for isa in posy.isa_names():
            one = posy.Model(self.path, isa=isa)
            self.assertEqual((one.isa, one.scores(PHOTO).tolist()), (isa, expected))
        packed = posy.convert(GRAPH, self.work / "packed.posy", weights="u8", pack=True)
        self.assertLess(packed.stat().st_size, self.path.stat().st_size)
        self.assertEqual(posy.Model(packed).scores(PHOTO).tolist(), expected)
        self.assertEqual(posy.Model(self.path.read_bytes()).scores(PHOTO).tolist(), expected)

    def test_threads_may_share_a_model(self):
        photos = sorted(PHOTOS.glob("*.png"))
        expected = [self.model.scores(photo).tolist() for photo in photos]
        wrong = []

        def work():
            for _ in range(20):
                for photo, scores in zip(photos, expected):
                    if self.model.scores(photo).tolist() != scores:
                        wrong.append(photo)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(wrong, [])

    def test_labels_may_be_a_list(self):
        path = posy.convert(GRAPH, self.work / "named.posy", labels=["a", "b", "c", "d", "e"])
        self.assertEqual(posy.Model(path).labels, list("abcde"))
        self.refused(posy.PosyError, "4", posy.convert, GRAPH, self.work / "four.posy", labels=["a", "b", "c", "d"])
        self.refused(ValueError, "one line", posy.convert, GRAPH, self.work / "x.posy", labels=["a\nb"])

    def test_novelty_is_zero_without_a_rule_for_it(self):
        self.model.scores(PHOTO)
        self.assertEqual(self.model.novelty, 0)

    def test_missing_files_are_named(self):
        self.refused(FileNotFoundError, "no_such.posy", posy.Model, "no_such.posy")
        self.refused(FileNotFoundError, "no_such.jpg", self.model.classify, "no_such.jpg")
        self.refused(posy.PosyError, "no_such.pb.*No such file", posy.convert, "no_such.pb")

    def test_wrong_files_are_refused_with_a_sentence(self):
        self.refused(posy.PosyError, "not a .posy file.*posy.convert", posy.Model, GRAPH)
        self.refused(posy.PosyError, "test_posy.py", self.model.scores, __file__)
        empty = self.work / "empty.posy"
        empty.write_bytes(b"")
        self.refused(posy.PosyError, "empty", posy.Model, empty)
        damaged = bytearray(self.path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        self.assertEqual(self.refused(posy.PosyError, "damaged", posy.Model, damaged).status, 7)
        self.refused(posy.PosyError, "instruction set", posy.Model, self.path, isa="mmx")
        self.refused(posy.PosyError, "unknown|flag|--no-such", posy.run, "label", "--no-such-flag")

    def test_wrong_arrays_are_refused_with_a_sentence(self):
        self.refused(TypeError, "uint8.*not of float64.*predict", self.model.scores, np.zeros((9, 9, 3)))
        self.refused(ValueError, "height x width x 3.*not 9 x 9 x 2", self.model.scores, np.zeros((9, 9, 2), np.uint8))
        self.refused(posy.PosyError, "image", self.model.scores, np.zeros((0, 9, 3), np.uint8))
        self.refused(TypeError, "float32, not float64", self.model.predict, np.zeros((1, 128, 128, 3)))
        self.refused(ValueError, "n x 128 x 128 x 3.*not 1 x 64 x 64 x 3", self.model.predict,
                     np.zeros((1, 64, 64, 3), np.float32))
        self.refused(ValueError, "1 to 64", posy.Model, self.path, threads=0)
        self.refused(ValueError, "0 or more", self.model.classify, PHOTO, top=-1)

    def test_the_version_is_posys(self):
        said = posy.run("--version").split()[1]
        self.assertEqual((posy.__version__, posy.version()), (said, said))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
