# For 64-bit ARM with Linux, by Debian's cross compiler (crossbuild-essential-arm64):
#     cmake -B build-aarch64 -DCMAKE_TOOLCHAIN_FILE=apps/toolchains/aarch64-linux-gnu.cmake -DPOSY_TOOLS=OFF -DPOSY_TESTS=OFF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
