# libdim as a CMake package: find_package(dim), then link dim::engine (or a layer left of it).
