# What programs that use Posy need: libraries, headers, and how CMake and pkg-config find them.
include(CMakePackageConfigHelpers)

set(installed_targets posy_engine)
set(installed_headers posy.h posy.hpp status.def)
set(posy_with_threads OFF)
set(pkg_config_libs "-lposy -lm")
if(TARGET posy_threads)
  list(APPEND installed_targets posy_threads)
  list(APPEND installed_headers posy_threads.h)
  set(posy_with_threads ON)
  set(pkg_config_libs "-lposy_threads ${pkg_config_libs} -pthread")
endif()
install(TARGETS ${installed_targets} EXPORT posy-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(FILES ${installed_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/posy COMPONENT development)

# find_package(posy CONFIG): posy::engine and posy::threads.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/posy)
install(EXPORT posy-targets NAMESPACE posy:: DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(posy-config.cmake.in posy-config.cmake INSTALL_DESTINATION ${package_folder})
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(posy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/posy-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/posy-config-version.cmake
  DESTINATION ${package_folder} COMPONENT development)

# pkg-config posy. The paths are relative to the file, so that the tree may be installed anywhere and moved.
file(RELATIVE_PATH pkg_config_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" pkg_config_prefix "${pkg_config_prefix}")
configure_file(posy.pc.in posy.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/posy.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
