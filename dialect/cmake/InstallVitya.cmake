# `cmake --install` also installs what a pass outside this tree needs: the headers and the package that find_package(Vitya)
# reads.
include(CMakePackageConfigHelpers)
foreach(root ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  install(
    DIRECTORY ${root}/dialect ${root}/passes
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vitya
    FILES_MATCHING
    PATTERN "*.h"
    PATTERN "*.inc"
    PATTERN "*.td"
    PATTERN "CMakeFiles" EXCLUDE)
endforeach()
set(VITYA_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/vitya)
configure_package_config_file(
  dialect/cmake/VityaConfig.cmake.in ${PROJECT_BINARY_DIR}/VityaConfig.cmake INSTALL_DESTINATION ${VITYA_PACKAGE_DIR}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/VityaConfigVersion.cmake COMPATIBILITY ExactVersion)
install(FILES ${PROJECT_BINARY_DIR}/VityaConfig.cmake ${PROJECT_BINARY_DIR}/VityaConfigVersion.cmake
        DESTINATION ${VITYA_PACKAGE_DIR})
