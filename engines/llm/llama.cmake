# Read by CMake at the start of each project, see CMAKE_PROJECT_INCLUDE in .cargo/config.toml. Leaves out of llama.cpp what the
# engine does not link: its utilities (about a fifth of the processor time of the whole build) and their HTTP client.
if(PROJECT_NAME STREQUAL "llama.cpp")
  set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
  cmake_language(DEFER CALL set_property TARGET cpp-httplib PROPERTY EXCLUDE_FROM_ALL ON)
endif()
