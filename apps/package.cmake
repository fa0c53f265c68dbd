# cpack: a tarball of all, and two packages for Debian. The same sources give the same bytes where SOURCE_DATE_EPOCH is set,
# whose date the files then have.
#     cpack --config build/CPackConfig.cmake -B build/packages
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_VENDOR "Posy developers")
set(CPACK_PACKAGE_CONTACT "Posy developers <posy@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs retrained image classifiers of TensorFlow, small and fast")
set(CPACK_PACKAGE_DESCRIPTION "Posy turns the graph of an image classifier that was retrained with TensorFlow for Poets into
one flat file and runs it, with the same scores, without TensorFlow.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(CPACK_PACKAGE_FILE_NAME posy-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL commands development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMMANDS_PACKAGE_NAME posy)
set(CPACK_DEBIAN_COMMANDS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libposy-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_COMMANDS_DESCRIPTION "The commands posy and posy-label.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "The library that programs link, its headers, and how CMake and pkg-config find them.")
find_program(POSY_DPKG_SHLIBDEPS dpkg-shlibdeps)
if(POSY_DPKG_SHLIBDEPS AND NOT CMAKE_CROSSCOMPILING AND NOT POSY_STATIC)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
include(CPack)
