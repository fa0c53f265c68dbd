#!/usr/bin/env python3
"""Writes the runtime as two files, posy.h and posy.cpp, for projects that would rather copy it than build it.

    python3 apps/amalgamation/amalgamate.py -o FOLDER

posy.cpp is engine/ and kernels/ in one translation unit, with one set of kernels: the best of ROWS that the compiler's
flags allow. Every #include "..." becomes the file's text, once; files of rows (*.def) as often as they are asked for.
The same tree gives the same bytes.
"""

import argparse
import pathlib
import re
import sys

TREE = pathlib.Path(__file__).resolve().parents[2]

# One row for each table that a compiler's flags may ask for, best first: the condition, the set of kernels/isa.cpp
# (POSY_ISA_<NAME>), the set of kernels/isa_int8.cpp (POSY_INT8_<NAME>), and the table's name. None is scalar code. A row
# whose sets the kernels do not have is left out.
ROWS = [
    ("defined(__AVXVNNI__) && defined(__AVX2__) && defined(__FMA__)", "AVX2", "AVXVNNI", "avxvnni"),
    ("defined(__AVX2__) && defined(__FMA__)", "AVX2", "AVX2", "avx2"),
    ("defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)",
     "NEON", "I8MM", "i8mm"),
    ("defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)", "NEON", "DOTPROD", "dotprod"),
    ("defined(__ARM_NEON) && (defined(__aarch64__) || defined(__ARM_FEATURE_FMA))", "NEON", "NEON", "neon"),
    ("defined(__wasm_simd128__)", "SIMD128", "SIMD128", "simd128"),
    ("defined(__ARM_FEATURE_MVE) && __ARM_FEATURE_MVE >= 3", "MVE", "MVE", "mve"),
    ("defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)", None, "DSP", "dsp"),
]

# What files need under several conditions, so that it comes first and once.
SHARED = ["kernels/kernels.h", "kernels/patch.hpp", "kernels/int8_conv_end.hpp"]
# In the order in which they run; what they include comes in front of them.
ENGINE = ["open.cpp", "bind.cpp", "bind_int8.cpp", "preprocess.cpp", "run.cpp"]
UNPACKER = "engine/unpack.cpp"
KERNELS = "kernels/isa.cpp"
INT8_KERNELS = "kernels/isa_int8.cpp"
DISPATCH = "kernels/dispatch.cpp"
THREADS = "engine/threads.cpp"

# Headers that stand in posy.h.
PUBLIC = {"engine/posy.h", "engine/posy_threads.h"}

HEAD = """\
// Posy {version}: runs .posy image classifiers. All of the runtime in this file; its API is posy.h, beside it.
//
//     c++ -std=c++17 -O3 -fno-exceptions -fno-rtti -c posy.cpp
//
// Made by apps/amalgamation/amalgamate.py of engine/ and kernels/; change those. MIT licence, at the end of this file.
//
// One set of kernels is compiled, which is what the compiler's flags say that the processor has (below: "The instruction
// set"): -mavx2 -mfma or -march=native on x86-64, nothing on AArch64, -mfpu=neon-vfpv4 on ARMv7, -msimd128 for
// WebAssembly. Posy's own CMake build has all of them and asks the processor when it runs.
//
// To be defined before, for example by -D:
//   POSY_OPS      the ops that models may have, as a list of names of kernels/ops.def: the others take no room, and
//                 models with them are refused. -DPOSY_OPS=POSY_OPS_MOBILENET is for MobileNet v1 and v2. Without it: all
//   POSY_UNPACK   0 leaves out posy_unpack_begin() and so on; 1 if it is not defined
//   POSY_THREADS  adds the thread pool of posy_pool_start() (POSIX threads); also define it where posy.h is included
//   POSY_SCALAR   takes the scalar kernels, whatever the flags are

#ifdef __FAST_MATH__
#error "Posy's scores are defined to the bit, and -ffast-math changes them: compile posy.cpp without it"
#endif
// A multiply-add happens where the code says so and nowhere else: what -ffp-contract=off says, too.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
// Oracles that a set's own kernels stand in for, and limits that only writers of files need.
#pragma clang diagnostic ignored "-Wunused-function"
#pragma clang diagnostic ignored "-Wunused-const-variable"
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#ifndef POSY_UNPACK
#define POSY_UNPACK 1
#endif
#define POSY_OPS_MOBILENET {mobilenet}
#ifdef POSY_OPS
#define POSY_BUILT_OPS POSY_OPS
#endif

"""

NO_AVX2 = """\
#if (defined(__x86_64__) || defined(__i386__)) && !defined(POSY_SCALAR)
#pragma message("posy.cpp: scalar kernels, many times slower than those of AVX2: add -mavx2 -mfma or define POSY_SCALAR")
#endif"""


class Failure(Exception):
    pass


def text_of(path):
    return (TREE / path).read_text(encoding="utf-8")


def version():
    found = re.search(r'^#define POSY_VERSION "([^"]+)"', text_of("engine/posy.h"), re.M)
    if not found:
        raise Failure("engine/posy.h: there is no POSY_VERSION")
    return found.group(1)


def mobilenet_ops():
    """The list of the CMake build, which its tests run MobileNet with."""
    found = re.search(r"set\(posy_mobilenet_ops ([a-z0-9_ ]+)\)", text_of("kernels/CMakeLists.txt"))
    if not found:
        raise Failure("kernels/CMakeLists.txt: there is no list posy_mobilenet_ops")
    return ", ".join(found.group(1).split())


def section(title):
    return f"// ---- {title} {'-' * max(4, 110 - len(title))}\n"


class Unit:
    """One translation unit: text, and which files are in it under which conditions (#if)."""

    def __init__(self, guarded):
        self.lines = []
        self.guarded = guarded  # files that are in it more than once
        self.contexts = {}  # file: the conditions under which it is in the text already
        self.space = None   # what private names are put into, besides their unnamed namespace

    def write(self, text):
        self.lines.append(text if text.endswith("\n") else text + "\n")

    def is_in(self, path, context):
        return any(known == context[:len(known)] for known in self.contexts.get(path, []))

    def add(self, path, context=()):
        """The file's text with its includes in place. What an #if brought may come again where that one does not hold."""
        is_rows = path.endswith(".def")
        if not is_rows:
            if path in PUBLIC or self.is_in(path, context):
                return
            self.contexts.setdefault(path, []).append(context)
        guard = None
        if path in self.guarded:
            guard = "POSY_IN_" + re.sub(r"\W", "_", pathlib.Path(path).name).upper()
            self.write(f"#ifndef {guard}\n#define {guard}")
        if not is_rows:
            self.write("\n" + section(path))
        self.add_lines(path, context)
        if guard:
            self.write(f"#endif  // {guard}")

    def add_lines(self, path, context):
        conditions = list(context)
        depth = len(conditions)
        skipping = None  # the depth of an #ifdef POSY_ONE_TABLE, of which this file has the first half only
        lines = self.private(text_of(path), path).splitlines()
        for number, line in enumerate(lines, 1):
            directive = re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif|include|pragma)\b\s*(.*)", line)
            word, rest = (directive.group(1), directive.group(2)) if directive else ("", "")
            rest = re.sub(r"\s*//.*", "", rest)
            if word in ("if", "ifdef", "ifndef"):
                conditions.append(f"{word} {rest}")
                if skipping is None and rest == "POSY_ONE_TABLE":
                    skipping = (len(conditions), word == "ifndef")
                    continue
            elif word in ("elif", "else"):
                if skipping and len(conditions) == skipping[0]:
                    if word == "elif":
                        raise Failure(f"{path}:{number}: #ifdef POSY_ONE_TABLE may have an #else and no #elif")
                    skipping = (skipping[0], not skipping[1])
                    continue
                conditions[-1] += f" {word} {rest}"
            elif word == "endif":
                conditions.pop()
                if len(conditions) < depth:
                    raise Failure(f"{path}:{number}: an #endif without its #if")
                if skipping and len(conditions) < skipping[0]:
                    skipping = None
                    continue
            if skipping and skipping[1]:
                continue
            if word == "pragma" and rest == "once":
                continue
            own = re.match(r'"([^"]+)"', rest) if word == "include" else None
            if own:
                asked = own.group(1)
                if not (TREE / asked).is_file():
                    if not conditions:
                        raise Failure(f"{path}:{number}: there is no {asked}; includes start at the top of the tree")
                    self.write(f'#error "{path}: there is no {asked}"')  # of a set without a row
                    continue
                inner = [c for c in conditions if not c.endswith(" POSY_ONE_TABLE")]
                self.add(asked, tuple(inner))
            else:
                self.lines.append(line + "\n")
        if len(conditions) != depth:
            raise Failure(f"{path}: an #if without its #endif")

    def private(self, text, path):
        """The kernels of floats and of bytes use the same short names for their vectors: the latter get a namespace."""
        if not self.space or path.endswith((".def", ".cpp")):
            return text
        opened, openings = re.subn(r"^(namespace posy \{)\n(namespace \{)", rf"\1\nnamespace {self.space} {{\n\2", text,
                                   flags=re.M)
        closed, closings = re.subn(r"^(\}  // namespace)\n(\}  // namespace posy)", rf"\1\n}}  // namespace {self.space}\n\2",
                                   opened, flags=re.M)
        if openings != closings:
            raise Failure(f"{path}: {openings} unnamed namespaces begin and {closings} end")
        return closed

    def text(self):
        return re.sub(r"\n{3,}", "\n\n", "".join(self.lines))


def choice():
    """#if and so on of ROWS, for the sets that the kernels have."""
    isa, int8 = text_of(KERNELS), text_of(INT8_KERNELS)
    out, word = [section("The instruction set"), "#if defined(POSY_SCALAR)", '#define POSY_ONE_TABLE "scalar"'], "#elif"
    out.append("#define POSY_INT8_SET int8_scalar")
    for condition, isa_set, int8_set, name in ROWS:
        known = (not isa_set or f"POSY_ISA_{isa_set}" in isa) and (not int8_set or f"POSY_INT8_{int8_set}" in int8)
        if not known:
            continue
        out += [f"{word} {condition}", f'#define POSY_ONE_TABLE "{name}"']
        if isa_set:
            out.append(f"#define POSY_ISA_{isa_set}")
        if int8_set:
            out.append(f"#define POSY_INT8_{int8_set}")
        out.append(f"#define POSY_INT8_SET int8_{(int8_set or 'scalar').lower()}")
    out += ["#else", '#define POSY_ONE_TABLE "scalar"', "#define POSY_INT8_SET int8_scalar", "#endif"]
    out += ['#define POSY_PLAIN_VECTORS  // no xsimd\n', NO_AVX2.replace("defined(POSY_SCALAR)", "defined(POSY_ISA_AVX2) && "
                                                                      "!defined(POSY_SCALAR)")]
    return "\n".join(out) + "\n"


def header():
    """posy.h that stands alone: status.def as enumerators, and the thread pool behind POSY_THREADS."""
    rows = re.findall(r'^POSY_STATUS\((\d+), (\w+), "(.*)"\)$', text_of("engine/status.def"), re.M)
    enumerators = "".join(f"  POSY_{name} = {number}, /* {text} */\n" for number, name, text in rows)
    text, count = re.subn(r'#define POSY_STATUS\(.*\n#include "status.def"\n#undef POSY_STATUS\n',
                          lambda _: enumerators, text_of("engine/posy.h"))
    if count != 1 or not rows:
        raise Failure("engine/posy.h: status.def is not included where it was")
    text = text.replace(": see status.def for all of them and their meaning", "")
    threads = text_of("engine/posy_threads.h")
    end = text.rindex("#endif")
    return (text[:end] + section("engine/posy_threads.h").replace("//", "/*").rstrip("\n") + " */\n#ifdef POSY_THREADS\n\n" +
            threads + "\n#endif /* POSY_THREADS */\n\n" + text[end:])


def source():
    first = assemble(guarded=set())
    return assemble({path for path, contexts in first.contexts.items() if len(contexts) > 1}).text()


def assemble(guarded):
    unit = Unit(guarded)
    unit.write(HEAD.format(version=version(), mobilenet=mobilenet_ops()))
    unit.write(choice())
    unit.write('\n#include "posy.h"\n')
    for path in SHARED:
        unit.add(path)
    unit.add(KERNELS)
    unit.space = "POSY_INT8_SET"
    unit.add(INT8_KERNELS)
    unit.space = None
    unit.add(DISPATCH)
    for name in ENGINE:
        unit.add(f"engine/{name}")
    unit.write("\n#if POSY_UNPACK")
    unit.add(UNPACKER, ("if POSY_UNPACK",))
    unit.write("#endif  // POSY_UNPACK")
    unit.write("\n#ifdef POSY_THREADS")
    unit.add(THREADS, ("ifdef POSY_THREADS",))
    unit.write("#endif  // POSY_THREADS")
    licence = "".join(f"// {line}".rstrip() + "\n" for line in text_of("LICENSE").splitlines())
    unit.write("\n" + section("LICENSE") + licence)
    return unit


def main():
    parser = argparse.ArgumentParser(description="Writes posy.h and posy.cpp: the runtime in two files.")
    parser.add_argument("-o", dest="folder", default=".", help="where to (this folder)")
    folder = pathlib.Path(parser.parse_args().folder)
    try:
        files = {"posy.h": header(), "posy.cpp": source()}
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
            print(f"{folder / name}: {len(text.splitlines())} lines")
    except (Failure, OSError) as failure:
        sys.exit(f"amalgamate.py: {failure}")


if __name__ == "__main__":
    main()
