# Read by CMake at the start of each project, see CMAKE_PROJECT_INCLUDE in .cargo/config.toml. Leaves out of llama.cpp its
# utilities, which the engine does not link: almost half of what there is to compile.
if(PROJECT_NAME STREQUAL "llama.cpp")
  set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
endif()
