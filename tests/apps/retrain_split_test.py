"""posy eval --split: the parts of a folder are those of TensorFlow's retrain.py, file by file.

create_image_lists() is stated here anew, without TensorFlow: names hashed as they are spelled, `_nohash_` and what
follows cut off, percentages as in the script.

    python3 retrain_split_test.py POSY MODEL.pb [DIR SPELLING]

Without DIR, some hundred photos of one pixel are made.
"""
import csv
import hashlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

MAX_NUM_IMAGES_PER_CLASS = 2 ** 27 - 1


def part_of(path, testing, validation):
    hashed = hashlib.sha1(re.sub(r'_nohash_.*$', '', path).encode()).hexdigest()
    percentage = (int(hashed, 16) % (MAX_NUM_IMAGES_PER_CLASS + 1)) * (100.0 / MAX_NUM_IMAGES_PER_CLASS)
    if percentage < validation:
        return 'validation'
    return 'testing' if percentage < testing + validation else 'training'


def create_image_lists(folder, spelling, testing, validation):
    parts = {'training': [], 'validation': [], 'testing': []}
    for name in sorted(os.listdir(folder)):
        if not os.path.isdir(os.path.join(folder, name)):
            continue
        for file in os.listdir(os.path.join(folder, name)):
            if file.split('.')[-1].lower() in ('jpg', 'jpeg'):
                parts[part_of(os.path.join(spelling, name, file), testing, validation)].append(name + '/' + file)
    return parts


def png_of_one_pixel():
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    header = struct.pack('>IIBBBBB', 1, 1, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(b'\0\1\2\3')) +
            chunk(b'IEND', b''))


def make_photos(folder):
    for name in ('daisy', 'Roses'):
        os.makedirs(os.path.join(folder, name))
        for i in range(150):
            file = 'group%d_nohash_%d.jpg' % (i % 30, i) if i % 3 == 0 else 'photo %d.%s' % (i, ('jpg', 'JPEG')[i % 2])
            with open(os.path.join(folder, name, file), 'wb') as out:
                out.write(png_of_one_pixel())


def listed(posy, model, folder, spelling, part, testing, validation):
    words = [posy, 'eval', model, folder, '--split', part, '--testing-percentage', str(testing),
             '--validation-percentage', str(validation), '--csv', '-']
    if spelling != folder:
        words += ['--image-dir-as', spelling]
    run = subprocess.run(words, capture_output=True, text=True)
    if 'none of its' in run.stderr:
        return []
    if run.returncode != 0:
        sys.exit(run.stderr)
    return ['/'.join(row['path'].split('/')[-2:]) for row in csv.DictReader(run.stdout.splitlines())]


def compare(posy, model, folder, spelling):
    for testing, validation in ((10, 10), (25, 5), (0, 40)):
        wanted = create_image_lists(folder, spelling, testing, validation)
        for part, files in wanted.items():
            if sorted(files) != sorted(listed(posy, model, folder, spelling, part, testing, validation)):
                sys.exit('%s part of %s is another for %d and %d %%' % (part, spelling, testing, validation))
            print('%s: %d photos in the %s part at %d and %d %%' % (spelling, len(files), part, testing, validation))


def main():
    posy, model = sys.argv[1:3]
    if len(sys.argv) > 4:
        return compare(posy, model, sys.argv[3], sys.argv[4])
    with tempfile.TemporaryDirectory() as place:
        make_photos(os.path.join(place, 'photos'))
        os.chdir(place)
        for spelling in ('photos', './photos', 'photos/', 'tf_files/flower_photos'):
            folder = 'photos' if spelling.startswith('tf') else spelling
            compare(posy, model, folder, spelling)


main()
