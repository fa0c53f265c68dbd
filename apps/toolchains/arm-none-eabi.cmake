# For Cortex-M without an operating system, by Debian's cross compiler (gcc-arm-none-eabi libnewlib-arm-none-eabi):
#     cmake -B build-m4 -DCMAKE_TOOLCHAIN_FILE=apps/toolchains/arm-none-eabi.cmake -DPOSY_CPU=cortex-m4 -DCMAKE_BUILD_TYPE=MinSizeRel \
#       -DPOSY_OPS=mobilenet_int8 -DPOSY_UNPACK=OFF -DPOSY_TOOLS=OFF -DPOSY_TESTS=OFF -DPOSY_INSTALL=OFF
set(POSY_CPU "cortex-m4" CACHE STRING "cortex-m4, cortex-m7, cortex-m33 or cortex-m55, each with its floating-point unit")
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # no program links without a board
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES POSY_CPU)

set(posy_fpu_cortex-m4 -mfpu=fpv4-sp-d16)
set(posy_fpu_cortex-m7 -mfpu=fpv5-d16)
set(posy_fpu_cortex-m33 -mfpu=fpv5-sp-d16)
set(posy_fpu_cortex-m55 "")  # -mcpu says it all
if(NOT DEFINED posy_fpu_${POSY_CPU})
  message(FATAL_ERROR "POSY_CPU: '${POSY_CPU}' is not known; known are cortex-m4, cortex-m7, cortex-m33 and cortex-m55")
endif()
set(posy_cpu_flags "-mcpu=${POSY_CPU} -mthumb -mfloat-abi=hard ${posy_fpu_${POSY_CPU}}")
foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_INIT "${posy_cpu_flags}")
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
