# For 32-bit ARM with Linux, by Debian's cross compiler (crossbuild-essential-armhf):
#     cmake -B build-armhf -DCMAKE_TOOLCHAIN_FILE=apps/toolchains/arm-linux-gnueabihf.cmake -DPOSY_TOOLS=OFF -DPOSY_TESTS=OFF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(CMAKE_FIND_ROOT_PATH /usr/arm-linux-gnueabihf)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
