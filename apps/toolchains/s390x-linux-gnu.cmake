# For IBM Z, a big-endian processor: the runtime refuses models there, in a sentence. Debian's cross compiler (g++-s390x-linux-gnu):
#     cmake -B build-s390x -DCMAKE_TOOLCHAIN_FILE=apps/toolchains/s390x-linux-gnu.cmake -DPOSY_TOOLS=OFF -DPOSY_TESTS=OFF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_C_COMPILER s390x-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER s390x-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/s390x-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
