# Builds consumer/label.c with as little of Posy as MobileNet needs, and with too little.
#   cmake -DSOURCE=... -DPOSY=... -DPROCESSOR=... -DWORK=... -P small_build_test.cmake
# SOURCE and POSY (the command) are Posy's; WORK is a folder of this test's own.

# build(NAME [flags]): the consumer with Posy inside it, in WORK/NAME.
function(build name)
  foreach(step "-S;${SOURCE}/tests/package/consumer;-B;${WORK}/${name};-DPOSY_FOLDER=${SOURCE};-DCMAKE_BUILD_TYPE=Release;${ARGN}"
               "--build;${WORK}/${name};--parallel;2")
    string(REPLACE "," "\\;" step "${step}")
    execute_process(COMMAND ${CMAKE_COMMAND} ${step} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "failed (${code}): cmake ${step}\n${output}")
    endif()
  endforeach()
endfunction()

function(label name expected)
  execute_process(COMMAND ${WORK}/${name}/label ${WORK}/flowers.posy OUTPUT_VARIABLE answer ERROR_VARIABLE answer)
  if(NOT answer MATCHES "${expected}")
    message(FATAL_ERROR "${name}: expected '${expected}' in:\n${answer}")
  endif()
  message("${name}: ${answer}")
endfunction()

foreach(variable CFLAGS CXXFLAGS CPPFLAGS LDFLAGS)
  unset(ENV{${variable}})
endforeach()
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
execute_process(COMMAND ${POSY} convert ${SOURCE}/models/flowers_mobilenet_v1_0.25_128.pb -o ${WORK}/flowers.posy
  RESULT_VARIABLE code ERROR_QUIET)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the default model does not convert")
endif()

set(answer "(daisy|dandelion|roses|sunflowers|tulips) \\(score=0\\.[0-9]+\\)")
if(PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  build(mobilenet -DPOSY_OPS=mobilenet -DPOSY_ISAS=avx2 -DPOSY_SCALAR=OFF -DPOSY_UNPACK=OFF)
  set(answer "${answer}|no kernels that this processor can run")
else()
  build(mobilenet -DPOSY_OPS=mobilenet -DPOSY_ISAS=none -DPOSY_UNPACK=OFF)
endif()
label(mobilenet "${answer}")
execute_process(COMMAND sh ${SOURCE}/tests/rooms/size.sh ${WORK}/mobilenet/posy/engine/libposy.a 60000
  RESULT_VARIABLE code OUTPUT_VARIABLE sizes)
message("${sizes}")
if(NOT code EQUAL 0 AND NOT code EQUAL 77)
  message(FATAL_ERROR "the runtime for MobileNet is larger than it may be")
endif()

build(too_little -DPOSY_OPS=conv_2d,softmax -DPOSY_ISAS=none)
label(too_little "an op that this build of the engine leaves out")
