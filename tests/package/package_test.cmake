# Builds consumer/label.c and label.cpp as other projects would and runs them on the default model.
#   cmake -DHOW=add_subdirectory|find_package|pkg_config -DSOURCE=... -DBUILD=... -DPOSY=...
#         -DCONFIG=... -DWORK=... -P package_test.cmake
# SOURCE, BUILD and POSY (the command) are Posy's; WORK is a folder of this test's own.

function(run)
  cmake_parse_arguments(PARSE_ARGV 0 run "" "OUTPUT" "COMMAND")
  execute_process(COMMAND ${run_COMMAND} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    string(REPLACE ";" " " command "${run_COMMAND}")
    message(FATAL_ERROR "failed (${code}): ${command}\n${output}")
  endif()
  if(run_OUTPUT)
    set(${run_OUTPUT} "${output}" PARENT_SCOPE)
  endif()
endfunction()

function(expect text pattern)
  if(NOT text MATCHES "${pattern}")
    message(FATAL_ERROR "expected '${pattern}' in:\n${text}")
  endif()
endfunction()

set(consumer ${SOURCE}/tests/package/consumer)
set(label ${WORK}/build/label)
# The flags of the surrounding build are not the consumer's.
foreach(variable CFLAGS CXXFLAGS CPPFLAGS LDFLAGS)
  unset(ENV{${variable}})
endforeach()
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/build)

run(COMMAND ${POSY} convert ${SOURCE}/models/flowers_mobilenet_v1_0.25_128.pb -o ${WORK}/flowers.posy)

if(HOW STREQUAL "add_subdirectory")
  # Scalar code only: the wide kernels take longest to compile, and how Posy is added is the same.
  run(COMMAND ${CMAKE_COMMAND} -S ${consumer} -B ${WORK}/build -DPOSY_FOLDER=${SOURCE} -DPOSY_ISAS=none
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
      OUTPUT configured)
  expect("${configured}" "directory options: '' '' '' ''")
  expect("${configured}" "build type: ''")
  run(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build --parallel 2)
  file(READ ${WORK}/build/compile_commands.json commands)
  string(REGEX MATCH "\"command\": \"[^\"]*label.c\"" own_command "${commands}")
  if(own_command MATCHES "-Wshadow|-ffp-contract|-fno-exceptions|-O2" OR NOT own_command)
    message(FATAL_ERROR "Posy's flags are on the consumer's file: ${own_command}")
  endif()
else()
  # Installed, and then moved: nothing in it may know where it was made.
  run(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first ${WORK}/installed)
  foreach(file bin/posy include/posy/posy.h include/posy/posy.hpp include/posy/status.def include/posy/posy_threads.h share/doc/posy/LICENSE)
    if(NOT EXISTS ${WORK}/installed/${file})
      message(FATAL_ERROR "not installed: ${file}")
    endif()
  endforeach()
  run(COMMAND ${WORK}/installed/bin/posy --version OUTPUT version)
  expect("${version}" "^posy [0-9]+\\.[0-9]+\\.[0-9]+\n")
  if(HOW STREQUAL "find_package")
    run(COMMAND ${CMAKE_COMMAND} -S ${consumer} -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/installed)
    run(COMMAND ${CMAKE_COMMAND} --build ${WORK}/build)
  else()
    file(GLOB_RECURSE description ${WORK}/installed/*/posy.pc)
    get_filename_component(folder ${description} DIRECTORY)
    set(ENV{PKG_CONFIG_PATH} ${folder})
    run(COMMAND sh -c "cc -std=c99 -Wall -Wextra -Wpedantic -Werror \"$1\" -o \"$2\" $(pkg-config --cflags --libs posy)" sh
          ${consumer}/label.c ${label})
    run(COMMAND sh -c "c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror \"$1\" -o \"$2\" $(pkg-config --cflags --libs posy)" sh
          ${consumer}/label.cpp ${label}_cpp)
    run(COMMAND pkg-config --modversion posy OUTPUT modversion)
    string(STRIP "${modversion}" modversion)
    run(COMMAND ${WORK}/installed/bin/posy --version OUTPUT version)
    expect("${version}" "^posy ${modversion}\n")
  endif()
endif()

run(COMMAND ${label} ${WORK}/flowers.posy OUTPUT answer)
expect("${answer}" "^posy [0-9.]+: (daisy|dandelion|roses|sunflowers|tulips) \\(score=0\\.[0-9]+\\)\n$")
message("${answer}")
run(COMMAND ${label}_cpp ${WORK}/flowers.posy OUTPUT answer_cpp)
if(NOT answer_cpp STREQUAL answer)
  message(FATAL_ERROR "label.cpp says otherwise: ${answer_cpp}")
endif()
