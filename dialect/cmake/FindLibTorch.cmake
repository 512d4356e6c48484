# Finds LibTorch: Debian's libtorch-dev, or a newer one in VITYA_LIBTORCH, the folder `torch` of an installed Python
# package. Defines the target LibTorch::LibTorch. A LibTorch with CUDA is linked so that it can use it.
set(VITYA_LIBTORCH "" CACHE PATH "Folder of a LibTorch, with include/ and lib/ (empty: the system's)")
find_path(LIBTORCH_API_DIR torch/torch.h HINTS ${VITYA_LIBTORCH}/include
          PATH_SUFFIXES torch/csrc/api/include)
find_path(LIBTORCH_INCLUDE_DIR ATen/ATen.h HINTS ${VITYA_LIBTORCH}/include)
find_library(LIBTORCH_LIBRARY torch_cpu HINTS ${VITYA_LIBTORCH}/lib)
find_library(LIBTORCH_CUDA_LIBRARY torch_cuda HINTS ${VITYA_LIBTORCH}/lib)
find_library(LIBC10_LIBRARY c10 HINTS ${VITYA_LIBTORCH}/lib)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LIBTORCH_LIBRARY LIBC10_LIBRARY LIBTORCH_API_DIR
                                                         LIBTORCH_INCLUDE_DIR)
mark_as_advanced(LIBTORCH_API_DIR LIBTORCH_INCLUDE_DIR LIBTORCH_LIBRARY LIBTORCH_CUDA_LIBRARY LIBC10_LIBRARY)
if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LIBTORCH_API_DIR} ${LIBTORCH_INCLUDE_DIR})
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LIBTORCH_LIBRARY} ${LIBC10_LIBRARY})
  if(LIBTORCH_CUDA_LIBRARY)
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,--no-as-needed ${LIBTORCH_CUDA_LIBRARY} -Wl,--as-needed)
  endif()
endif()
