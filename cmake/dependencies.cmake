# Debian's packages (packaging/setup.sh installs them). yaml-cpp, fmt and spdlog go in statically or as headers: loading
# libstdc++ and friends as shared libraries would double the manager's memory.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(sdbus-c++ REQUIRED)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(LIBCAP REQUIRED IMPORTED_TARGET libcap)

find_library(YAML_CPP_STATIC libyaml-cpp.a REQUIRED)
find_path(YAML_CPP_INCLUDE yaml-cpp/yaml.h REQUIRED)
add_library(svcd_yaml_cpp INTERFACE)
target_link_libraries(svcd_yaml_cpp INTERFACE ${YAML_CPP_STATIC})
target_include_directories(svcd_yaml_cpp SYSTEM INTERFACE ${YAML_CPP_INCLUDE})
