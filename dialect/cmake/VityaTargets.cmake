# How every target of the compiler is built: include paths, warnings, and one precompiled header.

# MLIR and LLVM come without RTTI and exceptions; asserts follow the build type.
add_library(vitya_options INTERFACE)
target_include_directories(vitya_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_include_directories(vitya_options SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(vitya_options INTERFACE ${LLVM_DEFINITIONS_LIST} VITYA_VERSION="${PROJECT_VERSION}")
target_compile_options(vitya_options INTERFACE -Wall -Wextra -Wno-unused-parameter)

# AddressSanitizer and UndefinedBehaviorSanitizer on our code, and the fuzzers of test/fuzz.
option(VITYA_SANITIZE "Build with sanitizers and fuzzers (Clang)" OFF)
add_library(vitya_sanitizers INTERFACE)
if(VITYA_SANITIZE)
  # MLIR is built without RTTI, which the vptr check needs.
  set(VITYA_SANITIZER_FLAGS -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize=vptr -fno-sanitize-recover=all
                            -fno-omit-frame-pointer)
  target_compile_options(vitya_sanitizers INTERFACE ${VITYA_SANITIZER_FLAGS})
  target_link_options(vitya_sanitizers INTERFACE ${VITYA_SANITIZER_FLAGS})
endif()
target_link_libraries(vitya_options INTERFACE vitya_sanitizers)

# vitya_add_library(NAME sources... [LINK libs...] [DEPENDS targets...])
#
# A static library of the compiler, without RTTI and exceptions, as MLIR is. It is also linked as a whole against only the
# libraries in LINK, so the linker rejects a reference to a library of a higher floor.
function(vitya_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC vitya_options ${ARG_LINK})
  target_compile_options(${name} PRIVATE -fno-rtti -fno-exceptions)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT VITYA_SANITIZE) # the symbols of the sanitizers are in executables only
    # A program and no shared library, because the static libraries that decode pictures are not relocatable.
    add_executable(${name}Closed ${PROJECT_SOURCE_DIR}/dialect/cmake/Empty.cpp)
    target_link_libraries(${name}Closed PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${name}>)
    set_target_properties(${name}Closed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/closed)
  endif()
endfunction()

# vitya_add_pass_library(NAME sources... LINK libs...): the library of a folder of passes. Their declarations are generated
# from the Passes.td of the folder, and registerNAMEPasses() registers them. Enums of options (passes/EnumOption.td) go to
# PassEnums.*.inc.
function(vitya_add_pass_library name)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  mlir_tablegen(PassEnums.h.inc -gen-enum-decls)
  mlir_tablegen(PassEnums.cpp.inc -gen-enum-defs)
  add_public_tablegen_target(${name}PassesIncGen)
  vitya_add_library(${name} ${ARGN} DEPENDS ${name}PassesIncGen)
  vitya_use_pch(${name})
endfunction()

# vitya_add_tool(NAME sources... LINK libs...): an installed program linked with the one MLIR shared library.
function(vitya_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE vitya_options ${ARG_LINK} MLIR LLVM)
  vitya_use_pch(${name})
  set_property(GLOBAL APPEND PROPERTY VITYA_TEST_DEPENDS ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# vitya_use_libtorch(NAME sources...): the sources of library NAME that include LibTorch's headers, with the RTTI and the
# exceptions that these need. They must not define classes derived from LLVM's, which have no RTTI.
function(vitya_use_libtorch name)
  add_library(${name}Torch OBJECT ${ARGN})
  set_target_properties(${name}Torch PROPERTIES CXX_STANDARD ${LIBTORCH_STANDARD})
  target_link_libraries(${name}Torch PRIVATE vitya_options LibTorch::LibTorch)
  target_sources(${name} PRIVATE $<TARGET_OBJECTS:${name}Torch>)
  target_link_libraries(${name} PUBLIC LibTorch::LibTorch)
endfunction()

# vitya_use_pch(NAME): compile NAME with the precompiled MLIR header, which the dialect library owns. All that use it are
# compiled with the same options, programs too.
function(vitya_use_pch name)
  target_precompile_headers(${name} REUSE_FROM VityaDialect)
  get_target_property(type ${name} TYPE)
  if(type STREQUAL EXECUTABLE)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF) # which would be -fPIE
    target_compile_options(${name} PRIVATE -fPIC -fno-rtti -fno-exceptions)
  endif()
endfunction()
