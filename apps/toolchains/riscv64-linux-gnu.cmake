# For 64-bit RISC-V with Linux, by Debian's cross compiler (crossbuild-essential-riscv64):
#     cmake -B build-riscv64 -DCMAKE_TOOLCHAIN_FILE=apps/toolchains/riscv64-linux-gnu.cmake -DPOSY_TOOLS=OFF -DPOSY_TESTS=OFF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER riscv64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/riscv64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
